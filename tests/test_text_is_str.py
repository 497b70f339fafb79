"""The promise: `Text` equals `str`, for any bytes, in every method and every argument form."""

from __future__ import annotations

import copy
import io
import json
import pickle
import string
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlm_cli.context import layout, mapped, offsets, seeking, splitting, text
from rlm_cli.context.files import build_context
from rlm_cli.context.layout import header
from rlm_cli.context.spans import Part, Span
from rlm_cli.context.store import MemoryStore
from rlm_cli.context.text import Text


@contextmanager
def tiny(scale: int = 1) -> Iterator[None]:
    """Blocks of a few bytes, so that small inputs meet every border."""
    sizes = [
        (offsets, "BLOCK", 8),
        (offsets, "BATCH", 2),
        (offsets, "_RARELY", 1),
        (mapped, "WINDOW", 9),
        (mapped, "GATHER", 16),
        (seeking, "FIRST", 8),
    ]
    sizes += [(seeking, "MOST", 24), (text, "SHORT", 6), (splitting, "_FEW", 3), (splitting, "SHORT", 6)]
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in sizes:
            patch.setattr(module, name, value * scale if value >= 6 else value)
        yield


@pytest.fixture(autouse=True, scope="module")
def _tiny() -> Iterator[None]:
    with tiny():
        yield


SEEDS = [
    b"\r\n", b"\n", b"\r", b"\xc2\x85", b"\xe2\x80\xa8", b" ", b"\t", b"a", b"b", b"ab", b"aa", b"A", b"=", b"\xef\xbb\xbf",
    "é".encode(), "ß".encode(), "İ".encode(), "ı".encode(), "Σς".encode(), "日本".encode(), "😀".encode(), "ﬁ".encode(),
    b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\x80", b"\x80\x80\x80\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\xe0\x80\x80", b"\xc0\xaf", b"\xac", b"\xa9", "\ufffd".encode(), b"\0", b"==> ", b"1", "٣".encode(), b"%s", b"{}", b"\x1c",
]  # fmt: skip
contents = st.one_of(
    st.lists(st.sampled_from(SEEDS), max_size=40).map(b"".join),
    st.binary(max_size=60),
    st.text(alphabet="ab é日😀\n\r", max_size=60).map(str.encode),
)


@st.composite
def mapped_texts(draw: st.DrawFn) -> tuple[Text, str]:
    """A `Text` made in one of the ways there are, and the `str` that it must equal."""
    files = draw(st.lists(contents, min_size=1, max_size=4))
    store = MemoryStore({f"f{n}": data for n, data in enumerate(files)})
    way = draw(st.sampled_from(["one", "all", "parts", "slice"]))
    if way == "one":
        return Text.from_parts([Span(0, 0, len(files[0]))], store), files[0].decode("utf-8", "replace")
    whole = "".join(
        (header(store.files, n) if len(files) > 1 else "") + data.decode("utf-8", "replace")
        for n, data in enumerate(files)
    )
    context = build_context(store)
    if way == "all":
        return context, whole
    if way == "parts":
        parts: list[Part] = []
        expected = ""
        for n, data in enumerate(files):
            literal = draw(st.sampled_from(["", "x", "é\n", "日本語 long enough", "\ud800"]))
            parts += [literal, Span(n, 0, len(data))]
            expected += literal + data.decode("utf-8", "replace")
        return Text.from_parts(parts, store), expected
    start, stop = draw(st.integers(-90, 90)), draw(st.integers(-90, 90))
    cut = context[start:stop]
    if type(cut) is Text:
        return cut, whole[start:stop]
    assert cut == whole[start:stop]
    return context, whole


def outcome(call: Callable[[], Any]) -> Any:
    """What a call gives, or how it fails. Mapped results become the text they stand for."""
    try:
        return settled(call())
    except (TypeError, ValueError, IndexError, KeyError, UnicodeError) as error:
        return type(error)


def settled(value: Any) -> Any:
    if type(value) is Text:
        return value.realise()
    if isinstance(value, list | tuple):
        return type(value)(settled(item) for item in value)
    return value


needles = st.one_of(
    st.sampled_from(["", "a", "b", "ab", "aa", "aba", "\n", "\r", "\r\n", "é", "日", "😀", "\ufffd", "\ufffd\ufffd", "a\ufffd",
                     " ", "==> f1 <==\n", "\ud800", "x", "é\n", "\n=", "> f"]),
    st.text(alphabet="ab \n", max_size=4),
)  # fmt: skip
places = st.one_of(st.none(), st.integers(-100, 100))

