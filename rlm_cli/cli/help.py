"""The help of a command: usage, what it does, examples, options in groups, exit statuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

from rlm_cli.cli.layout import Row, column_of, examples, prose, status_table, table
from rlm_cli.cli.typed import AsTyped
from rlm_cli.options import Option
from rlm_cli.settings import OPTIONS

HELP_FLAGS = {"help_option_names": ["-h", "--help"]}


class Command(TyperCommand):
    """A command whose help is ours. Its docstring is the description, its epilog the examples."""

    statuses = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for item in self.get_params(ctx):
            if getattr(item, "_runtime_param", self) is None:
                item._runtime_param = AsTyped()  # type: ignore[attr-defined]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        formatter.write(_usage(self, ctx) + "\n")

    def format_help(self, ctx: Any, formatter: Any) -> None:
        parts = [_usage(self, ctx), prose(self.help or ""), examples(self.epilog), *option_tables(self)]
        if self.statuses:
            parts.append(status_table())
        formatter.write("\n\n".join(part for part in parts if part) + "\n")


class AnsweringCommand(Command):
    """One that answers a question: its help ends with the exit statuses."""

    statuses = True


class Group(TyperGroup):
    """A group of commands whose help is ours."""

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        formatter.write(_usage(self, ctx) + "\n")

    def format_help(self, ctx: Any, formatter: Any) -> None:
        commands = table("Commands", [(name, first_sentence(item.help)) for name, item in self.commands.items()])
        parts = [_usage(self, ctx), prose(self.help or ""), examples(self.epilog), commands, *option_tables(self)]
        formatter.write("\n\n".join(part for part in parts if part) + "\n")


def first_sentence(text: str | None) -> str:
    """The first sentence of a description as a phrase: no capital, no full stop."""
    line = " ".join((text or "").split("\n\n")[0].split()).split(". ")[0].rstrip(".")
    return line[:1].lower() + line[1:]


def option_tables(command: Any) -> list[str]:
    """The options of a command, a table a heading, all with the same columns."""
    groups = option_groups(command)
    column = column_of([row for _, rows in groups for row in rows])
    return [table(heading, rows, column=column) for heading, rows in groups]


def option_groups(command: Any) -> list[tuple[str, list[Row]]]:
    """The options of a command by heading, in the order in which they were declared."""
    found: dict[str, list[Row]] = {}
    for param in command.params:
        if param.param_type_name == "option" and not param.hidden:
            found.setdefault(param.rich_help_panel or "Options", []).append(_row(param))
    last = "Other" if "Other" in found else "Options"
    found.setdefault(last, []).append(("-h, --help", "show this"))
    return sorted(found.items(), key=lambda group: group[0] == "Other")


def _row(param: Any) -> Row:
    option = OPTIONS.get(param.name)
    if option is not None and option.help == param.help:
        return label(option), described(option)
    value = "" if param.is_flag or param.count else f" {param.metavar or 'TEXT'}"
    flags = param.opts
    if param.secondary_opts and param.default:  # on unless it is switched off: --browser/--no-browser
        flags = [f"--[no-]{flag.removeprefix('--')}" for flag in flags]
    return _aligned(flags) + value, param.help or ""


def label(option: Option) -> str:
    """`-m, --model NAME`, with room for the short flag where there is none."""
    return _aligned(option.flags) + (f" {option.metavar}" if option.takes_value else "")


def _aligned(flags: Sequence[str]) -> str:
    short = [flag for flag in flags if not flag.startswith("--")]
    long = [flag for flag in flags if flag.startswith("--")]
    return ", ".join(short + long) if short else "    " + ", ".join(long)


def described(option: Option) -> str:
    """What an option does, and its default where that is not plain."""
    if not option.takes_value or option.default in (None, "", ()):
        return option.help
    return f"{option.help} [{option.show(option.default)}]"


def _usage(command: Any, ctx: Any) -> str:
    arguments = [item.metavar or item.name.upper() for item in command.params if item.param_type_name == "argument"]
    pieces = ["Usage:", ctx.command_path, "[OPTIONS]", *arguments]
    if isinstance(command, TyperGroup):
        pieces.append("[COMMAND]" if command.invoke_without_command else "COMMAND")
    return " ".join(pieces)
