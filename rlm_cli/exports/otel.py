"""The spans of a run as OTLP in JSON: what a collector takes at /v1/traces, and its file receiver line by line.

No SDK is needed to write it: the JSON form of OTLP is plain. `sending.py` sends the same spans.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rlm_cli import __version__
from rlm_cli.exports import Choices, Source
from rlm_cli.exports.spans import Attribute, Span, spans

_INTERNAL, _CLIENT = 1, 3  # kinds of spans
_OK, _ERROR = 1, 2  # codes of a status

RESOURCE: dict[str, Attribute] = {"service.name": "rlm", "service.version": __version__}


def export(source: Source, choices: Choices) -> Iterator[bytes]:
    """One `ExportTraceServiceRequest`."""
    found = [_span(span) for span in spans(source.trajectory(), source.path.stem, content=choices.content)]
    scope = {"name": "rlm", "version": __version__}
    resource = {"attributes": _attributes(RESOURCE)}
    request = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": found}]}]}
    yield json.dumps(request, separators=(",", ":")).encode("ascii") + b"\n"


def _span(span: Span) -> dict[str, Any]:
    """64 bits are written as a string, since JavaScript's numbers have 53."""
    made: dict[str, Any] = {"traceId": span.trace, "spanId": span.id}
    if span.parent is not None:
        made["parentSpanId"] = span.parent
    return made | {
        "name": span.name,
        "kind": _CLIENT if span.calling else _INTERNAL,
        "startTimeUnixNano": str(span.began),
        "endTimeUnixNano": str(span.ended),
        "attributes": _attributes(span.attributes),
        "status": {"code": _OK} if span.error is None else {"code": _ERROR, "message": span.error},
    }


def _attributes(values: Mapping[str, Attribute]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Attribute) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": value}
