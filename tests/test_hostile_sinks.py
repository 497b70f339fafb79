"""A hundred thousand hostile strings through each sink and each format: no raw byte of them reaches a terminal or a log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from rlm_cli.cli.output import columns
from rlm_cli.errors import ProviderError
from rlm_cli.exports.trajectory import Trajectory
from rlm_cli.sinks import github
from rlm_cli.sinks.answer import FORMATS, Place
from rlm_cli.sinks.jsonl import JsonlSink
from rlm_cli.sinks.outline import outline
from rlm_cli.sinks.plain import PlainSink
from rlm_cli.sinks.report import Report
from rlm_cli.sinks.scene import view
from rlm_cli.sinks.tree import TreeSink
from rlm_cli.sinks.view import header, summary, turn_line
from rlm_cli.state import State
from rlm_cli.terminal import UNICODE, Environment, Output
from tests import events_sample
from tests.events_sample import HOSTILE, Script
from tests.hostile import FORBIDDEN, Supply, assert_inert, assert_no_command
from tests.screens import Window, window

COUNT = 100_000  # strings that each sink is given


def scripts(supply: Supply, each: int = 1, *, cells: int = 0) -> Iterator[Script]:
    """Runs in which each field that may hold foreign text holds `each` strings, until all have been given.

    `cells` more lines of code and of output, a string on each, are for the displays that show them whole.
    """
    while supply.given < COUNT:
        script = Script().question(supply(each), sources=[supply(each), supply(each)], skipped={supply(each): 1})
        script.begin_turn().begin_cell(supply(each), code=supply.lines(cells) or supply(each))
        script.end_cell(supply.lines(cells) or supply(each), error={"type": supply(each), "message": supply(each)})
        script.end_turn().warn(supply(each))
        script.begin_turn(text=supply(each)).begin_cell(supply(each), code=supply.lines(3)).batch(3)
        script.call_failed(script.call_started(path=supply(each), slot=1), supply(each), supply(each))
        script.call_retried(script.call_started(path=supply(each), slot=2), supply(each))
        script.child("0.1", supply(each)).begin_turn("0.1", text=supply(each))
        script.begin_cell(supply(each), "0.1", code=supply(each))
        yield script.child("0.2", supply(each)).end_child("0.2", "failed", supply(each))


def test_the_lines_of_the_live_tree() -> None:
    for number, script in enumerate(scripts(Supply(2), 3)):
        width, state = (20, 40, 80, 120)[number % 4], State()
        for record in script.records:
            state.apply(record)
        node = state.root
        assert node is not None
        assert node.turn is not None
        lines = [*header(state, width), *view(state, width, 40, script.t), turn_line(state, node, node.turn, width)]
        lines += summary(state, width, script.t)
        text = "\n".join(line.render(True) for line in lines)
        assert_inert(text)
        assert text.count("\n") == len(lines) - 1, "a foreign line end made a line"


@pytest.mark.parametrize(("verbose", "each", "cells"), [(0, 4, 0), (2, 2, 40)])
def test_the_bytes_of_the_painter(verbose: int, each: int, cells: int) -> None:
    for script in scripts(Supply(3), each, cells=cells):
        output = window(200, 30, colour=True, paper=False)
        sink = TreeSink(output, {}, verbose=verbose, ticking=False)
        for number, record in enumerate(script.records):
            sink.emit(record)
            if number % 20 == 19:
                sink.draw()
        sink.draw()
        sink.close()
        assert_inert(output.text)


@pytest.mark.parametrize(("verbose", "each", "cells"), [(0, 4, 0), (1, 2, 40)])
def test_plain_lines_hold_no_control_bytes_and_no_commands(verbose: int, each: int, cells: int) -> None:
    for script in scripts(Supply(4), each, cells=cells):
        output = window(paper=False)
        sink = PlainSink(output, verbose=verbose, neutral=True, ticking=False)
        for record in script.records:
            sink.emit(record)
        sink.close()
        assert_inert(output.text, ours=False)
        assert_no_command(output.text)


def test_events_on_a_terminal() -> None:
    for script in scripts(Supply(5), 20):
        output = window(paper=False)
        sink = JsonlSink(output, fatal=False)
        for record in script.records:
            sink.emit(record)
        sink.close()
        assert_inert(output.text, ours=False)
        assert_no_command(output.text)
        assert output.text.count("\n") == sum(not record.event.live for record in script.records)


def test_the_outline_of_a_run() -> None:
    for script in scripts(Supply(6), 4, cells=12):
        run = Trajectory.of(script.records)
        text = "".join(line.render(True) + "\n" for line in outline(run, 100, UNICODE))
        assert_inert(text)


def test_errors_and_tables() -> None:
    supply = Supply(7)
    while supply.given < COUNT:
        output = window(60, paper=False)
        output.tell(ProviderError(supply(40), supply(40)))
        output.remark(supply(40))
        table = columns([[supply(10), supply(10), supply(40)] for _ in range(5)])
        assert_inert(output.text + table, ours=False)
        assert table.count("\n") == 4, "a foreign line end made a row"


# --- the answer ----------------------------------------------------------------------------------------------------


def reports(supply: Supply, most: int = 12) -> Iterator[Report]:
    """Answers until all strings have been given; each has a verified citation and one that is not."""
    while supply.given < COUNT:
        citation = {"number": 1, "path": supply(2), "line": 3, "end_line": 4, "quote": supply(4), "verified": True}
        yield Report(
            question=supply(4),
            status="partial",
            text=supply(most),
            stopped_by=supply(2),
            citations=[citation, citation | {"verified": False}],
        )


def place(*, tty: bool, variables: dict[str, str] | None = None) -> Place:
    stdout: Output = window(70, paper=False, colour=True) if tty else Output(None)
    return Place(Environment(stdout, Output(None), variables or {}), links="file")


def test_the_answer_on_a_terminal() -> None:
    where = place(tty=True)
    for report in reports(Supply(8), 40):
        assert_inert(FORMATS["text"](report, where).decode())


def test_json_on_a_terminal_or_in_a_log() -> None:
    where = place(tty=True)
    for report in reports(Supply(9)):
        line = FORMATS["json"](report, where).decode("ascii")
        assert_inert(line, ours=False)
        assert line.count("\n") == 1
        assert_no_command(line)
        exact = report.text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")  # joins pairs, as JSON
        assert json.loads(line)["answer"] == exact, "JSON is inert and yet exact"


def test_the_log_of_a_workflow() -> None:
    for report in reports(Supply(10)):
        log = github.log(report, "")
        assert_inert(log, ours=False)
        head, _, rest = log.partition("::stop-commands::")
        token, _, body = rest.partition("\n")
        assert body.endswith(f"\n::{token}::\n")
        assert_no_command(body.removesuffix(f"::{token}::\n"))
        commands = head.splitlines()
        assert len(commands) == 1, "one verified citation, one command"
        assert re.fullmatch(r"::notice file=[^,:\n]*,line=3,endLine=4,title=[^,:\n]*::[^\n]*", commands[0])


def test_the_summary_of_a_job_holds_no_tag_of_a_model() -> None:
    ours = re.compile(
        r"</?(?:div|p|pre|code|sub|em|strong|ul|ol|li|h[1-6]|hr|br|blockquote|table|thead|tbody|tr|th|td)(?: /)?(?: start=\"\d+\"| class=\"language-[^\"<>]*\")?>"
    )
    for report in reports(Supply(11), 30):
        text = github.summary(report)
        assert_inert(text, ours=False)
        assert "<" not in ours.sub("", text), text
        body = text.split("\n\n")[1]
        assert body.startswith("<div>")
        assert "\n" not in body


def test_a_name_cannot_forge_a_line_of_sources() -> None:
    report = Report(
        status="answered", text="x", citations=[{"number": 1, "path": "a\n[2] b.py:1", "line": 1, "verified": True}]
    )
    text = FORMATS["text"](report, place(tty=False)).decode()
    assert text.splitlines()[-1] == "[1] a [2] b.py:1:1"


def test_the_sample_is_hostile_enough() -> None:
    """A test of the tests: without `clean` this text would get through."""
    assert FORBIDDEN.search(HOSTILE)
    with pytest.raises(AssertionError, match="got through"):
        assert_inert(HOSTILE)
    assert isinstance(window(paper=False), Window)
    assert events_sample.hostile().records
