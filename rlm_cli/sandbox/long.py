"""Answers that are too long for one message: how they are told, and the pieces in which they go to the host."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

LONG = 1 << 20
"""Characters of text, or of the JSON of a value, from which an answer goes in pieces."""
_PIECE = 1 << 20
_PARTS = 5_000


def long(given: dict[str, Any]) -> bool:
    """Whether a submission has to go in pieces. Spans are places and take no room."""
    parts = given["parts"]
    if parts is not None:
        return len(parts) > _PARTS or sum(len(part) for part in parts if isinstance(part, str)) > LONG
    value = given["value"]
    if isinstance(value, list):
        return len(value) > LONG or _outweighs(value)
    return isinstance(value, dict) and _outweighs(value)


def _outweighs(value: Any) -> bool:
    """Whether the text in `value` is longer than `LONG`, counted no further than that."""
    left, waiting = LONG, [value]
    while waiting and left > 0:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += item.values()
            left -= sum(map(len, item))
        elif isinstance(item, list):
            waiting += item
        left -= len(item) if isinstance(item, str) else 4
    return left <= 0


def pieces(given: dict[str, Any]) -> Iterator[list[Any]]:
    """The submission as lists of parts, in order."""
    parts = given["parts"]
    source = _text(parts if parts is not None else _joined(_json(given["value"])))
    held: list[Any] = []
    size = 0
    for few in source:
        held += few
        size += sum(len(part) for part in few if isinstance(part, str))
        if size >= _PIECE or len(held) >= _PARTS:
            yield held
            held, size = [], 0
    if held:
        yield held


def _text(parts: Iterable[Any]) -> Iterator[list[Any]]:
    for part in parts:
        if isinstance(part, str):
            for start in range(0, len(part), _PIECE):
                yield [part[start : start + _PIECE]]
        else:
            yield [part]


def _joined(texts: Iterator[str]) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text)
        size += len(text)
        if size >= _PIECE:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)


def _json(value: Any) -> Iterator[str]:
    """What `json.dumps(value, ensure_ascii=False, indent=2)` gives, an item of the outermost list or object at a time.

    Line ends stand between items alone, never in a string of JSON, so the rest is indented by replacing them.
    """
    if not value:
        yield "[]" if isinstance(value, list) else "{}"
        return
    opening, closing = "[]" if isinstance(value, list) else "{}"
    items = ((None, item) for item in value) if isinstance(value, list) else iter(value.items())
    yield opening
    for number, (key, item) in enumerate(items):
        name = "" if key is None else json.dumps(key, ensure_ascii=False) + ": "
        text = json.dumps(item, ensure_ascii=False, indent=2).replace("\n", "\n  ")
        yield f"{',' if number else ''}\n  {name}{text}"
    yield f"\n{closing}"
