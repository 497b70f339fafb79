"""Writes rlm_cli/schemas/event.json from the events' own declarations: `python -m tests.make_schemas`."""

from __future__ import annotations

import inspect
import json
import types
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from rlm_cli.events import REGISTRY, SCHEMA_VERSION

TARGET = Path(__file__).parent.parent / "rlm_cli" / "schemas" / "event.json"
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", types.NoneType: "null"}


def schema_of(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a field's type."""
    if kind is Any:
        return {}
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema_of(argument) for argument in arguments]}
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(arguments[1])}
    raise TypeError(f"no JSON for {kind}")


def event_schema() -> dict[str, Any]:
    """One journal line. Fields may be added within a version, so unknown ones are allowed."""
    branches = []
    for name, cls in sorted(REGISTRY.items()):
        if cls.live or name == "unknown":
            continue
        hints = get_type_hints(cls)
        own = fields(cls)  # type: ignore[arg-type]
        branch: dict[str, Any] = {
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": {
                "properties": {field.name: schema_of(hints[field.name]) for field in own},
                "required": [
                    field.name for field in own if field.default is MISSING and field.default_factory is MISSING
                ],
            },
        }
        said = inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].replace("\n", " ")
        if not said.startswith(cls.__name__ + "("):
            branch["then"]["description"] = said
        branches.append(branch)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "One line of the journal of a run, and of `rlm -f jsonl`",
        "description": f"Version {SCHEMA_VERSION}. Readers skip types that they do not know.",
        "type": "object",
        "properties": {
            "seq": {"type": "integer", "minimum": 1, "description": "place in the journal, from 1"},
            "t": {"type": "number", "minimum": 0, "description": "seconds since the run began"},
            "at": {"type": "string", "description": "wall time, RFC 3339, UTC"},
            "type": {"type": "string"},
        },
        "required": ["seq", "t", "at", "type"],
        "allOf": branches,
    }


def text() -> str:
    return json.dumps(event_schema(), indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
