"""A whole run in memory, nested as it happened: nodes, turns, cells, calls. What exports and sums are made from.

`State` keeps what a live display needs and forgets the rest; this keeps everything, texts too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rlm_cli import events
from rlm_cli.events import Record
from rlm_cli.models import Message

_NESTED = 50  # levels of children; deeper ones stand beside their parents, since all that draw them recurse


@dataclass(slots=True)
class Call:
    """One model call. Times are seconds since the run began; `ended` is None where the journal does not tell."""

    asked: events.CallStarted
    began: float
    ended: float | None = None
    finished: events.CallFinished | None = None
    failed: events.CallFailed | None = None
    retries: list[events.CallRetried] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.asked.call

    @property
    def memo(self) -> bool:
        return self.asked.memo or bool(self.finished and self.finished.memo)

    @property
    def seconds(self) -> float:
        return max(0.0, (self.began if self.ended is None else self.ended) - self.began)

    @property
    def cost(self) -> float | None:
        """Dollars; None where nobody knows."""
        end = self.finished or self.failed
        return end.cost if end else None


@dataclass(slots=True)
class Cell:
    """One cell of Python with what it asked for."""

    id: str
    node: str
    code: str = ""
    title: str = ""
    began: float = 0.0
    ended: float | None = None
    finished: events.CellFinished | None = None
    calls: list[Call] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Turn:
    """One turn: what the model was sent, its reply, its cells."""

    number: int
    began: float
    ended: float | None = None
    prompt: int = 0  # how many of the node's messages were there before the reply
    reply: str = ""
    call: Call | None = None  # the root call
    others: list[Call] = field(default_factory=list)  # extract, compact, schema
    cells: list[Cell] = field(default_factory=list)


@dataclass(slots=True)
class Node:
    """The root or a child RLM."""

    id: str
    question: str = ""
    depth: int = 0
    level: int = 0  # how many nodes it is inside of
    asked_by: Cell | None = None
    began: float = 0.0
    ended: float | None = None
    status: str = ""
    answer: str = ""
    site: int | None = None
    turns: list[Turn] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    cuts: list[tuple[int, int, str]] = field(default_factory=list)  # messages then, messages kept, summary

    def conversation(self, turn: Turn) -> list[Message]:
        """What the model was sent for its reply in `turn`: compaction took out the turns between."""
        messages = self.messages[: turn.prompt]
        cut = next((cut for cut in reversed(self.cuts) if cut[0] <= turn.prompt), None)
        if cut is None:
            return messages
        then, keep, summary = cut
        return [*messages[:keep], Message("assistant", summary), *messages[max(keep, then - 1) :]]


@dataclass(slots=True)
class Trajectory:
    """A run as its journal tells it."""

    run: events.RunStarted | None = None
    asked: events.QuestionAsked | None = None  # the last further question
    at: str = ""  # wall time of its first event, RFC 3339
    first: float = 0.0  # seconds since the run began at that event
    input: events.InputOpened | None = None
    read: events.InputRead | None = None
    answer: events.AnswerGiven | None = None
    finished: events.RunFinished | None = None
    nodes: dict[str, Node] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    cells: dict[str, Cell] = field(default_factory=dict)
    turns: dict[tuple[str, int], Turn] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @classmethod
    def of(cls, records: Iterable[Record]) -> Trajectory:
        """Fold a journal. Never raises on what is missing: a torn journal gives what it holds."""
        made = cls()
        for record in records:
            made.apply(record)
        return made

    @property
    def root(self) -> Node | None:
        return self.nodes.get("0")

    @property
    def question(self) -> str:
        """What the answer is an answer to: the last question that was asked."""
        return self.asked.question if self.asked else self.run.question if self.run else ""

    def clock(self, t: float) -> datetime | None:
        """The wall time `t` seconds after the run began, None where the journal holds none."""
        try:
            return datetime.fromisoformat(self.at) + timedelta(seconds=t - self.first)
        except (ValueError, OverflowError):
            return None

    def apply(self, record: Record) -> None:
        """Fold one event in."""
        if not self.at:
            self.at, self.first = record.at, record.t
        self.seconds = max(self.seconds, record.t)
        fold = getattr(self, "_" + record.event.type.replace(".", "_"), None)
        if fold is not None:
            fold(record.event, record.t)

    # --- the run

    def _run_started(self, event: events.RunStarted, _t: float) -> None:
        self.run = event

    def _run_resumed(self, _event: events.RunResumed, _t: float) -> None:
        self.answer = self.finished = None

    def _question_asked(self, event: events.QuestionAsked, t: float) -> None:
        self.notices.append(f"asked before: {self.question}")
        self.asked, self.answer, self.finished = event, None, None
        root = self._node("0", t)
        root.question, root.ended = event.question, None

    def _input_opened(self, event: events.InputOpened, _t: float) -> None:
        self.input = event

    def _input_read(self, event: events.InputRead, _t: float) -> None:
        self.read = event

    def _answer_given(self, event: events.AnswerGiven, _t: float) -> None:
        self.answer = event

    def _run_finished(self, event: events.RunFinished, t: float) -> None:
        self.finished = event
        for node in self.nodes.values():
            self._close(node, t)

    def _warned(self, event: events.Warned, _t: float) -> None:
        self.notices.append(event.message)

    def _limit_reached(self, event: events.LimitHit, _t: float) -> None:
        self.notices.append(event.message)

    # --- nodes and turns

    def _node(self, name: str, t: float) -> Node:
        return self.nodes.setdefault(name, Node(name, depth=name.count("."), began=t))

    def _turn(self, node: str, number: int, t: float) -> Turn:
        found = self.turns.get((node, number))
        if found is None:
            own = self._node(node, t)
            found = self.turns[node, number] = Turn(number, began=t, prompt=len(own.messages))
            own.turns.append(found)
        return found

    def _cell(self, node: str, turn: int, name: str, t: float) -> Cell:
        found = self.cells.get(name)
        if found is None:
            found = self.cells[name] = Cell(name, node, began=t)
            self._turn(node, turn, t).cells.append(found)
        return found

    def _close(self, node: Node, t: float) -> None:
        if node.ended is None:
            node.ended = t
        if node.turns and node.turns[-1].ended is None:
            node.turns[-1].ended = node.ended

    def _node_started(self, event: events.NodeStarted, t: float) -> None:
        node = self._node(event.node, t)
        node.question, node.depth, node.site, node.began = event.question, event.depth, event.site, t
        # Once, and never the root: so no journal leads in a circle.
        if event.cell is None or event.parent is None or node.id == "0" or node.asked_by is not None:
            return
        cell = self._cell(event.parent, _turn_of(event.cell), event.cell, t)
        parent = self._node(cell.node, t)
        if parent.level >= _NESTED and parent.asked_by is not None:
            cell = parent.asked_by
        node.level, node.asked_by = min(parent.level + 1, _NESTED), cell
        cell.children.append(node)

    def _node_finished(self, event: events.NodeFinished, t: float) -> None:
        node = self._node(event.node, t)
        node.status, node.answer, node.ended = event.status, event.answer, t
        self._close(node, t)

    def _turn_started(self, event: events.TurnStarted, t: float) -> None:
        self._turn(event.node, event.turn, t)

    def _turn_finished(self, event: events.TurnFinished, t: float) -> None:
        self._turn(event.node, event.turn, t).ended = t

    def _message(self, event: events.MessageAdded, t: float) -> None:
        node = self._node(event.node, t)
        role: Any = event.role
        if event.role == "assistant" and event.turn:
            turn = self._turn(event.node, event.turn, t)
            turn.prompt, turn.reply = len(node.messages), event.content
        node.messages.append(Message(role, event.content))

    def _compacted(self, event: events.Compacted, t: float) -> None:
        node = self._node(event.node, t)
        node.cuts.append((len(node.messages), event.keep, event.summary))

    # --- cells and calls

    def _cell_started(self, event: events.CellStarted, t: float) -> None:
        cell = self._cell(event.node, event.turn, event.cell, t)
        cell.code, cell.title, cell.began = event.code, event.title, t

    def _cell_finished(self, event: events.CellFinished, t: float) -> None:
        cell = self._cell(event.node, event.turn, event.cell, t)
        cell.finished, cell.ended = event, t

    def _call_started(self, event: events.CallStarted, t: float) -> None:
        call = self.calls[event.call] = Call(event, began=t)
        turn = self._turn(event.node, event.turn, t)
        if event.cell is not None:
            self._cell(event.node, event.turn, event.cell, t).calls.append(call)
        elif event.purpose == "root" and (turn.call is None or turn.call.failed is not None):
            turn.others += [turn.call] if turn.call else []  # a resume asks once more
            turn.call = call
        else:
            turn.others.append(call)

    def _call_retried(self, event: events.CallRetried, _t: float) -> None:
        if event.call in self.calls:
            self.calls[event.call].retries.append(event)

    def _call_finished(self, event: events.CallFinished, t: float) -> None:
        if event.call in self.calls:
            call = self.calls[event.call]
            call.finished, call.ended = event, t

    def _call_failed(self, event: events.CallFailed, t: float) -> None:
        if event.call in self.calls:
            call = self.calls[event.call]
            call.failed, call.ended = event, t


def _turn_of(cell: str) -> int:
    """The turn that a cell's name holds: `0/3.1` is turn 3."""
    number = cell.rpartition("/")[2].partition(".")[0]
    return int(number) if number.isdecimal() and len(number) < 10 else 1
