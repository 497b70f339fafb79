"""The terminal and the pipes: what each stream is, what may be written to it, and how a failing one is met.

Everything that the rest of the program wants to know about its surroundings is asked of one `Environment`; tests hand
in their own. Streams are judged each by itself: a colourless pipe on stdout says nothing about stderr.

Text that did not come from us (names of files, their content, a model's words, a provider's errors) passes `clean()` on
every road to a terminal, and `inert()` on every road to the log of a GitHub workflow.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import select
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, TextIO

from rlm_cli.errors import OutputError, RlmError

When = Literal["auto", "always", "never"]

# --- untrusted text ------------------------------------------------------------------------------------------------

# Complete sequences vanish with their payload. Strings (OSC, DCS, SOS, PM, APC) count only when they end on the same
# line: else one stray ESC ] would hide the rest of a file. Each class excludes ESC, so a failed attempt never passes
# the next one and the whole is linear in the length of the text.
_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)")

_TAG_CHARACTERS = range(0xE0000, 0xE0080)  # invisible letters
_INVISIBLE = (
    *(0x00AD, 0x061C, 0x180E, 0x200B, 0x200E, 0x200F),  # soft hyphen, marks of direction, zero width space
    *range(0x2028, 0x202F),  # line and paragraph separator, embeddings and overrides of direction
    *range(0x2060, 0x2070),  # word joiner, invisible operators, isolates of direction
    *(0xFEFF, 0xFFF9, 0xFFFA, 0xFFFB, 0xFFFE, 0xFFFF),
)


def _visible(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, in the spelling of `os.fsdecode`
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_ESCAPES = {
    code: _visible(code)
    for code in (
        *(code for code in range(0x20) if code not in (0x09, 0x0A)),
        *range(0x7F, 0xA0),
        *_INVISIBLE,
        *range(0xD800, 0xE000),  # lone surrogates: no stream can encode them
        *_TAG_CHARACTERS,
    )
}


def clean(text: str) -> str:
    """`text` made inert on a terminal, in linear time.

    Complete escape sequences vanish. Every other control character, overrides of direction and invisible characters are
    spelled out (`\\x1b`, `\\u202e`). Tab, line end and the two joiners that scripts and emoji need are kept.
    """
    if text.isprintable():
        return text
    return _SEQUENCES.sub("", text.replace("\r\n", "\n")).translate(_ESCAPES)


_GAPS = re.compile(r"\s+")


def one_line(text: str, limit: int = 400, mark: str = "…") -> str:
    """`text` cleaned, on one line, at most `limit` characters, `mark` where it was cut: for names, titles, previews.

    Only the beginning is looked at, so the cost does not grow with the text.
    """
    line = _GAPS.sub(" ", clean(text[: limit * 4])).strip()
    return line if len(line) <= limit else line[: limit - len(mark)] + mark


def inert(text: str) -> str:
    """`text` with no workflow command that a GitHub runner would obey; everything else unchanged.

    A runner trims white space before `::`, so a leading space would not do; it finds `##[` anywhere in a line, and ends
    lines at a lone CR too (ActionCommand.cs of actions/runner).
    """
    if "::" not in text and "##[" not in text:
        return text
    return "".join(_inert_line(line) for line in text.splitlines(keepends=True))


def _inert_line(line: str) -> str:
    stripped = line.lstrip()
    if stripped.startswith("::"):
        line = line[: len(line) - len(stripped)] + ": :" + stripped[2:]
    return line.replace("##[", "## [")


# --- how it looks --------------------------------------------------------------------------------------------------


def decide_colour(when: When, variables: Mapping[str, str], tty: bool) -> bool:
    """Whether a stream gets colour.

    The first that speaks decides: `--color`, NO_COLOR, CLICOLOR_FORCE or FORCE_COLOR, CLICOLOR=0, TERM=dumb, a TTY.
    """
    if when != "auto":
        return when == "always"
    if variables.get("NO_COLOR"):
        return False
    if any(variables.get(name, "") not in ("", "0") for name in ("CLICOLOR_FORCE", "FORCE_COLOR")):
        return True
    if variables.get("CLICOLOR") == "0" or variables.get("TERM") == "dumb":
        return False
    return tty


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The signs of the tree. Each state has a sign and a word, so colour is never needed."""

    done: str = "✓"
    failed: str = "✗"
    warning: str = "!"
    below: str = "↳"
    gives: str = "→"
    then: str = "›"
    gutter: str = "│"
    corner: str = "╰"
    full: str = "█"
    empty: str = "░"
    dot: str = "·"
    ellipsis: str = "…"
    about: str = "≈"
    recalled: str = "↺"
    spinner: str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


