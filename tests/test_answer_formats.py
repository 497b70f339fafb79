"""Every format of the answer: what a script, a person, a program and a CI runner get."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rlm_cli import errors, schemas
from rlm_cli.errors import ExitStatus, RlmError
from rlm_cli.events import Record, parse
from rlm_cli.sinks import github
from rlm_cli.sinks.answer import FORMATS, Place
from rlm_cli.sinks.links import ALIASES, Linker, link_format
from rlm_cli.sinks.report import Report, document, error_json
from rlm_cli.state import State
from rlm_cli.terminal import Environment, Output, encode
from tests import events_sample, make_schemas
from tests.events_sample import ANSWER, CITATIONS, Script
from tests.screens import window


def fold(script: Script) -> State:
    state = State()
    for record in script.records:
        state.apply(record)
    return state


def report(**fields: Any) -> Report:
    return Report(**({"status": "answered", "question": "where?", "text": ANSWER, "citations": CITATIONS} | fields))


def written(
    form: str, answer: Report, *, tty: bool = False, variables: Mapping[str, str] | None = None, links: str = "auto"
) -> str:
    stdout: Output = window(72, paper=False, colour=True) if tty else Output(None)
    return FORMATS[form](answer, Place(Environment(stdout, Output(None), variables or {}), links)).decode(
        "utf-8", "surrogateescape"
    )


# --- text ----------------------------------------------------------------------------------------------------------


def test_text_is_the_answer_and_its_sources() -> None:
    text = written("text", report())
    assert text == ANSWER + (
        "\nSources\n[1] src/auth/middleware.py:42-58\n[2] src/auth/jwt.py:18-31\n[3] api/legacy.py:77  ? not verified\n"
    )
    assert text == document(report())


def test_text_without_sources_is_the_answer_alone() -> None:
    assert written("text", report(citations=[], text="42")) == "42\n"
    assert written("text", report(citations=[], text="42\n")) == "42\n"


def test_exact_bytes_come_back_on_a_pipe() -> None:
    hostile = "\x1b[31m\x00\udcff é\r\n"
    assert encode(document(report(citations=[], text=hostile))) == b"\x1b[31m\x00\xff \xc3\xa9\r\n"
    assert encode("\ud800") == b"?"


def test_a_partial_answer_says_so_in_the_file_too() -> None:
    text = written("text", report(status="partial", stopped_by="cost", citations=[]))
    assert text.startswith("Partial answer (stopped by cost):\n\nEvery request")


@pytest.mark.parametrize("links", ["auto", "file://{path}#{line}"])
def test_a_source_of_a_foreign_journal_without_its_line_is_named_by_its_file(links: str) -> None:
    found = [
        {"number": 1, "path": "a.py", "verified": True},
        {"number": 2, "line": 3, "verified": True},
        {"number": 3, "path": "b.py", "line": "x", "end_line": 9, "verified": True},
        {"verified": True},
    ]
    for form in FORMATS:  # none breaks
        written(form, report(citations=found), tty=True, links=links)
    assert "[1] a.py\n[2] :3\n[3] b.py\n" in written("text", report(citations=found))


def test_no_answer_no_bytes() -> None:
    assert written("text", report(status="failed", text="", citations=[])) == ""
    assert written("text", report(status="failed", text="", citations=[]), tty=True) == ""


def test_with_a_schema_text_is_the_bare_value() -> None:
    value = {"items": [{"path": "ä.py", "line": 3}]}
    assert json.loads(written("text", report(shaped=True, value=value, text="x"))) == value
    assert json.loads(written("text", report(shaped=True, value=value, text="x"), tty=True)) == value
    assert written("text", report(shaped=True, value=None, text="x")) == ""


def test_markdown_is_rendered_on_a_terminal_and_links_lead_to_verified_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for citation in CITATIONS:
        path = tmp_path / citation["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    text = written("text", report(), tty=True, variables={"TERM": "xterm"}, links="vscode")
    assert "`" not in text
    linked = re.findall(r"\x1b]8;;([^\x1b]+)\x1b\\([^\x1b]*)", text)
    base = f"vscode://file{tmp_path}"
    assert (f"{base}/src/auth/middleware.py:42:1", "src/auth/middleware.py:42-58") in linked
    assert (f"{base}/src/auth/jwt.py:18:1", "src/auth/jwt.py:18") in linked, "in the text too"
    assert not any("legacy" in url for url, _ in linked), "what is not verified is not linked"


def test_links_of_a_model_show_their_address() -> None:
    text = written(
        "text", report(text="[our docs](http://evil.example/x) ![logo](http://evil.example/y)", citations=[]), tty=True
    )
    assert "\x1b]8" not in text
    assert "http://evil.example/x" in text
    assert "http://evil.example/y" in text


# --- links ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "variables", "tty", "colour", "expected"),
    [
        ("auto", {"TERM": "xterm-256color"}, True, True, ALIASES["default"]),
        ("auto", {"TERM": "xterm-256color"}, True, False, ""),
        ("auto", {"TERM": "xterm-256color"}, False, True, ""),
        ("auto", {"TERM": "linux"}, True, True, ""),
        ("auto", {"FORCE_HYPERLINK": "1"}, False, False, ALIASES["default"]),
        ("auto", {"FORCE_HYPERLINK": "0", "TERM": "xterm"}, True, True, ""),
        ("never", {"FORCE_HYPERLINK": "1"}, True, True, ""),
        ("none", {}, True, True, ""),
        ("vscode", {}, True, True, "vscode://file{path}:{line}:{column}"),
        ("my://{path}#{line}", {}, True, True, "my://{path}#{line}"),
        ("nonsense", {}, True, True, ""),
    ],
)
def test_where_links_lead(choice: str, variables: dict[str, str], *, tty: bool, colour: bool, expected: str) -> None:
    assert link_format(choice, variables, tty=tty, colour=colour) == expected


def test_an_address_is_made_of_safe_characters(tmp_path: Path) -> None:
    path = tmp_path / "a b\x1b\x07{line}é;?#.py"
    path.touch()
    link = Linker(ALIASES["kitty"]).link("shown", str(path), 7)
    found = re.fullmatch(r"\x1b]8;;([!-~]+)\x1b\\shown\x1b]8;;\x1b\\", link)
    assert found
    assert found[1].endswith("/a%20b%1B%07%7Bline%7D%C3%A9%3B%3F%23.py#7")
    assert Linker(ALIASES["kitty"]).link("shown", str(tmp_path / "gone"), 7) == "shown"


# --- json ----------------------------------------------------------------------------------------------------------


ENDINGS: list[tuple[str, Report]] = [
    ("answered", Report.of(fold(events_sample.repository()), exit_code=0, trace="/x.jsonl")),
    ("not found", Report.of(fold(Script().question("q").answer("no such thing", status="not_found", exit_code=1)), exit_code=1)),
    ("partial", Report.of(fold(events_sample.asking().limit().answer("so far", status="partial", exit_code=6, stopped_by="cost")), exit_code=6)),
    ("before it began", Report.of(State(), exit_code=3, question="q", error=error_json(errors.InputError("nothing to read", "Name a file.")))),
    ("hostile", Report.of(fold(events_sample.hostile().answer(events_sample.HOSTILE, citations=CITATIONS)), exit_code=0)),
    ("shaped", report(shaped=True, value=[1, {"a": None}], models={}, usage=Report.of(State(), exit_code=0).usage, sources={"files": 1, "bytes": 2, "skipped": 0})),
]  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), ENDINGS, ids=[name for name, _ in ENDINGS])
def test_the_envelope_fits_its_schema(name: str, answer: Report) -> None:
    line = written("json", answer)
    assert line.count("\n") == 1
    assert line.isascii()
    value = json.loads(line)
    jsonschema.Draft202012Validator(schemas.load("answer")).validate(value)
    assert set(schemas.load("answer")["properties"]) == set(value), "each field is described"
    assert value["exit_code"] == answer.exit_code


@pytest.mark.parametrize("status", ExitStatus)
def test_every_ending_but_two_has_an_envelope(status: ExitStatus) -> None:
    text = written("json", Report.of(State(), exit_code=status))
    assert bool(text) == (status not in (ExitStatus.USAGE, ExitStatus.BUG))


def test_every_error_can_be_told_in_the_envelope() -> None:
    validator = jsonschema.Draft202012Validator(schemas.load("answer"))
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RlmError)]
    assert len(kinds) > 15
    for kind in kinds:
        error = kind("m", limit="cost") if kind is errors.LimitReached else kind("m")
        validator.validate(Report.of(State(), exit_code=error.status, error=error_json(error)).envelope())


def test_every_event_fits_its_schema() -> None:
    validator = jsonschema.Draft202012Validator(schemas.load("event"))
    seen = set()
    for script in (events_sample.repository(), events_sample.deep(), events_sample.hostile(), events_sample.wide()):
        for record in script.records:
            if not record.event.live:
                line = json.loads(record.to_line())
                validator.validate(line)
                seen.add(line["type"])
    assert len(seen) >= 15
    line["t"] = "soon"
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(line)


def test_the_schema_of_events_is_the_one_that_the_code_declares() -> None:
    assert schemas.text("event") == make_schemas.text(), "run: python -m tests.make_schemas"


@pytest.mark.parametrize("name", schemas.NAMES)
def test_the_schemas_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schemas.load(name))


def test_samples_survive_the_journal() -> None:
    """The samples are what a journal gives back: other tests may lean on them."""
    for record in events_sample.deep().records:
        if not record.event.live:
            again = parse(record.to_line())
            assert isinstance(again, Record)
            assert again.event == record.event


# --- markdown and github -------------------------------------------------------------------------------------------


def test_a_document_of_its_own() -> None:
    text = written("md", report())
    assert text.startswith("# where?\n\nEvery request")
    assert text.endswith(
        "## Sources\n\n- `[1] src/auth/middleware.py:42-58`\n- `[2] src/auth/jwt.py:18-31`\n- `[3] api/legacy.py:77  ? not verified`\n"
    )


def test_annotations_stand_on_verified_lines_alone() -> None:
    log = written("github", report())
    commands = [line for line in log.splitlines() if line.startswith("::notice")]
    assert commands == [
        "::notice file=src/auth/middleware.py,line=42,endLine=58,title=rlm [1] where?::class AuthMiddleware:",
        "::notice file=src/auth/jwt.py,line=18,endLine=31,title=rlm [2] where?::def check(token: str) -> Claims:",
    ]


def test_a_check_that_fails_is_an_error_on_the_line() -> None:
    assert "::error file=src/auth/jwt.py" in github.commands(report(exit_code=1))
    assert "::notice" in github.commands(report(status="not_found", exit_code=1)), "not found is no finding"


def test_no_more_annotations_than_a_runner_takes() -> None:
    many = [CITATIONS[0] | {"number": number} for number in range(1, 40)]
    assert github.commands(report(citations=many)).count("::notice") == 10


def test_paths_are_told_from_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert "file=sub/src/auth/jwt.py," in github.commands(report(), str(tmp_path))


def test_properties_cannot_be_forged() -> None:
    path = "a,line=1::b%0A:c\nd"
    (line,) = github.commands(
        report(citations=[CITATIONS[0] | {"path": path, "quote": "x\n::set-output a::b%"}])
    ).splitlines()
    assert line.startswith("::notice file=a%2Cline=1%3A%3Ab%250A%3Ac d,line=42,")
    assert line.endswith("::x%0A::set-output a::b%25")


def test_the_summary_of_a_job(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    variables = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(path),
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_SHA": "abc",
    }
    answer = report(usage={"turns": 3, "calls": 9, "cost_usd": 0.1, "cost_known": True}, elapsed=62)
    written("github", answer, variables=variables)
    text = path.read_text()
    assert text.startswith("before\n### Answered: where?\n\n<div>")
    assert "<code>AuthMiddleware</code>" in text
    assert "https://github.example/o/r/blob/abc/src/auth/jwt.py&#35;L18" in text
    assert "3 turns, 9 calls, $0.100, 1m02s" in text


def test_a_summary_that_cannot_be_written_is_told_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    stderr = window(paper=False)
    place = Place(Environment(Output(None), stderr, {"GITHUB_STEP_SUMMARY": "/nowhere/summary"}))
    assert b"::notice" in FORMATS["github"](report(), place)
    assert "the job summary could not be written: No such file or directory" in stderr.text


def test_a_model_cannot_make_the_summary_fetch_or_link() -> None:
    text = github.summary(
        report(text="![x](http://e/?q=secret) [t](http://e) <http://e> <img src=http://e>\n\n[r]: http://e\n[r]")
    )
    assert "<img" not in text
    assert "<a " not in text


def test_formats_are_those_of_the_command_line() -> None:
    assert {"text", "json", "jsonl", "github"} <= set(FORMATS)
    assert written("jsonl", report()) == ""
