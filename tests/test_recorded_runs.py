"""Runs that were recorded once give the same outputs and answers today: `rlm replay` as a test of the engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import RunRlm
from tests.journals import faults
from tests.record_runs import RECORDINGS, RUNS

HOLDS = {
    "batches": {"batch.started", "call.finished", "cell.finished"},
    "children": {"node.started", "batch.started", "answer.given"},
    "partial": {"compacted", "limit.reached"},
}


def events(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (RUNS / f"{name}.jsonl").read_text(encoding="ascii").splitlines()]


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recorded_run_is_lived_through_again_without_a_difference(name: str, rlm: RunRlm) -> None:
    """If the change is meant: `make recordings`, and look at what `git diff` shows."""
    told = next(event for event in events(name) if event["type"] == "answer.given")
    # A checkout gives the files other times: that is no other input.
    done = rlm("replay", f"{name}.jsonl", "--allow-changed", "--json", cwd=RUNS)
    assert done.exit == RECORDINGS[name].status, done.stderr
    assert done.json["answer"] == told["text"]
    cited = [(item["path"], item["line"]) for item in done.json["citations"]]
    assert cited == [(item["path"], item["line"]) for item in told["citations"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_holds_what_it_is_for_and_fits_the_schema(name: str) -> None:
    assert HOLDS[name] <= {str(event["type"]) for event in events(name)}
    assert not faults(RUNS / f"{name}.jsonl")


def test_the_recordings_hold_an_error_a_grandchild_and_a_partial_answer() -> None:
    errors = [event["error"] for event in events("batches") if event["type"] == "cell.finished"]
    assert any(errors)
    assert "0.1.1" in {event.get("node") for event in events("children")}
    assert [event["status"] for event in events("partial") if event["type"] == "answer.given"] == ["partial"]


def test_a_changed_output_is_named_as_the_first_difference(rlm: RunRlm, tmp_path: Path) -> None:
    lines = events("batches")
    first, second = (
        event for event in lines if event["type"] == "cell.finished" and event["output"] and event["turn"] != 1
    )
    first["output"], second["output"] = str(first["output"]).replace("893", "894"), "something else\n"
    path = tmp_path / "changed.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in lines), encoding="ascii")
    done = rlm("replay", path, "--allow-changed", cwd=RUNS)
    assert done.exit == 70
    assert f"the replay is not the run: cell {first['cell']} printed" in done.stderr
    assert "894" in done.stderr
    assert "something else" not in done.stderr


def test_a_run_that_was_stopped_is_walked_as_far_as_it_went_and_no_bug_is_blamed(rlm: RunRlm, tmp_path: Path) -> None:
    lines = events("batches")
    last = max(at for at, event in enumerate(lines) if event["type"] == "call.started")
    path = tmp_path / "stopped.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in lines[:last]), encoding="ascii")
    done = rlm("replay", path, "--allow-changed", cwd=RUNS)
    assert done.exit == 70
    assert "the record ends here, where the run was stopped" in done.stderr
    assert "rlm resume" in done.stderr
