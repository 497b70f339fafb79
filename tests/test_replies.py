"""Every form in which models fence their code is run; prose never is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_cli.replies import answer_in, blocks, shorten


@pytest.mark.parametrize(
    ("reply", "cells"),
    [
        ("Look:\n```repl\nprint(1)\n```\n", ["print(1)"]),
        ("```python\nprint(1)\n```\nand\n```py\nprint(2)\n```", ["print(1)", "print(2)"]),
        ("```\nx = 1\n```", ["x = 1"]),
        ("```REPL\nx = 1\n```", ["x = 1"]),
        ("~~~python\nx = 1\n~~~", ["x = 1"]),
        ("````python\ns = '```'\n````", ["s = '```'"]),
        ("```repl\nx = 1```", ["x = 1"]),
        ("```repl\nx = 1", ["x = 1"]),
        ('```repl\ns = """\n```\ninside\n```\n"""\nprint(s)\n```', ['s = """\n```\ninside\n```\n"""\nprint(s)']),
        ("```repl\ns = 'it is ```'\nprint(s)\n```", ["s = 'it is ```'\nprint(s)"]),
        ("```repl\n# it's a comment\nx = 1\n```\nThe end", ["# it's a comment\nx = 1"]),
        ('```repl\ns = """never closed\n```\nmore words', ['s = """never closed']),
        ("- item\n  ```python\n  if x:\n      y()\n  ```", ["if x:\n    y()"]),
        ("```json\n{}\n```\nno code here", []),
        ("```bash\nls\n```", []),
        ("I think that the answer is clear.", []),
        ("", []),
        ("print(grep('x'))", ["print(grep('x'))"]),
        ("hits = grep('auth')\nprint(hits)", ["hits = grep('auth')\nprint(hits)"]),
        ("FINAL(Paris)", ["FINAL('Paris')"]),
        ('The answer:\nFINAL("it is (really) here")', ["FINAL('it is (really) here')"]),
        ("FINAL(len(hits))", ["FINAL(len(hits))"]),
        ("FINAL(f'{n} files')", ["FINAL(f'{n} files')"]),
        ("So:\nFINAL_VAR(result)", ["FINAL_VAR('result')"]),
        ("**FINAL(42)**", ["FINAL('42')"]),
        ("I am sure.\nNOT_FOUND(no such word)", ["NOT_FOUND('no such word')"]),
        ("```repl\nFINAL(x)\n```\nFINAL(something else)", ["FINAL(x)"]),
    ],
)
def test_the_code_of_a_reply_is_found(reply: str, cells: list[str]) -> None:
    assert list(blocks(reply).cells) == cells


def test_a_reply_can_be_cut_after_its_first_block() -> None:
    reply = "```repl\nprint(1)\n```\nOutput: 1\n```repl\nprint(2)\n```"
    assert reply[: blocks(reply).first_end] == "```repl\nprint(1)\n```\n"


@given(st.text(alphabet="`'\"#\\\n x(=FINAL)~", max_size=200))
def test_no_reply_breaks_the_scan(reply: str) -> None:
    found = blocks(reply)
    assert 0 <= found.first_end <= len(reply)
    assert all(cell.strip() for cell in found.cells)


def test_a_megabyte_of_quotes_is_scanned_in_linear_steps() -> None:
    # 1 MB of the worst that was thought of; a quadratic scan would run into the suite's time limit.
    assert blocks("```repl\n" + "\"'" * 500_000)
    assert blocks("```repl\n" + "'''\n```\n" * 100_000)
    assert blocks("``` x\n" * 100_000)
    assert blocks("``` " + "a" * 200_000 + "`")
    assert blocks("```\n\\'''\n```\n" * 10_000)


@given(st.text(max_size=400), st.integers(30, 200))
def test_shortening_keeps_head_tail_and_says_how_much_is_hidden(text: str, limit: int) -> None:
    short = shorten(text, limit)
    if len(text) <= limit:
        assert short == text
    else:
        assert f"of {len(text):,} characters not shown" in short
        assert len(short) <= limit + 70


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("It is in auth.py.\n", "It is in auth.py."),
        ("```repl\nFINAL('It is in auth.py.')\n```", "It is in auth.py."),
        ('I stop.\n```repl\nx = 1\nFINAL("""One.\nTwo.""")\n```', "One.\nTwo."),
        ("FINAL(It is in auth.py.)", "It is in auth.py."),
        ("It says:\n```\ntoken = 1\n```\nand no more.", "It says:\n```\ntoken = 1\n```\nand no more."),
        ("```\ntoken = 1\n```", "```\ntoken = 1\n```"),
        ("```repl\nm = cite(hits[0])\nFINAL('It is ' + m + 'there')\n```", ""),
        ("```python\nprint(grep('auth'))\n```", ""),
        ("print(grep('auth'))", ""),
        ("", ""),
    ],
)
def test_last_words_are_read_and_not_run(reply: str, answer: str) -> None:
    assert answer_in(reply) == answer
