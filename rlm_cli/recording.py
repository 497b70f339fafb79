"""What a journal holds of an earlier part of a run, ready to be lived through again.

Resume and replay are the same walk: the engine starts from the question, and wherever the journal holds the reply to
a call, that reply is used and nothing is paid. A call is known by its place (node, turn, cell, slot), not by its text,
for that is where its reply was used. Cells run again in a fresh sandbox, so variables come back by themselves; what a
cell printed then and now is compared. Resume goes on where the recording ends; replay may not go beyond it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rlm_cli.errors import InputError, ReplayDiverged
from rlm_cli.events import (
    AnswerGiven,
    CallFailed,
    CallFinished,
    CallStarted,
    CellFinished,
    Event,
    InputOpened,
    MessageAdded,
    Record,
    RunFinished,
    RunStarted,
    Warned,
)
from rlm_cli.models import Reply, Usage

Place = tuple[str, str, int, str, int]
"""Purpose, node, turn, cell ("" for a root call), slot."""

_ONCE = {"turn.started": "turn", "turn.finished": "turn", "cell.started": "cell", "cell.finished": "cell"}


@dataclass(slots=True)
class Recording:
    """One journal, folded into what a second walk needs."""

    started: RunStarted
    last_seq: int = 0
    seconds: float = 0.0  # how long the run has been going on, all its parts together
    cost: float = 0.0
    tokens: int = 0
    calls: int = 0
    unpaid: int = 0  # calls that were in flight at the stop: they may have been billed, their replies are lost
    input: InputOpened | None = None
    answer: AnswerGiven | None = None
    finished: RunFinished | None = None
    replies: dict[Place, Reply] = field(default_factory=dict)
    cells: dict[str, CellFinished] = field(default_factory=dict)
    messages: dict[str, list[MessageAdded]] = field(default_factory=dict)
    _seen: Counter[tuple[str, ...]] = field(default_factory=Counter)
    _said: dict[str, int] = field(default_factory=dict)  # node → messages of the second walk

    @classmethod
    def read(cls, records: Iterable[Record]) -> Recording:
        """Fold a journal. Raises InputError when it is none."""
        recording: Recording | None = None
        open_calls: dict[str, CallStarted] = {}
        for record in records:
            event = record.event
            if recording is None:
                if not isinstance(event, RunStarted):
                    raise InputError("the file is no journal of rlm: it does not begin with run.started")
                recording = cls(event)
            recording.last_seq, recording.seconds = max(recording.last_seq, record.seq), record.t
            recording._take(event, open_calls)
        if recording is None:
            raise InputError("the journal is empty")
        recording.unpaid = sum(not call.memo for call in open_calls.values())
        return recording

    def _take(self, event: Event, open_calls: dict[str, CallStarted]) -> None:
        if isinstance(event, CallStarted):
            open_calls[event.call] = event
            self.calls += not event.memo
        elif isinstance(event, CallFinished):
            if (started := open_calls.pop(event.call, None)) is not None:
                self.replies[_place_of(started)] = _reply(event, started.model)
            if not event.memo:
                self.cost += event.cost or 0.0
                self.tokens += event.input_tokens + event.output_tokens
        elif isinstance(event, CallFailed):
            open_calls.pop(event.call, None)
            self.cost += event.cost or 0.0
        elif isinstance(event, CellFinished):
            self.cells[event.cell] = event
        elif isinstance(event, MessageAdded):
            self.messages.setdefault(event.node, []).append(event)
        elif isinstance(event, InputOpened):
            self.input = self.input or event
        elif isinstance(event, AnswerGiven):
            self.answer = event
        elif isinstance(event, RunFinished):
            self.finished = event
        if (key := _key(event)) is not None:
            self._seen[key] += 1

    def reply(self, purpose: str, node: str, turn: int, cell: str | None, slot: int | None) -> Reply | None:
        """The recorded reply to the call at this place, or None where the recording has none."""
        return self.replies.get((purpose, node, turn, cell or "", slot or 0))

    def repeats(self, event: Event) -> bool:
        """Whether the journal already holds this event, so that it must not be written twice.

        Raises nothing: a difference is told by `difference`.
        """
        if isinstance(event, RunStarted | InputOpened | Warned):
            return True
        if isinstance(event, MessageAdded):
            place = self._said.get(event.node, 0)
            self._said[event.node] = place + 1
            return place < len(self.messages.get(event.node, ()))
        key = _key(event)
        if key is None or not self._seen[key]:
            return False
        self._seen[key] -= 1  # a second batch of the same line is another event
        return True

    def difference(self, event: Event) -> str | None:
        """How an event of the second walk differs from the recorded one, in a sentence; None where it does not."""
        if isinstance(event, CellFinished) and (before := self.cells.get(event.cell)) is not None:
            if before.output != event.output:
                return f"cell {event.cell} printed {_cut(event.output)} where {_cut(before.output)} is recorded"
            if (before.error or {}).get("type") != (event.error or {}).get("type"):
                return f"cell {event.cell} ended with {event.error} where {before.error} is recorded"
        return None


class ReplayedOnly:
    """What stands in for the models in a replay: a call that is not recorded ends it."""

    @staticmethod
    def missing(purpose: str, node: str, turn: int, cell: str | None, slot: int | None) -> ReplayDiverged:
        where = f"cell {cell}, call {slot}" if cell else f"turn {turn} of node {node}"
        return ReplayDiverged(f"the replay asks for a {purpose} call that is not recorded: {where}")


def _place_of(call: CallStarted) -> Place:
    return call.purpose, call.node, call.turn, call.cell or "", call.slot or 0


def _reply(event: CallFinished, model: str) -> Reply:
    usage = Usage(
        input_tokens=event.input_tokens,
        output_tokens=event.output_tokens,
        reasoning_tokens=event.reasoning_tokens,
        cached_tokens=event.cached_tokens,
        cache_write_tokens=event.cache_write_tokens,
        counted_here=event.counted_here,
        cost=event.cost,
    )
    finish: Any = event.finish
    return Reply(text=event.text, usage=usage, finish=finish, model=model)


def _key(event: Event) -> tuple[str, ...] | None:
    """What makes an event of a walk the same as one of another walk; None for events that may come again."""
    if event.type in _ONCE:
        name = _ONCE[event.type]
        return (event.type, str(getattr(event, "node", "")), str(getattr(event, name)))
    if event.type in ("node.started", "node.finished", "sandbox.ready"):
        return (event.type, str(getattr(event, "node", "")))
    if event.type == "batch.started":
        return (
            event.type,
            str(getattr(event, "cell", "")),
            str(getattr(event, "site", "")),
            str(getattr(event, "total", "")),
        )
    if event.type == "strategy.chosen":
        return (event.type,)
    return None


def _cut(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:117] + "...")
