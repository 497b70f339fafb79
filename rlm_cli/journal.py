"""Journals: one JSONL file a run, append-only, the only record of it.

A line is written by one `write` to an `O_APPEND` descriptor, so that a kill can tear the last line only; a torn line is
told and passed over on reading. `fdatasync` costs 3.9 ms here, the write 5 µs: it runs after paid replies, at most
every 50 ms, and before a turn, whose call may take minutes; never per event.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from rlm_cli import figures
from rlm_cli.errors import InputError, OutputError, UsageError
from rlm_cli.events import SCHEMA_VERSION, Record, RunStarted, Unknown, parse
from rlm_cli.named_files import open_for_writing
from rlm_cli.redaction import LONGEST, Redactor, cut

_FLUSH_SECONDS = 0.05
_LOOK_SECONDS = 0.3  # of waiting for a lock, before it counts as a writer's
_ALPHABET = "abcdefghjkmnpqrstvwxyz23456789"  # no l, o, 0, 1, i, u: read aloud and typed by hand
_RUN = re.compile(r"\d{8}-\d{6}-[a-z0-9]{4,8}")


def new_run() -> str:
    """A fresh run id: time-sorted, with four random characters at the end by which people call it."""
    tail = "".join(secrets.choice(_ALPHABET) for _ in range(4))
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{tail}"


class Journal:
    """The journal of one running run. Holds an exclusive lock, so that no second process writes the same run."""

    def __init__(self, path: Path, *, redact: bool = False, fresh: bool = False) -> None:
        """Open `path` for appending, 0600, making its folder 0700. Nothing is written before the first record.

        `redact` keeps hashes in place of texts that may hold the input; `fresh`: the file must not hold anything yet.
        Raises InputError when it cannot be opened, UsageError when another process writes it or it is not fresh.
        """
        self.path = path
        self._redactor = Redactor() if redact else None
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._descriptor = open_for_writing(path, os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            hint = "Choose another place with --trajectory FILE or RLM_HOME, or --no-save to keep none."
            raise InputError(f"cannot write the trajectory {path}: {error.strerror}", hint) from None
        self._flushed = 0.0
        self._dirty = False
        self._ended = False  # whether a last line without its end was looked for
        self._removed = False  # when it was closed
        try:
            if stat.S_ISREG(os.fstat(self._descriptor).st_mode):  # a device is everybody's
                _lock(self._descriptor)
        except BlockingIOError:
            os.close(self._descriptor)
            raise UsageError(f"the run in {path} is still being written by another process") from None
        except OSError:  # file systems without locks (some network mounts): append alone must do
            pass
        if fresh and os.fstat(self._descriptor).st_size and not path.is_relative_to("/dev"):
            self.close()
            raise UsageError(f"{path} is not empty: a second run does not go into it", "Name another --trajectory.")

    def _end_torn_line(self) -> None:
        """After a kill the last line may lack its end: close it, so that the next record starts a line."""
        self._ended = True
        size = os.fstat(self._descriptor).st_size
        if size and (reader := os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)) >= 0:
            with contextlib.closing(os.fdopen(reader, "rb")) as stream:
                stream.seek(size - 1)
                if stream.read(1) != b"\n":
                    os.write(self._descriptor, b"\n")

    def append(self, record: Record, *, flush: bool = False, now: bool = False) -> None:
        """Write one record. `flush` asks for it to reach the disk soon; `now`: what was asked for has to be there.

        Raises OutputError when the disk is full.
        """
        if self._redactor is not None:
            record = replace(record, event=self._redactor(record.event))
        line = record.to_line()
        if len(line) > LONGEST:
            line = replace(record, event=cut(record.event)).to_line()
        try:
            if not self._ended:
                self._end_torn_line()
            written = os.write(self._descriptor, line)
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
            self._dirty = self._dirty or flush
            if self._dirty and (now or time.monotonic() - self._flushed > _FLUSH_SECONDS):
                self._sync()
        except OSError as error:
            self._ended = False  # it may have been written in part; the next record, where there is room, stands alone
            hint = "Free some space, then go on with: rlm resume"
            raise OutputError(f"cannot write the trajectory {self.path}: {error.strerror}", hint) from None

    @property
    def removed(self) -> bool:
        """Whether the file was deleted under the run: what is written then is gone with the process."""
        if self._descriptor < 0:
            return self._removed
        found = os.fstat(self._descriptor)
        return stat.S_ISREG(found.st_mode) and found.st_nlink == 0

    def _sync(self) -> None:
        with contextlib.suppress(OSError):  # not every file can be synced: /dev/stdout, a pipe
            os.fdatasync(self._descriptor)
        self._flushed, self._dirty = time.monotonic(), False

    def close(self) -> None:
        """Flush and close. Safe to call twice."""
        if self._descriptor >= 0:
            self._sync()
            self._removed = self.removed
            os.close(self._descriptor)
            self._descriptor = -1


@dataclass(slots=True)
class Reading:
    """What reading a journal met besides records."""

    torn: list[int] = field(default_factory=list)  # numbers of lines that are no record
    unknown: int = 0  # records of types that this version does not know
    version: int = SCHEMA_VERSION  # of the writer

    def told(self, name: str) -> Iterator[str]:
        """What of the file `name` is not shown, in sentences."""
        if self.torn:
            places = ", ".join(map(str, self.torn[:5])) + (", …" if len(self.torn) > 5 else "")
            yield f"{figures.plural(len(self.torn), 'line')} of {name} cannot be read: {places}"
        if self.version > SCHEMA_VERSION or self.unknown:
            passed = "read as far as it is known"
            if self.unknown:
                passed = f"{figures.plural(self.unknown, 'line')} of it passed over"
            versions = f"version {self.version} of its events, known {SCHEMA_VERSION}"
            yield f"{name} was written by a newer rlm ({versions}): {passed}"


def read(path: Path, reading: Reading | None = None) -> Iterator[Record]:
    """The records of a journal, in order, in bounded memory. Lines that are no record are noted in `reading`.

    Raises InputError when the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                try:
                    record = parse(line)
                except (ValueError, RecursionError):
                    if reading is not None:
                        reading.torn.append(number)
                    continue
                if reading is not None and isinstance(record.event, RunStarted):
                    reading.version = record.event.schema_version
                elif reading is not None and isinstance(record.event, Unknown):
                    reading.unknown += 1
                yield record
    except OSError as error:
        raise InputError(
            f"cannot read the trajectory {path}: {error.strerror}", "rlm runs lists what there is."
        ) from None


