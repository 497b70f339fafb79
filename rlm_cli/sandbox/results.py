"""A cell's result, read from what an untrusted worker says of it."""

from __future__ import annotations

from typing import Any, Literal, cast

from rlm_cli.context.coverage import Coverage
from rlm_cli.context.spans import FileNames, Span
from rlm_cli.sandbox.contract import CellError, CellResult, Shown, Variable
from rlm_cli.sandbox.protocol import DRAFT, Breach, clean

OUTPUT = 1_100_000
"""Characters of output that are taken; a worker that keeps to the rules sends at most a million and a line."""
TEXT = 5_000
VARIABLES = 200
SHOWN = 2_000
SEARCHES = 50
KINDS = ("error", "refused", "time", "memory")


def read_result(message: dict[str, Any], seconds: float, files: FileNames) -> CellResult:
    """The `done` message as a result. `seconds` are the host's. Raises Breach where a field is not what it must be."""
    variables = message.get("variables")
    if not isinstance(variables, list) or len(variables) > VARIABLES:
        raise Breach("variables of the wrong shape")
    draft = message.get("draft")
    return CellResult(
        output=_text(message.get("output"), OUTPUT),
        output_length=_count(message.get("length")),
        error=_error(message.get("error")),
        submitted=message.get("submitted") is True,
        variables=tuple(_variable(item) for item in variables),
        draft=None if draft is None else _text(draft, DRAFT),
        seconds=seconds,
        looked=message.get("looked") is True,
        coverage=_account(message.get("coverage"), files),
        shown=_shown(message.get("shown"), files),
        searched=_searched(message.get("searched")),
    )


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise Breach("a text was expected, or it is too long")
    return cast(str, clean(value))


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 60:
        raise Breach("a count was expected")
    return value


def _variable(value: object) -> Variable:
    if not isinstance(value, list) or len(value) != 3:
        raise Breach("a variable of the wrong shape")
    return Variable(*(_text(item, TEXT) for item in value))


def _account(value: object, files: FileNames) -> Any:
    """What was read, as it came: whoever unpacks it later must find no surprise."""
    try:
        Coverage.unwire(value, files)
    except (ValueError, OverflowError) as error:
        raise Breach(f"an account of the wrong shape: {error}") from None
    return value


def _shown(value: object, files: FileNames) -> tuple[Shown, ...]:
    """Parts of the input in the output."""
    if not isinstance(value, list) or len(value) > SHOWN:
        raise Breach("places in the output of the wrong shape")
    found: list[Shown] = []
    for row in value:
        if not isinstance(row, list) or len(row) != 5 or not all(type(n) is int and -1 <= n < 1 << 62 for n in row):
            raise Breach("a place in the output of the wrong shape")
        offset, length, file, start, end = row
        if not (0 <= file < len(files) and 0 <= start <= end and length >= 0):
            raise Breach("a place outside the corpus")
        size = files.size(file)
        found.append(Shown(offset, length, Span(file, min(start, size), min(end, size))))
    return tuple(found)


def _searched(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list) or len(value) > SEARCHES:
        raise Breach("searches of the wrong shape")
    found = []
    for row in value:
        if not isinstance(row, list) or len(row) != 2 or row[0] not in ("grep", "search"):
            raise Breach("a search of the wrong shape")
        found.append((row[0], _text(row[1], TEXT)))
    return tuple(found)


def _error(value: object) -> CellError | None:
    if value is None:
        return None
    if not isinstance(value, dict) or value.get("kind") not in KINDS:
        raise Breach("an error of the wrong shape")
    line = value.get("line")
    if line is not None and (type(line) is not int or not 0 < line < 1 << 31):
        raise Breach("a line was expected")
    return CellError(
        type=_text(value.get("type"), TEXT),
        message=_text(value.get("message"), TEXT),
        line=line,
        source=_text(value.get("source", ""), TEXT),
        hint=_text(value.get("hint", ""), TEXT),
        kind=cast(Literal["error", "refused", "time", "memory"], value["kind"]),
    )
