"""What every test may ask for: a home of its own, and `rlm` as a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.journals import faults

settings.register_profile("rlm", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("rlm")

# A runner in the background of a script, or under nohup, ignores these, and so would each process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
for _number in (signal.SIGQUIT, signal.SIGHUP):
    signal.signal(_number, signal.SIG_DFL)

# Nothing of the machine that runs the tests may leak in: no keys, no configuration, no colour wishes, no proxies.
_KEPT = {"PATH", "LANG", "LC_ALL", "TMPDIR", "COVERAGE_PROCESS_START", "VIRTUAL_ENV"}


@dataclass(frozen=True)
class Result:
    """What a run of the program left behind."""

    stdout: str
    stderr: str
    exit: int
    home: Path

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The journal of the newest run in this home."""
        # By time, not by name: the names of two runs of one second differ by a random suffix alone.
        newest = max((self.home / "runs").glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
        return [json.loads(line) for line in newest.read_text(encoding="utf-8").splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of one type."""
        return [event for event in self.events if event["type"] == kind]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "rlm-home"


@pytest.fixture
def environment(home: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a stranger: an empty home, no keys."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT}
    return kept | {"RLM_HOME": str(home), "HOME": str(tmp_path), "PYTHONUTF8": "1", "GIT_CONFIG_NOSYSTEM": "1"}


RunRlm = Callable[..., Result]


@pytest.fixture
def rlm(home: Path, environment: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RunRlm]:
    """`rlm("ask", "repo/", "question", stdin="…", env={…})` as a process of its own; stdin is /dev/null by default."""

    def run(
        *arguments: str | Path,
        stdin: str | bytes | None = None,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 60,
    ) -> Result:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [sys.executable, "-m", "rlm_cli", *map(str, arguments)],
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            env=environment | (env or {}),
            cwd=cwd or tmp_path,
            timeout=timeout,
            check=False,
        )
        out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        assert "Traceback (most recent call last)" not in err, err
        return Result(out, err, done.returncode, home)

    yield run
    # Whatever a test is about: each line that its runs have recorded fits the schema that is shipped.
    found = [fault for path in (home / "runs").glob("*.jsonl") for fault in faults(path, torn=True)]
    assert not found, found[:3]


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Make files: `tree({"src/a.py": "text"})` → the folder that holds them."""

    def make(files: dict[str, str]) -> Path:
        folder = tmp_path / "input"
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        return folder

    return make


@pytest.fixture
def server_url() -> Iterator[str]:
    """A scripted provider that says the same thing for ever; tests with a script of their own start their own."""
    from tests.server import ScriptedServer

    with ScriptedServer(lambda ask: "ok") as server:
        yield server.url
