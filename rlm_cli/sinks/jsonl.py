"""The events of a run as lines of JSON, while they happen: `-f jsonl` on stdout, `--progress jsonl` on stderr.

The lines equal those of the journal. A reader that goes away stops the run, since nobody waits for its answer: the next
`emit` raises `BrokenPipeError`, and `on_gone` is called at once, also while nothing is being written.
"""

from __future__ import annotations

import queue
import select
import threading
from collections.abc import Callable

from rlm_cli.errors import OutputError
from rlm_cli.events import Record
from rlm_cli.terminal import Output

_WAITING = 10_000  # lines; a reader that is slower than this holds the run up
_LOOK = 1.0  # seconds between two looks whether the reader is still there


class JsonlSink:
    """Writes each event on `output` from a thread of its own. `fatal`: a lost reader ends the run."""

    def __init__(self, output: Output, *, fatal: bool = True, on_gone: Callable[[], None] | None = None) -> None:
        self.output = output
        self._fatal, self._on_gone = fatal, on_gone
        self._lines: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._failure: BrokenPipeError | OutputError | None = None
        self._told = False  # somebody has heard of the failure
        self._thread = threading.Thread(target=self._run, name="rlm-jsonl", daemon=True)
        self._thread.start()

    def emit(self, record: Record) -> None:
        """Raises BrokenPipeError when the reader is gone, OutputError when nothing can be written."""
        if record.event.live:
            return
        if self._failure is not None:
            if self._fatal:
                self._told = True
                raise self._failure
            return
        self._put(json_line(record.to_line()))

    def close(self) -> None:
        """Every line is out when this returns, or never can be. Raises OutputError for a loss not told before."""
        self._put(None)
        self._thread.join()
        if self._fatal and not self._told and isinstance(self._failure, OutputError):
            self._told = True
            raise self._failure

    def _put(self, line: bytes | None) -> None:
        while self._failure is None and self._thread.is_alive():
            try:
                self._lines.put(line, timeout=_LOOK)
            except queue.Full:
                continue
            return

    def _run(self) -> None:
        while True:
            try:
                line = self._lines.get(timeout=_LOOK)
            except queue.Empty:
                if self._reader_left():
                    self._fail(BrokenPipeError("the reader of the events went away"))
                    return
                continue
            if line is None:
                return
            try:
                self.output.write_bytes(line)
            except (BrokenPipeError, OutputError) as error:
                self._fail(error)
                return

    def _fail(self, error: BrokenPipeError | OutputError) -> None:
        self._failure = error
        # A disk that is full is no reader that left: the next event says so, with a status of its own.
        if self._fatal and self._on_gone is not None and isinstance(error, BrokenPipeError):
            self._on_gone()

    def _reader_left(self) -> bool:
        try:
            assert self.output.file is not None
            poll = select.poll()
            poll.register(self.output.file.fileno(), 0)
            return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
        except (OSError, ValueError, AttributeError, AssertionError):
            return False


def json_line(line: bytes) -> bytes:
    """ASCII JSON that is also inert where it is read: DEL on a terminal, `##[` in the log of a GitHub workflow."""
    return line.replace(b"\x7f", rb"\u007f").replace(b"##[", rb"#\u0023[")
