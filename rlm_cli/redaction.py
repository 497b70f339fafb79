"""What a journal keeps of an event: everything, over-long texts cut, or with `--redact` hashes in place of the input.

With `--redact` every text in which the input may stand is replaced by its length and a hash: prompts, replies, code,
output, answer, quotes. The question, names of files and models, and all numbers stay. The key of the hash is made for
the run and kept nowhere: equal texts of one run have equal hashes, and nobody can find a short text by trying.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from rlm_cli.events import Event

LONGEST = 1_000_000  # characters of one text that a journal keeps

_Change = Callable[[str], str]
# Type of event → the fields that may hold text of the input, or of a model that has read it.
_TEXTS: dict[str, tuple[str, ...]] = {
    "node.started": ("question",),
    "node.finished": ("answer",),
    "message": ("content",),
    "compacted": ("summary",),
    "cell.started": ("code", "title"),
    "cell.finished": ("output", "draft", "error", "variables"),
    "call.started": ("messages",),
    "call.retried": ("reason",),
    "call.finished": ("text",),
    "call.failed": ("message",),
    "answer.given": ("text", "value", "citations", "coverage"),
    "run.finished": ("error",),
}
_KEPT = frozenset({"type", "kind", "role", "path", "name", "hint"})  # of values inside: our own words, and names


def cut(event: Event) -> Event:
    """`event` with its over-long texts cut in the middle, their true size told."""
    names = [item.name for item in fields(event)]  # type: ignore[arg-type]
    return replace(event, **{name: _within(getattr(event, name), _cut) for name in names})  # type: ignore[type-var]


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} of {len(text):,} characters are not kept …]\n{text[-half:]}"


class Redactor:
    """Replaces texts by hashes, for one run."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def __call__(self, event: Event) -> Event:
        names = _TEXTS.get(event.type, ())
        if event.type == "node.started" and getattr(event, "parent", None) is None:
            return event  # the user's own question
        changed = {name: _within(getattr(event, name), self._hash) for name in names}
        if event.type == "cell.finished":
            changed["variables"] = [[name, kind, _size(size)] for name, kind, size in getattr(event, "variables", ())]
        return replace(event, **changed) if changed else event  # type: ignore[type-var]

    def _hash(self, text: str) -> str:
        if not text:
            return text
        digest = hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return f"[redacted: {len(text):,} characters, {digest[:16]}]"


def _within(value: Any, change: _Change, name: str = "") -> Any:
    """`value` with every text inside changed; keys and what `_KEPT` names stay."""
    if isinstance(value, str):
        return value if name in _KEPT else change(value)
    if isinstance(value, list | tuple):
        return [_within(item, change, name) for item in value]
    if isinstance(value, dict):
        return {key: _within(item, change, key) for key, item in value.items()}
    return value


def _size(size: str) -> str:
    """`12 items` stays; where a short value stands for its size, nothing does."""
    count, _, unit = size.partition(" ")
    return size if unit.rstrip("s") in ("item", "character", "byte") and count.replace(",", "").isdecimal() else ""
