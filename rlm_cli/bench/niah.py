"""One needle in a haystack, in the form of RULER's `niah_single` (arXiv:2404.06654): a key, a number of seven digits.

Forty depths, from the first sentence to the last; the score is whether the number stands in the answer.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from rlm_cli.bench import vocabulary
from rlm_cli.bench.task import BYTES_PER_TOKEN, Task, name, source

DEPTHS = 40
_PARAGRAPH = 8  # sentences


def make(seed: int, tokens: int, number: int) -> Task:
    """The task of that number: the depth goes round the forty, in an order that spreads early ones."""
    chance = source(seed, "niah", tokens, number)
    key = f"{chance.choice(vocabulary.ADJECTIVES)} {chance.choice(vocabulary.NOUNS)}"
    value = str(chance.randrange(1_000_000, 10_000_000))
    needle = f"Note that the entry code of the {key} is {value}."
    depth = number * 17 % DEPTHS / (DEPTHS - 1)
    within = chance.random()

    def text() -> Iterator[str]:
        yield from _haystack(random.Random(within), needle, depth, tokens * BYTES_PER_TOKEN)

    return Task(
        name=name("niah", tokens, number),
        kind="niah",
        tokens=tokens,
        question=f"What is the entry code of the {key}? Reply with the number.",
        scoring="contains",
        gold=[value],
        files=lambda: [("haystack.txt", text())],
        floors={
            "random": lambda _, chance: str(chance.randrange(1_000_000, 10_000_000)),
            "rule": lambda folder, _: _by_rule(folder, key),
        },
    )


def _haystack(chance: random.Random, needle: str, depth: float, size: int) -> Iterator[str]:
    written, placed, paragraph = 0, False, 0
    room = size - len(needle) - 1
    while True:
        if not placed and written >= depth * room - 1:
            placed = True
            yield needle + " "
        if written >= room:
            break
        paragraph += 1
        piece = vocabulary.sentence(chance) + ("\n" if paragraph % _PARAGRAPH == 0 else " ")
        written += len(piece)
        yield piece
    yield "\n"


def _by_rule(folder: Path, key: str) -> str:
    wanted = re.compile(rf"entry code of the {re.escape(key)} is (\d+)")
    with (folder / "haystack.txt").open(encoding="utf-8") as file:
        return next((found[1] for line in file if (found := wanted.search(line))), "")
