"""A source is shown only when its bytes are there: true ones hold, false ones fall, moved ones are repaired."""

from __future__ import annotations

import io
import os
import random
import tarfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_cli.citations import Citation, Sources
from rlm_cli.context.corpus import Corpus, open_corpus
from rlm_cli.context.options import InputOptions
from rlm_cli.context.spans import Span
from rlm_cli.context.store import MappedStore, MemoryStore
from rlm_cli.references import LookUp, Settled

LINES = st.lists(st.text(alphabet="ab é😀\r\t", max_size=8), min_size=1, max_size=12)


def store(**files: str) -> MemoryStore:
    return MemoryStore({name.replace("_", "."): text.encode() for name, text in files.items()})


def settle(sources: Sources, text: str, now: MemoryStore | None = None) -> Settled:
    return LookUp(sources, now or sources.store).settle(text)


def test_a_second_walk_knows_the_numbers_of_the_first_in_any_order_and_in_gaps() -> None:
    files = store(a_txt="one\ntwo\nthree\nfour\n")
    place = {"path": "a.txt", "start_byte": 4, "end_byte": 8}
    broken = [{}, {**place, "number": "7"}, {**place, "number": -1}, {"number": 9, "path": None}]
    cited = [{"number": 3, **place}, *broken]
    sources = Sources(files, recorded=[cited, [{"number": 1, "path": "a.txt", "start_byte": 0, "end_byte": 4}]])
    assert sources.add(Span(0, 8, 14)) == 4  # never the number of another
    assert sources.add(Span(0, 0, 4)) == 1
    assert settle(sources, "[3] and [1].").text == "[3?] and [1]."
    sources.add_again([*cited, {"number": 5, "path": "gone.txt", "start_byte": 0, "end_byte": 1}])
    found = settle(sources, "[3] and [1] and [2].")
    assert found.text == "[3] and [1] and [2?]."
    assert [(one.number, one.line) for one in found.citations] == [(1, 1), (3, 2)]


@given(LINES, st.data())
def test_a_line_that_is_cited_has_the_number_that_an_editor_shows(lines: list[str], data: st.DataObject) -> None:
    text = "\n".join(lines)
    pick = data.draw(st.integers(0, len(lines) - 1))
    start = len("\n".join(lines[:pick]).encode()) + (1 if pick else 0)
    span = Span(0, start, start + len(lines[pick].encode()))
    sources = Sources(store(a_txt=text))
    if not lines[pick].strip("\r"):
        with pytest.raises(ValueError, match="empty"):  # nothing is cited by no bytes
            sources.add(span)
        return
    citation = sources.checked(sources.add(span), store(a_txt=text))
    assert citation is not None
    assert (citation.line, citation.end_line) == (pick + 1, pick + 1)
    assert citation.quote == lines[pick].rstrip("\r")
    assert citation.state == "verified"


@given(LINES, LINES)
def test_a_line_that_has_changed_is_moved_or_dropped_never_kept(before: list[str], after: list[str]) -> None:
    old, new = "\n".join(before), "\n".join(after)
    dropped: list[str] = []
    sources = Sources(store(a_txt=old), dropped.append)
    wanted = before[-1].encode()
    if not wanted.strip(b"\r"):
        return
    number = sources.add(Span(0, len(old.encode()) - len(wanted), len(old.encode())))
    citation = sources.checked(number, store(a_txt=new))
    whole = [line.removesuffix("\r") for line in after]
    if citation is None:
        assert dropped
        assert before[-1] not in after
        return
    assert new.encode()[citation.start : citation.end] == wanted
    assert citation.line == new.encode()[: citation.start].count(b"\n") + 1
    assert before[-1].removesuffix("\r") in whole  # a whole line was cited: a piece of another one is not it
    if (citation.line, citation.start) != (len(before), len(old.encode()) - len(wanted)):
        assert citation.state == "moved"


