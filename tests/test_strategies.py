"""Every strategy is a road to the same kind of answer: sources, coverage, exit status; votes and follow-ups on top."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunRlm
from tests.server import Ask, Item, Say, ScriptedServer, Status, wrong_model

MakeTree = Callable[[dict[str, str]], Path]
KEY = {"OPENAI_API_KEY": "sk-canary-1234567890"}
FILLER = "".join(f"line {n} is about nothing that anybody would look for\n" for n in range(3000))


def cell(code: str) -> str:
    return f"```repl\n{code}\n```"


def run(rlm: RunRlm, words: list[str | Path], script: list[Item] | Callable[[Ask], Item], *more: str) -> Any:
    with ScriptedServer(script) as server:
        models = ["-m", "openai/root", "-s", "openai/sub", "--api-base", server.url]
        done = rlm("ask", *words, *models, "--json", *more, env=KEY)
        return done, server.asks


@pytest.fixture
def folder(tree: MakeTree) -> Path:
    return tree(
        {
            "a.txt": FILLER + "The harbour master is Ilse Brandt.\n" + FILLER,
            "sub/b.txt": FILLER + "Ilse Brandt has two deputies: Ono and Pell.\n",
            "c.txt": "short\n",
        }
    )


# --- search ----------------------------------------------------------------------------------------------------------


def test_search_is_one_call_with_numbered_passages(rlm: RunRlm, folder: Path) -> None:
    done, asks = run(rlm, [folder, "who is the harbour master?"], ["Ilse Brandt (a.txt:3001)."], "--strategy", "search")
    assert done.exit == 0, done.stderr
    assert len(asks) == 1
    assert f"{folder}/a.txt:3001: The harbour master is Ilse Brandt." in asks[0].text
    assert len(asks[0].text) < 70_000
    assert [(item["line"], item["quote"]) for item in done.json["citations"]] == [
        (3001, "The harbour master is Ilse Brandt.")
    ]
    coverage = done.json["coverage"]
    assert coverage["read_by_code_bytes"] == coverage["bytes"]
    assert 0 < coverage["read_by_models_bytes"] < coverage["bytes"] / 5
    assert coverage["searched_for"] == [{"search": "who is the harbour master?"}]
    assert [event["strategy"] for event in done.of("strategy.chosen")] == ["search"]


def test_search_without_a_passage_is_not_found_and_costs_nothing(rlm: RunRlm, folder: Path) -> None:
    done, asks = run(rlm, [folder, "zeppelin gondola?"], [], "--strategy", "search")
    assert (done.exit, len(asks)) == (1, 0)
    done, _ = run(rlm, [folder, "who is the harbour pilot?"], ["NOT_FOUND: no pilot is named"], "--strategy", "search")
    assert (done.exit, done.json["answer"]) == (1, "no pilot is named")
    done, _ = run(rlm, [folder / "c.txt", "pilot?"], ["input/c.txt:1: NOT_FOUND: none"], "--strategy", "direct")
    assert (done.exit, done.json["answer"]) == (1, "none")


# --- map -------------------------------------------------------------------------------------------------------------


def mapped(asked: Ask) -> Item:
    """A weak reader: copies lines with a name in it, and invents a place."""
    if asked.model == "sub":
        part = asked.text.rpartition("<input>\n")[2].partition("\n</input>")[0]
        found = re.findall(r"^(\S+:\d+): (.*(?:Brandt|Ono).*)$", part, re.MULTILINE)
        return "\n".join(f"- {text} ({place})" for place, text in found) + (
            "\n- invented (a.txt:99999)" if found else "NOTHING."
        )
    assert "a.txt:99999?" in asked.text
    places = re.findall(r"\(([\w/.]+:\d+)\)", asked.text)
    return f"Ilse Brandt, with two deputies ({', '.join(places)})."


def test_map_reads_every_part_and_merges_what_was_found(rlm: RunRlm, folder: Path) -> None:
    done, asks = run(rlm, [folder, "who runs the harbour?"], mapped, "--strategy", "map", "--pack", "small")
    assert done.exit == 0, done.stderr
    assert done.json["answer"].startswith("Ilse Brandt, with two deputies")
    assert sorted((Path(item["path"]).name, item["line"]) for item in done.json["citations"]) == [
        ("a.txt", 3001),
        ("b.txt", 3001),
    ]
    assert len(asks) > 20
    coverage = done.json["coverage"]
    assert coverage["read_by_models_bytes"] == coverage["read_by_code_bytes"] == coverage["bytes"]
    assert done.json["usage"]["calls"] == len(asks)


def test_map_says_which_parts_it_could_not_read_and_what_is_not_there(rlm: RunRlm, folder: Path) -> None:
    done, _ = run(rlm, [folder, "who?"], lambda ask: "NOTHING", "--strategy", "map")
    assert done.exit == 1
    assert "None of the" in done.json["answer"]
    done, _ = run(rlm, [folder, "who?"], lambda ask: wrong_model(), "--strategy", "map", "--no-memo")
    assert done.json["partial"]
    assert "could not be read" in done.json["answer"]


def test_map_at_a_limit_merges_what_was_read(rlm: RunRlm, folder: Path) -> None:
    more = ("--strategy", "map", "--pack", "small", "--max-calls", "30", "-j", "1")
    done, asks = run(rlm, [folder, "who runs the harbour?"], mapped, *more)
    assert (done.exit, done.json["stopped_by"]) == (6, "calls")
    assert len(asks) <= 30


# --- auto ------------------------------------------------------------------------------------------------------------


def test_auto_says_why(rlm: RunRlm, folder: Path, tree: MakeTree) -> None:
    script: list[Item] = [cell("print(grep('Brandt'))\nFINAL('x')")]
    done, _ = run(rlm, [folder, "q?"], script)
    assert [(event["strategy"], "over about" in event["reason"]) for event in done.of("strategy.chosen")] == [
        ("rlm", True)
    ]
    done, _ = run(rlm, [folder / "c.txt", "q?"], ["short"])
    assert done.of("strategy.chosen")[0]["strategy"] == "direct"
    assert "strategy direct: the input is under about 16,000 tokens, so one call reads all of it" in done.stderr
    page = tree({"page.txt": "a line of a page\n" * 1000}) / "page.txt"  # 17 kB
    for pack, chosen in (("full", "direct"), ("small", "rlm")):  # a weak model overlooks what stands in so much
        done, _ = run(rlm, [page, "q?"], ["no"] * 9, "--pack", pack, "--max-turns", "2")
        assert done.of("strategy.chosen")[0]["strategy"] == chosen
    done, _ = run(rlm, [folder, "harbour master?"], ["Ilse"], "--max-turns", "1")
    assert done.of("strategy.chosen")[0]["strategy"] == "search"


# --- votes -----------------------------------------------------------------------------------------------------------


def test_votes_agree_but_for_wording_and_the_difference_is_shown(rlm: RunRlm, folder: Path) -> None:
    said = iter(["Ilse Brandt.", "ilse brandt", "It is Pell."])

    def script(ask: Ask) -> Item:
        return "[[1], [2]]" if "say the same" in ask.text else next(said)

    done, asks = run(rlm, [folder / "c.txt", "who?"], script, "--votes", "3", "--strategy", "direct")
    assert done.exit == 0, done.stderr
    assert done.json["answer"].startswith(
        "Ilse Brandt.\n\n2 of 3 independent runs agree.\nOne answered differently: It is Pell."
    )
    assert done.json["checks"]["votes"]["agree"] == 2
    assert len(asks) == 4


def test_votes_over_values_compare_values_and_the_loop_runs_for_each(rlm: RunRlm, folder: Path) -> None:
    values = iter(["{'n': 2}", "{'n': 3}", "{'n': 2}"])

    def script(ask: Ask) -> Item:
        return cell(f"print(grep('Brandt'))\nFINAL({next(values)})")

    done, asks = run(rlm, [folder, "how many?"], script, "--votes", "3", "--strategy", "rlm", "--schema", "n int")
    assert (done.json["answer"], done.json["checks"]["votes"]["agree"], len(asks)) == ({"n": 2}, 2, 3), done.stderr
    assert sorted(event["node"] for event in done.of("node.started")) == ["0", "0.1", "0.2", "0.3"]


def test_votes_share_one_budget(rlm: RunRlm, folder: Path) -> None:
    done, asks = run(
        rlm,
        [folder, "q?"],
        lambda ask: cell("print(grep('Brandt'))"),
        "--votes",
        "3",
        "--strategy",
        "rlm",
        "--max-calls",
        "9",
    )
    assert done.exit == 6
    assert len(asks) <= 9


def test_votes_of_the_loop_are_no_more_at_once_than_jobs(rlm: RunRlm, folder: Path) -> None:
    more = ["--votes", "6", "-j", "2", "--strategy", "rlm"]
    done, _ = run(rlm, [folder, "q?"], lambda ask: cell("print(grep('Brandt'))\nFINAL('one')"), *more)
    assert done.exit == 0, done.stderr
    now = most = 0
    for event in done.events:
        if event["type"] in ("node.started", "node.finished") and event["node"] != "0":
            now += 1 if event["type"] == "node.started" else -1
            most = max(most, now)
    assert (now, most) == (0, 2)
    assert "is more than 100" in rlm("ask", folder, "q?", "--votes", "1000000000").stderr


# --- follow-ups ------------------------------------------------------------------------------------------------------

FIRST = cell(
    "hits = grep('Brandt')\nkept = {'n': len(hits)}\nprint(hits)\nprint(llm_query('what is this?', hits[0].text))"
)
ANSWER = cell("FINAL(f'It is Ilse Brandt {cite(hits[0])}.')")


def test_a_further_question_goes_on_with_variables_sources_and_history(rlm: RunRlm, folder: Path) -> None:
    left = iter([FIRST, ANSWER])
    done, _ = run(
        rlm, [folder, "who?"], lambda ask: "a name" if ask.model == "sub" else next(left), "--strategy", "rlm"
    )
    assert done.exit == 0, done.stderr
    further = cell("FINAL(f'{kept} {len(hits)} {cite(hits[1])} {\"what is this\" in history}')")
    with ScriptedServer([further]) as server:
        done = rlm("ask", "--continue", "and the deputies?", "--json", "--api-base", server.url, env=KEY)
        assert len(server.asks) == 1  # what was paid for is not paid again
        said = "\n".join(str(message["content"]) for message in server.asks[0].messages)
    assert "who?" in said
    assert "and the deputies?" in said
    assert done.exit == 0, done.stderr
    assert done.json["answer"] == "{'n': 2} 2 [2] True"
    assert [item["number"] for item in done.json["citations"]] == [2]
    assert done.json["question"] == "and the deputies?"
    with ScriptedServer([cell("FINAL(str(sorted(kept)) + str(cite(hits[1])))")]) as server:
        done = rlm("ask", "--run", "last", "third?", "--json", "--api-base", server.url, env=KEY)
        assert len(server.asks) == 1
    assert done.json["answer"] == "['n'][2]", done.stderr
    assert len(list((done.home / "runs").glob("*.jsonl"))) == 1


def test_files_are_named_from_where_one_is_and_not_from_where_the_run_began(
    rlm: RunRlm, folder: Path, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "shape.json").write_text('{"type": "object", "properties": {"n": {"type": "integer"}}}')
    with ScriptedServer(lambda ask: Status(503, retry_after=500)) as server:
        models = ["-m", "openai/root", "--api-base", server.url]
        assert rlm("ask", "c.txt", "how many?", *models, cwd=folder, env=KEY).exit == 5
    with ScriptedServer(["five", '{"n": 6}']) as server:
        more = ["-q", "--api-base", server.url]
        assert rlm("resume", "last", "-o", "five.md", *more, cwd=here, env=KEY).exit == 0
        shape = ["--schema", "@shape.json", "-o", "six.json"]
        assert rlm("ask", "--continue", "and now?", *shape, *more, cwd=here, env=KEY).json == {"n": 6}
    assert rlm("replay", "last", "-q", "-o", "again.json", cwd=here, env=KEY).exit == 0
    assert sorted(path.name for path in here.iterdir()) == ["again.json", "five.md", "shape.json", "six.json"]


def test_a_record_from_elsewhere_spends_no_more_than_ones_own_limits_without_leave(
    rlm: RunRlm, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "from-elsewhere.jsonl"
    with ScriptedServer(lambda ask: Status(503, retry_after=500)) as server:
        more = ["--api-base", server.url, "-q"]
        asked = rlm(
            "ask", folder, "who?", "-m", "openai/root", "--max-cost", "50", "--trajectory", path, *more, env=KEY
        )
        assert asked.exit == 5
        before = len(server.asks)
        for words in (("resume", path), ("ask", "--run", path, "and now?")):
            refused = rlm(*words, *more, env=KEY)
            assert (refused.exit, "your own limit is 1.00" in refused.stderr) == (2, True), refused.stderr
        assert len(server.asks) == before
        assert rlm("resume", path, *more, "--max-cost", "50", env=KEY).exit == 5
        assert rlm("resume", path, *more, env=KEY | {"RLM_MAX_COST": "60"}).exit == 5


def test_a_further_question_has_a_budget_and_turns_of_its_own(rlm: RunRlm, folder: Path) -> None:
    script: list[Item] = [cell("print(1)"), cell("print(grep('Brandt'))\nFINAL('one')")]
    done, _ = run(rlm, [folder, "who?"], script, "--strategy", "rlm", "--max-turns", "3", "--max-calls", "4")
    assert done.exit == 0, done.stderr
    with ScriptedServer([cell("print(2)"), cell("print(3)"), cell("FINAL('two')")]) as server:
        done = rlm("ask", "--continue", "more?", "--json", "--api-base", server.url, "--max-turns", "3", env=KEY)
    assert (done.exit, done.json["answer"]) == (0, "two"), done.stderr


def test_a_further_question_after_one_call_has_the_first_answer(rlm: RunRlm, folder: Path) -> None:
    done, _ = run(rlm, [folder / "c.txt", "what is it?"], ["It is short (c.txt:1)."])
    with ScriptedServer(["Still short (c.txt:1)."]) as server:
        done = rlm("ask", "--continue", "and now?", "--json", "--api-base", server.url, env=KEY)
        assert "It is short (c.txt:1)." in server.asks[0].text
        assert "what is it?" in server.asks[0].text
    assert done.json["answer"] == "Still short (c.txt:1)."


def test_a_further_question_takes_no_sources_and_needs_the_same_input(rlm: RunRlm, folder: Path) -> None:
    run(rlm, [folder / "c.txt", "what is it?"], ["short"])
    assert rlm("ask", "--continue", folder, "and now?").exit == 2
    assert rlm("ask", "--continue", "and now?", "--hidden").exit == 2
    (folder / "c.txt").write_text("longer than it was\n")
    done = rlm("ask", "--continue", "and now?", env=KEY)
    assert done.exit == 3
    assert "changed" in done.stderr


def test_what_came_by_a_pipe_is_gone_with_its_answer(rlm: RunRlm) -> None:
    with ScriptedServer(["short"]) as server:
        models = ["-m", "openai/root", "--api-base", server.url]
        assert rlm("ask", "what?", *models, stdin="a short text\n", env=KEY).exit == 0
        done = rlm("ask", "--continue", "and now?", *models, env=KEY)
    assert done.exit == 3
    assert "came by a pipe" in done.stderr


def test_a_further_question_that_was_killed_goes_on_and_another_may_follow(
    rlm: RunRlm, folder: Path, home: Path, environment: dict[str, str]
) -> None:
    left = iter([FIRST, ANSWER])
    done, _ = run(
        rlm, [folder, "who?"], lambda ask: "a name" if ask.model == "sub" else next(left), "--strategy", "rlm"
    )
    assert done.exit == 0, done.stderr
    [journal] = (home / "runs").glob("*.jsonl")
    made = cell("more = grep('Ono')\nprint(llm_query('once'), more)")
    with ScriptedServer(
        lambda ask: "paid" if ask.model == "sub" else made if ask.number == 0 else Say("late", delay=600)
    ) as server:
        words = ["ask", "--continue", "and the deputies?", "--json", "--api-base", server.url]
        killed = subprocess.Popen(
            [sys.executable, "-m", "rlm_cli", *words],
            env=environment | KEY,
            cwd=folder.parent,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server.wait_for(3, killed)  # the second question's cell has run, and its next turn is on its way
        killed.kill()
        killed.wait()
    assert "and the deputies?" in journal.read_text()
    with ScriptedServer([cell("FINAL(f'{kept} {len(more)} {cite(more[0])}')")]) as server:
        done = rlm("resume", "--json", "--api-base", server.url, env=KEY)
        assert len(server.asks) == 1  # neither the cell's sub-call nor the turn before is paid again
    assert (done.exit, done.json["question"]) == (0, "and the deputies?"), done.stderr
    assert done.json["answer"] == "{'n': 2} 1 [2]"
    with ScriptedServer([cell("FINAL(f'{len(more)} of {kept}')")]) as server:
        done = rlm("ask", "--continue", "third?", "--json", "--api-base", server.url, env=KEY)
        assert len(server.asks) == 1, done.stderr
    assert [event["number"] for event in done.of("question.asked")] == [2, 3]
    assert (done.exit, done.json["answer"]) == (0, "1 of {'n': 2}"), done.stderr
