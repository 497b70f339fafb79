"""The input as numbered files: found, looked into where that is cheap, and opened one at a time by the host alone.

    with open_corpus(["repo/"], InputOptions()) as corpus:
        corpus.name(0), corpus.size(0), corpus.files_total, corpus.skipped
        descriptor = corpus.open(0)

Neither descriptors nor maps grow with the number of files: a file is opened when it is read. What the file system says
then is compared with what was found first, and every difference is told through `on_change`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from types import TracebackType

from rlm_cli.context.decoding import HEAD, is_binary, mark
from rlm_cli.context.options import InputOptions
from rlm_cli.context.preparing import Prepared, Preparing
from rlm_cli.context.secrets import starts_like_key
from rlm_cli.context.sources import Sources
from rlm_cli.context.spans import FileNames
from rlm_cli.context.spool import Progress
from rlm_cli.context.table import FileTable, kinds, shown_name, true_name
from rlm_cli.errors import InputError

OnChange = Callable[[str, str], None]
"""Told the name of a file and what became of it: truncated, grown, modified, replaced, gone, unreadable, binary.
Outdated is what was unpacked or decoded from a file that has changed."""

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_HINTS = {
    "ignored": "--no-ignore reads ignored files.",
    "hidden": "--hidden reads hidden files.",
    "binary": "--binary reads them all the same.",
    "secret": "--include-secrets reads them, and their content is then sent to the model.",
    "excluded": "Look at --include and --exclude.",
    "too large": "--max-decompressed allows more.",
    "archive with too many members": "Unpack it and name the directory.",
    "unsupported compression": "Unpack it and name the directory.",
}


class NotText(InputError):
    """A file that turned out to be binary, or a private key, when it was opened."""


class Changed(InputError):
    """A file that is gone, or is another one by now."""


class Corpus:
    """Numbered files with name, size and base; implements `FileNames` and opens them. Close it at the end."""

    def __init__(
        self,
        prepared: Prepared,
        sources: Sources,
        options: InputOptions,
        *,
        cleanup: contextlib.ExitStack,
        on_change: OnChange | None,
    ) -> None:
        self.table = FileTable.build(prepared.names, prepared.sizes, prepared.bases)
        self.skipped: Mapping[str, int] = dict(sources.skipped.counts)
        """How many files or directories were left out, by reason."""
        self.examples: Mapping[str, list[str]] = {
            reason: [shown_name(path) for path in paths] for reason, paths in sources.skipped.examples.items()
        }
        self.on_change = on_change
        self._options = options
        self._backings = prepared.backings
        self._spooled = prepared.spooled
        self._found_sizes = array("q", prepared.found_sizes)
        self._found_times = array("q", prepared.times)
        self._found_inodes = array("Q", prepared.inodes)
        self._looked_at = prepared.looked_at  # bytearray: 1 where the head was looked at
        self._opened = bytearray(len(self.table))
        self._told: set[tuple[int, str]] = set()
        self._refused: dict[int, NotText] = {}
        self._cleanup = cleanup
        # Names stay right when somebody changes the working directory.
        self._directory = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        cleanup.callback(os.close, self._directory)

    # --- what is known without opening anything ---

    def __len__(self) -> int:
        return len(self.table)

    def name(self, file: int) -> str:
        return self.table.name(file)

    def size(self, file: int) -> int:
        return self.table.size(file)

    def base(self, file: int) -> int:
        return self.table.base(file)

    def number(self, name: str) -> int | None:
        return self.table.number(name)

    @property
    def files_total(self) -> int:
        return len(self.table)

    @cached_property
    def bytes_total(self) -> int:
        """Bytes of text in all files."""
        return self.table.bytes_total

    @cached_property
    def kinds(self) -> dict[str, int]:
        """How many files have each suffix (lower case, with the dot; `none` without), the most frequent first."""
        return kinds(self.table)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when any file's name, size or time changes, or one is added or goes."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(self.table.pack())
        digest.update(self._found_times.tobytes())
        return digest.hexdigest()

    # --- opening ---

    def open(self, file: int) -> int:
        """A read-only descriptor of the file, never a FIFO or device; the caller closes it.

        Its text is at `base(file)`. Raises `NotText` for a file that is found to be binary now, `Changed` for one that
        is gone or is another one, `InputError` for one that cannot be read.
        """
        if file in self._refused:
            raise self._refused[file]
        descriptor = self._open(file)
        try:
            self._compare(file, os.fstat(descriptor))
            if not self._looked_at[file]:
                self._look(file, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self._opened[file] = 1
        return descriptor

    def _open(self, file: int) -> int:
        name = self.name(file)
        backing = self._backings.get(file)
        try:
            if backing is not None:
                return backing.open(self._directory)
            return os.open(true_name(name), _FLAGS, dir_fd=self._directory)
        except FileNotFoundError:
            self._tell(file, "gone")
            raise Changed(f"{name} is gone since the run began.") from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                self._tell(file, "replaced")
                raise Changed(f"{name} has been replaced by a link since the run began.") from None
            self._tell(file, "unreadable")
            raise InputError(f"{name} cannot be read: {error.strerror}.") from None

    def _compare(self, file: int, now: os.stat_result) -> None:
        """Tell what is not as it was. Raises `Changed` for what is no file any more."""
        backing = self._backings.get(file)
        if backing is not None and not backing.on_disk:
            return
        reason = self._difference(file, now)
        if reason:
            self._tell(file, reason)
        if not stat.S_ISREG(now.st_mode):
            raise Changed(f"{self.name(file)} is no regular file any more.")

    def _difference(self, file: int, now: os.stat_result) -> str:
        if now.st_ino != self._found_inodes[file] or not stat.S_ISREG(now.st_mode):
            return "replaced"
        was = self._found_sizes[file]
        if now.st_size != was:
            return "truncated" if now.st_size < was else "grown"
        return "" if now.st_mtime_ns == self._found_times[file] else "modified"

    def _look(self, file: int, descriptor: int) -> None:
        """The look into the head that large corpora put off to the first use."""
        head = os.pread(descriptor, HEAD, 0)
        self._looked_at[file] = 1
        reason = ""
        if starts_like_key(head) and not self._options.include_secrets:
            reason = "secret"
        elif is_binary(head) and not self._options.binary:
            encoding, _ = mark(head)
            reason = encoding or "binary"
        if not reason:
            return
        self._tell(file, reason)
        hint = _HINTS.get(reason, "Name fewer sources: it is then decoded.")
        error = self._refused[file] = NotText(f"{self.name(file)} is not read: {reason}.", hint)
        raise error

    def _tell(self, file: int, reason: str) -> None:
        if (file, reason) not in self._told:
            self._told.add((file, reason))
            if self.on_change is not None:
                self.on_change(self.name(file), reason)

    # --- afterwards ---

    def changes(self) -> list[tuple[str, str]]:
        """Look again at every file that was opened; returns name and reason of all that are not what they were."""
        for file, was_opened in enumerate(self._opened):
            backing = self._backings.get(file)
            if not was_opened or (backing is not None and not (backing.on_disk or backing.source)):
                continue
            try:
                path = true_name(self.name(file)) if backing is None else backing.source or backing.path
                reason = self._difference(file, os.stat(path, dir_fd=self._directory, follow_symlinks=False))
            except OSError:
                reason = "gone"
            if reason:
                self._tell(file, "outdated" if backing is not None and backing.source else reason)
        return [(self.name(file), reason) for file, reason in sorted(self._told)]

    def same(self, file: int) -> bool:
        """Whether the file, looked at now, is what it was when the run began: its size, time and inode."""
        backing = self._backings.get(file)
        try:
            if backing is not None:
                return not backing.on_disk or not self._difference(file, os.stat(backing.path, dir_fd=self._directory))
            path = true_name(self.name(file))
            return not self._difference(file, os.stat(path, dir_fd=self._directory, follow_symlinks=False))
        except OSError:
            return False

    def present(self) -> FileNames:
        """The files with the sizes that they have now, where a file is read as it lies: for a look after the run."""
        return _Present(self)

    def keep_stdin(self, path: str | os.PathLike[str]) -> bool:
        """Give what came in a pipe by standard input a name, for a later resume; False where that cannot be."""
        if self._spooled is None:
            return False
        try:
            # With a directory named, Python follows the link of /proc to the nameless file.
            os.link(f"/proc/self/fd/{self._spooled}", path, src_dir_fd=self._directory)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Close every descriptor and remove what was temporary. Safe to call twice."""
        self._cleanup.close()

    def __enter__(self) -> Corpus:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Present:
    """The names of a corpus with the sizes of now."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self.name, self.base, self.number = corpus.name, corpus.base, corpus.number

    def __len__(self) -> int:
        return len(self._corpus)

    def size(self, file: int) -> int:
        """Bytes of its text; that of the run where it is not known any more, or comes out of an archive or a pipe."""
        corpus = self._corpus
        known = corpus.size(file)
        if file in corpus._backings:
            return known
        try:
            found = os.stat(true_name(corpus.name(file)), dir_fd=corpus._directory, follow_symlinks=False)
        except OSError:
            return known
        return max(0, found.st_size - corpus.base(file))


def open_corpus(
    sources: Sequence[str],
    options: InputOptions,
    *,
    stdin: int | None = 0,
    listed: Iterable[bytes] = (),
    streams: Iterable[tuple[str, int]] = (),
    progress: Progress | None = None,
    on_change: OnChange | None = None,
) -> Corpus:
    """Find the files of `sources` and of the names in `listed` (from --files-from), in order, each once.

    `-` reads the descriptor `stdin`; `streams` are further texts, each (name, descriptor).

    Nothing is read but heads (up to `options.eager_files` files), what comes in a pipe, and what must be decoded or
    decompressed. Raises `InputError` when nothing is left to read, and for a source that does not exist;
    `UsageError` for options that make no sense.
    """
    found = Sources(options)
    found.add_all(sources, listed, stdin)
    found.add_streams(streams)
    with contextlib.ExitStack() as cleanup:
        prepared = Preparing(found, options, cleanup, progress).run()
        if not prepared.names:
            raise _nothing(sources, found)
        return Corpus(prepared, found, options, cleanup=cleanup.pop_all(), on_change=on_change)
    raise AssertionError("unreachable")


def _nothing(sources: Sequence[str], found: Sources) -> InputError:
    """The error for an input without a file: what was looked at, and what was left out and why."""
    looked = ", ".join(shown_name(os.fsencode(source)) for source in sources[:3]) or "the list of files"
    more = f" and {len(sources) - 3} more" if len(sources) > 3 else ""
    counts = found.skipped.counts
    if not counts:
        return InputError(f"there is no file in {looked}{more}.", "Name a file, a directory, or a quoted glob.")
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items(), key=lambda item: -item[1]))
    most = max(counts, key=lambda reason: counts[reason])
    hint = _HINTS.get(most, "")
    return InputError(f"nothing to read in {looked}{more}: left out {reasons}.", hint)
