"""One test for each exit status, reached by a real process. Scripts and CI depend on these numbers.

Every process here is asked for --json, and what it prints is judged by the schema that the program itself prints: for
each status but 2 and 70, which have no envelope, and 141, whose reader has left.
"""

from __future__ import annotations

import functools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rlm_cli.errors import ExitStatus
from tests.conftest import Result, RunRlm
from tests.server import Broken, Item, Say, ScriptedServer, Status, refused_url, unauthorized

MakeTree = Callable[[dict[str, str]], Path]
KEY = {"OPENAI_API_KEY": "sk-canary-1234567890"}
LOOK = "```repl\nprint(context[:80])\n```"
FINAL = "```repl\nFINAL('It is there.')\n```"
MORE = "```repl\nanswer['content'] = 'half of it'\nprint(len(context))\n```"


@pytest.fixture
def folder(tree: MakeTree) -> Path:
    return tree({"a.py": "def login():\n    return 1\n"})


@pytest.fixture
def ask(rlm: RunRlm, folder: Path) -> Callable[..., Result]:
    def run(script: list[Item] | Callable[..., Item] | str, *more: str, env: dict[str, str] | None = None) -> Result:
        if isinstance(script, str):
            options = ["-m", "openai/root", "--api-base", script, "--json", *more]
            return enveloped(rlm("ask", folder, "where is login?", *options, env=KEY))
        with ScriptedServer(script) as server:
            options = ["-m", "openai/root", "--api-base", server.url, "--strategy", "rlm", "--json", *more]
            return enveloped(rlm("ask", folder, "where is login?", *options, env=KEY | (env or {})))

    return run


@functools.cache
def schema_of_answers() -> jsonschema.Draft202012Validator:
    words = [sys.executable, "-m", "rlm_cli", "schema", "answer"]
    printed = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, check=True).stdout
    return jsonschema.Draft202012Validator(json.loads(printed))


def judged(stdout: str | bytes, status: int) -> dict[str, Any]:
    """The envelope on stdout, which is one line, fits the schema and names the status that the process ended with."""
    text = stdout if isinstance(stdout, str) else stdout.decode("ascii")
    assert text.endswith("\n")
    assert text.count("\n") == 1
    envelope: dict[str, Any] = json.loads(text)
    schema_of_answers().validate(envelope)
    assert envelope["exit_code"] == status
    assert (envelope["status"] == "answered") <= (envelope["error"] is None or status == ExitStatus.OUTPUT)
    if status > ExitStatus.NOT_FOUND:
        assert envelope["error"] is not None or envelope["stopped_by"], "nothing says why"
    return envelope


def enveloped(done: Result) -> Result:
    judged(done.stdout, done.exit)
    return done


def test_0_answered(ask: Callable[..., Result]) -> None:
    assert ask([LOOK, FINAL]).exit == ExitStatus.ANSWERED == 0


def test_1_not_found(ask: Callable[..., Result]) -> None:
    done = ask([LOOK, "```repl\ngrep('oauth')\nNOT_FOUND('no login by OAuth in the one file')\n```"])
    assert done.exit == ExitStatus.NOT_FOUND == 1
    assert "no login by OAuth" in done.stdout


@pytest.mark.parametrize(
    "words",
    [["ask"], ["ask", ".", "q", "--max-cost", "x"], ["ask", ".", "q", "--no-such"], ["ask", ".", "q", "--schema", "{"]],
)
def test_2_usage(rlm: RunRlm, words: list[str]) -> None:
    done = rlm(*words, "--json")
    assert (done.exit, done.stdout) == (ExitStatus.USAGE, "")
    assert done.stderr.startswith("rlm: ")


