"""No foreign text reaches a terminal alive, on any road; and making it inert takes linear time."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_cli.sinks import github
from rlm_cli.sinks.answer import FORMATS, Place
from rlm_cli.sinks.links import Linker
from rlm_cli.sinks.markdown import render
from rlm_cli.sinks.plain import PlainSink
from rlm_cli.sinks.report import Report
from rlm_cli.sinks.scene import view
from rlm_cli.sinks.tree import TreeSink
from rlm_cli.sinks.view import header, summary, turn_line
from rlm_cli.state import State
from rlm_cli.terminal import _SEQUENCES, Environment, Output, clean, inert, one_line
from tests import events_sample
from tests.events_sample import HOSTILE, Script
from tests.screens import Window, window

FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# What our own sinks may say to a terminal: colour, painting, links to files.
OURS = re.compile(
    r"\x1b\[(?:[0-9;]*m|\d*A|2K|\?(?:25|7|2026)[hl])|\x1b\]8;;(?:file:[!-~]*)?\x1b\\|\r\n|(?<=[hlAK\r])\r|\r$"
)
PIECES = [
    "\x1b", "\x1b[", "\x1b[31m", "\x1b]", "\x1b]0;t\x07", "\x1b]8;;http://e\x1b\\", "\x1b]52;c;eA==\x07", "\x1bP", "\x1b_", "\x1b^",
    "\x1b\\", "\x9b", "\x9d", "\x9c", "\x90", "\x07", "\x08", "\r", "\n", "\t", "\x00", "\x7f", "\x85", "\u202e", "\u2066", "\u2069", "\u200b",
    "\u200d", "\ufeff", "\udcff", "\ud800", "\u2028", "\U000e0041", "::set-output name=a::b", "##[error]", "  ::", "[/bold]", "[link=x]",
    "`", "```\n", "<http://e/%1b]0;x%07>", "&#x202e;", "&#8203;", "&#27;", "![a](http://e/?q)", "[t](http://e)", "<img src=x onerror=y>",
    "</pre>", "a", "日", "é", "0", ";", "m", " ", "|", "# ", "- ",
]  # fmt: skip


def hostile_texts(count: int, seed: int = 1) -> Iterator[str]:
    chance = random.Random(seed)
    for _ in range(count):
        yield "".join(chance.choices(PIECES, k=chance.randint(1, 8)))


def assert_inert(text: str, *, ours: bool = True) -> None:
    rest = OURS.sub("", text) if ours else text
    found = FORBIDDEN.search(rest)
    assert found is None, f"{found[0]!r} got through: {rest[max(0, found.start() - 60) : found.end() + 60]!r}"


@given(st.text())
def test_nothing_forbidden_is_left(text: str) -> None:
    assert_inert(clean(text), ours=False)
    assert clean(clean(text)) == clean(text)


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_plain_text_is_left_alone(text: str) -> None:
    kept = text.translate({0x3000: " "})
    assert clean(kept) == kept


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_hostile_pieces_in_any_order_are_inert(text: str) -> None:
    assert_inert(clean(text), ours=False)
    assert_inert(one_line(text), ours=False)
    assert "\n" not in one_line(text)


def test_a_hundred_thousand_hostile_strings() -> None:
    assert_inert("".join(clean(text) for text in hostile_texts(100_000)), ours=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x1b]52;c;eA==\x07x", "x"),
        ("\x1bP1$r\x1b\\x", "x"),
        ("\x1b\x1b[m[31mx", "\\x1b[31mx"),  # what is left after a sequence is taken out is no sequence
        ("\x1b]0;no end\nnext line", "\\x1b]0;no end\nnext line"),  # an open string hides nothing
        ("a\r\nb\rc", "a\nb\\x0dc"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("bad\udcffname", "bad\\xffname"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("👩\u200d👧 नमस्\u200dते", "👩\u200d👧 नमस्\u200dते"),  # joiners belong to the text
        ("tab\there", "tab\there"),
    ],
)
def test_what_becomes_of(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    "unit", ["\x1b]", "\x1bP", "\x1b[", "\x1b[0", "\x1b[ ", "\x1b]0", "\x1b_x\x1b", "\x1b]a\x1b[0"]
)
def test_the_work_is_linear(unit: str) -> None:
    """Counted, not timed: what all attempts look at together is at most twice the text."""
    prefixes = [r"\x1b\[[0-?]*[ -/]*", r"\x1b[\]PX^_][^\x07\x1b\x9c\n]*"]
    for prefix in prefixes:
        assert prefix in _SEQUENCES.pattern, "the pattern has changed: count anew"
    for text in (unit * 2000, unit + "0" * 4000, unit + " " * 4000):
        looked = 0
        for start in re.finditer("\x1b", text):
            for prefix in prefixes:
                found = re.compile(prefix).match(text, start.start())
                looked += found.end() - found.start() if found else 1
        assert looked <= 2 * len(text) + 2


def test_the_cost_of_a_title_does_not_grow_with_its_text() -> None:
    class Huge(str):
        looked = 0

        def __getitem__(self, key: object) -> str:
            assert isinstance(key, slice)
            part = str.__getitem__(self, key)
            Huge.looked += len(part)
            return part

    one_line(Huge("x" * 1_000_000), 80)
    assert Huge.looked <= 320


# --- every sink ----------------------------------------------------------------------------------------------------


def hostile_script(texts: Iterator[str]) -> Script:
    """A run in which each field that may hold foreign text holds one of `texts`."""

    def one() -> str:
        return next(texts)

    script = Script().question(one(), sources=[one(), one()], skipped={one(): 1})
    script.turn(one(), one(), error={"type": one(), "message": one()})
    script.warn(one()).begin_turn(text=one()).begin_cell(one(), code=one() + "\n" + one()).batch(3)
    script.call_failed(script.call_started(path=one(), slot=1), one(), one())
    script.call_retried(script.call_started(path=one(), slot=2), one())
    script.child("0.1", one()).begin_turn("0.1", text=one()).begin_cell(one(), "0.1", code=one())
    return script.child("0.2", one()).end_child("0.2", "failed", one())


def test_the_live_tree() -> None:
    texts = hostile_texts(100_000, seed=2)
    seen = 0
    for round_ in range(1500):
        script, state = hostile_script(texts), State()
        columns = (20, 40, 80, 120)[round_ % 4]
        for record in script.records:
            state.apply(record)
        node = state.root
        assert node is not None
        assert node.turn is not None
        lines = [
            *header(state, columns),
            *view(state, columns, 40, script.t),
            turn_line(state, node, node.turn, columns),
        ]
        lines += summary(state, columns, script.t)
        text = "\n".join(line.render(True) for line in lines)
        assert_inert(text)
        assert text.count("\n") == len(lines) - 1, "a foreign line end made a line"
        seen += len(lines)
    assert seen > 20_000


@pytest.mark.parametrize("verbose", [0, 2])
def test_the_bytes_of_the_painter(verbose: int) -> None:
    texts = hostile_texts(100_000, seed=3)
    for _ in range(100):
        output = window(60, 30, colour=True, paper=False)
        sink = TreeSink(output, {}, verbose=verbose, ticking=False)
        for record in hostile_script(texts).records:
            sink.emit(record)
            sink.draw()
        sink.close()
        assert_inert(output.text)


@pytest.mark.parametrize("verbose", [0, 1])
def test_plain_lines_hold_no_control_bytes_and_no_commands(verbose: int) -> None:
    texts = hostile_texts(100_000, seed=4)
    for _ in range(1500):
        output = window(paper=False)
        sink = PlainSink(output, verbose=verbose, neutral=True, ticking=False)
        for record in hostile_script(texts).records:
            sink.emit(record)
        sink.close()
        assert_inert(output.text, ours=False)
        assert_no_command(output.text)


def reports(count: int, seed: int) -> Iterator[Report]:
    texts = hostile_texts(count * 6, seed)
    for _ in range(count):
        citation = {"number": 1, "path": next(texts), "line": 3, "end_line": 4, "quote": next(texts), "verified": True}
        yield Report(
            question=next(texts),
            status="partial",
            text=next(texts) + next(texts),
            stopped_by=next(texts),
            citations=[citation, citation | {"verified": False}],
        )


def place(*, tty: bool, variables: dict[str, str] | None = None) -> Place:
    stdout: Output = window(70, paper=False, colour=True) if tty else Output(None)
    return Place(Environment(stdout, Output(None), variables or {}), links="file")


def test_the_answer_on_a_terminal() -> None:
    where = place(tty=True)
    for report in reports(1200, seed=5):
        assert_inert(FORMATS["text"](report, where).decode())


def test_json_and_markdown_on_a_terminal_or_in_a_log() -> None:
    for report in reports(5000, seed=6):
        line = FORMATS["json"](report, place(tty=True)).decode("ascii")
        assert_inert(line, ours=False)
        assert line.count("\n") == 1
        assert_no_command(line)
        exact = report.text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")  # joins pairs, as JSON
        assert json.loads(line)["answer"] == exact, "JSON is inert and yet exact"


def test_markdown_that_spells_what_it_may_not_say() -> None:
    for text in ("<http://evil/%1b]0;owned%07>", "&#x202e;abc", "[&#8203;](http://e)", "![&#x202e;](http://e/%9b)"):
        assert_inert(render(text, 60, colour=True, linker=Linker("file://{path}")))
        assert_inert(render(text, 60, colour=False), ours=False)


def assert_no_command(log: str, token: str = "") -> None:
    """As a GitHub runner reads: lines end at CR too, white space is trimmed, `##[` counts anywhere."""
    for line in re.split(r"[\r\n]", log):
        start = line.lstrip()
        assert not start.startswith("::") or (token and token in start), line
        assert "##[" not in line, line


@given(
    st.lists(
        st.sampled_from([":", "::", "#", "[", "##[", " ", "\t", "\r", "\n", "\x0b", "\x85", "\u2028", "a", "\xa0"])
    ).map("".join)
)
def test_no_spelling_of_a_workflow_command_survives(text: str) -> None:
    assert_no_command(inert(text))


def test_the_log_of_a_workflow() -> None:
    for report in reports(3000, seed=7):
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
    for report in reports(3000, seed=8):
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
