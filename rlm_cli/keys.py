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
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rlm_cli import tomlfile
from rlm_cli.errors import AuthError, UsageError
from rlm_cli.places import places, shown
from rlm_cli.settings import Config

_COMMAND_SECONDS = 30.0
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_SECRET_SHAPE = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|r8|ghp|gho|github_pat|AIza|nvapi|csk|tgp)[-_]?[A-Za-z0-9_*\-]{12,}"
    r"|(?i:Bearer)\s+[^\s\"']{6,}"
)
_SHORTEST = 8  # characters; a shorter value is a word that would be struck out everywhere


class KeyRing(Mapping[str, str]):
    """The environment, in which keys that are kept elsewhere are found too, under their usual variable.

    `providers` says which variables hold the key of a provider, the usual one first. A `key_cmd` runs when its variable
    is first asked for. Raises AuthError when that command fails.
    """

    def __init__(self, providers: Mapping[str, Sequence[str]], config: Config | None = None) -> None:
        self._config = config or Config.load()
        self._usual = {names[0]: provider for provider, names in providers.items() if names}
        self._found: dict[str, str] = {}
        self._stored = stored()

    def __getitem__(self, name: str) -> str:
        if value := os.environ.get(name):
            return value
        if name not in self._found:
            self._found[name] = self._elsewhere(name)
        if not self._found[name]:
            raise KeyError(name)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        set_here = (name for name, value in os.environ.items() if value)
        return iter({*set_here, *(name for name in self._usual if self.origin(name))})

    def __len__(self) -> int:
        return len(list(iter(self)))

    def origin(self, name: str) -> str:
        """Where the value of a variable comes from, without running a command; empty where there is none."""
        if os.environ.get(name):
            return name
        names = {name, self._usual.get(name, name)}
        if names & set(self._config.key_commands):
            return f"{shown(self._config.path)} [key_cmd]"
        return shown(places().keys_file) if names & set(self._stored) else ""

    def origins(self) -> dict[str, str]:
        """Every variable that has a value here, and where that comes from; no command runs."""
        return {name: self.origin(name) for name in self}

    def _elsewhere(self, name: str) -> str:
        names = (name, self._usual.get(name, name))
        for known in names:
            if command := self._config.key_commands.get(known):
                return _ask(command, known)
        return next((self._stored[known] for known in names if known in self._stored), "")


def stored() -> dict[str, str]:
    """Every key in keys.toml. Raises UsageError when the file is not what it should be."""
    path = places().keys_file
    found = tomlfile.read(path)
    for name, value in found.items():
        if not isinstance(value, str):  # which is not shown: it may be a key in the wrong form
            raise UsageError(f"{shown(path)}: the key of {name} is not text in quotes", "Mend it by hand.")
    return {name: value.strip() for name, value in found.items() if value.strip()}


def keep(provider: str, value: str) -> None:
    """Write a key into keys.toml, readable by its owner alone. Raises UsageError."""
    value = value.strip()
    if not value:
        raise UsageError("the key is empty", "Nothing was changed.")
    if any(character.isspace() or not character.isprintable() for character in value):
        raise UsageError("the key holds white space or control characters", "Nothing was changed; paste it again.")
    document = tomlfile.document(places().keys_file)
    document[provider] = value
    tomlfile.write(places().keys_file, document)


def drop(provider: str) -> None:
    """Take a key out of keys.toml. Raises UsageError when it is not there."""
    document = tomlfile.document(places().keys_file)
    if provider not in document:
        raise UsageError(f"no key of {provider!r} is kept in {shown(places().keys_file)}", "rlm keys lists them.")
    del document[provider]
    tomlfile.write(places().keys_file, document)


def open_to_others() -> bool:
    """Whether somebody else on this machine may read keys.toml."""
    try:
        return bool(places().keys_file.stat().st_mode & 0o077)
    except OSError:
        return False


def strike(text: str, secrets: Iterable[str] = (), mark: str = "[key]") -> str:
    """`text` without the secrets given, and without whatever has the shape of a key."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, mark)
    return _SECRET_SHAPE.sub(mark, text)


def redact(text: str) -> str:
    """`text` without anything that is a key: values of secret-looking variables, kept keys, the usual shapes."""
    values = [value for name, value in os.environ.items() if _SECRET_NAME.search(name)]
    with contextlib.suppress(UsageError):
        values += stored().values()
    return strike(text, (value.strip() for value in values if len(value.strip()) >= _SHORTEST), "[redacted]")


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
