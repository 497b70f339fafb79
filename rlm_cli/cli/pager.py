"""The pager: what is long goes through `less` on a terminal, and straight out anywhere else."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterable

from rlm_cli.errors import UsageError
from rlm_cli.terminal import Environment, encode


def page(parts: Iterable[str], environment: Environment) -> None:
    """Show `parts`, which are clean. `RLM_PAGER`, then `PAGER`, then less; an empty one means none.

    Raises UsageError when the pager that was asked for cannot be started, BrokenPipeError when stdout's reader is gone.
    """
    stdout, variables = environment.stdout, environment.variables
    words = shlex.split(variables.get("RLM_PAGER", variables.get("PAGER", "less")))
    if not stdout.tty or not words or words[0] == "cat":
        for part in parts:
            stdout.write(part)
        return
    # F: one screen needs no pager. R: colours pass. X: the text stays when less ends.
    own = {"LESS": variables.get("LESS", "FRX"), "LESSSECURE": "1"}
    try:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, env={**os.environ, **own})
    except OSError as error:
        if "RLM_PAGER" in variables or "PAGER" in variables:
            raise UsageError(f"the pager {words[0]} cannot be started: {error.strerror}", "See $RLM_PAGER.") from None
        for part in parts:
            stdout.write(part)
        return
    assert process.stdin is not None
    try:
        with process.stdin as pipe:
            for part in parts:
                pipe.write(encode(part, stdout.encoding))
    except BrokenPipeError:
        pass  # the reader has seen enough
    while True:
        try:
            process.wait()
            return
        except KeyboardInterrupt:
            continue  # Ctrl-C inside of less is for less
