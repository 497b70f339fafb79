"""The events of a run, and their JSON. The journal of these is the only record: everything shown is a fold over it.

One event is one line of JSON: the envelope `seq` (from 1), `t` (seconds since the run began, monotonic), `at` (wall
time, RFC 3339, UTC), `type`, then the event's own fields. Ids: `node` is a root or child RLM ("0", "0.1", "0.1.3"),
`turn` counts from 1 within its node, `cell` is "node/turn.block" ("0/3.1"), `call` counts over the whole run ("c17").
Sizes are bytes where a name says bytes, else characters; money is dollars; durations are seconds.

Events marked `live` are drawn and never journaled: the same text follows whole in a later event.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, ClassVar, TypeVar, dataclass_transform, get_args, get_origin, get_type_hints

SCHEMA_VERSION = 1
_MOST = 2**63  # what the integers of other readers hold; far below where sums and clocks overflow

REGISTRY: dict[str, type[Event]] = {}
E = TypeVar("E", bound="Event")


class Event:
    """Base of all events: `type` names it in the journal."""

    __slots__ = ()
    type: ClassVar[str] = ""
    live: ClassVar[bool] = False

    def to_json(self) -> dict[str, Any]:
        """The event's own fields, without the envelope."""
        return {item.name: getattr(self, item.name) for item in fields(self)}  # type: ignore[arg-type]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def event(name: str, *, live: bool = False) -> Callable[[type[E]], type[E]]:
    """Declare a class as the event `name`: frozen, keyword-only, registered for reading back."""

    def declare(cls: type[E]) -> type[E]:
        cls.type, cls.live = name, live
        made = dataclass(frozen=True, kw_only=True)(cls)
        REGISTRY[name] = made
        return made

    return declare


@dataclass(frozen=True, slots=True)
class Record:
    """An event with its envelope."""

    seq: int
    t: float
    at: str
    event: Event

    def to_line(self) -> bytes:
        """One line of the journal, ASCII JSON with a line end. Lone surrogates survive as escapes."""
        envelope = {"seq": self.seq, "t": round(self.t, 6), "at": self.at, "type": self.event.type}
        return json.dumps(envelope | self.event.to_json(), separators=(",", ":"), default=str).encode("ascii") + b"\n"


@event("unknown")
class Unknown(Event):
    """A line of a newer version: kept, shown by name, never fatal."""

    name: str
    data: dict[str, Any] = field(default_factory=dict)


def parse(line: bytes | str) -> Record:
    """A record from one line. Unknown types and fields are tolerated (a newer writer).

    Raises ValueError where a field is missing or is not of its declared type: whoever folds events relies on the types,
    and a journal may come from anywhere.
    """
    data = json.loads(line)
    if not isinstance(data, dict):
        raise ValueError("a journal line must be an object")
    try:
        seq, t, at, name = (data.pop(key) for key in ("seq", "t", "at", "type"))
    except KeyError as error:
        raise ValueError(f"a journal line without {error}") from None
    if not (_fits(int)(seq) and _fits(float)(t) and _fits(str)(at) and _fits(str)(name)):
        raise ValueError("a journal line whose seq, t, at or type is something else")
    t = float(t)
    cls = REGISTRY.get(name)
    if cls is None or cls is Unknown:
        return Record(seq, t, at, Unknown(name=name, data=data))
    known = _judges(name)
    own = {key: value for key, value in data.items() if key in known}
    wrong = [key for key, value in own.items() if not known[key](value)]
    if wrong:
        raise ValueError(f"a {name} line whose {wrong[0]} is something else")
    try:
        return Record(seq, t, at, cls(**own))
    except TypeError as error:
        raise ValueError(f"a {name} line lacks a field: {error}") from None


@cache
def _judges(name: str) -> dict[str, Callable[[Any], bool]]:
    """Field of the event `name` → whether a value is of the type that it declares."""
    cls = REGISTRY[name]
    hints = get_type_hints(cls)
    return {item.name: _fits(hints[item.name]) for item in fields(cls)}  # type: ignore[arg-type]


