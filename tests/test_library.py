"""From Python: one call or a session, texts or paths, tools, events, and errors that hold what there is of an answer."""

from __future__ import annotations

import asyncio
import doctest
import io
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pytest

import rlm_cli.library
from rlm_cli import RLM, Answer, acompletion, completion
from rlm_cli.errors import AuthError, InputError, LimitReached, ProviderError, SchemaError, UsageError
from tests.server import Ask, Broken, Item, ScriptedServer, Status, unauthorized, wrong_model

OFFLINE = "offline/extractive"


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


@pytest.fixture(autouse=True)
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-1234567890")
    monkeypatch.chdir(tmp_path)


def scripted(server: ScriptedServer, **more: Any) -> dict[str, Any]:
    return {"model": "openai/root", "sub_model": "openai/sub", "api_base": server.url, "strategy": "rlm"} | more


def test_the_examples_run_as_they_are() -> None:
    failed, tried = doctest.testmod(rlm_cli.library)
    assert tried > 8
    assert failed == 0


def test_importing_the_package_is_light() -> None:
    code = "import sys, rlm_cli; print([m for m in sys.modules if m.split('.')[0] in ('asyncio', 'rich', 'typer', 'aiohttp', 'dataclasses')])"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        check=True,
    )
    assert done.stdout.strip() == b"[]"


def test_every_kind_of_context(tmp_path: Path) -> None:
    (tmp_path / "way.md").write_text("The shop is behind the mill.\n")
    text = "The shop is behind the mill."
    kinds: list[Any] = [
        tmp_path / "way.md",
        [tmp_path / "way.md"],
        text,
        text.encode(),
        io.StringIO(text),
        io.BytesIO(text.encode()),
        (tmp_path / "way.md").open(),
        {"x.txt": text, "y.txt": io.StringIO("nothing")},
        ["some text", text],
        (path for path in [tmp_path / "way.md"]),
        tmp_path.glob("*.md"),
    ]
    for context in kinds:
        answer = completion("where is the shop?", context, model=OFFLINE)
        assert answer.status == "answered"
        assert [citation.quote for citation in answer.citations] == [text], context
        if hasattr(context, "close"):
            context.close()


def test_a_name_of_a_file_is_not_taken_for_a_text(tmp_path: Path) -> None:
    (tmp_path / "way.md").write_text("x\n")
    with pytest.raises(UsageError, match="name of a file"):
        completion("where?", "way.md", model=OFFLINE)
    with pytest.raises(UsageError, match="not int"):
        completion("where?", 7, model=OFFLINE)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        completion("where?", Path("no/such/file"), model=OFFLINE)
    with pytest.raises(InputError, match="empty"):
        completion("where?", [], model=OFFLINE)
    with pytest.raises(UsageError, match="no option"):
        completion("where?", "text", model=OFFLINE, max_price=3)


def test_nothing_is_written_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    completion("where is the shop?", "The shop is behind the mill.", model=OFFLINE)
    assert capfd.readouterr() == ("", "")


def test_not_found_is_an_answer() -> None:
    with ScriptedServer([cell("print(grep('x'))\nNOT_FOUND('not there')")]) as server:
        answer = completion("where?", "some text", **scripted(server))
    assert (answer.status, str(answer), int(answer.exit_status)) == ("not_found", "not there", 1)
    assert answer.coverage["searched_for"] == [{"grep": "x"}]


def test_a_session_keeps_its_variables_and_sources() -> None:
    script = [
        cell("hits = grep('mill')\nFINAL(f'there {cite(hits[0])}')"),
        cell("FINAL(f'{len(hits)} {cite(hits[0])}')"),
    ]
    with ScriptedServer(script) as server, RLM("The mill.\nThe shop.\n", **scripted(server)) as session:
        first = session.ask("where?")
        second = session.ask("how many?")
        run = session.run
    assert (first.text, second.text) == ("there [1]", "1 [1]")
    assert first.usage["calls"] == 1
    assert second.usage["calls"] == 2
    [journal] = Path("home/runs").glob("*.jsonl")
    assert journal.stem == run


def test_a_value_has_its_schema_for_one_answer_or_for_all() -> None:
    script = [cell("print(context)\nFINAL('words')"), cell("FINAL({'n': 3})"), cell("FINAL('words')")]
    with ScriptedServer(script) as server, RLM("text\n", **scripted(server)) as session:
        assert session.ask("one?").text == "words"
        assert session.ask("two?", schema={"type": "object", "properties": {"n": {"type": "integer"}}}).value == {
            "n": 3
        }
        assert session.ask("three?").value is None


