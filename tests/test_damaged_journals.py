"""A journal may come from anywhere: whatever one of its fields holds, to walk it again ends in a sentence, not in a bug."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rlm_cli.errors import RlmError
from rlm_cli.resuming import check_limit, past_of, settings_of
from tests.conftest import RunRlm
from tests.record_runs import RECORDINGS, RUNS

LINES = [json.loads(line) for name in RECORDINGS for line in (RUNS / f"{name}.jsonl").read_text().splitlines()]
WRONG: list[Any] = [
    None,
    True,
    -1,
    3.5,
    1e308,
    10**30,
    "",
    "x",
    "0/9.9",
    "\ud800",
    [],
    {},
    ["a"],
    [None],
    [[]],
    {"a": 1},
]


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything that a line holds."""
    if place:
        yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*place, key))


def kinds() -> list[tuple[int, tuple[Any, ...]]]:
    """One line and place for each field of each type of event, the settings and limits with all they hold."""
    found: dict[tuple[Any, ...], tuple[int, tuple[Any, ...]]] = {}
    for number, line in enumerate(LINES):
        for place in places(line):
            found.setdefault((line["type"], *(0 if isinstance(key, int) else key for key in place)), (number, place))
    return list(found.values())


@st.composite
def damages(draw: st.DrawFn) -> tuple[int, tuple[Any, ...], Any]:
    number, place = draw(st.sampled_from(kinds()))
    return number, place, draw(st.sampled_from(WRONG))


def damaged(number: int, place: tuple[Any, ...], value: Any) -> str:
    """The recording that line belongs to, with one value in the place of another."""
    begins = [at for at, line in enumerate(LINES) if line["type"] == "run.started" and at <= number][-1]
    lines = json.loads(json.dumps(LINES[begins:]))
    ends = next((at for at, line in enumerate(lines) if at and line["type"] == "run.started"), len(lines))
    holder = lines[number - begins]
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return "".join(json.dumps(line) + "\n" for line in lines[:ends])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The journal of the newest run in a home of its own; the working directory comes back."""
    monkeypatch.setenv("RLM_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs" / "20260101-000000-abcd.jsonl"


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damages())
@example((0, ("settings", "listed"), None))
@example((0, ("settings", "listed"), [None]))
@example((0, ("settings", "directory"), ["a"]))
@example((0, ("limits", "max_turns"), "x"))
def test_a_damaged_journal_is_read_or_refused(here: Path, damage: tuple[int, tuple[Any, ...], Any]) -> None:
    here.write_text(damaged(*damage), encoding="ascii")
    for strict in (False, True):
        with suppress(RlmError):  # whatever else is raised is a bug
            past = past_of(here, strict=strict)
            check_limit(past, settings_of(past.started, {"max_turns": "1"}), "last")
            list(past.so_far())


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        ("cell.finished", ("error",), {"kind": "time", "line": [], "more": 1}),
        ("cell.finished", ("error",), {"kind": []}),
        ("call.finished", ("finish",), "whatever"),
        ("call.started", ("call",), "c²"),
        ("call.started", ("messages",), 7),
        ("run.started", ("sources",), [1]),
        ("run.started", ("settings", "jobs"), {}),
        ("node.started", ("node",), None),
        ("compacted", ("keep",), -4),
        ("strategy.chosen", ("strategy",), "whatever"),
    ],
)
def test_a_damaged_recording_is_not_replayed_as_if_it_were_whole(
    kind: str, place: tuple[Any, ...], value: Any, rlm: RunRlm, tmp_path: Path
) -> None:
    fitting = (at for at, line in enumerate(LINES) if line["type"] == kind)
    number = next(at for at in fitting if LINES[at].get(place[0]) is not None)
    path = tmp_path / "damaged.jsonl"
    path.write_text(damaged(number, place, value), encoding="ascii")
    done = rlm("replay", path, "--allow-changed", cwd=RUNS)
    assert done.exit in (0, 2, 3, 6, 70)
    assert "bug in rlm" not in done.stderr
