"""One question, asked of one program, with the server's view of it."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.bench.compare.process import Ran, run
from tests.bench.compare.programs import Job, Program
from tests.bench.compare.server import LEAF, MARK, Script, Server

QUESTION: Final = f"{MARK}: what does the log say?"
ANSWER: Final = "the-answer-is-"
_NUMBERS: Final = itertools.count()


@dataclass(frozen=True, slots=True)
class Asked:
    ran: Ran
    heard: Script
    home: Path

    @property
    def to_first(self) -> float:
        """Seconds from the start of the process to its first request."""
        return self.heard.first - self.ran.began


@dataclass(frozen=True, slots=True)
class Bench:
    """What rows measure with. Sizes are multiplied by `scale`, which a smoke run makes small."""

    server: Server
    place: Path  # scratch
    programs: Sequence[Program]  # rlm first, then the peers that are there
    scale: float = 1.0

    @property
    def smoke(self) -> bool:
        return self.scale < 1

    def sized(self, number: float, least: int = 1) -> int:
        return max(least, int(number * self.scale))

    @contextmanager
    def home(self) -> Iterator[tuple[Path, dict[str, str]]]:
        """A fresh HOME and the environment of a run in it."""
        home = Path(tempfile.mkdtemp(dir=self.place))
        environment = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "OPENAI_API_KEY": "k",
            "TMPDIR": str(home),
            "no_proxy": "127.0.0.1,localhost",
            "RLM_HOME": str(home / "rlm"),
        }
        try:
            yield home, environment
        finally:
            shutil.rmtree(home, ignore_errors=True)

    def ask(
        self,
        program: Program,
        cells: Sequence[str],
        job: Job,
        *,
        child: Sequence[str] = (),
        latency: float = 0.0,
        stdin: int | None = None,
        timeout: float = 120.0,
        expected: str | None = ANSWER,
        look: Callable[[Asked], object] = lambda asked: None,
    ) -> Asked:
        """Have `program` do `cells`, one a turn, in a fresh HOME. `look` sees the result while that HOME still stands.

        Raises Failed.
        """
        with self.home() as (home, environment):
            url, heard = self.script(program, cells, child=child, latency=latency)
            command = program.command(replace(job, url=url, home=home))
            ran = run(command, environment=environment, stdin=stdin, timeout=timeout, expected=expected, cwd=home)
            asked = Asked(ran, heard(), home)
            look(asked)
            return asked

    def script(
        self, program: Program, cells: Sequence[str], *, child: Sequence[str] = (), latency: float = 0.0
    ) -> tuple[str, Callable[[], Script]]:
        """(base URL, what was heard there so far) of a new script."""
        name = f"s{next(_NUMBERS)}"
        turns = [program.reply(cell) for cell in cells]
        replies = [program.reply(cell) for cell in child]
        url = self.server.script(name, turns=turns, child=replies, leaf=program.leaf("ok"), latency=latency)
        return url, lambda: self.server.heard(name)


def answering(program: Program, value: str) -> str:
    """The code that submits `value`, an expression, marked as the answer."""
    return program.final(f'"{ANSWER}" + str({value})')


def prompts(count: int, more: str = "''") -> str:
    """An expression: that many different prompts of sub-calls; `more` is an expression that tells callers apart."""
    return f'["{LEAF} number %d %s" % (n, {more}) for n in range({count})]'
