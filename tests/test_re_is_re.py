"""The promise: `re` on `Text` equals `re` on the `str` it stands for, for every pattern."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rlm_cli.context import lines, regex, windows
from rlm_cli.context.found import Match
from rlm_cli.context.shape import shape_of
from rlm_cli.context.text import Text
from tests.test_text_is_str import SEEDS, mapped_texts, settled, tiny


@contextmanager
def tiny_windows(scale: int = 1) -> Iterator[None]:
    with tiny(scale), pytest.MonkeyPatch.context() as patch:
        patch.setattr(regex, "SMALL", -1)
        patch.setattr(windows, "WINDOW", 12 * scale)
        patch.setattr(lines, "SAMPLE", 3)
        yield


@pytest.fixture(autouse=True, scope="module")
def _tiny() -> Iterator[None]:
    with tiny_windows():
        yield


def shown(match: Any) -> Any:
    """Everything that a match says."""
    if match is None:
        return None
    names = match.groupdict()
    return (
        match.group(), match.groups(), match.groups("-"), names, match.span(), match.regs, match.lastindex, match.lastgroup,
        match.pos, match.endpos, [match.span(n) for n in names], match.expand(r"<\g<0>>"), match[0], repr(match),
    )  # fmt: skip


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return settled(call())
    except (TypeError, ValueError, IndexError, re.error) as error:
        return type(error)


LITERALS = ["a", "b", "ab", "aab", "\\n", "é", "日", "😀", "=", " ", "\\ufffd", "==>", "f1", "s", "k", "i", "1"]
ONES = [
    ".",
    "\\w",
    "\\W",
    "\\s",
    "\\S",
    "\\d",
    "[ab]",
    "[^a]",
    "[^\\n]",
    "[^b\\n]",
    "[a-f]",
    "[\\s\\S]",
    "(?:.|\\n)",
    "[^=>]",
    "[é日]",
]
ANCHORS = ["^", "$", "\\A", "\\Z", "\\b", "\\B"]
TIMES = ["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{2,}", "{0,2}?"]
TIMES += ["*+", "++", "?+"]


@st.composite
def patterns(draw: st.DrawFn, depth: int = 2) -> str:
    """Regular expressions of most shapes that there are."""
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.integers(0, 11))
        if kind <= 3:
            parts.append(draw(st.sampled_from(LITERALS)))
        elif kind <= 5:
            parts.append(draw(st.sampled_from(ONES)))
        elif kind <= 7:
            one = draw(st.sampled_from([*ONES, "a", "b", "\\n"]))
            parts.append(one + draw(st.sampled_from(TIMES)))
        elif kind == 8:
            parts.append(draw(st.sampled_from(ANCHORS)))
        elif depth:
            inner = draw(patterns(depth - 1))
            opening = draw(
                st.sampled_from(
                    [
                        "(",
                        "(?:",
                        "(?=",
                        "(?!",
                        "(?i:",
                        "(?s:",
                        "(?m:",
                        "(?-i:",
                        "(?a:",
                        "(?>",
                        "(?<=",
                        "(?<!",
                        "or",
                        "rep",
                        "ref",
                    ]
                )
            )
            if opening == "or":
                parts.append(f"(?:{inner}|{draw(patterns(depth - 1))})")
            elif opening == "rep":
                parts.append(f"(?:{inner}){draw(st.sampled_from(TIMES))}")
            elif opening == "ref":
                name = f"g{draw(st.integers(0, 10**6))}"
                parts.append(f"(?P<{name}>{inner})x?(?P={name})")
            else:
                parts.append(f"{opening}{inner})")
    return "".join(parts)


FLAGS = [0, re.I, re.M, re.S, re.M | re.I, re.M | re.S, re.A, re.I | re.A, re.I | re.S]
bounds = st.one_of(st.just(0), st.integers(-5, 60))

MANY = settings(
    max_examples=1200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@MANY
@given(mapped_texts(), patterns(), st.sampled_from(FLAGS), bounds, st.one_of(st.none(), bounds))
def test_every_function_gives_what_re_gives(
    pair: tuple[Text, str], source: str, flags: int, pos: int, endpos: int | None
) -> None:
    text, s = pair
    try:
        real = re.compile(source, flags)
    except (re.error, RecursionError, OverflowError):
        assume(False)
        return
    pattern = regex.compile(source, flags)
    # The manual says that nothing matches where endpos is less than pos; `re.match` finds empty matches there.
    limits = (pos,) if endpos is None or endpos < min(pos, len(s)) else (pos, endpos)
    for name in ("search", "match", "fullmatch"):
        assert shown(getattr(pattern, name)(text, *limits)) == shown(getattr(real, name)(s, *limits)), name
        assert shown(getattr(pattern, name)(text)) == shown(getattr(real, name)(s)), name
    expected = [shown(match) for match in real.finditer(s, *limits)]
    assert [shown(match) for match in pattern.finditer(text, *limits)] == expected
    assert pattern.findall(text, *limits) == real.findall(s, *limits)
    assert pattern.findall(text) == real.findall(s)
    for count in (0, 2):
        assert settled(pattern.split(text, count)) == real.split(s, count)
        assert settled(pattern.subn("<é>", text, count)) == real.subn("<é>", s, count)
    assert settled(pattern.sub(r"[\g<0>\\]", text)) == real.sub(r"[\g<0>\\]", s)
    assert settled(pattern.sub(lambda match: match.group()[::-1], text)) == real.sub(
        lambda match: match.group()[::-1], s
    )


LINES = st.lists(
    st.sampled_from([*SEEDS, b"error", b"ERROR: k\n", b"warn i\n", b"<doc>", b"</doc>", b"\n", b"error\n", b"\nerror", b"Kelvin", "\u212a\u017f\u0130\u0131".encode(), b"skil"]),
    max_size=60,
).map(b"".join)  # fmt: skip


SHAPES = [
    r"error",
    r"err\w+",
    r"(?i)error",
    r"(?i)skil",
    r"(?i)k\w",
    r"(?i)s.i",
    r"error.*$",
    r"^.*error",
    r"(?m)^.*error.*$",
    r"(?m)error$",
    r"error\Z",
    r"(?<=\n)err",
    r"(?<!\n)err(?=o)",
    r"(error|warn) ?(\w)?",
    r"\berror\b",
    r"(?s)<doc>.*?</doc>",
    r"<doc>([\s\S]*?)</doc>",
    r"(?s)<doc>(.*?)</doc>.+?err",
    r"(?s)<doc>.*</doc>",
    r"\n{2,}",
    r"\s+",
    r"\w+",
    r"[^\n]+",
    r"(?m)^$",
    r"",
    r"(?m)$",
    r"\b",
    r"(?s).*",
    r"(?s).*?",
    r"(?s)\b.*?",
    r"(?s)\b.*?a",
    r"(?s)<.*?o.*?$",
    r"(?s)err(?=.{5}).*?o",
    r"(?s)d.*?(?=.{4})",
    r"(?i)ſ",
    r"(?i)ı",
    r"(\w)\1",
    r"(?:(?!</doc>).)*",
    r"(?i:e)rror",
    r"[e]rror",
    r"k(?:\n|i)",
    r"(?i)ERR(?-i:OR)",
    r"x*",
    r"a|b*",
    r"(?=a)",
    r"(?m)^\s*\w",
    r"\r\n|\n|\r",
    r"(?s:.)a",
    r"(?P<w>\w+)\s+(?P=w)",
]


@settings(MANY, max_examples=300)
@given(LINES)
def test_the_shapes_that_people_write(data: bytes) -> None:
    s = data.decode("utf-8", "replace")
    text = Text.of(data)
    for source in SHAPES:
        pattern, real = regex.compile(source), re.compile(source)
        expected = [shown(match) for match in real.finditer(s)]
        assert [shown(match) for match in pattern.finditer(text)] == expected, source
        assert shown(pattern.search(text, 3, 40)) == shown(real.search(s, 3, 40)), source
        assert settled(pattern.split(text)) == real.split(s), source
        assert settled(pattern.sub("x", text)) == real.sub("x", s), source


def test_real_strings_and_bytes_are_left_to_re() -> None:
    assert regex.findall("a", "banana") == ["a"] * 3
    assert regex.findall(b"a", b"banana") == [b"a"] * 3
    assert isinstance(regex.search("a", "a"), re.Match)
    assert isinstance(regex.compile("a"), re.Pattern)
    assert isinstance(regex.search("a", Text.of(b"bab")), re.Match)
    assert regex.compile(re.compile("a")) == regex.compile("a")
    assert re.search(regex.compile("a"), Text.of(b"ba")).span() == (1, 2)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        regex.search(b"a", Text.of(b"a"))
    with pytest.raises(TypeError):
        re.search("a", Text.of(b"a"))  # type: ignore[call-overload]
    with pytest.raises(re.error):
        regex.sub("a", r"\1", Text.of(b"b"))


def test_a_line_is_not_enough_for_what_looks_into_the_next() -> None:
    s = "error\n" + "x" * 30 + "\nerror\nx\n"
    for source in (r"error(?=\nx{20})", r"error(?!\nx{20})", r"error(?=\s+x{25})"):
        expected = [match.span() for match in re.finditer(source, s)]
        assert len(expected) == 1
        assert [match.span() for match in regex.finditer(source, Text.of(s.encode()))] == expected, source


def test_templates_and_functions_replace_as_re_has_it() -> None:
    s = "alice  bob\n" * 20 + "\u20ac\ufffd"
    text = Text.of(s.encode())
    for repl in (r"\2 \g<1>|\g<two>\n\\", lambda match: None, lambda match: match.expand(r"<\1>") + match["two"]):
        expected = re.sub(r"(\w+) +(?P<two>\w+)", repl, s)  # type: ignore[arg-type]
        assert settled(regex.sub(r"(\w+) +(?P<two>\w+)", repl, text)) == expected
    for wrong in (0, 1, b"x", []):
        assert outcome(lambda w=wrong: regex.sub("b", lambda match: w, text)) is TypeError


def test_a_template_is_not_found_anew_for_each_match(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern that is compiled for each match made `re.sub` six times slower."""
    monkeypatch.setattr(Match, "_twin", None)
    text = Text.of(b"".join(b"a" * n + b" b\n" for n in range(1, 40)))
    assert settled(regex.sub(r"(a+) (b)", r"\2\1", text)) == "".join("b" + "a" * n + "\n" for n in range(1, 40))


