"""Lines with a date, a user and a message whose kind is not written: what `oolong` and `pairs` ask about.

The form is OOLONG's (arXiv:2511.02817): the label of a line is in its meaning alone, four lines in five come from a
fifth of the users, and dates are even over forty months. Labels and messages are ours: what people write to a library.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from rlm_cli.bench.task import BYTES_PER_TOKEN

FILE = "messages.txt"
LABELS = ("opening hours", "lost property", "loan or return", "event", "technical fault", "complaint about people")
_FIRST_DAY = date(2020, 1, 1)
_DAYS = 40 * 30
_SHARE = 0.95  # of the length that was asked for
_BUSY = 0.2  # of the users
_BUSY_LINES = 0.8  # of the lines
_LINE = re.compile(r"Date: (\d{4}-\d\d-\d\d) \|\| User: (\d+) \|\| Message: (.*)")

_TEMPLATES: dict[str, tuple[str, ...]] = {
    "opening hours": (
        "Can I still get in after eight on {day}s?",
        "Is anybody there on the {number}th, with the holiday and all?",
        "Until when are the doors unlocked on {day}?",
        "I work late; when is the latest I could come by on a {day}?",
        "Do you shut over lunch?",
        "From what time on could my class come in on {day}?",
    ),
    "lost property": (
        "I left my {colour} {thing} on the second floor.",
        "Has someone handed in a {thing} with a {colour} strap?",
        "My daughter came home without her {thing}; she was with you on {day}.",
        "There is a {colour} {thing} lying under the table by the window, not mine.",
        "My {thing} must have slipped out of the bag near the stairs.",
        "Found: one {colour} {thing}. I gave it to the desk.",
    ),
    "loan or return": (
        "May I keep the {subject} atlas for two more weeks?",
        "I dropped the {subject} volume into the box on {day}; please take it off my card.",
        "How many books about {subject} can one card hold at a time?",
        "Please put the new book on {subject} aside for me.",
        "The reminder says I still have the {subject} reader, which I brought back.",
        "What do I owe for the {subject} guide that I had too long?",
    ),
    "event": (
        "Are there seats left for the reading on {day}?",
        "Who is giving the talk on {subject}?",
        "Our choir would like to sing in your hall on a {day}.",
        "Is the {subject} workshop meant for beginners?",
        "The children loved the puppet play; will it come again?",
        "Where do I sign up for the evening about {subject}?",
    ),
    "technical fault": (
        "The printer on the first floor eats every second page.",
        "Your site logs me out whenever I search for {subject}.",
        "The lift stops between floors since {day}.",
        "The screen at place {number} stays black.",
        "I cannot open the e-book on {subject}; it says error {number}.",
        "The wireless works in the lobby and nowhere else.",
    ),
    "complaint about people": (
        "The man at the desk rolled his eyes when I asked about {subject}.",
        "A group in the reading room talked loudly all {day}.",
        "Someone keeps reserving the good chair with a jacket and goes away for hours.",
        "I was told off in front of my son for a whisper.",
        "Two visitors were eating fish at the {subject} shelf.",
        "The guard followed me around on {day} as if I were a thief.",
    ),
}
_FILLERS: dict[str, tuple[str, ...]] = {
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    "colour": ("blue", "green", "red", "grey", "yellow", "brown", "white"),
    "thing": ("scarf", "umbrella", "purse", "cap", "key ring", "lunch box", "glove", "water bottle"),
    "subject": ("bees", "sailing", "glass", "chess", "volcanoes", "the Romans", "bread", "tax law", "moss", "railways"),
}
# What someone with an hour and no model would write: enough to be a floor, and wrong about every fourth line.
_RULES: tuple[tuple[str, str], ...] = (
    (r"scarf|umbrella|purse|cap\b|key ring|lunch box|glove|water bottle", "lost property"),
    (r"book|atlas|volume|reader|guide|card", "loan or return"),
    (r"printer|site|lift|screen|error|wireless", "technical fault"),
    (r"talk|reading|workshop|choir|play|evening", "event"),
    (r"when|until|time|after eight|shut|holiday", "opening hours"),
)


class Line(NamedTuple):
    """One message. `label` is its kind, which the file does not say."""

    day: date
    user: int
    label: str
    text: str


def lines(seed: str, tokens: int, *, users: int = 60_000) -> Iterator[Line]:
    """Messages that fill 95 % of `tokens`, of at most so many `users`. The same for the same arguments."""
    chance = random.Random(seed)
    weights = [math.exp(chance.randint(0, 4) / 3) for _ in LABELS]
    count = max(8, tokens * BYTES_PER_TOKEN // 900)
    known = chance.sample(range(10_000, 100_000), min(count, users))
    busy = max(1, round(len(known) * _BUSY))
    size = 0
    while size < _SHARE * tokens * BYTES_PER_TOKEN:
        label = chance.choices(LABELS, weights)[0]
        fillers = {word: chance.choice(values) for word, values in _FILLERS.items()}
        text = chance.choice(_TEMPLATES[label]).format(**fillers, number=chance.randint(2, 28))
        often = chance.random() < _BUSY_LINES
        user = known[chance.randrange(busy)] if often else known[chance.randrange(busy, len(known))]
        line = Line(_FIRST_DAY + timedelta(days=chance.randrange(_DAYS)), user, label, text)
        size += len(written(line))
        yield line


def written(line: Line) -> str:
    """A message as the file holds it."""
    return f"Date: {line.day} || User: {line.user} || Message: {line.text}\n"


def guessed(folder: Path) -> Iterator[Line]:
    """The messages of a file with the kinds that a few rules give them: a floor for what a model should do better."""
    with (folder / FILE).open(encoding="utf-8") as file:
        for row in file:
            if (found := _LINE.match(row)) is not None:
                yield Line(date.fromisoformat(found[1]), int(found[2]), by_rule(found[3]), found[3])


def by_rule(text: str) -> str:
    """The kind of a message by the words in it."""
    lowered = text.lower()
    return next((label for pattern, label in _RULES if re.search(pattern, lowered)), LABELS[-1])


def about() -> str:
    """What a question has to say about the input first."""
    return (
        "Each line of the input is a message that a user sent to a library, with its date. By its meaning a message is "
        f"of exactly one of these kinds: {', '.join(LABELS)}. The kind is not written in the input: it has to be "
        "judged from the text of the message."
    )
