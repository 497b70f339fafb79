"""From a name that a user writes after -m to a model.

| name | what answers |
|---|---|
| `offline/extractive` | the embedded model: no network, no weights |
| `compatible/NAME` | an OpenAI-compatible endpoint, spoken to directly |
| `openai/NAME`, or a bare NAME, with --api-base | the same |
| `litellm/ANY` | ANY through litellm, even where the direct client could serve it |
| `replay/RUN` | the recorded replies of a run |
| anything else | litellm, by its own name for the model |

A new model is one line in `PREFIXES`. Keys come from the environment, and are looked for before anything is imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rlm_cli.errors import AuthError, UsageError
from rlm_cli.models import Model, Price

Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a user asked for. `rest` is the name less its prefix."""

    name: str
    rest: str
    environment: Environment
    base: str | None = None
    key: str = ""
    window: int | None = None
    price: Price | None = None


# Provider (the part of a litellm name before the slash) → variables, any one of which is enough; () needs none.
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "mistral": ("MISTRAL_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "xai": ("XAI_API_KEY",),
    "groq": ("GROQ_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY", "OR_API_KEY"),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_AI_TOKEN"),
    "fireworks_ai": ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
    "cerebras": ("CEREBRAS_API_KEY",),
    "sambanova": ("SAMBANOVA_API_KEY",),
    "perplexity": ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "cohere_chat": ("COHERE_API_KEY", "CO_API_KEY"),
    "moonshot": ("MOONSHOT_API_KEY",),
    "dashscope": ("DASHSCOPE_API_KEY",),
    "deepinfra": ("DEEPINFRA_API_KEY",),
    "nebius": ("NEBIUS_API_KEY",),
    "nvidia_nim": ("NVIDIA_NIM_API_KEY",),
    "novita": ("NOVITA_API_KEY",),
    "huggingface": ("HF_TOKEN", "HUGGINGFACE_API_KEY"),
    "replicate": ("REPLICATE_API_KEY", "REPLICATE_API_TOKEN"),
    "azure": ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_AD_TOKEN"),
    "github": ("GITHUB_API_KEY",),
    "zai": ("ZAI_API_KEY",),
    "minimax": ("MINIMAX_API_KEY",),
    "ollama": (),
    "ollama_chat": (),
    "lm_studio": (),
    "llamafile": (),
    "hosted_vllm": (),
}

