"""Sinks: what becomes of the events of a run besides the journal.

The smallest sink:

    class Counter:
        def __init__(self): self.calls = 0
        def emit(self, record): self.calls += record.event.type == "call.finished"
        def close(self): print(self.calls, file=sys.stderr)

A sink never touches the engine, and nothing that it raises may end a run: the recorder reports it once and goes on.
"""

from __future__ import annotations

from typing import Protocol

from rlm_cli.events import Record


class Sink(Protocol):
    def emit(self, record: Record) -> None:
        """One event, in order, once. Must return quickly: it is called on the event loop."""
        ...

    def close(self) -> None:
        """The run is over, whichever way. Restore whatever was changed."""
        ...