def test_tools_are_called_typed_and_counted() -> None:
    seen: list[object] = []

    def stock(part: str, count: int = 1) -> dict[str, int]:
        """How many of a part are on the shelf."""
        seen.append((part, count))
        return {part: 4 * count}

    async def later(part: str) -> str:
        """The same, later."""
        return part.upper()

    def broken() -> None:
        """Fails."""
        raise KeyError("no shelf")

    code = (
        "print(stock('valve'), stock(part=context[:5], count=2), later('x'))\n"
        "for call in (lambda: stock(7), lambda: stock(), lambda: broken()):\n"
        "    try:\n        call()\n    except Exception as error:\n        print(type(error).__name__, error)\n"
    )
    with ScriptedServer([cell(code), cell("FINAL('done')")]) as server:
        answer = completion("how many?", "valve\n", tools=[stock, later, broken], **scripted(server))
        first, told = server.asks[0].text, server.asks[1].text
    assert "stock(part: str, count: int = 1) -> dict[str, int]" in first
    assert "How many of a part are on the shelf." in first
    assert "{'valve': 4} {'valve': 8} X" in told
    assert "TypeError stock: part must be str, not int" in told
    assert "TypeError stock: missing a required argument: 'part'" in told
    assert "RuntimeError broken: KeyError: 'no shelf'" in told
    assert seen == [("valve", 1), ("valve", 2)]
    assert answer.checks["tool_calls"] == {"stock": 2, "later": 1, "broken": 1}


def test_tools_of_sub_calls(tmp_path: Path) -> None:
    def price(part: str) -> float:
        """What a part costs."""
        return 2.5

    def script(ask: Ask) -> Item:
        if ask.model == "root":
            return cell("print(context)\nFINAL(llm_query('what does it cost?', context))")
        last = str(ask.messages[-1]["content"])
        return "It costs 2.5." if '"result"' in last else '{"tool": "price", "arguments": {"part": "valve"}}'

    with ScriptedServer(script) as server:
        answer = completion("what?", "valve\n", sub_tools=[price], **scripted(server))
    assert answer.text == "It costs 2.5."
    assert answer.checks["tool_calls"] == {"price": 1}


def test_a_reply_that_names_a_tool_in_another_form_is_an_answer(tmp_path: Path) -> None:
    def price(part: str) -> float:
        """What a part costs."""
        return 2.5

    for arguments in ("5", '"valve"', "true"):
        reply = f'{{"tool": "price", "arguments": {arguments}}}'
        with ScriptedServer(lambda ask: cell("FINAL(ask('?', context))") if ask.model == "root" else reply) as server:  # noqa: B023
            assert completion("what?", "valve\n", sub_tools=[price], **scripted(server)).text == reply


@pytest.mark.parametrize("name", ["grep", "FINAL", "print", "_hidden", "<lambda>"])
def test_a_tool_takes_no_name_of_the_repl(name: str) -> None:
    def tool() -> None:
        """Nothing."""

    tool.__name__ = name
    with pytest.raises(UsageError, match="tool"):
        RLM("text", model=OFFLINE, tools=[tool])


def test_events_come_as_they_happen() -> None:
    seen: list[str] = []
    completion("where is the shop?", "The shop.", model=OFFLINE, on_event=lambda event: seen.append(event.type))
    assert seen[0] == "run.started"
    assert seen[-1] == "run.finished"
    assert "cell.finished" in seen


def test_a_callback_that_fails_is_told_and_costs_no_answer() -> None:
    seen: list[object] = []

    def fail(event: object) -> None:
        seen.append(event)
        raise KeyError("mine")

    with pytest.warns(RuntimeWarning, match="KeyError"):
        answer = completion("where is the shop?", "The shop is here.", model=OFFLINE, on_event=fail)
    assert (answer.status, len(seen)) == ("answered", 1)


def test_questions_at_once_are_answered_one_after_another() -> None:
    async def both() -> list[Answer]:
        async with RLM("The valve is blue.\nThe seal is red.\n", model=OFFLINE) as session:
            return list(await asyncio.gather(session.aask("which valve?"), session.aask("which seal?")))

    assert ["blue" in answer.text for answer in asyncio.run(both())] == [True, False]


