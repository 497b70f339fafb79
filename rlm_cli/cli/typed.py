"""From the table of options to Typer and back: what stands on the command line, and nothing else."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, TypeVar

import typer

from rlm_cli.errors import UsageError
from rlm_cli.options import Option
from rlm_cli.settings import OPTIONS

F = TypeVar("F", bound=Callable[..., Any])


def takes(options: Iterable[Option] = tuple(OPTIONS.values())) -> Callable[[F], F]:
    """Give a command these options of the table. It receives them as `**given`: see `flags`."""
    options = tuple(options)

    def declare(command: F) -> F:
        own = inspect.signature(command, eval_str=True)
        kept = [item for item in own.parameters.values() if item.kind is not item.VAR_KEYWORD]
        added = [_parameter(item) for item in options]
        if any(item.name == "format" for item in options):
            added.append(_json())
        command.__signature__ = own.replace(parameters=kept + added)  # type: ignore[attr-defined]
        return command

    return declare


def flags(given: Mapping[str, Any]) -> dict[str, Any]:
    """Only what was typed, by option name. Values are still text: `settings.load` reads those of every layer.

    Raises UsageError for an empty one: it is a variable of a script that is not set, and without --api-base the text
    would go elsewhere.
    """
    typed = {name: value for name, value in given.items() if value not in (None, [], 0) or value is False}
    for name, value in typed.items():
        if value == "" or (isinstance(value, list | tuple) and "" in value):
            raise UsageError(f"{OPTIONS[name].flag} is empty", "Give it a value, or leave it out.")
    if typed.pop("json", False):
        if typed.get("format", "json") != "json":
            raise UsageError(f"--json and --format {typed['format']} say different things", "Choose one.")
        typed["format"] = "json"
    return typed


def absolute(given: Mapping[str, Any]) -> dict[str, Any]:
    """`given`, its files as seen from here: a recorded run is walked in the directory that it began in."""
    found = dict(given)
    for name in ("output", "schema", "pack"):
        value = given.get(name) or ""
        mark, path = ("@", value[1:]) if value.startswith("@") else ("", value)
        if path and (mark or name == "output" or os.path.isfile(path)):
            found[name] = mark + os.path.abspath(path)
    return found


class AsTyped:
    """Takes a value as it was typed where it is already what its annotation says: text, a list of texts, a switch.

    Typer makes a pydantic validator for every option, given or not: 0.1 s of a start, and most of it for `None`.
    Anything else (a number, a path, bounds) is still left to that.
    """

    def coerce(self, value: Any, *, param: Any, ctx: Any) -> Any:
        kind = param.type_descriptor.annotation
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if kind in (str, bool, int) and type(value) is kind:
            return value
        if kind == list[str] and isinstance(value, list | tuple) and all(type(item) is str for item in value):
            return list(value)
        param._runtime_param = None
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


def _parameter(option: Option) -> inspect.Parameter:
    described = typer.Option(*_declarations(option), **_shown(option))
    kind: Any = str | None
    if option.kind == "switch":
        kind = bool | None
    elif option.kind == "tally":
        kind, described.count = int, True
    elif option.repeat:
        kind = list[str] | None
    default = 0 if option.kind == "tally" else None
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, described]
    )


def _declarations(option: Option) -> list[str]:
    if option.kind != "switch":
        return list(option.flags)
    short = list(option.flags[:-1])
    if option.flag.startswith("--no-") and option.default is True:
        return [*short, f"{option.inverse}/{option.flag}"]
    return [*short, f"{option.flag}/{option.inverse}"]


def _shown(option: Option) -> dict[str, Any]:
    return {
        "help": option.help,
        "metavar": option.metavar or None,
        "rich_help_panel": option.group,
        "show_default": False,
    }


def _json() -> inspect.Parameter:
    described = typer.Option("--json", help="the same as -f json", rich_help_panel="Output", show_default=False)
    return inspect.Parameter(
        "json", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[bool | None, described]
    )
