"""Nothing that a run does costs more than its limits: on a server that bills what it is asked for, overspend is zero."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rlm_cli.errors import Interrupted, LimitReached, OutOfTime, RlmError
from rlm_cli.events import CallFailed, Event, Record, RunResumed, RunStarted
from rlm_cli.figures import money
from rlm_cli.gate import Gate, Request
from rlm_cli.ledger import Ledger, Limits
from rlm_cli.models import Message, Price, Usage
from rlm_cli.models.prices import cost, listed, worst_cost
from rlm_cli.models.registry import open_model
from rlm_cli.recording import Past
from rlm_cli.resuming import restore
from tests.calls import CLIENTS, QUIET, Calls, calls, failure, run
from tests.conftest import RunRlm
from tests.server import Broken, Item, Say, ScriptedServer, Status

pytestmark = QUIET

PRICE = Price(3.0, 15.0)  # dollars per million tokens
PROSE = "The quick brown fox jumps over the lazy dog, and nobody knows why it does so. " * 40
DEPTHS = ("0", "0.1", "0.1.3")


@pytest.mark.parametrize("node", DEPTHS, ids=["root", "child", "grandchild"])
@pytest.mark.parametrize("limit", ["cost", "tokens", "calls", "time"])
def test_no_limit_is_passed_at_any_depth(limit: str, node: str) -> None:
    """The server bills every call in full; what it billed, and when, is within the limit to the last token."""
    bounds: dict[str, Any] = {
        "cost": {"max_cost": 0.2, "price": PRICE},
        "tokens": {"max_tokens": 40_000},
        "calls": {"max_calls": 7},
        "time": {"max_time": 0.6},
    }[limit]
    with ScriptedServer(lambda _: "ok", latency=0.05, greedy=True) as server, calls(server, **bounds) as gate:

        async def spend() -> LimitReached:
            began = asyncio.get_running_loop().time()
            while True:
                asked = (gate.ask(f"{number} {PROSE}", node=node) for number in range(5))
                for result in await asyncio.gather(*asked, return_exceptions=True):
                    if isinstance(result, LimitReached):
                        assert asyncio.get_running_loop().time() - began < 5
                        return result
                    assert not isinstance(result, BaseException), result

        reached = run(spend())
        assert reached.limit == limit
        assert isinstance(reached, OutOfTime) is (limit == "time")
        assert server.dollars(input=PRICE.input, output=PRICE.output) <= bounds.get("max_cost", 9)
        assert sum(server.billed) <= bounds.get("max_tokens", 9_000_000)
        assert len(server.asks) <= bounds.get("max_calls", 9_000)
        left = gate.gate.ledger.left().to_json()["seconds" if limit == "time" else limit]
        assert left >= 0


async def until_refused(gate: Calls, most: int = 400, **given: Any) -> tuple[int, LimitReached]:
    """Ask in groups, at three depths, until a limit stops it: (replies, the error)."""
    done = 0
    while done < most:
        asked = (
            gate.ask(f"{done} {n} {PROSE}", node=DEPTHS[n % 3], cell=f"{DEPTHS[n % 3]}/1.1", slot=n, **given)
            for n in range(12)
        )
        for result in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(result, LimitReached):
                return done, result
            assert not isinstance(result, BaseException), result
            done += 1
    raise AssertionError("no limit was reached")


@pytest.mark.parametrize("client", CLIENTS, ids=["direct", "litellm"])
@pytest.mark.parametrize("greedy", [True, False], ids=["full replies", "short replies"])
def test_cost_is_never_overspent(client: str, greedy: bool) -> None:
    with ScriptedServer(lambda _: "short", greedy=greedy) as server:  # noqa: SIM117
        with calls(server, client, price=PRICE, max_cost=0.25) as gate:
            done, error = run(until_refused(gate))
    bill = server.dollars(input=PRICE.input, output=PRICE.output)
    assert error.limit == "cost"
    assert "--max-cost" in error.hint
    assert done > (2 if greedy else 20)  # the worst case is given back when the call turns out cheaper
    assert bill <= 0.25
    assert gate.gate.ledger.spent.cost == pytest.approx(bill)
    assert sum(event.cost for event in gate.of("call.finished")) == pytest.approx(bill)


def test_tokens_are_never_overspent_where_no_price_is_known() -> None:
    with ScriptedServer(lambda _: "short", greedy=True) as server, calls(server, max_cost=1, max_tokens=60_000) as gate:
        _, error = run(until_refused(gate))
    assert error.limit == "tokens"
    assert sum(server.billed) <= 60_000
    assert gate.gate.ledger.spent.unpriced == len(server.asks)
    assert gate.gate.ledger.spent.cost == 0


def test_a_cost_that_the_provider_reports_counts_where_no_price_is_known() -> None:
    with ScriptedServer(lambda _: Say("ok", cost=0.25)) as server, calls(server, max_cost=1.0, jobs=1) as gate:
        done, error = run(until_refused(gate))
    assert (done, error.limit) == (4, "cost")
    assert gate.gate.ledger.spent.cost == 1.0


def test_calls_are_never_overspent() -> None:
    with ScriptedServer(lambda _: "ok") as server, calls(server, max_calls=31) as gate:
        done, error = run(until_refused(gate))
        assert (done, error.limit) == (30, "calls")  # one is kept for the last answer
        assert run(gate.ask("the last", purpose="extract")).text == "ok"
        assert isinstance(run(failure(gate.ask("one more", purpose="extract"))), LimitReached)
    assert len(server.asks) == 31


def test_time_is_never_overspent() -> None:
    now = [0.0]
    with (
        ScriptedServer(lambda _: Broken("hang")) as server,
        calls(server, price=PRICE, max_time=100.0, call_time=99.0, clock=lambda: now[0]) as gate,
    ):
        now[0] = 89.7  # the last ten seconds are kept for the last answer
        assert isinstance(run(failure(gate.ask())), OutOfTime)
        now[0] = 90.0
        assert isinstance(run(failure(gate.ask())), OutOfTime)
        assert len(server.asks) == 1
        now[0] = 99.7
        assert isinstance(run(failure(gate.ask("the last", purpose="extract"))), OutOfTime)
        now[0] = 100.0
        assert isinstance(run(failure(gate.ask("one more", purpose="extract"))), OutOfTime)
        told = sum(event.reserved for event in gate.of("call.started"))
        assert told > 0
        assert gate.gate.ledger.spent.maybe == pytest.approx(told)  # what was under way may be billed
    assert len(server.asks) == 2


@pytest.mark.parametrize(
    "fault",
    [Broken("reset"), Broken("cut"), Broken("empty"), Broken("hang"), Status(503), Say(None)],
    ids=["reset", "cut", "empty", "hang", "503", "null content"],
)
@pytest.mark.parametrize("client", CLIENTS, ids=["direct", "litellm"])
def test_failures_that_may_be_billed_are_counted(client: str, fault: Item) -> None:
    """The server bills every reply that it began, whether or not it arrived."""
    turns = [fault, "fine"]
    with (
        ScriptedServer(lambda ask: turns[ask.number % 2], greedy=True) as server,
        calls(server, client, price=PRICE, max_cost=0.5, call_time=0.1 if fault == Broken("hang") else 10.0) as gate,
    ):
        _, error = run(until_refused(gate, most=100))
    assert error.limit == "cost"
    assert server.dollars(input=PRICE.input, output=PRICE.output) <= gate.gate.ledger.spent.cost <= 0.5
    told = sum(event.cost or 0 for event in gate.events if event.type in ("call.finished", "call.failed"))
    assert told == pytest.approx(gate.gate.ledger.spent.cost)


def test_a_cancelled_call_counts_as_billed() -> None:
    with ScriptedServer(lambda _: "ok", latency=5) as server, calls(server, price=PRICE, max_cost=1.0) as gate:

        async def cancelled() -> None:
            task = asyncio.create_task(gate.ask())
            while not server.asks:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        run(cancelled())
        (failed,) = gate.of("call.failed")
        assert failed.error == "Interrupted"
        assert failed.cost == gate.gate.ledger.spent.maybe == gate.of("call.started")[0].reserved


def test_the_reserve_is_for_the_last_answer_of_the_root_alone() -> None:
    with ScriptedServer(lambda _: "ok", greedy=True) as server, calls(server, price=PRICE, max_cost=0.3) as gate:
        run(until_refused(gate))
        assert isinstance(run(failure(gate.ask("more", purpose="root"))), LimitReached)
        assert isinstance(run(failure(gate.ask("a child's", purpose="extract", node="0.1"))), LimitReached)
        assert run(gate.ask("the last " + PROSE, purpose="extract")).text == "ok"
    assert server.dollars(input=PRICE.input, output=PRICE.output) <= 0.3


def test_the_reserve_of_tokens_is_for_the_last_answer_too() -> None:
    with ScriptedServer(lambda _: "ok", greedy=True) as server, calls(server, max_tokens=60_000, jobs=1) as gate:
        run(until_refused(gate))
        spent = gate.gate.ledger.spent.tokens
        assert 30_000 < spent <= 60_000 * 3 // 4  # a quarter is kept
        assert run(gate.ask("the last " + PROSE, purpose="extract")).text == "ok"
        assert gate.gate.ledger.left().to_json()["tokens"] == 60_000 - gate.gate.ledger.spent.tokens  # it is used up
    assert sum(server.billed) <= 60_000


def test_a_call_that_is_tried_again_is_one_call() -> None:
    turns: list[Item] = [Broken("reset"), Status(503), "fine"]
    with ScriptedServer(lambda ask: turns[ask.number % 3]) as server, calls(server, max_calls=3) as gate:
        assert [run(gate.ask(f"{n}")).text for n in range(2)] == ["fine"] * 2
        assert gate.gate.ledger.spent.calls == 2
        assert isinstance(run(failure(gate.ask())), LimitReached)  # the third one is kept for the last answer
    assert len(server.asks) == 6


def test_a_call_that_was_refused_gives_back_what_was_reserved_for_it() -> None:
    with ScriptedServer([Status(401)]) as server, calls(server, price=PRICE, max_cost=1.0) as gate:
        before = gate.gate.ledger.cost_left()
        assert isinstance(run(failure(gate.ask())), RlmError)
        assert gate.gate.ledger.cost_left() == before


def test_near_the_limit_a_shorter_reply_is_asked_for() -> None:
    with ScriptedServer(lambda _: "ok", greedy=True) as server, calls(server, price=PRICE, max_cost=0.25) as gate:
        run(until_refused(gate))
    asked = [ask.max_tokens or 0 for ask in server.asks]
    assert max(asked) == 4096
    assert 1024 <= min(asked) < 4096


def test_a_call_that_fits_only_when_others_settle_waits_for_them() -> None:
    """Sixteen worst cases do not fit at once, sixteen true costs do: all are made."""
    with ScriptedServer(lambda _: "short", latency=0.02) as server:  # noqa: SIM117
        with calls(server, price=PRICE, max_cost=0.25, jobs=16) as gate:

            async def many() -> None:
                await asyncio.gather(*(gate.ask(f"{n}") for n in range(16)))

            run(many())
    assert len(server.asks) == 16
    assert server.peak < 16


@pytest.mark.parametrize("client", CLIENTS, ids=["direct", "litellm"])
def test_a_provider_that_gives_up_early_does_not_end_the_time_of_the_run(client: str) -> None:
    """A 408 comes when the provider likes: the time that a call may take is not over, also where it is the run's."""
    turns: list[Item] = [Status(408, "gave up waiting"), "fine"]
    with ScriptedServer(turns) as server, calls(server, client, max_time=60.0, call_time=120.0) as gate:
        assert run(gate.ask()).text == "fine"
        assert gate.types() == ["call.started", "call.retried", "call.finished"]


