"""A run survives its cells: through `rlm ask` with a scripted model, each runaway is one failed cell."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import RestrictedPython

import rlm_cli
from tests.conftest import RunRlm
from tests.server import Ask, ScriptedServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers are those of Linux")

KEY = {"OPENAI_API_KEY": "sk-test"}
REPOSITORY = str(Path(rlm_cli.__file__).parent.parent)
LIBRARIES = str(Path(RestrictedPython.__file__).parent.parent)

RUNAWAYS = {
    "an endless loop": ("while True: pass", "CellTimeout"),
    "too much memory": ("' ' * 10**11", "MemoryError"),
    "an endless loop in C": ("sum(range(10**15))", "CellTimeout"),
    "a kill": ("import os\nos.kill(1, 9)", "AttributeError"),
    "a fork bomb": ("import os\nwhile True: os.fork()", "AttributeError"),
    "a crash": ("x = filter(None, [1])\nfor i in range(200_000):\n    x = filter(None, x)\nlist(x)", "WorkerDied"),
    "a file that shrinks": ("sum(line.count('a') for line in context)", None),
}
"""As a model may write them: the error that each becomes, None where either of two is right."""
HOSTILE = {
    "a kill of itself": ("import os\nos.kill(os.getpid(), 9)", "PermissionError"),
    "a kill of the host": ("import os\nos.kill(os.getppid(), 9)", "PermissionError"),
    "a kill of all": ("import os\nos.kill(-1, 9)", "PermissionError"),
    "a fork bomb": ("import os\nwhile True: os.fork()", "PermissionError"),
    "a bomb of threads": ("import _thread\nwhile True: _thread.start_new_thread(print, ())", "RuntimeError"),
    "an endless loop": ("import signal\nsignal.signal(2, signal.SIG_IGN)\nwhile True: pass", "CellTimeout"),
    "an endless loop in C": ("sum(range(10**15))", "CellTimeout"),
    "too much memory": ("x = bytearray(10**11)", "MemoryError"),
    "a null pointer": ("import ctypes\nctypes.string_at(0)", "WorkerDied"),
    "an abort": ("import os\nos.abort()", "WorkerDied"),
    "an exit": ("import os\nos._exit(0)", "WorkerDied"),
}
"""As code would do it that has left the language policy behind: cells are plain Python, the process alone holds."""

OUTSIDE = """
import runpy, sys
from rlm_cli.sandbox import process
from tests.escape_runs import PLAIN
process.BOOT = PLAIN.replace("cell.Cells._attempt = fresh\\n", "")
sys.argv[0] = "rlm"
runpy.run_module("rlm_cli", run_name="__main__")
"""
"""`rlm`, with workers that have no language policy."""


def options(server: ScriptedServer) -> list[str]:
    return ["-m", "openai/root", "-s", "openai/sub", "--api-base", server.url, "--strategy", "rlm", "--cell-time", "1s"]


FIRST = "kept = grep('token')[0]\nasked = llm_query('once')\nprint(kept)"
LAST = "FINAL(f'{asked}: {kept.path} line {kept.line}')"


def check(done: subprocess.CompletedProcess[str], home: Path, errors: list[str | None]) -> None:
    """The run has answered from its earlier variables, and each runaway is one failed cell of the kind it should be."""
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("sub says: ")
    assert "src/auth.py line 1" in done.stdout
    [journal] = (home / "runs").glob("*.jsonl")
    events = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    found = [event["error"] and event["error"]["type"] for event in events if event["type"] == "cell.finished"]
    assert len(found) == len(errors) + 2
    wrong = [(is_, should) for is_, should in zip(found[1:-1], errors, strict=True) if should not in (None, is_)]
    assert wrong == []


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that everyone may use: those of pytest are for their owner."""
    path = Path(tempfile.mkdtemp(prefix="rlm-everyone-"))
    (path / "src").mkdir()
    (path / "src" / "auth.py").write_text("def check(token):\n    return token\n")
    (path / "src" / "big.txt").write_text("a line of text\n" * 300_000)
    for name in (".", "src", "src/auth.py", "src/big.txt"):
        (path / name).chmod(0o777)
    yield path
    shutil.rmtree(path)


def run(place: Path, cells: dict[str, tuple[str, Any]], *, plain: bool, ordinary: bool) -> None:
    """`rlm ask` over `cells`, as an ordinary user where asked."""
    code = [FIRST, *(cell for cell, _ in cells.values()), LAST]
    script = iter([f"```repl\n{cell}\n```" for cell in code])

    def reply(ask: Ask) -> str:
        if ask.model != "root":
            return "sub says"
        cell = next(script)
        if "line.count" in cell:
            os.truncate(place / "src" / "big.txt", 1000)  # now, while it is mapped
        return cell

    user: dict[str, Any] = {"user": 65534, "group": 65534, "extra_groups": []} if ordinary else {}
    home = place / "home"
    environment = {"PYTHONPATH": f"{REPOSITORY}:{LIBRARIES}", "RLM_HOME": str(home), "HOME": str(place), **KEY}
    with ScriptedServer(reply) as server:
        words = ["ask", str(place / "src"), "where?", *options(server), "--sandbox", "strict"]
        for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
            start = [python, *(["-c", OUTSIDE] if plain else ["-m", "rlm_cli"]), *words]
            try:
                done = subprocess.run(
                    start, cwd=place, env=environment, capture_output=True, text=True, timeout=110, check=False, **user
                )
            except OSError:  # not there, or not for everyone
                continue
            check(done, home, [error for _, error in cells.values()])
            return
    pytest.skip("no Python here can be started by an ordinary user")


@pytest.mark.parametrize("name", RUNAWAYS)
def test_each_runaway_is_one_failed_cell_of_a_run_that_answers(name: str, place: Path) -> None:
    run(place, {name: RUNAWAYS[name]}, plain=False, ordinary=False)


def test_code_that_has_left_the_policy_behind_costs_cells_and_not_the_run(place: Path) -> None:
    run(place, HOSTILE, plain=True, ordinary=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="this is an ordinary user already")
@pytest.mark.parametrize("plain", [False, True], ids=["as it ships", "without the policy"])
def test_the_same_as_an_ordinary_user(plain: bool, place: Path) -> None:
    run(place, HOSTILE if plain else RUNAWAYS, plain=plain, ordinary=True)


def test_a_run_may_insist_on_every_layer(rlm: RunRlm, tree: Callable[[dict[str, str]], Path]) -> None:
    folder = tree({"a.py": "x = 1\n"})
    with ScriptedServer(["```repl\nlook = grep('x')\nFINAL(str(look))\n```"]) as server:
        done = rlm("ask", folder, "what?", *options(server), "--sandbox", "strict", env=KEY)
    assert done.exit == 0, done.stderr
    [ready] = done.of("sandbox.ready")
    assert {"policy", "seccomp"} <= set(ready["layers"])


def test_a_reply_of_ten_thousand_cells_runs_the_first_of_them(
    rlm: RunRlm, tree: Callable[[dict[str, str]], Path]
) -> None:
    many = "\n".join("```repl\ncount = globals().get('count', 0) + 1\n```" for _ in range(10_000))
    said: list[str] = []

    def script(ask: Ask) -> str:
        said.append(ask.text)
        return many if len(said) == 1 else "```repl\ngrep('x')\nFINAL(f'{count} were run')\n```"

    with ScriptedServer(script) as server:
        done = rlm("ask", tree({"a.py": "x = 1\n"}), "how many?", *options(server), env=KEY)
    assert done.exit == 0, done.stderr
    assert done.stdout.strip() == "50 were run"
    assert "only the first 50 were run" in said[1]
