"""What a journal holds of an earlier part of a run, ready to be lived through again.

Resume and replay are the same walk: the engine starts from the question, and wherever the journal holds the reply to
a call, that reply is used and nothing is paid. A call is known by its question and its place (node, turn, cell, slot),
for that is where its reply was used: no further question is answered with the replies to an earlier one. Cells run
again in a fresh sandbox, so variables come back by themselves; what a cell printed then and now is compared. Resume
goes on where the recording ends; replay may not go beyond it.
"""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from rlm_cli.errors import InputError, LimitReached, OutOfTime, Refused, ReplayDiverged
from rlm_cli.events import (
    STOPPED,
    AnswerGiven,
    CallFailed,
    CallFinished,
    CallRetried,
    CallStarted,
    CellFinished,
    Compacted,
    Event,
    InputOpened,
    LimitHit,
    MessageAdded,
    NodeStarted,
    QuestionAsked,
    Record,
    RunFinished,
    RunResumed,
    RunStarted,
    StrategyChosen,
    TurnFinished,
    TurnStarted,
)
from rlm_cli.models import Message, Reply
from rlm_cli.models.replay import Recorded, ended
from rlm_cli.redaction import LONGEST

_BY = {  # events that say the same thing twice when a run is walked twice, and what tells two of them apart
    "turn.started": ("node", "turn"),
    "turn.finished": ("node", "turn"),
    "cell.started": ("cell",),
    "cell.finished": ("cell",),
    "node.started": ("node",),
    "node.finished": ("node",),
    "sandbox.ready": ("node",),
    "sandbox.lost": ("node",),
    "compacted": ("node", "turn"),
    "batch.started": ("cell", "site", "total"),
    "strategy.chosen": (),
    "input.changed": ("name", "reason"),
}
Place = tuple[str, str, int, str | None, int | None]
"""Where a call is in its run: purpose, node, turn, cell, slot."""
_COUNTED = frozenset({"sandbox.lost", "batch.started"})  # may come several times by the same name
_PASSING = frozenset({"seconds", "left", "reason"})  # fields that differ between walks that are the same
_ENDED_BY_FORCE = frozenset({"time", "died"})
_CALL = re.compile(r"c[0-9]{1,15}")


@dataclass(slots=True)
class Asked:
    """One question of a recorded run, how far it came, and what the second walk of it has to repeat."""

    question: str
    settings: Mapping[str, Any] = field(default_factory=dict)  # that it was asked with
    turns: int = 0  # of the root, counted from the first question on: the last one that came to its end
    begun: int = 0  # the last one that began
    children: int = 0  # of the root, counted from the first question on
    strategy: str = ""
    answer: AnswerGiven | None = None
    cells: dict[str, CellFinished] = field(default_factory=dict)
    messages: dict[str, list[MessageAdded]] = field(default_factory=dict)
    replies: dict[Place, deque[_Begun]] = field(default_factory=dict)
    summaries: dict[tuple[str, int], str] = field(default_factory=dict)
    told: dict[tuple[str, ...], bytes] = field(default_factory=dict)  # what was last said of each thing
    seen: Counter[tuple[str, ...]] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)  # node → messages of the second walk


@dataclass(slots=True)
class _Begun:
    """A recorded call, while the journal is read."""

    part: int
    question: int
    place: Place
    asked: bytes  # a digest of what it asked; empty where that may not be compared
    end: Recorded | None = None


