"""However a run ends, no process, descriptor or temporary file of it stays behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rlm_cli import RLM
from tests.server import Ask, ScriptedServer, Status

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are counted in /proc")

ENDLESS = "```repl\nlook = grep('x')\nwhile True: pass\n```"
# A second worker comes up a second after the first: the cell lasts until it is there.
LONG = "```repl\nimport time\nlook = grep('x')\nfor _ in range(2): time.sleep(1)\nFINAL('done')\n```"
ROADS: dict[str, tuple[str | Status, int | None, int]] = {
    "an answer": (LONG, None, 0),
    "an error": (Status(401), None, 4),
    "Ctrl-C": (ENDLESS, signal.SIGINT, 130),
    "a request to end": (ENDLESS, signal.SIGTERM, 143),
    "a kill": (ENDLESS, signal.SIGKILL, -9),
}


def workers(parent: int) -> list[int]:
    """The workers that this process started, alive or not yet collected."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if f'"parent": {parent},'.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for what must come; fails where it does not."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


@pytest.mark.parametrize("road", ROADS)
def test_a_run_leaves_no_process_and_no_file(road: str, tmp_path: Path, environment: dict[str, str]) -> None:
    reply, number, status = ROADS[road]
    folder, scratch = tmp_path / "in", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    environment |= {"OPENAI_API_KEY": "sk-test", "TMPDIR": str(scratch)}

    def script(ask: Ask) -> str | Status:
        return reply

    with ScriptedServer(script) as server:
        words = ["ask", str(folder), "what?", "-m", "openai/root", "--api-base", server.url, "--strategy", "rlm"]
        process = subprocess.Popen(
            [sys.executable, "-m", "rlm_cli", *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        if number is not None:
            until(lambda: len(workers(process.pid)) == 2)  # the one that runs the cell, and the one that waits
            process.send_signal(number)
        _, err = process.communicate(timeout=110)
    assert process.returncode == status, err.decode()
    until(lambda: workers(process.pid) == [])
    assert list(scratch.iterdir()) == []


def test_runs_of_one_process_leave_it_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From Python, where the process lives on: descriptors and children after many runs are those after the first."""
    folder, scratch = tmp_path / "in", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    monkeypatch.setenv("RLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    after_first = 0
    with ScriptedServer(lambda ask: "```repl\nlook = grep('x')\nFINAL('done')\n```") as server:
        for _ in range(4):
            with RLM(folder, model="openai/root", api_base=server.url, strategy="rlm") as session:
                assert session.ask("what?").text == "done"
            assert workers(os.getpid()) == []
            after_first = after_first or open_files()
            # The scripted server lives in this process too, and closes its end of a connection when it gets to it.
            until(lambda most=after_first: open_files() <= most)  # type: ignore[misc]
    assert list(scratch.iterdir()) == []
