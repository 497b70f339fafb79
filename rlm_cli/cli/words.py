"""The words of `rlm ask`: which are sources, which is the question, and whether stdin is one of them.

Typer cannot take an optional variadic argument before a required one, so that all words come as one list and are
split here. Stdin is looked at by `fstat` alone: reading it whenever it is no terminal hangs in CI and under agents,
which hand over sockets and devices that never end.
"""

from __future__ import annotations

import glob
import os
import shlex
import stat
import sys
from collections.abc import Sequence
from typing import Literal

from rlm_cli import named_files
from rlm_cli.context.schemes import scheme_of
from rlm_cli.errors import InputError, RlmError, UsageError
from rlm_cli.terminal import one_line

StdinKind = Literal["pipe", "file", "terminal", "device", "socket", "closed"]

USUAL = 'Try:  rlm ask repo/ "where is auth handled"\n      journalctl -b | rlm ask "why did nginx restart?"'
_GLOB = frozenset("*?[")
_STDIN = "-"


def stdin_kind() -> StdinKind:
    """What stdin is, without reading a byte of it."""
    if sys.stdin is None:  # closed by the caller; descriptor 0 is the null device by now
        return "closed"
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return "closed"
    if stat.S_ISFIFO(mode):
        return "pipe"
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISSOCK(mode):
        return "socket"
    return "terminal" if os.isatty(0) else "device"


def split(words: Sequence[str], files_from: str | None = None) -> tuple[tuple[str, ...], str]:
    """The sources and the question. With no source, stdin is one ("-") where it is a pipe or a regular file.

    Raises UsageError when there is no question or nothing to ask about, InputError when a source does not exist.
    """
    if not words:
        raise UsageError("there is no question", USUAL)
    *sources, last = words
    _refuse_path_as_question(last)
    _refuse_stdin_twice(sources, last, files_from)
    question = question_of(last)
    if not sources and files_from is None:
        sources = [_stdin_source(asked_by_question=last == "@-")]
    _refuse_missing(sources, words)
    if (_STDIN in sources or files_from == _STDIN) and stdin_kind() == "closed":
        raise InputError("'-' asks for stdin, and stdin is closed")
    return tuple(sources), question


def _refuse_path_as_question(last: str) -> None:
    if last == _STDIN:
        raise UsageError("'-' is a source; what is the question?", 'Try: rlm ask - "your question"')
    if not last.startswith("@") and _names_files(last):
        raise UsageError(
            f"{_quoted(last)} is a path; what is the question?",
            f'Try: rlm ask {shlex.quote(last)} "where is auth handled"',
        )


def _names_files(word: str) -> bool:
    """Whether a word is a path that exists, or a pattern that finds one."""
    if _exists(word):
        return True
    if "*" not in word or any(character.isspace() for character in word):
        return False
    return next(glob.iglob(word), None) is not None  # without `**`: a question must not walk a disk


def _exists(path: str) -> bool:
    return path != "" and "\0" not in path and os.path.lexists(path)


def question_of(word: str) -> str:
    """The question itself, read from a file or stdin where it is `@file` or `@-`; `@@` stands for one `@`."""
    if word.startswith("@@"):
        text = word[1:]
    elif word == "@-":
        text = _read_stdin()
    elif word.startswith("@") and len(word) > 1:
        text = _read_file(word[1:])
    else:
        text = word
    if not text.strip():
        raise UsageError("the question is empty", USUAL)
    return text.strip("\n") if word.startswith("@") else text


def _read_stdin() -> str:
    if stdin_kind() == "closed":
        raise InputError("'@-' asks for a question on stdin, and stdin is closed")
    return sys.stdin.buffer.read().decode("utf-8-sig", errors="replace")


def _read_file(path: str) -> str:
    try:
        return named_files.read(path).decode("utf-8-sig", errors="replace")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a path"
        hint = f"'@' reads the question from a file; write '@@{path}' for a question that begins with '@'."
        raise InputError(f"cannot read the question from {_quoted(path)}: {why}", hint) from None


def _refuse_stdin_twice(sources: Sequence[str], question: str, files_from: str | None) -> None:
    uses = ["'-'"] * sources.count(_STDIN) + ["'@-'"] * (question == "@-")
    uses += ["'--files-from -'"] * (files_from == _STDIN)
    if len(uses) > 1:
        raise UsageError(f"stdin can be read once, but is asked for by {' and '.join(uses)}", "Leave one of them out.")


def _stdin_source(*, asked_by_question: bool) -> str:
    kind = stdin_kind()
    if kind in ("pipe", "file") and not asked_by_question:
        return _STDIN
    what = {
        "terminal": "a terminal",
        "device": "not a pipe",
        "socket": "a socket (name it with '-' to read it)",
        "closed": "closed",
    }.get(kind, "taken by '@-'")
    raise UsageError(f"nothing to ask about: no SOURCE is given and stdin is {what}", USUAL)


def _refuse_missing(sources: Sequence[str], words: Sequence[str]) -> None:
    for source in sources:
        if source == _STDIN or _exists(source) or _GLOB & set(source) or scheme_of(source) is not None:
            continue
        raise _missing(source, words)


def _quoted(word: str) -> str:
    """A word as messages show it: inert, on one line, bytes that are no text spelled out."""
    return f"'{one_line(word)}'"


def _missing(source: str, words: Sequence[str]) -> RlmError:
    """No such source. Three and more words are most often a question without quotes."""
    if source == "":
        return UsageError("a SOURCE is empty", "Check the variable that it came from.")
    first = words.index(source)
    hint = "A SOURCE is a file, a directory, a pattern in quotes, or - for stdin."
    if len(words) >= 3 and "/" not in source:
        paths = [shlex.quote(word) for word in words[:first]]
        question = " ".join(words[first:]).replace('"', "'")
        hint = f'Quote the question: {" ".join(["rlm", "ask", *paths])} "{question}"'
    return InputError(f"there is no file or directory {_quoted(source)}", hint)


def listed(source: str | None) -> tuple[bytes, ...]:
    """The names of --files-from: between NULs where there is one, else a line each. Raises InputError."""
    if source is None:
        return ()
    from rlm_cli.context.sources import names_of_list  # late: help need not load the walk

    try:
        data = sys.stdin.buffer.read() if source == _STDIN else named_files.read(source)
    except OSError as error:
        raise InputError(f"cannot read the list of files {_quoted(source)}: {error.strerror}") from None
    return tuple(names_of_list(data))
