"""Progress where nothing may move: lines that are only appended, never silent for long, never many."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest

from rlm_cli import figures
from rlm_cli.events import Record
from rlm_cli.sinks.plain import PlainSink
from tests import events_sample
from tests.events_sample import Script
from tests.screens import Window, window


class Run:
    """A run whose time is told, not waited for."""

    def __init__(self, **options: object) -> None:
        self.now = 0.0
        self.output: Window = window(paper=False)
        self.sink = PlainSink(self.output, ticking=False, clock=lambda: self.now, **options)  # type: ignore[arg-type]

    def feed(self, records: list[Record]) -> Run:
        for record in records:
            self.wait(record.t - self.now)
            self.sink.emit(record)
        return self

    def wait(self, seconds: float) -> None:
        """Time goes by; the clock of the sink looks once a second."""
        end = self.now + max(0.0, seconds)
        while self.now < end:
            self.now = min(end, self.now + 1.0)
            self.sink.tick()

    @property
    def lines(self) -> list[str]:
        return self.output.text.splitlines()


def times(lines: list[str]) -> Iterator[float]:
    for line in lines:
        found = re.match(r"\[(?:(\d+):)?(\d\d):(\d\d)\] ", line)
        assert found, line
        yield int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])


def test_a_run_from_its_question_to_its_end() -> None:
    run = Run().feed(events_sample.repository().records)
    run.sink.close()
    assert run.lines == [
        "[00:00] rlm k7f2: where is auth handled",
        "[00:00] models gpt-5 and gpt-5-mini; at most $1.00, 10m",
        "[00:00] repo/: 1,284 files, 9.6 MB; 31 skipped: 20 ignored, 9 binary, 2 secret",
        "[00:04] turn 1 done: list the tree, sizes and languages, $0.009",
        "[00:09] turn 2 done: grep for auth entry points, $0.009",
        "[00:12] turn 3 done: ask each hit how it enforces auth, 37 sub-calls, 1 failed, $0.027",
        "[00:15] turn 4 done: read the two middlewares in full, $0.009",
        "[00:15] answered: 4 turns, 41 calls (1 failed), 242k in, 5.5k out, $0.054 of $1.00",
    ]


def test_a_line_at_least_every_thirty_seconds_for_half_an_hour() -> None:
    """A model that says nothing, and a batch that crawls."""
    run = Run().feed(events_sample.asking(total=400, done=1, running=8).records)
    run.wait(1800)
    run.sink.close()
    gaps = [later - earlier for earlier, later in itertools.pairwise([0, *times(run.lines)])]
    assert max(gaps) <= 30
    assert any("still working: turn 3, 2 of 400 sub-calls done" in line for line in run.lines)


def calm(hours: float) -> Run:
    run = Run().feed(events_sample.asking(total=100, done=1, running=3).records)
    run.wait(hours * 3600)
    return run


def busy_turns() -> Run:
    script = Script().question("q")
    for number in range(1000):
        script.turn(f"turn {number}", "x", seconds=5)
    return Run().feed(script.records)


def busy_batches() -> Run:
    script = Script().question("q").begin_turn().begin_cell("ask")
    for _ in range(400):
        script.fan_out(50, done=50)
    return Run().feed(script.records)


def warnings() -> Run:
    script = Script().question("q")
    for number in range(5000):
        script.warn(f"file {number} is unreadable")
    return Run().feed(script.records)


@pytest.mark.parametrize("kind", ["calm", "turns", "batches", "warnings"])
def test_under_two_hundred_lines_whatever_happens(kind: str) -> None:
    run = {"calm": lambda: calm(48), "turns": busy_turns, "batches": busy_batches, "warnings": warnings}[kind]()
    run.sink.close()
    assert 5 <= len(run.lines) < 200


def test_turns_that_were_not_told_are_counted_in_the_next_line() -> None:
    run = busy_turns()
    told = [int(found[1]) for line in run.lines if (found := re.search(r"turn (\d+)", line))]
    assert told == sorted(told)
    assert told[-1] > 500
    run.sink.close()
    assert "1,000 turns" in run.lines[-2]


def test_the_quarters_of_a_batch_are_told() -> None:
    script = Script().question("q").begin_turn().begin_cell("ask")
    script.batch(200)
    for slot in range(200):
        call = script.call_started(slot=slot, path=f"{slot}.py")
        script.call_finished(call, after=0.5)
    run = Run().feed(script.records)
    told = [line for line in run.lines if "of 200 sub-calls done" in line]
    assert 3 <= len(told) <= 25


def test_what_stopped_it_and_how_to_go_on() -> None:
    script = events_sample.asking().limit("cost")
    script.answer("so far", status="partial", exit_code=6, stopped_by="cost")
    run = Run().feed(script.records)
    run.sink.close()
    assert run.lines[-3].endswith("the cost limit of $1.00 is reached")
    assert "stopped by cost: 3 turns" in run.lines[-2]
    # With the limit as it was it would stop at once again.
    assert run.lines[-1].endswith("go on with: rlm resume k7f2 --max-cost 2")


@pytest.mark.parametrize(
    ("dollars", "shown"),
    [(1.0, "$1.00"), (0.5, "$0.50"), (1234.5, "$1,234.50"), (0.005, "$0.005"), (0.00001, "$0.00001")],
)
def test_a_limit_in_parts_of_a_cent_is_not_shown_as_nothing(dollars: float, shown: str) -> None:
    assert figures.cap(dollars) == shown


def test_a_turn_that_was_stopped_halfway_is_told_when_it_is_done() -> None:
    run = Run().feed(events_sample.resumed().records)
    run.sink.close()
    told = [line.partition("] ")[2] for line in run.lines if " turn " in line or "resumed" in line]
    assert told == [
        "turn 1 stopped: ask them all, 1 of 5 sub-calls, $0.009",
        "resumed: $0.009 spent before, now at most $1.00, 10m",
        "turn 1 done: ask them all, 5 sub-calls, $0.012",
        "turn 2 done: put it together, $0.009",
    ]


def test_verbose_shows_cells_and_their_output() -> None:
    run = Run(verbose=1).feed(events_sample.repository().records)
    text = "\n".join(run.lines)
    assert "    notes = llm_query_batched(" in text
    assert "  > 37 files" in text


def test_nothing_but_what_a_log_may_hold() -> None:
    for script in (events_sample.repository(), events_sample.hostile(), events_sample.wide(), events_sample.deep()):
        run = Run(verbose=1, neutral=True).feed(script.records)
        run.sink.close()
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", run.output.text)


def test_a_run_that_never_began_says_nothing() -> None:
    run = Run()
    run.wait(100)
    run.sink.close()
    assert run.output.text == ""
