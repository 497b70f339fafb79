"""`rlm bench` as a user meets it: tables, prices, one budget, and going on after a kill without paying twice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pexpect
import pytest

from rlm_cli.bench.kinds import KINDS
from rlm_cli.bench.methods import METHODS
from rlm_cli.bench.results import Result, Results
from rlm_cli.bench.runner import _Input
from tests.conftest import RunRlm
from tests.server import Ask, Item, Say, ScriptedServer, Status

KEY = {"OPENAI_API_KEY": "sk-canary-1234567890"}


def models(server: ScriptedServer) -> list[str]:
    return ["-m", "openai/root", "--api-base", server.url, "--max-time", "60s"]


def results(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


LOOK = "```repl\nfound = grep(r'entry code of the .* is [0-9]{7}')\nprint(found)\n```"
SUBMIT = "```repl\nimport re\nFINAL(re.findall('[0-9]{7}', found[0].text)[-1] if found else 'none')\n```"


def solver(ask: Ask) -> Item:
    """A model that finds the needle with two cells where it has a REPL, and is wrong otherwise."""
    messages = ask.body["messages"]
    if "```repl" not in messages[0]["content"]:
        return "ANSWER: 7"
    said = sum(message["role"] == "assistant" for message in messages)
    return SUBMIT if said else LOOK


def test_every_method_has_a_row_and_a_score(rlm: RunRlm, tmp_path: Path) -> None:
    names = ",".join(METHODS)
    with ScriptedServer(solver) as server:
        done = rlm(
            *("bench", *models(server), "--methods", names, "--tasks", "niah,pairs", "--count", "1", "--json"),
            env=KEY,
            timeout=120,
        )
    assert done.exit == 0, done.stderr
    rows = {(row["kind"], row["method"]): row for row in done.json["rows"]}
    floors = {"random", "rule", "all-pairs"}
    assert set(rows) == {(kind, name) for kind in ("niah", "pairs") for name in METHODS} - {("niah", "all-pairs")}
    for depth in range(4):
        row = rows["niah", f"rlm-{depth}"]
        assert (row["score"], row["failed"], row["turns"]) == (1.0, 0.0, 2.0)
    assert all(rows[key]["calls"] > 0 for key in rows if key[1] not in floors)
    assert all(rows[key]["calls"] == 0 for key in rows if key[1] in floors)
    assert rows["niah", "codeact"]["read"] == rows["niah", "direct"]["read"] == 1.0
    assert rows["niah", "rule"]["score"] == 1.0
    folder = tmp_path / "rlm-bench"
    report = (folder / "report.md").read_text()
    assert "| rlm-1 | 100 | 100 to 100 | 1 |" in report
    traces = sorted(path.name for path in (folder / "trials").iterdir())
    assert "niah-8k-1--rlm-1--openai_root.jsonl" in traces
    assert rlm("runs", "show", folder / "trials" / traces[0]).exit == 0
    assert not list((folder / "inputs").iterdir())


def test_gold_is_nowhere_in_what_a_run_is_given(rlm: RunRlm, tmp_path: Path) -> None:
    """The input directory holds the task's files alone, and no prompt holds more than they and the question do."""
    with ScriptedServer(lambda ask: "ANSWER: 7") as server:
        done = rlm(
            *("bench", *models(server), "--methods", "direct", "--count", "1", "--keep-inputs", "--tasks", "hops,code"),
            env=KEY,
        )
        prompts = [ask.text for ask in server.asks]
    assert done.exit == 0, done.stderr
    for kind in ("hops", "code"):
        task = KINDS[kind].make(1, 8_000, 0)
        held = tmp_path / "rlm-bench" / "inputs" / task.name
        files = {path.relative_to(held).as_posix() for path in held.rglob("*") if path.is_file()}
        assert files == {name for name, _ in task.files()}
    assert not any("gold" in prompt or "tasks.jsonl" in prompt for prompt in prompts)


