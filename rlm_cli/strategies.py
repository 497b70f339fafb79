"""The roads to an answer, and which one a question takes.

    direct   the whole input in one call: for inputs that fit a window anyway
    search   the passages that a search ranks highest, in one call
    map      the input in parts, each read by a sub-model, then the findings in one call
    rlm      the loop: a model writes code that looks into the input, and other models read what needs reading

All lead to the same kind of answer, with sources and coverage. A strategy is one function and one line in `STRATEGIES`;
the loop itself is `engine.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from rlm_cli.answer import Outcome
from rlm_cli.cells import Shared
from rlm_cli.description import BYTES_PER_TOKEN
from rlm_cli.direct import solve_directly
from rlm_cli.errors import InputError
from rlm_cli.mapping import solve_by_parts
from rlm_cli.retrieval import solve_by_search

DIRECT_TOKENS = 16_000
"""Below about so many tokens the base model beats the loop (the paper, figure 1), and one call is cheaper."""


class Earlier(NamedTuple):
    """A question that was asked before about the same input, and what was answered."""

    question: str
    answer: str
    strategy: str = ""


Strategy = Callable[[Shared, str, Sequence[Earlier], str], Awaitable[Outcome]]
"""(shared, question, earlier ones, node) → outcome. Raises as the gate does."""

STRATEGIES: dict[str, Strategy] = {
    "direct": solve_directly,
    "search": solve_by_search,
    "map": solve_by_parts,
}


def choose(shared: Shared, wanted: str, kept: str) -> tuple[str, str]:
    """The strategy and why, in a line. `wanted` is --strategy; `kept` the one that a run goes on with, or empty.

    Raises InputError where the record of the run names none.
    """
    if kept and kept not in (*STRATEGIES, "rlm"):
        raise InputError(f"the run began with the strategy {kept[:80]!r}, which this rlm does not know", "Ask anew.")
    if kept:
        return kept, "as the run began"
    if wanted != "auto":
        return wanted, "asked for by --strategy"
    files, root = shared.store.files, shared.gate.root
    if root.name.startswith("offline/"):
        return "rlm", "the embedded model works by searching"
    total = sum(files.size(file) for file in range(len(files)))
    most = shared.pack.direct_tokens or DIRECT_TOKENS
    limit = most if root.window is None else min(most, root.window // 2)
    if total <= limit * BYTES_PER_TOKEN:
        return "direct", f"the input is under about {limit:,} tokens, so one call reads all of it"
    if shared.max_turns == 1:
        return "search", "one turn is allowed, so one call reads what a search finds"
    return "rlm", f"the input is over about {limit:,} tokens"