MANY = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@MANY
@given(mapped_texts())
def test_length_iteration_comparison_and_hash(pair: tuple[Text, str]) -> None:
    mapped_text, s = pair
    assert bool(mapped_text) == bool(s)
    assert mapped_text == s
    assert s == mapped_text
    assert "".join(mapped_text) == s
    assert "".join(reversed(mapped_text)) == s[::-1]
    assert len(mapped_text) == len(s)
    assert hash(mapped_text) == hash(s)
    assert {s: 1}[mapped_text] == 1
    assert {mapped_text: 1}[s] == 1
    assert str(mapped_text) == s
    assert repr(mapped_text) == repr(s)
    assert isinstance(mapped_text, str)
    assert (mapped_text != s) is False
    assert mapped_text != s + "x"
    assert (mapped_text == 3) is False


@MANY
@given(mapped_texts(), st.lists(st.tuples(places, places, st.sampled_from([None, 1, 2, 3, -1, -2, 7])), max_size=8))
def test_slices(pair: tuple[Text, str], slices: list[tuple[int | None, int | None, int | None]]) -> None:
    mapped_text, s = pair
    for start, stop, step in slices:
        assert settled(mapped_text[start:stop:step]) == s[start:stop:step]


@MANY
@given(mapped_texts(), st.lists(st.integers(-70, 70), max_size=10))
def test_indices(pair: tuple[Text, str], indices: list[int]) -> None:
    mapped_text, s = pair
    for index in indices:
        assert outcome(lambda i=index: mapped_text[i]) == outcome(lambda i=index: s[i])


@MANY
@given(mapped_texts(), needles, places, places)
def test_searching(pair: tuple[Text, str], needle: str, start: int | None, end: int | None) -> None:
    mapped_text, s = pair
    assert (needle in mapped_text) == (needle in s)
    for name in ("find", "rfind", "index", "rindex", "count", "startswith", "endswith"):
        for arguments in ((needle,), (needle, start), (needle, start, end)):
            expected = outcome(lambda n=name, a=arguments: getattr(s, n)(*a))
            assert outcome(lambda n=name, a=arguments: getattr(mapped_text, n)(*a)) == expected, (name, arguments)
            assert outcome(lambda n=name, a=arguments: getattr(mapped_text, n)(Text.of(a[0]), *a[1:])) == expected
    assert mapped_text.startswith((needle, "q"), start) == s.startswith((needle, "q"), start)
    assert mapped_text.endswith((), start) == s.endswith((), start)


@MANY
@given(mapped_texts(), st.one_of(st.none(), needles), st.integers(-1, 6))
def test_splitting(pair: tuple[Text, str], sep: str | None, most: int) -> None:
    mapped_text, s = pair
    for name in ("split", "rsplit"):
        for arguments in ((), (sep,), (sep, most)):
            expected = outcome(lambda n=name, a=arguments: getattr(s, n)(*a))
            assert outcome(lambda n=name, a=arguments: getattr(mapped_text, n)(*a)) == expected, (name, arguments)
    for name in ("partition", "rpartition"):
        assert outcome(lambda n=name: getattr(mapped_text, n)(sep)) == outcome(lambda n=name: getattr(s, n)(sep))
    assert settled(mapped_text.splitlines()) == s.splitlines()
    assert settled(mapped_text.splitlines(keepends=True)) == s.splitlines(True)
    for name in ("strip", "lstrip", "rstrip", "removeprefix", "removesuffix"):
        assert outcome(lambda n=name: getattr(mapped_text, n)(sep)) == outcome(lambda n=name: getattr(s, n)(sep)), name
    for name in ("strip", "lstrip", "rstrip"):
        assert settled(getattr(mapped_text, name)()) == getattr(s, name)()


@MANY
@given(mapped_texts(), needles, needles, st.integers(-1, 5))
def test_making_new_text(pair: tuple[Text, str], old: str, new: str, count: int) -> None:
    mapped_text, s = pair
    assert settled(mapped_text.replace(old, new)) == s.replace(old, new)
    assert settled(mapped_text.replace(old, new, count)) == s.replace(old, new, count)
    assert settled(mapped_text + old) == s + old
    assert settled(old + mapped_text) == old + s
    assert settled(mapped_text + mapped_text) == s + s
    assert settled(mapped_text * count) == s * count
    assert settled(count * mapped_text) == s * count
    assert settled(mapped_text.join([old, new, "x"])) == s.join([old, new, "x"])
    assert settled(Text.concat([mapped_text, old, mapped_text], new)) == new.join([s, old, s])
    assert f"{mapped_text}{old}" == f"{s}{old}"
    assert f"{mapped_text:>80}|{mapped_text!r}" == f"{s:>80}|{s!r}"
    assert "%s|%r" % (mapped_text, mapped_text) == "%s|%r" % (s, s)  # noqa: UP031
    assert "{}".format(mapped_text) == s  # noqa: UP032


