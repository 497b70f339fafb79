"""The promise: the account says which bytes were read, no more and no fewer, however they were read."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_cli.context import coverage as coverage_module
from rlm_cli.context.coverage import Coverage
from rlm_cli.context.files import build_context
from rlm_cli.context.regex import findall
from rlm_cli.context.store import MemoryStore

FILES = MemoryStore([b"x" * 200] * 4).files
adds = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 120), st.integers(0, 60)), max_size=60)


def plainly(stretches: Any) -> set[tuple[int, int]]:
    return {(file, byte) for file, start, end in stretches for byte in range(start, end)}


@settings(max_examples=500, deadline=None)
@given(adds, adds)
def test_it_is_the_union_of_what_was_added(one: Any, other: Any) -> None:
    first, second = Coverage(), Coverage()
    for file, start, length in one:
        first.add(file, start, start + length)
    for file, start, length in other:
        second.add(file, start, start + length)
    expected = plainly((file, start, start + length) for file, start, length in one)
    assert plainly(first.stretches()) == expected
    assert first.bytes() == len(expected)
    assert [first.bytes(file) for file in range(4)] == [sum(1 for f, _ in expected if f == file) for file in range(4)]
    assert first.files() == len({file for file, _ in expected})
    listed = list(first.stretches())
    assert all(a[0] < b[0] or a[2] < b[1] for a, b in pairwise(listed))
    again = Coverage.unwire(json.loads(json.dumps(first.wire())), FILES)
    assert list(again.stretches()) == listed
    first.merge(second)
    union = expected | plainly((file, start, start + length) for file, start, length in other)
    assert plainly(first.stretches()) == union
    taken = first.take()
    assert plainly(taken.stretches()) == union
    assert not first
    assert first.bytes() == 0


def test_many_small_stretches_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage_module, "MOST_STRETCHES", 50)
    account = Coverage()
    for number in range(1000):
        account.add(0, 10 + number * 10, 11 + number * 10)
    assert sum(1 for _ in account.stretches()) <= 51
    assert account.bytes() >= 1000
    assert len(account.wire()[0]) <= 2 * 50 + 3


@pytest.mark.parametrize(
    "value",
    [None, {}, "x", [1], [[]], [[0]], [[0, 1]], [[0, 1, 1, 1]], [["0", 1, 1]], [[0, -1, 1]], [[4, 0, 1]], [[0, True, 1]],
     [[0, 1.5, 1]], [[0, 0, 1]] * 5, [[0, 0, 1 << 70]], [[-1, 0, 1]]],
)  # fmt: skip
def test_a_hostile_account_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="coverage"):
        Coverage.unwire(value, FILES)


def test_nobody_has_read_more_than_there_is() -> None:
    account = Coverage.unwire([[0, 150, 1000], [1, 500, 9]], FILES)
    assert list(account.stretches()) == [(0, 150, 200)]


def test_reading_is_counted_and_looking_at_sizes_is_not() -> None:
    account = Coverage()
    store = MemoryStore({"a": b"hello world\n" * 20, "b": "grüße\n".encode() * 20}, account)
    context = build_context(store)
    len(context)
    context.parts()
    assert context.locate(300) is not None
    assert not account
    context[15:20]
    assert list(account.stretches()) == [(0, 5, 10)] or account.bytes() == 5
    assert "nowhere" not in context
    assert account.bytes() == 240 + 160
    taken = account.take()
    assert taken.files() == 2
    assert context.find("hello", 30) >= 0
    assert 0 < account.bytes(0) <= 240
    assert account.bytes(1) == 0
    account.take()
    assert len(findall("gr.*e", context)) == 20
    assert account.bytes() == 400