@cache
def _fits(kind: Any) -> Callable[[Any], bool]:
    """Whether a value of JSON is of a declared type. Numbers are finite and hold in 64 bits."""
    origin, inner = get_origin(kind), [_fits(one) for one in get_args(kind)]
    if kind is Any:
        return lambda _value: True
    if kind in (str, bool, NoneType):
        return lambda value: type(value) is kind
    if kind in (int, float):
        return lambda value: type(value) in (int, kind) and -_MOST <= value < _MOST
    if origin is UnionType:
        return lambda value: any(fits(value) for fits in inner)
    if origin is list:
        return lambda value: type(value) is list and all(map(inner[0], value))
    if origin is dict:
        return lambda value: type(value) is dict and all(map(inner[1], value.values()))
    raise TypeError(f"no JSON for {kind}")


# --- the run -------------------------------------------------------------------------------------------------------


@event("run.started")
class RunStarted(Event):
    run: str
    version: str
    question: str
    sources: list[str]  # as the user wrote them; [] means stdin
    root_model: str
    sub_model: str
    pack: str = ""
    pack_hash: str = ""
    limits: dict[str, float | None] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)  # what is needed to resume; never a key
    schema_version: int = SCHEMA_VERSION

    @property
    def models(self) -> str:
        """The root model and the sub-model, or the one that is both."""
        return ", ".join(dict.fromkeys(filter(None, (self.root_model, self.sub_model))))


@event("question.asked")
class QuestionAsked(Event):
    """A further question to the same run: its variables, sources and conversation go on."""

    question: str
    number: int  # from 2
    limits: dict[str, float | None] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)  # those that are not what they were before


@event("run.resumed")
class RunResumed(Event):
    run: str
    after: int  # seq of the last event that was kept
    unpaid: int = 0  # calls that were in flight at the stop and may have been billed
    limits: dict[str, float | None] = field(default_factory=dict)


@event("run.replayed", live=True)
class RunReplayed(Event):
    """What follows is a second walk of a run that has ended: there is nothing to go on with."""

    run: str


@event("input.opened")
class InputOpened(Event):
    files: int
    bytes: int
    kinds: dict[str, int] = field(default_factory=dict)  # suffix → number of files
    skipped: dict[str, int] = field(default_factory=dict)  # reason → number of files or directories
    examples: dict[str, list[str]] = field(default_factory=dict)  # reason → a few names
    fingerprint: str = ""  # changes when any file's name, size or time changes
    seconds: float = 0.0


@event("input.progress", live=True)
class InputProgress(Event):
    """A pipe or an archive takes long to read: what is being done, and how many bytes of it are done."""

    what: str
    bytes: int


@event("input.changed")
class InputChanged(Event):
    """A file is not what it was when the run began: truncated, replaced, or found to be binary or unreadable."""

    name: str
    reason: str


@event("input.read")
class InputRead(Event):
    """What was read of each file, told when the run ends: the last one counts."""

    files: list[list[Any]]  # [path, bytes, bytes read by code, by models, number of files that the row stands for]


@event("strategy.chosen")
class StrategyChosen(Event):
    strategy: str
    reason: str


@event("limit.reached")
class LimitHit(Event):
    limit: str  # cost, tokens, calls, turns, depth, time
    message: str
    node: str = "0"


@event("warned")
class Warned(Event):
    message: str
    kind: str = ""


@event("answer.given")
class AnswerGiven(Event):
    """The whole answer as `--json` shows it, less the envelope of the process."""

    status: str  # answered, not_found, partial, failed
    text: str
    value: Any = None
    bytes: int | None = None  # of an answer that is too long for the journal: `text` is its beginning
    partial: bool = False
    stopped_by: str | None = None
    citations: list[dict[str, Any]] = field(default_factory=list)
    coverage: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, Any] = field(default_factory=dict)  # of marks, places and quotations in the text


@event("run.finished")
class RunFinished(Event):
    status: str
    exit_code: int
    usage: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None


# --- a node: the root or a child RLM -------------------------------------------------------------------------------


@event("node.started")
class NodeStarted(Event):
    node: str
    depth: int
    question: str
    parent: str | None = None
    cell: str | None = None  # the parent's cell that asked
    site: int | None = None
    bytes: int = 0


