"""A recorded run is a model too: it gives its replies again, and names the first difference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from rlm_cli.errors import InputError, Refused, ReplayDiverged
from rlm_cli.events import MessageAdded, Record
from rlm_cli.gate import Gate, Request
from rlm_cli.ledger import Ledger, Limits
from rlm_cli.models import Message, Options, Reply
from rlm_cli.models.registry import open_model
from tests.calls import calls, failure, run
from tests.server import Ask, Item, Say, ScriptedServer, Status

OPTIONS = Options(max_tokens=10)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Two root calls and three sub-calls, one of which failed; the last line is torn."""

    def script(ask: Ask) -> Item:
        return Status(400, "no such thing") if ask.text == "bad" else f"re: {ask.text}"

    events = []
    with ScriptedServer(script) as server, calls(server) as gate:
        for text in ("first, 12.5 s left", "second, 3 s left"):
            message = MessageAdded(node="0", turn=1, role="user", content=text)
            gate.events.append(message)
            said = [Message("user", event.content) for event in gate.of("message")]
            run(gate.ask(purpose="root", messages=tuple(said)))
        for text in ("part 1", "part 2"):
            run(gate.ask(text))
        run(failure(gate.ask("bad")))
        events = gate.events
    path = tmp_path / "run.jsonl"
    lines = [Record(number, 0.0, "", event).to_line() for number, event in enumerate(events, start=1)]
    path.write_bytes(b"".join(lines) + b'{"seq": 99, "t')
    return path


def said(*texts: str) -> list[Message]:
    return [Message("user", text) for text in texts]


def test_replies_come_again_also_where_numbers_differ(journal: Path) -> None:
    model = open_model(f"replay/{journal}")
    pieces: list[str] = []
    reply = run(model.reply(said("first, 7.25 s left"), Options(max_tokens=1, on_text=pieces.append)))
    assert reply.text == "".join(pieces) == "re: first, 12.5 s left"
    assert run(model.reply(said("first, 12.5 s left", "second, 1 s left"), OPTIONS)).text == "re: second, 3 s left"
    assert run(model.reply(said("part 2"), OPTIONS)).text == "re: part 2"
    assert run(model.reply(said("part 1"), OPTIONS)).text == "re: part 1"
    assert "no such thing" in str(run(failure(model.reply(said("bad"), OPTIONS))))


def test_the_first_difference_is_named(journal: Path) -> None:
    model = open_model(f"replay/{journal}")
    run(model.reply(said("first, 12.5 s left"), OPTIONS))
    error = run(failure(model.reply(said("first, 12.5 s left", "another thing"), OPTIONS)))
    assert isinstance(error, ReplayDiverged)
    assert "message 2, character 0: was 'second, 3 s left', is 'another thing'" in error.message
    with pytest.raises(ReplayDiverged):
        run(model.reply(said("first, 12.5 s left"), OPTIONS))  # each reply is given once


def test_a_recording_that_is_not_there() -> None:
    with pytest.raises(InputError, match="nowhere"):
        open_model("replay/nowhere.jsonl")


def test_what_an_earlier_part_of_the_run_holds_is_neither_sent_nor_told_again() -> None:
    class First:
        def reply(
            self, purpose: str, node: str, turn: int, cell: str | None, slot: int | None, messages: Sequence[Message]
        ) -> Reply | None:
            return Reply(text="known") if (purpose, node, turn, cell, slot) == ("sub", "0", 2, "0/2.1", 3) else None

    with ScriptedServer(["new"]) as server:
        events: list[object] = []
        model = open_model("openai/x", environment={}, base=server.url)
        gate = Gate(model, ledger=Ledger(Limits()), emit=events.append, earlier=First(), first_call=7)
        request = Request(purpose="sub", messages=said("x"), turn=2, cell="0/2.1", slot=3)
        assert run(gate.ask(request)).text == "known"
        assert events == []
        assert gate.ledger.spent.calls == 0
        new = Request(purpose="sub", messages=said("x"), turn=2, cell="0/2.1", slot=4)
        assert run(gate.ask(new)).text == "new"
        assert events[0].call == "c7"  # type: ignore[attr-defined]
        run(gate.close())


def test_a_recorded_refusal_is_a_refusal(tmp_path: Path) -> None:
    with ScriptedServer([Say(None, refusal="no")]) as server, calls(server) as gate:
        run(failure(gate.ask("please")))
    path = tmp_path / "r.jsonl"
    path.write_bytes(b"".join(Record(n, 0.0, "", event).to_line() for n, event in enumerate(gate.events, 1)))
    assert isinstance(run(failure(open_model(f"replay/{path}").reply(said("please"), OPTIONS))), Refused)
