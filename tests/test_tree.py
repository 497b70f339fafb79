"""The live tree: what it shows at every width, and that no resizing, flood or depth spoils the terminal."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pexpect
import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_cli.events import Record, RunFinished, RunResumed
from rlm_cli.sinks.line import Line, fit, flow, head, middle, spread, width
from rlm_cli.sinks.painter import Painter
from rlm_cli.sinks.scene import MOST_ROWS, view
from rlm_cli.sinks.tree import TreeSink
from rlm_cli.sinks.view import header, summary, turn_line
from rlm_cli.state import State
from rlm_cli.terminal import ASCII, UNICODE
from tests import events_sample
from tests.events_sample import Script
from tests.screens import Paper, window

COLUMNS = (20, 40, 60, 80, 120, 200)
SAMPLES: dict[str, Callable[[], Script]] = {
    "asking": events_sample.asking,
    "deep": events_sample.deep,
    "wide": events_sample.wide,
    "hostile": events_sample.hostile,
    "flood": lambda: events_sample.asking(total=10_000, done=6_000, failed=40, running=16),
    "answered": events_sample.repository,
}
GOLDEN = Path(__file__).parent / "data" / "views"


def fold(script: Script) -> State:
    state = State()
    for record in script.records:
        state.apply(record)
    return state


@cache
def sample(name: str) -> tuple[State, float]:
    """A sample folded, and when its last event was."""
    script = SAMPLES[name]()
    return fold(script), script.t


def picture(name: str, columns: int) -> str:
    """Header, live part and summary of a sample, as text."""
    state, now = sample(name)
    lines = header(state, columns) + view(state, columns, 30, now + 1.3)
    return "\n".join(line.text for line in [*lines, *summary(state, columns, now + 1.3)]) + "\n"


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("name", SAMPLES)
def test_the_picture(name: str, columns: int) -> None:
    """Compared with tests/data/views; `RLM_WRITE_VIEWS=1` writes them anew: look at the difference."""
    path = GOLDEN / f"{name}-{columns}.txt"
    shown = picture(name, columns)
    if os.environ.get("RLM_WRITE_VIEWS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("columns", [1, 2, 5, 11, *COLUMNS])
@pytest.mark.parametrize("rows", [1, 2, 3, 6, 12, 24, 50])
@pytest.mark.parametrize("name", SAMPLES)
def test_it_fits_the_window(name: str, columns: int, rows: int) -> None:
    state, now = sample(name)
    lines = view(state, columns, rows, now)
    assert 1 <= len(lines) <= max(1, min(rows - 3, MOST_ROWS))
    assert all(line.width <= max(1, columns - 1) for line in lines)


def test_ten_thousand_calls_take_the_rows_of_ten_and_bounded_memory() -> None:
    few = view(fold(events_sample.asking(total=60, done=30, failed=4, running=16)), 100, 40, 60.0)
    script = SAMPLES["flood"]()
    state = fold(script)
    many = view(state, 100, 40, script.t)
    assert len(many) == len(few)
    text = "\n".join(line.text for line in many)
    assert "10,000 calls" in text
    assert "6,000 ok" in text
    assert "40 failed" in text
    assert "16 running" in text
    assert len(state.calls) == 16
    root = state.root
    assert root is not None
    assert root.turn is not None
    (group,) = root.turn.groups.values()
    assert len(group.running) == 16
    assert len(group.failures) == 2
    assert len(group.ends) <= 21


def test_five_hundred_live_children_cost_no_more_than_the_rows() -> None:
    """Counted: a frame looks at a fixed number of nodes, whatever number is alive."""
    script = Script().question("q")
    script.begin_turn().begin_cell("ask").batch(500, recursive=True, site=6)
    for number in range(1, 501):
        script.child(f"0.{number}", f"part {number}").begin_turn(f"0.{number}")
    state = fold(script)
    assert len(state.nodes) == 501
    looked = 0
    for node in state.nodes.values():
        node.question = _Counted(node.question)
    view(state, 100, 40, script.t)
    looked = _Counted.looked
    assert 0 < looked < 40


class _Counted(str):
    looked = 0

    def __getitem__(self, key: object) -> str:
        _Counted.looked += 1
        return str.__getitem__(self, key)  # type: ignore[index]


def test_children_that_end_leave_their_sums_and_no_nodes() -> None:
    script = Script().question("q")
    script.begin_turn().begin_cell("ask").batch(2_000, recursive=True, site=6)
    for number in range(1, 2_001):
        child = f"0.{number}"
        script.child(child, "part").begin_turn(child, cost=0.001).end_child(
            child, "failed" if number % 100 == 0 else "answered"
        )
    state = fold(script)
    assert list(state.nodes) == ["0"]
    root = state.root
    assert root is not None
    assert root.turn is not None
    (group,) = root.turn.groups.values()
    assert (group.done, group.failed, group.in_flight) == (1_980, 20, 0)
    assert group.totals.calls == 2_000
    assert abs(root.totals.cost - state.totals.cost) < 1e-9
    assert state.children_count == 2_000


def test_costs_add_up_at_every_level() -> None:
    state = State(whole=True)
    script = events_sample.deep(3, 2)
    for record in script.records:
        state.apply(record)
    root = state.root
    assert root is not None
    below = [node for node in state.nodes.values() if node.parent is root]
    own = sum(turn.totals.cost for turn in root.turns)
    assert abs(own - root.totals.cost) < 1e-9
    assert abs(root.totals.cost - state.totals.cost) < 1e-9
    assert sum(node.totals.calls for node in below) + 1 == state.totals.calls
    assert sum(totals.calls for totals in state.models.values()) == state.totals.calls


@given(st.randoms(use_true_random=False), st.sampled_from(sorted(SAMPLES)[:4]))
@settings(max_examples=60)
def test_a_torn_journal_still_shows(chance: object, name: str) -> None:
    records = list(SAMPLES[name]().records)
    chance.shuffle(records)  # type: ignore[attr-defined]
    state = State()
    for record in records[: len(records) * 2 // 3]:
        state.apply(record)
        for line in view(state, 60, 20, state.t):
            assert line.width < 60


def test_money_that_nobody_knows_is_not_shown_as_none() -> None:
    script = Script().question("q").begin_turn(cost=None)
    assert "cost unknown" in view(fold(script), 100, 20, 3.0)[-1].text
    script.end_turn().begin_turn(cost=0.25)
    assert "$0.250 and some unknown" in view(fold(script), 100, 20, 3.0)[-1].text


def test_a_call_that_hangs_is_called_slow() -> None:
    script = events_sample.asking(total=4, done=1, failed=0, running=2)
    assert "slow" not in "".join(line.text for line in view(fold(script), 100, 30, script.t + 2))
    assert "slow" in "".join(line.text for line in view(fold(script), 100, 30, script.t + 40))


def test_every_sign_has_an_ascii_twin_in_the_picture() -> None:
    for script in (events_sample.asking(), events_sample.repository(), events_sample.deep()):
        state = fold(script)
        lines = [
            *header(state, 100, ASCII),
            *view(state, 100, 30, script.t, ASCII),
            *summary(state, 100, script.t, ASCII),
        ]
        assert "".join(line.text for line in lines).isascii()


# --- lines ---------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])), st.integers(0, 90))
def test_a_cut_line_fits(text: str, cells: int) -> None:
    assert width(head(text, cells)) <= cells
    assert Line.of((text, "bold"), text).cut(cells).width <= max(0, cells)
    assert Line.of(text).cut(cells, "...").width <= max(0, cells)
    assert width(middle(text, cells)) <= max(cells, 5) or width(text) <= cells or cells < 5
    assert spread(Line.of(text), Line.of("12s"), cells).width <= max(0, cells)


def test_a_pile_of_combining_marks_ends() -> None:
    assert len(Line.of("e" + "\u0301" * 100_000).cut(40).text) < 400


def test_parts_give_way_by_their_rank() -> None:
    parts = [(9, Line.of("cost")), (1, Line.of("a hint")), (5, Line.of("tokens"))]
    assert fit(parts, 40).text == "cost  a hint  tokens"
    assert fit(parts, 15).text == "cost  tokens"
    assert fit(parts, 5).text == "cost"
    assert fit(parts, 3).text == "co…"


def test_facts_flow_and_none_is_left_out() -> None:
    facts = [Line.of(word) for word in ("alpha", "beta", "gamma", "delta")]
    assert [line.text for line in flow(facts, 14)] == ["alpha · beta", "gamma · delta"]


# --- the painter ---------------------------------------------------------------------------------------------------


def play(
    records: list[Record], paper: Paper, resizes: dict[int, tuple[int, int]], *, variables: dict[str, str]
) -> tuple[TreeSink, list[str]]:
    """Draw a frame an event, resize in between; what the sink committed is returned too."""
    output = window()
    output.paper = paper
    sink = TreeSink(output, variables, ticking=False)
    kept: list[str] = []
    take = sink._take_above

    def taken() -> str:
        text = take()
        kept.extend(text.splitlines())
        return text

    sink._take_above = taken  # type: ignore[method-assign]
    for index, record in enumerate(records):
        if index in resizes:
            paper.resize(*resizes[index])
        sink.emit(record)
        sink.draw()
    sink.close()
    return sink, kept


@given(
    st.sampled_from(["asking", "deep", "wide", "answered"]),
    st.dictionaries(st.integers(0, 60), st.tuples(st.integers(20, 150), st.integers(150, 160)), max_size=12),
)
@settings(max_examples=40)
def test_resizing_leaves_no_trace(name: str, resizes: dict[int, tuple[int, int]]) -> None:
    """What stands on the paper at the end is what was committed, to the letter: no ghosts, nothing eaten.

    The window is high enough for a wrapped frame: rows that have left it are out of every program's reach.
    """
    paper = Paper(100, 150)
    paper.feed("$ rlm ask\r\n")
    _, kept = play(SAMPLES[name]().records, paper, resizes, variables={})
    assert [line for line in paper.lines if line] == ["$ rlm ask", *[line.rstrip() for line in kept if line.strip()]]
    assert paper.cursor
    assert paper.wrapping


def test_a_terminal_that_does_not_wrap_anew() -> None:
    """Xterm clips what it has drawn; pyte does the same."""
    records = events_sample.repository().records
    screen = pyte.Screen(100, 40)
    stream = pyte.Stream(screen)
    output = window(100, 40, paper=False)
    sink = TreeSink(output, {"XTERM_VERSION": "XTerm(379)"}, ticking=False)
    stream.feed("$ rlm ask\r\n")
    for index, record in enumerate(records):
        if index % 7 == 3:
            output.columns = (100, 60, 80, 45)[index // 7 % 4]
            screen.resize(40, output.columns)
        sink.emit(record)
        sink.draw()
        stream.feed(output.text)
        output.written.clear()
    sink.close()
    stream.feed(output.text)
    lines = [line.rstrip() for line in screen.display if line.strip()]
    assert lines[0] == "$ rlm ask"
    assert sum("ask each hit" in line for line in lines) == 1
    assert sum(line.startswith("╰") for line in lines) == 1
    assert not screen.cursor.hidden


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("name", SAMPLES)
def test_every_byte_is_understood_by_a_terminal(name: str, columns: int) -> None:
    """pyte's idea of the width of a text is not ours; still no line may ever wrap."""
    records = SAMPLES[name]().records
    screen = pyte.Screen(columns, 60)
    stream = pyte.Stream(screen)
    output = window(columns, 60, paper=False, colour=True)
    sink = TreeSink(output, {}, ticking=False)
    for index, record in enumerate(records):
        sink.emit(record)
        if index % max(1, len(records) // 40) == 0:
            sink.draw()
    sink.draw()
    stream.feed(output.text)
    shown = [line.rstrip() for line in screen.display]
    while shown and not shown[-1]:
        shown.pop()
    assert screen.cursor.y == len(shown) - 1, "the cursor is on the last line of the frame"
    assert sum(line.startswith("╰") for line in shown) == 1, "one foot: no frame was left behind"
    sink.close()


def test_nothing_is_written_when_nothing_changed() -> None:
    output = window()
    painter = Painter(output, {})
    lines = [Line.of("one"), Line.of("two")]
    painter.paint(lines)
    assert len(output.written) == 1
    painter.paint(lines)
    assert len(output.written) == 1, "the same frame is not written again"
    painter.paint([Line.of("one"), Line.of("three")])
    assert len(output.written) == 2, "one write a frame"
    assert output.paper is not None
    assert output.paper.frames == 2
    painter.finish()


def test_a_frame_is_never_taller_than_the_window() -> None:
    output = window(40, 6)
    painter = Painter(output, {})
    for count in (3, 30, 12):
        painter.paint([Line.of(f"row {number}") for number in range(count)])
    painter.finish("the end\n")
    assert output.paper is not None
    assert output.paper.lines == ["the end"]


def test_a_background_job_draws_nothing() -> None:
    output = window()
    sink = TreeSink(output, {}, ticking=False)
    for record in events_sample.asking().records:
        sink.emit(record)
    output.foreground = False
    sink.draw()
    assert output.text == ""
    sink.close()


def test_a_resumed_run_shows_what_it_has_and_goes_on() -> None:
    script = events_sample.repository()
    raised = {"max_cost": 2.0, "max_time": 600.0}
    script.add(RunResumed(run="k7f2", after=len(script.records), limits=raised))
    script.turn("look once more")
    script.answer("found", exit_code=0)
    paper = Paper(100, 60)
    play(script.records, paper, {}, variables={})
    shown = paper.lines
    assert sum("ask each hit" in line for line in shown) == 1
    told = "↺ resumed: $0.054 spent before, now at most $2.00, 10m"
    assert shown.index(told) < next(index for index, line in enumerate(shown) if "look once more" in line)
    assert any("answered · 5 turns" in line for line in shown[-2:])


def test_a_turn_that_was_stopped_halfway_goes_on_after_a_resume() -> None:
    stopped, resumed = (script().records for script in (events_sample.stopped, events_sample.resumed))
    halfway = "! 1  ask them all  ↳ 1 of 5 calls  2s  $0.009"
    paper = Paper(100, 60)
    play(stopped, paper, {}, variables={})
    assert halfway in paper.lines
    state = State()
    for record in resumed[: len(stopped) + 2]:  # it has gone on, and asks again
        state.apply(record)
    lines = [line.text for line in view(state, 100, 40, state.t)]
    assert "ask them all" in lines[0]
    assert any("5 calls" in line and "1 ok  1 running" in line and "failed" not in line for line in lines)
    paper = Paper(100, 60)
    play(resumed, paper, {}, variables={})
    told = [line for line in paper.lines if line.startswith(("✓", "✗", "!", "↺"))]
    assert [line[:5] for line in told] == ["! 1  ", "↺ res", "✓ 1  ", "✓ 2  "]
    assert "↳ 5 calls" in told[2]


@given(st.sampled_from(sorted(SAMPLES)), st.sampled_from(COLUMNS))
def test_the_echo_of_ctrl_c_has_room_behind_the_last_line(name: str, columns: int) -> None:
    state, now = sample(name)
    assert view(state, columns, 24, now)[-1].width + len("^C") <= columns


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("status", ["failed", "partial"])
def test_a_child_that_stopped_and_went_on_after_a_resume_counts_once(status: str, whole: bool) -> None:
    script = Script().question("q")
    script.begin_turn().begin_cell("ask").batch(2, recursive=True, site=6)
    script.child("0.1", "part one").begin_turn("0.1", cost=0.25).end_child("0.1", status, "the provider failed")
    script.child("0.2", "part two").begin_turn("0.2", cost=0.25).end_child("0.2")
    before = fold(script)
    assert sum("the provider failed" in line.text for line in view(before, 100, 40, script.t)) == (status == "failed")
    script.add(RunResumed(run="k7f2", after=len(script.records)))
    script.begin_turn("0.1", cost=0.5)
    state = State(whole=whole)
    for record in script.records:
        state.apply(record)
    running = "\n".join(line.text for line in view(state, 100, 40, script.t))
    assert "2 children" in running
    assert "1 ok  1 running" in running
    assert "failed" not in running
    script.end_child("0.1")
    state.apply(script.records[-1])
    root = state.root
    assert root is not None
    assert root.turn is not None
    (group,) = root.turn.groups.values()
    assert (group.done, group.failed, group.in_flight, group.size) == (2, 0, 0, 2)
    assert group.totals.cost == pytest.approx(1.0)
    assert not state.stopped


def test_the_answer_has_air_above_it_on_the_same_terminal() -> None:
    output = window()
    sink = TreeSink(output, {}, air=True, ticking=False)
    for record in events_sample.repository().records:
        sink.emit(record)
    sink.close()
    assert output.paper is not None
    assert [row.text for row in output.paper.page][-2:] == ["", ""]


# --- real processes on a real pseudo-terminal ----------------------------------------------------------------------


@pytest.fixture
def spawn(environment: dict[str, str]) -> Iterator[Callable[..., pexpect.spawn]]:
    children: list[pexpect.spawn] = []

    def start(*arguments: str, columns: int = 80) -> pexpect.spawn:
        child = pexpect.spawn(
            sys.executable,
            ["-m", "tests.play", *arguments],
            cwd=str(Path(__file__).parent.parent),
            env=environment | {"TERM": "xterm-256color", "LANG": "C.UTF-8"},
            dimensions=(40, columns),
            encoding="utf-8",
            timeout=20,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.close(force=True)


def ended(child: pexpect.spawn) -> str:
    child.expect(pexpect.EOF)
    child.wait()
    return str(child.before)


def assert_given_back(text: str) -> None:
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l"), "the cursor is hidden"
    assert text.rfind("\x1b[?7h") > text.rfind("\x1b[?7l"), "lines are not wrapped"
    assert text.rfind("\x1b[?2026l") > text.rfind("\x1b[?2026h"), "a frame is open"


@pytest.mark.parametrize("end", ["close", "raise", "exit"])
def test_the_cursor_comes_back_however_the_program_ends(spawn: Callable[..., pexpect.spawn], end: str) -> None:
    child = spawn("asking", "--hold", "0.4", "--end", end)
    text = ended(child)
    assert "\x1b[?25l" in text
    assert_given_back(text)
    assert child.exitstatus == {"close": 0, "raise": 1, "exit": 5}[end]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_the_cursor_comes_back_after_a_signal(spawn: Callable[..., pexpect.spawn], number: signal.Signals) -> None:
    child = spawn("asking", "--hold", "30")
    child.expect("Ctrl-C|more running")
    os.kill(child.pid, number)
    text = "\x1b[?25l" + str(child.before) + ended(child)
    assert_given_back(text)
    if number is not signal.SIGINT:
        assert child.signalstatus == number, "and the caller still sees which signal it was"


def test_ctrl_z_gives_the_terminal_back_and_fg_draws_below(environment: dict[str, str]) -> None:
    """In a real shell: a stop signal has no effect on a process that no shell could continue."""
    shell = pexpect.spawn(
        "bash",
        ["--norc", "--noprofile", "-i"],
        cwd=str(Path(__file__).parent.parent),
        env=environment | {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PS1": "ready> "},
        dimensions=(40, 80),
        encoding="utf-8",
        timeout=20,
    )
    try:
        shell.expect("ready> ")
        shell.sendline(f"{sys.executable} -m tests.play asking --hold 2")
        shell.expect("more running")
        shell.send("\x1a")
        shell.expect("Stopped")
        assert_given_back("\x1b[?25l" + str(shell.before))
        shell.expect("ready> ")
        shell.sendline("fg")
        shell.expect("more running")
        after = str(shell.before)
        assert after.count("\x1b[?25l") == 1, "the cursor is hidden again"
        assert not re.search(r"\x1b\[\d*A", after), "nothing above the cursor is ours any more"
        shell.expect("ready> ")
        assert_given_back("\x1b[?25l" + str(shell.before))
    finally:
        shell.close(force=True)


def test_ten_frames_a_second_at_most(spawn: Callable[..., pexpect.spawn]) -> None:
    """1,000 events in half a second: the writes are frames, not events."""
    child = spawn("repository", "--pause", "0.005")
    text = ended(child)
    assert 2 <= text.count("\x1b[?2026h") <= 40


def test_unicode_pictures_differ_from_ascii() -> None:
    assert UNICODE.spinner != ASCII.spinner


def test_a_call_that_failed_is_no_turn_that_went_well() -> None:
    script = Script().question("q").begin_turn().end_turn().begin_turn()
    whole = [record for record in script.records if record.event.type != "call.finished"]
    script.records = whole
    script.call_failed(whole[-3].event.call, "ModelNotFound", "there is no such model")  # type: ignore[attr-defined]
    state = fold(script)
    root = state.root
    assert root is not None
    assert root.turn is not None
    assert turn_line(state, root, root.turn, 80).text.startswith("✗ 2  no reply")


@pytest.mark.parametrize(
    ("kind", "status", "told"),
    [("Unreachable", 5, True), ("ModelNotFound", 5, False), ("Interrupted", 5, False), ("InputError", 3, False)],
)
def test_a_run_is_gone_on_with_where_that_can_lead_on(kind: str, status: int, told: bool) -> None:
    script = Script().question("q").begin_turn()
    script.add(RunFinished(status="failed", exit_code=status, usage={}, error={"type": kind, "message": "m"}))
    shown = " ".join(line.text for line in summary(fold(script), 100, script.t))
    assert ("go on with: rlm resume k7f2" in shown) == told
