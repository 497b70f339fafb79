"""Whatever a provider does on the wire, a call ends in a reply or in one clear sentence of the right kind."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import Any

import pytest

from rlm_cli.errors import (
    AuthError,
    BadReply,
    BadRequest,
    CallTimedOut,
    ContextTooLong,
    ExitStatus,
    ModelNotFound,
    RateLimited,
    Refused,
    RlmError,
    ServerFailed,
    Unreachable,
    UsageError,
)
from rlm_cli.models import Message, compatible
from rlm_cli.models.registry import open_model
from tests import server as wire
from tests.calls import CLIENTS, KEY, QUIET, calls, failure, run
from tests.server import Ask, Broken, Item, Say, ScriptedServer, Status

pytestmark = QUIET

STREAMS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
EACH_CLIENT = pytest.mark.parametrize("client", CLIENTS, ids=["direct", "litellm"])


def asked(
    script: Any, client: str, *, stream: bool = False, call_time: float = 10.0
) -> tuple[Any, ScriptedServer, list[str]]:
    """What one call ends with, the server, and the types of the events."""
    pieces: list[str] = []
    with ScriptedServer(script) as server, calls(server, client, call_time=call_time) as gate:

        async def ask() -> Any:
            try:
                return await gate.ask(on_text=pieces.append if stream else None)
            except RlmError as error:
                return error

        result = run(ask())
        return result, server, gate.types()


# fault, what it becomes, how many requests are made
LASTING: list[tuple[str, Item, type[RlmError], int]] = [
    ("503 for ever", Status(503, "overloaded"), ServerFailed, 6),
    ("500 for ever", Status(500), ServerFailed, 6),
    ("HTML error page", wire.html(), ServerFailed, 6),
    ("429 for ever", Status(429, "slow down", "rate_limit_error", retry_after=0.01), RateLimited, 10),
    ("401", wire.unauthorized("sk-ab***"), AuthError, 1),
    ("403", Status(403, "your key may not do this"), AuthError, 1),
    ("400 too long", wire.too_long(), ContextTooLong, 1),
    ("400 for another reason", Status(400, "bad value for n", "invalid_request_error"), BadRequest, 1),
    ("400 content policy", Status(400, "violates our content policy", reason="content_policy_violation"), Refused, 1),
    ("wrong model name", wire.wrong_model("scripted"), ModelNotFound, 1),
    ("no credit", Status(429, "You exceeded your current quota", reason="insufficient_quota"), BadRequest, 1),
    ("reset before the first byte", Broken("reset_early"), Unreachable, 5),
    ("reset in the middle", Broken("reset"), Unreachable, 5),
    ("no HTTP", Broken("banner"), Unreachable, 5),
    ("empty body", Broken("empty"), BadReply, 3),
    ("invalid JSON", Broken("not_json"), BadReply, 3),
    ("HTML with 200", Broken("html"), BadReply, 3),
    ("JSON without choices", Broken("no_choices"), BadReply, 3),
    ("null content", Say(None), BadReply, 3),
    ("an error of nothing but brackets", Status(500, body="[" * 60_000), ServerFailed, 6),
]


@EACH_CLIENT
@pytest.mark.parametrize(
    ("fault", "becomes", "requests"), [row[1:] for row in LASTING], ids=[row[0] for row in LASTING]
)
def test_a_lasting_fault_ends_in_one_sentence(fault: Item, becomes: type[RlmError], requests: int, client: str) -> None:
    result, server, events = asked(lambda _: fault, client)
    assert type(result) is becomes, result
    assert len(server.asks) == requests
    assert events == ["call.started"] + ["call.retried"] * (requests - 1) + ["call.failed"]
    assert "scripted" in result.message  # which model
    assert "\n" not in result.message
    assert KEY not in result.message + result.hint
    assert "/completions" not in result.message  # the whole address may have a query with a secret
    assert result.status == (ExitStatus.AUTH if becomes is AuthError else ExitStatus.PROVIDER)


def test_a_try_that_failed_is_told_by_its_number() -> None:
    """The display counts on from there: it said "try 4" of the third request."""
    with ScriptedServer([Status(500), Status(500), "there it is"]) as server, calls(server) as gate:
        run(gate.ask())
        assert [event.attempt for event in gate.of("call.retried")] == [1, 2]


@EACH_CLIENT
@STREAMS
@pytest.mark.parametrize(
    "fault",
    [Status(500), Status(503), Status(429, retry_after=0.05), Status(429), Broken("reset"), Say(None), wire.html()],
    ids=["500", "503", "429 with Retry-After", "429", "reset", "null content", "HTML"],
)
def test_a_passing_fault_is_survived(fault: Item, client: str, stream: bool) -> None:
    result, server, events = asked([fault, fault, "there it is"], client, stream=stream)
    assert result.text == "there it is"
    assert len(server.asks) == 3
    assert events == ["call.started", "call.retried", "call.retried", "call.finished"]


@EACH_CLIENT
def test_a_stream_that_is_cut_is_asked_for_again(client: str) -> None:
    result, server, _ = asked([Broken("cut"), "whole"], client, stream=True)
    assert result.text == "whole"
    assert len(server.asks) == 2


@pytest.mark.parametrize("kind", ["late_cut", "late_hang"])
def test_a_stream_that_breaks_after_its_end_is_no_lost_reply(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compatible, "USAGE_SECONDS", 0.2)
    began = time.monotonic()
    result, server, _ = asked(lambda _: Broken(kind), "openai/scripted", stream=True, call_time=300.0)
    assert (result.text, result.finish, result.usage.counted_here) == ("all of it", "stop", True)
    assert len(server.asks) == 1
    assert time.monotonic() - began < 60  # far below --call-time, which it waited for


def test_empty_events_are_signs_of_life() -> None:
    result, server, _ = asked([Say("all of it", alive=True)], CLIENTS[0], stream=True)
    assert result.text == "all of it"
    assert len(server.asks) == 1


@STREAMS
@pytest.mark.parametrize("reason", ["error", "abort", "insufficient_system_resource"])
def test_what_the_server_broke_off_is_no_reply(reason: str, stream: bool) -> None:
    """The half of it would go into the memory as the whole."""
    result, server, events = asked([Say("half of", finish=reason), "half of it"], CLIENTS[0], stream=stream)
    assert result.text == "half of it"
    assert events == ["call.started", "call.retried", "call.finished"]
    assert len(server.asks) == 2


def test_a_byte_that_is_no_text_costs_a_character_and_not_the_reply() -> None:
    body = '{"choices": [{"message": {"content": "caf\udce9"}}]}'
    result, server, _ = asked(lambda _: Status(200, body=body), "openai/scripted")
    assert result.text == "caf\ufffd"
    assert len(server.asks) == 1


@EACH_CLIENT
@STREAMS
def test_a_hang_ends_with_the_time_of_the_call(client: str, stream: bool) -> None:
    began = time.monotonic()
    result, server, _ = asked(
        lambda ask: "late but whole" if ask.number else Broken("hang"), client, stream=stream, call_time=1.0
    )
    assert result.text == "late but whole"
    assert len(server.asks) >= 2  # on a busy machine a whole reply may be late too
    assert time.monotonic() - began >= 1.0  # a bound from below: it did wait


@EACH_CLIENT
def test_a_trickle_does_not_reset_the_clock(client: str) -> None:
    result, server, _ = asked(lambda _: Broken("trickle", delay=0.05), client, call_time=0.3)
    assert type(result) is CallTimedOut
    assert "--call-time" in result.hint
    assert len(server.asks) in (1, 2, 3)  # on a busy machine the time of a try may be over before it leaves


@EACH_CLIENT
def test_nothing_listens_there(client: str) -> None:
    with calls(wire.refused_url(), client) as gate:
        error = run(failure(gate.ask()))
    assert type(error) is Unreachable
    assert "connect" in error.message
    assert "--api-base" in error.hint


def test_no_proxy_is_asked_for_what_runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, wire.refused_url())
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with ScriptedServer(lambda _: "fine") as server:
        for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
            with calls(url) as gate:
                assert run(gate.ask()).text == "fine"
    with calls("http://no-such-host.invalid/v1") as gate:
        error = run(failure(gate.ask()))
    assert type(error) is Unreachable
    assert "proxy" in error.message
    assert "NO_PROXY" in error.hint


@pytest.mark.parametrize(
    "base",
    [
        "http://",
        "ftp://x",
        "http://[::1",
        "http://a:99999/v1",
        "http://h/\r\nX: y",
        f"http://{'a' * 64}/",
        "http://a:b@h/",
    ],
)
@EACH_CLIENT
def test_an_address_that_is_none_is_refused_before_anything_is_sent(base: str, client: str) -> None:
    with pytest.raises(UsageError, match="--api-base"):
        open_model(client, base=base, environment={"OPENAI_API_KEY": KEY})


def test_who_takes_no_connection_has_billed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A firewall that drops what comes: here a queue of connections that is full."""
    monkeypatch.setattr(compatible, "CONNECT_SECONDS", 0.2)
    with contextlib.ExitStack() as open_sockets:
        full = open_sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        with calls(f"http://127.0.0.1:{full.getsockname()[1]}/v1", call_time=60.0) as gate:
            error = run(failure(gate.ask()))
            assert type(error) is Unreachable
            assert gate.gate.ledger.spent.tokens == 0


