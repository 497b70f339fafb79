"""Keys reach the provider and nothing else; a model that needs one says which before anything is sent."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from rlm_cli.errors import AuthError, UsageError
from rlm_cli.memo import Memo
from rlm_cli.models import registry
from rlm_cli.models.failures import scrub, words
from rlm_cli.models.registry import default_models, needs_key, open_model
from tests.calls import CLIENTS, KEY, QUIET, calls, failure, run
from tests.server import Broken, Item, ScriptedServer, Status, unauthorized

pytestmark = QUIET


@pytest.mark.parametrize("client", CLIENTS, ids=["direct", "litellm"])
@pytest.mark.parametrize(
    "item",
    ["ok", unauthorized(KEY), Status(400, f"bad header: Bearer {KEY}"), Status(500, body=f"<html>{KEY}</html>")],
    ids=["answered", "401 that quotes the key", "400 that quotes it", "500 that quotes it"],
)
def test_the_key_is_sent_and_never_shown(client: str, item: Item, tmp_path: Path) -> None:
    path = tmp_path / "memo.sqlite"
    with ScriptedServer(lambda _: item) as server, calls(server, client, memo=Memo(path)) as gate:
        try:
            shown = [repr(run(gate.ask()))]
        except Exception as error:
            shown = [repr(error), str(error), repr(error.__cause__), getattr(error, "hint", "")]
        shown.append(repr(gate.gate.root))
    assert server.asks[0].key == KEY
    shown += [repr(dataclasses.asdict(event)) for event in gate.events]  # type: ignore[call-overload]
    shown.append(path.read_bytes().decode("latin-1") if path.exists() else "")
    assert KEY not in "".join(shown)


def test_a_traceback_of_a_failure_holds_no_key() -> None:
    """In a process of its own, uncaught, as a bug would show it."""
    code = (
        "import asyncio\n"
        "from rlm_cli.models import Message, Options\n"
        "from rlm_cli.models.registry import open_model\n"
        f"model = open_model('openai/x', environment={{'OPENAI_API_KEY': {KEY!r}}}, base='http://127.0.0.1:9/v1')\n"
        "asyncio.run(model.reply([Message('user', 'x')], Options(max_tokens=1)))\n"
    )
    done = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True, check=False, timeout=60)
    assert "Unreachable" in done.stderr
    assert KEY not in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-abcdefghijklmnop",
        "Authorization: Bearer abcdefghijklmnop",
        "key AIzaSyA1234567890abcdefgh is not valid",
        "gsk_abcdefghijklmnopqrstuvwx",
    ],
)
def test_whatever_has_the_shape_of_a_key_is_taken_out(text: str) -> None:
    assert "abcdefgh" not in scrub(text)
    assert "[key]" in words(text)


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("openai/gpt-5", "OPENAI_API_KEY"),
        ("gpt-5-mini", "OPENAI_API_KEY"),
        ("anthropic/claude-sonnet-4-5", "ANTHROPIC_API_KEY"),
        ("claude-haiku-4-5", "ANTHROPIC_API_KEY"),
        ("gemini/gemini-2.5-flash", "GEMINI_API_KEY"),
        ("openrouter/openai/gpt-5", "OPENROUTER_API_KEY"),
        ("litellm/groq/llama", "GROQ_API_KEY"),
    ],
)
def test_a_missing_key_is_named_before_anything_else_happens(name: str, variable: str) -> None:
    with pytest.raises(AuthError) as raised:
        open_model(name, environment={})
    assert variable in raised.value.message
    assert variable in raised.value.hint
    assert needs_key(name)[0] == variable
    open_model(name, environment={variable: KEY})


def test_missing_keys_are_found_without_importing_litellm() -> None:
    code = (
        "import sys\n"
        "from rlm_cli.models.registry import open_model\n"
        "try: open_model('openai/gpt-5', environment={})\n"
        "except Exception as error: print(type(error).__name__)\n"
        "open_model('gpt-5', environment={'OPENAI_API_KEY': 'k' * 9})\n"
        "open_model('openai/x', environment={}, base='http://localhost:1/v1')\n"
        "print(sorted({'litellm', 'openai', 'pydantic', 'aiohttp'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split("\n")[:2] == ["AuthError", "[]"]


@pytest.mark.parametrize("name", ["ollama/llama3", "compatible/x", "hosted_vllm/x"])
def test_local_models_need_no_key(name: str) -> None:
    open_model(name, environment={}, base="http://localhost:11434/v1")
    assert needs_key(name) == ()


@pytest.mark.parametrize("name", ["github_copilot/gpt-4o", "chatgpt/gpt-5"])
def test_no_login_begins_by_itself(name: str, tmp_path: Path) -> None:
    environment = {"GITHUB_COPILOT_TOKEN_DIR": str(tmp_path), "CHATGPT_TOKEN_DIR": str(tmp_path)}
    for spelled in (name, f"litellm/{name}"):
        with pytest.raises(AuthError, match="login"):
            open_model(spelled, environment=environment)
    for file in ("api-key.json", "auth.json"):
        (tmp_path / file).write_text("{}")
    open_model(name, environment=environment)


@pytest.mark.parametrize("name", ["", "  ", "a b", "x\x1b[31m", "x\n"])
def test_a_name_that_cannot_be_meant_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        open_model(name.rstrip("\n") + (" y" if name.endswith("\n") else ""), environment={})


def test_an_address_is_needed_and_must_be_one() -> None:
    with pytest.raises(UsageError, match="address"):
        open_model("compatible/x", environment={})
    with pytest.raises(UsageError, match="http"):
        open_model("openai/x", environment={}, base="localhost:8000")


def test_the_direct_client_serves_what_it_can() -> None:
    from rlm_cli.models.compatible import Compatible
    from rlm_cli.models.hosted import Hosted

    base = "http://localhost:8000/v1"
    direct = ("openai/x", "compatible/org/x", "qwen2.5-coder", "hosted_vllm/x", "lm_studio/x")
    assert all(isinstance(open_model(name, environment={}, base=base), Compatible) for name in direct)
    hosted = ("litellm/openai/x", "ollama/x", "litellm/hosted_vllm/x")
    assert all(isinstance(open_model(name, environment={}, base=base), Hosted) for name in hosted)
    gateway = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": base}
    assert isinstance(open_model("openai/x", environment=gateway), Compatible)


def test_the_defaults_are_those_of_the_first_key_and_ask_for_no_other() -> None:
    class Asked(Mapping[str, str]):
        """Keys that a command prints: to ask is to run it."""

        def __init__(self, **keys: str) -> None:
            self.keys_, self.asked = keys, list[str]()

        def __getitem__(self, name: str) -> str:
            self.asked.append(name)
            return self.keys_[name]

        def __iter__(self) -> Iterator[str]:
            return iter(self.keys_)

        def __len__(self) -> int:
            return len(self.keys_)

    environment = Asked(MISTRAL_API_KEY="m", OPENAI_API_KEY="o")
    found = default_models(environment)
    assert found is not None
    assert all(name.startswith("openai/") for name in found)
    assert environment.asked == ["OPENAI_API_KEY"]
    assert default_models({}) is None
    assert default_models({"OPENAI_API_KEY": ""}) is None
    for variable, *names in registry.DEFAULTS:
        assert all(needs_key(name)[0] == variable for name in names)


def test_a_fault_below_http_holds_no_key() -> None:
    with ScriptedServer(lambda _: Broken("reset_early")) as server, calls(server) as gate:
        error = run(failure(gate.ask()))
    assert KEY not in repr(error) + repr(gate.events)