def _lock(descriptor: int) -> None:
    """Take the writer's lock. Raises BlockingIOError where another writer has it.

    Whoever asks whether a run is going on holds it too, for an instant: that is waited for.
    """
    until = time.monotonic() + _LOOK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise
        time.sleep(0.01)


def going(path: Path) -> bool:
    """Whether a process is writing this journal now: it holds the lock. A file that is gone is written by nobody."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(descriptor)
    return False


def kept_stdin(path: Path) -> Path:
    """Where what came to the run of this journal by a pipe is kept, until it has an answer."""
    return path.with_suffix(".stdin")


def runs(folder: Path) -> list[Path]:
    """The journals below the state directory's `runs`, newest first; of one second, the one written to last.

    (The end of a name is random: by it, a script's two quick runs would have the first as `last` half of the time.)
    """
    with contextlib.suppress(FileNotFoundError):
        return sorted((path for path in folder.glob("*.jsonl") if _RUN.fullmatch(path.stem)), key=_age, reverse=True)
    return []


def _age(path: Path) -> tuple[str, int]:
    """The second in which a run began, and when it was written to, in nanoseconds: 0 where it is gone meanwhile."""
    try:
        return path.stem[:15], path.stat().st_mtime_ns
    except OSError:
        return path.stem[:15], 0


def find(folder: Path, run: str) -> Path:
    """The journal that `run` names: a file, `last`, a whole id, its four-letter end or any unique part from the start.

    Raises UsageError when none or several match.
    """
    if run.endswith(".jsonl") or os.sep in run:
        if Path(run).is_file():
            return Path(run)
        what = "is a directory" if Path(run).is_dir() else "does not exist"
        raise UsageError(f"{run} {what}", "Name a journal, or a run of those that rlm runs lists.")
    known = runs(folder)
    if not known:
        raise UsageError(f"there are no runs in {folder}", 'Make one with: rlm ask . "your question"')
    if run == "last":
        return known[0]
    found = [path for path in known if path.stem == run or path.stem.endswith("-" + run)]
    found = found or [path for path in known if path.stem.startswith(run)]
    if not found:
        raise UsageError(f"no run is called {run!r}", "rlm runs lists them; `last` names the newest.")
    if len(found) > 1:
        names = ", ".join(path.stem for path in found[:3])
        raise UsageError(f"{len(found)} runs match {run!r}: {names}", "Give more of the id.")
    return found[0]


def started(path: Path) -> RunStarted | None:
    """The first event of a journal, or None where the file is no journal."""
    for record in read(path):
        return record.event if isinstance(record.event, RunStarted) else None
    return None