def test_of_several_places_the_nearest_is_the_one_that_moved() -> None:
    text = "x\n" * 50 + "here\n" + "y\n" * 50
    sources = Sources(store(a_txt=text))
    number = sources.add(Span(0, 100, 104))
    now = "here\n" + "x\n" * 50 + "new\nhere\n" + "y\n" * 50 + "here\n"
    citation = sources.checked(number, store(a_txt=now))
    assert citation is not None
    assert (citation.line, citation.state) == (53, "moved")


def test_a_change_in_the_middle_of_a_long_source_is_seen() -> None:
    text = "head\n" + "a" * 3_000_000 + "\ntail\n"
    sources = Sources(store(a_txt=text))
    number = sources.add(Span(0, 5, 3_000_005))
    assert sources.checked(number, store(a_txt=text)) is not None
    assert sources.checked(number, store(a_txt=text[:1_500_000] + "b" + text[1_500_001:])) is None
    moved = sources.checked(number, store(a_txt="one more\n" + text))
    assert moved is not None
    assert (moved.line, moved.end_line, moved.state) == (3, 3, "moved")


def test_a_reference_in_prose_becomes_a_source_where_the_line_exists() -> None:
    files = {"src/auth.py": b"one\ntwo\nthree\n", "lib/auth.py": b"x\n", "src/only.py": b"y\n"}
    sources = Sources(MemoryStore(files))
    found = settle(sources, "See src/auth.py:2, only.py:1: y, src/auth.py:9, gone.py:3 and auth.py:1 (12:30, a:1).")
    assert found.text == "See src/auth.py:2, only.py:1: y, src/auth.py:9?, gone.py:3? and auth.py:1? (12:30, a:1)."
    assert [citation.place for citation in found.citations] == ["src/auth.py:2", "src/only.py:1"]
    assert found.citations[0].quote == "two"
    assert found.to_json()["places_verified"] == {"src/auth.py:2": 1, "only.py:1": 2}
    assert found.to_json()["places_unverified"] == ["src/auth.py:9", "gone.py:3", "auth.py:1"]


