"""Children: an RLM over a part of the same input, with its own REPL, under the same ledger and the same sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import RunRlm
from tests.server import Ask, Item, Say, ScriptedServer

MakeTree = Callable[[dict[str, str]], Path]
KEY = {"OPENAI_API_KEY": "sk-canary-1234567890"}


@pytest.fixture
def folder(tree: MakeTree) -> Path:
    return tree({f"part{n}.txt": f"header {n}\n" + f"line of {n}\n" * 50 + f"secret-{n}\n" for n in range(4)})


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


def said(asked: Ask) -> int:
    """How often the model has spoken in this conversation."""
    return sum(message["role"] == "assistant" for message in asked.messages)


def question(asked: Ask) -> str:
    """What this node is asked."""
    first = next(str(message["content"]) for message in asked.messages if message["role"] == "user")
    return first.partition("<question>\n")[2].partition("\n</question>")[0]


def run(rlm: RunRlm, folder: Path, script: Callable[[Ask], Item], *more: str):  # type: ignore[no-untyped-def]
    with ScriptedServer(script) as server:
        models = ["-m", "openai/root", "-s", "openai/sub", "--api-base", server.url, "--strategy", "rlm", "--json"]
        done = rlm("ask", folder, "which secrets?", *models, *more, env=KEY)
        return done, server.asks


CHILDREN = (
    "paths = sorted(files)\n"
    "secret_of_parent = 'nobody sees this'\n"
    "found = rlm_query_batched(['what is the secret?'] * 4, [files[path] for path in paths])\n"
    "FINAL(' '.join(found))"
)


def test_children_see_their_part_alone_and_cite_with_paths_of_the_whole(rlm: RunRlm, folder: Path) -> None:
    child = "hits = grep(r'secret-\\d')\nFINAL(f'{hits[0].text} {cite(hits[0])} {len(hits)} {\"secret_of_parent\" in SHOW_VARS()}')"

    def script(asked: Ask) -> Item:
        return cell(CHILDREN if question(asked) == "which secrets?" else child)

    done, _ = run(rlm, folder, script, "--max-depth", "2")
    assert done.exit == 0, done.stderr
    words = done.json["answer"].split()
    assert words[0::4] == [f"secret-{n}" for n in range(4)]
    assert set(words[2::4]) == {"1"}
    assert set(words[3::4]) == {"False"}
    places = {(Path(item["path"]).name, item["line"], item["quote"]) for item in done.json["citations"]}
    assert places == {(f"part{n}.txt", 52, f"secret-{n}") for n in range(4)}
    nodes = [event["node"] for event in done.of("node.started")]
    assert sorted(nodes) == ["0", "0.1", "0.2", "0.3", "0.4"]


def test_a_second_walk_gives_sources_the_numbers_of_the_first(rlm: RunRlm, folder: Path) -> None:
    """Children cite in whatever order they come: here the last ones first, and in a replay all at once."""
    root = (
        "paths = sorted(files)\n"
        "parts = [files[path] for path in paths]\n"
        "found = rlm_query_batched([f'secret of {n}?' for n in range(4)], parts)\n"
        "FINAL(' '.join(found) + ' ' + cite(grep('secret-0')[0]))"
    )

    def script(asked: Ask) -> Item:
        if question(asked) == "which secrets?":
            return cell(root)
        if said(asked) == 0:
            number = int(question(asked).removeprefix("secret of ").removesuffix("?"))
            return Say(cell("mark = cite(grep(r'secret-\\d')[0])\nprint(mark)"), delay=0.3 * (3 - number))
        return cell("FINAL(mark)")

    done, _ = run(rlm, folder, script, "--max-depth", "2")
    assert done.exit == 0, done.stderr
    recorded = {one["number"]: one["path"] for event in done.of("cell.finished") for one in event["cited"]}
    assert recorded == {item["number"]: item["path"] for item in done.json["citations"]}
    assert len(recorded) == 4
    for _ in range(2):
        again = rlm("replay", "last", "--json")
        assert again.exit == 0, again.stderr
        assert again.json["answer"] == done.json["answer"]
        assert again.json["citations"] == done.json["citations"]


def test_depth_three_works_and_at_the_limit_it_is_a_plain_call(rlm: RunRlm, folder: Path) -> None:
    def script(asked: Ask) -> Item:
        if asked.model == "sub":
            return "the leaf"
        depth = 1 + int(question(asked).removeprefix("level ")) if question(asked).startswith("level") else 1
        return cell(f"print(context[:5])\nFINAL('{depth}>' + rlm_query('level {depth}', context[:500]))")

    done, asks = run(rlm, folder, script, "--max-depth", "3")
    assert done.json["answer"] == "1>2>3>the leaf"
    [leaf] = [asked for asked in asks if asked.model == "sub"]
    assert "level 3" in leaf.text
    assert "header 0" in leaf.text


def test_children_of_all_parents_share_the_places_of_their_depth(rlm: RunRlm, folder: Path) -> None:
    """Each is a process: with three depths there are at most twice -j of them, and not the square of it."""

    def script(asked: Ask) -> Item:
        level = int(question(asked)) if question(asked).isdecimal() else 0
        if level == 2:
            return Say(cell("print(context[:5])\nFINAL('leaf')"), delay=0.05)
        return cell(f"print(context[:5])\nFINAL(' '.join(rlm_query_batched(['{level + 1}'] * 3, [context[:500]] * 3)))")

    done, _ = run(rlm, folder, script, "--max-depth", "3", "-j", "3")
    assert done.json["answer"] == " ".join(["leaf"] * 9), done.stderr
    alive: set[str] = set()
    most = 0
    for event in done.events:
        if event["type"] == "node.started" and event["node"].count(".") == 2:
            alive.add(event["node"])
        elif event["type"] == "node.finished":
            alive.discard(event["node"])
        most = max(most, len(alive))
    assert most == 3


def test_a_child_that_fails_is_an_error_in_its_place(rlm: RunRlm, folder: Path) -> None:
    def script(asked: Ask) -> Item:
        if question(asked) == "which secrets?":
            return cell(
                "print(len(context))\ngot = rlm_query_batched(['good', 'bad'], files['"
                + str(folder)
                + "/part0.txt'])\nFINAL(str([type(item).__name__ for item in got]))"
            )
        if question(asked) == "bad":
            from tests.server import wrong_model

            return wrong_model()
        return cell("print(context[:5])\nFINAL('fine')")

    done, _ = run(rlm, folder, script, "--max-depth", "2")
    assert done.json["answer"] == "['str', 'SubcallError']", done.stderr


def test_one_ledger_holds_for_children_of_every_depth(rlm: RunRlm, folder: Path) -> None:
    def script(asked: Ask) -> Item:
        if question(asked) == "which secrets?" and said(asked) == 0:
            return cell("answer['content'] = 'a draft'\nprint(rlm_query_batched(['again'] * 4, [context[:100]] * 4))")
        return cell("print(context[:9])\nx = llm_query_batched([f'word {n}' for n in range(50)])")

    done, asks = run(
        rlm,
        folder,
        lambda asked: "ok" if asked.model == "sub" else script(asked),
        "--max-depth",
        "2",
        "--max-calls",
        "30",
    )
    assert done.exit == 6
    assert done.json["answer"] == "a draft"
    assert len(asks) <= 30


def test_without_depth_there_are_no_sub_calls(rlm: RunRlm, folder: Path) -> None:
    def script(asked: Ask) -> Item:
        assert "llm_query" not in asked.system
        if said(asked) == 0:
            return cell("print(context[:300])\nprint(llm_query('hello'))")
        assert "SubcallError" in asked.text
        return cell("FINAL('read it myself')")

    done, _ = run(rlm, folder, script, "--max-depth", "0")
    assert done.json["answer"] == "read it myself"