def test_no_such_host() -> None:
    with calls("http://no-such-host.invalid/v1") as gate:
        error = run(failure(gate.ask()))
    assert type(error) is Unreachable
    assert "no-such-host.invalid" in error.message


@STREAMS
def test_a_huge_reply_is_not_read_to_its_end(stream: bool) -> None:
    result, _, _ = asked(lambda _: Broken("huge", size=30_000_000), "openai/scripted", stream=stream)
    assert type(result) is BadReply
    assert "larger than" in result.message


def test_a_401_in_mid_run_fails_that_call_and_keeps_the_replies_before() -> None:
    with ScriptedServer(["one", "two", wire.unauthorized()]) as server, calls(server, jobs=1) as gate:

        async def three() -> list[Any]:
            return await asyncio.gather(*(gate.ask(str(n)) for n in range(3)), return_exceptions=True)

        one, two, three_ = run(three())
    assert [one.text, two.text] == ["one", "two"]
    assert type(three_) is AuthError
    assert gate.types().count("call.finished") == 2


def test_retry_after_is_obeyed_by_every_call_to_the_model() -> None:
    """One 429 pauses all: nobody else runs into it meanwhile."""
    with ScriptedServer(lambda ask: Status(429, retry_after=0.4) if ask.number == 0 else "ok") as server:  # noqa: SIM117
        with calls(server, jobs=8) as gate:

            async def many() -> None:
                first = asyncio.create_task(gate.ask("first"))
                while not gate.of("call.retried"):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                await asyncio.gather(first, *(gate.ask(str(n)) for n in range(7)))

            run(many())
    refused, *others = server.asks
    assert len(others) == 8
    assert min(ask.at for ask in others) - refused.at >= 0.4


