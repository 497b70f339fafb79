"""`rlm keys`: which providers have a key and where it comes from; keeping one without ever showing it."""

from __future__ import annotations

import getpass
import sys
from difflib import get_close_matches
from typing import Annotated

import typer

from rlm_cli.cli.help import HELP_FLAGS, Command, Group
from rlm_cli.cli.output import columns, remark, say, say_json
from rlm_cli.cli.words import stdin_kind
from rlm_cli.errors import UsageError
from rlm_cli.keys import KeyRing, drop, keep, open_to_others
from rlm_cli.models.registry import KEYS
from rlm_cli.places import places, shown

EXAMPLES = """
rlm keys set anthropic                 asks for the key, without showing it
pass show openai | rlm keys set openai
rlm config set key_cmd.openai "pass show openai"     keep none, ask each time
"""

app = typer.Typer(
    cls=Group, add_completion=False, rich_markup_mode=None, epilog=EXAMPLES, context_settings=HELP_FLAGS,
    invoke_without_command=True,
)  # fmt: skip

Name = Annotated[str, typer.Argument(metavar="PROVIDER")]


@app.callback()
def keys(context: typer.Context) -> None:
    """Show and keep the keys of providers.

    A key is looked for in the provider's usual variable, then with key_cmd of config.toml, then in keys.toml.
    """
    if context.invoked_subcommand is None:
        show()


@app.command("list", cls=Command, context_settings=HELP_FLAGS)
def show(json: Annotated[bool, typer.Option("--json", help="as JSON")] = False) -> None:
    """List providers and where their key comes from; never the key."""
    ring = KeyRing(KEYS)
    found = {
        provider: next((origin for name in names if (origin := ring.origin(name))), "")
        for provider, names in KEYS.items()
        if names
    }
    if json:
        say_json({"keys": found, "file": str(places().keys_file)})
        return
    rows = [(provider, origin or f"none; set {KEYS[provider][0]}") for provider, origin in found.items()]
    say(columns(sorted(rows, key=lambda row: row[1].startswith("none;"))))
    if open_to_others():
        remark(f"warning: others on this machine may read {shown(places().keys_file)}; chmod 600 it")


@app.command("set", cls=Command, context_settings=HELP_FLAGS)
def set_(
    name: Name, force: Annotated[bool, typer.Option("--force", help="keep it for a provider nobody knows")] = False
) -> None:
    """Keep the key of a provider in keys.toml, which only you may read.

    It is asked for without being shown, or read from a pipe. There is no flag for it: other people see the command
    lines of a machine.
    """
    provider = _provider(name, force=force)
    keep(provider, _asked_for(provider))
    remark(f"the key of {provider} is kept in {shown(places().keys_file)}, which only you may read")


@app.command(cls=Command, context_settings=HELP_FLAGS)
def unset(name: Name) -> None:
    """Forget the key of a provider."""
    drop(name)
    remark(f"the key of {name} is taken out of {shown(places().keys_file)}")


@app.command(cls=Command, context_settings=HELP_FLAGS)
def path() -> None:
    """Print where kept keys are."""
    say(str(places().keys_file))


def _provider(name: str, *, force: bool) -> str:
    """The provider that is meant: its name, or a variable of it."""
    known = next((provider for provider, names in KEYS.items() if name == provider or name in names), None)
    if known is None and not force:
        near = get_close_matches(name, KEYS, n=1)
        hint = f"Did you mean {near[0]}?" if near else "rlm keys lists those it knows; --force keeps it all the same."
        raise UsageError(f"there is no provider {name!r}", hint)
    return known or name


def _asked_for(provider: str) -> str:
    if stdin_kind() == "terminal":
        return getpass.getpass(f"key of {provider} (not shown): ", stream=sys.stderr)
    if stdin_kind() not in ("pipe", "file"):
        hint = f"Run it in a terminal, or pipe the key in: pass show {provider} | rlm keys set {provider}"
        raise UsageError("there is no key to keep: stdin is no terminal and no pipe", hint)
    return sys.stdin.readline()