def test_a_call_that_is_stopped_while_it_waits_for_room_is_never_sent() -> None:
    """Room comes at that very moment: a call that pauses for the provider is stopped too, and gives back what it held."""
    busy = Status(429, retry_after=60)
    with (
        ScriptedServer(lambda _: busy) as server,
        calls(server, price=PRICE, max_cost=0.1, max_time=600.0) as gate,
    ):

        async def stopped() -> list[Any]:
            asking = [asyncio.create_task(gate.ask(str(number))) for number in range(12)]
            while not gate.of("call.retried"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            gate.gate.stop(Interrupted("stopped by you"))
            async with asyncio.timeout(30):
                return await asyncio.gather(*asking, return_exceptions=True)

        ends = run(stopped())
    assert [type(end) for end in ends] == [Interrupted] * 12
    assert len(server.asks) == len(gate.of("call.started")) == 1


def test_a_cancelled_reservation_holds_nothing_though_room_comes_at_the_same_moment() -> None:
    ledger = Ledger(Limits(max_cost=1.0))

    async def cancelled() -> None:
        first = await ledger.reserve(cost=0.9, tokens=1)
        second = asyncio.create_task(ledger.reserve(cost=0.9, tokens=1))
        for _ in range(3):  # until it waits
            await asyncio.sleep(0)
        second.cancel()
        ledger.release(first)
        with pytest.raises(asyncio.CancelledError):
            await second

    run(cancelled())
    assert ledger.cost_left() == 1.0


def test_a_limit_that_fits_nothing_sends_nothing() -> None:
    with ScriptedServer(lambda _: "ok") as server, calls(server, price=PRICE, max_cost=0.001) as gate:
        error = run(failure(gate.ask(PROSE)))
    assert isinstance(error, LimitReached)
    assert not server.asks
    assert gate.events == []


def test_bounds_learn_from_a_tokenizer_that_counts_more() -> None:
    """After the first reply nothing is reserved below what the provider counts."""

    def script(ask: Any) -> Item:
        return Say("ok", input_tokens=2 * len(ask.text))

    with ScriptedServer(script) as server, calls(server, price=PRICE) as gate:
        for n in range(3):
            run(gate.ask(PROSE + str(n)))
        first, *later = gate.of("call.started")
        assert first.reserved < later[-1].reserved
        billed = 2 * len(PROSE) * PRICE.input / 1e6
        assert all(event.reserved >= billed for event in later)


def test_what_is_left_is_told() -> None:
    ledger = Ledger(Limits(max_cost=2.0, max_tokens=1000, max_calls=9, max_time=60), clock=lambda: 0.0)
    assert ledger.left().to_json() == {"cost": 2.0, "tokens": 1000, "calls": 9, "seconds": 54}
    assert str(ledger.left()) == "$2.0000, 1,000 tokens, 9 calls, 54 s"
    ledger.restore(cost=0.5, tokens=100, calls=2, seconds=10)
    assert ledger.left().to_json() == {"cost": 1.5, "tokens": 900, "calls": 7, "seconds": 44}
    ledger.restore(cost=-9.0, tokens=-9, calls=-9, seconds=-9)  # a record of nobody knows where
    assert ledger.left().to_json() == {"cost": 1.5, "tokens": 900, "calls": 7, "seconds": 44}
    assert str(Ledger(Limits(max_cost=None, max_tokens=None, max_calls=None, max_time=None)).left()) == "no limits"


@given(
    st.floats(0.001, 2.0),
    st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 1), st.sampled_from(["settle", "lose", "release", "hold"]))),
)
def test_no_order_of_calls_overspends(cap: float, plan: list[tuple[float, float, str]]) -> None:
    async def play() -> None:
        ledger = Ledger(Limits(max_cost=cap, max_time=None), clock=lambda: 0.0)
        ledger.keep(cost=0.1, tokens=100)
        for most, share, end in plan:
            try:
                hold = await asyncio.wait_for(ledger.reserve(cost=most, tokens=10), 0.001)
            except (LimitReached, TimeoutError):
                continue
            if end == "settle":
                ledger.settle(hold, cost=most * share, tokens=10)
            elif end == "lose":
                ledger.lose(hold)
            elif end == "release":
                ledger.release(hold)
        held = sum(hold.cost or 0.0 for hold in ledger._holds)
        assert ledger.spent.cost + held <= cap
        assert (ledger.cost_left() or 0.0) >= 0

    asyncio.run(play())