def test_3_input(rlm: RunRlm, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = enveloped(rlm("ask", tmp_path / "empty", "where?", "--json"))
    assert done.exit == ExitStatus.INPUT == 3
    assert done.json["error"]["type"] == "InputError"


def test_4_no_key(rlm: RunRlm, folder: Path) -> None:
    done = enveloped(rlm("ask", folder, "where?", "-m", "openai/gpt-5", "--json"))
    assert done.exit == ExitStatus.AUTH == 4
    assert "OPENAI_API_KEY" in done.stderr


def test_4_key_refused(ask: Callable[..., Result]) -> None:
    done = ask(lambda asked: unauthorized("sk-c"))
    assert done.exit == ExitStatus.AUTH
    assert "sk-canary-1234567890" not in done.stderr


def test_5_provider_unreachable(ask: Callable[..., Result]) -> None:
    done = ask(refused_url(), "--max-time", "20s", "--strategy", "rlm")
    assert done.exit in (ExitStatus.PROVIDER, ExitStatus.TIMEOUT)


def test_5_provider_failed(ask: Callable[..., Result]) -> None:
    done = ask(lambda asked: Status(400, "what is this?", "invalid_request_error"))
    assert done.exit == ExitStatus.PROVIDER == 5
    assert done.json["error"]["message"]


def test_5_html_in_place_of_a_reply(ask: Callable[..., Result]) -> None:
    assert ask(lambda asked: Broken("html"), "--max-time", "60s").exit in (ExitStatus.PROVIDER, ExitStatus.TIMEOUT)


def test_6_limit_prints_the_draft(ask: Callable[..., Result]) -> None:
    done = ask([LOOK, MORE, MORE], "--max-turns", "3")
    assert done.exit == ExitStatus.LIMIT == 6
    assert done.json["answer"] == "half of it"
    assert done.json["stopped_by"] == "turns"
    assert done.json["status"] == "partial"


def test_6_limit_without_a_draft_makes_one_reserved_call(ask: Callable[..., Result]) -> None:
    done = ask([LOOK, "Perhaps in a.py, as far as I saw."], "--max-turns", "1")
    assert done.exit == ExitStatus.LIMIT
    assert "Perhaps in a.py" in done.stdout


def test_6_code_in_place_of_last_words_is_not_printed_for_an_answer(ask: Callable[..., Result]) -> None:
    done = ask([LOOK, "```repl\nprint(grep('b'))\n```"], "--max-turns", "1")
    assert done.exit == ExitStatus.LIMIT
    assert "grep" not in done.json["answer"]
    assert done.json["answer"].startswith("No answer was reached: ")


def test_7_out_of_time(ask: Callable[..., Result]) -> None:
    done = ask([LOOK, MORE, Say("late", delay=20)], "--max-time", "3s")
    assert done.exit == ExitStatus.TIMEOUT == 7
    assert done.json["answer"] == "half of it"
    assert done.json["stopped_by"] == "time"


@pytest.mark.skipif(sys.platform != "linux", reason="the layers of a sandbox are those of Linux")
def test_8_the_sandbox_does_not_hold(environment: dict[str, str], folder: Path) -> None:
    words = [sys.executable, "-m", "rlm_cli", "ask", str(folder), "where?", "--strategy", "rlm", "--json"]
    refusing = [sys.executable, "-m", "tests.refusing", "namespaces,seccomp,landlock"]
    done = subprocess.run([*refusing, *words, "--sandbox", "strict"], capture_output=True, env=environment, check=False)
    assert done.returncode == ExitStatus.SANDBOX == 8
    assert judged(done.stdout, 8)["error"]["type"] == "SandboxError"


def test_8_no_descriptor_is_left(environment: dict[str, str], folder: Path) -> None:
    words = [sys.executable, "-m", "rlm_cli", "ask", str(folder), "where?", "--strategy", "rlm", "--json"]
    for few in (10, 14, 18):
        line = f'ulimit -n {few}; exec "$@"'
        done = subprocess.run(["bash", "-c", line, "bash", *words], capture_output=True, env=environment, check=False)
        assert done.returncode == ExitStatus.SANDBOX, done.stderr
        assert judged(done.stdout, 8)["error"]["hint"] == "`ulimit -n 256` lets it open more."


def test_8_the_system_starts_no_thread(environment: dict[str, str], folder: Path, home: Path) -> None:
    code = (
        "import resource, sys, threading, rlm_cli.__main__\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)); threading.stack_size(8 << 30)\n"
        f"sys.argv = ['rlm', 'ask', {str(folder)!r}, 'where?']; rlm_cli.__main__.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=False)
    assert done.returncode == ExitStatus.SANDBOX, done.stderr
    assert b"no more memory, or no more processes" in done.stderr
    assert not [*home.rglob("crash-*.txt")]


def test_9_schema(ask: Callable[..., Result]) -> None:
    wrong = "```repl\nFINAL({'line': 'x'})\n```"
    replies: list[Item] = [LOOK, *[wrong] * 4, "not json", "{}"]
    done = ask(replies, "--schema", "line int")
    assert done.exit == ExitStatus.SCHEMA == 9
    assert "line" in done.json["error"]["message"]
    assert done.json["coverage"]["files"] > 0, "what was looked at is told without an answer too"
    assert done.json["coverage"]["read_by_code_bytes"] > 0


def test_70_a_bug_leaves_a_report_and_one_line(environment: dict[str, str], folder: Path, home: Path) -> None:
    code = (
        "import rlm_cli.session, rlm_cli.__main__, sys\n"
        "async def broken(*a): raise ZeroDivisionError('sk-canary-1234567890')\n"
        f"rlm_cli.session.ask = broken; sys.argv = ['rlm', 'ask', {str(folder)!r}, 'where?', '--json']; rlm_cli.__main__.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment | KEY, check=False)
    assert done.returncode == ExitStatus.BUG == 70
    assert done.stdout == b""
    assert b"Traceback" not in done.stderr
    [report] = home.rglob("crash-*.txt")
    assert "sk-canary" not in report.read_text() + done.stderr.decode()
    assert "ZeroDivisionError" in report.read_text()


def test_74_the_file_of_the_answer_cannot_be_written(ask: Callable[..., Result]) -> None:
    done = ask([LOOK, FINAL], "-o", "/dev/full")
    assert done.exit == ExitStatus.OUTPUT == 74
    assert done.json["answer"] == "It is there.", "it is not lost"
    assert done.json["error"]["type"] == "OutputError"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_while_the_file_of_the_answer_is_written_leaves_no_half_of_it(
    number: int, status: int, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "out.md").write_text("the answer before")
    code = (
        "import os, pathlib, rlm_cli.delivery\n"
        f"def halves(): yield b'half'; os.kill(os.getpid(), {int(number)}); yield b'of it'\n"
        "rlm_cli.delivery._replace(pathlib.Path('out.md'), halves())"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, check=False)
    assert done.returncode == status
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.md", "the answer before")]


def start(folder: Path, environment: dict[str, str], url: str, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rlm_cli", "ask", str(folder), "where?", "-m", "openai/root", "--api-base", url]
    return subprocess.Popen(
        [*command, "--strategy", "rlm", *more],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment | KEY,
    )


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGINT, ExitStatus.INTERRUPTED),
        (signal.SIGTERM, ExitStatus.TERMINATED),
        (signal.SIGHUP, ExitStatus.HANGUP),
    ],
)
def test_130_143_129_a_signal_stops_keeps_and_prints_the_draft(
    number: int, status: int, folder: Path, environment: dict[str, str], home: Path
) -> None:
    with ScriptedServer([LOOK, MORE, Say("never", delay=60)]) as server:
        process = start(folder, environment, server.url, "--json")
        server.wait_for(3, seconds=30)
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert process.returncode == status
    envelope = judged(out, status)
    assert (envelope["answer"], envelope["status"]) == ("half of it", "partial")
    assert b"rlm resume" in err
    assert b"Traceback" not in err
    lines = next((home / "runs").glob("*.jsonl")).read_text().splitlines()
    assert json.loads(lines[-1])["type"] == "run.finished"


def test_a_second_interrupt_ends_at_once_and_leaves_no_process(folder: Path, environment: dict[str, str]) -> None:
    spin = "```repl\nwhile True:\n    pass\n```"
    with ScriptedServer([LOOK, spin]) as server:
        process = start(folder, environment, server.url)
        server.wait_for(2, seconds=30)
        time.sleep(0.5)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert process.returncode == ExitStatus.INTERRUPTED
    until = time.monotonic() + 5
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < until, "a worker outlived its run"
        time.sleep(0.05)


def test_141_the_reader_of_events_went_away(folder: Path, environment: dict[str, str]) -> None:
    with ScriptedServer(lambda asked: Say(LOOK, delay=0.3)) as server:
        with start(folder, environment, server.url, "-f", "jsonl", "--max-turns", "1000") as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.stdout.close()
            assert process.wait(timeout=30) == ExitStatus.PIPE == 141
        seen = len(server.asks)
        time.sleep(0.6)
        assert len(server.asks) == seen, "the run went on, and cost money, for nobody"


def test_every_status_has_a_test_here() -> None:
    text = Path(__file__).read_text()
    for status in ExitStatus:
        assert f"_{status.value}_" in text.replace("test_", "_"), status.name
