"""Files that the user names may be pipes and devices: they work as a shell makes them, or are refused; nothing hangs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rlm_cli import named_files, prompts
from rlm_cli.errors import InputError, UsageError
from rlm_cli.journal import Journal
from rlm_cli.schema import Schema
from tests.conftest import RunRlm


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_what_a_shell_makes_of_a_command_is_read_and_written(
    tmp_path: Path, environment: dict[str, str], home: Path
) -> None:
    (tmp_path / "a.txt").write_text("the valve is closed\n")
    ask = f"{sys.executable} -m rlm_cli ask -q -m offline/extractive"
    script = (
        f"{ask} --files-from <(echo a.txt) @<(sleep 0.2; echo 'which valve?') --schema <(echo 'path, line int[]')"
        " -o >(cat > copy.json) --trajectory >(cat > run.jsonl)"
    )
    done = subprocess.run(
        ["bash", "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, json.loads(done.stdout)) == (0, [{"path": "a.txt", "line": 1}]), done.stderr
    while "run.finished" not in (tmp_path / "run.jsonl").read_text() or not (tmp_path / "copy.json").read_text():
        time.sleep(0.02)  # the shell does not wait for what it reads them with
    events = [json.loads(line)["type"] for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert (events[0], events[-1]) == ("run.started", "run.finished")
    assert (tmp_path / "copy.json").read_text() == done.stdout


def test_a_pipe_that_nobody_reads_costs_a_sentence(rlm: RunRlm, pipe: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the valve is closed\n")
    done = rlm("ask", "a.txt", "which valve?", "-o", pipe, "-m", "offline/extractive")
    assert done.exit == 74
    assert "nobody reads from this pipe" in done.stderr
    assert "valve" in done.stdout
    with pytest.raises(InputError, match="nobody reads"):
        Journal(pipe)


def test_a_pipe_that_nobody_writes_is_refused(pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_files, "_WAIT_SECONDS", 0.1)
    with pytest.raises(UsageError, match="nobody writes"):
        Schema.parse(str(pipe))


def test_a_pipe_that_is_written_in_pieces_is_read_to_its_end(pipe: Path) -> None:
    def write() -> None:
        with pipe.open("wb", buffering=0) as stream:
            for number in range(200):
                stream.write(b"%d " % number * 100)

    writer = threading.Thread(target=write)
    writer.start()
    assert named_files.read(pipe).split() == [b"%d" % number for number in range(200) for _ in range(100)]
    writer.join()


def test_what_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_files, "LARGEST", 5 << 20)
    with pytest.raises(OSError, match="more than 5 MB"):
        named_files.read("/dev/zero")
    assert named_files.read("/dev/null") == b""
    with pytest.raises(UsageError, match="more than 5 MB"):
        prompts.load("/dev/zero")


@pytest.mark.parametrize("flag", ["--api-base", "-o", "--schema", "--include", "-m", "--trajectory"])
def test_a_variable_of_a_script_that_is_not_set_is_told(flag: str, rlm: RunRlm, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words\n")
    done = rlm("ask", "a.txt", "what?", flag, "")
    assert (done.exit, done.stdout) == (2, "")
    assert " is empty" in done.stderr
