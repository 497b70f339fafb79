"""Real processes and real pipes: the answer to the byte, and no traceback whatever becomes of a stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlm_cli.errors import ExitStatus
from rlm_cli.sinks.report import Report, document
from rlm_cli.state import State
from rlm_cli.terminal import encode
from tests import events_sample

ROOT = Path(__file__).parent.parent
PLAY = f"{sys.executable} -m tests.play"


def expected() -> bytes:
    state = State()
    for record in events_sample.repository().records:
        state.apply(record)
    return encode(document(Report.of(state, exit_code=0)))


def shell(command: str, environment: dict[str, str], **more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=environment | more, capture_output=True, timeout=60, check=False
    )


def no_traceback(result: subprocess.CompletedProcess[bytes]) -> None:
    assert b"Traceback" not in result.stderr
    assert b"Exception ignored" not in result.stderr


@pytest.mark.parametrize(
    "variables", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {"FORCE_COLOR": "1"}, {"PYTHONIOENCODING": "latin-1"}]
)
def test_stdout_is_the_answer_byte_for_byte(
    environment: dict[str, str], variables: dict[str, str], tmp_path: Path
) -> None:
    target = tmp_path / "answer.md"
    result = shell(f"{PLAY} repository > {target}", environment, **variables)
    assert result.returncode == 0
    assert target.read_bytes() == expected()
    no_traceback(result)
    assert result.stderr.decode().splitlines()[0].endswith("rlm k7f2: where is auth handled")


def test_a_reader_that_has_enough(environment: dict[str, str]) -> None:
    result = shell(f"{PLAY} repository | head -c 1; exit ${{PIPESTATUS[0]}}", environment)
    assert (result.returncode, result.stdout) == (0, b"E")
    no_traceback(result)


def test_a_reader_that_never_read(environment: dict[str, str]) -> None:
    result = shell(f"{PLAY} repository --hold 0.3 | true; exit ${{PIPESTATUS[0]}}", environment)
    assert result.returncode == 0
    no_traceback(result)


@pytest.mark.parametrize("form", ["text", "json", "github", "md"])
def test_a_full_disk_is_told_and_is_no_success(environment: dict[str, str], form: str) -> None:
    result = shell(f"{PLAY} repository --format {form} > /dev/full", environment)
    assert result.returncode == ExitStatus.OUTPUT
    assert b"stdout could not be written: No space left on device" in result.stderr
    no_traceback(result)


def test_a_closed_stdout_is_told(environment: dict[str, str]) -> None:
    result = shell(f"{PLAY} repository >&-", environment)
    assert result.returncode == ExitStatus.OUTPUT
    assert b"rlm: stdout is closed" in result.stderr
    no_traceback(result)


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full", "2>&- <&-"])
@pytest.mark.parametrize("progress", ["plain", "tree", "jsonl"])
def test_progress_that_nobody_can_see_costs_nothing(environment: dict[str, str], where: str, progress: str) -> None:
    result = shell(f"{PLAY} repository --progress {progress} {where}", environment)
    assert (result.returncode, result.stdout) == (0, expected())


def test_everything_closed(environment: dict[str, str]) -> None:
    assert shell(f"{PLAY} repository <&- >&- 2>&-", environment).returncode == ExitStatus.OUTPUT


def test_events_as_they_come(environment: dict[str, str]) -> None:
    result = shell(f"{PLAY} repository --format jsonl --progress none", environment)
    assert result.returncode == 0
    assert result.stderr == b""
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["type"] for event in events][0 :: len(events) - 1] == ["run.started", "run.finished"]
    assert "text.streamed" not in {event["type"] for event in events}, "what follows whole is not sent in pieces"


def test_events_are_not_held_back(environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.play", "asking", "--format", "jsonl", "--progress", "none", "--hold", "30"],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["type"] == "run.started"
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def test_a_reader_of_events_that_leaves_stops_the_run(environment: dict[str, str]) -> None:
    result = shell(f"{PLAY} repository --format jsonl --pause 0.02 | head -1; exit ${{PIPESTATUS[0]}}", environment)
    assert result.returncode == ExitStatus.PIPE
    assert result.stdout.count(b"\n") == 1
    no_traceback(result)


def test_a_full_disk_stops_events_with_its_own_status(environment: dict[str, str]) -> None:
    result = shell(f"{PLAY} repository --format jsonl --pause 0.01 > /dev/full", environment)
    assert result.returncode == ExitStatus.OUTPUT
    no_traceback(result)


def test_a_closed_descriptor_is_not_used_again(environment: dict[str, str], tmp_path: Path) -> None:
    """Without this a file that is opened next becomes descriptor 1, and gets whatever is printed."""
    code = (
        "import os; from rlm_cli.terminal import keep_standard_descriptors as keep; keep();"
        f"f = open({str(tmp_path / 'journal')!r}, 'w'); os.write(3, b'' if f.fileno() > 2 else b'x')"
    )
    result = shell(f'{sys.executable} -c "{code}" 3>{tmp_path / "verdict"} <&- >&- 2>&-', environment)
    assert result.returncode == 0
    assert (tmp_path / "verdict").read_bytes() == b""


def test_workflow_commands_are_inert_in_a_runners_log(environment: dict[str, str]) -> None:
    result = shell(f"{PLAY} hostile 2>&1 | cat", environment, GITHUB_ACTIONS="true")
    lines = [line.lstrip() for line in result.stdout.decode().splitlines()]
    assert any("set-output" in line for line in lines)
    assert not any(line.startswith("::") or "##[" in line for line in lines)


def test_a_console_without_utf8_gets_signs_it_can_show(environment: dict[str, str]) -> None:
    """`script` would be one way; a pseudo-terminal of our own is the same and is everywhere."""
    leader, follower = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.play", "wide"],
        cwd=ROOT, env=environment | {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0", "TERM": "xterm"},
        stdin=follower, stdout=follower, stderr=follower,
    )  # fmt: skip
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    assert process.wait(20) == 0
    assert b"Traceback" not in shown
    text = shown.decode("latin-1")
    assert "+ " in text
    assert "✓".encode() not in shown