async def a_part_of_a_run(url: str, cap: dict[str, Any], journal: list[Event], dies_after: int) -> None:
    """Make calls until the limit or the death; what is on record of earlier parts is counted first."""
    started = RunStarted(run="r", version="", question="", sources=[], root_model="m", sub_model="m")
    past = Past.read(lambda: [Record(n, 0.0, "", event) for n, event in enumerate([started, *journal], start=1)])
    ledger = Ledger(Limits(max_calls=None, max_time=None, jobs=3, **cap))
    restore(past, ledger)
    journal.append(RunResumed(run="r", after=past.seq))
    for call in past.lost:
        tokens = call.reserved_tokens
        journal.append(CallFailed(call=call.call, error="Lost", message="", cost=call.reserved, tokens=tokens))
    last = len(journal) + dies_after

    def record(event: Event) -> None:
        if len(journal) >= last:
            raise RuntimeError("the process is gone: nothing is recorded any more")
        journal.append(event)

    model = open_model("openai/m", environment={}, base=url, price=PRICE if cap["max_cost"] else None)
    gate = Gate(model, ledger=ledger, emit=record, call_time=0.2, backoff=0.001, first_call=past.last_call + 1)
    try:
        for number in range(12):
            request = Request(purpose="sub", messages=(Message("user", PROSE + str(number)),), max_tokens=2_000)
            await asyncio.gather(*(gate.ask(request) for _ in range(3)), return_exceptions=True)
            if len(journal) >= last:
                return
        request = Request(purpose="extract", messages=(Message("user", PROSE),), max_tokens=2_000)
        await asyncio.gather(gate.ask(request), return_exceptions=True)  # what was kept for it is spent too
    finally:
        await gate.close()


