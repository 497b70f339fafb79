"""The JSON Schemas of what we write for programs: `answer` (`--json`) and `event` (a journal line, `-f jsonl`)."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

NAMES = ("answer", "event")


def text(name: str) -> str:
    """The schema as it is shipped."""
    return (files(__package__) / f"{name}.json").read_text(encoding="utf-8")


def load(name: str) -> dict[str, Any]:
    """The schema as a value."""
    schema: dict[str, Any] = json.loads(text(name))
    return schema
