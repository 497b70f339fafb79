"""Replies, remembered by content in one sqlite file that all runs share: of sub-calls, with --memo-root of all calls.

A look-up is made on the event loop (about 20 µs); writing is left to one thread, in groups. sqlite's write-ahead log
lets several processes read and write at the same time. The memory is a convenience: whatever goes wrong with the file
(corrupt, locked, disk full) is told once and makes every look-up a miss; it never ends a run.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import queue
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rlm_cli.models import Message, Reply

VERSION: Final = 1
MAX_BYTES: Final = 256 * 1024 * 1024
"""Size of the file above which the entries that were used longest ago are dropped."""
_LOOKED_AFTER: Final = 200  # entries written, besides at the end: most runs make fewer calls

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS replies (
    key BLOB PRIMARY KEY, model TEXT NOT NULL, text BLOB NOT NULL, cost REAL,
    made INTEGER NOT NULL, used INTEGER NOT NULL, hits INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS by_use ON replies (used);
"""


_LEFT: Final = re.compile(r"^Left: \d[\d,]* turns?(?:, [\d$<>.,a-z]+(?: calls?)?)*\.$", re.MULTILINE)
_creating = threading.Lock()


def digest(*, model: str, endpoint: str, messages: Sequence[Message], parameters: Sequence[Any]) -> bytes:
    """The key of a call: everything that decides its reply."""
    said = [[message.role, message.content] for message in messages]
    text = json.dumps([VERSION, model, endpoint, said, list(parameters)], separators=(",", ":"), sort_keys=True)
    return hashlib.blake2b(text.encode("ascii"), digest_size=20).digest()


def lasting(messages: Sequence[Message]) -> list[Message]:
    """The messages without what is left of the limits: the root model is told each turn, and never the same twice."""
    return [Message(message.role, _LEFT.sub("", message.content)) for message in messages]


@dataclass(frozen=True, slots=True)
class Contents:
    """What `rlm cache` shows: counts, bytes, wall times in seconds since 1970, dollars that hits have saved."""

    path: Path
    entries: int = 0
    bytes: int = 0
    oldest: int | None = None
    newest: int | None = None
    hits: int = 0
    saved: float = 0.0


