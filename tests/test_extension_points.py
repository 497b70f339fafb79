"""The four places to plug in: the smallest example of each Protocol, one line to register, a run through `rlm ask`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rlm_cli.sandbox.registry import SANDBOXES
from rlm_cli.settings import OPTIONS

RUN = "\nimport sys, rlm_cli.__main__\nsys.argv = ['rlm', *sys.argv[1:]]\nrlm_cli.__main__.main()\n"

MODEL = """
from rlm_cli.models import Price, Reply, Usage
from rlm_cli.models.registry import PREFIXES

class Parrot:
    name, window, price = "parrot/grey", None, Price(0, 0)
    async def reply(self, messages, options):
        if len(messages) < 4:
            return Reply(text="```repl\\nprint(context[:500])\\n```", usage=Usage(input_tokens=1, output_tokens=1))
        return Reply(text="```repl\\nFINAL('polly was here')\\n```", usage=Usage(input_tokens=1, output_tokens=1))
    async def close(self): ...

PREFIXES["parrot"] = lambda wanted: Parrot()
"""

SOURCE = """
import os
from rlm_cli.context.schemes import SCHEMES

class Poem:
    def streams(self, rest):
        reader, writer = os.pipe()
        os.write(writer, b"roses are red\\nthe frobnicator is %s\\n" % rest.encode())
        os.close(writer)
        yield "poem:" + rest, reader

SCHEMES["poem"] = Poem()
"""

SANDBOX = """
import os
from rlm_cli.sandbox import CellResult, Ready
from rlm_cli.sandbox.registry import SANDBOXES

class Bare:
    def __init__(self, host, files, *, parts, cell_memory):
        self.names, self.host = {}, host
    async def start(self): return Ready(layers=(), missing=("everything",), seconds=0.0)
    async def run(self, code, *, cell, time_limit):
        os.close(self.host.open(0))
        await self.host.submit("final", "the bare one ran " + str(len(code)), None)
        return CellResult(submitted=True)
    async def close(self): ...

SANDBOXES["off"] = Bare
"""

SINK = """
import sys
from rlm_cli.sinks import PROGRESS

class Counter:
    def __init__(self): self.turns = 0
    def emit(self, record): self.turns += record.event.type == "turn.started"
    def close(self): print("turns:", self.turns, file=sys.stderr)

PROGRESS["plain"] = lambda display, environment: Counter()
"""


def run(setup: str, environment: dict[str, str], cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", setup + RUN, "ask", *words]
    return subprocess.run(
        command,
        env=environment,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("the frobnicator is green\n")
    return tmp_path


def test_a_model(folder: Path, environment: dict[str, str]) -> None:
    done = run(MODEL, environment, folder, "a.txt", "what?", "-m", "parrot/grey", "--strategy", "rlm")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "polly was here"), done.stderr


def test_a_source(folder: Path, environment: dict[str, str]) -> None:
    done = run(SOURCE, environment, folder, "poem:blue", "what is the frobnicator?")
    assert done.returncode == 0, done.stderr
    assert "[1] poem:blue:2" in done.stdout


def test_a_sandbox(folder: Path, environment: dict[str, str]) -> None:
    done = run(SANDBOX, environment, folder, "a.txt", "what is the frobnicator?", "--sandbox", "off", "--json")
    assert "the bare one ran" in done.stdout, done.stderr


def test_a_sink(folder: Path, environment: dict[str, str]) -> None:
    done = run(SINK, environment, folder, "a.txt", "what is the frobnicator?")
    assert "turns: 3" in done.stderr


def test_every_sandbox_can_be_chosen() -> None:
    assert set(OPTIONS["sandbox"].choices) == set(SANDBOXES)
