"""What is no answer, though it was submitted: nothing at all, a placeholder, a plan. Weak models hand in all three.

Each costs the model at most one turn: what is submitted again is taken, since an answer may look like that after all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from rlm_cli.context.words import question_words, stems

_EMPTY = frozenset({"none", "null", "[]", "{}", "()", "set()", "''", '""', "n/a", "(no match)", "..."})
_PLACEHOLDER = re.compile(
    r"[<\[({]?(?:the|your|final|best)?[ _-]?(?:best )?(?:answer|result|value|text)"
    r"(?: (?:here|goes here|you have|to the question|with path:line of where it stands))?[>\])}]?[.…]*",
    re.IGNORECASE,
)
_PLAN = re.compile(
    r"""(?:(?:first|next|now|then|ok|okay|so),?\ )?
        (?:i(?:'ll|\ will|\ need\ to|\ am\ going\ to|'m\ going\ to|\ would|\ should|\ have\ to)
        |let\ me|let's|let\ us|we\ (?:need|should|will|can)|(?:the\ )?(?:next\ )?steps?\ (?:is|are|would)
        |to\ (?:answer|find|determine|solve)\b.{0,80}\b(?:need|will|must|should))\b""",
    re.IGNORECASE | re.VERBOSE,
)
_WORD = re.compile(r"\w+(?:[-./]\w+)*")
_LAST_PART = re.compile(r"(?<=/)\w+(?:[-.]\w+)+")
_SHOWN_LINE = re.compile(r"^\S.*?:\d+: .*$", re.MULTILINE)  # as grep and search show them
_MOST_WORDS = 2 / 3  # of a question, that a line has which may answer it
_MOST_NAMES = 2_000  # that a name is compared with: 20 µs each
_NEAR = 0.5  # how like another a name must be: `ads-api` is 0.53 like `ads-feed`, 0.67 like `cart-api`
_LONGEST_PLAN = 600  # characters; a longer text may begin like a plan and still hold the answer


def unfit(text: str) -> str | None:
    """The name of the pack's word that says why `text` is refused; None where it may be an answer."""
    said = text.strip()
    if not said or said.lower() in _EMPTY or _PLACEHOLDER.fullmatch(said):
        return "refused_empty"
    if len(said) <= _LONGEST_PLAN and _PLAN.match(said):
        return "refused_plan"
    return None


def copied(text: str, marks: Sequence[str], shown: str) -> str | None:
    """The name of a worked example that `text` has and nothing that the run was `shown` has; None where there is none.

    Whoever is refused for it and is right need only print the passage.
    """
    return next((mark for mark in marks if mark in text and mark not in shown), None)


def passed_over(question: str, shown: str) -> str | None:
    """The line with its source, of those that the model was `shown`, that has most words of `question`; None below 2/3.

    A model of 1.5B was shown the line that answers, searched for a phrase that stands nowhere, and reported that there
    is none. The words of its path count: `services/a.yaml:2: owner: team heron` is about services.
    """
    wanted = {key for word in question_words(question) for key in stems(word)}
    lines = dict.fromkeys(_SHOWN_LINE.findall(shown))
    counted = [(len(wanted.intersection(stems(line))), -place, line) for place, line in enumerate(lines)]
    most, _, line = max(counted, default=(0, 0, ""))
    return line if most >= 2 and most >= _MOST_WORDS * len(wanted) else None


def invented(text: str, code: str, shown: str) -> tuple[str, list[str]] | None:
    """A name in `text` that the model typed in `code` though nothing it was `shown` has it, and what is like it there.

    A name has a letter and a digit or a joint: `ads-api`, `m23.py`. None where there is none, or none like it: words of
    the model's own are no names of the input. A model of 1.5B, shown four names, typed three of them and one like them.
    """
    seen = shown.casefold()
    for name in filter(_is_name, _WORD.findall(text)):
        if name in code and name.casefold() not in seen:
            words = _WORD.findall(shown) + _LAST_PART.findall(shown)  # a path is often cited by its last part
            known = list(dict.fromkeys(filter(_is_name, words)))[-_MOST_NAMES:]
            if near := get_close_matches(name, known, n=3, cutoff=_NEAR):
                return name, near
    return None


def _is_name(word: str) -> bool:
    return any(map(str.isalpha, word)) and not word.isalpha()
