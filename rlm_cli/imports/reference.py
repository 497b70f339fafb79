"""Logs of the reference implementation (alexzhang13/rlm): one line of metadata, then one an iteration.

The log tells when an iteration ended and how long it and its calls took, not when each call began: calls follow each
other here. Failed sub-calls are not in it, nor is what the root's own replies cost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from rlm_cli.events import (
    AnswerGiven,
    CallFailed,
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
from rlm_cli.imports import Fields, fields, items, moment, number, text

_QUESTION = re.compile(r'original query: "([^"]*)"')
_SIZE = 80  # characters of a variable's value
Step = tuple[float, Event]


def read(lines: Iterable[Fields]) -> Iterator[Step]:
    """The log as events. Yields nothing where it holds no iteration."""
    yield from _Reader().read(lines)


class _Reader:
    def __init__(self) -> None:
        self.t = 0.0
        self.origin: float | None = None
        self.calls = 0
        self.model = ""
        self.turns: dict[str, int] = {}
        self.answer: str | None = None

    def read(self, lines: Iterable[Fields]) -> Iterator[Step]:
        metadata: Fields = {}
        begun = False
        for line in lines:
            if line.get("type") == "metadata":
                metadata = line
                continue
            if not begun:
                begun = True
                yield from self.begin(metadata, line)
            yield from self.iteration(line, "0")
            if isinstance(line.get("final_answer"), str):
                self.answer = line["final_answer"]
        if begun:
            yield from self.end()

    def begin(self, metadata: Fields, first: Fields) -> Iterator[Step]:
        self.model = text(metadata.get("root_model")) or "unknown"
        others = [text(one) for one in items(metadata.get("other_backends"))]
        said = "\n".join(text(fields(message).get("content")) for message in items(first.get("prompt")))
        found = _QUESTION.search(said)
        question = found[1] if found else ""
        yield self.now(
            RunStarted(
                run="",
                version="reference",
                question=question,
                sources=[],
                root_model=self.model,
                sub_model=", ".join(others) or self.model,
                limits={
                    "max_turns": int(number(metadata.get("max_iterations"))) or None,
                    "max_depth": int(number(metadata.get("max_depth"))) or None,
                },
            )
        )
        yield self.now(NodeStarted(node="0", depth=0, question=question))

    def end(self) -> Iterator[Step]:
        status = "failed" if self.answer is None else "answered"
        yield self.now(NodeFinished(node="0", status=status, answer=self.answer or ""))
        yield self.now(AnswerGiven(status=status, text=self.answer or ""))
        yield self.now(RunFinished(status=status, exit_code=0 if self.answer is not None else 6))

    def now(self, event: Event) -> Step:
        return round(self.t, 6), event

    def iteration(self, data: Fields, node: str, usage: Fields | None = None) -> Iterator[Step]:
        """One turn. `usage` is the call of the parent whose sums it carries: the log has none for single replies."""
        turn = self.turns[node] = self.turns.get(node, 0) + 1
        blocks = [fields(block) for block in items(data.get("code_blocks"))]
        running = sum(number(fields(block.get("result")).get("execution_time")) for block in blocks)
        self.follow_clock(data)
        yield self.now(TurnStarted(node=node, turn=turn))
        if turn == 1:
            for message in map(fields, items(data.get("prompt"))):
                role, content = text(message.get("role")), text(message.get("content"))
                yield self.now(MessageAdded(node=node, turn=0, role=role, content=content))
        response = text(data.get("response"))
        call = self.name()
        yield self.now(_asked(call, node, turn, "root", self.model))
        self.t += max(0.0, number(data.get("iteration_time")) - running)
        yield self.now(_answered(call, response, usage or {}))
        yield self.now(MessageAdded(node=node, turn=turn, role="assistant", content=response))
        for place, block in enumerate(blocks, start=1):
            yield from self.cell(block, node, turn, f"{node}/{turn}.{place}")
        yield self.now(TurnFinished(node=node, turn=turn, seconds=number(data.get("iteration_time"))))

    def follow_clock(self, data: Fields) -> None:
        ended = moment(data.get("timestamp"))
        if ended is None:
            return
        began = ended.timestamp() - number(data.get("iteration_time"))
        self.origin = began if self.origin is None else self.origin
        self.t = max(self.t, began - self.origin)

    def cell(self, block: Fields, node: str, turn: int, cell: str) -> Iterator[Step]:
        result, code = fields(block.get("result")), text(block.get("code"))
        calls = [fields(call) for call in items(result.get("rlm_calls"))]
        title = next((line.strip("# ") for line in code.splitlines() if line.strip()), "")[:200]
        yield self.now(CellStarted(node=node, turn=turn, cell=cell, code=code, title=title))
        began = self.t
        for slot, call in enumerate(calls):
            yield from self.call(call, node, turn, cell, slot)
        seconds = number(result.get("execution_time"))
        self.t = max(self.t, began + seconds)
        output, stderr = text(result.get("stdout")), text(result.get("stderr"))
        yield self.now(
            CellFinished(
                node=node,
                turn=turn,
                cell=cell,
                output=output,
                output_length=len(output),
                error={"type": "stderr", "message": stderr} if stderr else None,
                seconds=seconds,
                variables=[_variable(name, value) for name, value in fields(result.get("locals")).items()],
                submitted=isinstance(result.get("final_answer"), str),
            )
        )

    def call(self, call: Fields, node: str, turn: int, cell: str, slot: int) -> Iterator[Step]:
        child = items(fields(call.get("metadata")).get("iterations"))
        if child:
            yield from self.child(call, [fields(one) for one in child], f"{node}.{self.next_child(node)}", cell)
            return
        name, model = self.name(), text(call.get("root_model")) or self.model
        messages = [{"role": "user", "content": _prompt(call.get("prompt"))}]
        yield self.now(_asked(name, node, turn, "sub", model, cell=cell, slot=slot, messages=messages))
        self.t += number(call.get("execution_time"))
        if call.get("error"):
            yield self.now(CallFailed(call=name, error="Error", message=text(call["error"])))
        else:
            yield self.now(_answered(name, text(call.get("response")), call))

    def next_child(self, node: str) -> int:
        self.turns[f"{node} children"] = self.turns.get(f"{node} children", 0) + 1
        return self.turns[f"{node} children"]

    def child(self, call: Fields, steps: list[Fields], node: str, cell: str) -> Iterator[Step]:
        question = _prompt(call.get("prompt"))
        parent = cell.partition("/")[0]
        yield self.now(NodeStarted(node=node, depth=node.count("."), question=question, parent=parent, cell=cell))
        for step in steps:
            yield from self.iteration(step, node, call if step is steps[-1] else None)
        status = "failed" if call.get("error") else "answered"
        yield self.now(NodeFinished(node=node, status=status, answer=text(call.get("response"))))

    def name(self) -> str:
        self.calls += 1
        return f"c{self.calls}"


def _asked(call: str, node: str, turn: int, purpose: str, model: str, **more: Any) -> CallStarted:
    return CallStarted(
        call=call,
        node=node,
        turn=turn,
        purpose=purpose,
        model=model,
        input_tokens=0,
        max_tokens=0,
        reserved=None,
        **more,
    )


def _answered(call: str, reply: str, data: Fields) -> CallFinished:
    """Tokens and cost from the usage summary, whose models are summed."""
    summary = fields(data.get("usage_summary"))
    models = [fields(one) for one in fields(summary.get("model_usage_summaries")).values()]
    read = sum(int(number(one.get("total_input_tokens"))) for one in models)
    written = sum(int(number(one.get("total_output_tokens"))) for one in models)
    cost = summary.get("total_cost")
    return CallFinished(
        call=call,
        text=reply,
        finish="",
        input_tokens=read or int(number(data.get("prompt_tokens"))),
        output_tokens=written or int(number(data.get("completion_tokens"))),
        cost=number(cost) if cost is not None else None,
        seconds=number(data.get("execution_time")),
    )


def _prompt(prompt: object) -> str:
    if isinstance(prompt, list):
        return "\n\n".join(text(fields(message).get("content")) for message in prompt)
    return text(prompt)


def _variable(name: str, value: object) -> list[str]:
    kind = type(value).__name__ if not isinstance(value, str) else "str"
    size = f"{len(value)} characters" if isinstance(value, str) and len(value) > _SIZE else text(value)[:_SIZE]
    return [name, kind, size]
