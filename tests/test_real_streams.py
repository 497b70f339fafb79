"""The program itself on streams that fail, and with every wish for colour: the rest of `test_streams`, with a real run."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from rlm_cli.errors import ExitStatus
from tests.test_colour import TABLE

RUN = f'{sys.executable} -m rlm_cli ask notes "what is the password of the harbour?" --strategy rlm'

HEAD = b"\x1b[1;36mrlm"  # bold cyan


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "harbour.md").write_text("# Harbour\n\nThe password of the harbour is Lisbon.\n" * 40, encoding="utf-8")
    return tmp_path


def shell(line: str, place: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", line], cwd=place, env=environment, capture_output=True, stdin=subprocess.DEVNULL, check=False
    )


@pytest.mark.parametrize(
    ("line", "status", "answered"),
    [
        ("RUN | head -1; exit ${PIPESTATUS[0]}", ExitStatus.ANSWERED, True),
        ("RUN 2>/dev/full", ExitStatus.ANSWERED, True),
        ("RUN 2>&-", ExitStatus.ANSWERED, True),
        ("LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONIOENCODING=latin-1 RUN", ExitStatus.ANSWERED, True),
        ("RUN >/dev/full", ExitStatus.OUTPUT, False),
        ("RUN >&-", ExitStatus.OUTPUT, False),
        ("RUN >&- 2>&- <&-", ExitStatus.OUTPUT, False),
        ("RUN --json >/dev/full", ExitStatus.OUTPUT, False),
        ("RUN -f jsonl >/dev/full", ExitStatus.OUTPUT, False),
        ("RUN -o /dev/full", ExitStatus.OUTPUT, True),
    ],
)
def test_a_stream_that_fails_has_its_status_and_no_traceback(
    line: str, status: ExitStatus, answered: bool, place: Path, environment: dict[str, str]
) -> None:
    done = shell(line.replace("RUN", RUN), place, environment)
    assert b"Traceback" not in done.stderr + done.stdout
    assert done.returncode == status
    assert (done.stdout != b"") == answered


@pytest.mark.parametrize(("when", "variables", "tty", "expected"), TABLE)
def test_the_truth_table_of_colour_holds_for_the_program(
    when: str, variables: dict[str, str], tty: bool, expected: bool, environment: dict[str, str], place: Path
) -> None:
    """Seen at the head of the tree. A pipe gets the exact bytes of the answer, whatever the wish."""
    words = [sys.executable, "-m", "rlm_cli", "ask", "notes", "where is the harbour?", "--strategy", "rlm"]
    words += ["--progress", "tree", "--color", when]
    asked = {"TERM": "xterm-256color"} | environment | variables
    if not tty:
        done = subprocess.run(words, cwd=place, env=asked, capture_output=True, stdin=subprocess.DEVNULL, check=True)
        assert b"\x1b" not in done.stdout
        assert (HEAD in done.stderr) == expected
        return
    ours, theirs = pty.openpty()
    process = subprocess.Popen(words, cwd=place, env=asked, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65_536):
            shown += chunk
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait(60) == 0
    assert (HEAD in shown, b"\x1b[1mSources" in shown) == (expected, expected)
    assert b"Sources" in shown
