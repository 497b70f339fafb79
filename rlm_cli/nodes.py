"""What a run is made of while it goes: nodes, their turns, cells and calls, and sums over them. `state` folds them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

LABEL_KEPT = 200  # characters of a title or label
RATE_WINDOW = 20  # finished calls from which rate and time left are estimated


@dataclass(slots=True)
class Totals:
    """Sums over calls. `cost` in dollars; `unpriced` counts the calls whose cost nobody knows."""

    calls: int = 0  # finished, failed ones included
    failed: int = 0
    retries: int = 0
    recalled: int = 0  # answered from memory
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0

    @property
    def cost_known(self) -> bool:
        return self.unpriced == 0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(slots=True)
class Call:
    """A call in flight."""

    id: str
    node: str
    turn: int
    purpose: str
    model: str
    label: str
    started: float
    input_tokens: int
    note: str = ""  # why it is tried again
    sums: list[Totals] = field(default_factory=list)
    group: Group | None = None


@dataclass(slots=True)
class Group:
    """All calls, or all children, that one line of one cell asks for."""

    cell: str
    site: int | None
    recursive: bool = False
    total: int | None = None  # how many it asked for in all, where known
    done: int = 0
    failed: int = 0
    stopped: int = 0  # calls that ended because the run did: a resume asks them again
    totals: Totals = field(default_factory=Totals)
    running: dict[str, Call] = field(default_factory=dict)  # oldest first
    children: dict[str, Node] = field(default_factory=dict)  # running ones, oldest first
    failures: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=2))  # label, message
    ends: deque[float] = field(default_factory=lambda: deque(maxlen=RATE_WINDOW + 1))

    @property
    def ended(self) -> int:
        return self.done + self.failed

    @property
    def unfinished(self) -> bool:
        """Whether the run stopped before all that was asked for had ended."""
        return self.stopped > 0 and self.ended < self.size

    @property
    def in_flight(self) -> int:
        return len(self.children) if self.recursive else len(self.running)

    @property
    def size(self) -> int:
        """How many calls this is about: asked for, or seen so far."""
        return max(self.total or 0, self.ended + self.in_flight)

    def rate(self, now: float) -> float | None:
        """Calls per second lately, None before there is enough to tell."""
        if len(self.ends) < 3 or now <= self.ends[0]:
            return None
        return (len(self.ends) - 1) / (now - self.ends[0])

    def left(self, now: float) -> float | None:
        """Seconds until it is done at that rate."""
        rate = self.rate(now)
        if rate is None or self.total is None or self.total <= self.ended:
            return None
        return (self.total - self.ended) / rate


@dataclass(slots=True)
class Cell:
    """One cell of Python, running or finished."""

    id: str
    title: str
    code: str
    started: float
    ended: float | None = None
    output: str = ""
    output_length: int = 0
    error: dict[str, Any] | None = None
    submitted: bool = False


@dataclass(slots=True)
class Turn:
    """One turn of a node: a reply of the model, then its cells."""

    number: int
    started: float
    ended: float | None = None
    cells: list[Cell] = field(default_factory=list)
    groups: dict[tuple[str, int | None, bool], Group] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
    asking: Call | None = None  # the node's own call in flight: root, extract, compact
    streamed: str = ""  # the end of the reply that is coming in

    @property
    def cell(self) -> Cell | None:
        return self.cells[-1] if self.cells else None

    @property
    def title(self) -> str:
        """What this turn does, from its last cell that says so."""
        return next((cell.title for cell in reversed(self.cells) if cell.title), "")

    @property
    def error(self) -> dict[str, Any] | None:
        """Why its last cell failed, if it did."""
        return self.cell.error if self.cell else None

    def seconds(self, now: float) -> float:
        return max(0.0, (now if self.ended is None else self.ended) - self.started)


@dataclass(slots=True)
class Node:
    """The root or a child RLM."""

    id: str
    depth: int = 0
    question: str = ""
    parent: Node | None = None
    parent_turn: Turn | None = None
    group: Group | None = None
    started: float = 0.0
    ended: float | None = None
    status: str = ""
    answer: str = ""
    turn_count: int = 0
    turns: list[Turn] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)

    @property
    def turn(self) -> Turn | None:
        return self.turns[-1] if self.turns else None

    @property
    def running(self) -> bool:
        return self.ended is None

    @property
    def failure(self) -> tuple[str, str]:
        """What it was asked, and why that failed."""
        return self.question[:LABEL_KEPT], self.answer[:LABEL_KEPT] or "failed"

    def end(self, t: float) -> None:
        """It ends with its last turn, whose own end is not told when a cell submits or a limit strikes."""
        if self.ended is None:
            self.ended = t
        if self.turn is not None and self.turn.ended is None:
            self.turn.ended, self.turn.asking, self.turn.streamed = self.ended, None, ""

    def go_on(self) -> None:
        """A resume took it up again: the end that `end` gave it and its last turn is taken back."""
        if self.turn is not None and self.turn.ended == self.ended:
            self.turn.ended = None
        self.ended = None

    def lineage(self) -> Iterator[tuple[Node, Turn | None]]:
        """This node with its present turn, then its ancestors, each with the turn that asked."""
        yield self, self.turn
        node = self
        while node.parent is not None:
            yield node.parent, node.parent_turn
            node = node.parent