UNICODE = Glyphs()
ASCII = Glyphs(
    done="+",
    failed="x",
    warning="!",
    below=">",
    gives="->",
    then=">",
    gutter="|",
    corner="`",
    full="#",
    empty=".",
    dot="-",
    ellipsis="...",
    about="~",
    recalled="=",
    spinner="|/-\\",
)


def _wants_ascii(variables: Mapping[str, str], encoding: str) -> bool:
    """True where the console cannot show the signs, or its user has said so by an explicit C locale."""
    try:
        "✓⠋│█".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return True
    if variables.get("TERM") == "linux":  # the kernel's console has 512 signs and no Braille among them
        return True
    locale = next((variables[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if variables.get(name)), "C.UTF-8")
    return locale in ("C", "POSIX")


# --- streams -------------------------------------------------------------------------------------------------------


def encode(text: str, encoding: str = "utf-8") -> bytes:
    """`text` as bytes. Bytes that were not UTF-8 when read (as `surrogateescape` holds them) come back as they were."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        pass
    try:
        return text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        return text.encode(encoding, "replace")


@dataclass(slots=True)
class Output:
    """One stream that we write to, with what is known about it. A stream that is closed has no file."""

    file: TextIO | None
    name: str = "stdout"
    tty: bool = False
    colour: bool = False
    encoding: str = "utf-8"
    glyphs: Glyphs = UNICODE
    broken: bool = False  # a write failed: later ones are dropped

    def write(self, text: str) -> None:
        """Write all of `text` now. Raises `BrokenPipeError` when the reader is gone, else `OutputError`."""
        self.write_bytes(encode(text, self.encoding))

    def write_bytes(self, data: bytes) -> None:
        """As `write`. After a failure the stream is turned to the null device, so that Python's exit stays silent."""
        if self.broken or not data:
            return
        if self.file is None:
            self.broken = True
            raise OutputError(f"{self.name} is closed, so nothing could be written to it")
        try:
            _write_all(self.file, data)
        except BrokenPipeError:
            self._give_up()
            raise
        except (OSError, ValueError) as error:  # ValueError: closed by us
            self._give_up()
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise OutputError(f"{self.name} could not be written: {reason}") from None

    def try_write(self, text: str) -> bool:
        """As `write`, for progress and messages that may be lost: False when they were."""
        try:
            self.write(text)
        except (OSError, OutputError):
            return False
        return not self.broken

    def line(self, text: str) -> bool:
        """One line of trusted text."""
        return self.try_write(text + "\n")

    def remark(self, text: str) -> bool:
        """A message for the person at the terminal, made inert: `rlm: …`."""
        return self.line(self._folded(f"rlm: {clean(text)}"))

    def tell(self, error: RlmError) -> bool:
        """An error as a person is told it: one sentence, and below it what to do next."""
        hint = [f"     {line}" for line in clean(error.hint).splitlines()]
        return self.line("\n".join(map(self._folded, [*f"rlm: {clean(error.message)}".splitlines(), *hint])))

    def _folded(self, line: str) -> str:
        """The line, on a terminal broken between words where it is too long. Elsewhere it stays one line, for grep."""
        columns = self.size()[0] if self.tty else None
        if columns is None or len(line) < columns:
            return line
        import textwrap

        room = max(20, columns - 1)
        return textwrap.fill(line, room, subsequent_indent="     ", break_long_words=False, break_on_hyphens=False)

    def size(self) -> tuple[int, int]:
        """Columns and rows, asked anew each time."""
        try:
            found = os.get_terminal_size(self.file.fileno() if self.file else 2)
        except (OSError, ValueError, AttributeError):
            return 80, 24
        return (found.columns or 80, found.lines or 24)

    def is_pipe(self) -> bool:
        """True where another process reads along."""
        try:
            return self.file is not None and stat.S_ISFIFO(os.fstat(self.file.fileno()).st_mode)
        except (OSError, ValueError, AttributeError):
            return False

    def in_foreground(self) -> bool:
        """False where we are a background job of the terminal: what we drew would land in the shell's line."""
        try:
            return self.file is not None and os.tcgetpgrp(self.file.fileno()) == os.getpgrp()
        except (OSError, ValueError, AttributeError):
            return True

    def _give_up(self) -> None:
        self.broken = True
        with contextlib.suppress(OSError, ValueError, AttributeError):
            assert self.file is not None
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.file.fileno())
            os.close(null)


