"""Twenty relations between the users of classified messages (OOLONG-Pairs: arXiv:2512.24601, appendix E).

All pairs of users have to be weighed, so the work grows with the square of the input; the score is F1 over the pairs.
Half of the relations want the same of both users, half one thing of one and another of the other.
"""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rlm_cli.bench import messages
from rlm_cli.bench.messages import LABELS, Line
from rlm_cli.bench.task import Task, name, source

Pair = tuple[int, int]
_HOURS, _LOST, _LOAN, _EVENT, _FAULT, _PEOPLE = LABELS
_TURN = date(2021, 9, 1)
_USERS = 1_000  # at most: half a million pairs; without a bound a long input has billions


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of one user: in words, and over the user's messages."""

    words: str
    holds: Callable[[Sequence[Line]], bool]


@dataclass(frozen=True, slots=True)
class Relation:
    """A pair is in it where one user meets `one` and the other meets `other`; both meet `one` where it is None."""

    one: Wish
    other: Wish | None = None

    @property
    def text(self) -> str:
        if self.other is None:
            return f"both users {self.one.words}"
        return f"one of the two users {self.one.words} and the other one {self.other.words}"

    def pairs(self, lines: Iterable[Line]) -> list[Pair]:
        """All pairs in the relation, the lower user first, in order."""
        users: dict[int, list[Line]] = defaultdict(list)
        for line in lines:
            users[line.user].append(line)
        left = {user for user, own in users.items() if self.one.holds(own)}
        right = left if self.other is None else {user for user, own in users.items() if self.other.holds(own)}
        found = {(min(pair), max(pair)) for pair in itertools.product(left, right) if pair[0] != pair[1]}
        return sorted(found)


def _count(lines: Sequence[Line], *labels: str) -> int:
    return sum(line.label in labels for line in lines)


def _some(label: str) -> Wish:
    return Wish(f"sent at least one message of the kind `{label}`", lambda lines: _count(lines, label) > 0)


def _either(one: str, other: str) -> Wish:
    words = f"sent at least one message of the kind `{one}` or `{other}`"
    return Wish(words, lambda lines: _count(lines, one, other) > 0)


def _both(one: str, other: str) -> Wish:
    words = f"sent at least one message of the kind `{one}` and at least one of the kind `{other}`"
    return Wish(words, lambda lines: _count(lines, one) > 0 < _count(lines, other))


def _exactly(label: str, count: int) -> Wish:
    words = f"sent exactly {count} message{'s' * (count != 1)} of the kind `{label}`"
    return Wish(words, lambda lines: _count(lines, label) == count)


def _least(label: str, count: int) -> Wish:
    words = f"sent at least {count} messages of the kind `{label}`"
    return Wish(words, lambda lines: _count(lines, label) >= count)


def _without(some: str, none: str) -> Wish:
    words = f"sent at least one message of the kind `{some}` and none of the kind `{none}`"
    return Wish(words, lambda lines: _count(lines, some) > 0 == _count(lines, none))


def _late(label: str) -> Wish:
    words = f"sent at least one message of the kind `{label}`, and all of that kind on {_TURN} or later"
    return Wish(words, lambda lines: _dated(lines, label, lambda day: day >= _TURN))


def _early(label: str) -> Wish:
    words = f"sent at least one message of the kind `{label}`, and all of that kind before {_TURN}"
    return Wish(words, lambda lines: _dated(lines, label, lambda day: day < _TURN))


def _dated(lines: Sequence[Line], label: str, right: Callable[[date], bool]) -> bool:
    days = [line.day for line in lines if line.label == label]
    return bool(days) and all(map(right, days))


RELATIONS: tuple[Relation, ...] = (
    Relation(_either(_HOURS, _EVENT)),
    Relation(_either(_LOST, _LOAN)),
    Relation(_both(_LOAN, _FAULT)),
    Relation(_both(_EVENT, _PEOPLE)),
    Relation(_some(_PEOPLE)),
    Relation(_exactly(_LOST, 1)),
    Relation(_least(_EVENT, 2)),
    Relation(_without(_FAULT, _LOAN)),
    Relation(_late(_HOURS)),
    Relation(_early(_LOAN)),
    Relation(_some(_HOURS), _some(_FAULT)),
    Relation(_exactly(_EVENT, 1), _some(_PEOPLE)),
    Relation(_both(_LOST, _LOAN), _some(_EVENT)),
    Relation(_least(_LOAN, 2), _exactly(_FAULT, 1)),
    Relation(_without(_EVENT, _HOURS), _without(_HOURS, _EVENT)),
    Relation(_late(_FAULT), _early(_FAULT)),
    Relation(_early(_PEOPLE), _some(_LOAN)),
    Relation(_either(_FAULT, _PEOPLE), _exactly(_LOAN, 1)),
    Relation(_least(_LOST, 2), _late(_EVENT)),
    Relation(_both(_HOURS, _LOAN), _without(_LOST, _FAULT)),
)


def make(seed: int, tokens: int, number: int) -> Task:
    """The task of that number: the relations in turn, twenty over one text."""
    text_seed = f"pairs/{tokens}/{seed}/{number // len(RELATIONS)}"
    offset = source(seed, "pairs", tokens, number // len(RELATIONS)).randrange(len(RELATIONS))
    relation = RELATIONS[(number * 7 + offset) % len(RELATIONS)]
    lines = list(messages.lines(text_seed, tokens, users=_USERS))
    users = sorted({line.user for line in lines})
    return Task(
        name=name("pairs", tokens, number),
        kind="pairs",
        tokens=tokens,
        question=f"{messages.about()}\n\nList all pairs of different users such that {relation.text}. Write each pair "
        "as `(lower number, higher number)`, one pair a line, and nothing else.",
        scoring="pairs",
        gold=[list(pair) for pair in relation.pairs(lines)],
        files=lambda: [
            (messages.FILE, (messages.written(line) for line in messages.lines(text_seed, tokens, users=_USERS)))
        ],
        floors={
            "random": lambda _, chance: _written(_some_of(users, chance)),
            "all-pairs": lambda _, __: _written(itertools.combinations(users, 2)),
            "rule": lambda folder, _: _ruled(folder, relation),
        },
    )


def _some_of(users: Sequence[int], chance: random.Random) -> list[Pair]:
    return [pair for pair in itertools.combinations(users, 2) if chance.random() < 0.5]


def _ruled(folder: Path, relation: Relation) -> str:
    return _written(relation.pairs(messages.guessed(folder)))


def _written(pairs: Iterable[Pair]) -> str:
    return "\n".join(f"({one}, {other})" for one, other in pairs)
