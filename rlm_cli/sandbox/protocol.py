"""The wire between host and worker: one line of ASCII JSON at a time, always answered by one line.

The worker speaks first and then waits; each of its lines gets exactly one reply, so nothing needs a number and a line
out of turn is a breach. Its messages:

    {"t": "ready", "layers": [...], "missing": {...}}      → {"files": ..., ...}, then it asks for its first cell
    {"t": "done", ...}                                     → {"t": "run", "code": ..., "cell": ...}
    {"t": "call", "m": name, "a": {...}}                   → {"ok": value} or {"refused": kind, "message": ...}
"""

from __future__ import annotations

import json
import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST = 64 << 20
"""Bytes of one line, either way."""

MOST_BRACKETS = 4_000_000
"""Arrays and objects of one line: a byte of `[` becomes sixty of memory here."""

MOST_DEPTH = 100
"""Arrays and objects inside each other: cells send values at most twenty deep, and the host walks them recursively."""

DRAFT = 1_000_000
"""Characters of a draft that are kept."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class Breach(Exception):
    """A line that the protocol does not allow."""


def encode(message: dict[str, Any]) -> bytes:
    """One line. Raises ValueError where a value is no JSON or the line is too long."""
    line = json.dumps(message, separators=(",", ":"), allow_nan=True).encode("ascii") + b"\n"
    if len(line) > LONGEST:
        raise ValueError(f"a message of {len(line):,} bytes is over the limit of {LONGEST:,}")
    return line


def decode(line: bytes | bytearray) -> dict[str, Any]:
    """The message of one line. Raises Breach."""
    if len(line) > LONGEST:
        raise Breach("a line is too long")
    brackets = line.count(b"[") + line.count(b"{")
    if brackets > MOST_BRACKETS:
        raise Breach(f"a line of more than {MOST_BRACKETS:,} values")
    try:
        message = json.loads(line.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise Breach(f"a line is not ASCII JSON: {error}") from None
    if not isinstance(message, dict):
        raise Breach("a message is not an object")
    if brackets > MOST_DEPTH and _is_deep(message):
        raise Breach("a line is nested too deeply")
    return message


def _is_deep(message: dict[str, Any]) -> bool:
    level: list[Any] = [message]
    for _ in range(MOST_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, however little the descriptor takes at once."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def clean(value: Any) -> Any:
    """`value` of JSON with every lone surrogate replaced: such text cannot be written to any file."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {clean(name): clean(item) for name, item in value.items()}
    return value
