"""A source is shown only when its bytes are there: true ones hold, false ones fall, moved ones are repaired."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rlm_cli.citations import Sources
from rlm_cli.context.spans import Span
from rlm_cli.context.store import MemoryStore

LINES = st.lists(st.text(alphabet="ab é😀\r\t", max_size=8), min_size=1, max_size=12)


def store(**files: str) -> MemoryStore:
    return MemoryStore({name.replace("_", "."): text.encode() for name, text in files.items()})


@given(LINES, st.data())
def test_a_line_that_is_cited_has_the_number_that_an_editor_shows(lines: list[str], data: st.DataObject) -> None:
    text = "\n".join(lines)
    pick = data.draw(st.integers(0, len(lines) - 1))
    start = len("\n".join(lines[:pick]).encode()) + (1 if pick else 0)
    span = Span(0, start, start + len(lines[pick].encode()))
    sources = Sources(store(a_txt=text))
    number = sources.add(span)
    citation = sources.checked(number, store(a_txt=text))
    if not lines[pick]:
        assert citation is None  # nothing is cited by no bytes
        return
    assert citation is not None
    assert (citation.line, citation.end_line) == (pick + 1, pick + 1)
    assert citation.quote == lines[pick].rstrip("\r")
    assert citation.state == "verified"


@given(LINES, LINES)
def test_a_source_whose_bytes_have_changed_is_moved_or_dropped_never_kept(before: list[str], after: list[str]) -> None:
    old, new = "\n".join(before), "\n".join(after)
    dropped: list[str] = []
    sources = Sources(store(a_txt=old), dropped.append)
    wanted = before[-1].encode()
    number = sources.add(Span(0, len(old.encode()) - len(wanted), len(old.encode())))
    citation = sources.checked(number, store(a_txt=new))
    if citation is None:
        assert dropped
        assert not wanted or wanted not in new.encode()
    else:
        assert new.encode()[citation.start : citation.end] == wanted
        assert citation.line == new.encode()[: citation.start].count(b"\n") + 1


def test_a_reference_in_prose_becomes_a_source_where_the_line_exists() -> None:
    files = {"src/auth.py": b"one\ntwo\nthree\n", "lib/auth.py": b"x\n", "src/only.py": b"y\n"}
    sources = Sources(MemoryStore(files))
    text, found = sources.settle("See src/auth.py:2, only.py:1, src/auth.py:9 and auth.py:1.", MemoryStore(files))
    assert text == "See src/auth.py:2, only.py:1, src/auth.py:9? and auth.py:1."
    assert [citation.place for citation in found] == ["src/auth.py:2", "src/only.py:1"]
    assert found[0].quote == "two"


def test_a_mark_without_a_source_is_marked() -> None:
    sources = Sources(store(a_txt="one\ntwo\n"))
    assert sources.add(Span(0, 4, 7)) == 1
    text, found = sources.settle(
        "It is two [1], perhaps [7]; but not `items[0]` or items[3].", store(a_txt="one\ntwo\n")
    )
    assert text == "It is two [1], perhaps [7?]; but not `items[0]` or items[3]."
    assert [citation.line for citation in found] == [2]


def test_without_any_mark_every_registered_source_is_shown() -> None:
    sources = Sources(store(a_txt="one\ntwo\n"))
    sources.add(Span(0, 0, 3))
    sources.add(Span(0, 4, 8))
    _, found = sources.settle("Both.", store(a_txt="one\ntwo\n"))
    assert [(citation.line, citation.end_line) for citation in found] == [(1, 1), (2, 2)]


def test_the_same_span_is_one_source() -> None:
    sources = Sources(store(a_txt="one\n"))
    assert sources.add(Span(0, 0, 3)) == sources.add(Span(0, 0, 3)) == 1


@given(st.text(alphabet="a.:/-1[]`", max_size=300))
def test_no_answer_breaks_the_check(text: str) -> None:
    kept, _ = Sources(store(a_txt="1\n")).settle(text, store(a_txt="1\n"))
    assert kept.replace("?", "") == text


def test_a_long_answer_is_scanned_in_linear_steps() -> None:
    files = store(a_txt="1\n")
    for worst in ("a" * 400_000, "a.b:" * 100_000, "`" * 300_000, "-" * 300_000, "[1" * 200_000):
        Sources(files).settle(worst, files)
