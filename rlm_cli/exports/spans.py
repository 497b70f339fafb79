"""Spans of OpenTelemetry by its conventions for generative AI, made from a run.

A node is an agent that is invoked, a cell a tool that is executed, a call a chat. Ids are made from the run's own, so
that the same run exported twice is one trace.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rlm_cli.exports.trajectory import Call, Cell, Node, Trajectory, Turn
from rlm_cli.models import Message

Attribute: TypeAlias = bool | int | float | str | list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span. `began` and `ended` are nanoseconds since 1970, ids hexadecimal as OTLP's JSON has them."""

    trace: str  # 16 bytes
    id: str  # 8 bytes
    parent: str | None
    name: str
    calling: bool = False  # of kind CLIENT: a request to another system; else INTERNAL
    began: int
    ended: int
    attributes: Mapping[str, Attribute]
    error: str | None = None  # what failed


def spans(run: Trajectory, name: str, *, content: bool) -> Iterator[Span]:
    """The spans of a run, parents first. `name`: the run's where its journal does not tell; `content`: texts too."""
    if run.root is None:
        return
    made = _Spans(run, name, content=content)
    open_parts: list[Iterator[_Part]] = [made.node(run.root, None)]
    while open_parts:  # not `yield from`: each span would climb through every level above it
        part = next(open_parts[-1], None)
        if part is None:
            open_parts.pop()
        elif isinstance(part, Span):
            yield part
        else:
            open_parts.append(part)


class _Spans:
    """Makes the spans of one run. What is inside of a span follows it as an iterator."""

    def __init__(self, run: Trajectory, name: str, *, content: bool) -> None:
        self._run = run
        self._name = run.run.run if run.run else name
        self._content = content
        self._trace = hashlib.sha256(_bytes(self._name)).hexdigest()[:32]

    def node(self, node: Node, parent: str | None) -> Iterator[_Part]:
        model = self._run.run.root_model if self._run.run else ""
        own: dict[str, Attribute] = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": _provider(model),
            "gen_ai.agent.name": "rlm" if parent is None else f"rlm child {node.id}",
            "gen_ai.conversation.id": self._name,
            "gen_ai.request.model": model,
            "rlm.depth": node.depth,
            "rlm.status": node.status,
        }
        if parent is None:
            done = [call.finished for call in self._run.calls.values() if call.finished]
            own["gen_ai.usage.input_tokens"] = sum(one.input_tokens for one in done)
            own["gen_ai.usage.output_tokens"] = sum(one.output_tokens for one in done)
            own["rlm.cost_usd"] = sum(call.cost or 0.0 for call in self._run.calls.values())
        if self._content:
            own["gen_ai.input.messages"] = _messages([Message("user", node.question)])
            own["gen_ai.output.messages"] = _messages([Message("assistant", node.answer)], "stop")
        failed = node.status == "failed"
        name = "invoke_agent rlm"
        yield self._span(f"node {node.id}", parent, name, node.began, node.ended, own, error="failed" if failed else "")
        for turn in node.turns:
            yield self._turn(node, turn)

    def _turn(self, node: Node, turn: Turn) -> Iterator[_Part]:
        place = f"turn {node.id}/{turn.number}"
        yield self._span(
            place, f"node {node.id}", f"turn {turn.number}", turn.began, turn.ended, {"rlm.turn": turn.number}
        )
        for call in filter(None, [turn.call, *turn.others]):
            yield self._call(call, place, node.conversation(turn))
        for cell in turn.cells:
            yield self._cell(cell, place)

    def _cell(self, cell: Cell, parent: str) -> Iterator[_Part]:
        place, done = f"cell {cell.id}", cell.finished
        own: dict[str, Attribute] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "repl",
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": cell.id,
        }
        if self._content:
            own["gen_ai.tool.call.arguments"] = json.dumps({"code": cell.code})
            own["gen_ai.tool.call.result"] = done.output if done else ""
        error = str((done.error or {}).get("type", "error")) if done and done.error else ""
        yield self._span(place, parent, "execute_tool repl", cell.began, cell.ended, own, error=error)
        for call in cell.calls:
            yield self._call(call, place, [])
        for child in cell.children:
            yield self.node(child, place)

    def _call(self, call: Call, parent: str, conversation: Sequence[Message]) -> Span:
        asked, done = call.asked, call.finished
        own: dict[str, Attribute] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": _provider(asked.model),
            "gen_ai.request.model": asked.model,
            "gen_ai.request.max_tokens": asked.max_tokens,
            "gen_ai.conversation.id": self._name,
            "rlm.purpose": asked.purpose,
            "rlm.memo": call.memo,
        }
        if done is not None:
            own |= {
                "gen_ai.usage.input_tokens": done.input_tokens,
                "gen_ai.usage.output_tokens": done.output_tokens,
                "gen_ai.usage.cache_read.input_tokens": done.cached_tokens,
                "gen_ai.response.finish_reasons": [_unicode(done.finish)],
            }
        if call.cost is not None:
            own["rlm.cost_usd"] = call.cost
        if self._content:
            sent = [Message("user", str(one.get("content", ""))) for one in asked.messages or []] or conversation
            own["gen_ai.input.messages"] = _messages(sent)
            if done is not None:
                own["gen_ai.output.messages"] = _messages([Message("assistant", done.text)], done.finish)
        return self._span(
            f"call {call.id}", parent, f"chat {asked.model}", call.began, call.ended, own, calling=True,
            error=call.failed.error if call.failed else "", message=call.failed.message if call.failed else "",
        )  # fmt: skip

    def _span(
        self, place: str, parent: str | None, name: str, began: float, ended: float | None,
        own: Mapping[str, Attribute], *, calling: bool = False, error: str = "", message: str = "",
    ) -> Span:  # fmt: skip
        found = dict(own) | ({"error.type": error} if error else {})
        return Span(
            trace=self._trace,
            id=self._id(place),
            parent=None if parent is None else self._id(parent),
            name=_unicode(name),
            calling=calling,
            began=self._nanoseconds(began),
            ended=self._nanoseconds(self._run.seconds if ended is None else ended),
            attributes={key: _unicode(value) if isinstance(value, str) else value for key, value in found.items()},
            error=_unicode(message or error) if error else None,
        )

    def _id(self, place: str) -> str:
        return hashlib.sha256(_bytes(f"{self._name} {place}")).hexdigest()[:16]

    def _nanoseconds(self, t: float) -> int:
        found = self._run.clock(t)
        return max(0, round(found.timestamp() * 1e6) * 1000 if found else round(t * 1e9))


_Part: TypeAlias = Span | Iterator["_Part"]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _unicode(text: str) -> str:
    """Protobuf takes no halves of surrogate pairs, and JSON that holds them is refused by collectors."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _provider(model: str) -> str:
    return model.partition("/")[0] or "unknown"


def _messages(messages: Sequence[Message], finish: str = "") -> str:
    ending = {"finish_reason": finish} if finish else {}
    return json.dumps(
        [{"role": one.role, "parts": [{"type": "text", "content": one.content}]} | ending for one in messages]
    )
