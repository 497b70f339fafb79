"""The page of `rlm view` with this run inside."""

from __future__ import annotations

from collections.abc import Iterator

from rlm_cli import imports, viewer
from rlm_cli.errors import InputError
from rlm_cli.exports import Choices, Source


def export(source: Source, choices: Choices) -> Iterator[bytes]:
    """The lines go in as they are: what cannot be read is told by the page, which reads the reference's logs too."""
    if imports.kind_of(source.path) == "fast_rlm":
        yield from viewer.with_journal(record.to_line() for record in source.records())
        return
    next(source.records())  # a file that holds no run is refused
    try:
        with source.path.open("rb") as stream:
            yield from viewer.with_journal(stream)
    except OSError as error:
        raise InputError(f"cannot read {source.path}: {error.strerror}") from None
