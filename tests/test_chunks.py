"""chunks cuts a text at line ends into parts that cover it exactly, and makes them only when they are used."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_cli.context.chunks import Chunks
from rlm_cli.context.files import Files, build_context
from rlm_cli.context.readers import Readers
from rlm_cli.context.store import MemoryStore
from rlm_cli.context.text import Text

TEXTS = st.lists(
    st.sampled_from(["a", "bc\n", "\n", "word word\n", "é", "日本\n", "\U0001f600", "\r\n", "x" * 30]), max_size=60
).map("".join)


def readers(contents: dict[str, bytes]) -> Readers:
    store = MemoryStore(contents)
    return Readers(build_context(store), Files(store))


@given(TEXTS, TEXTS, st.integers(1, 60))
@settings(max_examples=400, deadline=None)
def test_the_parts_joined_are_the_text(one: str, two: str, size: int) -> None:
    reader = readers({"a": one.encode(), "b": two.encode()})
    whole = str(reader.names()["context"])
    parts = [str(part) for part in reader.chunks(size=size)]
    assert "".join(parts) == whole
    assert all(0 < len(part) <= size for part in parts)
    for part, after in pairwise(parts):
        # Cut at a line end, unless a line is longer than a part; and as late as that allows.
        assert part.endswith("\n") or ("\n" not in part and len(part) == size)
        line = after.split("\n", 1)
        assert len(part) + len(line[0]) + (len(line) > 1) > size


@given(TEXTS, st.integers(2, 60), st.data())
@settings(max_examples=300, deadline=None)
def test_with_overlap_nothing_is_missed_and_every_part_brings_something_new(
    text: str, size: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    chunks = readers({"a": text.encode()}).chunks(size=size, overlap=overlap)
    assert isinstance(chunks, Chunks)
    parts = [str(part) for part in chunks]
    assert parts == [text[start:end] for start, end in zip(chunks._starts, chunks._ends, strict=True)]
    at = 0  # how far the text is covered
    for start, end in zip(chunks._starts, chunks._ends, strict=True):
        assert at - overlap <= start <= at < end <= start + size
        assert start in (0, at) or text[start - 1] == "\n"
        at = end
    assert at == len(text)


def test_overlap_repeats_whole_lines() -> None:
    text = "".join(f"line {number}\n" for number in range(10))
    parts = [str(part) for part in readers({"a": text.encode()}).chunks(size=28, overlap=8)]
    assert parts[0] == "line 0\nline 1\nline 2\nline 3\n"
    assert parts[1].startswith("line 3\nline 4\n")


def test_parts_are_texts_that_know_their_place() -> None:
    reader = readers({"a.txt": b"one\ntwo\nthree\n"})
    parts = reader.chunks(size=8)
    assert all(type(part) is Text for part in parts)
    assert [part.path for part in parts] == ["a.txt", "a.txt"]
    match = reader.grep("three", parts[1])[0]
    assert (match.path, match.line) == ("a.txt", 3)


def test_is_a_list_to_look_at() -> None:
    parts = readers({"a": b"1\n2\n3\n"}).chunks(size=2)
    assert len(parts) == 3
    assert str(parts[-1]) == "3\n"
    assert [str(part) for part in parts[:2]] == ["1\n", "2\n"]
    assert [str(part) for part in reversed(parts)] == ["3\n", "2\n", "1\n"]
    with pytest.raises(IndexError):
        parts[3]


def test_the_first_part_reads_only_the_beginning() -> None:
    store = MemoryStore({"a": b"some line\n" * 1_000_000})
    read: list[int] = []
    peek = store.peek
    store.peek = lambda file, start, end: read.append(end) or peek(file, start, end)  # type: ignore[method-assign,func-returns-value]
    parts = Readers(build_context(store), Files(store)).chunks(size=1000)
    assert str(parts[0])
    assert max(read) < 1 << 18


def test_sources() -> None:
    reader = readers({"a.py": b"1\n2\n", "b.md": b"3\n4\n"})
    assert [str(part) for part in reader.chunks("a.py", size=2)] == ["1\n", "2\n"]
    assert [str(part) for part in reader.chunks("*.md", size=2)] == ["3\n", "4\n"]
    assert [str(part) for part in reader.chunks(["a.py", "b.md"], size=100)] == ["1\n2\n", "3\n4\n"]
    assert len(reader.chunks(["a.py", "b.md"], size=2)) == 4
    assert str(reader.chunks(["a.py", "b.md"], size=2)[-1]) == "4\n"
    assert list(reader.chunks("plain text\nwith lines\n", size=12)) == ["plain text\n", "with lines\n"]
    assert not reader.chunks("")


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (-1, 0), (10, 10), (10, -1)])
def test_impossible_sizes_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        readers({"a": b"x"}).chunks(size=size, overlap=overlap)
