"""Keys of providers: where they are looked for, how one is kept, and how none gets into anything that is written.

Looked for in this order: the provider's usual environment variable, `[key_cmd]` in config.toml (a command that prints
the key), keys.toml (0600). There is no flag for a key: flags are seen by every process of the machine.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field

from rlm_cli.errors import AuthError, UsageError
from rlm_cli.places import places, shown, write_private
from rlm_cli.settings import Config

PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "openrouter": ("OPENROUTER_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "groq": ("GROQ_API_KEY",),
    "xai": ("XAI_API_KEY",),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY"),
    "fireworks_ai": ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"),
    "cerebras": ("CEREBRAS_API_KEY",),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "perplexity": ("PERPLEXITYAI_API_KEY",),
    "azure": ("AZURE_API_KEY",),
    "huggingface": ("HF_TOKEN", "HUGGINGFACE_API_KEY"),
}
"""Provider (the word before the slash of a model's name) → the variables that hold its key, the usual one first."""

_COMMAND_SECONDS = 30.0
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_SECRET_SHAPE = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|ghp|gho|github_pat|AIza)[-_]?[A-Za-z0-9_\-]{16,}|(?i:Bearer)\s+\S+"
)
_SHORTEST = 8  # characters; a shorter value is a word that would be struck out everywhere


@dataclass(frozen=True, slots=True)
class Key:
    """A key and where it was found. Its value is never shown."""

    value: str = field(repr=False)
    origin: str


def variables(provider: str) -> tuple[str, ...]:
    """The environment variables of a provider; by the usual pattern where it is not among `PROVIDERS`."""
    return PROVIDERS.get(provider) or (f"{provider.upper().replace('-', '_')}_API_KEY",)


def find(provider: str, config: Config | None = None) -> Key | None:
    """The key of a provider, or None. Raises AuthError when `key_cmd` fails, UsageError when a file cannot be read."""
    for name in variables(provider):
        if value := os.environ.get(name, "").strip():
            return Key(value, name)
    config = config or Config.load()
    names = (provider, *variables(provider))
    for name in names:
        if command := config.key_commands.get(name):
            return Key(_ask(str(command), provider), f"{shown(config.path)} [key_cmd] {name}")
    kept = stored()
    for name in names:
        if value := kept.get(name, "").strip():
            return Key(value, shown(places().keys_file))
    return None


def where(provider: str, config: Config) -> str:
    """Where a key would be found, without running a command; empty where there is none."""
    for name in variables(provider):
        if os.environ.get(name, "").strip():
            return name
    names = {provider, *variables(provider)}
    if names & set(config.key_commands):
        return f"{shown(config.path)} [key_cmd]"
    return shown(places().keys_file) if names & set(stored()) else ""


def stored() -> dict[str, str]:
    """Every key in keys.toml. Raises UsageError when the file is not what it should be."""
    path = places().keys_file
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {shown(path)}: {error}") from None
    import tomllib

    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{shown(path)} is not valid TOML: {error}", "Mend it by hand.") from None
    return {name: value for name, value in found.items() if isinstance(value, str)}


def keep(provider: str, value: str) -> None:
    """Write a key into keys.toml, readable by its owner alone. Raises UsageError."""
    value = value.strip()
    if not value:
        raise UsageError("the key is empty", "Nothing was changed.")
    if any(character.isspace() or not character.isprintable() for character in value):
        raise UsageError("the key holds white space or control characters", "Nothing was changed; paste it again.")
    import tomlkit

    path = places().keys_file
    stored()  # refuse to replace what cannot be read
    document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
    document[provider] = value
    try:
        write_private(path, tomlkit.dumps(document))
    except OSError as error:
        raise UsageError(f"cannot write {shown(path)}: {error.strerror}") from None


def open_to_others() -> bool:
    """Whether somebody else on this machine may read keys.toml."""
    try:
        return bool(places().keys_file.stat().st_mode & 0o077)
    except OSError:
        return False


def redact(text: str) -> str:
    """`text` without anything that is a key: values of secret-looking variables, kept keys, the usual shapes."""
    values = [value for name, value in os.environ.items() if _SECRET_NAME.search(name)]
    with contextlib.suppress(UsageError):
        values += stored().values()
    for value in sorted((value.strip() for value in values), key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, "[redacted]")
    return _SECRET_SHAPE.sub("[redacted]", text)


def _ask(command: str, provider: str) -> str:
    """What the user's own command prints. It may ask for a password on the terminal."""
    hint = f"It is key_cmd for {provider} in {shown(places().config_file)}."
    try:
        done = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, timeout=_COMMAND_SECONDS, check=False)
    except (OSError, ValueError) as error:
        raise AuthError(f"the command that prints the key of {provider} cannot be run: {error}", hint) from None
    except subprocess.TimeoutExpired:
        raise AuthError(
            f"the command that prints the key of {provider} took over {_COMMAND_SECONDS:g} s", hint
        ) from None
    key = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode or not key:
        raise AuthError(
            f"the command that prints the key of {provider} ended with status {done.returncode} and no key", hint
        )
    return key
