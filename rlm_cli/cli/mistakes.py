"""What Typer says about a command line, in our words and with the near flag."""

from __future__ import annotations

import re
from typing import Any

import typer

from rlm_cli.errors import UsageError
from rlm_cli.settings import OPTIONS

_OURS = (
    (re.compile(r"^Got unexpected extra arguments?(?:\(s\))? \((.*)\)$"), r"there are words too many: \1"),
    (re.compile(r"^Invalid value for '(-[^']+)': Input should be a valid integer.*$"), r"\1 takes a whole number"),
    (re.compile(r"^Invalid value for '(-[^']+)': Input should be a valid number.*$"), r"\1 takes a number"),
    (re.compile(r"^Missing argument '(.*)'$"), r"\1 is missing"),
    (re.compile(r"^No such command ('.*')\. Did you mean (.*)\?$"), r"there is no command \1; did you mean \2?"),
    (re.compile(r"^No such command ('.*')$"), r"there is no command \1"),
)


def explain(problem: typer.TyperException) -> UsageError:
    """Our error for one of Typer's, which all are usage errors."""
    context: Any = getattr(problem, "ctx", None)
    command = context.command_path if context is not None else "rlm"
    further = f"{command} -h lists what there is."
    flag = getattr(problem, "option_name", None)
    if flag is None:
        told = problem.format_message().rstrip(".").replace("\n", " ")
        for pattern, words in _OURS:
            told = pattern.sub(words, told)
        return UsageError(told, further)
    if "requires an argument" in problem.format_message():  # told without a context
        return UsageError(f"{flag} needs a value: {flag} {_metavar(flag)}")
    if "does not take a value" in problem.format_message():
        return UsageError(f"{flag} takes no value")
    known = _flags(context)
    near = _near(flag, known) or _below(flag, context)
    return UsageError(f"there is no option {flag}", f"Did you mean {near}?" if near else further)


def _flags(context: Any) -> dict[str, Any]:
    """Every flag of the command → its parameter."""
    params = context.command.get_params(context) if context is not None else []
    return {flag: param for param in params for flag in (*param.opts, *param.secondary_opts) if flag.startswith("-")}


def _below(flag: str, context: Any) -> str:
    """The command of a group that has this flag: `rlm runs list --all`."""
    commands = getattr(context.command, "commands", {}) if context is not None else {}
    found = [name for name, command in commands.items() if any(flag in item.opts for item in command.params)]
    return f"{context.command_path} {found[0]} {flag}" if found else ""


def _near(flag: str, known: dict[str, Any]) -> str:
    from difflib import get_close_matches

    word = flag.replace("_", "-").lower()
    if word in known:
        return word
    begun = [name for name in known if name.startswith(word)]
    if len(word) > 3 and begun:  # the rest was left out: --keep for --keep-inputs
        return min(begun, key=len)
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if not near and len(word) > 4:  # a part that was written as the whole: --cost, --turns
        near = [name for name in known if word.removeprefix("--") in name.split("-")]
    return near[0] if near else ""


def _metavar(flag: str) -> str:
    return next((option.metavar for option in OPTIONS.values() if flag in option.flags), "VALUE")
