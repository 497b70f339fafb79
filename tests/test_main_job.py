"""The main job, whole: `rlm ask` as a real process against a scripted provider over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rlm_cli.events import CallStarted, parse
from rlm_cli.state import call_label
from tests.conftest import RunRlm
from tests.server import Ask, Item, Say, ScriptedServer

MakeTree = Callable[[dict[str, str]], Path]
FILES = {
    "src/auth.py": "import jwt\n\n\ndef check(token):\n    return jwt.decode(token)\n",
    "src/routes.py": "from auth import check\n\n\ndef index():\n    return 'hello'\n",
    "README.md": "# Shop\n\nTokens live for one hour.\n",
}
LOOK = "```repl\n# look for the check\nhits = grep(r'def check')\nprint(hits)\n```"


def root(*cells: str) -> list[Item]:
    """A root model that looks once and then writes these cells, one a turn."""
    return [LOOK, *(f"```repl\n{cell}\n```" for cell in cells)]


def ask(rlm: RunRlm, folder: Path, server: ScriptedServer, *more: str, env: dict[str, str] | None = None):  # type: ignore[no-untyped-def]
    options = ["-m", "openai/root", "-s", "openai/sub", "--api-base", server.url, "--strategy", "rlm", *more]
    return rlm(
        "ask", folder, "where is auth handled?", *options, env={"OPENAI_API_KEY": "sk-canary-1234567890"} | (env or {})
    )


def by_role(cells: list[Item], sub: Callable[[Ask], Item]) -> Callable[[Ask], Item]:
    """Root and sub-model told apart by the name they are asked under."""
    left = iter(cells)
    return lambda asked: next(left) if asked.model == "root" else sub(asked)


SUBMISSIONS = {
    "FINAL": "mark = cite(hits[0])\nFINAL(f'It is checked in check() {mark}.')",
    "FINAL_VAR of a name": "result = f'It is checked in check() {cite(hits[0])}.'\nFINAL_VAR('result')",
    "FINAL_VAR of a value": "result = f'It is checked in check() {cite(hits[0])}.'\nFINAL_VAR(result)",
    "answer": "answer['content'] = f'It is checked in check() {cite(hits[0])}.'\nanswer['ready'] = True",
    "answer.update": "answer.update(content=f'It is checked in check() {cite(hits[0])}.', ready=True)",
    "a plain dict": "answer = {'content': f'It is checked in check() {cite(hits[0])}.', 'ready': True}",
}


@pytest.mark.parametrize("form", SUBMISSIONS)
def test_every_form_of_submission_answers(form: str, rlm: RunRlm, tree: MakeTree) -> None:
    folder = tree(FILES)
    with ScriptedServer(root(SUBMISSIONS[form])) as server:
        done = ask(rlm, folder, server)
    assert done.exit == 0, done.stderr
    assert "It is checked in check() [1]." in done.stdout
    assert f"{folder}/src/auth.py:4" in done.stdout


def test_the_answer_is_on_stdout_and_nothing_else_is(rlm: RunRlm, tree: MakeTree) -> None:
    with ScriptedServer(root("FINAL('In src/auth.py.')")) as server:
        done = ask(rlm, tree(FILES), server)
    assert done.stdout.startswith("In src/auth.py.\n")
    assert "\x1b" not in done.stdout + done.stderr
    assert "turn" in done.stderr


def test_a_submission_in_prose_counts_where_there_is_no_code(rlm: RunRlm, tree: MakeTree) -> None:
    with ScriptedServer([LOOK, "I have it.\n\nFINAL(Auth is checked in auth.py)"]) as server:
        done = ask(rlm, tree(FILES), server)
    assert (done.exit, done.stdout.splitlines()[0]) == (0, "Auth is checked in auth.py")


def test_sub_calls_get_the_text_and_their_replies_come_back_in_order(rlm: RunRlm, tree: MakeTree) -> None:
    cells = root(
        "one = llm_query('Which library?', files[sorted(files)[1]])\n"
        "many = llm_query_batched([f'number {n}' for n in range(20)])\n"
        "FINAL(one + ' ' + ','.join(many))"
    )

    def sub(asked: Ask) -> Item:
        if "Which library?" in asked.text:
            assert "import jwt" in asked.text
            return "jwt"
        number = int(asked.text.split()[-1])
        return Say(f"<{number}>", delay=0.2 if number == 0 else 0.0)

    with ScriptedServer(by_role(cells, sub)) as server:
        done = ask(rlm, tree(FILES), server, "--json")
    assert done.json["answer"] == "jwt " + ",".join(f"<{n}>" for n in range(20))
    assert done.json["usage"]["calls"] == 23
    assert len(done.of("call.finished")) == 23


def test_a_sub_call_is_called_by_the_one_file_that_it_is_about(rlm: RunRlm, tree: MakeTree) -> None:
    cells = root(
        "llm_query_batched([('what?', text) for text in (files[name] for name in sorted(files))] + [('what?', context), 'nothing'])\nFINAL('x')"
    )
    with ScriptedServer(by_role(cells, lambda _: "fine")) as server:
        done = ask(rlm, tree(FILES), server, "--no-memo")
    calls = [parse(json.dumps(event)).event for event in done.of("call.started") if event["purpose"] == "sub"]
    told = {call.slot: (call.about, call_label(call)) for call in calls if isinstance(call, CallStarted)}
    for slot, name in enumerate(sorted(FILES)):
        about, label = told[slot]
        assert about is not None
        assert about.endswith(name)
        assert label == f"#{slot + 1} {about}"
    assert [told[slot][0] for slot in (3, 4)] == [None, None]


def test_a_failed_item_is_an_object_that_is_no_text(rlm: RunRlm, tree: MakeTree) -> None:
    from tests.server import wrong_model

    cells = root(
        "got = llm_query_batched(['good', 'bad'])\n"
        "FINAL(f'{got[0]}, {type(got[1]).__name__}, {isinstance(got[1], SubcallError)}, {isinstance(got[1], str)}')"
    )
    script = by_role(cells, lambda asked: "fine" if asked.text == "good" else wrong_model())
    with ScriptedServer(script) as server:
        done = ask(rlm, tree(FILES), server)
    assert done.stdout.splitlines()[0] == "fine, SubcallError, True, False"


def test_an_error_in_a_cell_is_shown_with_its_line_and_variables_are_kept(rlm: RunRlm, tree: MakeTree) -> None:
    replies = root("kept = 42\nprint(1 / 0)\nlost = 1", "FINAL(str(kept))")
    with ScriptedServer(replies) as server:
        done = ask(rlm, tree(FILES), server)
        shown = server.asks[2].text
    assert "ZeroDivisionError" in shown
    assert "line 2" in shown
    assert "print(1 / 0)" in shown
    assert done.stdout.splitlines()[0] == "42"


def test_a_reply_without_code_is_told_so_and_the_run_goes_on(rlm: RunRlm, tree: MakeTree) -> None:
    with ScriptedServer([LOOK, "Let me think about it.", "```repl\nFINAL('done')\n```"]) as server:
        done = ask(rlm, tree(FILES), server)
        told = server.asks[2].text
    assert "no code" in told
    assert done.stdout.splitlines()[0] == "done"


def test_a_first_final_before_anything_was_looked_at_is_refused_once(rlm: RunRlm, tree: MakeTree) -> None:
    guess = "```repl\nFINAL('surely auth.py')\n```"
    with ScriptedServer([guess, guess]) as server:
        done = ask(rlm, tree(FILES), server)
        told = server.asks[1].text
    assert "refused" in told
    assert (done.exit, done.stdout.splitlines()[0]) == (0, "surely auth.py")


def test_the_root_never_sees_the_input_but_what_it_printed(rlm: RunRlm, tree: MakeTree) -> None:
    secret = "the-word-that-is-nowhere-else"
    files = FILES | {"src/big.py": "x = 1\n" * 5000 + f"# {secret}\n"}
    with ScriptedServer(root("FINAL('ok')")) as server:
        ask(rlm, tree(files), server)
        said = json.dumps([asked.body for asked in server.asks])
    assert secret not in said
    assert "jwt.decode" not in said
    assert "def check(token):" in said


def test_a_small_input_is_answered_directly_with_checked_references(rlm: RunRlm, tree: MakeTree) -> None:
    folder = tree(FILES)
    with ScriptedServer(lambda asked: f"In {folder}/src/auth.py:4, not in auth.py:99.") as server:
        options = ["-m", "openai/root", "--api-base", server.url]
        done = rlm("ask", folder, "where is auth handled?", *options, env={"OPENAI_API_KEY": "sk-canary-1234567890"})
        assert len(server.asks) == 1
        assert f"{folder}/src/auth.py:4: def check(token):" in server.asks[0].text
    assert done.exit == 0
    assert "auth.py:99?" in done.stdout
    [chosen] = done.of("strategy.chosen")
    assert chosen["strategy"] == "direct"
    assert "tokens" in chosen["reason"]


def test_the_journal_holds_the_run_and_no_key(rlm: RunRlm, tree: MakeTree) -> None:
    with ScriptedServer(root("FINAL(llm_query('hi'))", "FINAL('x')")) as server:
        done = ask(rlm, tree(FILES), server, "--json")
    path = Path(done.json["trace"])
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert "sk-canary" not in text
    kinds = [event["type"] for event in done.events]
    for kind in (
        "run.started",
        "input.opened",
        "sandbox.ready",
        "turn.started",
        "message",
        "call.started",
        "cell.finished",
    ):
        assert kind in kinds
    assert kinds[-2:] == ["answer.given", "run.finished"]
    assert [event["seq"] for event in done.events] == list(range(1, len(kinds) + 1))


def test_through_litellm_the_same_run_answers(rlm: RunRlm, tree: MakeTree) -> None:
    cells = root("FINAL(llm_query('which?') + ' ' + str(cite(hits[0])))")
    with ScriptedServer(by_role(cells, lambda asked: "jwt")) as server:
        options = ["-m", "litellm/openai/root", "-s", "litellm/openai/sub", "--api-base", server.url]
        done = rlm(
            "ask",
            tree(FILES),
            "where is auth?",
            *options,
            "--strategy",
            "rlm",
            env={"OPENAI_API_KEY": "sk-canary-1234567890"},
        )
    assert done.exit == 0, done.stderr
    assert done.stdout.startswith("jwt [1]\n")


def test_a_schema_is_enforced_in_the_cell_and_printed_bare(rlm: RunRlm, tree: MakeTree) -> None:
    wrong, right = "FINAL({'path': 'a', 'line': 'x', 'why': ''})", "FINAL({'path': 'a', 'line': 4, 'why': 'no check'})"
    with ScriptedServer(root(wrong, right)) as server:
        done = ask(rlm, tree(FILES), server, "--schema", "path, line int, why")
        assert "does not fit" in server.asks[2].text
    assert done.exit == 0, done.stderr
    assert json.loads(done.stdout) == {"path": "a", "line": 4, "why": "no check"}
