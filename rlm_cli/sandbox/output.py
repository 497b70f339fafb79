"""What a cell printed: the beginning and the end are kept, the rest is counted."""

from __future__ import annotations

from collections import deque
from typing import Any

from rlm_cli.sandbox.realise import is_text

KEPT = 1_000_000
"""Characters of a cell's output that are kept; all are counted."""


class Output:
    """A bounded text buffer: the first half of what is kept is the beginning, the second the end."""

    def __init__(self, kept: int = KEPT) -> None:
        self._half = kept // 2
        self.clear()

    def clear(self) -> None:
        self.length = 0
        self.target: Any = None
        self._head: list[str] = []
        self._head_room = self._half
        self._tail: deque[str] = deque()
        self._tail_size = 0

    def write(self, text: object) -> int:
        """Add `text`. Mapped text is read at its ends only, however long it is.

        While `target` is set (`contextlib.redirect_stdout`), it goes there instead.
        """
        if self.target is not None:
            self.target.write(str(text))
            return len(str(text))
        if not is_text(text) and type(text) is not str:
            if not isinstance(text, str):
                raise TypeError(f"write() argument must be str, not {type(text).__name__}")
            text = str(text)
        size = len(text)
        self.length += size
        taken = 0
        if self._head_room:
            taken = min(size, self._head_room)
            self._head.append(str(text if taken == size else text[:taken]))
            self._head_room -= taken
        if size > taken:
            rest = str(text[max(taken, size - self._half) :])
            self._tail.append(rest)
            self._tail_size += len(rest)
            while self._tail_size - len(self._tail[0]) >= self._half:
                self._tail_size -= len(self._tail.popleft())
        return size

    def text(self) -> str:
        """What was kept, with a line that says how much is missing in between."""
        head, tail = "".join(self._head), "".join(self._tail)
        if len(tail) > self._half:
            tail = tail[-self._half :]
        missing = self.length - len(head) - len(tail)
        if missing <= 0:
            return head + tail
        return f"{head}\n[... {missing:,} characters not kept ...]\n{tail}"


class OutputFile:
    """`sys.stdout` and `sys.stderr` of a cell."""

    __slots__ = ("_output",)

    def __init__(self, output: Output) -> None:
        self._output = output

    def write(self, text: object) -> int:
        return self._output.write(text)

    def writelines(self, lines: list[object]) -> None:
        for line in lines:
            self._output.write(line)

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        return False
