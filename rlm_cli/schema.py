"""--schema: the shape that an answer must have, checked before anything is spent and wherever an answer is submitted.

Three forms: the path of a file (also `@FILE`), an inline JSON Schema, or the short form `path, line int, why: because`:
names with an optional type (str, int, float, bool, or JSON Schema's names of them) and an optional description,
separated by commas or line ends. The short form describes one object; a trailing `[]`, or --schema-multi, a list of
them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlm_cli import named_files, validation
from rlm_cli.errors import UsageError

_TYPES = {
    "str": "string",
    "string": "string",
    "int": "integer",
    "integer": "integer",
    "float": "number",
    "number": "number",
    "bool": "boolean",
    "boolean": "boolean",
}
_FIELD = re.compile(r"(?P<name>[A-Za-z_][\w-]*)(?:\s+(?P<type>\w+))?(?:\s*:\s*(?P<about>.+))?", re.DOTALL)
_HINT = "--schema takes 'name, age int', a JSON Schema, or a file that holds either."
_LONGEST = 100_000  # characters of a schema that a cell gives
_FENCE = re.compile(r"```(?:json)?[ \t]*+\n(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Schema:
    """A JSON Schema that is known to be one."""

    json: dict[str, Any]

    @classmethod
    def parse(cls, text: str, *, multi: bool = False) -> Schema:
        """Read --schema. Raises UsageError that says what is wrong with it."""
        text = _contents(text).strip()
        if text.endswith("[]") and not text.startswith(("{", "[")):
            text, multi = text[:-2], True
        if text.startswith("{"):
            try:
                schema = json.loads(text)
            except (json.JSONDecodeError, RecursionError) as error:
                raise UsageError(f"--schema is not valid JSON: {error}", _HINT) from None
        else:
            schema = _short(text)
        _check_schema(schema)
        made = cls(_several(schema) if multi else schema)
        if (why := validation.inapplicable(made.json)) is not None:
            raise UsageError(f"--schema: {why}", "Its references must lead to places within it.")
        return made

    @classmethod
    def given(cls, value: Any) -> Schema:
        """The schema of a sub-call, from a cell: untrusted. Raises ValueError.

        It names no file and no address, and nothing in it can be made to take hours.
        """
        if isinstance(value, str) and len(value) <= _LONGEST:
            text = value.strip()
            multi = text.endswith("[]") and not text.startswith(("{", "["))
            try:
                value = json.loads(text) if text.startswith("{") else _short(text[:-2] if multi else text)
            except (json.JSONDecodeError, UsageError, RecursionError):
                raise ValueError("schema takes 'name, age int' or a JSON Schema") from None
            value = _several(value) if multi else value
        if not isinstance(value, dict) or len(json.dumps(value)) > _LONGEST:
            raise ValueError("schema takes 'name, age int' or a JSON Schema of at most 100,000 characters")
        if not validation.is_bounded(value):
            raise ValueError(
                "a sub-call's schema takes no pattern, no uniqueItems and no reference that leads on for ever"
            )
        try:
            _check_schema(value)
        except (UsageError, RecursionError) as error:
            raise ValueError(str(error).removeprefix("--schema ")) from None
        return cls(value)

    @property
    def wire(self) -> dict[str, Any] | None:
        """What a provider may be asked to enforce: an object, or nothing. Few take a list."""
        return self.json if self.json.get("type") == "object" else None

    def fault(self, value: Any) -> str | None:
        """What is wrong with `value`, in a sentence for the model; None when it fits. May take seconds."""
        return validation.fault(self.json, value)

    def read(self, value: Any) -> tuple[Any, str | None]:
        """`value` as it was submitted, a text read as JSON where it is one, and its fault."""
        if isinstance(value, str) and (fault := self.fault(value)) is not None:
            parsed = parse_json(value)
            if parsed is None:
                return value, f"{fault} (submit the value itself, not a sentence about it)"
            value = parsed
        fault = self.fault(value)
        if fault is not None and self.json.get("type") == "array":
            inner = value.get("items") if isinstance(value, dict) and len(value) == 1 else [value]
            if isinstance(inner, list) and self.fault(inner) is None:
                return inner, None  # a list under a name, or its one item alone
        return value, fault

    def text(self) -> str:
        """The schema as the model is shown it."""
        return json.dumps(self.json, ensure_ascii=False)


def parse_json(text: str) -> Any:
    """The JSON value that `text` is or holds in a fence; None where there is none."""
    fenced = _FENCE.search(text)
    for candidate in (text.strip(), fenced[1].strip() if fenced else ""):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    return None


def _contents(text: str) -> str:
    """The text behind `@FILE` or the name of a file that exists, else `text` itself."""
    named = text.removeprefix("@")
    try:
        if text.startswith("@") or (len(text) < 4096 and "\n" not in text and _is_file(text)):
            return named_files.read(named).decode("utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"--schema: cannot read {named}: {reason}", _HINT) from None
    return text


def _is_file(name: str) -> bool:
    """Whether something that can be read has this name: a file, a pipe (`--schema <(command)`), a device."""
    path = Path(name)
    return path.exists() and not path.is_dir()


def _short(text: str) -> dict[str, Any]:
    pieces = text.split("\n") if "\n" in text else text.split(",")
    properties: dict[str, Any] = {}
    for piece in filter(None, (piece.strip().rstrip(",") for piece in pieces)):
        match = _FIELD.fullmatch(piece)
        kind = _TYPES.get((match["type"] or "str").lower()) if match else None
        if match is None or kind is None:
            raise UsageError(f"--schema: {piece!r} is not a name with a type (str, int, float, bool)", _HINT)
        properties[match["name"]] = {"type": kind} | ({"description": match["about"]} if match["about"] else {})
    if not properties:
        raise UsageError("--schema is empty", _HINT)
    return {"type": "object", "properties": properties, "required": list(properties)}


def _several(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a list of such. References count from the root: what they lead to stays there."""
    at_root = {name: schema[name] for name in ("$schema", "$defs", "definitions") if name in schema}
    inner = schema if "$id" in schema else {name: item for name, item in schema.items() if name not in at_root}
    return at_root | {"type": "array", "items": inner}


def _check_schema(schema: Any) -> None:
    import jsonschema

    try:
        validation.check(schema)
    except jsonschema.SchemaError as error:
        where = "/".join(str(step) for step in error.absolute_path)
        raise UsageError(
            f"--schema is no valid JSON Schema: {error.message} (at {where or 'its root'})", _HINT
        ) from None
