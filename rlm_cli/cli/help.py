"""Help as plain aligned text: usage, what it does, examples, options in groups, exit statuses.

No boxes and no colour: the same bytes on a terminal, in a pipe and in CI, where Typer's own help changes its looks.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

from rlm_cli.errors import ExitStatus
from rlm_cli.options import Option
from rlm_cli.settings import OPTIONS

WIDTH = 79
_LABEL = 21  # columns of a label; a longer one gets a line of its own
Row = tuple[str, str]


class Command(TyperCommand):
    """A command whose help is ours. Its docstring is the description, its epilog the examples."""

    statuses = False

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        formatter.write(_usage(self, ctx) + "\n")

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(command_help(self, ctx))


class AskCommand(Command):
    """One that answers: its help ends with the exit statuses."""

    statuses = True


class Group(TyperGroup):
    """A group of commands whose help is ours."""

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        formatter.write(_usage(self, ctx) + "\n")

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(group_help(self, ctx))


def command_help(command: Command | Group, ctx: Any) -> str:
    """The help of one command."""
    parts = [_usage(command, ctx), _description(command), _examples(command.epilog)]
    parts += option_tables(command)
    if getattr(command, "statuses", False):
        parts.append(status_table())
    return "\n\n".join(part for part in parts if part) + "\n"


def group_help(group: Group, ctx: Any) -> str:
    """The help of a group: its commands, then its options."""
    parts = [_usage(group, ctx), _description(group), _examples(group.epilog), table("Commands", command_rows(group))]
    parts += option_tables(group)
    return "\n\n".join(part for part in parts if part) + "\n"


def command_rows(group: TyperGroup) -> list[Row]:
    """Every command that is shown, with the first line of what it does."""
    return [(name, first_sentence(item.help)) for name, item in group.commands.items() if not item.hidden]


def first_sentence(text: str | None) -> str:
    """The first paragraph of a docstring in one line, without its full stop."""
    return " ".join((text or "").split("\n\n")[0].split()).rstrip(".")


def option_tables(command: Any) -> list[str]:
    """The options of a command, a table a heading, all with the same columns."""
    groups = option_groups(command)
    column = _column([row for _, rows in groups for row in rows], _width())
    return [table(heading, rows, column=column) for heading, rows in groups]


def option_groups(command: Any) -> list[tuple[str, list[Row]]]:
    """The options of a command by heading, in the order in which they were declared."""
    found: dict[str, list[Row]] = {}
    for param in command.params:
        if param.param_type_name == "option" and not param.hidden:
            found.setdefault(param.rich_help_panel or "Options", []).append(_row(param))
    last = "Other" if "Other" in found else "Options"
    found.setdefault(last, []).append(("-h, --help", "show this"))
    return list(found.items())


def _row(param: Any) -> Row:
    option = OPTIONS.get(param.name)
    if option is not None and param.opts and option.flag in (*param.opts, *param.secondary_opts):
        return label(option), described(option)
    value = "" if param.is_flag or param.count else f" {param.metavar or 'TEXT'}"
    return _aligned(param.opts) + value, param.help or ""


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


def table(heading: str, rows: Iterable[Row], *, column: int | None = None) -> str:
    """Rows in two columns under a heading, the second beginning at `column`. Empty without rows."""
    rows, width = list(rows), _width()
    if not rows:
        return ""
    column = column or _column(rows, width)
    lines = [heading] if heading else []
    for name, text in rows:
        wrapped = textwrap.wrap(text, width - column, break_on_hyphens=False, break_long_words=False) or [""]
        if len(name) + 4 > column:
            lines.append(f"  {name}")
        else:
            lines.append(f"  {name}".ljust(column) + wrapped.pop(0))
        lines += [" " * column + more for more in wrapped]
    return "\n".join(line.rstrip() for line in lines)


def _column(rows: Sequence[Row], width: int) -> int:
    """Where the second column begins: after the labels, but for the few that are longer than most."""
    return min(max(len(name) for name, _ in rows), _LABEL, width // 2) + 4


def status_table() -> str:
    """Every exit status of this program."""
    return table("Exit status", [(str(int(status)).rjust(3), status.meaning) for status in ExitStatus])


def _usage(command: Any, ctx: Any) -> str:
    arguments = [item.metavar or item.name.upper() for item in command.params if item.param_type_name == "argument"]
    pieces = ["Usage:", ctx.command_path, "[OPTIONS]", *arguments]
    if isinstance(command, TyperGroup):
        pieces.append("COMMAND" if not command.invoke_without_command else "[COMMAND]")
    return " ".join(pieces)


def _description(command: Any) -> str:
    paragraphs = (command.help or "").split("\n\n")
    return "\n\n".join(textwrap.fill(" ".join(item.split()), _width(), break_on_hyphens=False) for item in paragraphs)


def _examples(text: str | None) -> str:
    if not text:
        return ""
    return "Examples\n" + textwrap.indent(textwrap.dedent(text).strip("\n"), "  ")


def _width() -> int:
    """79 columns, less only on a terminal that is narrower."""
    if sys.stdout is not None and sys.stdout.isatty():
        return max(40, min(WIDTH, shutil.get_terminal_size().columns - 1))
    return WIDTH
