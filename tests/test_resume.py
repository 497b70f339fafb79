"""No paid reply is lost: a run that was killed, stopped or capped goes on where it was, and pays nothing twice."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rlm_cli.events import BatchStarted, CallFinished, CallStarted, Event, InputChanged, Record, RunStarted
from rlm_cli.recording import Past
from tests.conftest import Result, RunRlm
from tests.server import Ask, Broken, Item, Say, ScriptedServer, Status

MakeTree = Callable[[dict[str, str]], Path]
KEY = {"OPENAI_API_KEY": "sk-canary-1234567890"}
CALLS = 200
CELLS = [
    "parts = [f'{n}: {context[n * 10:n * 10 + 10]}' for n in range(200)]\nprint(len(parts))",
    "first = llm_query_batched([f'double {n}' for n in range(100)])\nanswer['content'] = 'half'\nprint(len(first))",
    "second = [llm_query(f'double {n}') for n in range(100, 110)]\nsecond += llm_query_batched([f'double {n}' for n in range(110, 200)])",
    "import random\nlucky = random.randint(0, 10**9)\nprint(lucky, len(parts))",
    "FINAL(str(sum(int(value) for value in first + second)) + f' {len(parts)} {lucky}')",
]


def script(asked: Ask) -> Item:
    """The root's next cell by how often it has spoken; a sub-call is answered with twice its number."""
    if asked.model == "root":
        return f"```repl\n{CELLS[sum(message['role'] == 'assistant' for message in asked.messages)]}\n```"
    return Say(str(2 * int(asked.text.split()[-1])), delay=0.004)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "rlm_cli", *words]


def ask_words(folder: Path, url: str) -> list[str]:
    models = ["-m", "openai/root", "-s", "openai/sub", "--api-base", url]
    return ["ask", str(folder), "how much?", *models, "--strategy", "rlm", "--no-memo", "--json"]


@pytest.fixture
def folder(tree: MakeTree) -> Path:
    return tree({"a.txt": "some words " * 300})


@pytest.fixture
def whole(rlm: RunRlm, folder: Path, home: Path) -> str:
    """The answer of a run that nobody disturbed, and the number of its events."""
    with ScriptedServer(script) as server:
        done = rlm(*ask_words(folder, server.url), env=KEY)
    assert done.exit == 0, done.stderr
    for path in (home / "runs").iterdir():
        path.unlink()
    return str(done.json["answer"])


def events(journal: Path) -> list[dict[str, object]]:
    lines = journal.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]


