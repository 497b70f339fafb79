"""Judges journals by the schema that is shipped: `faults(path)` is empty for every journal of the suite's runs."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from rlm_cli import schemas


@cache
def _validators() -> tuple[Draft202012Validator, dict[str, Draft202012Validator]]:
    """One for the envelope and one for each type of event: the whole schema at once is thirty times as slow."""
    schema = schemas.load("event")
    branches = {
        item["if"]["properties"]["type"]["const"]: Draft202012Validator(item["then"]) for item in schema["allOf"]
    }
    return Draft202012Validator({name: schema[name] for name in ("type", "properties", "required")}), branches


def fault(line: bytes | str) -> str | None:
    """What is wrong with a line, None where nothing is."""
    envelope, branches = _validators()
    try:
        value: Any = json.loads(line)
    except ValueError as error:
        return str(error)
    kind = value.get("type") if isinstance(value, dict) else None
    for validator in (envelope, branches.get(kind) if isinstance(kind, str) else None):
        if validator is None:
            return f"unknown type in {str(line)[:100]}"
        if not validator.is_valid(value):
            error = next(iter(validator.iter_errors(value)))
            return f"{value.get('type')}.{error.json_path}: {error.message[:200]}"
    return None


def faults(path: Path, *, torn: bool = False) -> list[str]:
    """What is wrong with a journal. `torn`: lines that are no JSON are none of it, since a kill tears one."""
    lines = [line for line in path.read_bytes().split(b"\n") if line.strip() and not (torn and _torn(line))]
    found = [(number, fault(line)) for number, line in enumerate(lines, start=1)]
    return [f"{path.name}:{number}: {reason}" for number, reason in found if reason]


def _torn(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return True
    return False