class Memo:
    """The memory in the file `path`, opened at the first use. `tell` is given one sentence when something is wrong."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, tell: Callable[[str], None] | None = None) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._tell = tell
        self._reader: sqlite3.Connection | None = None
        self._off = False
        self._mending = False  # a look-up has met trouble, and the writing thread looks into it
        self._stale = False  # the writing thread has met trouble: the reader's connection may be to a file set aside
        self._fresh: dict[bytes, Reply] = {}  # put, and not yet written
        self._work: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None

    def get(self, key: bytes) -> Reply | None:
        """The remembered reply, or None. Takes about 20 µs."""
        self._deliver()
        fresh = self._fresh.get(key)
        if fresh is not None or self._off or self._mending:
            return fresh
        try:
            if self._stale:
                self._stale = False
                self._drop_reader()
            if self._reader is None:
                self._reader = connect(self.path, wait=False)
            row = self._reader.execute("SELECT model, text FROM replies WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            if not _is_busy(error):
                self._drop_reader()
                self._mending = True
                self._queue(("trouble", b"", error))  # to look into it takes locks, for which the loop must not wait
            return None
        if row is None:
            return None
        self._queue(("used", key, int(time.time())))
        return Reply(text=bytes(row[1]).decode("utf-8", "surrogatepass"), model=str(row[0]))

    def put(self, key: bytes, model: str, reply: Reply, cost: float | None) -> None:
        """Remember a complete reply. Returns at once; it is on disk after `close`, or within a moment."""
        if self._off:
            return
        self._fresh[key] = reply
        text = reply.text.encode("utf-8", "surrogatepass")
        now = int(time.time())
        self._queue(("put", key, model, text, cost, now, now))

    def flush(self) -> None:
        """Write what is left. Blocks for that long; may be called from another thread."""
        if self._writer is not None:
            self._work.put(None)
            self._writer.join()
            self._writer = None

    def close(self) -> None:
        """Write what is left and close the file. A closed memory opens again when it is used."""
        self.flush()
        self._deliver()
        self._drop_reader()

    def _drop_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            with contextlib.suppress(sqlite3.Error):
                reader.close()

    # --- the file --------------------------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        return connect(self.path, tell=self._say)

    def _trouble(self, error: sqlite3.Error) -> None:
        """On the writing thread: a failed look-up or write. A busy file is a miss; a damaged one is set aside, once."""
        if _is_busy(error):
            return
        self._stale = True
        if _is_damage(error) and set_aside(self.path):
            self._say(f"The memory of sub-calls {self.path} was damaged; it is set aside and begun anew.")
            return
        if not self._off:
            self._off = True
            self._say(f"The memory of sub-calls {self.path} cannot be used: {error}; this run goes on without it.")

    def _say(self, sentence: str) -> None:
        self._said.put(sentence)

    def _deliver(self) -> None:
        """Tell what there is to tell on the caller's thread: the writing one must not."""
        while not self._said.empty():
            sentence = self._said.get()
            if self._tell is not None:
                self._tell(sentence)

    # --- the writing thread ----------------------------------------------------------------------------------------

    def _queue(self, item: tuple[Any, ...]) -> None:
        if self._writer is None:
            self._writer = threading.Thread(target=self._write, name="memo", daemon=True)
            self._writer.start()
        self._work.put(item)

    def _write(self) -> None:
        connection: sqlite3.Connection | None = None
        written = 0
        for group in self._groups():
            try:
                for item in (item for item in group if item[0] == "trouble"):
                    if connection is not None:
                        connection.close()
                        connection = None
                    self._trouble(item[2])
                    self._mending = False
                connection = connection or self._connect()
                with connection:
                    _apply(connection, [item for item in group if item[0] != "trouble"])
                written += len(group)
                if written > _LOOKED_AFTER:
                    written = 0
                    shrink(connection, self._max_bytes)
            except sqlite3.Error as error:
                if connection is not None:
                    with contextlib.suppress(sqlite3.Error):
                        connection.close()
                    connection = None
                self._trouble(error)
            finally:
                for item in group:
                    self._fresh.pop(item[1], None)
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                shrink(connection, self._max_bytes)
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _groups(self) -> Iterator[list[tuple[Any, ...]]]:
        """What has been queued, in groups of up to 200, until None is."""
        while True:
            group: list[tuple[Any, ...]] = []
            item = self._work.get()
            while item is not None:
                group.append(item)
                if len(group) == 200:
                    break
                try:
                    item = self._work.get_nowait()
                except queue.Empty:
                    break
            if group:
                yield group
            if item is None:
                return


def _apply(connection: sqlite3.Connection, group: Sequence[tuple[Any, ...]]) -> None:
    for item in group:
        if item[0] == "used":
            connection.execute("UPDATE replies SET used = ?, hits = hits + 1 WHERE key = ?", (item[2], item[1]))
        else:
            connection.execute(
                "INSERT OR REPLACE INTO replies (key, model, text, cost, made, used) VALUES (?, ?, ?, ?, ?, ?)",
                item[1:],
            )


def connect(path: Path, *, tell: Callable[[str], None] | None = None, wait: bool = True) -> sqlite3.Connection:
    """The file at `path`, made where it is missing (0600), set aside where it is damaged. Raises sqlite3.Error.

    Without `wait` it waits for no other process: a damaged file is left to others, and what is locked is an error.
    """
    try:
        return _opened(path, wait=wait)
    except sqlite3.DatabaseError as error:
        if not (wait and _is_damage(error) and set_aside(path)):
            raise
        if tell is not None:
            tell(f"The memory of sub-calls {path} was damaged; it is set aside and begun anew.")
        return _opened(path)


