"""What a benchmark found, as Markdown and as plain values: scores with their intervals, and what they took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from statistics import fmean
from typing import Any

from rlm_cli.bench.kinds import KINDS
from rlm_cli.bench.methods import METHODS
from rlm_cli.bench.plan import Plan
from rlm_cli.bench.results import Result
from rlm_cli.bench.scores import interval, percentile
from rlm_cli.bench.task import shown
from rlm_cli.figures import duration, money, tokens

_HEADINGS = (
    *("method", "score", "95 %", "tasks", "cost", "root tokens", "sub tokens", "calls", "turns", "p50", "p95"),
    *("partial", "failed", "searched", "read"),
)


def rows(results: Iterable[Result]) -> list[dict[str, Any]]:
    """A row for each kind, length, method and model: means over its tasks, in the order of the tables."""
    order = {name: place for place, name in enumerate(KINDS)}
    methods = {name: place for place, name in enumerate(METHODS)}

    def place(result: Result) -> tuple[int, int, str, int]:
        return order[result.kind], result.tokens, result.model or "~", methods[result.method]

    known = sorted((result for result in results if result.kind in order and result.method in methods), key=place)
    return [_row(list(group)) for _, group in groupby(known, key=place)]


def _row(group: Sequence[Result]) -> dict[str, Any]:
    first, scores = group[0], [result.score for result in group]
    low, high = interval(scores)
    costs = [result.cost for result in group if result.cost is not None]
    seconds = [result.seconds for result in group]
    return {
        "kind": first.kind,
        "tokens": first.tokens,
        "method": first.method,
        "model": first.model,
        "tasks": len(group),
        "score": round(fmean(scores), 4),
        "score_low": round(low, 4),
        "score_high": round(high, 4),
        "cost_usd": round(fmean(costs), 6) if len(costs) == len(group) else None,
        "root_tokens": round(fmean(result.root_tokens for result in group)),
        "sub_tokens": round(fmean(result.sub_tokens for result in group)),
        "calls": round(fmean(result.calls for result in group), 1),
        "turns": round(fmean(result.turns for result in group), 1),
        "seconds_p50": round(percentile(seconds, 0.5), 3),
        "seconds_p95": round(percentile(seconds, 0.95), 3),
        "partial": round(fmean(result.status == "partial" for result in group), 3),
        "failed": round(fmean(result.status == "failed" for result in group), 3),
        "searched": round(fmean(result.searched for result in group), 3),
        "read": round(fmean(result.read for result in group), 3),
    }


def markdown(plan: Plan, results: Sequence[Result], *, spent: float, unpaid: int) -> str:
    """The report. `spent` in dollars; `unpaid`: trials that the budget did not reach."""
    lines = ["# rlm bench", "", plan.sentence() + ".", ""]
    if unpaid:
        lines += [f"**Partial**: the budget ended before {unpaid} trials. Raise --max-cost to do them.", ""]
    lines += [*_tables(rows(results)), *_failures(results), f"Spent {money(spent)} in all.", ""]
    return "\n".join(lines)


def _tables(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    for (kind, length), group in groupby(found, key=lambda row: (row["kind"], row["tokens"])):
        yield f"## {kind} at {shown(length)} tokens: {KINDS[kind].about}"
        for model, rest in groupby(group, key=lambda row: row["model"]):
            yield f"\n{f'Model `{model}`' if model else 'Without a model'}\n"
            yield "| " + " | ".join(_HEADINGS) + " |"
            yield "|---" + "|---:" * (len(_HEADINGS) - 1) + "|"
            for row in rest:
                yield "| " + " | ".join(_cells(row)) + " |"
        yield ""


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        row["method"],
        f"{100 * row['score']:.0f}",
        f"{100 * row['score_low']:.0f} to {100 * row['score_high']:.0f}",
        str(row["tasks"]),
        "unknown" if row["cost_usd"] is None else money(row["cost_usd"]),
        tokens(row["root_tokens"]),
        tokens(row["sub_tokens"]),
        f"{row['calls']:g}",
        f"{row['turns']:g}",
        duration(row["seconds_p50"]),
        duration(row["seconds_p95"]),
        _share(row["partial"]),
        _share(row["failed"]),
        _share(row["searched"]),
        _share(row["read"]),
    ]


def _failures(results: Iterable[Result]) -> Iterator[str]:
    failed = [result for result in results if result.status == "failed" and result.error]
    if failed:
        yield "## Failed\n"
        for result in failed[:20]:
            yield f"- `{result.trial}`: {' '.join(result.error.split())[:200]}"
        if len(failed) > 20:
            yield f"- and {len(failed) - 20} more: see results.jsonl"
        yield ""


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"
