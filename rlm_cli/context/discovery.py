"""Find the files of a directory: git's ignore rules to the letter, then `.ignore` and `.rlmignore`; nothing is opened
but pattern files.

The set is that of `git ls-files -co --exclude-standard`, less what is hidden, secret, or not a regular file:

- Rules of all `.gitignore` files from the repository's root down to the file, `info/exclude`, and `core.excludesFile`.
- Tracked files count even where a rule ignores them, as git lists them; the index is read when the first rule applies.
- A repository inside another (a submodule, a clone that lies about) is one entry for git, and is not entered.
- Outside any repository the rules begin at the directory that was named (as `git grep --no-index --exclude-standard`
  has it); a repository found below begins anew, with its own rules alone.
- `.ignore` and `.rlmignore` files from the repository's root (else from the named directory) down come before git's,
  `.rlmignore` first, and may bring back with `!` what git ignores.

No link is followed below the directory that was named, not even one that takes a directory's place during the walk.

Order: the files of a directory by name, then its directories by name. The same tree gives the same order.
"""

from __future__ import annotations

import contextlib
import os
import stat
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import compress, groupby
from operator import attrgetter

from rlm_cli.context import gitconfig
from rlm_cli.context.directories import Directories, is_replaced, open_below
from rlm_cli.context.ignore import Bound, Layer, Scope, bind
from rlm_cli.context.options import InputOptions
from rlm_cli.context.repository import Repository, excludes_file, pattern_file, repository_above, repository_at
from rlm_cli.context.secrets import is_secret, is_secret_directory, noticing_layer

EXAMPLES = 5
"""How many names are kept for each reason."""

Chooser = Callable[[bytes, bool], bool]
"""Whether the user's patterns keep the entry at a path from the source's directory; the flag says a directory."""

_GIT, _IGNORE, _RLMIGNORE, _SECRETS = range(4)
_PATTERN_FILES = ((b".rlmignore", _RLMIGNORE), (b".ignore", _IGNORE), (b".gitignore", _GIT))
_NAME = attrgetter("name")
_UNASKED = "not asked for"


