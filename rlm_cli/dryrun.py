"""--dry-run: what would be read, what was left out and why, the caps, and what one pass over it would take."""

from __future__ import annotations

import json
from typing import Any

from rlm_cli.context.corpus import Corpus
from rlm_cli.description import BYTES_PER_TOKEN
from rlm_cli.figures import allowance, money, number, plural, size, tokens
from rlm_cli.ledger import Limits
from rlm_cli.models import Model
from rlm_cli.terminal import clean


def estimate(corpus: Corpus, root: Model, sub: Model, limits: Limits, *, as_json: bool = False) -> str:
    """The report, as text or as one JSON object. Spends nothing, opens no connection."""
    count = corpus.bytes_total // BYTES_PER_TOKEN
    if as_json:
        found: dict[str, Any] = {
            "files": [{"path": corpus.name(file), "bytes": corpus.size(file)} for file in range(len(corpus))],
            "bytes": corpus.bytes_total,
            "tokens_estimate": count,
            "skipped_by_reason": dict(corpus.skipped),
            "skipped_examples": {reason: list(names) for reason, names in corpus.examples.items()},
            "model": root.name,
            "sub_model": sub.name,
            "limits": limits.to_json(),
        }
        return json.dumps(found, separators=(",", ":")) + "\n"
    width = max(len(size(corpus.size(file))) for file in range(len(corpus)))
    lines = [f"{size(corpus.size(file)):>{width}}  {clean(corpus.name(file))}" for file in range(len(corpus))]
    lines.append("")
    lines.append(f"{plural(len(corpus), 'file')}, {size(corpus.bytes_total)}, about {tokens(count)} tokens")
    for reason, left_out in sorted(corpus.skipped.items(), key=lambda item: -item[1]):
        names = ", ".join(clean(name) for name in corpus.examples.get(reason, [])[:3])
        lines.append(f"left out: {number(left_out)} {reason}" + (f" ({names}, …)" if names else ""))
    # A small input is read by the root model, a large one by sub-calls.
    for what, model in {root.name: ("model", root), sub.name: ("sub-model", sub)}.values():
        cost = "price unknown: --max-tokens guards"
        if model.price is not None:
            cost = f"reading all of it once would cost about {money(count * model.price.input / 1e6)}"
        lines.append(f"{what} {model.name}; {cost}")
    lines.append(f"caps: {_caps(limits)}")
    return "\n".join(lines) + "\n"


def _caps(limits: Limits) -> str:
    said = [
        None if limits.max_cost is None else money(limits.max_cost),
        None if limits.max_time is None else allowance(limits.max_time),
        plural(limits.max_turns, "turn"),
        None if limits.max_calls is None else plural(limits.max_calls, "call"),
        None if limits.max_tokens is None else f"{tokens(limits.max_tokens)} tokens",
    ]
    return ", ".join(part for part in said if part)
