"""How many tokens a text is, told without the model's tokenizer.

Two figures. `likely` is close to the truth for prose, code and logs (within a fifth for most text). `at_most` is what
money is reserved by: weights per class of byte that lie above what cl100k, o200k and Claude's tokenizer give on code,
logs, JSON, hexadecimal, base64, Chinese, Russian and emoji alike (tests/test_token_counts.py holds both to that). A
real tokenizer is 20 to 100 times slower, is not at hand for most models, and some take minutes on a megabyte of one
letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from rlm_cli.models import Message

MESSAGE: Final = 8
"""Tokens that a message costs beside its text: role and separators. Four in OpenAI's format, up to seven elsewhere."""

SHORT: Final = 4096
"""Characters of a text up to which its count is remembered."""

# (bytes of the class, likely tokens a byte, most tokens a byte)
_CLASSES: Final = (
    (bytes(range(ord("a"), ord("z") + 1)), 0.24, 0.34),
    (bytes(range(ord("A"), ord("Z") + 1)), 0.40, 1.00),  # base64 and constants: a token for each change of case
    (b"0123456789", 0.60, 1.00),  # some tokenizers take digits one by one, others three at a time
    (b" \t", 0.05, 0.20),
    (b"\r\n", 0.40, 1.00),
    (bytes(range(128, 256)), 0.27, 0.72),
)
_OTHER: Final = (0.70, 0.90)  # punctuation and control characters


def count(text: str) -> tuple[int, int]:
    """(likely, at most) tokens of a text. About 3 ms a megabyte and class."""
    return _remembered(text) if len(text) <= SHORT else _count(text)


def _count(text: str) -> tuple[int, int]:
    data = text.encode("utf-8", "surrogatepass")
    rest = len(data)
    likely = most = 0.0
    for members, usual, worst in _CLASSES:
        here = len(data) - len(data.translate(None, members))
        rest -= here
        likely += here * usual
        most += here * worst
    return int(likely + rest * _OTHER[0]) + 1, int(most + rest * _OTHER[1]) + 1


_remembered = lru_cache(maxsize=1024)(_count)  # the history of a run is counted anew each turn; at most 16 MB


def count_messages(messages: Sequence[Message]) -> tuple[int, int]:
    """(likely, at most) tokens of a prompt, roles and separators included."""
    likely, most = MESSAGE // 2, MESSAGE
    for message in messages:
        usual, worst = count(message.content)
        likely += usual + MESSAGE // 2
        most += worst + MESSAGE
    return likely, most
