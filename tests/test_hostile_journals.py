"""A journal may come from anywhere: whatever stands in it, what reads journals gives what it can and never breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlm_cli import events, imports, journal
from rlm_cli.events import Event, Record
from rlm_cli.exports import EXPORTS, Choices, Source, export
from rlm_cli.exports.trajectory import Trajectory
from rlm_cli.sinks.trust import coverage_text, doubts, finding
from tests.conftest import RunRlm
from tests.inside import runner

V1 = Path(__file__).parent / "data" / "journals" / "v1.jsonl"
AT = "2026-11-21T08:00:00.000Z"
LINES: list[dict[str, Any]] = [json.loads(line) for line in V1.read_text().splitlines()]
WRONG: list[Any] = [
    None, True, 0, -1, 1e308, float("inf"), float("nan"), 10**400, "", "x", "\u202e\0\ud800", "0/1.1", "0.1", "0",
    "</script><script>alert(1)</script>", [], [[]], [1], [None], [{}], ["x"], [["a"]], {}, {"a": 1},
    {"error": {"type": []}}, "constructor", "__proto__",
]  # fmt: skip


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*above, key)
        yield from places(item, (*above, key))


@st.composite
def damaged(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A journal in which a few values are something else, and lines are gone, doubled or elsewhere."""
    lines: list[dict[str, Any]] = json.loads(json.dumps(LINES))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(["value", "value", "value", "gone", "double", "first"]))
        if how == "value" and (found := list(places(lines[at]))):
            *above, key = draw(st.sampled_from(found))
            inner: Any = lines[at]
            for step in above:
                inner = inner[step]
            inner[key] = draw(st.sampled_from(WRONG))
        elif how == "gone" and len(lines) > 1:
            del lines[at]
        elif how == "double":
            lines.insert(draw(st.integers(0, len(lines))), json.loads(json.dumps(lines[at])))
        else:
            lines[at], lines[0] = lines[0], lines[at]
    return lines


@pytest.fixture
def rlm(
    home: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> RunRlm:
    return runner(home, environment, monkeypatch, capsys)


def looked_at(rlm: RunRlm, path: Path) -> None:
    """Every way to look at a run: none may end in a traceback."""
    for name in EXPORTS:
        b"".join(export(name, Source(path), Choices(failed=True, tokens=True)))
    for words in (["view", "--stats"], ["view", "--stats", "--json"], ["view", "--terminal"], ["runs", "show"]):
        done = rlm(*words, path)
        assert done.exit in (0, 2), (words, done.stderr)
    assert rlm("runs").exit == 0


# (A warning of how long a failing journal is would hide what failed.)
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damaged())
def test_a_damaged_journal_shows_what_it_holds(rlm: RunRlm, home: Path, lines: list[dict[str, Any]]) -> None:
    path = home / "runs" / "20260101-080000-abcd.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    looked_at(rlm, path)


def journal_of(found: list[Event], folder: Path) -> Path:
    path = folder / "run.jsonl"
    path.write_bytes(b"".join(Record(seq, seq / 10, AT, event).to_line() for seq, event in enumerate(found, start=1)))
    return path


def child(node: str, parent: str) -> Event:
    return events.NodeStarted(node=node, depth=1, question=node, parent=parent, cell=f"{parent}/1.1", site=1)


START: list[Event] = [
    events.RunStarted(run="r", version="0", question="q", sources=[], root_model="a/b", sub_model="a/c"),
    events.NodeStarted(node="0", depth=0, question="q"),
]


def test_an_account_of_what_was_read_may_hold_anything() -> None:
    account = {"files": 2, "bytes": 9, "skipped_files": {"binary": 1}, "searched_for": [{"grep": "x"}]}
    checks = {"marks_without_source": ["7"], "quotes_not_found": ["x"], "quotes_not_searched": 1}
    assert "1 skipped: 1 binary" in coverage_text(account)
    for whole, told in ((account, finding), (account, coverage_text), (checks, doubts)):
        for (*above, key), wrong in product(list(places(whole)), WRONG):
            damage = inner = json.loads(json.dumps(whole))
            for step in above:
                inner = inner[step]
            inner[key] = wrong
            told(damage)


