"""The kinds of task: a name, what it is in a phrase, and the function that makes one from (seed, tokens, number)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rlm_cli.bench import code, hops, niah, oolong, pairs
from rlm_cli.bench.task import Task


class Kind(NamedTuple):
    """One kind of task."""

    about: str
    make: Callable[[int, int, int], Task]


KINDS: dict[str, Kind] = {
    "niah": Kind("one number in a haystack", niah.make),
    "oolong": Kind("counting, user and timeline questions over messages of unwritten kinds", oolong.make),
    "pairs": Kind("all pairs of users in a relation, over the same messages", pairs.make),
    "hops": Kind("chains of two to four facts over up to 1,000 documents", hops.make),
    "code": Kind("four choices about the library of the running Python", code.make),
}
