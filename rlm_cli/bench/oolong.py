"""Counting, user and timeline questions over messages whose kinds have to be judged (OOLONG, arXiv:2511.02817).

Every line counts, so no search finds the answer. Numbers score 0.75^|error|, all else exactly; where several answers
tie, each of them is right.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rlm_cli.bench import messages
from rlm_cli.bench.messages import LABELS, Line
from rlm_cli.bench.task import Task, name, source

_MORE = ("more often than", "less often than", "as often as")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question. `answer` gives what is right over labelled lines: a number, or the answers that tie."""

    text: str
    scoring: str
    answer: Callable[[Sequence[Line]], Any]
    among: tuple[str, ...] = ()  # what a wild guess takes one of


def make(seed: int, tokens: int, number: int) -> Task:
    """The task of that number: the questions take turns through the three groups."""
    chance = source(seed, "oolong", tokens, number)
    text_seed = f"oolong/{tokens}/{seed}/{number // 9}"  # nine questions share a text, as the original's windows do
    lines = list(messages.lines(text_seed, tokens))
    asked = _question(chance, number, lines)
    return Task(
        name=name("oolong", tokens, number),
        kind="oolong",
        tokens=tokens,
        question=f"{messages.about()}\n\n{asked.text} End with a line `Answer: ` and the answer alone.",
        scoring=asked.scoring,
        gold=asked.answer(lines),
        files=lambda: [(messages.FILE, (messages.written(line) for line in messages.lines(text_seed, tokens)))],
        floors={
            "random": lambda _, chance: _wild(asked, chance, len(lines)),
            "rule": lambda folder, _: _told(asked.answer(list(messages.guessed(folder)))),
        },
    )


def _question(chance: random.Random, number: int, lines: Sequence[Line]) -> Asked:
    makers = (_most, _user_number, _before_after, _how_many, _user_most, _month, _compare, _busiest, _before)
    return makers[number % len(makers)](chance, lines)


# --- counting --------------------------------------------------------------------------------------------------------


def _most(chance: random.Random, _: Sequence[Line]) -> Asked:
    rare = chance.random() < 0.5
    word = "least" if rare else "most"
    return Asked(
        f"Which kind is the {word} common among all messages?",
        "exact",
        lambda lines: _extreme({label: _count(lines, label) for label in LABELS}, least=rare),
        LABELS,
    )


def _how_many(chance: random.Random, _: Sequence[Line]) -> Asked:
    label = chance.choice(LABELS)
    text = f"How many of the messages are of the kind `{label}`?"
    return Asked(text, "number", lambda lines: _count(lines, label))


def _compare(chance: random.Random, _: Sequence[Line]) -> Asked:
    one, other = chance.sample(LABELS, 2)
    return Asked(
        f"Does `{one}` occur more often than `{other}`, less often than it, or as often as it? "
        f"Answer with one of: {', '.join(_MORE)}.",
        "exact",
        lambda lines: [_compared(_count(lines, one), _count(lines, other))],
        _MORE,
    )


# --- users -----------------------------------------------------------------------------------------------------------


def _user_number(chance: random.Random, lines: Sequence[Line]) -> Asked:
    user, label = chance.choice(_frequent(lines)), chance.choice(LABELS)
    text = f"How many messages of user {user} are of the kind `{label}`?"
    return Asked(text, "number", lambda lines: _count(_of(lines, user), label))


def _user_most(chance: random.Random, lines: Sequence[Line]) -> Asked:
    user = chance.choice(_frequent(lines))
    return Asked(
        f"Which kind is the most common among the messages of user {user}?",
        "exact",
        lambda lines: _extreme({label: _count(_of(lines, user), label) for label in LABELS}),
        LABELS,
    )


def _busiest(chance: random.Random, lines: Sequence[Line]) -> Asked:
    frequent, label = _frequent(lines), chance.choice(LABELS)
    users = sorted(chance.sample(frequent, min(5, len(frequent))))
    return Asked(
        f"Which of the users {', '.join(map(str, users))} sent the most messages of the kind `{label}`?",
        "exact",
        lambda lines: _extreme({str(user): _count(_of(lines, user), label) for user in users}),
        tuple(map(str, users)),
    )


# --- time ------------------------------------------------------------------------------------------------------------


def _before_after(chance: random.Random, lines: Sequence[Line]) -> Asked:
    label, day = chance.choice(LABELS), chance.choice(lines).day
    return Asked(
        f"Are there more messages of the kind `{label}` before {day}, or on that day and after it? "
        "Answer with one of: before, after, the same.",
        "exact",
        lambda lines: [
            _sided(
                _count([line for line in lines if line.day < day], label),
                _count([line for line in lines if line.day >= day], label),
            )
        ],
        ("before", "after", "the same"),
    )


def _before(chance: random.Random, lines: Sequence[Line]) -> Asked:
    label, day = chance.choice(LABELS), chance.choice(lines).day
    text = f"How many messages of the kind `{label}` were sent before {day}?"
    return Asked(text, "number", lambda lines: _count([line for line in lines if line.day < day], label))


def _month(chance: random.Random, lines: Sequence[Line]) -> Asked:
    label = chance.choice(sorted({line.label for line in lines}))
    months = sorted({_month_of(line) for line in lines})
    return Asked(
        f"In which month were the most messages of the kind `{label}` sent? Write it as YYYY-MM.",
        "exact",
        lambda lines: _extreme(Counter(_month_of(line) for line in lines if line.label == label)),
        tuple(months),
    )


def _count(lines: Iterable[Line], label: str) -> int:
    return sum(line.label == label for line in lines)


def _of(lines: Iterable[Line], user: int) -> list[Line]:
    return [line for line in lines if line.user == user]


def _month_of(line: Line) -> str:
    return f"{line.day:%Y-%m}"


def _frequent(lines: Sequence[Line]) -> list[int]:
    """Users with more than one message, those with most first; at most fifty."""
    return [user for user, count in Counter(line.user for line in lines).most_common(50) if count > 1]


def _extreme(counts: dict[str, int], *, least: bool = False) -> list[str]:
    """All names with the highest (or lowest) count."""
    wanted = (min if least else max)(counts.values(), default=0)
    return sorted(name for name, count in counts.items() if count == wanted)


def _compared(one: int, other: int) -> str:
    return _MORE[0] if one > other else _MORE[1] if one < other else _MORE[2]


def _sided(before: int, after: int) -> str:
    return "before" if before > after else "after" if before < after else "the same"


def _wild(asked: Asked, chance: random.Random, count: int) -> str:
    return f"Answer: {chance.choice(asked.among) if asked.among else chance.randrange(count // 3 + 1)}"


def _told(answer: Any) -> str:
    return f"Answer: {answer[0] if isinstance(answer, list) and answer else json.dumps(answer)}"
