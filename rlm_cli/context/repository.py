"""A git repository as far as ignore rules need it: where it begins, its exclude files, and which files it tracks."""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property

from rlm_cli.context import gitconfig
from rlm_cli.context.ignore import Layer, layer

_LARGEST_PATTERN_FILE = 100 << 20  # as in git
_LARGEST_INDEX = 1 << 31
_OID = re.compile(rb"[0-9a-f]{40}([0-9a-f]{24})?\s*\Z")


def read_file(path: bytes, limit: int, *, follow: bool = True, directory: int | None = None) -> bytes | None:
    """The bytes of a regular file of at most `limit` bytes; None for anything else.

    A relative `path` begins at the open `directory`, where one is given.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags, dir_fd=directory)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            return None
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(limit)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def pattern_file(path: bytes, *, fold: bool = False, follow: bool = True, directory: int | None = None) -> Layer | None:
    """The rules of the pattern file at `path`, as `read_file` has it; None where there are none."""
    data = read_file(path, _LARGEST_PATTERN_FILE, follow=follow, directory=directory)
    if not data:
        return None
    found = layer(data, fold)
    return None if found.empty else found


def _is_git_directory(path: bytes) -> bytes | None:
    """The common directory of the git directory at `path`, or None where git would not take it for one."""
    head = os.path.join(path, b"HEAD")
    try:
        if os.path.islink(head):
            valid = os.readlink(head).startswith(b"refs/")
        else:
            data = read_file(head, 1 << 16) or b""
            valid = re.match(rb"ref:\s*refs/", data) is not None or _OID.match(data) is not None
    except OSError:
        return None
    if not valid:
        return None
    common = path
    pointer = read_file(os.path.join(path, b"commondir"), 1 << 16)
    if pointer:
        common = os.path.normpath(os.path.join(path, pointer.rstrip(b"\r\n")))
    if all(os.access(os.path.join(common, name), os.X_OK) for name in (b"objects", b"refs")):
        return common
    return None


class Index:
    """The names of the files that a repository tracks, sorted."""

    def __init__(self, names: list[bytes]) -> None:
        self.names = names

    def __contains__(self, name: bytes) -> bool:
        at = bisect_left(self.names, name)
        return at < len(self.names) and self.names[at] == name

    def below(self, directory: bytes) -> Iterator[bytes]:
        """Those below `directory` (with a slash at the end)."""
        at = bisect_left(self.names, directory)
        while at < len(self.names) and self.names[at].startswith(directory):
            yield self.names[at]
            at += 1


def _index_names(data: bytes, hash_size: int) -> list[bytes]:
    """The names in an index file of version 2, 3 or 4 (git's `index-format`); none where it is damaged."""
    if data[:4] != b"DIRC":
        return []
    version, count = int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:12], "big")
    names: list[bytes] = []
    at, previous = 12, b""
    flags_at = 40 + hash_size
    try:
        for _ in range(count):
            flags = data[at + flags_at] << 8 | data[at + flags_at + 1]
            start = at + flags_at + (4 if flags & 0x4000 else 2)
            if version < 4:
                length = flags & 0xFFF
                end = start + length if length < 0xFFF else data.index(0, start)
                previous = data[start:end]
                at += (end - at + 8) & ~7
            else:
                drop, start = _offset(data, start)
                end = data.index(0, start)
                previous = previous[: len(previous) - drop] + data[start:end]
                at = end + 1
            names.append(previous)
    except (IndexError, ValueError):
        pass
    return names


def _offset(data: bytes, at: int) -> tuple[int, int]:
    """A number in git's variable width, and the place after it."""
    byte = data[at]
    at += 1
    value = byte & 0x7F
    while byte & 0x80:
        byte = data[at]
        at += 1
        value = (value + 1) << 7 | (byte & 0x7F)
    return value, at


class Repository:
    """A repository with a working tree at `root` (absolute, without a slash at the end)."""

    def __init__(self, root: bytes, git_dir: bytes, common_dir: bytes) -> None:
        self.root = root
        self.git_dir = git_dir
        self.common_dir = common_dir
        self.settings = gitconfig.settings_for(git_dir, common_dir)
        self.fold = gitconfig.is_true(self.settings.get(b"core.ignorecase", b"false"))

    def excludes(self) -> list[Layer]:
        """`info/exclude`, then `core.excludesFile`: the one asked first is first."""
        found = [pattern_file(os.path.join(self.common_dir, b"info/exclude"), fold=self.fold)]
        found.append(excludes_file(self.settings, self.root, self.fold))
        return [one for one in found if one is not None]

    @cached_property
    def index(self) -> Index:
        """What is tracked. With a split index, the shared part as a whole: files removed since may be counted in."""
        hash_size = 32 if self.settings.get(b"extensions.objectformat", b"").lower() == b"sha256" else 20
        data = read_file(os.path.join(self.git_dir, b"index"), _LARGEST_INDEX) or b""
        names = _index_names(data, hash_size)
        link = data.find(b"link", 12)
        if link >= 0:
            shared = data[link + 8 : link + 8 + hash_size].hex().encode()
            more = read_file(os.path.join(self.git_dir, b"sharedindex." + shared), _LARGEST_INDEX)
            if more:
                names = list({*names, *_index_names(more, hash_size)} - {b""})
        names.sort()
        return Index(names)

    def relative(self, path: bytes) -> bytes:
        return path[len(self.root.rstrip(b"/")) + 1 :]


def excludes_file(settings: gitconfig.Settings, root: bytes, fold: bool) -> Layer | None:
    """The rules of `core.excludesFile`, or of git's default for it."""
    named = settings.get(b"core.excludesfile")
    if named is None:
        named = os.path.join(gitconfig.config_home(os.environb), b"git/ignore")
    return pattern_file(gitconfig.expand(named, root), fold=fold) if named else None


def repository_at(root: bytes) -> Repository | None:
    """The repository whose working tree begins at `root`, or None."""
    dot_git = os.path.join(root, b".git")
    try:
        mode = os.stat(dot_git).st_mode
    except OSError:
        return None
    git_dir = dot_git
    if stat.S_ISREG(mode):
        pointer = read_file(dot_git, 1 << 16) or b""
        if not pointer.startswith(b"gitdir: "):
            return None
        git_dir = os.path.join(root, pointer[8:].rstrip(b"\r\n"))
    common = _is_git_directory(git_dir)
    return None if common is None else Repository(root, os.path.realpath(git_dir), common)


def repository_above(directory: bytes) -> Repository | None:
    """The repository that `directory` (absolute, real) is part of: itself or the nearest above on the same device."""
    try:
        device = os.stat(directory).st_dev
        at = directory
        while True:
            found = repository_at(at)
            if found is not None:
                inside = found.git_dir == directory or directory.startswith(os.path.join(at, b".git") + b"/")
                return None if inside or directory == os.path.join(at, b".git") else found
            parent = os.path.dirname(at)
            if parent == at or os.stat(parent).st_dev != device:
                return None
            at = parent
    except OSError:
        return None