@pytest.mark.parametrize("end", ["closed", "reset"])
def test_connections_that_the_server_gave_up_are_no_failure_and_cost_nothing(end: str) -> None:
    """After a batch as many are kept as were open at once; the next call meets one after another."""
    with ScriptedServer(lambda _: "ok", latency=0.05, gives_up=end) as server, calls(server, jobs=12) as gate:

        async def ask() -> list[Any]:
            return [*await asyncio.gather(*(gate.ask(str(n)) for n in range(12))), await gate.ask("later")]

        replies = run(ask())
        assert [reply.text for reply in replies] == ["ok"] * 13
        assert server.given_up >= server.peak > 5  # a few in a batch may have found a kept one already
        assert len(server.asks) == 13
        assert gate.types().count("call.retried") == 0
        assert gate.gate.ledger.spent.tokens == sum(server.billed)


@pytest.mark.parametrize("refused", ["max_tokens", "response_format"])
def test_calls_that_begin_together_all_learn_what_the_server_does_not_take(refused: str) -> None:
    said = "response_format is not supported" if refused != "max_tokens" else "Use max_completion_tokens instead."
    arrived: list[Ask] = []

    def script(ask: Ask) -> Item:
        arrived.append(ask)
        return Status(400, said, "invalid_request_error", delay=0.1) if refused in ask.body else "ok"

    with ScriptedServer(script) as server, calls(server, jobs=8) as gate:

        async def ask() -> list[Any]:
            return await asyncio.gather(*(gate.ask(str(n), schema={"type": "object"}) for n in range(8)))

        assert [reply.text for reply in run(ask())] == ["ok"] * 8
        assert sum(refused in ask.body for ask in arrived) > 1  # more than one had left before the first was refused