# Bare names that litellm knows, by their beginning.
BARE: Final = (
    ("gpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("chatgpt-", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "gemini"),
    ("mistral-", "mistral"),
    ("deepseek-", "deepseek"),
    ("grok-", "xai"),
)

# The first provider with a key gives the defaults: a root model that writes code well, a sub-model cheap to call often.
DEFAULTS: Final = (
    ("ANTHROPIC_API_KEY", "anthropic/claude-sonnet-4-6", "anthropic/claude-haiku-4-5"),
    ("OPENAI_API_KEY", "openai/gpt-5.1", "openai/gpt-5-mini"),
    ("GEMINI_API_KEY", "gemini/gemini-2.5-pro", "gemini/gemini-2.5-flash"),
    ("OPENROUTER_API_KEY", "openrouter/openai/gpt-5", "openrouter/openai/gpt-5-mini"),
    ("DEEPSEEK_API_KEY", "deepseek/deepseek-chat", "deepseek/deepseek-chat"),
    ("MISTRAL_API_KEY", "mistral/mistral-large-latest", "mistral/mistral-small-latest"),
    ("XAI_API_KEY", "xai/grok-4", "xai/grok-3-mini"),
    ("GROQ_API_KEY", "groq/openai/gpt-oss-120b", "groq/openai/gpt-oss-20b"),
)

# Prefixes that the direct client serves when an endpoint is known.
_DIRECT: Final = ("compatible", "openai", "custom_openai", "hosted_vllm", "lm_studio", "llamafile")

# Reaching these starts a login in the browser; they are left alone until somebody has logged in.
_LOGINS: Final = {
    "github_copilot": ("GITHUB_COPILOT_TOKEN_DIR", "~/.config/litellm/github_copilot", "api-key.json"),
    "chatgpt": ("CHATGPT_TOKEN_DIR", "~/.config/litellm/chatgpt", "auth.json"),
}


def open_model(
    name: str,
    *,
    environment: Environment | None = None,
    base: str | None = None,
    key: str = "",
    window: int | None = None,
    price: Price | None = None,
) -> Model:
    """The model of that name. Opens no connection and imports no litellm.

    `base`: --api-base; `key`: a key that is not in the environment; `window` in tokens (--context-window).
    Raises `AuthError` naming the variable where no key is set, `UsageError` for a name that cannot be meant.
    """
    environment = os.environ if environment is None else environment
    name = name.strip()
    if not name or any(character.isspace() or not character.isprintable() for character in name):
        raise UsageError(f"{name!r} is no name of a model.", "Such as openai/gpt-5-mini or offline/extractive.")
    prefix, _, rest = name.partition("/")
    opener = PREFIXES.get(prefix if rest else "", _any)
    wanted = Wanted(name=name, rest=rest, environment=environment, base=base, key=key, window=window, price=price)
    return opener(wanted)


def warm(model: Model) -> None:
    """Begin in the background what the first call to this model needs; returns at once. For a run that will call it."""
    begin = getattr(model, "warm", None)
    if begin is not None:
        begin()


def needs_key(name: str, *, base: str | None = None) -> tuple[str, ...]:
    """The variables any one of which holds the key of this model; () where it needs none, or we do not know."""
    prefix, _, rest = name.partition("/")
    if prefix == "litellm" and rest:
        return needs_key(rest, base=base)
    if base or (prefix in ("offline", "replay", "compatible") and rest):
        return ()
    return KEYS.get(provider(name), ())


def provider(name: str) -> str:
    """The provider of a litellm name, or "" where the name alone does not say."""
    prefix, slash, _ = name.partition("/")
    if slash:
        return prefix
    return next((owner for start, owner in BARE if name.startswith(start)), "")


def check_key(name: str, environment: Environment, *, base: str | None = None) -> None:
    """Raises `AuthError` naming the variable to set when this model needs a key that is not there."""
    variables = needs_key(name, base=base)
    if variables and not any(environment.get(variable) for variable in variables):
        others = f" (or {', '.join(variables[1:])})" if len(variables) > 1 else ""
        raise AuthError(
            f"{name} needs a key, and {variables[0]} is not set.",
            f"Set {variables[0]}{others}, or choose another model with -m: offline/extractive needs none.",
        )


def default_models(environment: Environment) -> tuple[str, str] | None:
    """(root model, sub-model) of the first provider that has a key here; None without any."""
    names = set(
        environment
    )  # asking for a value may run the user's command that prints it: only for a name that is there
    for variable, root, sub in DEFAULTS:
        if variable in names and environment.get(variable):
            return root, sub
    return None


# --- openers -------------------------------------------------------------------------------------------------------


def _any(wanted: Wanted) -> Model:
    """A litellm name, unless the direct client can serve it."""
    base = wanted.base
    prefix, slash, rest = wanted.name.partition("/")
    if prefix == "openai" or not slash:
        base = base or _openai_base(wanted)
    if base and (not slash or prefix in _DIRECT):
        return _direct(wanted, base, rest if slash else wanted.name)
    return _hosted(wanted, wanted.name)


def _openai_base(wanted: Wanted) -> str | None:
    if provider(wanted.name) != "openai":
        return None
    return wanted.environment.get("OPENAI_BASE_URL") or wanted.environment.get("OPENAI_API_BASE")


def _compatible(wanted: Wanted) -> Model:
    base = wanted.base or wanted.environment.get("OPENAI_BASE_URL") or wanted.environment.get("OPENAI_API_BASE")
    if not base:
        raise UsageError(f"{wanted.name} needs an address.", "Give --api-base, such as http://localhost:8000/v1")
    return _direct(wanted, base, wanted.rest)


def _direct(wanted: Wanted, base: str, served: str) -> Model:
    from rlm_cli.models.compatible import Compatible

    key, key_name = _key(wanted, ("RLM_API_KEY", "OPENAI_API_KEY"))
    return Compatible(wanted.name, base, served, key=key, key_name=key_name, window=wanted.window, price=wanted.price)


def _litellm(wanted: Wanted) -> Model:
    return _hosted(wanted, wanted.rest)


def _hosted(wanted: Wanted, name: str) -> Model:
    from rlm_cli.models.compatible import check_base
    from rlm_cli.models.hosted import Hosted

    if wanted.base:
        check_base(wanted.base)
    owner = provider(name)
    if owner in _LOGINS:
        _check_login(owner, wanted)
    elif not wanted.key:
        check_key(name, wanted.environment, base=wanted.base)
    variables = KEYS.get(owner, ())
    key, key_name = _key(wanted, ("RLM_API_KEY", *variables) if wanted.base else variables)
    if wanted.base and not key:
        key = "none"  # litellm's OpenAI client refuses to start without one, also for a server that asks for none
    return Hosted(
        name,
        shown=wanted.name,
        base=wanted.base,
        # What litellm finds in the environment by itself it knows best how to use.
        key="" if key and os.environ.get(key_name) == key and not wanted.base else key,
        key_name=key_name or next(iter(variables), ""),
        window=wanted.window,
        price=wanted.price,
        secrets=[key],
    )


def _key(wanted: Wanted, variables: tuple[str, ...]) -> tuple[str, str]:
    """(key, the variable it came from). Raises AuthError where a key cannot stand in a request."""
    name = "" if wanted.key else next((name for name in variables if wanted.environment.get(name)), "")
    key = (wanted.key or wanted.environment.get(name, "")).strip()  # `export KEY=$(cat file)` of a file from Windows
    if not key.isprintable():
        raise AuthError(f"the key in {name or 'use'} holds control characters", "Set it again.")
    return key, name


def _check_login(owner: str, wanted: Wanted) -> None:
    variable, usual, file = _LOGINS[owner]
    place = Path(os.path.expanduser(wanted.environment.get(variable) or usual))
    if not (place / file).exists():
        raise AuthError(
            f"{wanted.name} would start a login in the browser, and rlm never does that by itself.",
            f"Log in with litellm once, so that {place / file} exists, or choose another model.",
        )


def _offline(wanted: Wanted) -> Model:
    from importlib import import_module

    opened: Model = import_module("rlm_cli.models.offline").open_offline(wanted.rest)
    return opened


def _replay(wanted: Wanted) -> Model:
    from rlm_cli.models.replay import open_replay

    return open_replay(wanted.rest)


PREFIXES: Final[dict[str, Callable[[Wanted], Model]]] = {
    "offline": _offline,
    "replay": _replay,
    "compatible": _compatible,
    "litellm": _litellm,
}
