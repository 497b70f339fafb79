"""Token counts without a tokenizer: bounds that hold, estimates that are near."""

from __future__ import annotations

import base64
import json
import os
import random
import string
from pathlib import Path

import pytest

from rlm_cli.models import Message
from rlm_cli.models.tokens import count, count_messages

_RANDOM = random.Random(7)
_SOURCE = Path(__file__).read_text(encoding="utf-8")
_LOG = "\n".join(
    f"2026-11-21T07:{n % 60:02}:{n % 59:02}.{_RANDOM.randint(0, 999999):06}Z INFO [worker-{n % 8}] 10.0.{n % 255}.7 "
    f"GET /api/v1/users/{_RANDOM.randint(1, 99999)} 200 {_RANDOM.random():.4f}s"
    for n in range(300)
)
TEXTS = {
    "code": _SOURCE,
    "prose": "He had been to the market, where nobody asked him why he bought so much bread and cheese. " * 50,
    "log": _LOG,
    "json": json.dumps([{"id": n, "name": f"user {n}", "score": _RANDOM.random()} for n in range(200)], indent=1),
    "compact json": json.dumps([[_RANDOM.randint(0, 9) for _ in range(9)] for _ in range(300)], separators=(",", ":")),
    "csv": "\n".join(f"{n},{_RANDOM.random():.6f},{_RANDOM.randint(0, 10**9)}" for n in range(300)),
    "hexadecimal": _RANDOM.randbytes(5000).hex(),
    "base64": base64.b64encode(_RANDOM.randbytes(6000)).decode(),
    "digits": "".join(_RANDOM.choice(string.digits) for _ in range(5000)),
    "punctuation": "".join(_RANDOM.choice(string.punctuation) for _ in range(5000)),
    "minified": "function a(b,c){var d=b[0],e=c.f(d);return e&&(d|=1),g(h,i(j)),k?l:m}" * 60,
    "Chinese": "我们在这个项目中使用递归语言模型来回答关于大型输入的问题。" * 80,
    "Russian": "Эта программа отвечает на вопросы о больших входных данных. " * 80,
    "emoji": "😀🎉👍 " * 300,
    "spaces": ("    " * 5 + "x\n") * 200,
}
ORDINARY = ("code", "prose", "log", "json")


@pytest.fixture(scope="module")
def tokenizers() -> list[object]:
    import litellm
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe  # noqa: F401  fails early where tiktoken has moved

    # litellm's package carries the encodings; nothing is fetched.
    folder = Path(litellm.__file__).parent / "litellm_core_utils" / "tokenizers"
    before = os.environ.get("TIKTOKEN_CACHE_DIR")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    try:
        return [tiktoken.get_encoding(name) for name in ("cl100k_base", "o200k_base")]
    finally:
        if before is None:
            del os.environ["TIKTOKEN_CACHE_DIR"]
        else:
            os.environ["TIKTOKEN_CACHE_DIR"] = before


@pytest.mark.parametrize("name", TEXTS)
def test_the_bound_holds_and_the_estimate_is_near(name: str, tokenizers: list[object]) -> None:
    text = TEXTS[name]
    likely, most = count(text)
    for tokenizer in tokenizers:
        truth = len(tokenizer.encode(text, disallowed_special=()))  # type: ignore[attr-defined]
        assert most >= truth
        assert most <= 7 * truth + 10
        if name in ORDINARY:
            assert 0.75 * truth <= likely <= 1.3 * truth


def test_messages_cost_more_than_their_text() -> None:
    text = "hello there"
    likely, most = count_messages([Message("system", text), Message("user", text)])
    assert likely > 2 * count(text)[0]
    assert most > 2 * count(text)[1]


def test_lone_surrogates_are_counted() -> None:
    assert count("\ud800")[1] >= 3
