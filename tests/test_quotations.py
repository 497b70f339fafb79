"""Words in quotation marks stand in what was read, or the answer says that they were not found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_cli import quotations
from rlm_cli.citations import Sources
from rlm_cli.context.store import MemoryStore
from rlm_cli.quotations import Quotations
from rlm_cli.references import LookUp, Settled

TEXT = (
    "The valve must be closed before\n  the pump is started, and never after.\n"
    "It’s the operator’s duty — always — to look at the gauge first.\n"
    'He said "stop" twice. The rest of the manual is about paint.\n'
    "    # Whoever opens the valve\n    # has looked at the gauge.\n"
    "操作員必須先檢查壓力表然後才能打開主閥門並且通知值班人員。\n"
    "The seal **must not** be oiled before `reset` has run; see the _first_ chapter.\n"
    'Costs rose by 12.5 % to 1,200. ERROR msg="disk is full" code=28, x = alpha*beta\n'
)
NOTE = " [quote not found]"


def settle(text: str, question: str = "", content: str = TEXT, **bounds: float) -> Settled:
    store = MemoryStore({"other.txt": b"nothing here\n", "a.txt": content.encode()})
    search = Quotations(store, lambda: [0, 1], question, **bounds)  # type: ignore[arg-type]
    return LookUp(Sources(store), store, search).settle(text)


TRUE = [
    '"The valve must be closed before the pump is started"',
    "“the pump is started, and never after.”",
    "\"It's the operator's duty - always - to look at the gauge\"",
    "«The valve must be closed … and never after»",
    '"The rest of the manual is about paint,"',
    '"closed before [...] look at the gauge first"',
    "‘the operator’s duty — always — to look’",
    "'the operator's duty - always - to look'",
    "»the pump is started, and never after.«",
    "„the pump is started, and never after“",
    "‚the pump is started, and never after‘",
    "‹the pump is started, and never after›",
    "「操作員必須先檢查壓力表然後才能打開主閥門」",
    '"The valve must be closed\nbefore the pump is started"',
    '"Whoever opens the valve has looked at the gauge."',
    "“He said 'stop' twice.”",
    '"The seal must not be oiled before reset has run"',
    '"The seal **must not** be oiled before `reset` has run"',
    '"The *seal* must not be oiled before reset"',
    "“**see** the first chapter.”",
    '"the seal must not be oiled"',
    '"[t]he seal must not be oiled"',
    "\"It's the operator's duty -- always -- to look\"",
    '"Costs rose by 12.5% to 1,200"',
    r'"ERROR msg=\"disk is full\" code=28"',
    '"code=28, x = alpha*beta"',
    '"the pump\u00a0is started, and never after"',
    "「操作員必須先檢查\n壓力表然後才能打開主閥門」",
]


@pytest.mark.parametrize("quote", TRUE)
def test_a_quotation_that_is_there_is_left_alone(quote: str) -> None:
    found = settle(f"The manual says {quote} and more.")
    assert (found.text, found.quotes_found) == (f"The manual says {quote} and more.", 1)


FALSE = [
    '"The valve must be opened before the pump is started"',
    "“the pump is stopped, and never after.”",
    '"THE VALVE MUST BE CLOSED BEFORE"',
    "«The valve must be closed … and ever after»",
    "‘the operator’s right — always — to look’",
    "'the operator's right - always - to look'",
    "»the pump is stopped, and never after.«",
    "‚the pump is stopped, and never after‘",
    "「操作員必須先檢查壓力表然後才能關閉主閥門」",
    '"The valve must be closed\nbehind the pump is started"',
    '"The seal **must** be oiled before `reset` has run"',
    '"The seal must not be oiled before `start` has run"',
    '"the Seal must not be oiled"',
    '"[t]he valve must be oiled"',
    '"Costs rose by 12.6% to 1,200"',
    '"Costs rose by 125% to 1,200"',
    r'"ERROR msg=\"disk is empty\" code=28"',
    '"code=28, x = alpha beta"',
]


@pytest.mark.parametrize("quote", FALSE)
def test_a_quotation_that_is_not_there_is_marked(quote: str) -> None:
    found = settle(f"The manual says {quote} and more.")
    assert found.text == f"The manual says {quote}{NOTE} and more."
    assert found.to_json()["quotes_not_found"] == [quote[1:-1]]


def test_short_words_code_and_the_users_own_words_are_no_quotations() -> None:
    text = 'A "pump", the "big red one" and "no such words in here" `"nor these in a span of code"`\n```\n"nor here, in a block of code"\n```\n'
    assert settle(text, 'what about the "no such  words in here"?').text == text


PROSE = [
    'Both "valve" which is closed by somebody "pump" and "gauge" are named.',
    'It says "closed before\nthe pump." and what comes then is "never after" alone.',
    "the operators' duty, which isn't theirs alone, is the mechanics' too",
    "in the '90s the pump was red and in the '80s it was blue",
    'a "first paragraph that is not closed\n\nand a second one" that has nothing to do with it',
    'a board of 5" by 12" and another one that is 7" wide',
    'The mark `"` opens a text, and `\\"` stands for a mark in it',
    'It reads "C:\\\\temp\\\\" at first and "C:" at the very end',
]


@pytest.mark.parametrize("text", PROSE)
def test_prose_between_marks_is_no_quotation(text: str) -> None:
    assert settle(text).text == text


def test_what_was_not_searched_to_its_end_is_neither_found_nor_missing() -> None:
    content = "filler\n" * 500_000 + TEXT
    quote = '"The rest of the manual is about paint"'
    assert settle(quote, content=content).quotes_found == 1
    cut = settle(quote, content=content, most_bytes=1_000_000)
    late = settle(quote, content=content, most_seconds=0.0)
    long = settle('"' + "word " * 500 + 'word"')
    for one in (cut, late):
        assert (one.text, one.quotes_found, one.quotes_missing, one.quotes_unsearched) == (quote, 0, [], 1)
    assert (long.quotes_missing, long.quotes_unsearched) == ([], 1)


def test_a_word_that_stands_everywhere_costs_one_look_at_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    plain = quotations._plain

    def counted(text: bytes) -> bytes:
        made.append(len(text))
        return plain(text)

    monkeypatch.setattr(quotations, "_plain", counted)
    missing = " ".join(f'"{"operator " * 200}number {n}"' for n in range(50))
    assert len(settle(missing, content="operator number\n" * 100_000).quotes_missing) == 50
    assert len([size for size in made if size > 10_000]) == 2


@given(st.integers(0, 2000), st.integers(20, 200), st.booleans())
def test_any_stretch_of_the_text_is_found_also_across_windows(start: int, length: int, changed: bool) -> None:
    words = " ".join(f"w{n * 7919 % 10_007}" for n in range(2_000))
    body = words[start : start + length].strip()
    if changed:
        body += " w99999"
    content = "x" * ((1 << 20) - 1000) + "\n" + words.replace(" ", "\n", 500)
    found = settle(f'It says "{body}".', content=content)
    if len(body) >= 20 and " " in body:
        assert (found.quotes_found, len(found.quotes_missing)) == ((0, 1) if changed else (1, 0))
