"""Answers with a shape, and answers too long to be held: what the variable holds is what comes out."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_cli.sandbox.long import pieces
from tests.conftest import RunRlm
from tests.server import Ask, Item, ScriptedServer

MakeTree = Callable[[dict[str, str]], Path]
KEY = {"OPENAI_API_KEY": "sk-canary-1234567890"}
MB = 1 << 20


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


def words(folder: Path, url: str, *more: str) -> list[str]:
    models = ["-m", "openai/root", "-s", "openai/sub", "--api-base", url, "--strategy", "rlm"]
    return ["ask", str(folder), "what is there?", *models, *more]


def run(rlm: RunRlm, folder: Path, script: list[Item] | Callable[[Ask], Item], *more: str) -> Any:
    with ScriptedServer(script) as server:
        done = rlm(*words(folder, server.url, *more), env=KEY)
        return done, server.asks


# --- sub-calls that return a value ---------------------------------------------------------------------------------


def sub_calls(code: str, replies: dict[str, list[str]]) -> Callable[[Ask], Item]:
    """The root runs `code` once; a sub-call is answered by what its prompt names, in turn."""

    def script(ask: Ask) -> Item:
        if ask.model == "root":
            return cell("print(context[:5])\n" + code)
        if "Make of the answer below" in ask.text:
            return replies["mend"].pop(0)
        return next(found.pop(0) for name, found in replies.items() if name in ask.text)

    return script


def test_a_sub_call_with_a_schema_returns_the_value(rlm: RunRlm, tree: MakeTree) -> None:
    code = (
        "one = llm_query('first?', schema='name, age int')\n"
        "many = llm_query_batched(['second?', 'third?'], schema={'type': 'object', 'properties': {'error': {}, 'message': {}}})\n"
        "asked = ask('fourth?', context[:20], schema='name[]')\n"
        "FINAL([one['age'] + 1, many, asked, type(one).__name__])"
    )
    replies = {
        "first?": ['```json\n{"name": "a", "age": 41}\n```'],
        "second?": ['{"error": "x", "message": "y"}'],
        "third?": ["no json here"],
        "fourth?": ['[{"name": "b"}]'],
        "mend": ["still none", '{"error": 1}'],
    }
    done, asks = run(rlm, tree({"a.txt": "hello\n" * 10}), sub_calls(code, replies), "--json")
    wanted = [42, [{"error": "x", "message": "y"}, {"error": 1}], [{"name": "b"}], "dict"]
    assert json.loads(done.json["answer"]) == wanted, done.stderr
    first = next(ask for ask in asks if "first?" in ask.text)
    assert '"age"' in first.text
    assert first.body["response_format"]["json_schema"]["schema"]["required"] == ["name", "age"]


def test_a_sub_call_that_never_fits_is_a_failure_after_two_more_calls(rlm: RunRlm, tree: MakeTree) -> None:
    code = "try:\n    llm_query('first?', schema='n int')\nexcept SubcallError as error:\n    FINAL(str(error))"
    replies = {"first?": ["x"], "mend": ["y", "z"]}
    done, asks = run(rlm, tree({"a.txt": "hello\n"}), sub_calls(code, replies))
    assert "SchemaError" in done.stdout
    assert len([ask for ask in asks if ask.model == "sub"]) == 3


def test_a_wrong_schema_is_the_cells_own_error(rlm: RunRlm, tree: MakeTree) -> None:
    code = "try:\n    llm_query('first?', schema='/etc/passwd')\nexcept ValueError as error:\n    FINAL(str(error))"
    done, asks = run(rlm, tree({"a.txt": "hello\n"}), sub_calls(code, {}))
    assert done.stdout.startswith("schema takes")
    assert len(asks) == 1


# --- the shape of the answer ---------------------------------------------------------------------------------------


def test_a_list_is_printed_bare_and_its_places_are_sources(rlm: RunRlm, tree: MakeTree) -> None:
    folder = tree({"a.txt": "one\ntwo\n"})
    code = f"hits = grep('two')\nFINAL([{{'path': hits[0].path, 'line': 2}}, {{'path': {str(folder / 'a.txt')!r}, 'line': 9}}])"
    done, _ = run(rlm, folder, [cell(code)], "--schema", "path, line int", "--schema-multi")
    assert done.exit == 0, done.stderr
    assert [item["line"] for item in json.loads(done.stdout)] == [2, 9]
    [given] = done.of("answer.given")
    assert [(item["line"], item["quote"]) for item in given["citations"]] == [(2, "two")]
    assert given["checks"]["places_unverified"] == [f"{folder}/a.txt:9"]


def test_what_never_fits_is_exit_9_and_only_the_json_shows_it(rlm: RunRlm, tree: MakeTree) -> None:
    script = [cell("print(context)"), *[cell("FINAL({'n': 'x'})")] * 4, '{"n": "y"}', '{"n": "z"}']
    done, _ = run(rlm, tree({"a.txt": "hello\n"}), list(script), "--schema", "n int", "--json")
    assert (done.exit, done.json["answer"], done.json["status"]) == (9, {"n": "z"}, "failed")
    done, asks = run(rlm, tree({"a.txt": "hello\n"}), list(script), "--schema", "n int", "--no-memo")
    assert (done.exit, done.stdout) == (9, "")
    assert len(asks) == 7


# --- answers that are too long to be held ----------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
)


@settings(max_examples=60)
@given(st.lists(values, max_size=5) | st.dictionaries(st.text(max_size=4), values, max_size=5))
def test_a_value_in_pieces_is_the_json_of_the_whole(value: Any) -> None:
    made = "".join(part for parts in pieces({"parts": None, "value": value}) for part in parts)
    assert made == json.dumps(value, ensure_ascii=False, indent=2)


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """100 MB of lines, some of them no UTF-8."""
    path = tmp_path / "input" / "big.log"
    path.parent.mkdir()
    block = b"".join(b"%07d caf\xe9 \xf0\x9f\x98\x80 and more of the same words\n" % n for n in range(22_000))
    with path.open("wb") as stream:
        stream.writelines(block for _ in range(110))
    assert path.stat().st_size > 100 * MB
    return path


def peak(pid: int) -> int:
    """The most memory that a process has had so far, in kB; 0 for one that has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) if found else 0


