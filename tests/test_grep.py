"""grep finds what a loop over the lines with `re` finds, whatever it skips on the way."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_cli.context import grep as grepping
from rlm_cli.context import regions
from rlm_cli.context.files import Files, build_context
from rlm_cli.context.linewise import line_pattern
from rlm_cli.context.matches import Matches
from rlm_cli.context.readers import Readers
from rlm_cli.context.spans import Span
from rlm_cli.context.store import MemoryStore

PIECES = [
    b"error",
    b"Error",
    b"timeout",
    b"a",
    b"k",
    b" ",
    b"\n",
    b"\n",
    b"\r\n",
    b"\r",
    b"=",
    b"42",
    "é".encode(),
    "日本".encode(),
    "\u212a".encode(),  # Kelvin: `k` when case is ignored
    "\u017f".encode(),  # long s
    "\u0130".encode(),
    b"\xff",
    b"\xe2\x84",
    b"\x80",
    b"\x0b",
    b"\x00",
]
PATTERNS = [
    "error",
    "(?i)ERROR",
    "tim.*out",
    "err|out",
    "(?i)k|s",
    r"\d+",
    r"^\s*a",
    r"a\s*$",
    r"a$",
    r"^$",
    "",
    ".*",
    "[^=]*=",
    r"\berror\b",
    r"\Ba",
    r"(?<=r)o",
    r"a(?!k)",
    r"a(?!\s*k)",
    r"(a|k)\1",
    r"\Aa",
    r"k\Z",
    "(?s)a.k",
    "\ufffd",
    "é",
    "(?i)É",
    "日",
    r"a\nk",
    r"[\s\S]k",
    r"(?m)^k",
    r"x?",
    r"(?i:error) ?=",
    r"(?-m:^)a",
    r"(?m)(?-m:^)k",
    r"k(?-m:$)",
    r"(?i:k(?-i:a))?r",
]
CONTENT = st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)


def readers(contents: dict[str, bytes]) -> Readers:
    store = MemoryStore(contents)
    return Readers(build_context(store), Files(store))


def lines_of(data: bytes) -> list[str]:
    """The lines of a file as an editor numbers them."""
    text = data.decode("utf-8", "replace")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def expected(pattern: re.Pattern[str], contents: dict[str, bytes]) -> list[tuple[str, int, str]]:
    """What a plain loop finds."""
    return [
        (path, number, line)
        for path, data in contents.items()
        for number, line in enumerate(lines_of(data), start=1)
        if pattern.search(line)
    ]


def found(matches: Matches) -> list[tuple[str, int, str]]:
    return [(match.path, match.line, match.text) for match in matches]


@given(st.sampled_from(PATTERNS), CONTENT, CONTENT, st.booleans())
@settings(max_examples=1500, deadline=None)
def test_grep_finds_what_a_loop_over_the_lines_finds(pattern: str, one: bytes, two: bytes, ignore_case: bool) -> None:
    contents = {"a.txt": one, "b.txt": two}
    compiled = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    assert found(readers(contents).grep(pattern, ignore_case=ignore_case)) == expected(compiled, contents)


@given(st.sampled_from(PATTERNS), st.lists(CONTENT, min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
def test_windows_change_nothing(pattern: str, parts: list[bytes]) -> None:
    data = b"\n".join(parts)
    contents = {"a.txt": data}
    kept = grepping._MAPPED, grepping.BLOCK
    grepping._MAPPED = grepping.BLOCK = 16
    try:
        assert found(readers(contents).grep(pattern)) == expected(re.compile(pattern), contents)
    finally:
        grepping._MAPPED, grepping.BLOCK = kept


@given(st.sampled_from(PATTERNS), CONTENT)
@settings(max_examples=500, deadline=None)
def test_offsets_lead_to_the_match(pattern: str, data: bytes) -> None:
    """`start` and `end` are characters of the source, `span` the bytes of the line."""
    reader = readers({"a.txt": b"first \xc3\xa9\n", "b.txt": data})
    context = reader.names()["context"]
    whole = str(context)
    for match in reader.grep(pattern):
        inside = re.search(pattern, match.text)
        assert inside is not None
        assert whole[match.start : match.end] == inside[0]
        assert match.span is not None
        file, start, end = match.span
        assert (b"first \xc3\xa9\n", data)[file][start:end].decode("utf-8", "replace") == match.text


@given(CONTENT, st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=300, deadline=None)
def test_context_lines_are_the_neighbours(data: bytes, before: int, after: int) -> None:
    lines = lines_of(data)
    for match in readers({"a.txt": data}).grep("a", before=before, after=after):
        at = match.line - 1
        assert match.before == tuple(lines[max(0, at - before) : at])
        assert match.after == tuple(lines[at + 1 : at + 1 + after])


def test_prints_as_path_line_text() -> None:
    matches = readers({"a.py": b"x\ndef login():\n", "b.py": b"login()\n"}).grep("login")
    assert str(matches) == "a.py:2: def login():\nb.py:1: login()"
    assert str(matches[0]) == "a.py:2: def login():"


def test_prints_context_apart() -> None:
    matches = readers({"a.py": b"x\ny\nz\nq\ny\n"}).grep("y", before=1, after=1)
    assert str(matches) == "a.py-1- x\na.py:2: y\na.py-3- z\n--\na.py-4- q\na.py:5: y"


def test_stops_at_the_limit_and_says_so() -> None:
    reader = readers({"a": b"x\n" * 50, "b": b"x\n"})
    matches = reader.grep("x", limit=20)
    assert len(matches) == 20
    assert "cut at limit=20" in str(matches)
    assert "cut" not in str(reader.grep("x", limit=51))


def test_the_limit_stops_the_reading() -> None:
    store = MemoryStore({"a": b"x\n" * 3, "b": b"x\n", "c": b"x\n"})
    seen: list[int] = []
    view = store.view
    store.view = lambda file, start, end: seen.append(file) or view(file, start, end)  # type: ignore[method-assign,func-returns-value]
    Readers(build_context(store), Files(store)).grep("x", limit=2)
    assert set(seen) == {0}


def test_header_lines_belong_to_no_file() -> None:
    reader = readers({"error.txt": b"fine\n", "b": b"error\n"})
    assert found(reader.grep("error")) == [("b", 1, "error")]


def test_a_pattern_that_is_none_is_taken_literally_and_told() -> None:
    matches = readers({"a": b"call(x\n"}).grep("call(")
    assert found(matches) == [("a", 1, "call(x")]
    assert "literal" in str(matches)


def test_sources() -> None:
    reader = readers({"src/a.py": b"one x\ntwo\nx\n", "src/b.md": b"x\n"})
    files = reader.names()["files"]
    assert len(reader.grep("x", "src/a.py")) == 2
    assert len(reader.grep("x", files["src/a.py"])) == 2
    assert [match.path for match in reader.grep("x", "**/*.md")] == ["src/b.md"]
    assert len(reader.grep("x", ["src/a.py", files["src/b.md"]])) == 3
    assert len(reader.grep("x", files)) == 3
    assert found(reader.grep("x", "no path\nx here")) == [("", 2, "x here")]
    assert reader.grep("x", "no path\nx here")[0].span is None
    assert found(reader.grep("one", reader.grep("x"))) == [("src/a.py", 1, "one x")]
    assert found(reader.grep("x", reader.search("two", top=1)[0])) == [("src/a.py", 1, "one x"), ("src/a.py", 3, "x")]


def test_a_wrong_path_is_an_error_with_the_nearest_names() -> None:
    with pytest.raises(FileNotFoundError, match=r"src/auth\.py"):
        readers({"src/auth.py": b"", "b": b""}).grep("x", "src/auht.py")
    with pytest.raises(TypeError):
        readers({"a": b""}).grep("x", 3)


def test_part_of_a_text_keeps_the_lines_of_its_file() -> None:
    data = b"".join(b"line %d\n" % number for number in range(1, 40_001))
    reader = readers({"a.log": data})
    half = reader.names()["context"][len(data) // 2 :]
    match = reader.grep("line 39999$", half)[0]
    assert (match.path, match.line) == ("a.log", 39_999)
    assert str(half)[match.start : match.end] == "line 39999"


def test_very_long_lines_are_shown_around_the_match() -> None:
    data = b"x" * 100_000 + b"needle" + b"y" * 100_000 + b"\nneedle\n"
    one, two = readers({"a": data}).grep("needle")
    assert "needle" in one.text
    assert len(one.text) < 500
    assert two.line == 2


def test_lines_longer_than_a_window_are_whole() -> None:
    data = b"a" * (regions.WINDOW * 20) + b"b\nab\n"
    assert [match.line for match in readers({"a": data}).grep("ab$")] == [1, 2]


@pytest.mark.parametrize("pattern", ["error", r"^\s*def\s+login", "tim.*out", r"\bERR(OR)?\b: ", "(?i)error"])
def test_a_literal_is_looked_for_in_bytes(pattern: str) -> None:
    """The fast road is taken: else the speed that the benchmark measures is gone without a test that fails."""
    assert line_pattern(re.compile(pattern))._needles


@pytest.mark.parametrize("pattern", [r"\d+:\d+", r"^\s*\w+=", r"a$", "[^\\n]x?"])
def test_patterns_without_a_literal_go_over_many_lines_at_once(pattern: str) -> None:
    assert line_pattern(re.compile(pattern))._wide is not None


@pytest.mark.parametrize("pattern", ["[^x]*y", r"(?s).*y", r"(?:.|\n)*\d"])
def test_patterns_that_would_take_quadratic_time_go_line_by_line(pattern: str) -> None:
    asked = line_pattern(re.compile(pattern))
    assert asked._wide is None


def test_real_source_files() -> None:
    root = Path(re.__file__).parent
    contents = {path.name: path.read_bytes() for path in sorted(root.glob("*.py"))}
    reader = readers(contents)
    for pattern in ("def ", r"^class \w+", r"(?i)\bflags\b", r"\w+\(.*\):$", "#.*$", r"^\s*$", r"\d\d+"):
        matches = reader.grep(pattern, limit=100_000)
        assert [(m.path, m.line) for m in matches] == [row[:2] for row in expected(re.compile(pattern), contents)]


def test_matches_know_their_bytes_for_a_source() -> None:
    match = readers({"a": "é\nfound it\n".encode()}).grep("found")[0]
    assert match.span == Span(0, 3, 11)
    assert (match.first, match.last, match.passage) == (2, 2, "found it")


def test_a_match_has_the_methods_of_its_line() -> None:
    store = MemoryStore({"a.py": b"x = 1\nretries = 7\n"})
    [hit] = Readers(build_context(store), Files(store)).grep("retries")
    assert hit.split("=")[1].strip() == "7"
    assert "= 7" in hit
    assert hit[:7].upper() == "RETRIES"
    with pytest.raises(AttributeError, match=r"\.passage"):
        _ = hit.nonsense
