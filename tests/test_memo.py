"""What was paid for once is not paid for again: within a batch, between runs, between processes."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlm_cli import memo
from rlm_cli.errors import OutputError, RateLimited
from rlm_cli.events import Event
from rlm_cli.gate import Gate, Request
from rlm_cli.ledger import Ledger, Limits
from rlm_cli.memo import Memo
from rlm_cli.models import Message, Reply
from rlm_cli.models.registry import open_model
from tests.calls import calls, run
from tests.conftest import RunRlm
from tests.server import Ask, Item, Say, ScriptedServer, Status


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "memo.sqlite"


def key(number: int) -> bytes:
    return memo.digest(model="m", endpoint="", messages=[Message("user", str(number))], parameters=[])


async def batch(gate: Any, texts: list[str], **given: Any) -> list[Any]:
    return await asyncio.gather(*(gate.ask(text, **given) for text in texts), return_exceptions=True)


def test_the_same_prompt_twice_in_a_batch_is_sent_once(path: Path) -> None:
    with ScriptedServer(lambda ask: f"re: {ask.text}", latency=0.05) as server, calls(server, memo=Memo(path)) as gate:
        replies = run(batch(gate, ["a", "b", "a", "a", "b"]))
    assert [reply.text for reply in replies] == ["re: a", "re: b", "re: a", "re: a", "re: b"]
    assert len(server.asks) == 2
    assert [event.memo for event in gate.of("call.finished")].count(True) == 3


def test_a_second_run_pays_nothing(path: Path) -> None:
    with ScriptedServer(lambda ask: f"re: {ask.text}") as server:
        for _ in range(2):
            with calls(server, memo=Memo(path)) as gate:
                run(batch(gate, ["a", "b", "\ud800 c"]))
        assert len(server.asks) == 3
    assert gate.gate.ledger.spent.calls == 0
    assert [event.cost for event in gate.of("call.finished")] == [0.0, 0.0, 0.0]
    assert all(event.memo for event in gate.of("call.started"))
    shown = memo.contents(path)
    assert (shown.entries, shown.hits) == (3, 3)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_anything_that_changes_the_reply_changes_the_key(path: Path) -> None:
    with ScriptedServer(lambda _: "ok") as server:
        with calls(server, memo=Memo(path)) as gate:
            run(batch(gate, ["a"]))
            run(batch(gate, ["a"], max_tokens=77))
            run(batch(gate, ["a"], schema={"type": "string"}))
            run(batch(gate, ["a"], stop=("\n",)))
            run(batch(gate, ["a"], temperature=0.5))
            run(batch(gate, ["a"], messages=[Message("system", "a")]))
        with calls(server, "openai/another", memo=Memo(path)) as gate:
            run(batch(gate, ["a"]))
        assert len(server.asks) == 7


def test_the_same_name_at_another_address_is_another_model(path: Path) -> None:
    for text in ("one", "two"):
        with ScriptedServer([text]) as server, calls(server, memo=Memo(path)) as gate:
            assert run(gate.ask("a")).text == text


def test_a_cancelled_follower_takes_nobody_with_it(path: Path) -> None:
    with ScriptedServer(lambda _: "ok", latency=0.2) as server, calls(server, memo=Memo(path)) as gate:

        async def one_goes() -> list[str]:
            leader, follower, other = (asyncio.create_task(gate.ask("fine")) for _ in range(3))
            while not server.asks:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            follower.cancel()
            return [(await task).text for task in (leader, other)]

        assert run(one_goes()) == ["ok", "ok"]
    assert len(server.asks) == 1


def test_a_reply_that_the_journal_could_not_take_is_remembered_and_not_paid_twice(path: Path) -> None:
    """The disk of the journal fills up with the reply in hand; the run that goes on finds it in the memory."""

    def full(event: Event) -> None:
        if event.type == "call.finished":
            raise OutputError("cannot write the trajectory: No space left on device")

    asked = Request(purpose="sub", messages=(Message("user", "a"),))
    with ScriptedServer(["paid"]) as server:
        model = open_model("openai/scripted", environment={}, base=server.url)
        broken = Gate(model, ledger=Ledger(Limits()), emit=full, memo=Memo(path))
        with pytest.raises(OutputError):
            run(broken.ask(asked))
        run(broken.close())
        with calls(server, memo=Memo(path)) as gate:
            assert run(gate.gate.ask(asked)).text == "paid"


def test_with_memo_root_the_same_question_of_the_same_input_is_paid_once(
    rlm: RunRlm, tree: Callable[[dict[str, str]], Path]
) -> None:
    """What is left of money and time stands in each prompt, is another in each run, and decides nothing."""
    folder = tree({"a.txt": "the lamp is blue\n"})

    def script(ask: Ask) -> str:
        if len(ask.messages) < 4:
            return "```repl\nprint(llm_query('which colour?', context))\n```"
        return "```repl\nFINAL('blue')\n```"

    def asked(*more: str) -> tuple[int, str, int]:
        before = len(server.asks)
        words = ("-m", "openai/root", "--api-base", server.url, "--strategy", "rlm", "--json", *more)
        done = rlm("ask", folder, "which colour is the lamp?", *words, env={"OPENAI_API_KEY": "k"})
        return len(server.asks) - before, done.json["answer"], done.json["usage"]["recalled_calls"]

    with ScriptedServer(script) as server:
        assert asked("--memo-root") == (3, "blue", 0)
        assert asked("--memo-root") == (0, "blue", 3)
        assert asked("--memo-root", "--max-time", "5m", "--max-cost", "none")[:2] == (0, "blue")
        assert asked()[:2] == (2, "blue")
        (folder / "a.txt").write_text("the lamp is not blue\n")
        assert asked("--memo-root")[0] > 0


def test_only_a_line_of_limits_is_no_part_of_what_the_root_is_asked() -> None:
    def kept(text: str) -> str:
        return memo.lasting([Message("user", text)])[0].content

    assert (
        kept("a\nLeft: 20 turns, 499 calls, $0.998, 9m58s.\nb") == kept("a\nLeft: 1 turn, <$0.001, 4s.\nb") == "a\n\nb"
    )
    for text in ("Left: the door.", "Left: 2 lamps, 3 calls.", "x Left: 2 turns.", "Left: 2 turns, and more text."):
        assert kept(text) == text


def test_root_calls_are_made_each_time(path: Path) -> None:
    with ScriptedServer(lambda _: "ok") as server, calls(server, memo=Memo(path)) as gate:
        for _ in range(2):
            run(batch(gate, ["a"], purpose="root"))
    assert len(server.asks) == 2


@pytest.mark.parametrize("item", [Say("half", finish="length"), Say(None, refusal="no"), Status(400)])
def test_what_is_no_whole_reply_is_not_remembered(path: Path, item: Item) -> None:
    with ScriptedServer(lambda _: item) as server, calls(server, memo=Memo(path)) as gate:
        for _ in range(2):
            run(batch(gate, ["a"]))
    assert len(server.asks) == 2


def test_waiters_share_a_failure_and_survive_a_cancelled_leader(path: Path) -> None:
    def script(ask: Ask) -> Item:
        return Status(429, retry_after=500) if ask.text == "busy" else "ok"

    with ScriptedServer(script, latency=0.1) as server, calls(server, memo=Memo(path)) as gate:
        results = run(batch(gate, ["busy"] * 4))
        assert all(isinstance(result, RateLimited) for result in results)
        assert len(server.asks) == 1

        async def leader_goes() -> str:
            leader = asyncio.create_task(gate.ask("fine"))
            await asyncio.sleep(0.02)
            follower = asyncio.create_task(gate.ask("fine"))
            await asyncio.sleep(0.02)
            leader.cancel()
            return (await follower).text

        assert run(leader_goes()) == "ok"


@pytest.mark.parametrize("damage", ["garbage", "truncated", "pages"])
def test_a_damaged_file_is_set_aside_and_told(path: Path, damage: str) -> None:
    first = Memo(path)
    for number in range(200):
        first.put(key(number), "m", Reply(text=f"{number}" * 100), None)
    first.close()
    data = path.read_bytes()
    if damage == "garbage":
        path.write_bytes(os.urandom(5000))
    elif damage == "truncated":
        path.write_bytes(data[: len(data) // 2 + 7])
    else:
        path.write_bytes(data[:4096] + os.urandom(len(data) - 4096))
    told: list[str] = []
    second = Memo(path, tell=told.append)
    found = [second.get(key(number)) for number in range(200)]
    second.put(key(1000), "m", Reply(text="new"), None)
    second.close()
    assert all(reply is None or reply.text == f"{number}" * 100 for number, reply in enumerate(found))
    assert len(told) == 1
    assert "set aside" in told[0]
    assert path.with_name(path.name + ".damaged").exists()
    third = Memo(path, tell=told.append)
    third.put(key(5), "m", Reply(text="five"), None)
    third.close()
    assert Memo(path).get(key(5)) == Reply(text="five", model="m")
    assert len(told) == 1


def test_a_place_that_cannot_be_written_is_told_once_and_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    told: list[str] = []
    memory = Memo(tmp_path / "file" / "memo.sqlite", tell=told.append)
    with ScriptedServer(lambda _: "ok") as server, calls(server, memo=memory) as gate:
        replies = run(batch(gate, ["a", "b", "a"]))
    assert [reply.text for reply in replies] == ["ok"] * 3
    assert len(told) == 1


_WORK = """
import sys
from pathlib import Path
from rlm_cli.memo import Memo
from rlm_cli.models import Reply
from tests.test_memo import key
memory = Memo(Path(sys.argv[1]), tell=lambda said: print(said))
start = int(sys.argv[2])
for number in range(start, start + 300):
    memory.put(key(number), "m", Reply(text=str(number)), 0.5)
    seen = memory.get(key(number - 150))
    assert seen is None or seen.text == str(number - 150)