FAULTS: list[Item] = ["fine", "fine", Broken("reset"), Broken("empty"), Status(503), Broken("cut"), Say(None)]


@settings(max_examples=25)
@example([Broken("reset")] * 3, [4] * 8, {"max_cost": 0.2, "max_tokens": None})
@example([Broken("reset")] * 3, [4] * 8, {"max_cost": None, "max_tokens": 25_000})
@given(
    st.lists(st.sampled_from(FAULTS), min_size=1, max_size=9),
    st.lists(st.integers(1, 25), min_size=2, max_size=8),
    st.sampled_from([{"max_cost": 0.2, "max_tokens": None}, {"max_cost": None, "max_tokens": 25_000}]),
)
def test_failures_kills_and_resumes_together_never_overspend(
    script: list[Item], deaths: list[int], cap: dict[str, Any]
) -> None:
    """On a server that bills all that it begins to answer, in full, over every part of a run that is killed."""
    journal: list[Event] = []
    with ScriptedServer(lambda ask: script[ask.number % len(script)], greedy=True) as server:
        for dies_after in (*deaths, 10_000):
            run(a_part_of_a_run(server.url, cap, journal, dies_after))
        assert server.dollars(input=PRICE.input, output=PRICE.output) <= (cap["max_cost"] or 9)
        assert sum(server.billed) <= (cap["max_tokens"] or 9_000_000)


