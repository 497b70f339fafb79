"""The recorder: every event of a run passes here, into the journal first and then to the sinks.

Journal before sinks, so that nothing is ever shown that is not on record. Thread-safe, because discovery and decoding
report from worker threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from rlm_cli.errors import OutputError
from rlm_cli.events import Event, Record, Warned
from rlm_cli.journal import Journal
from rlm_cli.recording import Past
from rlm_cli.sinks import Sink

# After these a reply that was paid for would be lost with the machine: they are flushed to the disk, in groups.
_PAID = frozenset({"call.finished", "answer.given", "run.finished"})
# Before these it is seen whether the journal is still there: before the next money is spent, and at the end.
_LOOKED = frozenset({"turn.started", "answer.given", "run.finished"})


class Recorder:
    """Numbers events, stamps them, and hands them on. Without a journal they are kept until `attach` says which."""

    def __init__(self, sinks: Sequence[Sink] = (), past: Past | None = None) -> None:
        """`past` is the earlier part of a run that goes on: numbers and time continue, nothing is told twice."""
        self.journal: Journal | None = None
        self._attached = False
        self._sinks = list(sinks)
        self._past = past
        self._seq = past.seq if past else 0
        self._origin = time.monotonic() - (past.seconds if past else 0.0)
        self._lock = threading.RLock()
        self._told_removed = False
        self.muted = False  # while earlier questions are lived through again: all of it is on record
        self._waiting: list[Record] = []  # of a journal that is still to come

    def add(self, sink: Sink) -> None:
        """One more sink, from the next event on."""
        self._sinks.append(sink)

    def attach(self, journal: Journal | None) -> None:
        """The journal, once there is something to record; what was emitted before is written first."""
        with self._lock:
            self.journal, self._attached = journal, True
            waiting, self._waiting = self._waiting, []
            if journal is not None:
                for record in waiting:
                    journal.append(record)

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._origin

    def emit(self, event: Event) -> None:
        """Record one event. A journal that cannot be written ends the run; a sink that fails is dropped and told."""
        with self._lock:
            if (self._past is not None and self._past.repeats(event)) or self.muted:
                return
            if event.type in _LOOKED:
                self._look()
            at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            if not event.live:
                self._seq += 1
            record = Record(self._seq, self.elapsed, at, event)
            if self.journal is not None and not event.live:
                self.journal.append(record, flush=event.type in _PAID, now=event.type == "turn.started")
            elif not self._attached and not event.live:
                self._waiting.append(record)
            self._show(record)

    def _look(self) -> None:
        """Tell once that the record is lost, where the journal was deleted under the run."""
        if self.journal is not None and self.journal.removed and not self._told_removed:
            self._told_removed = True
            message = f"the trajectory {self.journal.path} was deleted during the run: there is no record of it"
            self.emit(Warned(message=message, kind="journal"))

    def show_past(self) -> None:
        """Let the displays catch up with the earlier part of the run."""
        if self._past is not None:
            for record in self._past.so_far():
                self._show(record)

    def _show(self, record: Record) -> None:
        for sink in tuple(self._sinks):
            try:
                sink.emit(record)
            except (BrokenPipeError, OutputError):  # of -f jsonl: nobody reads what this run would cost
                self._sinks.remove(sink)
                raise
            except Exception as error:  # a drawing error must not end a paid run
                self._sinks.remove(sink)
                self.emit(Warned(message=f"the {type(sink).__name__} display failed: {error!r}", kind="sink"))

    def close(self) -> None:
        """Close the sinks, the last first, then the journal."""
        for sink in reversed(self._sinks):
            sink.close()
        self._sinks.clear()
        if self.journal is not None:
            self.journal.close()
