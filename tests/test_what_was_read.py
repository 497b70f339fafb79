"""The account of what was read: by code, by models, never; each byte once, whoever read it; and what was searched for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunRlm
from tests.sandboxes import Bench
from tests.server import Ask, Item, ScriptedServer

MakeTree = Callable[[dict[str, str]], Path]
KEY = {"OPENAI_API_KEY": "sk-canary-1234567890"}
LINES = "".join(f"line number {n} of the file says {n * n}\n" for n in range(1000))


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


def run(rlm: RunRlm, folder: Path, script: list[Item] | Callable[[Ask], Item], *more: str) -> Any:
    with ScriptedServer(script) as server:
        models = ["-m", "openai/root", "-s", "openai/sub", "--api-base", server.url, "--strategy", "rlm"]
        return rlm("ask", folder, "what is where?", *models, *more, env=KEY)


def places(bench: Bench, code: str) -> list[tuple[str, str]]:
    """What a cell showed: (text in the output, text in the file), as the worker says it."""
    result = bench.result(code)
    assert result.error is None, result.error
    return [
        (
            result.output[shown.offset : shown.offset + shown.length] if shown.offset >= 0 else "(sent)",
            bench.host.contents[shown.span.file][shown.span.start : shown.span.end].decode(),
        )
        for shown in result.shown
    ]


SHOWN = {
    "a slice": ("print(context[100:180])", [LINES[100:180]]),
    "an expression": ("files['a.txt'][100:180]", [LINES[100:180]]),
    "a line of a loop": ("for line in context.splitlines()[:2]:\n    print(line)", LINES.splitlines()[:2]),
    "a match": ("print(grep('number 7 ')[0])", ["line number 7 of the file says 49"]),
    "matches": ("print(grep('number 77. '))", LINES.splitlines()[770:780]),
    "a match's text": ("print('found:', grep('number 7 ')[0].text)", ["line number 7 of the file says 49"]),
    "a search": ("print(search('number 512', top=1)[0])", LINES.splitlines()[512:515]),
    "lines around a match": ("print(grep('number 7 ', before=1, after=2))", LINES.splitlines()[6:10]),
    "a long text": ("print(files['a.txt'][:])", [LINES]),
    "a prompt": ("llm_query(f'what is said here? {context[40:140]}')", [LINES[40:140]]),
    "what code made": ("print(context[100:180].upper())", []),
    "another text": ("print('line number 7 of no file says nothing')", []),
}


@pytest.fixture(scope="module")
def bench() -> Any:
    with Bench({"a.txt": LINES.encode()}) as made:
        yield made


@pytest.mark.parametrize("name", SHOWN)
def test_what_a_model_sees_of_the_input_is_known(bench: Bench, name: str) -> None:
    code, wanted = SHOWN[name]
    found = places(bench, code)
    assert [inside for _, inside in found] == wanted
    for seen, inside in found:
        assert seen in ("(sent)", inside)


@pytest.mark.parametrize("reader", ["grep", "search"])
def test_of_a_long_line_the_part_that_is_shown_counts(reader: str) -> None:
    line = f"{'é' * 900} wanted {'ü' * 900}"
    with Bench({"a.txt": f"one\n{line}\ntwo\n".encode()}) as bench:
        [(seen, inside)] = places(bench, f"print('see', {reader}('wanted')[0])")
    assert seen == inside
    assert len(seen) == 400
    assert " wanted " in seen


def test_of_an_output_that_is_cut_only_what_is_left_counts(rlm: RunRlm, tree: MakeTree) -> None:
    done = run(rlm, tree({"a.txt": LINES * 10}), [cell("print(context)"), cell("FINAL('long')")], "--json")
    coverage = done.json["coverage"]
    assert coverage["read_by_code_bytes"] == coverage["bytes"] == len(LINES) * 10
    assert 19_000 < coverage["read_by_models_bytes"] < 22_500


def test_the_account_names_every_file_and_adds_up(rlm: RunRlm, tree: MakeTree) -> None:
    folder = tree({"a.txt": LINES, "b/c.txt": LINES, "d.txt": "never read\n", "x.bin": "\0\0"})
    code = "print(files.glob('*'))\nprint(llm_query('short?', files[files.glob('c.txt')[0]]))\nhits = grep('number 7 ', files.glob('a.txt')[0])"
    script = iter([cell(code), cell("print(hits)\nFINAL('done')")])
    done = run(rlm, folder, lambda ask: "yes" if ask.model == "sub" else next(script), "--json")
    coverage = done.json["coverage"]
    rows = {Path(row["path"]).name: row for row in coverage["by_file"]}
    assert sorted(rows) == ["a.txt", "c.txt", "d.txt"]
    assert rows["c.txt"]["read_by_models_bytes"] == len(LINES)
    assert rows["d.txt"]["read_by_code_bytes"] == rows["d.txt"]["read_by_models_bytes"] == 0
    for name in ("bytes", "read_by_code_bytes", "read_by_models_bytes"):
        assert sum(row[name] for row in coverage["by_file"]) == coverage[name]
    assert (coverage["never_read_files"], coverage["never_read_bytes"]) == (1, len("never read\n"))
    assert coverage["skipped_files"] == {"binary": 1}
    assert coverage["searched_for"] == [{"grep": "number 7 "}]
    assert "1 skipped: 1 binary" in done.stderr
    assert "(2 of 3 files)" in done.stderr


def test_children_count_once(rlm: RunRlm, tree: MakeTree) -> None:
    folder = tree({"a.txt": LINES})

    def script(ask: Ask) -> Item:
        if "You are a child" in ask.text or any("You are a child" in str(m["content"]) for m in ask.messages):
            return cell("print(grep('number 5', limit=3))\nprint(llm_query('x', context))\nFINAL('child')")
        if ask.model == "sub":
            return "fine"
        return cell("got = rlm_query_batched(['q1', 'q2', 'q3'], [context] * 3)\nFINAL('; '.join(got))")

    done = run(rlm, folder, script, "--max-depth", "2", "--json")
    coverage = done.json["coverage"]
    assert done.json["answer"] == "child; child; child", done.stderr
    assert coverage["read_by_models_bytes"] == coverage["read_by_code_bytes"] == len(LINES)


def test_not_found_is_a_finding(rlm: RunRlm, tree: MakeTree) -> None:
    folder = tree({"a.txt": LINES, "b.txt": "other\n"})
    early = cell("NOT_FOUND('surely not')")
    search = cell("print(grep('unicorn', files.glob('a.txt')[0]), search('a white horse', files.glob('a.txt')[0]))")
    with ScriptedServer([early, search, cell("NOT_FOUND('no unicorn is named')")]) as server:
        models = ["-m", "openai/root", "--api-base", server.url, "--strategy", "rlm"]
        done = rlm("ask", folder, "where is the unicorn?", *models, env=KEY)
        assert "refused" in server.asks[1].text
    assert done.exit == 1
    assert done.stdout.startswith("no unicorn is named\n")
    assert "Searched for: grep “unicorn”, search “a white horse”." in done.stdout
    assert "Searched 99.9 %" in done.stdout
    assert "6 bytes were not searched" in done.stdout


def test_not_found_where_nothing_was_searched_is_said_to_say_nothing(rlm: RunRlm, tree: MakeTree) -> None:
    done = rlm("ask", tree({"a.txt": LINES}), "?", "-m", "offline/extractive")
    assert done.exit == 1
    assert "Nothing was searched: this says nothing about the input." in done.stdout
    assert "may stand there" not in done.stdout


def test_a_worker_cannot_claim_what_is_outside(bench: Bench) -> None:
    from rlm_cli.account import Account
    from rlm_cli.context.spans import Span
    from rlm_cli.context.store import MemoryStore
    from rlm_cli.sandbox import CellResult, Shown

    account = Account(MemoryStore({"a": b"x" * 100}).files)
    shown = (Shown(0, 50, Span(0, 0, 50)), Shown(1000, 50, Span(0, 50, 100)), Shown(-1, 9, Span(0, 90, 99)))
    account.cell(CellResult(shown=shown), [(0, 10), (40, 60)])
    assert list(account.by_models.stretches()) == [(0, 0, 10), (0, 40, 50), (0, 90, 99)]
