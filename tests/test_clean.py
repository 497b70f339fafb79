"""What makes foreign text inert on a terminal or in a log does so for every text, and in linear time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_cli.sinks.links import Linker
from rlm_cli.sinks.markdown import render
from rlm_cli.terminal import _SEQUENCES, clean, inert, one_line
from tests.hostile import PIECES, Supply, assert_inert, assert_no_command


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
    supply = Supply(1)
    assert_inert("".join(clean(supply()) for _ in range(100_000)), ours=False)


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


def test_markdown_that_spells_what_it_may_not_say() -> None:
    for text in ("<http://evil/%1b]0;owned%07>", "&#x202e;abc", "[&#8203;](http://e)", "![&#x202e;](http://e/%9b)"):
        assert_inert(render(text, 60, colour=True, linker=Linker("file://{path}")))
        assert_inert(render(text, 60, colour=False), ours=False)


@given(
    st.lists(
        st.sampled_from([":", "::", "#", "[", "##[", " ", "\t", "\r", "\n", "\x0b", "\x85", "\u2028", "a", "\xa0"])
    ).map("".join)
)
def test_no_spelling_of_a_workflow_command_survives(text: str) -> None:
    assert_no_command(inert(text))
