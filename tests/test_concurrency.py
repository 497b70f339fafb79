"""Many calls at once: bounded, in order, cancelled at once, flat in memory."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rlm_cli.errors import BadReply, ContextTooLong, Interrupted, ProviderError, RateLimited
from rlm_cli.gate import Gate, Request
from rlm_cli.ledger import Ledger, Limits
from rlm_cli.models import Message, Options, Price, Reply, Usage
from rlm_cli.models.compatible import Compatible
from rlm_cli.models.registry import open_model
from rlm_cli.models.turnstile import Turnstile
from rlm_cli.retries import Retries, Tries
from tests.calls import CLIENTS, QUIET, Calls, calls, failure, run
from tests.server import Ask, Broken, Item, ScriptedServer, Status

pytestmark = QUIET


async def many(gate: Calls, count: int) -> list[Any]:
    asked = (gate.ask(f"question {number}", slot=number) for number in range(count))
    return await asyncio.gather(*asked, return_exceptions=True)


@pytest.mark.parametrize("client", CLIENTS, ids=["direct", "litellm"])
def test_no_more_than_jobs_at_once_and_every_reply_in_its_place(client: str) -> None:
    def script(ask: Ask) -> Item:
        return Status(500) if ask.number % 10 == 3 else f"re: {ask.text}"

    with ScriptedServer(script, latency=0.02) as server, calls(server, client, jobs=7) as gate:
        replies = run(many(gate, 60))
    assert [reply.text for reply in replies] == [f"re: question {number}" for number in range(60)]
    assert 1 < server.peak <= 7
    assert sorted(gate.types()).count("call.finished") == 60


def test_calls_that_begin_together_leave_one_by_one_and_one_that_gives_up_holds_nobody() -> None:
    """Else the first request is sent when the last one has been built, and every round costs the sum of all."""
    order: list[int] = []

    async def leave(turnstile: Turnstile, number: int) -> None:
        await turnstile.turn()
        for _ in range(3):  # what it takes to build a request
            order.append(number)
            await asyncio.sleep(0)

    async def all_at_once() -> None:
        turnstile = Turnstile(steps=3)
        leaving = [asyncio.create_task(leave(turnstile, number)) for number in range(6)]
        await asyncio.sleep(0)
        leaving[2].cancel()
        async with asyncio.timeout(60):
            done = await asyncio.gather(*leaving, return_exceptions=True)
        assert [isinstance(one, asyncio.CancelledError) for one in done] == [number == 2 for number in range(6)]

    run(all_at_once())
    assert order == [number for number in range(6) if number != 2 for _ in range(3)]


@pytest.mark.parametrize("client", CLIENTS, ids=["direct", "litellm"])
def test_waiting_for_a_turn_is_no_part_of_the_time_of_a_call(client: str, monkeypatch: pytest.MonkeyPatch) -> None:
    turn = Turnstile.turn

    async def slow(self: Turnstile) -> None:
        await asyncio.sleep(2.2)
        await turn(self)

    with ScriptedServer(lambda _: "in time") as server, calls(server, client, call_time=1.0) as gate:
        run(gate.ask("warm"))
        monkeypatch.setattr(Turnstile, "turn", slow)
        assert run(gate.ask()).text == "in time"


def test_a_failed_item_leaves_the_others_alone() -> None:
    def script(ask: Ask) -> Item:
        return Status(400, "no") if ask.text.endswith(("3", "7")) else "yes"

    with ScriptedServer(script) as server, calls(server) as gate:
        replies = run(many(gate, 10))
    failed = [index for index, reply in enumerate(replies) if isinstance(reply, ProviderError)]
    assert failed == [3, 7]


def test_calls_are_named_in_the_order_they_are_told() -> None:
    with ScriptedServer(lambda _: "ok") as server, calls(server, jobs=4) as gate:
        run(many(gate, 20))
    assert [event.call for event in gate.of("call.started")] == [f"c{number}" for number in range(1, 21)]
    assert {event.call for event in gate.of("call.finished")} == {f"c{number}" for number in range(1, 21)}


@pytest.mark.parametrize("client", CLIENTS, ids=["direct", "litellm"])
def test_stopping_ends_everything_in_flight_and_keeps_what_came(client: str) -> None:
    def script(ask: Ask) -> Item:
        return "in time" if ask.number < 5 else Broken("hang")

    with ScriptedServer(script) as server, calls(server, client, jobs=64) as gate:

        async def stopped() -> tuple[list[Any], float]:
            loop = asyncio.get_running_loop()
            asking = asyncio.create_task(many(gate, 100))
            while len(server.asks) < 60 or len(gate.of("call.finished")) < 5:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            began = loop.time()
            gate.gate.stop(Interrupted("Stopped by Ctrl-C."))
            return await asking, loop.time() - began

        results, seconds = run(stopped())
        assert isinstance(run(failure(gate.ask())), Interrupted)
        assert not gate.gate._asking
    kept = [result for result in results if isinstance(result, Reply)]
    assert len(kept) == 5
    assert all(isinstance(result, Interrupted) for result in results if not isinstance(result, Reply))
    assert seconds < 30  # not as long as what hangs
    # Every call that was told to start is told to end.
    ended = [event.call for event in gate.events if event.type in ("call.finished", "call.failed")]
    assert sorted(ended) == sorted(event.call for event in gate.of("call.started"))


def test_cancelling_one_caller_closes_its_connection_and_nobody_else_is_hurt() -> None:
    def script(ask: Ask) -> Item:
        return Broken("hang") if ask.text == "slow" else "ok"

    with ScriptedServer(script) as server, calls(server, jobs=2) as gate:

        async def one_of_two() -> str:
            slow = asyncio.create_task(gate.ask("slow"))
            while not server.asks:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            slow.cancel()
            with pytest.raises(asyncio.CancelledError):
                await slow
            replies = await asyncio.gather(*(gate.ask(f"{number}") for number in range(6)))
            await asyncio.sleep(0.2)
            return "".join(reply.text for reply in replies)

        assert run(one_of_two()) == "ok" * 6
        assert server.asks[0].cancelled
        assert gate.gate.ledger._holds == set()


def test_a_caller_that_was_cancelled_itself_is_told_so_though_the_run_was_stopped_too() -> None:
    """Else a time-out around a call would end as a stop, and `asyncio.timeout` would not know its own cancellation."""
    with ScriptedServer(lambda _: Broken("hang")) as server, calls(server) as gate:

        async def both() -> None:
            asking = asyncio.create_task(gate.ask())
            while not server.asks:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            gate.gate.stop(Interrupted("Stopped by Ctrl-C."))
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

        run(both())


def test_a_prompt_too_long_is_not_sent_and_the_error_says_how_to_split() -> None:
    with ScriptedServer(lambda _: "ok") as server, calls(server, window=8000) as gate:
        error = run(failure(gate.ask("some words here " * 10_000)))
        assert isinstance(error, ContextTooLong)
        assert "160,000 characters" in error.message
        size = int(error.hint.partition("size=")[2].partition(")")[0].replace("_", ""))
        assert run(gate.ask(("some words here " * 10_000)[:size])).text == "ok"
    assert len(server.asks) == 1


def test_the_reply_is_cut_to_what_the_window_leaves() -> None:
    with ScriptedServer(lambda _: "ok") as server, calls(server, window=8000) as gate:
        run(gate.ask("some words here " * 1300, max_tokens=4000))
    assert 1024 <= (server.asks[0].max_tokens or 0) < 4000


def test_a_second_run_in_the_same_process_finds_no_closed_connections() -> None:
    """litellm keeps its clients for ever: closing one gate must not break the next, or another that is open."""
    with ScriptedServer(lambda _: "ok") as server, calls(server, "litellm/openai/scripted") as outer:
        for _ in range(3):
            with calls(server, "litellm/openai/scripted") as gate:
                assert run(gate.ask()).text == "ok"
            assert run(outer.ask()).text == "ok"


class Parrot:
    """The smallest model: what `rlm_cli.models` shows, here to measure the gate alone."""

    name, window, price = "parrot", None, Price(1, 1)

    async def reply(self, messages: Any, options: Options) -> Reply:
        await asyncio.sleep(0)
        return Reply(text="x" * 100, usage=Usage(input_tokens=10, output_tokens=10))

    async def close(self) -> None:
        pass


def test_thousands_of_calls_leave_nothing_behind() -> None:
    told = [0]

    def emit(event: Any) -> None:
        told[0] += 1

    async def all_of_them() -> list[int]:
        gate = Gate(Parrot(), ledger=Ledger(Limits(max_calls=None, max_cost=None, max_tokens=None)), emit=emit)
        held = []
        for _ in range(5):
            for _ in range(8):
                requests = (Request(purpose="sub", messages=(Message("user", "y" * 1000),)) for _ in range(100))
                await asyncio.gather(*(gate.ask(request) for request in requests))
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
        await gate.close()
        return held

    tracemalloc.start()
    try:
        held = run(all_of_them())
    finally:
        tracemalloc.stop()
    assert told[0] == 2 * 5 * 8 * 100
    assert held[-1] - held[0] < 100_000  # bytes, over 3,200 calls


@pytest.mark.parametrize("size", [2_000_000, 17_000_000])
def test_a_line_of_a_stream_is_read_in_one_pass_up_to_16_mb(size: int) -> None:
    """A line that never ends: each piece is looked at once, and what is over 16 MB is a bad reply."""
    model = open_model("openai/x", environment={}, base="http://127.0.0.1:9")
    assert isinstance(model, Compatible)
    piece = b"data: " + b"x" * 9_994

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // len(piece)):
            yield piece

    async def lines() -> list[int]:
        return [len(line) async for line in model._events(pieces())]

    if size < 16_000_000:
        assert run(lines()) == [size - len("data:") - 1]
    else:
        error = run(failure(lines()))
        assert isinstance(error, BadReply)
        assert error.maybe_billed


def test_a_provider_that_asks_for_no_pause_each_time_is_not_asked_again_at_once() -> None:
    """Some say `Retry-After: 0` until their minute is over; nine attempts would be made in the first seconds of it."""
    retries, tries = Retries(backoff=0.5), Tries()
    model = open_model("openai/scripted", environment={}, base="http://localhost:1/v1")

    async def waits() -> list[float | None]:
        again = RateLimited("busy", retry_after=0.0)
        return [retries.wait(again, model, tries, None) for _ in range(10)]

    *waited, last = run(waits())
    assert last is None
    assert sum(wait or 0 for wait in waited) > 60


def test_the_last_answer_waits_in_the_time_that_is_kept_for_it() -> None:
    """Past --max-time less its reserve, a last answer that must wait for a call under way is not refused for it."""

    async def wait() -> None:
        now = [0.0]
        ledger = Ledger(Limits(max_cost=1.0, max_time=100.0), clock=lambda: now[0])
        hold = await ledger.reserve(cost=0.9, tokens=1)
        now[0] = 95.0  # ten seconds are kept
        last = asyncio.create_task(ledger.reserve(cost=0.5, tokens=1, last=True))
        await asyncio.sleep(0.05)
        assert not last.done()
        ledger.settle(hold, cost=0.1, tokens=1)
        assert (await last).cost == 0.5

    run(wait())
