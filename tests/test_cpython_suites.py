"""CPython's own tests of `str` and of `re`, run on mapped text where this Python ships them.

Distributions often leave the package `test` out; then these tests are skipped and say so.
"""

from __future__ import annotations

import re
import sys
import unittest
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from rlm_cli.context import regex
from rlm_cli.context.regex import Pattern
from rlm_cli.context.text import Text
from tests.test_re_is_re import tiny_windows

string_tests = pytest.importorskip("test.string_tests", reason="this Python does not ship test.string_tests")
test_re = pytest.importorskip("test.test_re", reason="this Python does not ship test.test_re")


@pytest.fixture(autouse=True, scope="module")
def _tiny() -> Iterator[None]:
    with tiny_windows(16):
        yield


def mapped(value: Any) -> Any:
    return Text.of(value) if type(value) is str else value


bases: list[Any] = [getattr(string_tests, name, object) for name in ("StringLikeTest", "CommonTest")]
bases.append(getattr(string_tests, "MixinStrUnicodeUserStringTest", object))


SKIPPED = {
    "test_fixtype": "asks that the type be a class",
    "test_compile": "asks that a compiled pattern be itself, where each is wrapped for this test",
    "test_search_anchor_at_beginning": "asks for a time",
    "test_adaptive_find": "takes minutes in windows as small as here; a second in real ones",
    "test_find_many_lengths": "gives mapped text to methods of real strings",
    "test_possible_set_operations": "asks for the file name of a warning",
    "test_match_repr": "asks for the name of the class's module",
    "test_re_groupref_exists_errors": "asks for the file name of a warning",
    "test_symbolic_groups_errors": "asks for the file name of a warning",
    "test_symbolic_refs_errors": "asks for the file name of a warning",
}
if sys.version_info >= (3, 13):
    names = (
        "test_basic_re_sub",
        "test_misuse_flags",
        "test_qualified_re_split",
        "test_qualified_re_sub",
        "test_re_subn",
    )
    SKIPPED |= dict.fromkeys(names, "asks for the warning that a positional count is deprecated")


@pytest.fixture(autouse=True)
def _skip(request: pytest.FixtureRequest) -> None:
    if request.node.name in SKIPPED:
        pytest.skip(SKIPPED[request.node.name])


class TestStr(*[base for base in bases if base is not object], unittest.TestCase):  # type: ignore[misc]
    """test.string_tests. Arguments and results are mapped too, as `fixtype` has it."""

    type2test = staticmethod(mapped)
    contains_bytes = False

    def checkequal(self, result: Any, object: Any, methodname: str, *args: Any, **kwargs: Any) -> None:
        found = getattr(mapped(object), methodname)(*self.fixtype(args), **kwargs)
        assert self.fixtype(result) == found
        assert found == result


def _mapping(method: str, place: int) -> Any:
    """A function of `re` with the string argument mapped."""
    real = getattr(regex, method)

    def call(*arguments: Any, **named: Any) -> Any:
        given = list(arguments)
        if len(given) > place:
            given[place] = mapped(given[place])
        elif "string" in named:
            named["string"] = mapped(named["string"])
        return real(*given, **named)

    return call


class MappingPattern(Pattern):
    """A pattern that maps every real string it is given."""

    __slots__ = ()

    def _whole(self, string: Any) -> Any:
        return super()._whole(mapped(string))


class Re(SimpleNamespace):
    """The module `re` as test_re sees it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(re, name)

    def compile(self, pattern: Any, flags: int = 0) -> Any:
        return MappingPattern(re.compile(pattern, flags))


@pytest.fixture(autouse=True)
def _re(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"search": 1, "match": 1, "fullmatch": 1, "finditer": 1, "findall": 1, "split": 1, "sub": 2, "subn": 2}
    monkeypatch.setattr(test_re, "re", Re(**{name: _mapping(name, place) for name, place in names.items()}))


class TestRe(test_re.ReTests):
    """test.test_re."""


class TestReLeftovers(test_re.ExternalTests):
    """test.test_re on the table test.re_tests."""
