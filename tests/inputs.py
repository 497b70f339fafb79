"""Small inputs on disk, and what a corpus makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rlm_cli.context.corpus import Corpus
from rlm_cli.context.spans import Span
from rlm_cli.context.store import MappedStore


def grow(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write `files` below `root`, with their directories."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def read(corpus: Corpus, span: Span) -> bytes:
    """The bytes of a span, as a process that opens the file now sees them. Raises what opening raises."""
    store = MappedStore(corpus, corpus.open, maps=False)
    try:
        data = bytes(store.view(*span))
    finally:
        store.close()
    for error in store.failed.values():
        raise error
    return data


def texts(corpus: Corpus) -> dict[str, bytes]:
    """The names and whole contents of a small corpus, in order."""
    return {corpus.name(n): read(corpus, Span(n, 0, corpus.size(n))) for n in range(len(corpus))}
