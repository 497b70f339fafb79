"""`open` of a cell: the files of the input, to read. Every model writes `open(path)` sooner or later."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from rlm_cli.context.files import Files
from rlm_cli.sandbox.realise import real

_PIECE = 1 << 16
"""Characters that are cut into lines at once."""


class OpenText:
    """A file of the input as `open(path)` gives it. Lines end at `\\n` and are cut as they are read; none is held."""

    __slots__ = ("_ahead", "_at", "_text", "closed", "name")

    def __init__(self, name: str, text: Any) -> None:
        self.name = name
        self.closed = False
        self._text = text
        self._at = 0
        self._ahead: list[str] = []  # the lines from there on that are cut already, the next one last

    def read(self, size: int | None = -1, /) -> Any:
        """The next `size` characters, or the rest."""
        end = len(self._text) if size is None or size < 0 else min(len(self._text), self._at + size)
        begin = self._at
        self._go(end)
        return self._text[begin:end]

    def readline(self, size: int | None = -1, /) -> str:
        """The next line with its end; empty after the last one."""
        if not self._ahead:
            lines = str(self._text[self._at : self._at + _PIECE]).split("\n")
            self._ahead = [line + "\n" for line in lines[-2::-1]]
        if self._ahead and (size is None or size < 0):
            line = self._ahead.pop()
            self._at += len(line)
            return line
        end = self._text.find("\n", self._at) + 1 or len(self._text)
        if size is not None and size >= 0:
            end = min(end, self._at + size)
        begin = self._at
        self._go(end)
        return str(real(self._text[begin:end]))

    def readlines(self, hint: int | None = -1, /) -> list[str]:
        """The lines that are left, with their ends."""
        return list(self)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def _go(self, place: int) -> None:
        self._at = place
        self._ahead.clear()

    def __enter__(self) -> OpenText:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        base = (0, self._at, len(self._text))[whence]
        self._go(max(0, min(len(self._text), base + offset)))
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<{self.name} of the input, opened to read>"


class Opener:
    """The function `open`. Raises PermissionError for writing, FileNotFoundError for what is no file of the input."""

    __slots__ = ("_files",)
    __name__ = "open"

    def __init__(self, files: Files) -> None:
        self._files = files

    def __call__(self, file: Any, mode: Any = "r", *_: Any, **__: Any) -> Any:
        path, mode = str(real(file)), str(real(mode))
        if set(mode) & set("wax+"):
            raise PermissionError("nothing can be written: keep results in variables, which stay")
        name = self._named(path)
        if name is None:
            raise FileNotFoundError(f"{path[:200]!r} is no file of the input")
        text = self._files[name]
        return io.BytesIO(str(text).encode()) if "b" in mode else OpenText(name, text)

    def _named(self, path: str) -> str | None:
        """The one file that is meant: by its path, or by the end of it."""
        if path in self._files:
            return path
        ending = path.removeprefix("./").lstrip("/")
        if not ending or ".." in ending:
            return None
        found = [name for name in self._files.glob("**/" + ending.rpartition("/")[2]) if name.endswith("/" + ending)]
        return found[0] if len(found) == 1 else None
