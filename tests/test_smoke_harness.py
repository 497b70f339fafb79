"""The harness of `make smoke-llm` counts right answers as solved and nothing else; its tasks hold what they ask for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.server import Ask, ScriptedServer
from tests.smoke.run import chosen, main
from tests.smoke.tasks import HELD_OUT, MAKERS, says, says_missing, says_number


def test_the_whole_way_through_the_real_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def script(ask: Ask) -> str:
        if "terminate the agreement" in ask.text:
            return "45 days of written notice."
        return (
            '```repl\nprint(search("dentist"))\n```' if ask.number == 1 else '```repl\nNOT_FOUND("no such name")\n```'
        )

    results = tmp_path / "results.json"
    with ScriptedServer(script) as server:
        base = ["--base-url", server.url, "--model", "scripted", "--results", str(results)]
        main([*base, "contract", "not-there"])
    said = capsys.readouterr().out
    assert "twelve tasks, rlm: 2 of 2 solved" in said
    one, other = json.loads(results.read_text())["runs"]
    assert (one["task"], one["solved"], one["exit"], one["held_out"]) == ("contract", True, 0, False)
    assert (other["task"], other["solved"], other["exit"], other["turns"]) == ("not-there", True, 1, 2)


def test_the_table_goes_between_its_markers(tmp_path: Path) -> None:
    readme, results = tmp_path / "README.md", tmp_path / "results.json"
    readme.write_text("above\n<!-- small models -->\nold\n<!-- end small models -->\nbelow\n")
    about = {
        "model": "m",
        "date": "2026-01-01",
        "input_tokens": 1000,
        "output_tokens": 5,
        "turns": 2,
        "seconds": 90.0,
        "most_minutes": 15.0,
    }
    runs = [
        {**about, "program": "rlm", "held_out": False, "solved": True},
        {**about, "program": "rlm", "held_out": True, "solved": False},
        {**about, "program": "reference", "held_out": False, "solved": False, "most_minutes": 2.5},
    ]
    results.write_text(json.dumps({"runs": runs}))
    for _ in range(2):
        main(["--readme", str(readme), "--results", str(results)])
    text = readme.read_text()
    assert text.startswith("above\n<!-- small models -->\n| model")
    assert text.endswith("<!-- end small models -->\nbelow\n")
    assert "| m | 2026-01-01 | rlm | 1 of 1 | 0 of 1 | 4 | 2,010 | 3 | 15 min |" in text
    assert "| m | 2026-01-01 | reference, rlms 0.1.3 | 0 of 1 | not run | 2 | 1,005 | 2 | 2.5 min |" in text


def test_a_task_that_is_run_again_replaces_its_older_run(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    for reply, solved in (("In 30 days.", False), ("After 45 days.", True)):
        with ScriptedServer(lambda ask, reply=reply: reply) as server:
            main(["--base-url", server.url, "--model", "scripted", "--results", str(results), "contract"])
        [run] = json.loads(results.read_text())["runs"]
        assert run["solved"] is solved


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (says("Quist"), "Behind Admiral Quist (notes.txt:3)", "Behind Admiral Quistel"),
        (says("a-b", never=("a-c",)), "a-b alone", "a-b and a-c"),
        (says("45"), "45 days", "a.txt:45: NOT_FOUND: no line says it"),
        (says("4.17"), "office 4.17.", "office 14.17"),
        (says_number(1234), "1,234 lines [1]", "12345 lines"),
        (says_number(5), "5 of 10", "1 2 3 4 5"),
        (says_missing, "The diary does not mention Dr. Okonkwo.", "555-1234"),
    ],
)
def test_an_answer_is_right_or_wrong(check, right: str, wrong: str) -> None:  # type: ignore[no-untyped-def]
    assert check(right)
    assert not check(wrong)


def test_what_is_asked_can_be_found_and_never_changes() -> None:
    for name in ("contract", "code", "list", "refund"):
        make = (MAKERS | HELD_OUT)[name]
        first, again = make(), make()
        assert first.files == again.files
        assert first.right(_truth(name))


def _truth(name: str) -> str:
    files = (MAKERS | HELD_OUT)[name]().files
    if name == "contract":
        return "45 days" if "45 days of written notice" in files["agreement.txt"] else ""
    if name == "code":
        return "11 in pkg/m23.py" if "HttpClient" in files["pkg/m23.py"] and "retries=11" in files["pkg/m23.py"] else ""
    if name == "list":
        return ", ".join(text.split("\n")[0][6:] for text in files.values() if "owner: team heron" in text)
    return ", ".join(path for path, text in files.items() if "money back" in text)


def test_a_partial_answer_is_not_solved() -> None:
    task = MAKERS["contract"]()
    assert task.solved("45 days", 0)
    assert not task.solved("45 days", 6)


def test_tasks_are_chosen_by_name_or_group() -> None:
    assert len(chosen([])) == 12
    assert len(chosen(["held-out"])) == 6
    assert chosen(["fact", "count"]) == ["fact", "count"]
    with pytest.raises(SystemExit, match="no such task"):
        chosen(["nonsense"])