@event("node.finished")
class NodeFinished(Event):
    node: str
    status: str
    answer: str = ""


@event("sandbox.ready")
class SandboxReady(Event):
    node: str
    layers: list[str]
    missing: list[str]
    seconds: float


@event("sandbox.lost")
class SandboxLost(Event):
    """The worker died and another took its place."""

    node: str
    reason: str
    restored: int  # cells replayed
    lost: list[str] = field(default_factory=list)  # variables that are gone


@event("turn.started")
class TurnStarted(Event):
    node: str
    turn: int
    left: dict[str, Any] = field(default_factory=dict)


@event("turn.finished")
class TurnFinished(Event):
    node: str
    turn: int
    seconds: float = 0.0


@event("message")
class MessageAdded(Event):
    """One message appended to the node's conversation. The conversation is the sequence of these: never repeated."""

    node: str
    turn: int
    role: str
    content: str


@event("compacted")
class Compacted(Event):
    """The conversation was cut before this turn: its first `keep` messages, `summary` as the model's, the last one."""

    node: str
    turn: int
    keep: int
    summary: str


@event("text.streamed", live=True)
class TextStreamed(Event):
    node: str
    turn: int
    text: str


# --- cells ---------------------------------------------------------------------------------------------------------


@event("cell.started")
class CellStarted(Event):
    node: str
    turn: int
    cell: str
    code: str
    title: str = ""  # its first comment or statement, one line


@event("cell.finished")
class CellFinished(Event):
    node: str
    turn: int
    cell: str
    output: str  # as the model saw it: head and tail
    output_length: int
    error: dict[str, Any] | None = None
    seconds: float = 0.0
    variables: list[list[str]] = field(default_factory=list)  # [name, type, size]
    submitted: bool = False
    draft: str | None = None
    cited: list[dict[str, Any]] = field(default_factory=list)  # number, path, start_byte, end_byte of each source
    budgets: list[dict[str, Any]] = field(default_factory=list)  # what it was told is left, each time it asked


@event("tool.called")
class ToolCalled(Event):
    """A function of the user was called, by a cell or by a sub-call. Long values are cut."""

    node: str
    cell: str
    tool: str
    arguments: str
    result: str
    error: str | None = None


# --- calls ---------------------------------------------------------------------------------------------------------


@event("batch.started")
class BatchStarted(Event):
    """A cell asked for `total` calls at once: the tree groups them by node, cell and site."""

    node: str
    cell: str
    total: int
    site: int | None = None
    recursive: bool = False


@event("call.started")
class CallStarted(Event):
    """The intent: written before anything is sent. `messages` is None for a root call: its node's conversation."""

    call: str
    node: str
    turn: int
    purpose: str  # root, sub, schema, extract, compact
    model: str
    input_tokens: int  # counted here, before the call
    max_tokens: int
    reserved: float | None  # dollars at most; None where the price is unknown
    reserved_tokens: int = 0  # at most, both ways
    cell: str | None = None
    slot: int | None = None  # place among the calls of its cell, from 0
    site: int | None = None
    about: str | None = None  # the one file whose text it is about
    messages: list[dict[str, str]] | None = None
    memo: bool = False  # answered from memory; nothing is sent


@event("call.retried")
class CallRetried(Event):
    call: str
    attempt: int  # the one that failed, from 1
    wait: float
    reason: str
    cost: float | None = 0.0  # dollars of all attempts so far, those that may have been billed in full
    tokens: int = 0  # of the same


@event("call.finished")
class CallFinished(Event):
    call: str
    text: str
    finish: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    counted_here: bool = False
    lost_tokens: int = 0  # of earlier attempts that may have been billed
    cost: float | None = None
    seconds: float = 0.0
    memo: bool = False


STOPPED = frozenset({"Lost", "Interrupted", "LimitReached", "OutOfTime"})
"""Failures of calls that say how that part of the run ended, and nothing about the call: a resume asks it again."""


@event("call.failed")
class CallFailed(Event):
    call: str
    error: str  # class name in errors.py
    message: str
    seconds: float = 0.0
    cost: float | None = None
    tokens: int = 0  # that it used, or may have: what was reserved
