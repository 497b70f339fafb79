"""The page of `rlm view`: one HTML file with a run inside. It loads nothing and sends nothing.

The page is built from `src` by esbuild (`npm ci && npm run build` in this folder) and checked in, so that nobody needs
Node to use it. Its policy names its one script and its one style by their hashes; what a run says is data to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files

_PLACE = b"<!--journal-->"
_OFFLINE = b"connect-src 'none'"


def page() -> bytes:
    """The page without a run: it asks for a file."""
    return (files(__package__) / "page.html").read_bytes()


def with_journal(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The page with a journal inside, in parts. The lines are those of a file, whoever wrote it."""
    before, _, after = page().partition(_PLACE)
    yield before
    for line in lines:
        yield _inert(line)
    yield after


def following(address: str) -> bytes:
    """The page that fetches its run from `address`, a path of the server that it came from, and goes on asking."""
    marked = page().replace(b'id="journal">', b'id="journal" data-follow="' + address.encode("ascii") + b'">', 1)
    return marked.replace(_OFFLINE, b"connect-src 'self'", 1)


def _inert(line: bytes) -> bytes:
    """JSON in which no tag can begin or end: inside of strings, the only place for a `<`, it may be spelled so."""
    return line.replace(b"<", rb"\u003c").replace(b"\0", b"")