def test_a_session_that_is_closed_says_so() -> None:
    session = RLM("text", model=OFFLINE)
    session.close()
    session.close()
    with pytest.raises(UsageError, match="closed"):
        session.ask("what?")


def test_an_error_holds_what_there_is_of_an_answer() -> None:
    def script(ask: Ask) -> Item:
        return cell("answer['content'] = 'half of it'\nprint(context)")

    with ScriptedServer(script) as server, pytest.raises(LimitReached) as stopped:
        completion("where?", "text\n", **scripted(server, max_turns=2))
    assert stopped.value.limit == "turns"
    assert isinstance(stopped.value.answer, Answer)
    assert (stopped.value.answer.text, int(stopped.value.status)) == ("half of it", 6)
    with ScriptedServer([script(None), wrong_model()]) as server, pytest.raises(ProviderError) as failed:  # type: ignore[arg-type]
        completion("where?", "text\n", **scripted(server))
    assert failed.value.answer.text == "half of it"
    with ScriptedServer([unauthorized()]) as server, pytest.raises(AuthError):
        completion("where?", "text\n", **scripted(server))
    wrong = [cell("print(context)"), *[cell("FINAL({'n': 'x'})")] * 4, "{}", "{}"]
    with ScriptedServer(wrong) as server, pytest.raises(SchemaError) as unfit:
        completion("where?", "text\n", schema="n int", **scripted(server))
    assert unfit.value.value == {}


def test_asynchronous_questions_run_beside_each_other_and_can_be_cancelled() -> None:
    async def several() -> list[Answer]:
        return await asyncio.gather(
            *(acompletion("what says it?", f"It says {word}.", model=OFFLINE) for word in ("one", "two", "three"))
        )

    assert [
        answer.text.count(word) > 0
        for answer, word in zip(asyncio.run(several()), ("one", "two", "three"), strict=True)
    ] == [True] * 3

    async def cancelled(server: ScriptedServer) -> None:
        task = asyncio.create_task(acompletion("what?", "text\n", **scripted(server)))
        while not server.asks:  # noqa: ASYNC110  (the server is in a thread)
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    from tests.server import Say

    with ScriptedServer(lambda ask: Say("late", delay=20)) as server:
        asyncio.run(cancelled(server))


def test_inside_a_running_loop_a_plain_call_works_too() -> None:
    async def notebook() -> str:
        return completion("where is the shop?", "The shop is behind the mill.", model=OFFLINE).text

    assert "behind the mill" in asyncio.run(notebook())


def test_an_answer_holds_the_warnings_of_its_question(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("The seal is red.\n")

    def script(ask: Ask) -> Item:
        if ask.number == 0:
            return cell("mark = cite('notes.txt', 1)\nprint(mark)")
        if ask.number == 1:
            notes.write_text("The seal is blue, by now.\n")
            return cell("FINAL('It is red ' + mark)")
        return cell("print(len(context))\nFINAL('blue')")

    with ScriptedServer(script) as server, RLM(Path("notes.txt"), **scripted(server)) as session:
        first, second = session.ask("which colour?"), session.ask("and now?")
    for answer in (first, second):  # each tells its own, once
        assert sum("a source was dropped: notes.txt:1" in warning for warning in answer.warnings) == 1
        assert answer.citations == ()


def test_a_traceback_shows_what_to_do_next() -> None:
    with pytest.raises(UsageError) as caught:
        RLM("a text", max_cots=1)
    assert str(caught.value) == "there is no option 'max_cots'"
    assert "\nrlm config lists them.\n" in "".join(traceback.format_exception(caught.value))
    caught.value.hint = ""
    assert "\nrlm config" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("more", [{"strategy": "map"}, {"strategy": "direct", "votes": 4}], ids=["map", "votes"])
def test_what_runs_beside_a_failure_that_ends_a_question_ends_with_it(more: dict[str, Any]) -> None:
    """Nothing goes on to be paid for behind the back of whoever was told that it failed."""

    def script(ask: Ask) -> Item:
        return Broken("hang") if ask.number else Status(401, delay=0.3)

    with ScriptedServer(script) as server, RLM("word\n" * 40_000, **scripted(server, **more)) as session:
        with pytest.raises(AuthError):
            session.ask("what?")
        deadline = time.monotonic() + 30  # far below --call-time
        while server.open:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert len(server.asks) > 1
        assert all(ask.cancelled for ask in server.asks[1:])
