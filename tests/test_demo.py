"""`rlm demo`: a real run that was recorded, drawn again on a terminal and in a pipe, with no key and no trace."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pyte
import pytest

from rlm_cli import imports
from rlm_cli.cli.demo import RUN
from rlm_cli.events import CallStarted
from rlm_cli.state import call_label
from tests.conftest import RunRlm
from tests.journals import faults

FAST = "1000000"


def recorded() -> list[dict[str, object]]:
    return [json.loads(line) for line in RUN.read_text(encoding="utf-8").splitlines()]


def answer() -> str:
    return next(str(event["text"]) for event in recorded() if event["type"] == "answer.given")


def test_the_recording_is_a_whole_run_of_today() -> None:
    assert not faults(RUN)
    kinds = [event["type"] for event in recorded()]
    assert (kinds[0], kinds[-1]) == ("run.started", "run.finished")
    assert kinds.count("call.finished") >= 10
    text = RUN.read_text(encoding="utf-8")
    assert len(text) < 64_000
    assert not re.search(r"/(home|root|tmp|work|Users)/", text), "a path of the machine that it was made on"


def test_each_call_is_called_by_what_it_reads() -> None:
    """Not by the words that stand before its text, which are the same in every call."""
    asked = [event for record in imports.read(RUN) if isinstance(event := record.event, CallStarted)]
    labels = [call_label(event).partition(" ")[2] for event in asked if event.purpose == "sub"]
    assert "# Checkout failed for every customer" in labels
    assert len(set(labels)) == len(labels) == 10


def test_in_a_pipe_it_is_plain_lines_and_the_answer(rlm: RunRlm, home: Path) -> None:
    done = rlm("demo", "--speed", FAST)
    assert done.exit == 0
    assert done.stdout.startswith(answer().strip())
    assert "recorded" in done.stderr.splitlines()[0]
    assert "sub-calls" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout
    assert not home.exists()


def test_a_terminal_gets_the_tree(environment: dict[str, str], home: Path) -> None:
    command = [sys.executable, "-m", "rlm_cli", "demo", "--speed", "40"]
    child = pexpect.spawn(
        command[0], command[1:], env=environment | {"TERM": "xterm-256color"}, dimensions=(40, 100), timeout=60
    )
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    screen = pyte.HistoryScreen(100, 40, history=1_000)
    pyte.ByteStream(screen).feed(child.before)
    shown = "\n".join(line.rstrip() for line in screen.display)
    assert re.search(r"╰ answered · \d turns · \d+ calls", shown)
    assert "↳ 10 calls" in shown
    assert "rlm view" in shown
    assert "rlm view hc9y" not in shown, "only what is kept here has a name here"
    assert "demo.jsonl" in "".join(shown.split()), "so it is called by its file"
    assert b"\x1b[?25h" in child.before[-2_000:]  # the cursor is back
    assert not home.exists()


@pytest.mark.parametrize("tty", [True, False])
def test_ctrl_c_ends_it_without_a_word_too_many(environment: dict[str, str], tty: bool) -> None:
    command = [sys.executable, "-m", "rlm_cli", "demo", "--speed", "0.001"]
    if tty:
        child = pexpect.spawn(command[0], command[1:], env=environment | {"TERM": "xterm-256color"}, timeout=60)
        child.expect("recorded")
        child.expect(r"\?25l")  # it draws
        child.sendintr()
        child.expect(pexpect.EOF)
        told = child.before.decode()
        child.close()
        status = child.exitstatus
        assert "\x1b[?25h" in told
    else:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        process.stderr.readline()
        process.stderr.readline()  # the run is being drawn
        os.kill(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
        status = process.returncode
    assert status == 130
    assert "Traceback" not in told
    assert "interrupted" in told