def _write_all(file: TextIO, data: bytes) -> None:
    """Every byte, past Python's buffers: a frame or an answer is out when this returns."""
    buffer: BinaryIO | None = getattr(file, "buffer", None)
    file.flush()
    try:
        number = file.fileno()
    except (OSError, ValueError, AttributeError):  # a stream in memory
        if buffer is None:
            file.write(data.decode("utf-8", "replace"))
        else:
            buffer.write(data)
            buffer.flush()
        return
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(number, view) :]
        except BlockingIOError:  # somebody made a shared terminal non-blocking
            select.select([], [number], [], 1.0)


def keep_standard_descriptors() -> None:
    """Fill descriptors 0, 1 and 2 where the caller closed them, before anything is opened.

    Else the journal could become descriptor 1, and a child process would write its words into it.
    """
    while True:
        number = os.open(os.devnull, os.O_RDWR)
        if number > 2:
            os.close(number)
            return


# --- the surroundings ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Environment:
    """Streams, variables and choices of this process. Build it with `Environment.of_process`, or by hand in a test."""

    stdout: Output
    stderr: Output
    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_process(cls, when: When = "auto", variables: Mapping[str, str] | None = None) -> Environment:
        """What this process has. `when` is `--color`."""
        found = os.environ if variables is None else variables
        return cls(
            stdout=_output(sys.stdout, "stdout", when, found),
            stderr=_output(sys.stderr, "stderr", when, found),
            variables=found,
        )

    @property
    def in_github(self) -> bool:
        """Our output may be read by a GitHub runner, which obeys commands in it."""
        return self.variables.get("GITHUB_ACTIONS") == "true"

    @property
    def motion(self) -> bool:
        """Whether stderr is a place where things may move. Colour never implies this."""
        return self.stderr.tty and self.variables.get("TERM") != "dumb" and not self.accessible

    @property
    def accessible(self) -> bool:
        """The user has asked for sentences in place of pictures (ACCESSIBLE=1)."""
        return self.variables.get("ACCESSIBLE", "") not in ("", "0")


def _is_tty(file: TextIO | None) -> bool:
    try:
        return file is not None and file.isatty()
    except ValueError:  # closed
        return False


def _is_open(file: TextIO | None) -> bool:
    """False also where the descriptor behind the file is gone, or was opened for reading alone."""
    try:
        if file is None or file.closed:
            return False
        os.fstat(file.fileno())
    except OSError as error:
        return error.errno != errno.EBADF
    except (ValueError, AttributeError):  # a stream in memory
        return True
    return True


def _output(file: TextIO | None, name: str, when: When, variables: Mapping[str, str]) -> Output:
    usable = file if _is_open(file) else None
    tty = _is_tty(usable)
    # A pipe carries UTF-8 whatever the locale is; a console only what it can show.
    encoding = (getattr(usable, "encoding", None) or "utf-8") if tty else "utf-8"
    return Output(
        file=usable,
        name=name,
        tty=tty,
        colour=decide_colour(when, variables, tty),
        encoding=encoding,
        glyphs=ASCII if tty and _wants_ascii(variables, encoding) else UNICODE,
    )
