"""Everything a run needs to know, each option once, and where its value came from.

Layers, the first that says something wins: flags, `RLM_*` variables, the profile, the user's config.toml, the defaults
below. Nothing is ever read from the directory that is asked about: it may be hostile, and a file in it that could set
`api_base` would be handed the key.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from rlm_cli import tomlfile
from rlm_cli.errors import UsageError
from rlm_cli.options import Option, named, option, spelled
from rlm_cli.places import places, shown

Layer = Literal["flag", "environment", "profile", "config", "default"]

_OTHER_VARIABLES = {"RLM_HOME", "RLM_DEBUG", "RLM_PROFILE", "RLM_API_KEY"}
_TABLES = ("profiles", "aliases", "key_cmd")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: the layer, and the flag, variable or file that held it."""

    layer: Layer
    place: str = ""

    def __str__(self) -> str:
        return self.place or self.layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run. Durations are seconds, sizes bytes, money dollars; `None` in a limit means that there is none."""

    question: str = ""
    sources: tuple[str, ...] = ()  # as written; "-" is stdin
    listed: tuple[bytes, ...] = ()  # the names that --files-from gave
    allow_changed: bool = False  # resume and replay: the input may differ from what it was
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False)  # option → where its value came from
    warnings: tuple[str, ...] = field(default=(), compare=False)

    # fmt: off
    # Sources
    files_from: str | None = option(
        None, "--files-from", kind="file", group="Sources", metavar="FILE", stored=False,
        help="read the list of paths from FILE, - for stdin; one a line, or NUL between them",
    )
    include: tuple[str, ...] = option(
        (), "--include", kind="text", group="Sources", metavar="GLOB", repeat=True, stored=False,
        help="read only paths that match, such as '*.py' or 'docs/**' (repeat)",
    )
    exclude: tuple[str, ...] = option(
        (), "--exclude", kind="text", group="Sources", metavar="GLOB", repeat=True,
        help="leave out paths that match (repeat)",
    )
    hidden: bool = option(
        False, "--hidden", kind="switch", group="Sources", help="read hidden files and directories too"
    )
    ignore: bool = option(
        True, "--no-ignore", kind="switch", group="Sources", help="do not follow .gitignore, .ignore, .rlmignore"
    )
    include_secrets: bool = option(
        False, "--include-secrets", kind="switch", group="Sources", stored=False,
        help="read .env, *.pem, id_* and the like, which are left out even when named",
    )
    binary: bool = option(False, "--binary", kind="switch", group="Sources", help="read binary files too")
    encoding: str | None = option(
        None, "--encoding", kind="text", group="Sources", metavar="NAME", stored=False,
        help="read every file as NAME, such as latin-1, where no mark at its start says otherwise",
    )
    max_decompressed: int = option(
        4 * 1024**3, "--max-decompressed", kind="size", group="Sources", metavar="SIZE", least=1,
        help="most that one .gz, .zip and the like may unpack to",
    )

    # Models
    model: str = option(
        "", "-m", "--model", kind="model", group="Models", metavar="NAME", help="the root model: it writes the code"
    )
    sub_model: str = option(
        "", "-s", "--sub-model", kind="model", group="Models", metavar="NAME",
        help="answers the sub-calls that the code makes",
    )
    api_base: str | None = option(
        None, "--api-base", kind="text", group="Models", metavar="URL",
        help="an OpenAI-compatible endpoint, such as http://localhost:11434/v1",
    )
    context_window: int | None = option(
        None, "--context-window", kind="count", group="Models", metavar="N", least=1,
        help="tokens that a prompt and its reply may take, where the model's name does not tell",
    )
    strategy: str = option(
        "auto", "--strategy", kind="choice", group="Models", metavar="HOW",
        choices=("auto", "direct", "search", "map", "rlm"),
        help="auto, direct (all in one prompt), search (what a search finds), map (part by part) or rlm (the loop)",
    )
    votes: int = option(
        1, "--votes", kind="count", group="Models", metavar="N", least=1, most=100,
        help="answer so many times, independently, under the same limits; agreement decides",
    )
    pack: str = option(
        "auto", "--pack", kind="choice", group="Models", metavar="PACK", choices=("auto", "full", "small"), open=True,
        help="the prompts: auto, full, small (weak or short-window models) or a TOML file of your own",
    )

    # Limits
    max_cost: float | None = option(
        1.00, "--max-cost", kind="money", group="Limits", metavar="USD", lifted=True,
        help="dollars in all, for each question",
    )
    max_time: float | None = option(
        600.0, "--max-time", kind="duration", group="Limits", metavar="TIME", lifted=True,
        help="time in all, such as 90s or 10m",
    )
    max_turns: int = option(
        20, "--max-turns", kind="count", group="Limits", metavar="N", least=1, help="turns of the root model"
    )
    max_calls: int | None = option(
        500, "--max-calls", kind="count", group="Limits", metavar="N", lifted=True, help="model calls in all"
    )
    max_tokens: int | None = option(
        5_000_000, "--max-tokens", kind="count", group="Limits", metavar="N", lifted=True,
        help="tokens in all, read and written",
    )
    max_depth: int = option(
        1, "--max-depth", kind="count", group="Limits", metavar="N",
        help="0: no sub-calls; 1: sub-calls; 2 and more: children that recurse",
    )
    jobs: int = option(16, "-j", "--jobs", kind="count", group="Limits", metavar="N", least=1, help="calls at once")
    call_time: float = option(
        120.0, "--call-time", kind="duration", group="Limits", metavar="TIME", help="time of one model call"
    )
    cell_time: float = option(
        60.0, "--cell-time", kind="duration", group="Limits", metavar="TIME",
        help="time of one cell of code, calls not counted",
    )

    compact_at: float = option(
        0.8, "--compact-at", kind="share", group="Limits", metavar="SHARE",
        help="share of the root model's window at which earlier turns become a summary",
    )

    cell_memory: int = option(
        1024**3, "--cell-memory", kind="size", group="Limits", metavar="SIZE", least=64 * 1024**2,
        help="memory of the process that runs cells; the mapped input is not counted",
    )

    # Output
    format: str = option(
        "text", "-f", "--format", kind="choice", group="Output", metavar="FORMAT",
        choices=("text", "md", "json", "jsonl", "github"), help="text, md, json, jsonl (events as they come) or github",
    )
    output: str | None = option(
        None, "-o", "--output", kind="file", group="Output", metavar="FILE", stored=False,
        help="write the answer to FILE too",
    )
    schema: str | None = option(
        None, "--schema", kind="text", group="Output", metavar="SCHEMA", stored=False,
        help="shape of the answer: 'path, line int, why', a JSON Schema, or @FILE",
    )
    schema_multi: bool = option(
        False, "--schema-multi", kind="switch", group="Output", stored=False,
        help="the answer is a list of such",
    )
    fail_if: str | None = option(
        None, "--fail-if", kind="choice", group="Output", metavar="WHAT", stored=False,
        choices=("found", "not-found"), help="found or not-found: exit 1 in that case and 0 in the other",
    )
    trajectory: str | None = option(
        None, "--trajectory", kind="file", group="Output", metavar="FILE", stored=False,
        help="write the record of the run to FILE",
    )
    save: bool = option(True, "--no-save", kind="switch", group="Output", help="keep no record of the run")
    redact: bool = option(
        False, "--redact", kind="switch", group="Output",
        help="keep hashes in place of texts of the input in the record; it cannot be resumed",
    )
    memo: bool = option(
        True, "--no-memo", kind="switch", group="Output", help="do not reuse replies to sub-calls made before"
    )
    memo_root: bool = option(
        False, "--memo-root", kind="switch", group="Output",
        help="reuse replies of the root model too: the same question of the same input is paid once",
    )

    # Terminal
    progress: str = option(
        "auto", "--progress", kind="choice", group="Terminal", metavar="HOW",
        choices=("auto", "tree", "plain", "jsonl", "none"), help="auto, tree, plain, jsonl or none",
    )
    color: Literal["auto", "always", "never"] = option(
        "auto", "--color", kind="choice", group="Terminal", metavar="WHEN", choices=("auto", "always", "never"),
        help="auto, always or never",
    )
    links: str = option(
        "auto", "--links", kind="choice", group="Terminal", metavar="HOW", open=True,
        choices=("auto", "never", "file", "vscode", "vscode-insiders", "vscodium", "cursor", "kitty", "macvim",
                 "textmate"),
        help="auto, never, vscode, cursor, kitty, file, … or a format with {path}",
    )
    quiet: bool = option(False, "-q", "--quiet", kind="switch", group="Terminal", help="no progress, only errors")
    verbose: int = option(
        0, "-v", "--verbose", kind="tally", group="Terminal",
        help="show cells and their output (-vv: requests and retries too)",
    )

    # Other
    dry_run: bool = option(
        False, "-n", "--dry-run", kind="switch", group="Other", stored=False,
        help="list what would be read and what it may cost; send nothing",
    )
    sandbox: str = option(
        "strict" if sys.platform == "linux" else "auto", "--sandbox", kind="choice", group="Other", metavar="HOW",
        choices=("auto", "strict", "off"), help="strict (no run where the system cannot confine cells), auto or off",
    )
    profile: str | None = option(
        None, "--profile", kind="text", group="Other", metavar="NAME", help="take [profiles.NAME] of config.toml"
    )
    # fmt: on


OPTIONS: dict[str, Option] = {
    item.name: named(item.metadata["option"], item.name) for item in fields(Settings) if "option" in item.metadata
}
"""Every option by name, in the order of help."""


def load(flags: Mapping[str, Any] | None = None, **given: Any) -> Settings:
    """Settings from all layers. `flags` holds only what stands on the command line, as text or as read values;
    `given` are the fields that are no options (question, sources). Raises UsageError."""
    flags = flags or {}
    layers = _Layers(Config.load(), flags)
    for described in OPTIONS.values():
        layers.settle(described)
    layers.resolve_aliases()
    settings = Settings(**given, **layers.found, origins=layers.origins, warnings=_near_variables())
    _refuse_contradictions(flags)
    return settings


class Config:
    """The user's config.toml, checked: every key is known, or the run does not start."""

    def __init__(self, data: Mapping[str, Any], path: Path) -> None:
        self.path = path
        self.data = {_key(name): value for name, value in data.items()}
        self._check(self.data, "", (*OPTIONS, *_TABLES))
        for table in _TABLES:
            if not isinstance(self.data.get(table, {}), Mapping):
                raise UsageError(f"{shown(path)}: {table} is not a table", f"Write it as [{table}].")
        for table in ("aliases", "key_cmd"):
            for name, value in self.data.get(table, {}).items():
                if not isinstance(value, str):
                    raise UsageError(f"{shown(path)}: {table}.{name}: {spelled(value)} is not text in quotes")
        for name, profile in self.profiles.items():
            if not isinstance(profile, Mapping):
                raise UsageError(f"{shown(path)}: profile {name} is not a table", f"Write it as [profiles.{name}].")
            if "profile" in profile:
                raise UsageError(f"{shown(path)}: profiles.{name}: a profile cannot name a profile")
            self._check({_key(key): value for key, value in profile.items()}, f"profiles.{name}: ", tuple(OPTIONS))

    @classmethod
    def load(cls) -> Config:
        """The configuration, empty where there is no file. Raises UsageError."""
        path = places().config_file
        return cls(tomlfile.read(path), path)

    @property
    def profiles(self) -> Mapping[str, Mapping[str, Any]]:
        return self.data.get("profiles", {})  # type: ignore[no-any-return]

    @property
    def aliases(self) -> Mapping[str, str]:
        return self.data.get("aliases", {})  # type: ignore[no-any-return]

    @property
    def key_commands(self) -> Mapping[str, str]:
        return self.data.get("key_cmd", {})  # type: ignore[no-any-return]

    def profile(self, name: str) -> Mapping[str, Any]:
        """The keys of a profile. Raises UsageError with the near name."""
        if name not in self.profiles:
            near = get_close_matches(name, self.profiles, n=1)
            known = f"Did you mean {near[0]}?" if near else f"Make it: [profiles.{name}] in {shown(self.path)}."
            raise UsageError(f"there is no profile {name!r}", known)
        return {_key(key): value for key, value in self.profiles[name].items()}

    def _check(self, data: Mapping[str, Any], where: str, known: tuple[str, ...]) -> None:
        for key in data:
            if key not in known:
                hint = near_key(key, known)
                raise UsageError(f"{shown(self.path)}: {where}there is no setting {key!r}", hint)
            if key in OPTIONS and not OPTIONS[key].stored:
                hint = f"It is asked for each time, with {OPTIONS[key].flag}."
                raise UsageError(f"{shown(self.path)}: {where}{key} cannot stand in a configuration", hint)