memory.close()
"""


def test_processes_do_not_disturb_each_other(path: Path) -> None:
    root = Path(__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", _WORK, str(path)]
    workers = [
        subprocess.Popen([*command, str(start)], env=environment, stdout=subprocess.PIPE, text=True)
        for start in (0, 150, 300, 0)
    ]
    said = [worker.communicate(timeout=60)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4
    assert said == [""] * 4
    memory = Memo(path)
    assert all(memory.get(key(number)) == Reply(text=str(number), model="m") for number in range(600))
    memory.close()


@pytest.mark.parametrize("calls_of_a_run", [10, 50, 300])
def test_the_file_stays_below_its_size_and_keeps_what_was_used_last(path: Path, calls_of_a_run: int) -> None:
    limit = 400_000
    memory = Memo(path, max_bytes=limit)
    for number in range(300):
        memory.put(key(number), "m", Reply(text="x" * 4000), None)
        if number % calls_of_a_run == calls_of_a_run - 1:
            memory.close()
    assert path.stat().st_size <= limit * 1.2
    assert 20 < memo.contents(path).entries < 120
    assert memory.get(key(299)) is not None
    memory.close()


def test_clearing_forgets_all_and_a_run_under_way_goes_on(path: Path) -> None:
    memory = Memo(path)
    memory.put(key(1), "m", Reply(text="one"), 0.25)
    memory.close()
    assert memory.get(key(1)) is not None
    assert memo.clear(path) == 1
    assert memory.get(key(1)) is None
    memory.put(key(2), "m", Reply(text="two"), None)
    memory.close()
    assert memo.contents(path).entries == 1
    assert memo.clear(path.with_name("none")) == 0
    assert memo.contents(path.with_name("none")).entries == 0


def test_a_file_of_another_version_is_begun_anew(path: Path) -> None:
    memory = Memo(path)
    memory.put(key(1), "m", Reply(text="one"), None)
    memory.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert memory.get(key(1)) is None
    memory.close()


def test_a_failure_that_is_shared_is_told_for_each_place(path: Path) -> None:
    with ScriptedServer(lambda _: Status(400, "no")) as server, calls(server, memo=Memo(path)) as gate:
        run(batch(gate, ["a"] * 3))
        started, failed = gate.of("call.started"), gate.of("call.failed")
        assert gate.gate.ledger.spent.calls == 1
    assert len(server.asks) == 1
    assert [event.call for event in started] == ["c1", "c2", "c3"]
    assert [event.memo for event in started] == [False, True, True]
    assert {event.error for event in failed} == {"BadRequest"}
    assert len(failed) == 3


def test_a_look_up_waits_for_no_other_process(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        memory = Memo(path)
        assert memory.get(key(1)) is None
        fcntl.flock(held, fcntl.LOCK_UN)
        memory.put(key(1), "m", Reply(text="one"), None)
        memory.flush()
        assert memory.get(key(1)) is not None
        memory.close()


def test_a_file_system_without_locks_is_good_enough(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    one = Memo(path)
    one.put(key(1), "m", Reply(text="kept"), 0.1)
    one.close()
    found = Memo(path)
    assert found.get(key(1)) == Reply(text="kept", model="m")
    found.close()


def test_trouble_of_the_writing_thread_leaves_a_look_up_under_way_alone(path: Path) -> None:
    memory = Memo(path)
    memory.put(key(1), "m", Reply(text="one"), None)
    memory.flush()
    assert memory.get(key(1)) is not None
    reader = memory._reader
    memory._trouble(sqlite3.DatabaseError("file is not a database"))  # as the writing thread does
    assert memory._reader is reader
    assert memory.get(key(1)) is not None
    assert memory._reader is not reader
    memory.close()
