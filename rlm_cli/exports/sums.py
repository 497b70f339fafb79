"""Cost, tokens and time of calls, summed: by depth, by model, by call site."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from rlm_cli import figures
from rlm_cli.exports.trajectory import Call, Trajectory


@dataclass(slots=True)
class Sums:
    """Sums over calls. `seconds` are those of the calls, one after another."""

    calls: int = 0
    failed: int = 0
    memo: int = 0
    retries: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, calls: Iterable[Call]) -> Sums:
        sums = cls()
        for call in calls:
            sums.add(call)
        return sums

    def add(self, call: Call) -> None:
        done = call.finished
        self.calls += 1
        self.failed += call.failed is not None
        self.memo += call.memo
        self.retries += len(call.retries)
        self.seconds += call.seconds
        self.cost_usd += call.cost or 0.0
        if done is not None:
            self.input_tokens += done.input_tokens
            self.cached_tokens += done.cached_tokens
            self.output_tokens += done.output_tokens
            self.unpriced += done.cost is None and not call.memo

    @property
    def money(self) -> str:
        """`$0.012`; what nobody knows is never shown as nothing."""
        if self.unpriced:
            return f"{figures.money(self.cost_usd)} and some unknown" if self.cost_usd else "cost unknown"
        return figures.money(self.cost_usd)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"cost_usd": round(self.cost_usd, 6), "seconds": round(self.seconds, 3)}


def _grouped(run: Trajectory, key: Callable[[Call], str]) -> dict[str, Sums]:
    groups: dict[str, Sums] = {}
    for call in run.calls.values():
        groups.setdefault(key(call), Sums()).add(call)
    return groups


def by_model(run: Trajectory) -> dict[str, Sums]:
    return _grouped(run, lambda call: call.asked.model)


def by_depth(run: Trajectory) -> dict[str, Sums]:
    """The root's own calls, then those that its cells make, then those of children."""

    def key(call: Call) -> str:
        depth = call.asked.node.count(".") + (call.asked.cell is not None)
        return f"{depth} {'sub-calls' if call.asked.cell is not None else call.asked.purpose}"

    return dict(sorted(_grouped(run, key).items()))


def by_site(run: Trajectory) -> dict[str, Sums]:
    """The lines of cells that made calls, the dearest first."""

    def key(call: Call) -> str:
        asked = call.asked
        if asked.cell is None:
            return ""
        line = f" line {asked.site}" if asked.site is not None else ""
        cell = run.cells.get(asked.cell)
        return f"{asked.cell}{line}  {cell.title if cell else ''}".rstrip()

    groups = _grouped(run, key)
    groups.pop("", None)
    return dict(sorted(groups.items(), key=lambda item: (-item[1].cost_usd, -item[1].input_tokens)))
