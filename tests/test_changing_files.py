"""Files that change while a run goes on: told by name and reason, never fatal to the rest, growth never read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlm_cli.context.corpus import Changed, Corpus, open_corpus
from rlm_cli.context.options import InputOptions
from rlm_cli.context.spans import Span
from tests.inputs import grow, read

OLD = b"0123456789" * 100


class Told(list[tuple[str, str]]):
    def __call__(self, name: str, reason: str) -> None:
        self.append((name, reason))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Told) -> Iterator[Corpus]:
    monkeypatch.chdir(grow(tmp_path, {"a": OLD, "b": OLD}))
    with open_corpus(["."], InputOptions(), on_change=told) as opened:
        yield opened


WHOLE = Span(0, 0, len(OLD))


def test_a_file_that_stays_is_unchanged(corpus: Corpus, told: Told) -> None:
    assert read(corpus, WHOLE) == OLD
    assert corpus.changes() == []
    assert told == []


def test_truncation_gives_what_is_left(corpus: Corpus, told: Told) -> None:
    assert read(corpus, WHOLE) == OLD
    os.truncate("a", 30)
    assert read(corpus, WHOLE) == OLD[:30]
    assert read(corpus, Span(0, 100, 200)) == b""
    assert told == [("a", "truncated")]


def test_growth_is_not_read(corpus: Corpus, told: Told) -> None:
    with open("a", "ab") as file:
        file.write(b"more")
    assert read(corpus, Span(0, 0, 10_000)) == OLD
    assert told == [("a", "grown")]


def test_another_file_in_its_place_is_noticed_even_with_the_same_size_and_time(corpus: Corpus, told: Told) -> None:
    status = os.stat("a")
    grow(Path(), {"new": b"x" * len(OLD)})
    os.utime("new", ns=(status.st_atime_ns, status.st_mtime_ns))
    os.rename("new", "a")
    assert read(corpus, WHOLE) == b"x" * len(OLD)
    assert told == [("a", "replaced")]


def test_other_content_of_the_same_size_is_noticed(corpus: Corpus, told: Told) -> None:
    with open("a", "r+b") as file:
        file.write(b"changed")
    os.utime("a", ns=(1, 1))
    read(corpus, WHOLE)
    read(corpus, WHOLE)
    assert told == [("a", "modified")]


def test_a_file_that_goes_or_becomes_a_link_is_refused(corpus: Corpus, told: Told) -> None:
    os.unlink("a")
    os.rename("b", "c")
    os.symlink("c", "b")
    for number, match in ((0, "a is gone"), (1, "b has been replaced by a link")):
        with pytest.raises(Changed, match=match):
            corpus.open(number)
    assert told == [("a", "gone"), ("b", "replaced")]


def test_what_changed_after_it_was_read_is_found_at_the_end(corpus: Corpus, told: Told) -> None:
    read(corpus, WHOLE)
    os.truncate("a", 3)
    os.truncate("b", 3)  # never opened: no part of any answer
    assert corpus.changes() == told == [("a", "truncated")]


def test_text_in_the_cache_does_not_change_with_its_source_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    monkeypatch.chdir(grow(tmp_path, {"w/a": "text".encode("utf-16")}))
    with open_corpus(["w"], InputOptions(cache=tmp_path / "cache"), on_change=told) as corpus:
        os.truncate("w/a", 0)
        assert read(corpus, Span(0, 0, 4)) == b"text"
        assert corpus.changes() == told == [("w/a", "outdated")]