def test_a_pattern_without_any_bound_is_refused_above_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Text, "limit", 200)
    text = Text.of(b"begin " + b"word\n" * 100 + b"end")
    with pytest.raises(MemoryError, match=r"grep\(\), search\(\) or chunks\(\)"):
        regex.search(r"(?s)begin.*end", text)
    assert len(regex.findall(r"\w+", text)) == 102
    assert regex.search(r"(?s)word.*?end", Text.of(b"word end" + b"x" * 500)).span() == (0, 8)


def test_no_other_letter_equals_an_ascii_letter() -> None:
    for code in range(0x61, 0x7B):
        letter = re.compile(chr(code), re.IGNORECASE)
        equal = (
            {c for c in map(chr, range(0x80, sys.maxunicode + 1)) if letter.match(c)} if chr(code) in "isk" else set()
        )
        assert equal == set(lines._OTHER_CASES.get(chr(code), ())), chr(code)
    every = re.compile("[a-hjl-rt-z]", re.IGNORECASE)
    assert not [c for c in map(chr, range(0x80, sys.maxunicode + 1)) if every.match(c)]


@pytest.mark.parametrize(
    ("source", "needles", "bounded"),
    [
        ("error", ["error"], True), ("foo|barr", ["foo", "barr"], True), (r"\w+@\w+\.com", [".com"], True), (r".*", [], True),
        (r"(?i)Straße", ["stra"], True), (r"(?i)tim(?:e)out", ["timeout"], True), (r"(?s)a.*b", [], False), (r"[\s\S]*", [], False),
        (r'"[^"]*"', [], True), (r"\s+", [], True), (r"(?:ab)+c", ["ab"], True), (r"a\nb.*", [], True), (r"(a+)\1", [], True),
    ],
)  # fmt: skip
def test_shapes(source: str, needles: list[str], bounded: bool) -> None:
    shape = shape_of(re.compile(source))
    assert [needle.text for needle in shape.needles] == needles
    assert (shape.stops is not None or shape.width < 1000) == bounded