@dataclass(slots=True)
class Past:
    """One journal, folded. `records` reads it again from the start."""

    started: RunStarted
    records: Callable[[], Iterable[Record]]
    strict: bool = False  # a replay: differences end it
    ended: bool = False  # only asked further: nothing of it is tried again
    unreadable: int = 0  # lines of the journal that are no record
    seq: int = 0
    seconds: float = 0.0  # how long the run has been going on, all its parts together
    began: float = 0.0  # the same when the last question was asked
    cost: float = 0.0
    tokens: int = 0
    calls: int = 0
    last_call: int = 0  # the highest number of a call
    lost: list[CallStarted] = field(default_factory=list)
    """In flight at the stop: perhaps billed, replies never seen. What they have reserved holds all their attempts."""
    input: InputOpened | None = None
    strategy: str = ""
    answer: AnswerGiven | None = None
    finished: RunFinished | None = None
    limit: LimitHit | None = None  # that ended the last part
    questions: list[Asked] = field(default_factory=list)
    asking: bool = False  # the last question is new
    at: int = 0  # the question that is being walked, from 0
    differences: list[str] = field(default_factory=list)  # of the second walk, in sentences
    _part: int = 0  # of the run: how often it was gone on with
    _retried: dict[str, CallRetried] = field(default_factory=dict)  # of calls in flight, the last one
    _calls: dict[str, _Begun] = field(default_factory=dict)  # by name, in the order they began

    @classmethod
    def read(cls, records: Callable[[], Iterable[Record]], *, strict: bool = False, ended: bool = False) -> Past:
        """Fold a journal. `strict` for a replay; `ended` for a run that is only asked further, so that nothing of it is
        tried again. Raises InputError when it is none."""
        stream: Iterator[Record] = iter(records())
        first = next(stream, None)
        if first is None or not isinstance(first.event, RunStarted):
            raise InputError(
                "the file is no journal of rlm: it does not begin with run.started", "rlm runs lists them."
            )
        past = cls(first.event, records, strict, ended, first.seq)
        past.questions.append(Asked(first.event.question, first.event.settings))
        pending: dict[str, CallStarted] = {}
        for record in stream:
            past.seq, past.seconds = max(past.seq, record.seq), record.t
            past._take(record.event, pending)
        past.lost = [past._with_attempts(call) for call in pending.values() if not call.memo]
        past._keep_replies()
        return past

    def _keep_replies(self) -> None:
        """Put each call that ended where it was used."""
        latest: dict[tuple[int, Place], int] = {}
        for call in self._calls.values():
            at = call.question, call.place
            latest[at] = max(call.part, latest.get(at, 0))
        for call in self._calls.values():
            if (end := call.end) is None:
                continue
            # A failure is worth another try; in a replay it happened, unless a later part of the run has tried again.
            failed = end.error is not None and not isinstance(end.error, Refused)
            again = not self.ended and (not self.strict or end.failure in STOPPED)
            if failed and (again or call.part < latest[call.question, call.place]):
                continue
            self.questions[call.question].replies.setdefault(call.place, deque()).append(call)
        self._calls.clear()

    def _take(self, event: Event, pending: dict[str, CallStarted]) -> None:
        asked = self.questions[-1]
        if isinstance(event, CallStarted | CallFinished | CallFailed):
            self._count(event, pending)
        elif isinstance(event, CallRetried):
            self._retried[event.call] = event
        elif isinstance(event, MessageAdded):
            asked.messages.setdefault(event.node, []).append(event)
        elif isinstance(event, Compacted):
            asked.summaries[event.node, event.turn] = event.summary
        elif isinstance(event, InputOpened):
            self.input = self.input or event
        elif isinstance(event, LimitHit) and event.node == "0":
            self.limit = event
        elif isinstance(event, RunResumed):
            self._go_on(event)
        else:
            self._take_question(event, asked)
        if (key := _key(event)) is not None:
            asked.seen[key] += 1
            asked.told[key] = _lasting(event)

    def _count(self, event: CallStarted | CallFinished | CallFailed, pending: dict[str, CallStarted]) -> None:
        if isinstance(event, CallStarted):
            pending[event.call] = replace(event, messages=None)  # they may fill the memory, and are of no more use
            said = [(item.get("role"), item.get("content")) for item in event.messages or ()]
            asked = _asked(event.purpose, said)
            self._calls[event.call] = _Begun(self._part, len(self.questions) - 1, _place(event), asked)
            self.calls += not event.memo
            self.last_call = max(self.last_call, int(event.call[1:]) if _CALL.fullmatch(event.call) else 0)
            return
        if (started := pending.pop(event.call, None)) is not None:
            self._calls[event.call].end = ended(started, (), event)
        self._retried.pop(event.call, None)
        self.cost += event.cost or 0.0
        if isinstance(event, CallFailed):
            self.tokens += event.tokens
        elif not event.memo:
            self.tokens += event.input_tokens + event.output_tokens + event.lost_tokens

    def _with_attempts(self, call: CallStarted) -> CallStarted:
        """The call, what its earlier attempts have cost added to what the last one had reserved."""
        tokens = call.reserved_tokens or call.input_tokens + call.max_tokens
        cost, before = call.reserved, self._retried.get(call.call)
        if before is not None:
            tokens += before.tokens
            cost = None if cost is None or before.cost is None else cost + before.cost
        return replace(call, reserved=cost, reserved_tokens=tokens)

    def _go_on(self, event: RunResumed) -> None:
        """Another part begins: its limits are those of the run, and what ended the part before is no end."""
        self._part += 1
        limits = self.started.limits | event.limits
        known = {name: value for name, value in event.limits.items() if name in self.started.settings}
        self.started = replace(self.started, limits=limits, settings=self.started.settings | known)
        self.limit = self.finished = self.answer = None

    def _take_question(self, event: Event, asked: Asked) -> None:
        """What an event says of the question that was `asked` last."""
        if isinstance(event, CellFinished):
            asked.cells[event.cell] = event
        if isinstance(event, StrategyChosen):
            self.strategy = asked.strategy = event.strategy
        elif isinstance(event, AnswerGiven):
            self.answer = asked.answer = event
        elif isinstance(event, TurnFinished) or (isinstance(event, CellFinished) and event.submitted):
            asked.turns = event.turn if event.node == "0" else asked.turns
        elif isinstance(event, TurnStarted) and event.node == "0":
            asked.begun = max(asked.begun, event.turn)
        elif isinstance(event, NodeStarted) and event.parent == "0":
            number = event.node.rpartition(".")[2]
            asked.children = max(asked.children, int(number) if number.isdecimal() else 0)
        elif isinstance(event, QuestionAsked):
            if event.number > len(self.questions):  # else it went on after a stop, and was asked again
                self._ask_with(event.settings)
                self.further(event.question)
        elif isinstance(event, RunFinished):
            self.finished = event

    def _ask_with(self, settings: Mapping[str, Any]) -> None:
        """A further question was asked with other settings than the one before: they are those of the run by now."""
        before = self.started
        root, sub = settings.get("model"), settings.get("sub_model")
        self.started = replace(
            before,
            settings={**before.settings, **settings},
            root_model=root if root and isinstance(root, str) else before.root_model,
            sub_model=sub if sub and isinstance(sub, str) else before.sub_model,
        )

    def ask(self, question: str) -> None:
        """A further question, which nothing is on record of."""
        self.further(question)
        self.asking = True

    def further(self, question: str) -> None:
        """A further question: what it may spend and whether it is answered begin anew."""
        last = self.questions[-1]
        self.questions.append(
            Asked(question, self.started.settings, turns=last.turns, begun=last.begun, children=last.children)
        )
        self.began = self.seconds
        self.cost, self.tokens, self.calls = 0.0, 0, 0
        self.strategy, self.answer, self.finished, self.limit = "", None, None, None

    @property
    def _now(self) -> Asked:
        return self.questions[self.at]

    def knows_cell(self, cell: str) -> bool:
        """Whether it is on record how this cell of the present question ended."""
        return cell in self._now.cells

    def budget(self, cell: str, number: int) -> dict[str, Any] | None:
        """What this cell of the present question was told is left when it asked for the time `number`, from 0."""
        known = self._now.cells.get(cell)
        return known.budgets[number] if known is not None and number < len(known.budgets) else None

    def cited(self) -> Iterator[list[dict[str, Any]]]:
        """What each cell of all questions has cited."""
        for asked in self.questions:
            for cell in asked.cells.values():
                yield cell.cited

    def reply(
        self,
        purpose: str,
        node: str,
        turn: int,
        cell: str | None,
        slot: int | None,
        messages: Sequence[Message] = (),
    ) -> Reply | None:
        """The recorded reply to the call at this place, once; None where there is none.

        A cell that was cut off may ask something else when it runs again, since time and money have passed: what was
        replied before is no reply to that. Raises the recorded error. In a replay, where there is no record, the limit
        that kept the call from being made, else ReplayDiverged.
        """
        waiting = self._now.replies.get((purpose, node, turn, cell, slot))
        if waiting:
            asked = _asked(purpose, [(message.role, message.content) for message in messages])
            same = next((at for at, call in enumerate(waiting) if not asked or call.asked in (asked, b"")), None)
            if same is not None or self.strict or cell is None or self.knows_cell(cell):
                call = waiting[same or 0]
                del waiting[same or 0]
                assert call.end is not None
                return call.end.result()
        if self.strict:
            if self.limit is not None and self.limit.limit == "time":
                raise OutOfTime(self.limit.message)
            if self.limit is not None and self.limit.limit != "turns":
                raise LimitReached(self.limit.message, limit=self.limit.limit)
            where = f"cell {cell}, call {slot}" if cell else f"turn {turn} of node {node}"
            if self.finished is None or self.finished.exit_code > 128:
                told = f"the record ends here, where the run was stopped: it has no {purpose} call of {where}"
                raise ReplayDiverged(told, "Go on with the run first: rlm resume")
            raise ReplayDiverged(f"the replay asks for a {purpose} call that is not recorded: {where}")
        return None

    def knows(self, purpose: str, node: str, turn: int) -> bool:
        """Whether the reply to a call of the node itself is on record."""
        return bool(self._now.replies.get((purpose, node, turn, None, None)))

    def compacted(self, node: str, turn: int) -> str:
        """The summary that replaced earlier turns before this one; empty where there was none."""
        return self._now.summaries.get((node, turn), "")

    def so_far(self) -> Iterator[Record]:
        """What the displays are shown of the earlier part: everything but how it ended."""
        for record in self.records():
            ending = isinstance(record.event, AnswerGiven | RunFinished)
            if not (ending or (self.strict and isinstance(record.event, LimitHit))):
                yield record

    def recall(self, node: str, role: str, content: str) -> str:
        """The next message of `node`'s conversation: as it was then, where it was said then.

        A feedback says how much money and time is left, which is never the same twice; the model's next reply belongs
        to the words that it was given.
        """
        said = self._now.messages.get(node, ())
        place = self._now.said[node]
        return said[place].content if place < len(said) and said[place].role == role else content

    def forced(self, cell: str) -> CellFinished | None:
        """The record of a cell that was ended by force then: it is not run again, since it would take as long again."""
        known = self._now.cells.get(cell)
        return known if known is not None and str((known.error or {}).get("kind")) in _ENDED_BY_FORCE else None

    def repeats(self, event: Event) -> bool:
        """Whether the journal already holds this event of the second walk: it is neither shown nor written again."""
        if isinstance(event, CellFinished):
            self._compare(event)
            if self.forced(event.cell) is not None:
                return True
        if isinstance(event, RunStarted | InputOpened):
            return True
        now = self._now
        if isinstance(event, MessageAdded):
            place = now.said[event.node]
            now.said[event.node] += 1
            return place < len(now.messages.get(event.node, ()))
        key = _key(event)
        if key is None or not now.seen[key]:
            return False
        if event.type in _COUNTED:
            now.seen[key] -= 1  # a second batch of the same line is another event
            return True
        # A part that was stopped told how far it came. What is otherwise now is told again, and the last record holds.
        lasting = _lasting(event)
        same, now.told[key] = now.told[key] == lasting, lasting
        return same

    def _compare(self, event: CellFinished) -> None:
        before = self._now.cells.get(event.cell)
        messages = self._now.messages.get(event.node, ())
        shown = any(said.turn == event.turn and said.role == "user" for said in messages)
        if before is None or not (shown or self.strict):
            return  # the model has not seen what it printed then
        if before.output != event.output:
            self.differences.append(f"cell {event.cell} printed {_differing(before.output, event.output)}")
        elif (before.error or {}).get("type") != (event.error or {}).get("type"):
            self.differences.append(f"cell {event.cell} ended with {_error(event)} and not with {_error(before)}")


