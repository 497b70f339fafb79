"""What is compared: the program's own strategies, those of the paper beside it, and answers that need no model."""

from __future__ import annotations

from typing import NamedTuple

from rlm_cli.bench.acting import solve_by_code
from rlm_cli.bench.compacting import solve_by_compaction
from rlm_cli.bench.cutting import keeping
from rlm_cli.bench.reacting import solve_by_reacting
from rlm_cli.strategies import Strategy


class Method(NamedTuple):
    """`strategy`: a word of --strategy, a strategy of our own, or None for a floor, which calls no model."""

    about: str
    strategy: str | Strategy | None = None
    depth: int = 1  # --max-depth


METHODS: dict[str, Method] = {
    "rlm-0": Method("the loop without sub-calls", "rlm", 0),
    "rlm-1": Method("the loop with sub-calls", "rlm", 1),
    "rlm-2": Method("the loop with children of their own sub-calls", "rlm", 2),
    "rlm-3": Method("the loop with children and grandchildren", "rlm", 3),
    "direct": Method("the whole input in one call", "direct"),
    "head": Method("the beginning that fits, in one call", keeping(1, 0)),
    "tail": Method("the end that fits, in one call", keeping(0, 1)),
    "head-tail": Method("both ends that fit, in one call", keeping(0.5, 0.5)),
    "bm25": Method("the best passages of one search, in one call", "search"),
    "map": Method("each part asked, the findings merged", "map"),
    "compaction": Method("part by part with a running summary", solve_by_compaction),
    "react": Method("thoughts and searches in turns", solve_by_reacting),
    "codeact": Method("the input in the prompt, with Python beside it", solve_by_code),
    "random": Method("a guess of the right form"),
    "rule": Method("what a few patterns find, without a model"),
    "all-pairs": Method("every pair there is (pairs alone)"),
}
DEFAULT = ("rlm-1", "direct", "bm25", "map", "random", "rule")
