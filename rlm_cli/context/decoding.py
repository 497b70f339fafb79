"""From the bytes of a file to the UTF-8 that the rest works on: byte order marks, other encodings, binary files.

UTF-8 is used where it is: a byte order mark is stepped over, invalid bytes stay for the reader to replace. Everything
else is decoded once into the cache.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass

from rlm_cli.context.secrets import starts_like_key
from rlm_cli.context.spool import write_all
from rlm_cli.errors import UsageError

HEAD = 8192
"""How many bytes are looked at to know what a file is; git looks at 8,000."""

_PIECE = 1 << 20
_SAME = frozenset({"utf-8", "ascii", "utf-8-sig"})

# Without a mark Python's own codecs of these names refuse a file; what Windows writes is little-endian.
_UNMARKED = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}

# Longest first: the mark of UTF-32-LE begins with that of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def checked_encoding(name: str | None) -> str | None:
    """The codec's own name, or None for UTF-8. Raises `UsageError` for one that Python does not know as text."""
    if name is None:
        return None
    try:
        found = codecs.lookup(name)
        "".encode(found.name)
        codecs.getincrementaldecoder(found.name)("replace").decode(b"", True)  # "idna" knows no "replace"
    except (LookupError, ValueError, TypeError):
        raise UsageError(
            f"--encoding: no text encoding is called {name!r}.", "Try latin-1, cp1252, or utf-16."
        ) from None
    return None if found.name in _SAME else _UNMARKED.get(found.name, found.name)


def mark(head: bytes) -> tuple[str, int]:
    """The encoding that a byte order mark at the beginning says, and the mark's length; ("", 0) without one."""
    for bytes_, name in _MARKS:
        if head.startswith(bytes_):
            return name, len(bytes_)
    return "", 0


def is_binary(head: bytes) -> bool:
    """Whether a file that begins with `head` is no text: it holds a NUL, as `grep` and git judge."""
    return b"\0" in head


class NotRead(Exception):
    """Why a file's content is left out: `reason` is a key of `Corpus.skipped`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Reading:
    """How bytes become text: what of the user's options matters here. Part of the key of what is cached."""

    encoding: str | None = None  # a codec's own name; None is UTF-8
    binary: bool = False
    secrets: bool = False

    def judge(self, head: bytes) -> tuple[str, int]:
        """The encoding of a file that begins with `head` ("" is UTF-8 as it stands) and the length of its mark.

        Raises `NotRead`.
        """
        if not self.secrets and starts_like_key(head):
            raise NotRead("secret")
        encoding, skip = mark(head)
        if encoding in ("", "utf-8"):
            wide = self.encoding is not None and self.encoding.startswith(("utf-16", "utf-32"))
            if is_binary(head) and not self.binary and not wide:
                raise NotRead("binary")
        if not encoding:
            return self.encoding or "", 0
        return ("" if encoding == "utf-8" else encoding), skip


def copy_text(read: Callable[[int], bytes], target: int, reading: Reading) -> int:
    """Write what `read(size)` gives to the descriptor `target` as UTF-8 without a mark; returns the bytes written.

    What cannot be decoded becomes U+FFFD; bytes that are no valid UTF-8 stay. Line ends stay. Raises `NotRead` before
    anything is written, and OSError.
    """
    head = b""
    while len(head) < HEAD:
        more = read(HEAD - len(head))
        if not more:
            break
        head += more
    encoding, skip = reading.judge(head)
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace") if encoding else None
    written, data = 0, head[skip:]
    while True:
        final = not data
        # UTF-16 can carry lone surrogates past some codecs: "replace" keeps the result valid UTF-8.
        out = data if decoder is None else _decoded(decoder, data, final=final).encode("utf-8", "replace")
        if out:
            write_all(target, memoryview(out))
            written += len(out)
        if final:
            return written
        data = read(_PIECE)


def _decoded(decoder: codecs.IncrementalDecoder, data: bytes, *, final: bool) -> str:
    try:
        return decoder.decode(data, final)
    except UnicodeError:  # a few raise whatever they were told: ISO-2022-KR over bytes that are none of it
        decoder.reset()
        return data.decode("ascii", "replace")