def test_prices_of_every_kind_of_token() -> None:
    price = Price(10.0, 20.0, cached=1.0, cache_write=12.5, above=(1000, Price(100.0, 200.0)))
    usage = Usage(input_tokens=1000, output_tokens=100, cached_tokens=600, cache_write_tokens=300, reasoning_tokens=90)
    assert cost(price, usage) == pytest.approx((100 * 10 + 600 * 1 + 300 * 12.5 + 100 * 20) / 1e6)
    assert worst_cost(price, 1000, 100) == pytest.approx((1000 * 12.5 + 100 * 20) / 1e6)
    assert worst_cost(price, 1001, 100) == pytest.approx((1001 * 100 + 100 * 200) / 1e6)


@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 4000), st.integers(0, 4000))
def test_the_worst_case_is_never_below_the_cost(given_: int, made: int, cached: int, written: int) -> None:
    for price in (Price(3, 15), Price(3, 15, 0.3, 3.75), Price(1, 2, 0.5, None, (1000, Price(2, 4, 1, 5)))):
        usage = Usage(input_tokens=given_, output_tokens=made, cached_tokens=cached, cache_write_tokens=written)
        assert 0 <= cost(price, usage) <= worst_cost(price, given_, made) * (1 + 1e-12)


def test_list_prices_are_read_without_litellm() -> None:
    entry = listed("anthropic/claude-sonnet-4-5")
    assert entry is not None
    assert entry.price is not None
    assert entry.price.input > 0
    assert entry.price.cached is not None
    assert entry.window == 200_000
    zero = listed("groq/whisper-large-v3") or listed("ollama/llama3")
    assert zero is None or zero.price is None  # a price of zero means that nobody knows
    other = listed("github_copilot/gpt-5")
    assert other is None or other.price is None  # not what OpenAI asks for a model of that name
    assert listed("no/such-model") is None


