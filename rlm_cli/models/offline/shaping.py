"""--schema: fields whose names say what they hold are filled from the places found. Nothing else is made up."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rlm_cli.errors import SchemaError
from rlm_cli.models import Message
from rlm_cli.models.offline.conversation import Task

_SCHEMA = re.compile(r"<schema>\s*(\{.*?\})\s*</schema>", re.DOTALL)
_REPAIR = re.compile(r"<schema>\s*\{.*?\}\s*</schema>.*<answer>\n(.*)\n</answer>", re.DOTALL)
_NAMES = {
    "path": "path file filename file_path filepath source",
    "line": "line line_number lineno first_line start_line start",
    "end_line": "end_line last_line line_end end",
    "text": "text quote snippet excerpt content code passage evidence",
    "why": "why reason name title heading description about summary explanation",
    "answer": "answer result response",
}
_FIELDS = {name: field for field, names in _NAMES.items() for name in names.split()}
_HINT = "It fills path, line, end_line, text and why; for other fields choose a model that writes, with -m."


@dataclass(frozen=True, slots=True)
class Found:
    """One place that answers, as the fields of a schema tell it."""

    path: str
    line: int
    end_line: int
    text: str
    why: str

    def field(self, name: str, answer: str) -> str | int:
        held: str | int = answer if name == "answer" else getattr(self, name)
        return held


def wanted(task: Task) -> dict[str, Any] | None:
    """The JSON Schema that the task carries, or None."""
    found = _SCHEMA.findall(task.description.rpartition("</question>")[2])
    if not found:
        return None
    try:
        schema = json.loads(found[-1])
    except json.JSONDecodeError:
        return None
    return schema if isinstance(schema, dict) else None


def repair(messages: Sequence[Message]) -> str | None:
    """The answer that a schema's repair shows, as it is: there is nothing more to make of it."""
    found = _REPAIR.search(messages[-1].content) if messages else None
    return found[1] if found else None


def check(schema: dict[str, Any]) -> None:
    """Raises SchemaError where no value that fits could be made, before anything is looked for."""
    missing = _missing(schema)
    if missing:
        fields = ", ".join(dict.fromkeys(missing))
        raise SchemaError(f"offline/extractive quotes places and cannot fill these parts of --schema: {fields}.", _HINT)


def value(schema: dict[str, Any], found: Sequence[Found], answer: str) -> Any:
    """The value. Raises SchemaError where it does not fit, for a bound or an enumeration for instance."""
    import jsonschema

    made = _value(schema, found, answer)
    fault = next(iter(jsonschema.Draft202012Validator(schema).iter_errors(made)), None)
    if fault is not None:
        raise SchemaError(
            f"what offline/extractive found does not fit --schema: {fault.message[:300]}", _HINT, value=made
        )
    return made


def _is(schema: Any, kind: str) -> bool:
    return isinstance(schema, dict) and schema.get("type") == kind


def _missing(schema: Any) -> list[str]:
    """What of a schema cannot be filled."""
    if _is(schema, "array"):
        items = schema.get("items")
        return _missing(items) if _is(items, "object") else ["a list of anything but objects"]
    if not _is(schema, "object"):
        return ["a value that is neither an object nor a list"]
    properties = schema.get("properties", {})
    return [name for name in schema.get("required", []) if not _known(name, properties.get(name, {}))]


def _known(name: str, schema: Any) -> bool:
    if _is(schema, "array"):
        return not _missing(schema)
    return (
        name.lower() in _FIELDS
        and isinstance(schema, dict)
        and schema.get("type") in (None, "string", "integer", "number")
    )


def _value(schema: dict[str, Any], found: Sequence[Found], answer: str) -> Any:
    if _is(schema, "array"):
        return [_value(schema["items"], [place], answer) for place in found[: schema.get("maxItems", len(found))]]
    made: dict[str, Any] = {}
    for name, inner in schema.get("properties", {}).items():
        if not _known(name, inner):
            continue
        if _is(inner, "array"):
            made[name] = _value(inner, found, answer)
        elif found:
            held = found[0].field(_FIELDS[name.lower()], answer)
            number = inner.get("type") in ("integer", "number")
            if number == isinstance(held, int):
                made[name] = held
            elif not number:
                made[name] = str(held)
    return made
