"""Hostile strings, and what may never stand in what a terminal or the log of a GitHub workflow is given."""

from __future__ import annotations

import random
import re

FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# What our own sinks may say to a terminal: colour, painting, links to files.
OURS = re.compile(
    r"\x1b\[(?:[0-9;]*m|\d*A|2K|\?(?:25|7|2026)[hl])|\x1b\]8;;(?:file:[!-~]*)?\x1b\\|\r\n|(?<=[hlAK\r])\r|\r$"
)
PIECES = [
    "\x1b", "\x1b[", "\x1b[31m", "\x1b]", "\x1b]0;t\x07", "\x1b]8;;http://e\x1b\\", "\x1b]52;c;eA==\x07", "\x1bP", "\x1b_", "\x1b^",
    "\x1b\\", "\x9b", "\x9d", "\x9c", "\x90", "\x07", "\x08", "\r", "\n", "\t", "\x00", "\x7f", "\x85", "\u202e", "\u2066", "\u2069", "\u200b",
    "\u200d", "\ufeff", "\udcff", "\ud800", "\u2028", "\U000e0041", "::set-output name=a::b", "##[error]", "  ::", "[/bold]", "[link=x]",
    "`", "```\n", "<http://e/%1b]0;x%07>", "&#x202e;", "&#8203;", "&#27;", "![a](http://e/?q)", "[t](http://e)", "<img src=x onerror=y>",
    "</pre>", "a", "日", "é", "0", ";", "m", " ", "|", "# ", "- ",
]  # fmt: skip


class Supply:
    """Hostile strings for fields: `supply(3)` is three of them as one text. `given` counts them."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.given = 0

    def __call__(self, count: int = 1) -> str:
        self.given += count
        return "".join("".join(self._chance.choices(PIECES, k=self._chance.randint(1, 8))) for _ in range(count))

    def lines(self, count: int) -> str:
        """`count` strings, one on each line at least."""
        return "\n".join(self() for _ in range(count))


def assert_inert(text: str, *, ours: bool = True) -> None:
    rest = OURS.sub("", text) if ours else text
    found = FORBIDDEN.search(rest)
    assert found is None, f"{found[0]!r} got through: {rest[max(0, found.start() - 60) : found.end() + 60]!r}"


def assert_no_command(log: str, token: str = "") -> None:
    """As a GitHub runner reads: lines end at CR too, white space is trimmed, `##[` counts anywhere."""
    for line in re.split(r"[\r\n]", log):
        start = line.lstrip()
        assert not start.startswith("::") or (token and token in start), line
        assert "##[" not in line, line