def test_a_dry_run_prices_the_input_for_each_model_that_may_read_it(rlm: RunRlm, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("four" * 1_000_000)  # a million tokens
    words = ["ask", tmp_path / "a.txt", "what?", "--dry-run", "-m", "openai/gpt-5"]
    told = rlm(*words, "-s", "openai/gpt-5-mini").stdout
    for what, name in (("model", "gpt-5"), ("sub-model", "gpt-5-mini")):
        entry = listed(name)
        assert entry is not None
        assert entry.price is not None
        assert f"{what} openai/{name}; reading all of it once would cost about {money(entry.price.input)}\n" in told
    assert rlm(*words).stdout.count("would cost") == 1
    assert rlm(*words, "--json").json["sub_model"] == "openai/gpt-5"


def test_a_quote_is_no_call() -> None:
    with ScriptedServer() as server, calls(server, price=PRICE, max_cost=1) as gate:
        quote = gate.gate.quote(Request(purpose="sub", messages=[Message("user", PROSE)]))
        assert quote.cost == worst_cost(PRICE, quote.most_input, 4096)
        assert gate.gate.ledger.cost_left() == pytest.approx(1 - gate.gate.ledger._kept_cost)
    assert not server.asks


def test_a_cell_cannot_call_a_model_that_the_run_does_not_have() -> None:
    with ScriptedServer() as server, calls(server) as gate:
        error = run(failure(gate.ask(model="openai/gpt-5-pro")))
        assert isinstance(error, RlmError)
        assert "openai/scripted" in error.hint
    assert not server.asks


def test_a_prompt_is_held_against_the_window_of_the_model_that_it_is_for() -> None:
    small, large = (
        open_model(f"openai/{name}", environment={}, base="http://localhost:1/v1", window=window)
        for name, window in (("small", 8_000), ("large", 1_000_000))
    )
    gate = Gate(large, small, ledger=Ledger(Limits()), emit=lambda _: None)
    windows = [gate.window(), *(gate.window(name) for name in ("sub", "root", "openai/large"))]
    assert windows == [8_000, 8_000, 1_000_000, 1_000_000]


def test_the_clock_stands_while_an_earlier_part_is_lived_through_again() -> None:
    now = [100.0]
    ledger = Ledger(Limits(max_time=60), clock=lambda: now[0])
    ledger.restore(seconds=20)
    now[0] += 1_000
    assert ledger.elapsed == 20
    ledger.go()
    now[0] += 5
    ledger.go()
    assert ledger.elapsed == 25