def _opened(path: Path, *, alone: bool = False, wait: bool = True) -> sqlite3.Connection:
    """`alone`: the lock between processes is held already."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Only a file that is not there yet is opened by us: to close any descriptor of a file drops all locks that
        # sqlite holds on it in this process.
        with contextlib.suppress(FileExistsError), _creating:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise sqlite3.OperationalError(f"{error.strerror}") from None
    # Autocommit for reads; `with connection` groups the writes. Other processes hold the lock for milliseconds.
    connection = sqlite3.connect(path, timeout=2.0 if wait else 0.05, check_same_thread=False)
    try:
        if _version(connection) != VERSION:
            # Two processes that begin a file at once would drop each other's table.
            with contextlib.nullcontext(True) if alone else _locked(path, wait=wait) as held:
                if not held and not wait:
                    raise sqlite3.OperationalError("database is locked")
                if _version(connection) != VERSION:
                    _begin(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _begin(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    script = f"BEGIN IMMEDIATE; DROP TABLE IF EXISTS replies; {_TABLE} PRAGMA user_version = {VERSION}; COMMIT;"
    connection.executescript(script)


def _is_damage(error: sqlite3.Error) -> bool:
    said = str(error)
    return "not a database" in said or "malformed" in said or "no such table" in said or "no such column" in said


def _is_busy(error: sqlite3.Error) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


def set_aside(path: Path) -> bool:
    """Move a damaged file out of the way, as NAME.damaged. False where that cannot be done."""
    with _locked(path) as held:
        if not held:
            return False
        try:
            _opened(path, alone=True).close()  # another process may have been quicker
            with contextlib.closing(sqlite3.connect(path)) as check:
                if check.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok":
                    return True
        except sqlite3.Error:
            pass
        try:
            os.replace(path, path.with_name(path.name + ".damaged"))
        except OSError:
            return False
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(OSError):
                path.with_name(path.name + suffix).unlink()
        return True


@contextlib.contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """A lock between processes, beside the file. Yields whether it is held, which some file systems know nothing of."""
    try:
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            held = True
        except OSError:
            held = False
        yield held
    finally:
        os.close(descriptor)


def shrink(connection: sqlite3.Connection, max_bytes: int) -> int:
    """Drop what was used longest ago until the entries take 80 % of `max_bytes`. Returns how many went."""
    gone = 0
    while _used_bytes(connection) > (max_bytes if not gone else max_bytes * 0.8):
        with connection:
            oldest = "SELECT key FROM replies ORDER BY used LIMIT 1 + (SELECT count(*) FROM replies) / 10"
            dropped = connection.execute(f"DELETE FROM replies WHERE key IN ({oldest})").rowcount
        if dropped <= 0:
            break
        gone += dropped
    if gone:
        _give_back(connection)
    return gone


def _give_back(connection: sqlite3.Connection) -> None:
    """Return free pages to the system. `execute` would step the pragma once, which frees one page."""
    connection.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);")


def _used_bytes(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def contents(path: Path) -> Contents:
    """What the memory at `path` holds. Raises sqlite3.Error where it cannot be read."""
    if not path.exists():
        return Contents(path)
    with contextlib.closing(connect(path)) as connection:
        row = connection.execute(
            "SELECT count(*), min(made), max(made), total(hits), total(hits * cost) FROM replies"
        ).fetchone()
        return Contents(path, row[0], _used_bytes(connection), row[1], row[2], int(row[3]), row[4])


def clear(path: Path) -> int:
    """Forget everything. Returns how many entries went. Runs under way are not disturbed."""
    if not path.exists():
        return 0
    with contextlib.closing(connect(path)) as connection:
        with connection:
            gone = connection.execute("DELETE FROM replies").rowcount
        _give_back(connection)
        return gone