NAMES = [
    "my notes (1).txt",
    "logs.tar.gz!/a.log",
    "<stdin>",
    "é\u0301tude 日本.md",
    "a,b;c.txt",
    '"odd\\n\\".txt"',
    "x/my.py",
    "my.py",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_every_kind_are_understood(name: str) -> None:
    sources = Sources(MemoryStore(dict.fromkeys(NAMES, b"first\nsecond\n")))
    found = settle(sources, f"It is in {name}:2 (not in {name}:7).")
    assert found.text == f"It is in {name}:2 (not in {name}:7?)."
    assert [(citation.path, citation.line) for citation in found.citations] == [(name, 2)]


def test_a_range_must_exist_to_its_end() -> None:
    sources = Sources(store(a_txt="one\ntwo\n\nfour\n"))
    assert settle(sources, "a.txt:1-2, a.txt:2–4, a.txt:3-9, a.txt:2-1, a.txt:3").text == (
        "a.txt:1-2, a.txt:2–4, a.txt:3-9?, a.txt:2-1?, a.txt:3"
    )


def test_a_mark_without_a_source_is_marked() -> None:
    sources = Sources(store(a_txt="one\ntwo\nthree\n"))
    assert (sources.add(Span(0, 4, 7)), sources.add(Span(0, 8, 13))) == (1, 2)
    found = settle(sources, "Two [1][2], word[1], perhaps [7] or [1, 8]; not `items[0]`, items[3] or rows[0][7].")
    assert found.text == "Two [1][2], word[1], perhaps [7?] or [1, 8?]; not `items[0]`, items[3] or rows[0][7]."
    assert [citation.line for citation in found.citations] == [2, 3]
    assert found.to_json()["marks_without_source"] == ["7", "8"]


def test_a_mark_in_other_scripts_is_marked_too() -> None:
    sources = Sources(store(a_txt="one\n"))
    assert sources.add(Span(0, 0, 3)) == 1
    found = settle(sources, "阀门必须关闭[1]，泵随后启动[7]。 圧力【1】と温度【8】、［9］。")
    assert found.text == "阀门必须关闭[1]，泵随后启动[7?]。 圧力【1】と温度【8?】、［9?］。"
    assert found.to_json()["marks_without_source"] == ["7", "8", "9"]


def test_what_is_claimed_twice_is_told_once() -> None:
    found = settle(Sources(store(a_txt="one\n")), "See [7], a.txt:9 and [7] again, in a.txt:9.").to_json()
    assert (found["marks_without_source"], found["places_unverified"]) == (["7"], ["a.txt:9"])


def test_a_name_may_be_quoted_for_its_spaces() -> None:
    sources = Sources(store(**{"my notes.md": "one\ntwo\n", "my file:12.md": "one\ntwo\n"}))
    text = 'See "my notes.md":2, "my file:12.md":2, "my notes.md":7 and "of no file":3.'
    found = settle(sources, text)
    assert found.text == text.replace('":7', '":7?')
    assert [citation.place for citation in found.citations] == ["my notes.md:2", "my file:12.md:2"]


def test_a_mark_is_marked_also_where_nothing_was_cited() -> None:
    assert settle(Sources(store(a_txt="one\n")), "Surely [1].").text == "Surely [1?]."


def test_the_mark_of_a_source_that_fell_is_marked() -> None:
    sources = Sources(store(a_txt="one\ntwo\n"))
    sources.add(Span(0, 0, 3))
    found = settle(sources, "It says one [1].", store(a_txt="uno\ntwo\n"))
    assert (found.text, found.citations) == ("It says one [1?].", [])


def test_without_any_mark_every_registered_source_is_shown() -> None:
    sources = Sources(store(a_txt="one\ntwo\n"))
    sources.add(Span(0, 0, 3))
    sources.add(Span(0, 4, 8))
    assert [(one.line, one.end_line) for one in settle(sources, "Both.").citations] == [(1, 1), (2, 2)]


def test_the_same_span_is_one_source() -> None:
    sources = Sources(store(a_txt="one\n"))
    assert sources.add(Span(0, 0, 3)) == sources.add(Span(0, 0, 3)) == 1


def test_places_in_a_value_are_looked_up() -> None:
    sources = Sources(store(a_txt="one\ntwo\n"))
    value = {"items": [{"path": "a.txt", "line": 2, "why": "x"}, {"file": "a.txt", "line": 5}, {"line": 1}]}
    found = LookUp(sources, sources.store).settle_value("…", value)
    assert [citation.place for citation in found.citations] == ["a.txt:2"]
    assert found.places == ["a.txt:5"]


def test_a_value_is_looked_up_and_never_rewritten() -> None:
    sources = Sources(store(a_txt="one\ntwo\n"))
    assert sources.add(Span(0, 0, 3)) == 1
    value = [{"why": "as [1] and [7] say, in a.txt:2 and a.txt:9"}, "and in [8]"]
    found = LookUp(sources, sources.store).settle_value("text", value)
    assert found.text == "text"
    assert (found.marks, found.places) == (["7", "8"], ["a.txt:9"])
    assert [citation.place for citation in found.citations] == ["a.txt:1", "a.txt:2"]


def test_an_address_is_no_place() -> None:
    text = "http://a.txt:9 https://host/a.txt:9/x [see](https://a.txt:9)"
    assert settle(Sources(store(a_txt="one\n")), text).text == text


def test_a_line_is_one_source_whether_its_end_belongs_to_it_or_not() -> None:
    sources = Sources(store(a_txt="one\r\ntwo\r\n\r\n"))
    assert sources.add(Span(0, 5, 8)) == 1
    found = settle(sources, "See [1], a.txt:2 and a.txt:3.")
    assert (found.text, [citation.line for citation in found.citations]) == ("See [1], a.txt:2 and a.txt:3.", [2])


@given(st.text(alphabet='a.:/-1[]`" “”', max_size=300))
def test_no_answer_breaks_the_check(text: str) -> None:
    found = settle(Sources(store(a_txt="1\n")), text)
    assert found.text.replace("?", "") == text


def test_a_long_answer_is_scanned_in_linear_steps() -> None:
    files = store(a_txt="1\n")
    began = time.monotonic()
    for worst in ("a" * 400_000, "a.b:" * 100_000, "`" * 300_000, "-" * 300_000, "[1" * 200_000, '"a' * 200_000):
        settle(Sources(files), worst)
    assert time.monotonic() - began < 30  # quadratic steps take hours


# --- ten thousand over random trees ----------------------------------------------------------------------------------

WORDS = ["alpha", "bêta", "日本語", "😀", "e\u0301tude", "x", "}", "return", "\ttab", '"quoted"', "=>", "a" * 300]


def random_text(pick: random.Random) -> str:
    ends = pick.choice([["\n"], ["\r\n"], ["\n", "\r\n"]])
    lines = [" ".join(pick.choices(WORDS, k=pick.randint(0, 5))) for _ in range(pick.randint(1, 30))]
    text = "".join(line + pick.choice(ends) for line in lines)
    return text if pick.random() < 0.7 else text.rstrip("\r\n")


def plant(folder: Path, pick: random.Random) -> dict[str, bytes]:
    """A random tree with two archives, and a pipe; its texts by the names that are cited."""
    texts: dict[str, bytes] = {"<stdin>": random_text(pick).encode()}
    long = [" ".join(map(str, range(pick.randint(1, 50_000)))) for _ in range(4)]
    (folder / "src").mkdir(parents=True)
    (folder / "src/long.txt").write_text("\n".join(long))
    texts[f"{folder}/src/long.txt"] = "\n".join(long).encode()
    for name in ("a.txt", "src/bêta 1.py", "src/deep/日本.md", "e\u0301.log", "crlf.csv"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        texts[str(path)] = random_text(pick).encode()
        path.write_bytes(texts[str(path)])
    with tarfile.open(folder / "logs.tar.gz", "w:gz") as tar, zipfile.ZipFile(folder / "docs.zip", "w") as packed:
        for name in ("one.log", "in/two ü.txt"):
            data = random_text(pick).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
            packed.writestr(name, data)
            texts[f"{folder}/logs.tar.gz!/{name}"] = texts[f"{folder}/docs.zip!/{name}"] = data
    return texts


def rows(data: bytes) -> list[bytes]:
    """Lines as an editor counts them, without their ends."""
    found = data.split(b"\n")
    return found[:-1] if found[-1] == b"" else found


def truth(before: bytes, after: bytes, start: int, end: int) -> set[tuple[int, int, str]]:
    """Every verdict that is right for bytes that were cited: (start, line, state)."""
    wanted = before[start:end]
    first, last = before[:start].count(b"\n") + 1, before[: max(start, end - 1)].count(b"\n") + 1

    def edges(data: bytes, low: int, high: int) -> tuple[bool, bool]:
        ends = high == len(data) or data[high - 1 : high] == b"\n" or data[high : high + 1] == b"\n"
        return low == 0 or data[low - 1 : low] == b"\n", ends or data[high : high + 2] == b"\r\n"

    places, at = [], after.find(wanted)
    while at >= 0:
        if edges(after, at, at + len(wanted)) == edges(before, start, end):
            places.append(at)
        at = after.find(wanted, at + 1)
    if start in places:
        places = [start]
    if places:
        nearest = min(abs(place - start) for place in places)
        places = [place for place in places if abs(place - start) == nearest]
    verdicts = set()
    for place in places:
        line = after[:place].count(b"\n") + 1
        same = (
            place == start and line == first and after[: max(place, place + len(wanted) - 1)].count(b"\n") + 1 == last
        )
        verdicts.add((place, line, "verified" if same else "moved"))
    return verdicts


def verdict(citation: Citation | None) -> set[tuple[int, int, str]]:
    return set() if citation is None else {(citation.start, citation.line, citation.state)}


def change(data: bytes, pick: random.Random) -> bytes:
    """What an editor does: lines in, lines out, a word replaced, the end cut off."""
    lines = data.split(b"\n")
    at = pick.randrange(len(lines))
    how = pick.randrange(5)
    if how == 0:
        lines[at:at] = [b"new line"] * pick.randint(1, 3)
    elif how == 1:
        del lines[at]
    elif how == 2:
        lines[at] = lines[at].replace(b"alpha", b"omega").replace(b"x", b"y")
    elif how == 3:
        return data[: pick.randrange(len(data) + 1)]
    else:
        pick.shuffle(lines)
    return b"\n".join(lines)


def judge(corpus: Corpus, texts: dict[str, bytes], pick: random.Random, count: int) -> int:
    """`count` spans cited by code, the plain files changed under them, each verdict compared; how many were right."""
    run = MappedStore(corpus, corpus.open, maps=False)
    sources = Sources(run)
    names = [name for name in texts if corpus.number(name) is not None]
    assert len(names) == len(texts)
    cited: dict[int, tuple[str, int, int]] = {}
    for _ in range(count):
        name = pick.choice(names)
        data = texts[name]
        lines = rows(data)
        first = pick.randrange(len(lines))
        start = sum(len(line) + 1 for line in lines[:first])
        end = start + len(b"\n".join(lines[first : first + pick.choice([1, 1, 1, 2, 4])]))
        if pick.random() < 0.2:  # within a line, at character borders, as a part of `context` is cut
            text = data[start:end].decode()
            begin = pick.randint(0, len(text))
            end = start + len(text[: pick.randint(begin, len(text))].encode())
            start += len(text[:begin].encode())
        number = corpus.number(name)
        assert number is not None
        try:
            cited[sources.add(Span(number, start, end))] = (name, start, end)
        except ValueError:
            assert not data[start:end].strip(b"\r\n")
    now = dict(texts)
    for name in names:
        if "!" not in name and name != "<stdin>" and pick.random() < 0.7:
            now[name] = change(texts[name], pick)
            Path(name).write_bytes(now[name])
    fresh = MappedStore(corpus.present(), corpus.open, maps=False)
    for number, (name, start, end) in cited.items():
        citation = sources.checked(number, fresh, corpus.same)
        allowed = truth(texts[name], now[name], start, end)
        assert verdict(citation) <= allowed, (name, start, end)
        assert bool(allowed) == (citation is not None), (name, start, end, allowed)
    run.close()
    fresh.close()
    return count


def judge_prose(corpus: Corpus, texts: dict[str, bytes], pick: random.Random, count: int) -> int:
    """`count` places written in prose, true and false ones; each verdict compared with the file."""
    run = MappedStore(corpus, corpus.open, maps=False)
    written, right = [], []
    for _ in range(count):
        name = pick.choice(list(texts))
        lines = len(rows(texts[name]))
        first = pick.randint(0, lines + 3)
        last = pick.choice([first, first, max(0, first + pick.randint(-1, 5))])
        written.append(f"{name}:{first}" + (f"-{last}" if last != first else ""))
        right.append(1 <= first <= last <= lines)
    settled = LookUp(Sources(run), run, None, corpus.same).settle("\n".join(f"see {one}, then" for one in written))
    run.close()
    for one, true, line in zip(written, right, settled.text.split("\n"), strict=True):
        assert line == f"see {one}{'' if true else '?'}, then"
    return count


def test_ten_thousand_random_citations_get_no_wrong_verdict(tmp_path: Path) -> None:
    done = 0
    for seed in range(20):
        pick = random.Random(seed)
        folder = tmp_path / str(seed)
        texts = plant(folder, pick)
        reader, writer = os.pipe()
        with ThreadPoolExecutor(1) as pipe, os.fdopen(reader) as stdin, os.fdopen(writer, "wb") as end:
            pipe.submit(lambda end=end, texts=texts: (end.write(texts["<stdin>"]), end.close()))  # type: ignore[misc]
            corpus = open_corpus(["-", str(folder)], InputOptions(cache=tmp_path / "cache"), stdin=stdin.fileno())
        with corpus:
            assert set(map(corpus.name, range(len(corpus)))) == set(texts)
            done += judge_prose(corpus, texts, pick, 250)
            done += judge(corpus, texts, pick, 250)
    assert done == 10_000