@pytest.mark.parametrize(
    "event",
    [START[0], events.RunResumed(run="r", after=1), events.QuestionAsked(question="q", number=2)],
    ids=lambda event: event.type,
)
@pytest.mark.parametrize(
    "wrong", [float("inf"), float("nan"), 1e308, 10**400, "30", [], True], ids=lambda wrong: str(wrong)[:9]
)
def test_a_limit_that_no_run_can_have_makes_a_line_that_cannot_be_read(event: Event, wrong: Any) -> None:
    """Python reads `Infinity` and `NaN` in JSON, and whatever shows a limit would have to put it into digits."""
    line = json.loads(Record(1, 0.5, AT, event).to_line())
    assert events.parse(json.dumps(line | {"limits": {"max_turns": 30, "max_cost": 0.5, "max_time": None}}))
    with pytest.raises(ValueError, match="limits is something else"):
        events.parse(json.dumps(line | {"limits": {"max_turns": wrong}}))


@pytest.mark.parametrize(
    "wrong", [float("inf"), float("nan"), 1e308, 10**400, "30", [], True, None], ids=lambda wrong: str(wrong)[:9]
)
def test_a_number_of_another_programs_log_is_one_that_can_be_shown(wrong: Any) -> None:
    assert imports.number(wrong) == 0
    assert imports.number(2.5) == 2.5


def test_children_that_lead_in_a_circle_are_drawn_once(rlm: RunRlm, tmp_path: Path) -> None:
    circles = [child("a", "b"), child("b", "a"), child("0", "b"), child("b", "0"), child("0", "0"), child("c", "0"), child("c", "c")]  # fmt: skip
    path = journal_of([*START, *circles], tmp_path)
    looked_at(rlm, path)
    assert "child c" in exported(path).lower()


def test_children_of_any_depth_are_all_kept(rlm: RunRlm, tmp_path: Path) -> None:
    """Beyond fifty levels they stand beside their parents: whatever draws a tree recurses."""
    path = journal_of([*START, *(child(f"n{at + 1}", f"n{at}" if at else "0") for at in range(1_000))], tmp_path)
    looked_at(rlm, path)
    run = Trajectory.of(journal.read(path))
    assert max(node.level for node in run.nodes.values()) == 50
    assert exported(path).count("Child n") == 1_000


def exported(path: Path) -> str:
    return b"".join(export("markdown", Source(path), Choices())).decode()


@pytest.mark.parametrize("field", ["seq", "t", "at", "type", "input_tokens", "cost", "messages", "cell"])
def test_a_field_of_another_type_makes_a_line_that_cannot_be_read(field: str) -> None:
    line = next(line for line in LINES if line["type"] == ("call.started" if field != "cost" else "call.finished"))
    events.parse(json.dumps(line))
    for wrong in ([1], {"a": 1}, float("nan"), float("inf"), 10**30, True):
        with pytest.raises(ValueError, match="something else"):
            events.parse(json.dumps(line | {field: wrong}))


def test_a_journal_of_a_newer_version_is_read_as_far_as_it_is_known_and_this_is_told(
    rlm: RunRlm, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    lines = V1.read_text().replace('"schema_version":1', '"schema_version":2').splitlines(keepends=True)
    newer = json.dumps({"seq": 3, "t": 1.5, "at": AT, "type": "planet.aligned", "planet": "mars"}) + "\n"
    path.write_text("".join([*lines[:5], newer, "torn\n", *lines[5:]]))
    for words in (["view", "--stats"], ["view", "--terminal"], ["runs", "show"], ["export", "--to", "markdown"]):
        done = rlm(*words, path)
        assert done.exit == 0, done.stderr
        assert "12" in done.stdout  # calls
        assert "was written by a newer rlm (version 2 of its events, known 1): 1 line" in done.stderr
        assert "1 line of" in done.stderr and "cannot be read: 7" in done.stderr  # noqa: PT018


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\xff\x00" * 500, b"{}\n[]\n"])
def test_a_file_that_holds_no_run_is_refused(rlm: RunRlm, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_bytes(content)
    ways = (["view", "--stats"], ["view", "--terminal"], ["view", "--play"], ["view", "-o", tmp_path / "page.html"])
    for words in (*ways, *(["export", "--to", name] for name in ("markdown", "sft", "html"))):
        done = rlm(*words, path)
        assert (done.exit, done.stdout) == (3, ""), (words, done.stderr)
        assert "holds no run" in done.stderr
    assert not (tmp_path / "page.html").exists()
    missing = rlm("view", tmp_path / "none.jsonl")
    assert (missing.exit, "none.jsonl does not exist" in missing.stderr) == (2, True)