@pytest.mark.parametrize(
    "wait", ["Fri, 31 Dec 99999999999999999999 23:59:59 GMT", "Fri, 31 Dec 2026 23:59:59 +9999999999999999999", "1e999"]
)
def test_a_time_to_wait_that_is_none_is_as_if_it_were_not_said(wait: str) -> None:
    result, server, _ = asked([Status(429, retry_after=wait), "there it is"], CLIENTS[0])
    assert result.text == "there it is"
    assert len(server.asks) == 2


def test_a_pause_longer_than_the_run_has_left_is_not_waited_for() -> None:
    with ScriptedServer(lambda _: Status(429, retry_after=50)) as server, calls(server, max_time=20) as gate:
        error = run(failure(gate.ask()))
    assert type(error) is RateLimited
    assert error.retry_after == 50
    assert len(server.asks) == 1


def test_a_cut_off_reply_says_so() -> None:
    for client in CLIENTS:
        result, _, _ = asked([Say("half an ans", finish="length")], client)
        assert (result.text, result.finish) == ("half an ans", "length")


def test_thinking_that_used_up_the_reply_is_a_cut_off_reply_and_no_fault() -> None:
    result, server, _ = asked([Say(None, finish="length", reasoning="hm, let me see")], "openai/scripted")
    assert (result.text, result.finish) == ("", "length")
    assert len(server.asks) == 1


@pytest.mark.parametrize(
    ("client", "stream"),
    [("openai/scripted", False), ("openai/scripted", True), ("litellm/openai/scripted", False)],
    ids=["direct-whole", "direct-stream", "litellm-whole"],  # litellm drops the refusal of a stream: an empty reply
)
def test_a_refusal_is_no_answer(client: str, stream: bool) -> None:
    result, server, events = asked([Say(None, refusal="I cannot help with that.")], client, stream=stream)
    assert type(result) is Refused
    assert "cannot help" in result.message
    assert len(server.asks) == 1
    assert events == ["call.started", "call.finished"]  # it was a reply, and it was paid


def test_a_filtered_reply_is_no_answer() -> None:
    for client in CLIENTS:
        result, _, _ = asked([Say("", finish="content_filter")], client)
        assert type(result) is Refused


def test_thoughts_are_no_part_of_the_reply() -> None:
    result, _, _ = asked([Say("<think>\nfirst ```python\nrm()\n```</think>\n\nblue")], "openai/scripted")
    assert result.text == "blue"
    result, _, _ = asked([Say("blue", reasoning="the sky")], "openai/scripted", stream=True)
    assert result.text == "blue"


