"""Spans of OpenTelemetry by its conventions for generative AI, as OTLP in JSON: what a collector takes at /v1/traces.

A node is an agent that is invoked, a cell a tool that is executed, a call a chat. Ids are made from the run's own, so
that the same run exported twice is one trace. No SDK is needed: the JSON form of OTLP is plain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rlm_cli import __version__
from rlm_cli.exports import Choices, Source
from rlm_cli.exports.trajectory import Call, Cell, Node, Trajectory, Turn
from rlm_cli.models import Message

_INTERNAL, _CLIENT = 1, 3  # kinds of spans
_OK, _ERROR = 1, 2  # codes of a status

Span = dict[str, Any]


def export(source: Source, choices: Choices) -> Iterator[bytes]:
    """One `ExportTraceServiceRequest`."""
    run = source.trajectory()
    spans = list(_Spans(run, source.path.stem, content=choices.content).all())
    scope = {"name": "rlm", "version": __version__}
    resource = {"attributes": _attributes({"service.name": "rlm", "service.version": __version__})}
    request = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]}
    yield json.dumps(request, separators=(",", ":")).encode("ascii") + b"\n"


class _Spans:
    """The spans of one run."""

    def __init__(self, run: Trajectory, name: str, *, content: bool) -> None:
        self._run = run
        self._name = run.run.run if run.run else name
        self._content = content
        self._trace = hashlib.sha256(_bytes(self._name)).hexdigest()[:32]

    def all(self) -> Iterator[Span]:
        if self._run.root is not None:
            yield from self._node(self._run.root, None)

    def _node(self, node: Node, parent: str | None) -> Iterator[Span]:
        model = self._run.run.root_model if self._run.run else ""
        own = {
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
            yield from self._turn(node, turn)

    def _turn(self, node: Node, turn: Turn) -> Iterator[Span]:
        place = f"turn {node.id}/{turn.number}"
        yield self._span(
            place, f"node {node.id}", f"turn {turn.number}", turn.began, turn.ended, {"rlm.turn": turn.number}
        )
        for call in filter(None, [turn.call, *turn.others]):
            yield self._call(call, place, node.conversation(turn))
        for cell in turn.cells:
            yield from self._cell(cell, place)

    def _cell(self, cell: Cell, parent: str) -> Iterator[Span]:
        place, done = f"cell {cell.id}", cell.finished
        own: dict[str, Any] = {
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
            yield from self._node(child, place)

    def _call(self, call: Call, parent: str, conversation: Sequence[Message]) -> Span:
        asked, done = call.asked, call.finished
        own: dict[str, Any] = {
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
                "gen_ai.response.finish_reasons": [done.finish],
            }
        if call.cost is not None:
            own["rlm.cost_usd"] = call.cost
        if self._content:
            sent = [Message("user", str(one.get("content", ""))) for one in asked.messages or []] or conversation
            own["gen_ai.input.messages"] = _messages(sent)
            if done is not None:
                own["gen_ai.output.messages"] = _messages([Message("assistant", done.text)], done.finish)
        return self._span(
            f"call {call.id}", parent, f"chat {asked.model}", call.began, call.ended, own, kind=_CLIENT,
            error=call.failed.error if call.failed else "", message=call.failed.message if call.failed else "",
        )  # fmt: skip

    def _span(
        self, place: str, parent: str | None, name: str, began: float, ended: float | None, own: Mapping[str, Any],
        *, kind: int = _INTERNAL, error: str = "", message: str = "",
    ) -> Span:  # fmt: skip
        status = {"code": _ERROR, "message": message or error} if error else {"code": _OK}
        found = dict(own) | ({"error.type": error} if error else {})
        span: Span = {"traceId": self._trace, "spanId": self._id(place)}
        if parent is not None:
            span["parentSpanId"] = self._id(parent)
        return span | {
            "name": name,
            "kind": kind,
            "startTimeUnixNano": self._nanoseconds(began),
            "endTimeUnixNano": self._nanoseconds(self._run.seconds if ended is None else ended),
            "attributes": _attributes(found),
            "status": status,
        }

    def _id(self, place: str) -> str:
        return hashlib.sha256(_bytes(f"{self._name} {place}")).hexdigest()[:16]

    def _nanoseconds(self, t: float) -> str:
        """OTLP writes 64 bits as a string, since JavaScript's numbers have 53."""
        found = self._run.clock(t)
        return str(round(found.timestamp() * 1e6) * 1000 if found else round(t * 1e9))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _provider(model: str) -> str:
    return model.partition("/")[0] or "unknown"


def _messages(messages: Sequence[Message], finish: str = "") -> str:
    ending = {"finish_reason": finish} if finish else {}
    return json.dumps(
        [{"role": one.role, "parts": [{"type": "text", "content": one.content}]} | ending for one in messages]
    )


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": str(value)}
