"""Keys are kept without being shown, found in their order, and never written anywhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from rlm_cli.errors import AuthError
from rlm_cli.keys import KeyRing, redact
from rlm_cli.models.registry import KEYS
from tests.conftest import RunRlm
from tests.server import ScriptedServer

CANARY = "sk-canary-0123456789abcdef"


@pytest.fixture
def ring(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.endswith(("_KEY", "_TOKEN"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RLM_HOME", str(home))
    home.mkdir()
    return home


def test_a_key_is_typed_without_being_shown(environment: dict[str, str], home: Path) -> None:
    child = pexpect.spawn(sys.executable, ["-m", "rlm_cli", "keys", "set", "openai"], env=environment, timeout=20)  # type: ignore[arg-type]
    child.expect("key of openai .not shown.: ")
    child.sendline(CANARY)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert CANARY.encode() not in child.before
    file = home / "keys.toml"
    assert CANARY in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_ctrl_c_at_the_prompt_keeps_nothing(environment: dict[str, str], home: Path) -> None:
    child = pexpect.spawn(sys.executable, ["-m", "rlm_cli", "keys", "set", "openai"], env=environment, timeout=20)  # type: ignore[arg-type]
    child.expect("not shown.: ")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert b"Traceback" not in child.before
    assert not (home / "keys.toml").exists()


def test_a_key_comes_from_a_pipe_and_goes_again(rlm: RunRlm, home: Path) -> None:
    done = rlm("keys", "set", "OPENAI_API_KEY", stdin=CANARY + "\n")
    assert done.exit == 0
    assert CANARY not in done.stdout + done.stderr
    assert 'openai = "' in (home / "keys.toml").read_text()
    listed = rlm("keys")
    assert "openai        ~/rlm-home/keys.toml" in listed.stdout
    assert CANARY not in listed.stdout
    assert rlm("keys", "list", "--json").json["keys"]["openai"] == "~/rlm-home/keys.toml"
    assert rlm("keys", "unset", "openai").exit == 0
    assert CANARY not in (home / "keys.toml").read_text()
    assert rlm("keys", "unset", "openai").exit == 2


@pytest.mark.parametrize("model", ["openai/m", "litellm/openai/m"])
def test_the_end_of_a_line_is_no_part_of_a_key(rlm: RunRlm, model: str) -> None:
    with ScriptedServer(lambda _: "ok") as server:
        words = ("ask", "-", "q?", "-m", model, "--api-base", server.url, "--strategy", "direct")
        done = rlm(*words, stdin="a text", env={"OPENAI_API_KEY": f" {CANARY}\r\n"})
        assert (done.exit, [asked.key for asked in server.asks]) == (0, [CANARY])
        refused = rlm(*words, stdin="a text", env={"OPENAI_API_KEY": f"{CANARY}\r\nX-Evil: 1"})
        assert (refused.exit, len(server.asks)) == (4, 1)
        assert "the key in OPENAI_API_KEY holds control characters" in refused.stderr


@pytest.mark.parametrize(
    ("words", "stdin", "told"),
    [
        (["set", "openia"], CANARY, "Did you mean openai?"),
        (["set", "openai"], None, "no terminal and no pipe"),
        (["set", "openai"], "\n", "the key is empty"),
        (["set", "openai"], "a b\n", "white space"),
        (["set", "openai"], "sk-\x1b[31m\n", "control characters"),
    ],
)
def test_a_slip_keeps_nothing(rlm: RunRlm, home: Path, words: list[str], stdin: str | None, told: str) -> None:
    done = rlm("keys", *words, stdin=stdin)
    assert done.exit == 2
    assert told in done.stderr
    assert CANARY not in done.stderr
    assert not (home / "keys.toml").exists()


def test_a_file_that_others_may_read_is_told(rlm: RunRlm, home: Path) -> None:
    rlm("keys", "set", "openai", stdin=CANARY)
    (home / "keys.toml").chmod(0o644)
    assert "others on this machine may read" in rlm("keys").stderr
    assert rlm("keys", "set", "groq", stdin=CANARY + "2").exit == 0
    assert (home / "keys.toml").stat().st_mode & 0o777 == 0o600


def test_environment_then_command_then_file(ring: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "OPENAI_API_KEY" not in KeyRing(KEYS)
    (ring / "keys.toml").write_text('openai = "from-file"\n')
    assert KeyRing(KEYS)["OPENAI_API_KEY"] == "from-file"
    (ring / "config.toml").write_text("[key_cmd]\nopenai = \"printf 'from command\\\\n'\"\n")
    found = KeyRing(KEYS)
    assert found["OPENAI_API_KEY"] == "from command"
    assert found.origin("OPENAI_API_KEY") == f"{ring / 'config.toml'} [key_cmd]"
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    assert KeyRing(KEYS)["OPENAI_API_KEY"] == "from-environment"
    assert KeyRing(KEYS).origin("OPENAI_API_KEY") == "OPENAI_API_KEY"


def test_a_ring_is_an_environment(ring: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_THING", "here")
    (ring / "keys.toml").write_text('anthropic = "kept"\nMISTRAL_API_KEY = "by variable"\n')
    found = KeyRing(KEYS)
    assert found.get("SOME_THING") == "here"
    assert found.get("ANTHROPIC_API_KEY") == "kept"
    assert found.get("MISTRAL_API_KEY") == "by variable"
    assert found.get("GROQ_API_KEY") is None
    assert {"SOME_THING", "ANTHROPIC_API_KEY"} <= set(found)
    assert "GROQ_API_KEY" not in set(found)


def test_a_key_command_runs_once_and_only_when_it_is_needed(ring: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = tmp_path / "give"
    script.write_text(f'#!/bin/sh\necho run >> "{mark}"\necho the-key\n')
    script.chmod(0o755)
    (ring / "config.toml").write_text(f'[key_cmd]\nopenai = "{script}"\n')
    found = KeyRing(KEYS)
    assert found.origin("OPENAI_API_KEY")
    assert found.get("ANTHROPIC_API_KEY") is None
    assert not mark.exists()
    assert (found["OPENAI_API_KEY"], found["OPENAI_API_KEY"]) == ("the-key", "the-key")
    assert mark.read_text() == "run\n"


@pytest.mark.parametrize("command", ["false", "true", "no-such-program-here", "unclosed 'quote"])
def test_a_key_command_that_fails_is_told(ring: Path, command: str) -> None:
    (ring / "config.toml").write_text(f'[key_cmd]\nopenai = "{command}"\n')
    with pytest.raises(AuthError, match="the command that prints the key of openai"):
        KeyRing(KEYS)["OPENAI_API_KEY"]


def test_a_key_command_does_not_run_where_nothing_is_sent(ring: Path, rlm: RunRlm, tmp_path: Path) -> None:
    (ring / "config.toml").write_text('[key_cmd]\nanthropic = "false"\n')
    (tmp_path / "a.txt").write_text("text\n")
    told = rlm("ask", "a.txt", "what is it?", "-n")
    assert (told.exit, "model anthropic/" in told.stdout) == (0, True), told.stderr
    assert "anthropic/" in rlm("models").stdout
    assert rlm("ask", "a.txt", "what is it?").exit == 4


def test_a_broken_file_is_told_and_not_replaced(rlm: RunRlm, home: Path) -> None:
    home.mkdir()
    (home / "keys.toml").write_text("openai = \n")
    assert rlm("keys").exit == 2
    assert rlm("keys", "set", "groq", stdin=CANARY).exit == 2
    assert (home / "keys.toml").read_text() == "openai = \n"
    assert rlm("ask", ".", "why?", "-m", "openai/gpt-5").exit == 2


def test_nothing_that_is_a_key_is_left_by_redact(ring: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "hunter2hunter2")
    monkeypatch.setenv("SHORT_KEY", "abc")
    (ring / "keys.toml").write_text('openai = "kept-key-987654"\n')
    text = f"hunter2hunter2 abc kept-key-987654 {CANARY} Authorization: Bearer tok.en plain sk-"
    assert redact(text) == "[redacted] abc [redacted] [redacted] Authorization: [redacted] plain sk-"


def test_no_flag_takes_a_key() -> None:
    text = subprocess.run([sys.executable, "-m", "rlm_cli", "ask", "-h"], capture_output=True, text=True, check=True)
    assert "key" not in {word.strip("-=").lower() for word in text.stdout.split() if word.startswith("--")}


def test_an_empty_variable_is_none_and_no_bug(ring: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_MODEL", "")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    found = KeyRing(KEYS)
    assert "OPENAI_API_KEY" not in found
    assert dict(found) == {name: value for name, value in os.environ.items() if value}


@pytest.mark.parametrize("text", ["openai = 5\n", "openai = ['sk-a-secret-1234']\n", "a = " + "[" * 5_000])
def test_kept_keys_of_another_form_are_told_and_not_shown(rlm: RunRlm, home: Path, text: str) -> None:
    home.mkdir()
    (home / "keys.toml").write_text(text)
    done = rlm("keys")
    assert done.exit == 2
    assert "keys.toml" in done.stderr
    assert "sk-a-secret" not in done.stderr + done.stdout