def _place(call: CallStarted) -> Place:
    return call.purpose, call.node, call.turn, call.cell, call.slot


def _asked(purpose: str, said: Sequence[tuple[Any, Any]]) -> bytes:
    """A digest of what a call of a cell asks. Empty for others, which are told what is left, and for texts that are too
    long for a journal to keep."""
    known = purpose in ("sub", "schema") and all(len(str(content)) <= LONGEST for _, content in said)
    return blake2b(json.dumps(said).encode("ascii"), digest_size=16).digest() if said and known else b""


def _key(event: Event) -> tuple[str, ...] | None:
    """What makes an event of one walk the same as one of another; None for events that may come again."""
    names = _BY.get(event.type)
    return None if names is None else (event.type, *(str(getattr(event, name)) for name in names))


def _lasting(event: Event) -> bytes:
    """A digest of those fields of an event that are the same in each walk."""
    lasting = {name: value for name, value in event.to_json().items() if name not in _PASSING}
    return blake2b(json.dumps(lasting, sort_keys=True, default=str).encode("ascii"), digest_size=16).digest()


def _error(event: CellFinished) -> str:
    return str((event.error or {}).get("type", "no error"))


def _differing(before: str, now: str) -> str:
    """`'…is…' where '…was…' is recorded`, cut around the first difference."""
    at = next((at for at, (one, other) in enumerate(zip(before, now, strict=False)) if one != other), None)
    at = max(0, (min(len(before), len(now)) if at is None else at) - 20)
    return f"{now[at : at + 60]!r} where {before[at : at + 60]!r} is recorded"