@MANY
@given(mapped_texts())
def test_the_other_methods(pair: tuple[Text, str]) -> None:
    mapped_text, s = pair
    plain = [n for n in dir(str) if n.startswith("is")]
    plain += ["upper", "lower", "title", "swapcase", "capitalize", "casefold", "expandtabs", "encode"]
    for name in plain:
        assert outcome(getattr(mapped_text, name)) == outcome(getattr(s, name)), name
    for name, arguments in (
        ("center", (70,)), ("center", (70, "é")), ("ljust", (70, "-")), ("rjust", (70,)), ("zfill", (70,)), ("zfill", ("x",)),
        ("expandtabs", (3,)), ("encode", ("utf-16",)), ("encode", ("ascii", "ignore")), ("translate", ({97: "é", 98: None},)),
        ("format", (1, 2, 3)), ("format_map", ({},)), ("__mod__", (("x",) * s.count("%s"),)), ("__rmod__", ("%s",)),
        ("maketrans", ("a", "b")), ("__contains__", (3,)), ("find", (3,)), ("join", ([1],)), ("__add__", (3,)), ("split", (3,)),
        ("__mul__", ("x",)), ("startswith", ((1,),)), ("replace", ("a",)), ("replace", (1, 2)), ("__getitem__", ("a",)),
    ):  # fmt: skip
        expected = outcome(lambda n=name, a=arguments: getattr(s, n)(*a))
        assert outcome(lambda n=name, a=arguments: getattr(mapped_text, n)(*a)) == expected, (name, arguments)


@MANY
@given(mapped_texts(), mapped_texts())
def test_order(one: tuple[Text, str], other: tuple[Text, str]) -> None:
    (a, s), (b, t) = one, other
    for left, right in ((a, b), (a, t), (s, b)):
        assert (left < right, left <= right, left > right, left >= right, left == right, left != right) == (
            s < t, s <= t, s > t, s >= t, s == t, s != t
        )  # fmt: skip


@MANY
@given(mapped_texts(), mapped_texts(), mapped_texts())
def test_texts_of_several_inputs_are_joined(
    one: tuple[Text, str], other: tuple[Text, str], third: tuple[Text, str]
) -> None:
    (a, s), (b, t), (c, u) = one, other, third
    assert settled(a.join([b, c, a])) == s.join([t, u, s])
    assert settled(a.join([Text.of(t), "x", b])) == s.join([t, "x", t])
    assert settled(a + b + c) == s + t + u


def test_a_place_between_empty_pieces_is_one_place() -> None:
    store = MemoryStore([b"", b"abc", b"", b"", b"de", b""])
    s = "abcde"
    for start in range(-7, 8):
        for stop in range(-7, 8):
            fresh = Text.from_parts([Span(n, 0, store.size(n)) for n in range(6)], store)  # nothing of it counted
            assert fresh.find("", start, stop) == s.find("", start, stop), (start, stop)
            assert fresh[start:stop] == s[start:stop], (start, stop)


@pytest.mark.parametrize("unit", ["a", "ab", "aab"])
def test_needles_that_overlap_themselves_are_found_as_str_finds_them(unit: str) -> None:
    """Whichever window a hit ends in, the next one begins behind it."""
    for before in range(9):
        for times in range(1, 40, 2):
            s = "x" * before + unit * times + "y"
            mapped_text = Text.of(s.encode())
            for needle in (unit * 2, unit * 3, unit + unit[0], unit * 7):
                assert mapped_text.count(needle) == s.count(needle), (s, needle)
                assert settled(mapped_text.split(needle)) == s.split(needle), (s, needle)
                assert settled(mapped_text.rsplit(needle, 5)) == s.rsplit(needle, 5), (s, needle)


def test_bytes_of_two_pieces_make_no_character() -> None:
    """Each file is decoded alone: the halves of a character are two U+FFFD, and no search may see it whole."""
    store = MemoryStore([b"a\xe2\x82", b"\xacb\xc3", b"\xa9", "€é".encode()])
    mapped_text = Text.from_parts([Span(n, 0, store.size(n)) for n in range(4)], store)
    s = mapped_text.realise()
    assert s == "a\ufffd\ufffdb\ufffd\ufffd€é"
    for needle in ("€", "é", "€é", "b", "a\ufffd"):
        assert (mapped_text.find(needle), mapped_text.rfind(needle)) == (s.find(needle), s.rfind(needle)), needle
        assert mapped_text.count(needle) == s.count(needle)
        assert settled(mapped_text.split(needle)) == s.split(needle)
        assert settled(mapped_text.rpartition(needle)) == s.rpartition(needle)
        assert settled(mapped_text.replace(needle, "x")) == s.replace(needle, "x")


