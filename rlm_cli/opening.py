"""From the settings of a run to its input: what is read, and the pipe of an earlier part in the place of a new one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from rlm_cli.context.corpus import Corpus, open_corpus
from rlm_cli.context.options import InputOptions
from rlm_cli.errors import InputError
from rlm_cli.journal import kept_stdin
from rlm_cli.places import places
from rlm_cli.settings import Settings


def open_input(
    settings: Settings,
    journal: Path | None,
    streams: Iterable[tuple[str, int]],
    *,
    progress: Callable[[str, int], None],
    on_change: Callable[[str, str], None],
) -> Corpus:
    """The input of a run. `journal`: of the earlier part, where the run goes on; what came by a pipe lies beside it.

    `streams`, `progress` and `on_change` as `open_corpus` takes them. Raises InputError.
    """
    options = InputOptions(
        cache=places().texts,
        hidden=settings.hidden,
        no_ignore=not settings.ignore,
        include=settings.include,
        exclude=settings.exclude,
        include_secrets=settings.include_secrets,
        binary=settings.binary,
        encoding=settings.encoding,
        max_decompressed=settings.max_decompressed,
    )
    kept = None if journal is None else kept_stdin(journal)
    if kept is not None and "-" in settings.sources and not kept.exists():
        raise InputError("the input of that run came by a pipe and was not kept", "Pipe it in and ask anew.")
    stdin = os.open(kept, os.O_RDONLY) if kept is not None and kept.exists() else 0
    return open_corpus(
        settings.sources,
        options,
        stdin=stdin,
        listed=settings.listed,
        streams=streams,
        progress=progress,
        on_change=on_change,
    )
