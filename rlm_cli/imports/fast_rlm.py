"""Logs of fast-rlm: one line for each step of each agent, with the agent's id, its parent's, and the usage.

A sub-agent there has its own context and loop, so that it is a child here. Its lines do not say which step of its
parent called it: it is put into the step that was being worked on, which is the next that the parent logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rlm_cli.events import (
    AnswerGiven,
    CallFinished,
    CallStarted,
    CellFinished,
    CellStarted,
    Event,
    MessageAdded,
    NodeFinished,
    NodeStarted,
    RunFinished,
    RunStarted,
    TurnFinished,
    TurnStarted,
)
from rlm_cli.imports import Fields, fields, moment, number, text

_MODEL = "unknown"  # the log does not name it
Step = tuple[float, Event]


@dataclass(slots=True)
class _Agent:
    node: str
    parent: _Agent | None
    turn: int = 0
    ended: bool = False
    children: int = 0
    answer: str | None = None
    open: str = ""  # the cell that its children belong to
    last: float = 0.0  # seconds at its last line


def read(lines: Iterable[Fields]) -> Iterator[Step]:
    """The log as events. Yields nothing where it holds no agent."""
    yield from _Reader().read(lines)


class _Reader:
    def __init__(self) -> None:
        self.agents: dict[str, _Agent] = {}
        self.origin: float | None = None
        self.t = 0.0
        self.calls = 0

    def read(self, lines: Iterable[Fields]) -> Iterator[Step]:
        root: _Agent | None = None
        for line in lines:
            self.follow_clock(line)
            agent = self.agents.get(text(line.get("run_id")))
            if agent is None:
                agent, begun = self.begin(line, root)
                root = root or agent
                yield from begun
            yield from self.line(agent, line)
        if root is None:
            return
        for agent in reversed([*self.agents.values()]):
            yield from self.end(agent)
        status = "failed" if root.answer is None else "answered"
        yield self.now(AnswerGiven(status=status, text=root.answer or ""))
        yield self.now(RunFinished(status=status, exit_code=0 if root.answer is not None else 6))

    def follow_clock(self, line: Fields) -> None:
        at = moment(line.get("time"))
        if at is not None:
            self.origin = at.timestamp() if self.origin is None else self.origin
            self.t = max(self.t, at.timestamp() - self.origin)

    def now(self, event: Event) -> Step:
        return round(self.t, 6), event

    def begin(self, line: Fields, root: _Agent | None) -> tuple[_Agent, list[Step]]:
        parent = self.agents.get(text(line.get("parent_run_id"))) or root
        question = text(line.get("output")) if line.get("step") == 0 else ""
        begun = []
        if parent is None:
            agent = _Agent("0", None)
            begun.append(
                self.now(
                    RunStarted(
                        run="", version="fast-rlm", question=question, sources=[], root_model=_MODEL, sub_model=_MODEL
                    )
                )
            )
            begun.append(self.now(NodeStarted(node="0", depth=0, question=question)))
        else:
            parent.children += 1
            agent = _Agent(f"{parent.node}.{parent.children}", parent)
            if not parent.open:
                begun.append(self.turn(parent))
            begun.append(
                self.now(
                    NodeStarted(
                        node=agent.node, depth=agent.node.count("."), question=question, parent=parent.node,
                        cell=parent.open,
                    )
                )
            )  # fmt: skip
        agent.last = self.t
        self.agents[text(line.get("run_id"))] = agent
        return agent, begun

    def line(self, agent: _Agent, line: Fields) -> Iterator[Step]:
        kind = line.get("event_type")
        if kind == "final_result":
            agent.answer = text(line.get("result"))
            yield from self.end(agent)
            return
        if line.get("step") == 0:  # what the agent is shown of its context before it says anything
            yield self.now(MessageAdded(node=agent.node, turn=0, role="user", content=text(line.get("output"))))
            return
        if not agent.open:
            yield self.turn(agent)
        yield from self.close(agent, line)

    def turn(self, agent: _Agent) -> Step:
        """Begin a turn. Where a child comes first, the code is not known yet: the log tells it at the step's end."""
        agent.turn += 1
        agent.open = f"{agent.node}/{agent.turn}.1"
        return round(agent.last, 6), TurnStarted(node=agent.node, turn=agent.turn)

    def close(self, agent: _Agent, line: Fields) -> Iterator[Step]:
        usage, code, output = fields(line.get("usage")), text(line.get("code")), text(line.get("output"))
        self.calls += 1
        call, reply = f"c{self.calls}", text(line.get("reasoning")) + f"\n```repl\n{code}\n```"
        cost = usage.get("cost")
        yield (
            round(agent.last, 6),
            CallStarted(
                call=call, node=agent.node, turn=agent.turn, purpose="root", model=_MODEL,
                input_tokens=int(number(usage.get("prompt_tokens"))), max_tokens=0, reserved=None,
            ),
        )  # fmt: skip
        yield self.now(
            CallFinished(
                call=call, text=reply, finish="", input_tokens=int(number(usage.get("prompt_tokens"))),
                output_tokens=int(number(usage.get("completion_tokens"))),
                cached_tokens=int(number(usage.get("cached_tokens"))), cost=number(cost) if cost is not None else None,
            )
        )  # fmt: skip
        yield self.now(MessageAdded(node=agent.node, turn=agent.turn, role="assistant", content=reply))
        yield self.now(_cell(agent, code))
        error = {"type": "Error", "message": output[-500:]} if line.get("hasError") is True else None
        yield self.now(
            CellFinished(
                node=agent.node, turn=agent.turn, cell=agent.open, output=output, output_length=len(output), error=error
            )
        )
        yield self.now(TurnFinished(node=agent.node, turn=agent.turn, seconds=self.t - agent.last))
        agent.open, agent.last = "", self.t

    def end(self, agent: _Agent) -> Iterator[Step]:
        if agent.ended:
            return
        agent.ended = True
        status = "failed" if agent.answer is None else "answered"
        yield self.now(NodeFinished(node=agent.node, status=status, answer=agent.answer or ""))


def _cell(agent: _Agent, code: str) -> CellStarted:
    title = next((line.strip("# ") for line in code.splitlines() if line.strip()), "")[:200]
    return CellStarted(node=agent.node, turn=agent.turn, cell=agent.open, code=code, title=title)