def test_a_dry_run_prices_every_method_and_sends_nothing(rlm: RunRlm, tmp_path: Path) -> None:
    with ScriptedServer(lambda ask: "no") as server:
        more = (
            "--methods",
            "direct,rlm-1,random",
            "--lengths",
            "8k,32k",
            "--count",
            "3",
            "--tasks",
            "niah",
            "-n",
            "--json",
        )
        done = rlm("bench", "-m", "gpt-4.1-mini", *more, env=KEY)
        assert done.exit == 0, done.stderr
        assert not server.asks
    direct, loop = done.json["trials"]
    assert (direct["method"], direct["trials"], direct["input_tokens"]) == ("direct", 6, 3 * 40_000)
    assert 0.04 < direct["cost_usd"] < 0.1  # 120,000 tokens at $0.40 a million, and six short replies
    assert (loop["cost_usd"], loop["most_usd"]) == (None, pytest.approx(6 * 0.2))
    assert not (tmp_path / "rlm-bench").exists()


def test_the_budget_ends_the_benchmark_and_more_of_it_goes_on(rlm: RunRlm, tmp_path: Path) -> None:
    with ScriptedServer(lambda ask: Say("7654321", cost=0.05)) as server:
        words = (
            "bench",
            *models(server),
            "--methods",
            "direct,rule",
            "--count",
            "6",
            "--tasks",
            "niah",
            "--at-once",
            "1",
        )
        done = rlm(*words, "--max-cost", "0.2", "--trial-cost", "0.1", env=KEY)
        assert done.exit == 6, done.stderr
        assert len(server.asks) == 4
        assert "**Partial**: the budget ended before 2 trials" in done.stdout
        assert "Spent $0.200 in all" in done.stdout
        done = rlm(*words, "--max-cost", "1", env=KEY)
        assert done.exit == 0, done.stderr
        assert len(server.asks) == 6
        assert "Partial" not in done.stdout
    assert Counter(row["method"] for row in results(tmp_path / "rlm-bench")) == {"direct": 6, "rule": 6}


