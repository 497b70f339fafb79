"""`rlm models`: which models can be used here, how much they take in and what they cost."""

from __future__ import annotations

import contextlib
import json as jsons
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Annotated, Any
from urllib.request import urlopen

import typer

from rlm_cli import figures
from rlm_cli.cli.help import HELP_FLAGS, Command
from rlm_cli.cli.output import columns, remark, say, say_json
from rlm_cli.keys import KeyRing
from rlm_cli.models import registry
from rlm_cli.models.prices import listed, names
from rlm_cli.places import places, write_private
from rlm_cli.settings import Config, load

EXAMPLES = """
rlm models                     what is used, and which providers have a key
rlm models gpt-5               every model with this in its name
rlm models --local             ask the servers on this machine
"""
LOCAL = (  # (server, address of its OpenAI-compatible endpoint)
    ("Ollama", "http://localhost:11434/v1"),
    ("LM Studio", "http://localhost:1234/v1"),
    ("llama.cpp", "http://localhost:8080/v1"),
    ("vLLM", "http://localhost:8000/v1"),
)
_PATIENCE = 1.0  # seconds for a server on this machine

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True, slots=True)
class Row:
    """One model. Prices are dollars per million tokens; None where nobody knows."""

    model: str
    window: int | None
    input: float | None
    output: float | None
    key: str  # where its key comes from; "" where none is found, "not needed" where none is needed


@app.command(cls=Command, epilog=EXAMPLES, context_settings=HELP_FLAGS)
def models(
    word: Annotated[str | None, typer.Argument(metavar="[WORD]", show_default=False)] = None,
    local: Annotated[bool, typer.Option("--local", help="ask the servers on this machine")] = False,
    json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """List the models that can be used, with windows and list prices.

    Any name that litellm knows can be given to -m and -s; so can what an OpenAI-compatible endpoint serves, with
    --api-base.
    """
    remember_names()
    if local:
        _show_local(json)
        return
    ring = KeyRing(registry.KEYS)
    rows = list(_matching(word, ring)) if word else list(_in_use(ring))
    if json:
        say_json([asdict(row) for row in rows])
        return
    if word and not rows:
        remark(f"no model that litellm knows has {word!r} in its name; any name may be tried all the same")
        return
    say(_table(rows))
    if not word:
        say("\n" + _providers(ring))


def remember_names() -> None:
    """Keep the names of all models for completion in shells, which must not start a program at each TAB."""
    known = "\n".join(sorted({*names(), *Config.load().aliases, "offline/extractive"})) + "\n"
    file = places().model_names
    with contextlib.suppress(OSError):  # a convenience
        if not file.exists() or file.read_text(encoding="utf-8") != known:
            write_private(file, known)


def _in_use(ring: KeyRing) -> Iterator[Row]:
    """The models that `rlm ask` would take now."""
    settings = load()
    root, sub = registry.default_models(ring.origins()) or ("offline/extractive", "offline/extractive")
    for name in dict.fromkeys((settings.model or root, settings.sub_model or settings.model or sub)):
        yield _row(name, ring)


def _matching(word: str, ring: KeyRing) -> Iterator[Row]:
    """Models with all parts of `word` in their name, those that can be used first."""
    parts = word.lower().split()
    rows = [_row(name, ring) for name in names() if all(part in name.lower() for part in parts)]
    yield from sorted(rows, key=lambda row: (not row.key, row.model))


def _row(name: str, ring: KeyRing) -> Row:
    known = listed(name)
    price = known.price if known else None
    variables = registry.needs_key(name)
    if name.startswith("offline/"):
        return Row(name, None, 0.0, 0.0, "not needed")
    key = next((origin for variable in variables if (origin := ring.origin(variable))), "")
    return Row(
        name,
        known.window if known else None,
        price.input if price else None,
        price.output if price else None,
        key or ("not needed" if not variables and registry.provider(name) in registry.KEYS else ""),
    )


def _table(rows: list[Row]) -> str:
    head = ("model", "window", "$/M in", "$/M out", "key")
    body = [
        (row.model, figures.tokens(row.window) if row.window else "?", _price(row.input), _price(row.output),
         row.key or ("none" if registry.needs_key(row.model) else "?"))
        for row in rows
    ]  # fmt: skip
    return columns([head, *body], right=(1, 2, 3))


def _price(dollars: float | None) -> str:
    return "?" if dollars is None else f"{dollars:.2f}"


def _providers(ring: KeyRing) -> str:
    """Which providers have a key, and what to do where none has."""
    keyed = [
        provider
        for provider, variables in registry.KEYS.items()
        if any(ring.origin(variable) for variable in variables)
    ]
    if keyed:
        return f"Keys for: {', '.join(keyed)}. Others: rlm keys. By name: rlm models WORD."
    return "No key of any provider is set: rlm keys set PROVIDER, or see rlm models --local."


def _show_local(json: bool) -> None:
    with ThreadPoolExecutor(len(LOCAL)) as pool:
        found = list(pool.map(_served, LOCAL))
    if json:
        say_json([{"server": server, "api_base": base, "models": served}
                  for (server, base), served in zip(LOCAL, found, strict=True) if served is not None])  # fmt: skip
        return
    for (server, base), served in zip(LOCAL, found, strict=True):
        if served is None:
            remark(f"{server} does not answer at {base}")
            continue
        for model in served:
            say(f"rlm ask -m compatible/{model} --api-base {base}")
        if not served:
            remark(f"{server} at {base} serves no model")


def _served(place: tuple[str, str]) -> list[str] | None:
    """The models that a server offers; None where none answers."""
    try:
        with urlopen(f"{place[1]}/models", timeout=_PATIENCE) as reply:
            told: Any = jsons.loads(reply.read(1 << 20))
        return [str(item["id"]) for item in told["data"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
