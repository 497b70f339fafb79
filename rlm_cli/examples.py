"""Worked examples of a prompt pack, and which of them a question is shown.

A weak model copies the code of the example that stands nearest to its task, whatever the task is; measured with a model
of 1.5 billion parameters. So the examples are chosen by the question, as nearest neighbours (Liu et al., 2022,
arXiv:2101.06804), by patterns in the place of embeddings, and the one that fits best stands last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Example:
    """A question, its input as it would be described, and the turns: what was printed, the code that follows.

    `when` finds what a question must say for the example to be shown; None: it always is.
    """

    question: str
    input: str
    turns: tuple[tuple[str, str], ...]
    when: re.Pattern[str] | None = None

    @staticmethod
    def of(data: Mapping[str, Any]) -> Example:
        """The example in a pack's file. Raises ValueError that says what is wrong with it."""
        wrong = sorted(set(data) - {"question", "input", "turns", "when"})
        if wrong:
            raise ValueError(f"it knows no {wrong[0]!r}")
        question, about, turns, when = (data.get(key) for key in ("question", "input", "turns", "when"))
        if not isinstance(question, str) or not isinstance(about, str) or not isinstance(turns, list) or not turns:
            raise ValueError("it needs question, input and turns")
        for turn in turns:
            fits = isinstance(turn, dict) and set(turn) <= {"output", "code"} and isinstance(turn.get("code"), str)
            if not fits or not isinstance(turn.get("output", ""), str):
                raise ValueError("a turn is a text `code`, and a text `output` before all but the first")
        try:
            found = None if when is None else re.compile(when, re.IGNORECASE)
        except (re.error, TypeError) as error:
            raise ValueError(f"its `when` is no pattern: {error}") from None
        made = tuple((turn.get("output", "").strip("\n"), turn["code"].strip("\n")) for turn in turns)
        return Example(question, about, made, found)

    def fit(self, question: str) -> int:
        """How many different things `when` finds in `question`."""
        return 0 if self.when is None else len({found[0].lower() for found in self.when.finditer(question)})


def chosen(examples: Sequence[Example], question: str, most: int) -> list[Example]:
    """Those without `when`, then at most `most` of the others that fit `question`, the best one last.

    Of two that fit as well, the later one in the pack stands later.
    """
    always = [example for example in examples if example.when is None]
    fitting = [(example.fit(question), place) for place, example in enumerate(examples)]
    best = sorted(pair for pair in fitting if pair[0])[-most:] if most else []
    return always + [examples[place] for _, place in best]
