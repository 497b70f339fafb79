"""What a plan would cost, before a cent of it is spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rlm_cli.bench.methods import METHODS
from rlm_cli.bench.plan import Plan
from rlm_cli.choosing import choose_models
from rlm_cli.figures import money, tokens
from rlm_cli.settings import load

_SEARCHED = 16_000  # tokens that strategy search reads at most
_REPLY = 500  # tokens of a reply, roughly
_READ: Mapping[str, float] = {
    **dict.fromkeys(("direct", "head", "tail", "head-tail", "codeact"), 1.0),
    "map": 1.2,  # the source before each line, and the merge
    "compaction": 1.2,
}
"""How often a method reads the input. The others decide for themselves: only their cap is known."""


def estimate(plan: Plan, share: float | None) -> list[dict[str, Any]]:
    """A row for each method that calls a model, and each model. Nothing is sent; no key is needed.

    `share`: dollars that one trial may take. Values are sums over the trials; `cost_usd` is None where the price is not
    known, and for methods whose work is theirs to decide.
    """
    return list(_rows(plan, share))


def _rows(plan: Plan, share: float | None) -> Iterator[dict[str, Any]]:
    trials = len(plan.kinds) * plan.count
    for model in plan.models:
        root, _, _ = choose_models(load({**plan.settings, "model": model, "dry_run": True}), None)
        for method in plan.methods:
            if METHODS[method].strategy is None:
                continue
            read = sum(_tokens(method, length, root.window) for length in plan.lengths) * trials
            known = method in _READ or method == "bm25"
            cost = None
            if root.price is not None and known:
                written = _REPLY * trials * len(plan.lengths)
                cost = (read * root.price.input + written * root.price.output) / 1e6
            yield {
                "method": method,
                "model": root.name,
                "trials": trials * len(plan.lengths),
                "input_tokens": read if known else None,
                "cost_usd": None if cost is None else round(cost, 4),
                "most_usd": None if share is None else round(share * trials * len(plan.lengths), 4),
            }


def _tokens(method: str, length: int, window: int | None) -> int:
    if method == "bm25":
        return min(length, _SEARCHED)
    once = method not in ("map", "compaction")
    fits = length if window is None or not once else min(length, window)
    return round(fits * _READ.get(method, 0.0))


def lines(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The rows for people."""
    return [
        (
            row["method"],
            row["model"],
            f"{row['trials']} trials",
            f"{tokens(row['input_tokens'])} tokens" if row["input_tokens"] is not None else "as many as it takes",
            f"about {money(row['cost_usd'])}" if row["cost_usd"] is not None else "cost unknown",
            "" if row["most_usd"] is None else f"at most {money(row['most_usd'])}",
        )
        for row in rows
    ]