def near_key(key: str, known: tuple[str, ...] = tuple(OPTIONS)) -> str:
    """What to say about a name that is not known."""
    near = get_close_matches(_key(key), known, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else "rlm config lists all settings."


def _key(name: str) -> str:
    return name.replace("-", "_")


class _Layers:
    """Settles options one by one from all layers."""

    def __init__(self, config: Config, flags: Mapping[str, Any]) -> None:
        self.config = config
        self.flags = flags
        self.found: dict[str, Any] = {}
        self.origins: dict[str, Origin] = {}
        self.profile: Mapping[str, Any] = {}
        self.profile_name = flags.get("profile") or os.environ.get("RLM_PROFILE") or config.data.get("profile")
        if isinstance(self.profile_name, str) and self.profile_name:  # `settle` tells what is no text
            self.profile = config.profile(self.profile_name)

    def settle(self, option: Option) -> None:
        """Take the first layer that says something. Raises UsageError, naming the layer's place."""
        self.origins[option.name] = Origin("default")
        for origin, value in self._said(option):
            try:
                self.found[option.name] = option.read(value)
            except ValueError as problem:
                raise UsageError(f"{origin}: {spelled(value)} {problem}") from None
            self.origins[option.name] = origin
            return

    def _said(self, option: Option) -> Iterator[tuple[Origin, Any]]:
        if option.name in self.flags:
            yield Origin("flag", option.flag), self.flags[option.name]
        if not option.stored:
            return
        if value := os.environ.get(option.variable):
            yield Origin("environment", option.variable), value.split(os.pathsep) if option.repeat else value
        file = shown(self.config.path)
        if option.name in self.profile:
            place = f"{file} [profiles.{self.profile_name}] {option.name}"
            yield Origin("profile", place), self.profile[option.name]
        if option.name in self.config.data:
            yield Origin("config", f"{file} {option.name}"), self.config.data[option.name]

    def resolve_aliases(self) -> None:
        for name in ("model", "sub_model"):
            target = self.config.aliases.get(self.found.get(name) or "")
            if target is not None and name in self.found:
                origin = self.origins[name]
                self.origins[name] = Origin(origin.layer, f"{origin.place}, alias {self.found[name]}")
                self.found[name] = target


def _near_variables() -> tuple[str, ...]:
    """A warning for each RLM_* variable that looks like a slip of one of ours. Other tools use the prefix too."""
    known = {item.variable for item in OPTIONS.values() if item.stored} | _OTHER_VARIABLES
    told = []
    for name in sorted(os.environ):
        if name.startswith("RLM_") and name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.8)
            if near:
                told.append(f"{name} is not read; did you mean {near[0]}?")
    return tuple(told)


def _refuse_contradictions(flags: Mapping[str, Any]) -> None:
    if flags.get("quiet") and flags.get("verbose"):
        raise UsageError("-q and -v say the contrary of each other", "Choose one.")
    if flags.get("dry_run") and flags.get("output"):
        raise UsageError("-n writes no answer, so -o has nothing to hold", "Leave one of them out.")
