"""What the README says for CI, run as it stands there: a workflow's step and a hook of pre-commit; and --fail-if."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import RunRlm
from tests.server import ScriptedServer

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
FOUND = "```repl\nhit = grep('password')[0]\nprint(hit)\nFINAL(f'It stands there {cite(hit)}')\n```"
NOTHING = "```repl\nprint(grep('no such thing'))\nNOT_FOUND('nothing of the kind')\n```"
STEP = re.compile(r"^- run: (rlm .*)$", re.MULTILINE)
ENTRY = re.compile(r"^ +entry: (bash .*)$", re.MULTILINE)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with something to find, and `rlm` on the PATH."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("import os\n\npassword = 'Lisbon'\n", encoding="utf-8")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "rlm"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m rlm_cli "$@"\n')
    program.chmod(0o755)
    return tmp_path


@pytest.fixture(params=[True, False], ids=["found", "nothing"])
def found(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def variables(checkout: Path, environment: dict[str, str], found: bool) -> Iterator[dict[str, str]]:
    """The environment of a job, with a model that finds something, or nothing."""
    with ScriptedServer(lambda asked: FOUND if found else NOTHING) as server:
        yield environment | {
            "PATH": f"{checkout / 'bin'}:{environment['PATH']}",
            "RLM_MODEL": "openai/scripted",
            "RLM_API_BASE": server.url,
            "RLM_STRATEGY": "rlm",
            "OPENAI_API_KEY": "none",
        }


def run(line: list[str] | str, place: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    words = line if isinstance(line, list) else ["bash", "-e", "-c", line]
    return subprocess.run(
        words, cwd=place, env=variables, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )


def test_the_step_of_a_workflow(checkout: Path, variables: dict[str, str], found: bool) -> None:
    (line,) = STEP.findall(README)
    summary = checkout / "summary.md"
    job = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(checkout), "GITHUB_STEP_SUMMARY": str(summary)}
    done = run(line, checkout, variables | job)
    assert done.returncode == int(found), done.stderr
    assert ("::error file=src/app.py,line=3" in done.stdout) == found
    assert ("### Answered" if found else "### Not found") in summary.read_text()


def test_the_hook_of_pre_commit(checkout: Path, variables: dict[str, str], found: bool) -> None:
    (entry,) = ENTRY.findall(README)
    done = run([*shlex.split(entry), "src/app.py"], checkout, variables)
    assert done.returncode == int(found), done.stderr
    assert done.stderr == ""
    assert ("src/app.py:3" in done.stdout) == found


@pytest.mark.parametrize(("what", "status"), [("found", {True: 1, False: 0}), ("not-found", {True: 0, False: 1})])
def test_fail_if(
    what: str, status: dict[bool, int], checkout: Path, variables: dict[str, str], found: bool, rlm: RunRlm
) -> None:
    done = rlm("ask", "src", "a password?", "--fail-if", what, "--json", env=variables, cwd=checkout)
    assert done.exit == done.json["exit_code"] == status[found]
    assert done.json["status"] == ("answered" if found else "not_found")


def test_fail_if_leaves_every_other_status(rlm: RunRlm, checkout: Path) -> None:
    for what in ("found", "not-found"):
        assert rlm("ask", "gone", "a password?", "--fail-if", what, cwd=checkout).exit == 3
        done = rlm("ask", "src", "a password?", "--fail-if", what, "-m", "openai/gpt-5", cwd=checkout)
        assert done.exit == 4


@pytest.mark.parametrize("what", ["found", "not-found"])
def test_a_search_for_words_is_no_judgement(rlm: RunRlm, checkout: Path, what: str) -> None:
    """A job without its secret (a fork's) fails for that, and not for lines that happen to have the words."""
    words = ("ask", "src", "a password that is hard-coded", "--fail-if", what)
    done = rlm(*words, "-q", cwd=checkout)
    assert (done.exit, done.stdout) == (4, "")
    assert "ANTHROPIC_API_KEY" in done.stderr
    assert rlm(*words, "-n", cwd=checkout).exit == 0
    assert rlm(*words, "-m", "offline/extractive", cwd=checkout).exit == int(what == "found")
