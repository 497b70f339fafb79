"""Imports: logs of other programs as events, so that `rlm view` and `rlm export` read them.

An import is a function from the lines of a log, as values, to (seconds, event); add one line to `IMPORTS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from rlm_cli import journal
from rlm_cli.errors import InputError
from rlm_cli.events import Event, Record

Fields = dict[str, Any]
Read = Callable[[Iterable[Fields]], Iterator[tuple[float, Event]]]

IMPORTS: dict[str, Callable[[Fields], bool]] = {
    "reference": lambda line: line.get("type") in ("metadata", "iteration") and "seq" not in line,
    "fast_rlm": lambda line: "run_id" in line and "event_type" in line,
}
"""Name → whether a line is of such a log. The module of that name has `read`."""


def kind_of(path: Path) -> str | None:
    """Which program wrote the log, from its first line that is JSON; None for a journal of rlm or anything else."""
    for line in _values(path):
        return next((name for name, known in IMPORTS.items() if known(line)), None)
    return None


def read(path: Path, reading: journal.Reading | None = None) -> Iterator[Record]:
    """The records of a journal of rlm, or of a log of another program. Raises InputError where it holds none."""
    kind = kind_of(path)
    if kind is not None:
        yield from records(path, kind, path.stem)
        return
    record = None
    for record in journal.read(path, reading):
        yield record
    if record is None:
        raise InputError(f"{path} holds no run", "It is no journal of rlm, nor a log that rlm import knows.")


def records(path: Path, kind: str, run: str) -> Iterator[Record]:
    """The log as the records of a run called `run`. Raises InputError when it cannot be read or holds nothing."""
    read: Read = import_module(f"rlm_cli.imports.{kind}").read
    began = began_at(path)
    number = 0
    for number, (t, event) in enumerate(read(_values(path)), start=1):
        at = (began + timedelta(seconds=t)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if event.type == "run.started":
            event = type(event)(**(event.to_json() | {"run": run}))  # noqa: PLW2901
        yield Record(number, t, at, event)
    if not number:
        raise InputError(f"{path} holds no steps")


def began_at(path: Path) -> datetime:
    """The first time that the log tells, else that of its file."""
    for line in _values(path):
        if (found := moment(line.get("timestamp") or line.get("time"))) is not None:
            return found
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def moment(value: object) -> datetime | None:
    """A time as logs write it. Without a zone it is taken for UTC: which it was, nobody knows."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value / 1000, UTC)
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _values(path: Path) -> Iterator[Fields]:
    """The lines that are JSON objects; others are passed by, as in every reader of such logs."""
    try:
        with path.open("rb") as stream:
            for line in stream:
                try:
                    value = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(value, dict):
                    yield value
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def number(value: object) -> float:
    """A number of another program's log; 0 where it is none, or none that holds in 64 bits (JSON has infinity)."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1 << 63
    return float(value) if known else 0.0  # type: ignore[arg-type]


def fields(value: object) -> Fields:
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """A string as it is, nothing as empty, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
