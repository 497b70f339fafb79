"""`rlm demo`: a recorded run, drawn again by what draws a live one. It needs no key, no model and no network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlm_cli.cli.help import HELP_FLAGS, Command
from rlm_cli.cli.output import remark
from rlm_cli.cli.view import play_again
from rlm_cli.terminal import Environment

EXAMPLES = """
rlm demo
rlm demo --speed 1             as slowly as it was
rlm demo | cat                 as in a pipe or in CI: plain lines
"""
RUN = Path(__file__).with_name("demo.jsonl")
_SPEED = 8.0

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=Command, epilog=EXAMPLES, context_settings=HELP_FLAGS)
def demo(
    speed: Annotated[
        float, typer.Option("--speed", metavar="N", help=f"times as fast as it was [{_SPEED:g}]")
    ] = _SPEED,
) -> None:
    """Watch a recorded run; no key is needed.

    A model of 1.5 billion parameters on two processors has ten reports of incidents read, each by a sub-call of its
    own. It judges all ten right and then names one of the three: so weak a model does. Nothing is asked, sent or
    written now.
    """
    remark("this run was recorded; no model is asked")
    play_again(RUN, speed)
    environment = Environment.of_process()
    if environment.stdout.tty:
        environment.stderr.line("")
    if not environment.motion:  # the tree ends with this
        remark(f"look into it: rlm view {RUN}")
    remark('ask about your own files: rlm ask repo/ "where is auth handled"')
