"""From what the user wrote to the files that are meant: paths, directories, globs, lists of names, `-`."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rlm_cli.context.discovery import Chooser, Found, Skipped, Walk
from rlm_cli.context.options import InputOptions
from rlm_cli.context.schemes import scheme_of
from rlm_cli.context.secrets import is_secret
from rlm_cli.errors import InputError, UsageError

if TYPE_CHECKING:
    import pathspec

STDIN = b"<stdin>"
"""The path that stands for standard input in `Found`. A file of that name is shown in quotes."""

_MAGIC = re.compile(rb"[*?\[]")
_PIPE_PATH = re.compile(rb"/(dev|proc/self)/fd/(\d+)")


def normalised(path: bytes) -> bytes:
    """`path` as the user would write it: without `.` and doubled slashes. `..` stays: a link may stand before it."""
    parts = [part for part in path.split(b"/") if part not in (b"", b".")]
    return (b"/" if path.startswith(b"/") else b"") + b"/".join(parts)


def names_of_list(data: bytes) -> list[bytes]:
    """The names in a list: separated by NUL where there is one, else by line ends."""
    if b"\0" in data:
        return [name for name in data.split(b"\0") if name]
    return [name for line in data.split(b"\n") if (name := line.removesuffix(b"\r"))]


def _patterns(patterns: Sequence[str], flag: str) -> pathspec.GitIgnoreSpec | None:
    if not patterns:
        return None
    import pathspec  # 10 ms that most runs need not spend

    try:
        return pathspec.GitIgnoreSpec.from_lines(patterns)
    except (ValueError, re.error) as error:
        raise UsageError(f"{flag}: not a pattern: {error}.") from None


class Sources:
    """Collects files from sources, in order, each file once."""

    def __init__(self, options: InputOptions) -> None:
        self.found = Found()
        self.skipped = Skipped()
        self.pipes: dict[int, int] = {}  # number in `found` → descriptor to read
        self.links: dict[int, bytes] = {}  # number in `found` → where a named link leads
        self.named: set[int] = set()  # numbers of files that were named
        self._options = options
        self._include = _patterns(options.include, "--include")
        self._exclude = _patterns(options.exclude, "--exclude")
        self._seen: set[bytes] = set()
        self._several = False

    def add_all(self, sources: Sequence[str], listed: Iterable[bytes], stdin: int | None) -> None:
        """Add every source. Raises `InputError` for one that is not there; a listed name may be gone."""
        listed = list(listed)
        self._several = len(sources) + len(listed) > 1
        for source in sources:
            path = os.fsencode(source)
            if path == b"-":
                self._add_stdin(stdin)
            elif (meant := scheme_of(source)) is not None:
                self.add_streams(meant[0].streams(meant[1]))
            else:
                self._add(path)
        for path in listed:
            if os.path.lexists(path):
                self._add(path)
            else:
                self.skipped.add("missing", path)

    def add_streams(self, streams: Iterable[tuple[str, int]]) -> None:
        """Add texts that have a name and a descriptor, and no path."""
        for name, descriptor in streams:
            self._add_pipe(os.fsencode(name), descriptor)

    def _add_stdin(self, stdin: int | None) -> None:
        if stdin is None:
            raise UsageError("standard input is closed, and `-` asks for it.")
        if stdin not in self.pipes.values():
            self._add_pipe(STDIN, stdin)

    def _add_pipe(self, name: bytes, descriptor: int) -> None:
        self.pipes[len(self.found)] = descriptor
        self.found.add(name, os.fstat(descriptor))

    def _add(self, path: bytes) -> None:
        shown = normalised(path)
        pipe = _PIPE_PATH.fullmatch(shown)
        try:
            status = os.stat(path)
        except OSError as error:
            if _MAGIC.search(path) and not os.path.lexists(path):
                self._add_glob(shown)
                return
            if os.path.islink(path):
                self.skipped.add("dangling link", shown)
                return
            if isinstance(error, PermissionError):
                self.skipped.add("unreadable", shown)
                return
            raise InputError(
                f"{os.fsdecode(path)!r} does not exist.",
                "Name a file, a directory, a quoted glob, or - for standard input.",
            ) from None
        if stat.S_ISDIR(status.st_mode):
            self._add_directory(shown)
        elif stat.S_ISREG(status.st_mode):
            self._add_file(shown, status)
        elif pipe is not None and (stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode)):
            self._add_pipe(shown, int(pipe[2]))  # `<(command)` of the shell
        else:
            self.skipped.add("special file", shown)

    def _add_file(self, shown: bytes, status: os.stat_result) -> None:
        """A named file: ignore rules, hidden names and --include do not count; secrets and --exclude do."""
        real = os.path.realpath(shown)
        if not self._options.include_secrets and (is_secret(_near(shown)) or is_secret(_near(real))):
            self.skipped.add("secret", shown)
        elif self._exclude is not None and self._exclude.match_file(_text(shown)):
            self.skipped.add("excluded", shown)
        elif self._new(os.path.join(os.path.realpath(os.path.dirname(shown) or b"."), os.path.basename(shown))):
            number = len(self.found)
            self.named.add(number)
            if os.path.islink(shown):
                self.links[number] = real
            self.found.add(shown, status)

    def _add_directory(self, shown: bytes) -> None:
        if not self._options.include_secrets and is_secret(_near(os.path.realpath(shown or b".")) + b"/_"):
            self.skipped.add("secret", shown, b"/")
            return
        include, exclude = self._include, self._exclude
        self._walk(shown, self._chooser(include, exclude) if include or exclude else None)

    def _add_glob(self, shown: bytes) -> None:
        """A glob: its directory walked, ignore rules and all, less what the pattern does not match."""
        parts = shown.split(b"/")
        first = next(number for number, part in enumerate(parts) if _MAGIC.search(part))
        base, pattern = b"/".join(parts[:first]), b"/".join(parts[first:])
        base = base or (b"/" if shown.startswith(b"/") else b"")
        if not os.path.isdir(base or b"."):
            raise InputError(f"no file matches {_text(shown)!r}: there is no directory {_text(base)!r}.")
        matching = _patterns(["/" + _text(pattern)], "glob")
        steps = [_patterns(["/" + step], "glob") for step in _steps(_text(pattern).split("/"))]
        before = len(self.found), sum(self.skipped.counts.values())
        hidden = any(part.startswith(b".") for part in parts[first:])
        self._walk(base, self._chooser(matching, self._exclude, steps), hidden=hidden, glob=True)
        if before == (len(self.found), sum(self.skipped.counts.values())) and not self._seen:
            raise InputError(
                f"no file matches {_text(shown)!r}.", "`*` stays within a directory; `**/*.py` looks below as well."
            )

    def _chooser(
        self,
        include: pathspec.GitIgnoreSpec | None,
        exclude: pathspec.GitIgnoreSpec | None,
        steps: Sequence[pathspec.GitIgnoreSpec | None] = (),
    ) -> Chooser:
        """`steps` are for directories at depth 1, 2, …: what cannot lead to a match is not entered."""

        def choose(path: bytes, is_directory: bool) -> bool:
            text = _text(path)
            if is_directory:
                step = steps[depth] if (depth := text.count("/")) < len(steps) else None
                return (step is None or step.match_file(text + "/")) and not (
                    exclude and exclude.match_file(text + "/")
                )
            return (include is None or include.match_file(text)) and (exclude is None or not exclude.match_file(text))

        return choose

    def _walk(self, shown: bytes, choose: Chooser | None, *, hidden: bool = False, glob: bool = False) -> None:
        part = Found() if self._several else self.found
        Walk(part, self.skipped, self._options, choose, hidden=hidden, glob=glob).run(shown)
        if part is self.found:
            return
        real = os.path.realpath(shown or b".")
        prefix = len(shown) + (1 if shown and not shown.endswith(b"/") else 0)
        fresh = [n for n, path in enumerate(part.paths) if self._new(os.path.join(real, path[prefix:]))]
        self.found.paths += [part.paths[n] for n in fresh]
        self.found.sizes += [part.sizes[n] for n in fresh]
        self.found.times += [part.times[n] for n in fresh]
        self.found.inodes += [part.inodes[n] for n in fresh]

    def member_reason(self, archive: bytes, member: bytes, *, named: bool) -> str:
        """Why a member of an archive is left out by its name; empty where it is not.

        A named archive is like a named directory: --include looks at its members. For one that was found, --include has
        looked at the archive.
        """
        parts = member.split(b"/")
        if b".git" in parts:
            return "hidden"
        if not self._options.hidden and any(part.startswith(b".") for part in parts):
            return "hidden"
        text = _text(member)
        if named and self._include is not None and not self._include.match_file(text):
            return "excluded"
        return "excluded" if self._exclude is not None and self._exclude.match_file(text) else ""

    def _new(self, real: bytes) -> bool:
        if real in self._seen:
            return False
        if self._several:
            self._seen.add(real)
        return True


def _steps(parts: list[str]) -> Iterator[str]:
    """The patterns for the directories at depth 1, 2, … on the way of a glob, as far as its first `**`."""
    for number, part in enumerate(parts, 1):
        if part == "**":
            return
        yield "/".join(parts[:number])


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _near(path: bytes) -> bytes:
    """The last components of `path`: a home below some `.aws` directory does not make all of it secret."""
    return b"/".join(path.rsplit(b"/", 4)[-4:])
