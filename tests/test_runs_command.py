"""`rlm runs` lists, shows and prunes what was asked before; `rlm cache` shows and clears."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from rlm_cli import journal
from rlm_cli.events import AnswerGiven, Event, Record, RunFinished, RunStarted
from tests.conftest import RunRlm
from tests.inside import runner

Make = Callable[..., Path]


@pytest.fixture
def rlm(
    home: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> RunRlm:
    return runner(home, environment, monkeypatch, capsys)


@pytest.fixture
def make(home: Path) -> Make:
    """Write a journal: `make("20260101-080000-abcd", "question", finished=True)`."""

    def write(run: str, question: str, *, finished: bool = True, size: int = 0) -> Path:
        (home / "runs").mkdir(parents=True, exist_ok=True)
        events: list[Event] = [
            RunStarted(run=run, version="0.1.0", question=question, sources=["src"], root_model="a/b", sub_model="a/c")
        ]
        if finished:
            citations = [{"path": "src/auth.py", "line": 7, "end_line": 9, "verified": True}]
            events.append(
                AnswerGiven(status="answered", text="It is in src/auth.py. " + "x" * size, citations=citations)
            )
            events.append(RunFinished(status="answered", exit_code=0, usage={"cost_usd": 0.125}))
        path = home / "runs" / f"{run}.jsonl"
        records = (Record(seq, seq / 10, "2026-01-01T08:00:00Z", event) for seq, event in enumerate(events, start=1))
        path.write_bytes(b"".join(record.to_line() for record in records))
        return path

    return write


def test_the_newest_comes_first_with_status_and_cost(rlm: RunRlm, make: Make) -> None:
    make("20260101-080000-abcd", "where is \x1b[31mauth?")
    make("20260102-080000-efgh", "why?", finished=False)
    head, *lines = rlm("runs").stdout.splitlines()
    assert head.split() == ["run", "asked", "ended", "cost", "question"]
    assert lines[0].split()[0] == "20260102-080000-efgh"
    assert lines[0].split()[2:5] == ["ago", "stopped", "$0"]  # summed from its calls: there is no last line to say so
    assert "answered" in lines[1]
    assert "$0.125" in lines[1]
    assert "where is auth?" in lines[1]
    told = rlm("runs", "list", "--json").json
    assert [run["status"] for run in told] == ["stopped", "answered"]
    assert told[1]["cost_usd"] == 0.125


def test_no_runs_is_no_error(rlm: RunRlm, home: Path) -> None:
    done = rlm("runs")
    assert (done.exit, done.stdout) == (0, "")
    assert "there are no runs" in done.stderr
    assert rlm("runs", "list", "--json").json == []
    assert not home.exists()


def test_only_the_latest_unless_all_are_wanted(rlm: RunRlm, make: Make) -> None:
    for number in range(25):
        make(f"202601{number + 1:02}-080000-abcd", "why?")
    done = rlm("runs")
    assert len(done.stdout.splitlines()) == 1 + 20
    assert "5 older ones" in done.stderr
    assert len(rlm("runs", "list", "--all").stdout.splitlines()) == 1 + 25


def test_a_running_run_is_named_and_kept(rlm: RunRlm, make: Make) -> None:
    path = make("20260101-080000-abcd", "why?", finished=False)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "running" in rlm("runs").stdout
        assert "it is going on" in rlm("runs", "show").stdout
        assert rlm("runs", "show", "--json").json["status"] == "running"
        assert "0 runs removed" in rlm("runs", "prune", "--older-than", "1s").stderr
    assert path.exists()


def test_runs_that_another_process_removes_meanwhile_are_no_bug(rlm: RunRlm, make: Make) -> None:
    kept = make("20260101-080000-abcd", "why?")
    kept.with_name("20260101-080001-gone.jsonl").symlink_to("nowhere")  # listed, and not there when it is read
    listed = rlm("runs")
    assert (listed.exit, listed.stdout.count("\n"), "why?" in listed.stdout) == (0, 2, True)
    pruned = rlm("runs", "prune", "--older-than", "1s")
    assert (pruned.exit, "1 run removed" in pruned.stderr) == (0, True)


@pytest.mark.parametrize("name", ["last", "abcd", "20260101-080000-abcd", "20260101"])
def test_a_run_is_called_by_what_people_remember(rlm: RunRlm, make: Make, name: str) -> None:
    path = make("20260101-080000-abcd", "where is auth?")
    done = rlm("runs", "show", name)
    assert "question  where is auth?" in done.stdout
    assert "It is in src/auth.py." in done.stdout
    assert "  src/auth.py:7" in done.stdout
    told = rlm("runs", "show", str(path), "--json").json
    assert (told["run"], told["status"]) == ("20260101-080000-abcd", "answered")


def test_a_torn_line_is_told(rlm: RunRlm, make: Make) -> None:
    path = make("20260101-080000-abcd", "why?")
    with path.open("ab") as stream:
        stream.write(b'{"seq":4,"t":1')
    done = rlm("runs", "show")
    assert done.exit == 0
    assert "1 line of" in done.stderr
    assert "answered" in rlm("runs").stdout


@pytest.mark.parametrize("content", [b"", b"\n", b"nonsense\n", b'{"seq":1}\n', b"\xff\x00" * 50])
def test_a_file_that_is_no_journal_is_no_crash(rlm: RunRlm, home: Path, content: bytes) -> None:
    (home / "runs").mkdir(parents=True)
    (home / "runs" / "20260101-080000-abcd.jsonl").write_bytes(content)
    assert rlm("runs").exit == 0
    assert rlm("runs", "show").exit == 2


def test_prune_by_age_and_by_size(rlm: RunRlm, make: Make) -> None:
    old = make("20200101-080000-abcd", "why?")
    middle = make("20260101-080000-efgh", "why?", size=4000)
    new = make("20260102-080000-jkmn", "why?", size=4000)
    assert "1 run would be removed" in rlm("runs", "prune", "--older-than", "900d", "-n").stderr
    assert old.exists()
    assert "1 run removed" in rlm("runs", "prune", "--older-than", "900d").stderr
    assert [path.exists() for path in (old, middle, new)] == [False, True, True]
    assert rlm("runs", "prune", "--max-size", "6k").exit == 0
    assert [path.exists() for path in (middle, new)] == [False, True]
    assert rlm("runs", "prune").exit == 2
    assert rlm("runs", "prune", "--older-than", "soon").exit == 2
    for words in (("--older-than", "30"), ("--max-size", "1.5")):  # seconds or bytes, which nobody meant
        done = rlm("runs", "prune", *words)
        assert (done.exit, "of what?" in done.stderr) == (2, True)


def test_prune_touches_nothing_but_journals(rlm: RunRlm, make: Make, home: Path) -> None:
    make("20200101-080000-abcd", "why?")
    kept = [home / "runs" / "notes.jsonl", home / "runs" / "20200101.txt", home / "config.toml"]
    for path in kept:
        path.write_text("")
        os.utime(path, (0, 0))
    rlm("runs", "prune", "--older-than", "1d", "--max-size", "0")
    assert all(path.exists() for path in kept)
    assert not (home / "runs" / "20200101-080000-abcd.jsonl").exists()


def test_the_cache_is_shown_and_cleared_by_part(rlm: RunRlm, home: Path) -> None:
    (home / "cache" / "texts" / "ab").mkdir(parents=True)
    (home / "cache" / "texts" / "ab" / "cd").write_bytes(b"x" * 5000)
    (home / "cache" / "models.txt").write_text("a/b\n")
    assert rlm("cache", "show", "--json").json["cache"] == {
        "models": {"files": 1, "bytes": 4},
        "texts": {"files": 1, "bytes": 5000},
    }
    assert "nothing is kept under 'text'" in rlm("cache", "clear", "text").stderr
    assert "5.0 kB freed" in rlm("cache", "clear", "texts").stderr
    assert (home / "cache" / "models.txt").exists()
    assert rlm("cache", "clear").exit == 0
    assert list((home / "cache").iterdir()) == []


def test_the_memory_of_a_killed_run_is_cleared_and_what_cannot_be_is_told(rlm: RunRlm, home: Path) -> None:
    from rlm_cli import memo

    path = home / "cache" / "memo.sqlite"
    with contextlib.closing(memo.connect(path)) as killed:
        killed.execute("INSERT INTO replies (key, model, text, made, used) VALUES (x'00', 'm', x'00', 1, 1)")
        killed.commit()
        left = {name: path.with_name(path.name + name).read_bytes() for name in ("", "-wal", "-shm")}
    for name, data in left.items():  # as kill -9 leaves it
        path.with_name(path.name + name).write_bytes(data)
    path.with_name(path.name + ".damaged").write_bytes(b"x")
    assert (rlm("cache", "clear").exit, memo.contents(path).entries) == (0, 0)
    assert not path.with_name(path.name + ".damaged").exists()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        told = rlm("cache", "clear")
    assert (told.exit, "database is locked" in told.stderr) == (2, True)


def test_clearing_the_memory_does_not_disturb_who_uses_it(rlm: RunRlm, home: Path) -> None:
    from rlm_cli import memo
    from rlm_cli.models import Reply

    store = memo.Memo(home / "cache" / "memo.sqlite")
    store.put(b"key", "a/b", Reply(text="one"), 0.1)
    store.close()
    assert memo.contents(store.path).entries == 1
    assert "memo" in rlm("cache").stdout
    assert rlm("cache", "clear", "memo").exit == 0
    assert memo.contents(store.path).entries == 0


def test_prune_removes_what_came_in_a_pipe_and_counts_it(rlm: RunRlm, make: Make) -> None:
    old = make("20260101-080000-efgh", "why?", finished=False)
    new = make("20260102-080000-jkmn", "why?")
    kept = old.with_suffix(".stdin")
    kept.write_bytes(b"x" * 8000)
    done = rlm("runs", "prune", "--max-size", "6k")
    assert "1 run removed, 8" in done.stderr
    assert [path.exists() for path in (old, kept, new)] == [False, False, True]


def test_a_model_that_is_root_and_sub_is_named_once(rlm: RunRlm, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("The valve is here.\n", encoding="utf-8")
    assert rlm("ask", str(tmp_path / "notes.txt"), "where is the valve?").exit == 0
    for words in (("runs", "show"), ("view", "--terminal"), ("export", "last", "--to", "markdown")):
        done = rlm(*words)
        assert "offline/extractive" in done.stdout
        assert "offline/extractive, offline/extractive" not in done.stdout


def test_of_two_runs_of_one_second_the_last_is_the_one_written_to_last(tmp_path: Path) -> None:
    """Their names differ by random letters alone."""
    for moment, name in enumerate(("20261121-120001-zzzz", "20261121-120000-bbbb", "20261121-120001-aaaa")):
        path = tmp_path / f"{name}.jsonl"
        path.touch()
        os.utime(path, (moment, moment))
    assert [path.stem[-4:] for path in journal.runs(tmp_path)] == ["aaaa", "zzzz", "bbbb"]
    assert journal.find(tmp_path, "last").stem.endswith("aaaa")