@pytest.mark.parametrize("odd", [1.5, None, "1", 10**30, -(10**30)])
def test_odd_numbers_are_taken_or_refused_as_str_does(odd: Any) -> None:
    s = "a b\r\na bé a"
    mapped_text = Text.of(s.encode())
    calls: list[Callable[[Any], Any]] = [
        lambda t: t[odd:], lambda t: t[:odd], lambda t: t[::odd], lambda t: t[odd], lambda t: t.find("a", odd),
        lambda t: t.count("a", 0, odd), lambda t: t.startswith("a", odd), lambda t: t.split(" ", odd),
        lambda t: t.rsplit(None, odd), lambda t: t.replace("a", "b", odd), lambda t: t.split(maxsplit=odd),
    ]  # fmt: skip
    for number, call in enumerate(calls):
        assert failing(lambda c=call: c(mapped_text)) == failing(lambda c=call: c(s)), number


def failing(call: Callable[[], Any]) -> Any:
    """`outcome`, also of numbers that are too large."""
    try:
        return outcome(call)
    except OverflowError:
        return OverflowError


@MANY
@given(mapped_texts())
def test_parts_make_the_same_text_again(pair: tuple[Text, str]) -> None:
    mapped_text, s = pair
    again = Text.from_parts(mapped_text.parts(), mapped_text._store)
    assert again.realise() == s
    assert "".join(Text.from_parts([part], mapped_text._store).realise() for part in mapped_text.parts()) == s


@MANY
@given(st.lists(contents, min_size=2, max_size=4), st.data())
def test_places_lead_back_to_the_bytes(files: list[bytes], data: st.DataObject) -> None:
    store = MemoryStore({f"f{n}": content for n, content in enumerate(files)})
    context = build_context(store)
    offset = data.draw(st.integers(0, max(0, len(context) - 1)))
    found = context.locate(offset)
    if found is None:
        return
    content = files[found.file]
    assert found.path == f"f{found.file}"
    assert found.line == content.count(b"\n", 0, found.byte) + 1
    back = context.offset_of(found.file, found.byte)
    assert back is not None
    if back == offset:
        assert content[found.byte :].decode("utf-8", "replace")[:1] == context[offset]
    else:  # in a header line: the start of its file
        assert found.byte == 0
        assert back > offset


@MANY
@given(mapped_texts(), st.integers(1, 12), st.integers(0, 12))
def test_lines_by_number(pair: tuple[Text, str], first: int, last: int) -> None:
    mapped_text, s = pair
    lines = [line + "\n" for line in s.split("\n")]
    lines[-1] = lines[-1][:-1]
    assert settled(mapped_text.lines(first, last)) == "".join(lines[first - 1 : last])
    expected = lines[first - 1].removesuffix("\n").removesuffix("\r") if first <= len(lines) else IndexError
    if first <= len(lines) and (lines[first - 1] or first < len(lines)):
        assert outcome(lambda: mapped_text.line(first)) == expected


def test_what_c_code_needs_is_real_or_an_error() -> None:
    number = Text.of(b"[1, 2]")
    assert json.loads(str(number)) == [1, 2]
    with pytest.raises(TypeError):
        "".join([number])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        io.StringIO(number)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        int(number)  # type: ignore[call-overload]
    assert pickle.loads(pickle.dumps(number)) == "[1, 2]"
    assert copy.deepcopy({"a": number})["a"] == "[1, 2]"
    assert string.Template("$a").substitute(a=number) == "[1, 2]"


def test_too_long_for_a_str_says_what_to_do_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Text, "limit", 100)
    long = Text.of(b"abc\n" * 100)
    for call in (str, repr, hash, Text.upper, Text.lower, lambda t: f"{t}", lambda t: t[::-1], Text.split):
        with pytest.raises(MemoryError, match=r"grep\(\), search\(\) or chunks\(\)"):
            call(long)
    assert long.count("a") == 100
    assert len(long[5:300]) == 295


def test_long_results_are_mapped_and_short_ones_real() -> None:
    long = Text.of(b"abc def\n" * 10)
    assert type(long[3:50]) is Text
    assert type(long[3:8]) is str
    assert type(long[-50:]) is Text
    assert [type(part) for part in long.partition(" ")] == [str, str, Text]
    assert type(long.strip()) is Text
    assert type(long.split(None, 1)[1]) is Text
    assert [type(line) for line in Text.of(b"a\n" + b"b" * 20).splitlines()] == [str, Text]


def test_a_header_shows_odd_names_quoted() -> None:
    names = ["a\nb", "c\x1b[31m", "plain é", "\udcff"]
    store = MemoryStore(dict.fromkeys(names, b"x"))
    assert [header(store.files, n).strip() for n in range(4)] == [
        '==> "a\\nb" <==', '==> "c\\x1b[31m" <==', "==> plain é <==", '==> "\\xff" <=='
    ]  # fmt: skip
    assert layout.quoted('say "hi"') == 'say "hi"'
