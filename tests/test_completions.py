"""Completion: fresh with the command table, quick because it starts no program, and right in real shells."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pexpect
import pytest

from rlm_cli.cli.completion.scripts import SCRIPTS, script
from rlm_cli.cli.completion.tree import SHELLS, root
from rlm_cli.cli.models import remember_names
from tests.conftest import RunRlm

FOLDER = Path(__file__).parent.parent / "completions"
MODELS = ["openai/gpt-5-mini", "openai/gpt-5.1", "ollama/qwen3:8b", "ollama/qwen3:14b"]
Tab = Callable[..., None]


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_files_are_those_of_this_version(shell: str) -> None:
    file = FOLDER / SCRIPTS[shell][1]
    assert file.read_text(encoding="utf-8") == script(shell), "make completions"


def test_there_is_no_file_besides() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {name for _, name in SCRIPTS.values()}


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_flag_is_in_every_script(shell: str) -> None:
    text = script(shell)
    for path, node in root().walk():
        assert path[-1] in text
        for flag in node.flags:
            for name in flag.shown:
                bare = name.lstrip("-") if shell == "fish" else name
                assert re.search(rf"(?<![\w-]){re.escape(bare)}(?![\w-])", text), (path, name)


# --- real shells ---------------------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A home with names of models and one run, and a folder to stand in."""
    (tmp_path / "home" / "cache").mkdir(parents=True)
    (tmp_path / "home" / "cache" / "models.txt").write_text("\n".join(MODELS) + "\n")
    (tmp_path / "home" / "runs").mkdir()
    (tmp_path / "home" / "runs" / "20260101-080000-abcd.jsonl").write_text("")
    (tmp_path / "work" / "some dir").mkdir(parents=True)
    (tmp_path / "work" / "report one.txt").write_text("")
    (tmp_path / "work" / "zeta.log").write_text("")
    (tmp_path / "bin").mkdir()
    trap = tmp_path / "bin" / "rlm"
    trap.write_text(f"#!/bin/sh\ntouch '{tmp_path}/started'\n")
    trap.chmod(0o755)
    return tmp_path


START = {
    "bash": (["--norc", "--noprofile", "-i"],
             "PS1='P''> '; bind 'set show-all-if-ambiguous on' 'set bell-style none'; source FOLDER/rlm.bash"),
    "zsh": (["-f", "-i"],
            "PS1='P''> '; fpath=(FOLDER $fpath); autoload -Uz compinit; compinit -u -D; "
            "unsetopt beep; setopt no_always_last_prompt"),
    "fish": (["--no-config", "-i"], "function fish_prompt; echo 'P''> '; end; source FOLDER/rlm.fish"),
}  # fmt: skip


@pytest.fixture(params=START)
def tab(request: pytest.FixtureRequest, place: Path) -> Iterator[Tab]:
    """`tab(line, wanted…)`: type a line, press TAB in a real shell, wait until everything that is wanted is shown."""
    shell: str = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not on this machine")
    arguments, setup = START[shell]
    variables = {
        "PATH": f"{place / 'bin'}:/usr/bin:/bin", "HOME": str(place), "RLM_HOME": str(place / "home"),
        "TERM": "xterm" if shell == "fish" else "dumb", "LANG": "C.UTF-8",
    }  # fmt: skip
    child = pexpect.spawn(
        shell, arguments, env=variables, cwd=str(place / "work"), encoding="utf-8", dimensions=(60, 200), timeout=20
    )  # type: ignore[arg-type]
    child.sendline(setup.replace("FOLDER", str(FOLDER)) + "; echo REA''DY")
    child.expect("READY")
    child.expect("P> ")

    def press(line: str, *wanted: str) -> None:
        child.send("\x15")  # give up the line before, and what was drawn for it
        with suppress(pexpect.TIMEOUT):
            while True:
                child.read_nonblocking(65536, timeout=0.15)
        child.send(line + "\t")
        seen, deadline = "", time.monotonic() + 20
        while not all(word in seen.replace(line, "", 1) for word in wanted):
            assert time.monotonic() < deadline, (line, wanted, seen)
            with suppress(pexpect.TIMEOUT):
                seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", child.read_nonblocking(65536, timeout=0.5))

    yield press
    child.close(force=True)


def test_tab_in_a_real_shell(tab: Tab, place: Path) -> None:
    tab("rlm ", "ask", "runs", "models", "config", "keys", "cache", "doctor", "completions")
    tab("rlm ask --max-c", "alls", "ost")
    tab("rlm zeta.log --no-ig", "nore")  # words that name no command are asked
    tab("rlm ask --format ", "json", "jsonl", "github")
    tab("rlm ask -m openai/gpt-5.", "1")
    tab("rlm ask -s ollama/qwen3:1", "4b")
    tab("rlm --model ollama/qwen3:1", "4b")
    tab("rlm runs show ", "20260101-080000-abcd", "last")
    tab("rlm config ", "get", "path", "set", "show", "unset")
    tab("rlm config set max_co", "st")
    tab("rlm keys set anth", "ropic")
    tab("rlm ask rep", "ort\\ one.txt")
    tab("rlm ask --trajectory ze", "ta.log")
    assert not (place / "started").exists()  # no program was started


# --- the command ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", SCRIPTS)
def test_print(rlm: RunRlm, shell: str) -> None:
    assert rlm("completions", "print", shell).stdout == script(shell)


def test_print_of_another_shell_names_those_there_are(rlm: RunRlm) -> None:
    done = rlm("completions", "print", "tcsh")
    assert done.exit == 2
    assert "bash, zsh, fish, powershell" in done.stderr


@pytest.mark.parametrize(
    ("shell", "file"),
    [
        ("bash", ".local/share/bash-completion/completions/rlm"),
        ("zsh", ".local/share/zsh/site-functions/_rlm"),
        ("fish", ".config/fish/completions/rlm.fish"),
        ("powershell", ".config/powershell/rlm.ps1"),
    ],
)
def test_install_writes_one_script_and_the_names_of_models(
    rlm: RunRlm, tmp_path: Path, home: Path, shell: str, file: str
) -> None:
    done = rlm("completions", "install", env={"SHELL": f"/usr/bin/{shell}"})
    assert done.exit == 0
    assert (tmp_path / file).read_text(encoding="utf-8") == script(shell)
    assert "openai/gpt-5" in (home / "cache" / "models.txt").read_text().splitlines()
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {Path(file), (home / "cache" / "models.txt").relative_to(tmp_path)}


def test_install_without_a_shell_asks_for_one(rlm: RunRlm) -> None:
    assert rlm("completions", "install", env={"SHELL": ""}).exit == 2
    assert rlm("completions", "install", "tcsh").exit == 2


def test_names_of_models_are_kept_and_not_written_twice(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_HOME", str(home))
    remember_names()
    first = (home / "cache" / "models.txt").stat()
    remember_names()
    assert (home / "cache" / "models.txt").stat().st_ino == first.st_ino


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not on this machine")
def test_the_man_page_is_clean_roff() -> None:
    command = ["groff", "-man", "-ww", "-Tutf8", str(FOLDER / "rlm.1")]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    text = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout.decode())
    for heading in ("NAME", "SYNOPSIS", "OPTIONS", "COMMANDS", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES"):
        assert re.search(rf"^{heading}$", text, re.MULTILINE), heading
    assert "--max-cost USD" in text