def kill_at(
    count: int,
    folder: Path,
    environment: dict[str, str],
    home: Path,
    url: str,
    *,
    sent: signal.Signals = signal.SIGKILL,
) -> Path | None:
    """Start a run and kill it, by SIGKILL if not told otherwise, once its journal holds `count` lines; None where it was faster."""
    with subprocess.Popen(
        command(*ask_words(folder, url)),
        env=environment | KEY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        until = time.monotonic() + 60
        while process.poll() is None:
            assert time.monotonic() < until
            found = list((home / "runs").glob("*.jsonl"))
            if found and found[0].read_bytes().count(b"\n") >= count:
                process.send_signal(sent)
                process.wait()
                return found[0]
            time.sleep(0.001)
    return None


# `RLM_KILLS=100 make test TESTS=tests/test_resume.py` is the soak; each kill takes about three seconds.
@pytest.mark.parametrize("seed", range(int(os.environ.get("RLM_KILLS", "5"))))
def test_a_killed_run_goes_on_and_pays_no_reply_twice(
    seed: int, rlm: RunRlm, folder: Path, environment: dict[str, str], home: Path, whole: str
) -> None:
    count = random.Random(seed).randint(8, 2 * CALLS)
    with ScriptedServer(script) as server:
        journal = kill_at(count, folder, environment, home, server.url)
        if journal is None:
            pytest.fail("the run ended before it could be killed")
        before = events(journal)
        done = rlm("resume", "last", "--json", env=KEY)
        assert done.exit == 0, done.stderr
        assert done.json["answer"] == whole
        sent = Counter(asked.text for asked in server.asks if asked.model == "sub")
    started = {event["call"]: event for event in before if event["type"] == "call.started"}
    ended = {event["call"] for event in before if event["type"] in ("call.finished", "call.failed")}
    in_flight = [event for call, event in started.items() if call not in ended]
    again = {text for text, times in sent.items() if times > 1}
    lost = {event["messages"][0]["content"] for event in in_flight if event["messages"]}  # type: ignore[index]
    assert again <= lost, f"paid twice: {sorted(again - lost)[:3]}"
    assert set(sent) == {f"double {n}" for n in range(CALLS)}
    after = done.events
    resumed = [event for event in after if event["type"] == "run.resumed"]
    assert [event["unpaid"] for event in resumed] == [len(in_flight)]
    assert [event["seq"] for event in after] == list(range(1, len(after) + 1))
    finished = [event["call"] for event in after if event["type"] == "call.finished"]
    assert len(finished) == len(set(finished))


def test_a_reply_is_used_for_what_was_asked_and_for_nothing_else(
    rlm: RunRlm, folder: Path, environment: dict[str, str], home: Path
) -> None:
    """A cell that sizes its questions by what is left asks others when it runs again: they have no reply yet."""
    code = "left = budget()['calls']\nFINAL(' '.join(llm_query(f'{left}: {n}') for n in range(4)))"
    calls = ["print(len(context))", code]

    def script(asked: Ask) -> Item:
        if asked.model == "root":
            return f"```repl\n{calls[sum(message['role'] == 'assistant' for message in asked.messages)]}\n```"
        return Broken("hang") if asked.number == 4 else asked.text.split()[0]

    with ScriptedServer(script) as server:
        process = subprocess.Popen(
            command(*ask_words(folder, server.url)),
            env=environment | KEY,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server.wait_for(5)
        process.kill()
        process.wait()
        done = rlm("resume", "last", "--json", env=KEY)
    assert done.exit == 0, done.stderr
    assert len(set(done.json["answer"].split())) == 1, done.json["answer"]
    replayed = rlm("replay", "last", "--json")
    assert (replayed.exit, replayed.json["answer"]) == (0, done.json["answer"])


def test_a_torn_last_line_is_survived(
    rlm: RunRlm, folder: Path, environment: dict[str, str], home: Path, whole: str
) -> None:
    with ScriptedServer(script) as server:
        journal = kill_at(120, folder, environment, home, server.url)
        assert journal is not None
        journal.write_bytes(journal.read_bytes()[:-25])
        done = rlm("resume", "--json", env=KEY)
    assert done.json["answer"] == whole


def test_a_run_goes_on_after_a_limit_with_a_higher_one(rlm: RunRlm, folder: Path, whole: str) -> None:
    with ScriptedServer(script) as server:
        capped = rlm(*ask_words(folder, server.url), "--max-calls", "150", env=KEY)
        assert capped.exit == 6
        assert capped.json["answer"] == "half"
        assert len(server.asks) <= 150
        done = rlm("resume", "--max-calls", "500", "--json", env=KEY)
        sent = Counter(asked.text for asked in server.asks if asked.model == "sub")
    assert (done.exit, done.json["answer"]) == (0, whole)
    assert max(sent.values()) == 1
    assert done.json["usage"]["calls"] == CALLS + len(CELLS)


def test_a_changed_input_is_noticed(rlm: RunRlm, folder: Path) -> None:
    with ScriptedServer(script) as server:
        assert rlm(*ask_words(folder, server.url), "--max-turns", "2", env=KEY).exit == 6
        (folder / "a.txt").write_text("other words")
        refused = rlm("resume", "--max-turns", "20", env=KEY)
        assert refused.exit == 3
        assert "--allow-changed" in refused.stderr
        assert rlm("resume", "--max-turns", "20", "--allow-changed", env=KEY).exit == 0


def test_what_came_in_a_pipe_is_kept_until_the_run_is_answered(rlm: RunRlm, home: Path, whole: str) -> None:
    with ScriptedServer(script) as server:
        words = list(ask_words(Path("-"), server.url))
        assert rlm(*words, "--max-turns", "2", stdin="some words " * 300, env=KEY).exit == 6
        [kept] = (home / "runs").glob("*.stdin")
        assert kept.stat().st_mode & 0o777 == 0o600
        done = rlm("resume", "--max-turns", "20", "--json", env=KEY)
    assert (done.exit, done.json["answer"]) == (0, whole)
    assert not list((home / "runs").glob("*.stdin"))


def test_an_answered_run_has_nothing_to_go_on_with(rlm: RunRlm, folder: Path) -> None:
    assert rlm("ask", folder, "words", "-q").exit == 0
    done = rlm("resume")
    assert done.exit == 2
    assert "has ended" in done.stderr


def test_a_replay_gives_the_same_answer_and_calls_no_model(rlm: RunRlm, folder: Path, home: Path, whole: str) -> None:
    with ScriptedServer(script) as server:
        assert rlm(*ask_words(folder, server.url), env=KEY).exit == 0
    [journal] = (home / "runs").glob("*.jsonl")
    before = journal.read_bytes()
    done = rlm("replay", "last", "--json")
    assert (done.exit, done.json["answer"]) == (0, whole)
    assert journal.read_bytes() == before
    assert len(list((home / "runs").glob("*.jsonl"))) == 1


def test_a_replay_of_a_record_that_lies_elsewhere_sends_nothing_and_needs_no_leave(
    rlm: RunRlm, folder: Path, tmp_path: Path, whole: str
) -> None:
    with ScriptedServer(script) as server:
        assert rlm(*ask_words(folder, server.url), "--trajectory", tmp_path / "run.jsonl", env=KEY).exit == 0
    done = rlm("replay", tmp_path / "run.jsonl", "--json")
    assert (done.exit, done.json["answer"]) == (0, whole), done.stderr


def test_a_replay_names_the_first_difference(rlm: RunRlm, folder: Path, home: Path, whole: str) -> None:
    with ScriptedServer(script) as server:
        assert rlm(*ask_words(folder, server.url), env=KEY).exit == 0
    [journal] = (home / "runs").glob("*.jsonl")
    text = journal.read_text()
    assert '"output":"200\\n"' in text
    journal.write_text(text.replace('"output":"200\\n"', '"output":"199\\n"', 1))
    done = rlm("replay", "last")
    assert done.exit == 70
    assert "cell 0/1.1" in done.stderr


def test_a_replay_shows_what_the_window_let_through_and_what_was_left_then(rlm: RunRlm, folder: Path) -> None:
    """A short window cuts outputs, and a split input into more parts; what is left is never the same twice."""
    cells = ["print(context[:3000] * 3)", "print(llm_query('double 4'), budget(), budget())", "FINAL('done')"]

    def speaks(asked: Ask) -> Item:
        if asked.model != "root":
            return "8"
        return f"```repl\n{cells[sum(message['role'] == 'assistant' for message in asked.messages)]}\n```"

    with ScriptedServer(speaks) as server:
        words = ask_words(folder, server.url)
        assert rlm(*words, "--context-window", "30000", env=KEY).exit == 0
        replayed(rlm, "done")
        (folder / "long.txt").write_text("many words here\n" * 10_000)
        parts = ["NOTHING"] * 4  # of 80 kB with the whole window, one
        words = [*words[:-4], "--strategy", "map", "--context-window", "48000", "--no-memo", "--json"]
    with ScriptedServer(lambda ask: parts.pop()) as server:
        words[words.index("--api-base") + 1] = server.url
        done = rlm(*words, env=KEY)
        assert (done.exit, parts) == (1, []), done.stderr
    replayed(rlm, done.json["answer"], 1)


def replayed(rlm: RunRlm, answer: str, status: int = 0) -> None:
    """A replay of the newest run ends as the run did."""
    done = rlm("replay", "last", "--json")
    assert (done.exit, done.json["answer"]) == (status, answer), done.stderr
    assert "go on with" not in done.stderr.lower()


def last_of(done: Result, kind: str, name: str) -> dict[str, Any]:
    """The last record of each thing of this type, by its name."""
    return {event[name]: event for event in done.of(kind)}


def test_a_run_that_was_raised_above_its_limit_is_recorded_as_it_went_on(rlm: RunRlm, folder: Path, whole: str) -> None:
    with ScriptedServer(script) as server:
        assert rlm(*ask_words(folder, server.url), "--max-calls", "150", env=KEY).exit == 6
        replayed(rlm, "half", 6)
        done = rlm("resume", "--max-calls", "500", "--json", env=KEY)
    assert (done.exit, done.json["answer"]) == (0, whole)
    assert "is recorded" not in done.stderr
    assert last_of(done, "node.finished", "node")["0"]["status"] == "answered"
    assert last_of(done, "cell.finished", "cell")["0/3.1"]["error"] is None
    replayed(rlm, whole)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_run_stopped_in_the_middle_of_a_batch_can_be_replayed_once_it_went_on(
    sent: signal.Signals, rlm: RunRlm, folder: Path, environment: dict[str, str], home: Path, whole: str
) -> None:
    held, late = threading.Event(), []

    def slow(asked: Ask) -> Item:
        if asked.model == "root" or int(asked.text.split()[-1]) < 50 or held.is_set():
            return script(asked)
        late.append(asked)
        return Broken("hang")

    with ScriptedServer(slow) as server:
        journal = kill_at(100, folder, environment, home, server.url, sent=sent)
        assert journal is not None
        held.set()
        done = rlm("resume", "--json", env=KEY)
        assert (done.exit, done.json["answer"]) == (0, whole)
    assert {event["error"] for event in done.of("call.failed")} == {"Interrupted" if sent == signal.SIGINT else "Lost"}
    # What had been sent may be billed; what only waited for its turn to leave is not.
    assert sum(event["tokens"] > 0 for event in done.of("call.failed")) >= len(late)
    assert last_of(done, "node.finished", "node")["0"]["status"] == "answered"
    replayed(rlm, whole)


def test_a_failure_that_was_tried_again_is_not_replayed(rlm: RunRlm, folder: Path) -> None:
    """The provider refused the key in the first part; the second had a good one."""
    cell = "```repl\nprint(llm_query('colour?'))\nFINAL(llm_query('size?'))\n```"
    bad = [True]

    def moody(asked: Ask) -> Item:
        if asked.model == "root":
            return cell
        return Status(401) if bad[0] and "size" in asked.text else "blue"

    with ScriptedServer(moody) as server:
        assert rlm(*ask_words(folder, server.url), env=KEY).exit not in (0, 1)
        bad[0] = False
        done = rlm("resume", "--json", env=KEY)
        assert (done.exit, done.json["answer"]) == (0, "blue"), done.stderr
    replayed(rlm, "blue")


def test_a_failure_that_equal_prompts_share_is_replayed_at_each_place(rlm: RunRlm, folder: Path) -> None:
    cell = (
        "```repl\nfor reply in llm_query_batched(['same'] * 3):\n    print(reply)\n"
        "answer['content'] = 'none'\nFINAL('none of the three: context ' + context[:4])\n```"
    )

    def refusing(asked: Ask) -> Item:
        return cell if asked.model == "root" else Say(None, refusal="I would rather not")

    with ScriptedServer(refusing) as server:
        words = [word for word in ask_words(folder, server.url) if word != "--no-memo"]
        asked = rlm(*words, env=KEY)
    assert asked.exit == 0, asked.stderr
    assert len([event for event in asked.of("call.started") if event["purpose"] == "sub"]) == 3
    replayed(rlm, asked.json["answer"])


def test_a_run_that_is_still_written_is_not_gone_on_with(rlm: RunRlm, folder: Path, home: Path) -> None:
    with ScriptedServer(script) as server:
        assert rlm(*ask_words(folder, server.url), "--max-turns", "2", env=KEY).exit == 6
        [journal] = (home / "runs").glob("*.jsonl")
        before = journal.read_bytes()
        with journal.open("ab") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            held.write(b'{"seq":')
            held.flush()
            done = rlm("resume", "--max-turns", "20", env=KEY)
        assert done.exit == 2
        assert "still being written" in done.stderr
        assert journal.read_bytes() == before + b'{"seq":'
        assert rlm("resume", "--max-turns", "20", env=KEY).exit == 0


def test_the_limit_that_stopped_a_run_must_be_raised(rlm: RunRlm, folder: Path, home: Path, whole: str) -> None:
    with ScriptedServer(script) as server:
        assert rlm(*ask_words(folder, server.url), "--max-turns", "2", env=KEY).exit == 6
        [journal] = (home / "runs").glob("*.jsonl")
        before, asks = journal.read_bytes(), len(server.asks)
        refused = rlm("resume", env=KEY)
        assert refused.exit == 2
        assert "--max-turns 4" in refused.stderr
        assert (journal.read_bytes(), len(server.asks)) == (before, asks)
        assert rlm("resume", "--max-turns", "3", env=KEY).exit == 6
        assert rlm("resume", "--max-turns", "3", env=KEY).exit == 2
        done = rlm("resume", "--max-turns", "20", "--json", env=KEY)
        assert (done.exit, done.json["answer"]) == (0, whole)
    replayed(rlm, whole)


def test_a_limit_of_nothing_is_to_be_raised_to_something(rlm: RunRlm, folder: Path) -> None:
    with ScriptedServer(script) as server:
        assert rlm(*ask_words(folder, server.url), "--max-calls", "0", env=KEY).exit == 6
        assert "--max-calls 500" in rlm("resume", env=KEY).stderr


def test_a_second_run_does_not_go_into_the_trajectory_of_the_first(rlm: RunRlm, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    assert rlm("ask", folder, "words", "-q", "--trajectory", path).exit == 0
    before = path.read_bytes()
    again = rlm("ask", folder, "words", "-q", "--trajectory", path)
    assert again.exit == 2
    assert "not empty" in again.stderr
    assert path.read_bytes() == before


def test_the_time_of_all_parts_counts_together_unless_it_is_raised(rlm: RunRlm, folder: Path, home: Path) -> None:
    with ScriptedServer(script) as server:
        assert rlm(*ask_words(folder, server.url), "--max-turns", "2", "--max-time", "5m", env=KEY).exit == 6
        [journal] = (home / "runs").glob("*.jsonl")
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        for line in lines:
            line["t"] += 299  # as if it had taken nearly all of its time
        journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
        late = rlm("resume", "--max-turns", "20", "--json", env=KEY)
        assert (late.exit, late.json["stopped_by"]) == (7, "time"), late.stderr
        refused = rlm("resume", env=KEY)
        assert refused.exit == 2
        assert "--max-time 10m" in refused.stderr
        assert rlm("resume", "--max-time", "10m", env=KEY).exit == 0


def test_the_hint_names_the_file_that_the_run_is_recorded_in(rlm: RunRlm, folder: Path, tmp_path: Path) -> None:
    with ScriptedServer(script) as server:
        words = [*ask_words(folder, server.url), "--max-turns", "2", "--trajectory", "my runs.log"]
        stopped = rlm(*words, env=KEY)
        assert "go on with: rlm resume './my runs.log'" in stopped.stderr
        more = ["--max-turns", "20", "--api-base", server.url]
        assert rlm("resume", "./my runs.log", *more, env=KEY).exit == 0


def test_a_change_of_the_input_that_is_not_on_record_is_told_in_a_later_part() -> None:
    begun = RunStarted(run="r", version="", question="", sources=[], root_model="m", sub_model="m")
    known, new = (InputChanged(name=name, reason="truncated") for name in ("a.log", "b.log"))
    past = Past.read(lambda: [Record(number, 0.0, "", event) for number, event in enumerate((begun, known), 1)])
    assert (past.repeats(known), past.repeats(new)) == (True, False)


def test_what_comes_several_times_at_one_place_comes_again_in_its_order_and_no_more_often() -> None:
    """The repairs of one value, the rounds of a tool; and a loop whose line sends a batch each time."""
    batch = BatchStarted(node="0", cell="0/1.1", total=2, site=3)
    journal: list[Event] = [
        RunStarted(run="r", version="", question="", sources=[], root_model="m", sub_model="m"),
        batch,
    ]
    for name in ("c1", "c2", "c3"):
        journal.append(
            CallStarted(
                call=name, node="0", turn=1, purpose="schema", model="m", input_tokens=1, max_tokens=1, reserved=0.0
            )
        )
    for name in ("c3", "c1", "c2"):
        journal.append(CallFinished(call=name, text=name, finish="stop", input_tokens=1, output_tokens=1, cost=0.0))
    past = Past.read(lambda: [Record(number, 0.0, "", event) for number, event in enumerate(journal, 1)])
    replies = [past.reply("schema", "0", 1, None, None) for _ in range(4)]
    assert [reply and reply.text for reply in replies] == ["c1", "c2", "c3", None]
    assert [past.repeats(batch) for _ in range(2)] == [True, False]


def test_what_a_run_was_asked_is_not_held_to_know_what_it_was_answered() -> None:
    """Ten thousand prompts of a hundred kilobytes are a journal of a gigabyte: it is read, once, and not kept."""
    reads = []

    def records() -> Iterator[Record]:
        reads.append(1)
        begun = RunStarted(run="r", version="", question="", sources=[], root_model="m", sub_model="m")
        yield Record(1, 0.0, "", begun)
        for number in range(200):
            said = [{"role": "user", "content": f"{number} " * 20_000}]
            asked = CallStarted(
                call=f"c{number}", node="0", turn=1, purpose="sub", model="m", input_tokens=1, max_tokens=1,
                reserved=0.0, cell="0/1.1", slot=number, messages=said,
            )  # fmt: skip
            yield Record(2, 0.0, "", asked)
            if number < 150:
                yield Record(3, 0.0, "", CallFinished(call=f"c{number}", text=f"{number}", finish="stop",
                                                      input_tokens=1, output_tokens=1, cost=0.0))  # fmt: skip

    tracemalloc.start()
    try:
        past = Past.read(records)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(reads) == 1
    assert most < 3_000_000  # bytes, of 20 million
    found = [past.reply("sub", "0", 1, "0/1.1", slot) for slot in range(200)]
    assert [reply.text for reply in found if reply] == [f"{number}" for number in range(150)]
    assert len(past.lost) == 50


@pytest.mark.parametrize("flag", ["--no-save", "--redact"])
def test_nothing_is_said_of_going_on_where_no_record_allows_it(
    flag: str, folder: Path, environment: dict[str, str], rlm: RunRlm
) -> None:
    def words(url: str) -> list[str]:
        return [*ask_words(folder, url), flag, "--progress", "plain"]

    with ScriptedServer(lambda _: Broken("hang")) as server:
        run = subprocess.Popen(command(*words(server.url)), stderr=subprocess.PIPE, env=environment | KEY)
        server.wait_for(1, seconds=30)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=30)
    assert run.returncode == 130
    assert b"stopped by you" in said
    assert b"resume" not in said
    assert b"kept" not in said
    with ScriptedServer(lambda _: Status(503, retry_after=500)) as server:
        failed = rlm(*words(server.url), env=KEY)
    assert failed.exit == 5
    assert "the provider failed" in failed.stderr
    assert "resume" not in failed.stderr
