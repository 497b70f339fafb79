"""The input as the cell sees it: `context`, all of it as one text, and `files`, path by path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rlm_cli.context.layout import TO_END, CorpusLayout, Layout, quoted
from rlm_cli.context.spans import Span
from rlm_cli.context.store import ByteStore
from rlm_cli.context.text import Text, plain

_LONGEST_PATH = 4_096  # characters
_MOST_LOOKED_THROUGH = 10_000  # paths, for the one that may have been meant


def glob_pattern(pattern: str) -> re.Pattern[str]:
    """The regular expression of a shell pattern; see `Files.glob`."""
    if "/" not in pattern:
        pattern = "**/" + pattern
    pattern = pattern.removeprefix("./").lstrip("/")
    out: list[str] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if pattern.startswith("**/", at) and (at == 0 or pattern[at - 1] == "/"):
            out.append("(?:[^/]*/)*")
            at += 3
        elif pattern.startswith("**", at):
            out.append(".*")
            at += 2
        elif character == "*":
            out.append("[^/]*")
            at += 1
        elif character == "?":
            out.append("[^/]")
            at += 1
        elif character == "[" and (end := pattern.find("]", at + 2)) > 0:
            inside = pattern[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            out.append(f"[^/{inside[1:]}]" if inside[0] in "!^" else f"(?!/)[{inside}]")
            at = end + 1
        else:
            out.append(re.escape(character))
            at += 1
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error:  # a set such as [z-a] matches nothing but itself
        return re.compile(re.escape(pattern))


class Files(Mapping[str, Text]):
    """Path → the text of that file alone, in order. Holds nothing: each text is made when it is asked for."""

    def __init__(self, store: ByteStore) -> None:
        self._store = store

    def __len__(self) -> int:
        return len(self._store.files)

    def __iter__(self) -> Iterator[str]:
        names = self._store.files
        return (quoted(names.name(number)) for number in range(len(names)))

    def __getitem__(self, path: str) -> Text:
        number = self._number(path) if isinstance(path, str) else None
        if number is None:
            raise KeyError(self.meant(path) or path)
        return self.text(number)

    def _number(self, path: str) -> int | None:
        names = self._store.files
        number = names.number(plain(path))
        if number is None and path.startswith('"'):
            number = next((n for n in range(len(names)) if quoted(names.name(n)) == path), None)
        return number

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._number(path) is not None

    def meant(self, path: object) -> str:
        """What to say of a path that is the end of another one; empty where there is none, or several."""
        ending = plain(path).removeprefix("./").lstrip("/") if isinstance(path, str) else ""
        if not ending or len(ending) > _LONGEST_PATH or len(self) > _MOST_LOOKED_THROUGH:
            return ""
        found = [name for name in self.glob("**/" + ending.rpartition("/")[2]) if name.endswith("/" + ending)]
        return f"{ending} (there is {found[0]})" if len(found) == 1 else ""

    def text(self, number: int) -> Text:
        """The text of file `number`."""
        return Text(Layout(self._store, [Span(number, 0, TO_END)]), (0, 0))

    def line_span(self, number: int, first: int, last: int) -> tuple[int, int] | None:
        """The bytes of lines `first` to `last` of file `number`; None where it has no such line."""
        return self._store.line_span(number, first, last)

    def glob(self, pattern: str) -> list[str]:
        """The paths that `pattern` matches: `*` and `?` within a folder, `**` over any number of them, `[a-z]`.

        A pattern without a slash is matched with the last part of the path, as a shell user means it. One that matches
        nothing is tried below any folder: the question says `docs/*.md` where the path is `repo/docs/a.md`.
        """
        pattern = plain(pattern)
        found = self._matching(pattern)
        return found or self._matching("**/" + pattern.removeprefix("./").lstrip("/"))

    def _matching(self, pattern: str) -> list[str]:
        matches, names = glob_pattern(pattern).fullmatch, self._store.files
        return [quoted(name) for number in range(len(names)) if matches(name := names.name(number))]

    def __repr__(self) -> str:
        return f"<{len(self):,} files>"


def build_context(store: ByteStore) -> Text:
    """The whole input as one text: one file alone as it is, several each under its header line."""
    if len(store.files) == 1:
        return Files(store).text(0)
    return Text(CorpusLayout(store) if len(store.files) else Layout(store, [""]), (0, 0))