LONG = {
    "a Text": ("FINAL_VAR(context)", 100 * MB),
    "a list": ("lines = ['x' * 1000 + str(n) for n in range(20_000)]\nFINAL_VAR('lines')", 19 * MB),
    "a str": ("text = 'a line\\n' * 3_000_000\nFINAL_VAR('text')", 20 * MB),
}


@pytest.mark.parametrize("kind", LONG)
def test_a_long_answer_streams_and_is_neither_held_nor_shown(
    kind: str, big: Path, environment: dict[str, str], home: Path
) -> None:
    code, least = LONG[kind]
    out, copy = big.parent.parent / "out.txt", big.parent.parent / "copy.txt"
    with ScriptedServer([cell("print(context[:50])\n" + code)]) as server, out.open("wb") as stream:
        command = [sys.executable, "-m", "rlm_cli", *words(big.parent, server.url, "-q", "-o", str(copy))]
        with subprocess.Popen(command, stdout=stream, stdin=subprocess.DEVNULL, env=environment | KEY) as process:
            most = 0
            while process.poll() is None:
                most = max(most, peak(process.pid))
                time.sleep(0.01)
        assert process.returncode == 0
        assert len(server.asks) == 1
    assert out.stat().st_size > least
    with out.open("rb") as one, copy.open("rb") as other:
        assert hashlib.file_digest(one, "sha256").digest() == hashlib.file_digest(other, "sha256").digest()
    if kind == "a Text":
        with out.open("rb") as one, big.open("rb") as other:
            assert hashlib.file_digest(one, "sha256").digest() == hashlib.file_digest(other, "sha256").digest()
    if kind == "a list":
        assert json.loads(out.read_bytes())[19_999] == "x" * 1000 + "19999"
    journal = max((home / "runs").glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    assert journal.stat().st_size < 200_000
    given = [json.loads(line) for line in journal.read_text().splitlines() if '"answer.given"' in line][-1]
    assert given["bytes"] >= least
    assert len(given["text"]) < 5_000
    if kind == "a Text":
        assert 0 < most < 100_000  # kB: the program itself takes about 60


def test_the_envelope_holds_a_long_answer_whole(rlm: RunRlm, tree: MakeTree) -> None:
    line = 'a "quoted" line with an é and a 😀\n'
    done, _ = run(rlm, tree({"a.txt": line * 60_000}), [cell("print(context[:50])\nFINAL_VAR(context)")], "--json")
    assert done.json["answer"] == line * 60_000
    done, _ = run(rlm, tree({"a.txt": line * 60_000}), [cell("print(context[:50])\nFINAL_VAR(context)")], "-f", "md")
    assert done.stdout == line * 60_000


def test_a_long_answer_with_a_schema_or_of_a_child_is_refused_with_advice(rlm: RunRlm, tree: MakeTree) -> None:
    folder = tree({"a.txt": "line\n" * 400_000})
    script = [cell("print(context[:50])\nFINAL_VAR(context)"), cell("FINAL({'n': 1})")]
    done, asks = run(rlm, folder, script, "--schema", "n int")
    assert json.loads(done.stdout) == {"n": 1}
    assert "cannot be held against the schema" in asks[1].text
