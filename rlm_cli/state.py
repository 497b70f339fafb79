"""What a run looks like now: a fold over its events, in the order of the journal.

    state = State()
    for record in records:
        state.apply(record)

`State` never raises on events that come out of order or are missing: a torn journal still shows what it holds. Memory
is bounded: calls are grouped by call site (node, cell, line), so ten thousand of them take as much as ten; finished
turns and children are folded into the sums of their parents, unless `whole` asks to keep them.

Text in here is as the events hold it, cut but not cleaned: whoever draws it passes it through `terminal.clean`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rlm_cli import events, figures
from rlm_cli.events import Record
from rlm_cli.nodes import LABEL_KEPT, Call, Cell, Group, Node, Totals, Turn

CODE_KEPT = 20_000  # characters of a cell
TEXT_KEPT = 8_000  # characters of an output or answer
STREAM_KEPT = 400  # characters of a reply that is coming in
WARNINGS_KEPT = 100

_CHANGES = {
    "truncated": "has become shorter",
    "outdated": "was read from a file that has changed",
    "grown": "has grown",
    "modified": "has been written to",
    "replaced": "is another file",
    "gone": "is gone",
}
_FRAME = re.compile(r"\A\s*[^\n]*:\n<text>\n")  # a prompt that begins with its text begins alike in every call
_FILE_HEADER = re.compile(r"==> (.{1,300}?) <==")


def _keep(name: str) -> Callable[[Any, Any, float], None]:
    """A fold that keeps the event itself, the last one."""
    return lambda state, event, _t: setattr(state, name, event)


@dataclass(slots=True)
class State:
    """The run as far as its events have told. See the module for what is kept."""

    whole: bool = False
    t: float = 0.0  # seconds of the last event
    run: events.RunStarted | None = None
    resumed: events.RunResumed | None = None
    replayed: events.RunReplayed | None = None
    asked: events.QuestionAsked | None = None  # the last further question
    input: events.InputOpened | None = None
    read: events.InputRead | None = None  # what was read of each file
    reading: events.InputProgress | None = None  # a pipe or archive that takes long
    strategy: events.StrategyChosen | None = None
    sandbox: events.SandboxReady | None = None
    answer: events.AnswerGiven | None = None
    finished: events.RunFinished | None = None
    limits_hit: list[events.LimitHit] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)  # in flight
    totals: Totals = field(default_factory=Totals)
    models: dict[str, Totals] = field(default_factory=dict)
    children_count: int = 0  # child RLMs ever started
    warnings: list[str] = field(default_factory=list)
    warning_count: int = 0
    stopped: dict[str, Node] = field(default_factory=dict)  # children that ended without an answer: a resume goes on

    # --- reading --------------------------------------------------------------------------------------------------

    @property
    def root(self) -> Node | None:
        return self.nodes.get("0")

    @property
    def question(self) -> str:
        """What the answer is an answer to: the last question that was asked."""
        return self.asked.question if self.asked else self.run.question if self.run else ""

    @property
    def turn_count(self) -> int:
        return self.root.turn_count if self.root else 0

    @property
    def called(self) -> str:
        """What the user calls this run in a command; empty before it began."""
        return "" if self.run is None else figures.called(self.run.run, self.run.settings.get("trajectory"))

    @property
    def over(self) -> bool:
        return self.finished is not None

    def limit(self, name: str) -> float | None:
        """The limit `name` (cost, time, turns, calls, tokens, depth) of this run, None where there is none."""
        source = self.asked or self.resumed or self.run
        limits = source.limits if source and source.limits else (self.run.limits if self.run else {})
        value = limits.get(name, limits.get(f"max_{name}"))
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    # --- folding --------------------------------------------------------------------------------------------------

    def apply(self, record: Record) -> None:
        """Fold one event in."""
        self.t = max(self.t, record.t)
        fold = self._FOLDS.get(record.event.type)
        if fold is not None:
            fold(self, record.event, record.t)

    def _run_resumed(self, event: events.RunResumed, _t: float) -> None:
        self.resumed = event
        self.finished = self.answer = None
        self.limits_hit.clear()
        if self.root is not None:
            self.root.go_on()

    def _question_asked(self, event: events.QuestionAsked, _t: float) -> None:
        self.asked, self.finished, self.answer = event, None, None
        self.limits_hit.clear()
        if self.root is not None:
            self.root.ended = None

    def _input_changed(self, event: events.InputChanged, _t: float) -> None:
        if event.reason in _CHANGES:
            self._warn(f"{event.name} {_CHANGES[event.reason]} since the run began")
        else:
            self._warn(f"{event.name} is not read: {event.reason}")

    def _sandbox_lost(self, event: events.SandboxLost, _t: float) -> None:
        gone = f", {', '.join(event.lost[:5])} could not be rebuilt" if event.lost else ""
        self._warn(f"the worker was replaced: {event.reason}{gone}")

    def _warn(self, message: str) -> None:
        self.warning_count += 1
        if len(self.warnings) < WARNINGS_KEPT:
            self.warnings.append(message[:TEXT_KEPT])

    def _run_finished(self, event: events.RunFinished, t: float) -> None:
        self.finished = event
        for node in self.nodes.values():
            node.end(t)

    # --- nodes and turns

    def _node(self, name: str) -> Node:
        """The node, gone on with where it had stopped, made up where its start was not seen."""
        node = self.nodes.get(name)
        if self.resumed is not None and name in self.stopped:
            node = self._revived(self.stopped.pop(name))
        if node is None:
            node = self.nodes[name] = Node(name, depth=name.count("."), started=self.t)
        return node

    def _revived(self, node: Node) -> Node:
        """A child that had stopped runs again: its end is taken back, so that it counts once."""
        group = node.group
        if group is not None:
            if node.status == "failed":
                group.failed -= 1
                with suppress(ValueError):
                    group.failures.remove(node.failure)
            else:
                group.done -= 1
            group.children[node.id] = node
        node.go_on()
        node.status = node.answer = ""
        self.nodes[node.id] = node
        return node

    def _turn(self, node: Node, number: int) -> Turn:
        """The node's turn, begun where its start was not seen."""
        turn = node.turn
        if turn is None or number > turn.number:
            turn = Turn(number, started=self.t)
            if not self.whole:
                del node.turns[:-1]
            node.turns.append(turn)
            node.turn_count = max(node.turn_count, number)
        elif number < turn.number:
            return next((old for old in reversed(node.turns) if old.number == number), turn)
        return turn

    def _node_started(self, event: events.NodeStarted, t: float) -> None:
        parent = self.nodes.get(event.parent) if event.parent is not None else None
        node = Node(event.node, event.depth, event.question[:TEXT_KEPT], parent, started=t)
        self.nodes[event.node] = node
        if parent is None:
            return
        self.children_count += 1
        node.parent_turn = self._turn_of_cell(parent, event.cell)
        node.group = self._group(node.parent_turn, event.cell or "", event.site, recursive=True)
        node.group.children[node.id] = node

    def _node_finished(self, event: events.NodeFinished, t: float) -> None:
        node = self._node(event.node)
        node.end(t)
        node.status, node.answer = event.status, event.answer[:TEXT_KEPT]
        if node.group is None:
            return
        node.group.children.pop(node.id, None)
        node.group.ends.append(t)
        if event.status == "failed":
            node.group.failed += 1
            node.group.failures.append(node.failure)
        else:
            node.group.done += 1
        if event.status not in ("answered", "not_found"):
            self.stopped[node.id] = node
        if not self.whole:
            self.nodes.pop(node.id, None)

    def _turn_started(self, event: events.TurnStarted, _t: float) -> None:
        self._turn(self._node(event.node), event.turn)

    def _turn_finished(self, event: events.TurnFinished, t: float) -> None:
        turn = self._turn(self._node(event.node), event.turn)
        turn.ended, turn.asking, turn.streamed = t, None, ""

    def _text_streamed(self, event: events.TextStreamed, _t: float) -> None:
        turn = self._turn(self._node(event.node), event.turn)
        turn.streamed = (turn.streamed + event.text)[-STREAM_KEPT:]

    # --- cells

    def _cell_started(self, event: events.CellStarted, t: float) -> None:
        turn = self._turn(self._node(event.node), event.turn)
        turn.streamed = ""
        title = event.title or next(
            (line.strip("# \t") for line in event.code[:CODE_KEPT].splitlines() if line.strip()), ""
        )
        turn.cells.append(Cell(event.cell, title[:LABEL_KEPT], event.code[:CODE_KEPT], started=t))

    def _cell_finished(self, event: events.CellFinished, t: float) -> None:
        turn = self._turn(self._node(event.node), event.turn)
        cell = next((cell for cell in reversed(turn.cells) if cell.id == event.cell), None)
        if cell is None:
            cell = Cell(event.cell, "", "", started=t)
            turn.cells.append(cell)
        cell.ended, cell.error, cell.submitted = t, event.error, event.submitted
        cell.output, cell.output_length = _ends(event.output, TEXT_KEPT), event.output_length

    # --- calls

    def _turn_of_cell(self, node: Node, cell: str | None) -> Turn:
        """The turn that a cell's name holds: `0/3.1` is turn 3."""
        match = re.search(r"/(\d{1,9})", cell or "")
        number = int(match[1]) if match else (node.turn.number if node.turn else 1)
        return self._turn(node, number)

    def _group(self, turn: Turn, cell: str, site: int | None, *, recursive: bool) -> Group:
        return turn.groups.setdefault((cell, site, recursive), Group(cell, site, recursive))

    def _batch_started(self, event: events.BatchStarted, _t: float) -> None:
        turn = self._turn_of_cell(self._node(event.node), event.cell)
        group = self._group(turn, event.cell, event.site, recursive=event.recursive)
        group.total = (group.total or 0) + event.total

    def _call_started(self, event: events.CallStarted, t: float) -> None:
        node = self._node(event.node)
        turn = self._turn(node, event.turn)
        sums = [self.totals, self.models.setdefault(event.model, Totals())]
        for ancestor, asked in node.lineage():
            sums.append(ancestor.totals)
            if ancestor.group is not None:
                sums.append(ancestor.group.totals)
            # A call may end after its turn: `turn` of the event counts for its own node.
            own = turn if ancestor is node else asked
            if own is not None:
                sums.append(own.totals)
        call = Call(
            event.call, event.node, event.turn, event.purpose, event.model, "", t, event.input_tokens, sums=sums
        )
        if event.cell is not None:
            call.group = self._group(turn, event.cell, event.site, recursive=False)
            call.group.running[call.id] = call
            call.label = call_label(event)
            sums.append(call.group.totals)
        else:
            turn.asking = call
        self.calls[call.id] = call

    def _call_retried(self, event: events.CallRetried, _t: float) -> None:
        call = self.calls.get(event.call)
        for totals in call.sums if call else [self.totals]:
            totals.retries += 1
        if call:
            call.note = f"{event.reason[:LABEL_KEPT]}, try {event.attempt + 1} in {event.wait:.0f}s"

    def _call_finished(self, event: events.CallFinished, t: float) -> None:
        call = self._call_ended(event.call, t)
        for totals in call.sums if call else [self.totals]:
            totals.calls += 1
            totals.input_tokens += event.input_tokens
            totals.output_tokens += event.output_tokens
            totals.cached_tokens += event.cached_tokens
            totals.recalled += event.memo
            totals.cost += event.cost or 0.0
            totals.unpriced += event.cost is None and not event.memo
        if call and call.group:
            call.group.done += 1

    def _call_failed(self, event: events.CallFailed, t: float) -> None:
        call = self._call_ended(event.call, t)
        for totals in call.sums if call else [self.totals]:
            totals.calls += 1
            totals.failed += 1
            totals.cost += event.cost or 0.0
        if call and call.group and event.error in events.STOPPED:
            call.group.stopped += 1
        elif call and call.group:
            call.group.failed += 1
            call.group.failures.append((call.label, f"{event.error}: {event.message}"[:LABEL_KEPT]))

    def _call_ended(self, name: str, t: float) -> Call | None:
        call = self.calls.pop(name, None)
        if call is None:
            return None
        if call.group is not None:
            call.group.running.pop(name, None)
            call.group.ends.append(t)
        else:
            node = self.nodes.get(call.node)
            for turn in node.turns if node else []:
                if turn.asking is call:
                    turn.asking = None
        return call

    _FOLDS: ClassVar[dict[str, Callable[[State, Any, float], None]]] = {
        "run.started": _keep("run"),
        "run.resumed": _run_resumed,
        "run.replayed": _keep("replayed"),
        "question.asked": _question_asked,
        "input.opened": _keep("input"),
        "input.progress": _keep("reading"),
        "input.read": _keep("read"),
        "input.changed": _input_changed,
        "strategy.chosen": _keep("strategy"),
        "limit.reached": lambda state, event, _t: state.limits_hit.append(event),
        "warned": lambda state, event, _t: state._warn(event.message),
        "answer.given": _keep("answer"),
        "run.finished": _run_finished,
        "node.started": _node_started,
        "node.finished": _node_finished,
        "sandbox.ready": _keep("sandbox"),
        "sandbox.lost": _sandbox_lost,
        "turn.started": _turn_started,
        "turn.finished": _turn_finished,
        "text.streamed": _text_streamed,
        "cell.started": _cell_started,
        "cell.finished": _cell_finished,
        "batch.started": _batch_started,
        "call.started": _call_started,
        "call.retried": _call_retried,
        "call.finished": _call_finished,
        "call.failed": _call_failed,
    }


def call_label(event: events.CallStarted) -> str:
    """What tells a call from its neighbours: the file it is about, else how its prompt begins, else its place."""
    place = f"#{event.slot + 1} " if event.slot is not None else ""
    if event.about:
        return f"{place}{event.about}"[:LABEL_KEPT]
    for message in reversed(event.messages or []):
        text = str(message.get("content", ""))
        found = _FILE_HEADER.search(text, 0, 4_000)
        if found:
            return found[1][:LABEL_KEPT]
        if message.get("role") == "user":
            text = _FRAME.sub("", text[:1_000], count=1)
            first = next((line.strip() for line in text.splitlines() if line.strip()), "")
            return f"{place}{first}"[:LABEL_KEPT]
    return place.strip() or event.call


def _ends(text: str, limit: int) -> str:
    """The head and the tail of a long text."""
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]}\n…\n{text[-limit // 2 :]}"
