"""An error of a cell as its model is shown it: type, message, line, and what to do where that is known."""

from __future__ import annotations

import re
from typing import Any

from rlm_cli.sandbox.failures import SubcallError, SubmissionRefused
from rlm_cli.sandbox.policy import PolicyError
from rlm_cli.sandbox.realise import is_text, real
from rlm_cli.sandbox.stops import CellInterrupted

LONGEST = 4_000
"""Characters of a message that are kept."""
SOURCE = 300
_HELD = 160  # characters of a text that a failing line worked on

HINTS: list[tuple[type[BaseException], str, str]] = [
    (FileNotFoundError, "", "Files of the input are in `files`: files['path'], files.glob('**/*.py')."),
    (
        KeyError,
        "^'.*[./]",
        "`files` holds paths exactly as `list(files)[:5]` shows them; files.glob('**/name') finds them.",
    ),
    (TypeError, "does not support item assignment", "If this is `answer`, it was bound to a text: use FINAL(text)."),
    (TypeError, "Text", "This text is mapped from the input: pass str(text)."),
    (
        TypeError,
        "object is not callable",
        "A name of a function may have been bound to a value: `del name` brings it back.",
    ),
    (RecursionError, "", "Use a loop in place of the recursion."),
    (SyntaxError, "'return' outside", "Print what you want to see, or end the cell with a bare expression."),
    (SyntaxError, "invalid character", "Write plain quotes and ASCII operators."),
    (SyntaxError, "null bytes", "Take the NUL characters out of the code."),
    (UnicodeDecodeError, "", "Text of the input is decoded already; work with str."),
    (SubcallError, "", "Catch SubcallError, or use llm_query_batched, which puts a failed call in its place."),
]


def explain(
    error: BaseException, filename: str, sources: dict[str, list[str]], *, late: bool = False
) -> dict[str, Any]:
    """`error` as the `done` message carries it."""
    if isinstance(error, CellInterrupted) or late:
        line = _line(error, filename)
        return {
            "type": "CellInterrupted",
            "message": "the cell was stopped",
            "kind": "time",
            **_place(line, filename, sources),
        }
    if isinstance(error, PolicyError):
        place = _place(error.line, filename, sources)
        return {"type": "PolicyError", "message": error.message, "hint": error.hint, "kind": "refused", **place}
    kind = "memory" if isinstance(error, MemoryError) else "error"
    message = _message(error)
    return {
        "type": _name(error),
        "message": message,
        "hint": _hint(error, message) or _held(error, filename, sources),
        "kind": kind,
        **_place(_line(error, filename), filename, sources),
    }


def _name(error: BaseException) -> str:
    return type(error).__name__[:100]


def _message(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return str(error.msg)[:LONGEST]
    try:
        text = str(error)
    except Exception as failure:
        text = f"(its message could not be made: {type(failure).__name__})"
    if isinstance(error, MemoryError) and not text:
        return "the cell needs more memory than it may use"
    if isinstance(error, OSError) and error.filename:
        text = error.strerror or ""
    return text if len(text) <= LONGEST else text[:LONGEST] + " ..."


def _hint(error: BaseException, message: str) -> str:
    if isinstance(error, SubmissionRefused):
        return ""
    if isinstance(error, NameError) and (match := re.search(r"name '(\w+)' is not defined", message)):
        return f"SHOW_VARS() lists the variables; '{match[1]}' may be from a cell that failed before it was set."
    if isinstance(error, SyntaxError) and (error.text or "").lstrip().startswith(("!", "%")):
        return "There is no shell and nothing can be installed here: the usual pure modules can be imported."
    for kind, pattern, hint in HINTS:
        if isinstance(error, kind) and re.search(pattern, message):
            return hint
    if isinstance(error, MemoryError):
        return "Work in parts: chunks(context), or a loop over `files`."
    return ""


def _held(error: BaseException, filename: str, sources: dict[str, list[str]]) -> str:
    """The texts that the line at fault worked on: a line of the input is rarely what its reader took it for.

    A model of 1.5 billion parameters wrote the same `line.split("user=")[1]` three times until it was shown the line.
    """
    if not isinstance(error, IndexError | ValueError | AttributeError | TypeError):
        return ""
    frame, line, step = None, 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == filename:
            frame, line = step.tb_frame, step.tb_lineno
        step = step.tb_next
    if frame is None:
        return ""
    source = str(_place(line, filename, sources)["source"])
    names = dict.fromkeys(re.findall(r"[A-Za-z_]\w*", source))
    values = ((name, frame.f_locals.get(name, frame.f_globals.get(name))) for name in names)
    texts = [
        f"{name} was {str(real(value[:_HELD]))!r}" for name, value in values if type(value) is str or is_text(value)
    ]
    return "; ".join(texts[:2])


def _line(error: BaseException, filename: str) -> int | None:
    """The line of the running cell that led to the error: the innermost one, or for syntax the one at fault."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        return error.lineno
    line = None
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == filename:
            line = step.tb_lineno
        step = step.tb_next
    return line


def _place(line: int | None, filename: str, sources: dict[str, list[str]]) -> dict[str, Any]:
    lines = sources.get(filename, [])
    if line is None or not 0 < line <= len(lines):
        return {"line": None, "source": ""}
    return {"line": line, "source": lines[line - 1].strip()[:SOURCE]}
