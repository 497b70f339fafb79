"""Who decides about colour, glyphs and motion: each stream by itself, never a library's guess."""

from __future__ import annotations

import io

import pytest

from rlm_cli.sinks import choose_progress
from rlm_cli.terminal import ASCII, UNICODE, Environment, Output, _wants_ascii, decide_colour

TABLE = [
    # --color, variables, a TTY → colour
    ("always", {"NO_COLOR": "1"}, False, True),
    ("never", {"FORCE_COLOR": "1"}, True, False),
    ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
    ("auto", {"NO_COLOR": ""}, True, True),
    ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
    ("auto", {"FORCE_COLOR": "3", "CLICOLOR": "0"}, False, True),
    ("auto", {"FORCE_COLOR": "0"}, False, False),
    ("auto", {"CLICOLOR_FORCE": "0"}, True, True),
    ("auto", {"CLICOLOR": "0"}, True, False),
    ("auto", {"TERM": "dumb"}, True, False),
    ("auto", {"TERM": "xterm-256color"}, True, True),
    ("auto", {}, False, False),
]


@pytest.mark.parametrize(("when", "variables", "tty", "expected"), TABLE)
def test_the_truth_table_of_colour(when: str, variables: dict[str, str], tty: bool, expected: bool) -> None:
    assert decide_colour(when, variables, tty) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("variables", "encoding", "expected"),
    [
        ({}, "utf-8", False),
        ({"LANG": "C.UTF-8"}, "utf-8", False),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, "utf-8", True),
        ({"LANG": "C"}, "utf-8", True),
        ({"LANG": "en_US.UTF-8"}, "cp1252", True),
        ({"LANG": "en_US.UTF-8"}, "latin-1", True),
        ({"TERM": "linux"}, "utf-8", True),
        ({}, "no-such-encoding", True),
    ],
)
def test_signs_that_a_console_cannot_show_have_twins(variables: dict[str, str], encoding: str, expected: bool) -> None:
    assert _wants_ascii(variables, encoding) is expected


def test_the_twins_are_ascii() -> None:
    for name in ASCII.__slots__:
        assert getattr(ASCII, name).isascii(), name
        assert getattr(ASCII, name), name
    assert UNICODE.done == "✓"


@pytest.mark.parametrize(
    ("variables", "ttys", "wanted", "form", "expected"),
    [
        ({}, (True, True), "auto", "text", "tree"),
        ({}, (True, False), "auto", "jsonl", "tree"),
        ({}, (True, True), "auto", "jsonl", "none"),
        ({}, (False, True), "auto", "text", "plain"),
        ({"FORCE_COLOR": "1"}, (False, False), "auto", "text", "plain"),
        ({"TERM": "dumb"}, (True, True), "auto", "text", "plain"),
        ({"ACCESSIBLE": "1"}, (True, True), "auto", "text", "plain"),
        ({}, (False, False), "tree", "text", "tree"),
        ({}, (True, True), "none", "text", "none"),
    ],
)
def test_colour_never_implies_motion(
    variables: dict[str, str], ttys: tuple[bool, bool], wanted: str, form: str, expected: str
) -> None:
    class Wish:
        progress, format, quiet, verbose = wanted, form, False, 0

    stderr, stdout = (Output(io.StringIO(), tty=tty) for tty in ttys)
    environment = Environment(stdout, stderr, variables)
    assert choose_progress(Wish(), environment) == expected


def test_quiet_shows_no_progress() -> None:
    class Wish:
        progress, format, quiet, verbose = "tree", "text", True, 0

    environment = Environment(Output(io.StringIO()), Output(io.StringIO(), tty=True))
    assert choose_progress(Wish(), environment) == "none"
