"""A run survives its cells: through `rlm ask` with a scripted model, each runaway is one failed cell."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import RunRlm
from tests.server import Ask, ScriptedServer

KEY = {"OPENAI_API_KEY": "sk-test"}
RUNAWAYS = {
    "an endless loop": ("while True: pass", "CellTimeout"),
    "too much memory": ("' ' * 10**11", "MemoryError"),
    "an endless loop in C": ("sum(range(10**15))", "CellTimeout"),
    "a kill": ("import os\nos.kill(1, 9)", "AttributeError"),
    "a fork bomb": ("import os\nwhile True: os.fork()", "AttributeError"),
    "a crash": ("x = filter(None, [1])\nfor i in range(200_000):\n    x = filter(None, x)\nlist(x)", "WorkerDied"),
}


def options(server: ScriptedServer) -> list[str]:
    return ["-m", "openai/root", "-s", "openai/sub", "--api-base", server.url, "--strategy", "rlm", "--cell-time", "1s"]


def test_each_runaway_is_one_failed_cell_of_a_run_that_answers(
    rlm: RunRlm, tree: Callable[[dict[str, str]], Path]
) -> None:
    first = "kept = grep('token')[0]\nasked = llm_query('once')\nprint(kept)"
    cells = [first, *(code for code, _ in RUNAWAYS.values()), "FINAL(f'{asked}: {kept.path} line {kept.line}')"]
    script = iter([f"```repl\n{cell}\n```" for cell in cells])
    folder = tree({"src/auth.py": "def check(token):\n    return token\n"})
    with ScriptedServer(lambda ask: next(script) if ask.model == "root" else "sub says") as server:
        done = rlm("ask", folder, "where?", *options(server), env={"OPENAI_API_KEY": "sk-test"}, timeout=110)
    assert done.exit == 0, done.stderr
    assert done.stdout.startswith("sub says: ")
    assert "src/auth.py line 1" in done.stdout
    errors = [event["error"] and event["error"]["type"] for event in done.of("cell.finished")]
    assert errors == [None, *(error for _, error in RUNAWAYS.values()), None]


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_a_run_may_insist_on_every_layer(rlm: RunRlm, tree: Callable[[dict[str, str]], Path]) -> None:
    folder = tree({"a.py": "x = 1\n"})
    with ScriptedServer(["```repl\nlook = grep('x')\nFINAL(str(look))\n```"]) as server:
        done = rlm("ask", folder, "what?", *options(server), "--sandbox", "strict", env={"OPENAI_API_KEY": "sk-test"})
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