@dataclass(slots=True)
class Skipped:
    """What is left out, by reason: how many files or directories, and a few of their paths."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[bytes]] = field(default_factory=dict)

    def add(self, reason: str, *path: bytes, count: int = 1) -> None:
        """`path` in pieces, put together only where it is kept."""
        self.counts[reason] = self.counts.get(reason, 0) + count
        kept = self.examples.setdefault(reason, [])
        if len(kept) < EXAMPLES:
            kept.append(b"".join(path))


class Found:
    """The files found so far: columns, not objects, since there may be many."""

    __slots__ = ("inodes", "paths", "sizes", "times")

    def __init__(self) -> None:
        self.paths: list[bytes] = []  # as the user would write them, from the working directory
        self.sizes: list[int] = []  # bytes
        self.times: list[int] = []  # nanoseconds
        self.inodes: list[int] = []

    def __len__(self) -> int:
        return len(self.paths)

    def add(self, path: bytes, status: os.stat_result) -> None:
        self.paths.append(path)
        self.sizes.append(status.st_size)
        self.times.append(status.st_mtime_ns)
        self.inodes.append(status.st_ino)


@cache
def _secrets() -> Layer:
    return noticing_layer()


@dataclass(slots=True)
class _Directory:
    """One still to be read."""

    shown: bytes  # with a slash at the end, or empty for the working directory
    real: bytes  # absolute, with a slash at the end
    scope: Scope
    repository: Repository | None


class Walk:
    """A walk of one directory. `found` and `skipped` are added to."""

    def __init__(
        self,
        found: Found,
        skipped: Skipped,
        options: InputOptions,
        choose: Chooser | None = None,
        *,
        hidden: bool = False,
        measure: bool = True,
        glob: bool = False,
    ) -> None:
        """`hidden` lets hidden entries in whatever the options say (a pattern that names them); without `measure`
        only `found.paths` is filled; `glob` says that `choose` is what was asked for, so that
        what it does not keep is not left out.
        """
        self._found = found
        self._skipped = skipped
        self._hidden = options.hidden or hidden
        self._no_ignore = options.no_ignore
        self._secrets = not options.include_secrets
        self._choose = choose
        self._measure = measure
        self._matched = not glob
        self._source = 0  # length of the source's own path, for `choose`

    def run(self, shown: bytes) -> None:
        """Add the files of the directory `shown` (normalised, empty for the working directory)."""
        real = os.path.realpath(shown or b".")
        prefix = shown if shown.endswith(b"/") or not shown else shown + b"/"
        self._source = len(prefix)
        start = self._start(prefix, real.rstrip(b"/") + b"/")
        stack = [start]
        with contextlib.closing(Directories()) as directories:
            while stack:
                at = stack.pop()
                below = self._open(at, directories, top=at is start)
                stack.extend(reversed(below))

    # --- the rules in force ---

    def _start(self, shown: bytes, real: bytes) -> _Directory:
        """The named directory with the rules from above it. That a rule ignores the directory itself does not count."""
        bound = [bind(_secrets(), real, _SECRETS)] if self._secrets else []
        if self._no_ignore:
            return _Directory(shown, real, Scope(tuple(bound), real), None)
        repository = repository_above(real.rstrip(b"/") or b"/")
        scope = Scope((*bound, *self._git_layers(repository, real)), real)
        if repository is not None:
            root = repository.root.rstrip(b"/") + b"/"
            for parent in _down(root, real):
                scope = scope.enter(
                    parent, self._pattern_files(parent, repository, [name for name, _ in _PATTERN_FILES])
                )
        return _Directory(shown, real, scope, repository)

    def _git_layers(self, repository: Repository | None, directory: bytes) -> list[Bound]:
        """The exclude files that are not in the tree."""
        if repository is not None:
            return [bind(one, repository.root.rstrip(b"/") + b"/", _GIT) for one in repository.excludes()]
        outside = excludes_file(gitconfig.settings_for(b"", b""), directory, False)
        return [] if outside is None else [bind(outside, directory, _GIT)]

    def _pattern_files(
        self, directory: bytes, repository: Repository | None, names: Sequence[bytes], descriptor: int | None = None
    ) -> list[Bound]:
        """Those of `names` that are pattern files in `directory`, which may be open as `descriptor`."""
        fold = repository is not None and repository.fold
        added = []
        for name, group in _PATTERN_FILES:
            if name in names:
                path = directory + name if descriptor is None else name
                one = pattern_file(path, fold=fold and group == _GIT, follow=False, directory=descriptor)
                if one is not None:
                    added.append(bind(one, directory, group))
        return added

    def _enter(self, at: _Directory, descriptor: int, dotted: Sequence[bytes], top: bool) -> Scope | None:
        """The rules for the entries of `at`, whose hidden entries are `dotted`; None where it is not entered."""
        if self._no_ignore:
            return at.scope
        scope = at.scope
        if b".git" in dotted and not top:
            inner = repository_at(at.real.rstrip(b"/"))
            if inner is not None and at.repository is not None:
                if not any(True for _ in at.repository.index.below(at.repository.relative(at.real))):
                    return None
            elif inner is not None:
                at.repository = inner
                outer = tuple(one for one in scope.bound if one.group != _GIT)
                scope = Scope((*outer, *self._git_layers(inner, at.real)), at.real)
        added = self._pattern_files(at.real, at.repository, dotted, descriptor) if dotted else ()
        return scope.enter(at.real, added)

    # --- one directory ---

    def _open(self, at: _Directory, directories: Directories, *, top: bool) -> list[_Directory]:
        """Open a directory and take its files; returns the directories in it, in order."""
        try:
            descriptor = directories.open(at.real)
        except OSError as error:
            self._skipped.add("replaced" if is_replaced(error) else "unreadable", at.shown)
            return []
        below: list[_Directory] = []
        try:
            below = self._read(at, descriptor, top)
        finally:
            if below:
                directories.keep(at.real, descriptor)
            else:
                os.close(descriptor)
        return below

    def _read(self, at: _Directory, descriptor: int, top: bool) -> list[_Directory]:
        try:
            with os.scandir(descriptor) as listing:
                entries = sorted(listing, key=_NAME)
        except OSError:
            self._skipped.add("unreadable", at.shown)
            return []
        if not entries:
            return []
        joined = "\0".join([entry.name for entry in entries])
        names = os.fsencode(joined).split(b"\0")
        if not joined.isascii() and names != sorted(names):  # invalid bytes stand elsewhere in text than in bytes
            by_name = dict(zip(names, entries, strict=True))
            names.sort()
            entries = [by_name[name] for name in names]
        dotted = names[bisect_left(names, b".") : bisect_left(names, b"/")]
        scope = self._enter(at, descriptor, dotted, top)
        if scope is None:
            self._skipped.add("nested repository", at.shown)
            return []
        at.scope = scope
        if b".git" in dotted:
            place = bisect_left(names, b".git")
            del names[place], entries[place]
        are_files = [entry.is_file(follow_symlinks=False) for entry in entries]
        if all(are_files):
            self._take_files(at, names, entries)
            return []
        self._take_files(at, list(compress(names, are_files)), list(compress(entries, are_files)))
        rest = [(name, entry) for name, entry, is_file in zip(names, entries, are_files, strict=True) if not is_file]
        return self._take_directories(at, descriptor, rest)

    def _take_files(self, at: _Directory, names: list[bytes], entries: list[os.DirEntry[str]]) -> None:
        """Add files by name and entry. Written in passes that stay in C: this is the inner loop."""
        scope = at.scope
        suspects = names if scope.wild_paths or self._choose else scope.files.touched(names, scope.local)
        dotted = [] if self._hidden else [name for name in names if name[0] == 46]
        if suspects or dotted:
            out = set()
            for name in suspects if suspects is names else {*suspects, *dotted}:
                reason = self._reason(at, name)
                if reason:
                    out.add(name)
                    if reason is not _UNASKED:
                        self._skipped.add(reason, at.shown, name)
            if out:
                kept = [name not in out for name in names]
                names, entries = list(compress(names, kept)), list(compress(entries, kept))
        found, shown = self._found, at.shown
        if self._measure:
            try:
                seen = [entry.stat(follow_symlinks=False) for entry in entries]
            except OSError:
                names, seen = self._measured(at, names, entries)
            found.sizes += [status.st_size for status in seen]
            found.times += [status.st_mtime_ns for status in seen]
            found.inodes += [status.st_ino for status in seen]
        found.paths += [shown + name for name in names]

    def _measured(
        self, at: _Directory, names: list[bytes], entries: list[os.DirEntry[str]]
    ) -> tuple[list[bytes], list[os.stat_result]]:
        """Those of the files that are still there."""
        kept, seen = [], []
        for name, entry in zip(names, entries, strict=True):
            try:
                seen.append(entry.stat(follow_symlinks=False))
            except OSError:
                self._skipped.add("unreadable", at.shown, name)
            else:
                kept.append(name)
        return kept, seen

    def _reason(self, at: _Directory, name: bytes) -> str:
        """Why the file `name` of `at` is left out; empty where it is not."""
        if not self._matched and not self._chosen(at, name):
            return _UNASKED
        reason = self._decide(at, name, False)
        if not reason and not self._hidden and name[0] == 46:
            reason = "hidden"
        return reason or ("" if self._chosen(at, name) else "excluded")

    def _chosen(self, at: _Directory, path: bytes) -> bool:
        return self._choose is None or self._choose(at.shown[self._source :] + path, False)

    def _take_directories(
        self, at: _Directory, descriptor: int, entries: list[tuple[bytes, os.DirEntry[str]]]
    ) -> list[_Directory]:
        below = []
        names = [name for name, _ in entries]
        suspects = set(names if at.scope.wild_paths else at.scope.directories.touched(names, at.scope.local))
        for name, entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                if self._matched or self._chosen(at, name):
                    self._skipped.add("symlink" if entry.is_symlink() else "special file", at.shown, name)
                continue
            chosen = self._choose is None or self._choose(at.shown[self._source :] + name, True)
            if not chosen and not self._matched:
                continue
            reason = self._decide(at, name, True) if name in suspects else ""
            if not reason and not self._hidden and name[0] == 46:
                reason = "hidden"
            if not reason and not chosen:
                reason = "excluded"
            if reason:
                self._skipped.add(reason, at.shown, name, b"/")
                if reason == "ignored" and at.repository is not None:
                    self._take_tracked(at, descriptor, name + b"/")
                continue
            below.append(_Directory(at.shown + name + b"/", at.real + name + b"/", at.scope, at.repository))
        return below

    def _decide(self, at: _Directory, name: bytes, is_directory: bool) -> str:
        """Why the entry `name` of `at` is left out by rules; empty where it is not."""
        path = at.real + name
        decided = at.scope.decide(name, path, is_directory)
        if decided is not None and decided[0].group == _SECRETS:
            if is_secret_directory(name) if is_directory else is_secret(name_and_above(path)):
                return "secret"
            decided = at.scope.decide(name, path, is_directory, skip=_SECRETS)
        if decided is None or decided[1].negative:
            return ""
        if decided[0].group == _GIT and at.repository is not None and not is_directory:
            index = at.repository.index
            return "" if index.names and at.repository.relative(path) in index else "ignored"
        return "ignored"

    def _take_tracked(self, at: _Directory, descriptor: int, name: bytes) -> None:
        """Add the files that git tracks below the ignored directory `name` of `at`, which is open as `descriptor`."""
        if at.repository is None:
            return
        within = len(at.repository.relative(at.real))
        tracked = [path[within:] for path in at.repository.index.below(at.repository.relative(at.real + name))]
        for parent, paths in groupby(tracked, os.path.dirname):
            try:
                opened = open_below(descriptor, parent)
            except OSError:  # gone, or a link by now, as git has it too
                continue
            try:
                for path in paths:
                    self._take_one(at, opened, path)
            finally:
                os.close(opened)

    def _take_one(self, at: _Directory, parent: int, path: bytes) -> None:
        """Add a tracked file whose directory is open."""
        try:
            status = os.stat(os.path.basename(path), dir_fd=parent, follow_symlinks=False)
        except OSError:
            return
        reason = self._tracked_reason(path, at.shown) if stat.S_ISREG(status.st_mode) else _UNASKED
        if not reason:
            self._found.add(at.shown + path, status)
        elif reason is not _UNASKED:
            self._skipped.add(reason, at.shown, path)

    def _tracked_reason(self, path: bytes, shown: bytes) -> str:
        if self._secrets and is_secret(path):
            return "secret"
        if not self._hidden and any(part.startswith(b".") for part in path.split(b"/")):
            return "hidden"
        if self._choose and not self._choose(shown[self._source :] + path, False):
            return "excluded" if self._matched else _UNASKED
        return ""


def _down(root: bytes, directory: bytes) -> Iterator[bytes]:
    """`root` and every directory below it on the way to `directory`, which is left out; all with a slash at the end."""
    at = root
    while at != directory:
        yield at
        at = directory[: directory.index(b"/", len(at)) + 1]


def name_and_above(path: bytes) -> bytes:
    """The last three components of `path`: what the rules for secrets look at."""
    return b"/".join(path.rsplit(b"/", 3)[1:])
