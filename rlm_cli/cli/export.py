"""`rlm export`: a run in the form that another program reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlm_cli import figures, journal
from rlm_cli.cli.help import HELP_FLAGS, Command
from rlm_cli.cli.output import remark
from rlm_cli.cli.reading import warn
from rlm_cli.cli.writing import write_file
from rlm_cli.errors import OutputError, UsageError
from rlm_cli.exports import EXPORTS, Choices, Source
from rlm_cli.exports import export as exported
from rlm_cli.places import places, shown
from rlm_cli.terminal import Environment

EXAMPLES = """
rlm export last --to markdown > report.md
rlm export k7f2 --to visualizer -o k7f2.jsonl
rlm export k7f2 9c1d --to sft --tokens -o train.jsonl
rlm export last --to otel --endpoint http://localhost:4318
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=Command, epilog=EXAMPLES, context_settings=HELP_FLAGS)
def export(
    runs: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", show_default=False)] = None,
    to: Annotated[str, typer.Option("--to", metavar="FORM", help=", ".join(EXPORTS))] = "",
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="write to FILE, not stdout")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="sft: runs without an answer too")] = False,
    most: Annotated[
        int, typer.Option("--max-chars", metavar="N", help="sft: leave longer samples out [100000]")
    ] = 100_000,
    tokens: Annotated[bool, typer.Option("--tokens", help="sft: the tokens of each reply")] = False,
    content: Annotated[bool, typer.Option("--content/--no-content", help="otel: prompts and replies too")] = True,
    sending: Annotated[bool, typer.Option("--send", help="otel: to a collector, as OTEL_EXPORTER_OTLP_* say")] = False,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", metavar="URL", help="otel: to this one, such as http://localhost:4318")
    ] = None,
    size: Annotated[str, typer.Option("--size", metavar="CxR", help="asciicast: columns and rows [100x30]")] = "100x30",
) -> None:
    """Write a run in another form.

    RUN is an id, its last four letters, a journal, a log of another program that rlm import reads, or `last`. Only sft
    takes several.
    """
    if to not in EXPORTS:
        raise UsageError(f"there is no form {to!r}" if to else "--to says which form", _forms())
    sending = sending or endpoint is not None
    if sending and (to != "otel" or output is not None):
        raise UsageError("--send and --endpoint send the spans of --to otel instead of writing them")
    names = runs or ["last"]
    if len(names) > 1 and to != "sft":
        raise UsageError(f"--to {to} takes one run", "Only sft puts several into one file.")
    columns, rows = _size(size)
    choices = Choices(
        failed=failed, most=most, tokens=tokens, content=content, columns=columns, rows=rows, tell=remark
    )  # fmt: skip
    paths = [journal.find(places().runs, name) for name in names]
    sources = [Source(path) for path in paths]
    parts = (part for source in sources for part in exported(to, source, choices))
    if sending:
        _send(sources[0], choices, endpoint)
    elif output is None or output == "-":
        stdout = Environment.of_process().stdout
        if stdout.tty and to != "markdown":
            raise UsageError(f"--to {to} is for a file or a pipe", f"Such as: -o run{EXPORTS[to][1]}")
        for part in parts:
            stdout.write_bytes(part)
    else:
        target = Path(output)
        try:
            write_file(target, parts)
        except OSError as error:
            raise OutputError(f"cannot write {shown(target)}: {error.strerror}") from None
        remark(f"wrote {shown(target)} ({figures.size(target.stat().st_size)})")
    for source in sources:
        warn(source.reading, source.path)


def _send(source: Source, choices: Choices, endpoint: str | None) -> None:
    from rlm_cli.exports.sending import send
    from rlm_cli.exports.spans import spans

    found = spans(source.trajectory(), source.path.stem, content=choices.content)
    count, address = send(found, endpoint, choices.tell)
    remark(f"sent {figures.plural(count, 'span')} to {address}")


def _forms() -> str:
    return "\n".join(f"{name.ljust(11)} {about}" for name, (about, _) in EXPORTS.items())


def _size(size: str) -> tuple[int, int]:
    columns, cross, rows = size.partition("x")
    if not (cross and columns.isdecimal() and rows.isdecimal() and 20 <= int(columns) <= 500 and 5 <= int(rows) <= 200):
        raise UsageError(f"--size {size!r} is not a size", "Such as: 100x30")
    return int(columns), int(rows)