def test_killed_and_given_again_it_goes_on_and_pays_nothing_twice(environment: dict[str, str], tmp_path: Path) -> None:
    reached = threading.Event()

    def script(ask: Ask) -> Item:
        if server.count == 6 and not reached.is_set():
            reached.set()
            return Say("late", delay=30)
        return solver(ask)

    with ScriptedServer(script) as server:
        words = ["bench", *models(server), "--methods", "rlm-1,direct", "--count", "3", "--tasks", "niah"]
        words += ["--at-once", "1"]
        command = [sys.executable, "-m", "rlm_cli", *words]
        with subprocess.Popen(command, cwd=tmp_path, env=environment | KEY, stdout=subprocess.PIPE) as process:
            assert reached.wait(60)
            os.kill(process.pid, signal.SIGKILL)
        kept = len(results(tmp_path / "rlm-bench"))
        with (tmp_path / "rlm-bench" / "results.jsonl").open("a") as file:
            file.write('{"trial": "niah-8k-3--rlm')  # as a kill may leave it
        done = subprocess.run(
            command, cwd=tmp_path, env=environment | KEY, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        # Three trials of two calls and three of one; the call that was in flight is the only one made again.
        assert len(server.asks) == 3 * 2 + 3 + 1
    assert 0 < kept < 6
    rows = {line["trial"]: line for line in map(json.loads, filter(_whole, _lines(tmp_path)))}
    assert len(rows) == 6
    assert all(row["score"] == 1.0 for row in rows.values() if row["method"] == "rlm-1")


def test_what_was_in_flight_at_a_kill_counts_once(rlm: RunRlm, tmp_path: Path) -> None:
    words = ("bench", "--methods", "direct", "--tasks", "niah", "--count", "1", "--json")
    assert rlm(*words).exit == 0
    (tmp_path / "rlm-bench" / "results.jsonl").unlink()
    [trace] = (tmp_path / "rlm-bench" / "trials").iterdir()
    kept = []
    for line in trace.read_text().splitlines():
        event = json.loads(line)
        kept.append(event | {"reserved": 0.5} if event["type"] == "call.started" else event)
        if event["type"] == "call.started":
            break
    trace.write_text("".join(json.dumps(event) + "\n" for event in kept))
    done = rlm(*words)
    assert done.exit == 0, done.stderr
    assert [row["cost"] for row in results(tmp_path / "rlm-bench")] == [0.5]
    assert done.json["cost_usd"] == 0.5


def _lines(folder: Path) -> list[str]:
    return (folder / "rlm-bench" / "results.jsonl").read_text().splitlines()


def _whole(line: str) -> bool:
    return line.endswith("}")


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_a_report_of_what_was_done(
    environment: dict[str, str], tmp_path: Path, sent: signal.Signals, status: int
) -> None:
    reached = threading.Event()

    def script(ask: Ask) -> Item:
        if server.count == 3:
            reached.set()
            return Say("late", delay=30)
        return "7"

    with ScriptedServer(script) as server:
        command = [sys.executable, "-m", "rlm_cli", "bench", *models(server), "--methods", "direct", "--tasks", "niah"]
        with subprocess.Popen(
            [*command, "--at-once", "1"],
            cwd=tmp_path,
            env=environment | KEY,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert reached.wait(60)
            process.send_signal(sent)
            out, err = process.communicate(timeout=30)
    assert process.returncode == status
    assert b"Traceback" not in err
    assert b"| direct | 0 | 0 to 0 | 2 |" in out


def test_a_provider_that_fails_each_trial_ends_it_and_is_no_result_of_the_method(rlm: RunRlm, tmp_path: Path) -> None:
    """By a failure that is tried once: how long others are tried depends on the machine."""
    with ScriptedServer(lambda ask: Status(404, "no such model")) as server:
        more = ("--methods", "direct", "--count", "9", "--tasks", "niah")
        done = rlm("bench", *models(server), *more, env=KEY, timeout=120)
    assert done.exit == 5
    assert "trials in a row failed" in done.stderr
    assert len(results(tmp_path / "rlm-bench")) < 9


def test_a_key_that_is_refused_is_no_result_of_the_method(rlm: RunRlm, tmp_path: Path) -> None:
    refused = threading.Event()

    def script(ask: Ask) -> Item:
        if not refused.is_set():
            refused.set()
            return Status(401, "no such key", "invalid_request_error")
        return solver(ask)

    with ScriptedServer(script) as server:
        words = ("bench", *models(server), "--methods", "rlm-1", "--count", "1", "--tasks", "niah")
        assert rlm(*words, env=KEY).exit == 4
        assert rlm(*words, env=KEY).exit == 0
    assert [row["score"] for row in results(tmp_path / "rlm-bench")] == [1.0]


def test_a_trial_that_the_network_cost_is_gone_on_with_over_its_input_written_again(
    rlm: RunRlm, tmp_path: Path
) -> None:
    """Between the two the input is not kept: its files are new, and hold the same."""
    failing = threading.Event()
    failing.set()
    with ScriptedServer(lambda ask: Status(404, "no such model") if failing.is_set() else solver(ask)) as server:
        words = ("bench", *models(server), "--methods", "rlm-1", "--count", "1", "--tasks", "niah")
        assert rlm(*words, env=KEY).exit == 0
        assert not list((tmp_path / "rlm-bench" / "inputs").iterdir())
        failing.clear()
        again = rlm(*words, env=KEY)
        assert again.exit == 0
    assert "done before" not in again.stderr
    assert "rlm: 1 of 1  niah-8k-1  rlm-1" in again.stderr
    found = [(row["failure"], row["score"]) for row in results(tmp_path / "rlm-bench")]
    assert found == [("ModelNotFound", 0.0), ("", 1.0)]


def test_a_disk_that_fills_up_is_told_and_no_bug(rlm: RunRlm, tmp_path: Path) -> None:
    (tmp_path / "rlm-bench").mkdir()
    (tmp_path / "rlm-bench" / "tasks.jsonl").symlink_to("/dev/full")
    done = rlm("bench", "-m", "offline/extractive", "--tasks", "niah", "--count", "1", "--methods", "random")
    assert done.exit == 74
    assert "cannot write to rlm-bench: No space left on device" in done.stderr


def test_trials_of_one_task_share_its_input_and_none_sees_half_of_it(tmp_path: Path) -> None:
    begun, further, times = threading.Event(), threading.Event(), list[int]()

    def pieces() -> Iterator[str]:
        times.append(len(times))
        yield "one "
        begun.set()
        further.wait(60)
        if len(times) == 1:
            raise OSError("the disk is full")
        yield "two"

    task = replace(KINDS["niah"].make(1, 8_000, 0), files=lambda: [("a.txt", pieces())])
    where = _Input(task, tmp_path / "inputs" / task.name, 2, keep=False)

    async def both() -> None:
        first = asyncio.create_task(where.open())
        assert await asyncio.to_thread(begun.wait, 60)
        second = asyncio.create_task(where.open())
        for _ in range(3):
            await asyncio.sleep(0)
        assert not second.done()
        further.set()
        with pytest.raises(OSError, match="disk is full"):
            await first
        assert ((await second) / "a.txt").read_text() == "one two"
        assert await where.open() == await second
        await where.leave()
        assert where.folder.exists()
        await where.leave()

    asyncio.run(both())
    assert len(times) == 2
    assert not list((tmp_path / "inputs").iterdir())


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    answer = "one\u2028two\x85three\x1cfour\nfive"
    found = Result(
        trial="t",
        task="t",
        kind="niah",
        tokens=1,
        method="direct",
        model="",
        score=1.0,
        status="answered",
        answer=answer,
    )
    Results(tmp_path).add(found)
    Results(tmp_path).add(replace(found, trial="u"))
    assert list(Results(tmp_path)) == [found, replace(found, trial="u")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tasks", "niha"], "Did you mean niah?"),
        (["--methods", "rlm-9"], "Did you mean rlm-"),
        (["--lengths", "8x"], "'8x' is no length from 1k to 10M tokens"),
        (["--lengths", "900M"], "no length from 1k to 10M"),
        (["--trial-cost", "much"], "--trial-cost: 'much'"),
    ],
)
def test_a_slip_is_one_sentence(rlm: RunRlm, words: list[str], said: str) -> None:
    done = rlm("bench", *words)
    assert (done.exit, said in done.stderr) == (2, True), done.stderr


def test_results_of_another_benchmark_are_not_mixed_in(rlm: RunRlm) -> None:
    assert rlm("bench", "--methods", "random", "--tasks", "niah", "--count", "1").exit == 0
    done = rlm("bench", "--methods", "random", "--tasks", "niah", "--count", "2")
    assert done.exit == 2
    assert "holds results of another benchmark: count differs" in done.stderr


def test_a_terminal_gets_tables_that_fit_and_how_far_it_is(environment: dict[str, str], tmp_path: Path) -> None:
    words = [
        "bench",
        "--methods",
        "rlm-1,rule",
        "--tasks",
        "niah,oolong",
        "--count",
        "1",
        "--at-once",
        "1",
        "-o",
        "out",
    ]
    child = pexpect.spawn(
        sys.executable, ["-m", "rlm_cli", *words], cwd=str(tmp_path), env=environment, dimensions=(50, 80), timeout=60
    )
    child.expect(pexpect.EOF)
    child.close()
    lines = child.before.decode().replace("\r\n", "\n").splitlines()
    assert child.exitstatus == 0
    assert max(map(len, lines)) < 80
    shown = " ".join(" ".join(lines).split())
    assert "1 of 2 niah-8k-1 rlm-1 offline/extractive score" in shown
    assert "2 of 2 oolong-8k-1 rlm-1" in shown
    assert "method score 95 % tasks cost calls time failed" in shown
    assert "| partial | failed | searched | read |" in (tmp_path / "out" / "report.md").read_text()