def test_a_parameter_that_the_server_does_not_take_is_left_out() -> None:
    def script(ask: wire.Ask) -> Item:
        if "max_tokens" in ask.body:
            return Status(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        if "response_format" in ask.body:
            return Status(400, "response_format is not supported")
        return "ok"

    with ScriptedServer(script) as server, calls(server) as gate:
        for _ in range(2):
            assert run(gate.ask(schema={"type": "object"})).text == "ok"
    assert len(server.asks) == 4  # it is learned once
    assert server.asks[-1].max_tokens == 4096


def test_usage_that_is_not_reported_is_counted_here_and_marked() -> None:
    for stream in (False, True):
        with ScriptedServer([Say("four words it is", usage=False)]) as server, calls(server) as gate:
            reply = run(gate.ask("how many words?" * 10, on_text=print if stream else None))
        assert reply.usage.counted_here
        assert reply.usage.input_tokens >= 4 * 10  # never below the truth
        assert gate.of("call.finished")[0].counted_here
        assert gate.gate.ledger.spent.tokens == reply.usage.input_tokens + reply.usage.output_tokens


@pytest.mark.parametrize("number", [float("inf"), float("nan"), 1e300, 10**400], ids=["inf", "nan", "1e300", "digits"])
def test_numbers_that_no_call_can_have_are_not_believed(number: Any) -> None:
    for stream in (False, True):
        for said in (Say("x", input_tokens=number, output_tokens=5), Say("x", cost=number)):
            reply, _, _ = asked([said], "openai/scripted", stream=stream)
            assert reply.usage.input_tokens < 100
            assert reply.usage.cost is None


def test_nothing_but_brackets_is_no_reply() -> None:
    whole = Status(200, body="[" * 300_000)
    streamed = Status(200, body="data: " + "[" * 300_000 + "\n\n", content_type="text/event-stream")
    for said in (whole, streamed):
        error, _, _ = asked([said] * 3, "openai/scripted", stream=said is streamed)
        assert isinstance(error, BadReply)


@pytest.mark.parametrize(
    ("client", "stream"),
    [("openai/scripted", False), ("openai/scripted", True), ("litellm/openai/scripted", False)],
    ids=["direct", "direct stream", "litellm"],  # which adds them up itself in a stream
)
def test_thoughts_that_are_told_in_the_total_alone_are_paid(client: str, stream: bool) -> None:
    """As xAI and Gemini report them: below the truth, the bill would pass the limit."""
    result, _, _ = asked([Say("x", input_tokens=100, output_tokens=5, hidden_tokens=300)], client, stream=stream)
    assert (result.usage.input_tokens, result.usage.output_tokens) == (100, 305)


def test_an_error_that_comes_in_pieces_is_read_whole_and_one_that_never_ends_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = "the prompt is longer than it may be, " * 5 + "and that is: context_length_exceeded"
    result, _, _ = asked([Status(400, long, trickle=0.05)], "openai/scripted")
    assert type(result) is ContextTooLong
    monkeypatch.setattr(compatible, "ERROR_SECONDS", 0.2)
    result, _, _ = asked([Status(401, long, trickle=60.0)], "openai/scripted", call_time=60.0)
    assert type(result) is AuthError


def test_reported_details_arrive() -> None:
    say = Say("x", input_tokens=100, output_tokens=50, cached_tokens=60, reasoning_tokens=30)
    for client in CLIENTS:
        for stream in (False, True):
            result, _, _ = asked([say], client, stream=stream)
            usage = result.usage
            assert (usage.input_tokens, usage.output_tokens) == (100, 50)
            assert (usage.cached_tokens, usage.reasoning_tokens) == (60, 30)


def test_litellm_says_nothing_on_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    for item in (wire.unauthorized(), Status(500), Broken("reset"), Say("ok", model="another-name")):
        asked(lambda _, item=item: item, "litellm/openai/scripted")
    assert capfd.readouterr() == ("", "")


def test_the_prefix_of_a_conversation_is_marked_for_the_cache_where_that_helps() -> None:
    messages = [
        Message("system", "rules"),
        Message("user", "question"),
        Message("assistant", "a"),
        Message("user", "b"),
    ]
    marked = [{"type": "text", "text": "rules", "cache_control": {"type": "ephemeral"}}]
    for client in ("litellm/openrouter/anthropic/claude-sonnet-4.5", "litellm/openai/claude-like", "openai/scripted"):
        with ScriptedServer(lambda _: "ok") as server, calls(server, client) as gate:
            run(gate.ask(purpose="root", messages=messages))
            run(gate.ask("a sub-call"))
        root, sub = server.asks
        claude = "openrouter" in client
        assert (root.messages[0]["content"] == marked) is claude
        assert isinstance(root.messages[3]["content"], list) is claude
        assert root.messages[1]["content"] == "question"
        assert sub.messages[0]["content"] == "a sub-call"


def test_text_that_is_no_valid_unicode_gets_there_and_back() -> None:
    with ScriptedServer(lambda ask: ask.text) as server, calls(server) as gate:
        assert (
            run(gate.ask("lone \ud800 surrogate, é, 日本, \x00\x1b")).text == "lone \ud800 surrogate, é, 日本, \x00\x1b"
        )
