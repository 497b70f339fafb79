"""The tree of what a command imports, with its time: what `python -X importtime` says, least of a few runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Imported:
    name: str
    depth: int
    own: int  # microseconds
    whole: int  # with what it imported first


def told(errors: str) -> list[Imported]:
    """What stands in the output, a module before those that it imports, these in their order.

    Python prints a module after all that it imported: a stack of finished subtrees, as in any postfix form.
    """
    done: list[list[Imported]] = []
    for line in errors.splitlines():
        parts = line.removeprefix("import time:").split("|")
        if line.startswith("import time:") and len(parts) == 3 and parts[0].strip().isdigit():
            name = parts[2]
            depth = (len(name) - len(name.lstrip()) - 1) // 2
            below: list[list[Imported]] = []
            while done and done[-1][0].depth > depth:
                below.insert(0, done.pop())
            this = Imported(name.strip(), depth, int(parts[0]), int(parts[1]))
            done.append([this, *(one for subtree in below for one in subtree)])
    return [one for subtree in done for one in subtree]


def measured(arguments: Sequence[str], environment: Mapping[str, str], times: int = 3) -> list[Imported]:
    """The run of the least total, of several runs of `python -m rlm_cli`."""
    command = [sys.executable, "-X", "importtime", "-m", "rlm_cli", *arguments]
    runs = []
    for _ in range(times):
        done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
        runs.append(told(done.stderr))
    return min(runs, key=lambda run: sum(one.own for one in run))


def tree(modules: Sequence[Imported], *, least: int, depth: int) -> Iterator[str]:
    """Modules of at least `least` microseconds, indented, not deeper than `depth`."""
    yield f"{sum(one.own for one in modules) / 1000:.0f} ms in {len(modules)} modules"
    for one in modules:
        if one.whole >= least and one.depth < depth:
            yield f"{one.whole / 1000:8.1f} ms  {'  ' * one.depth}{one.name}"
