"""The commands as data: what each shell's script is written from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from typer.core import TyperGroup

from rlm_cli import schemas
from rlm_cli.cli.app import command
from rlm_cli.cli.commands import COMMANDS
from rlm_cli.cli.help import first_sentence
from rlm_cli.settings import OPTIONS

Value = Literal["", "file", "model", "run", "choice", "text"]
"""What an option or argument takes: nothing, a path, a model's name, a run's id, one of `choices`, or anything."""

SHELLS = ("bash", "zsh", "fish", "powershell")
DEFAULT = "ask"
"""The command that words belong to when the first of them names none."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What may stand in a place."""

    value: Value = "text"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flag:
    """An option. `names` are short and long; `shown` are those that help lists."""

    names: tuple[str, ...]
    shown: tuple[str, ...]
    help: str
    taken: Taken = Taken("")
    metavar: str = ""
    repeat: bool = False
    group: str = "Options"

    @property
    def takes_value(self) -> bool:
        return self.taken.value != ""


@dataclass(frozen=True, slots=True)
class Node:
    """A command with its flags, what its words are, and the commands below it."""

    name: str
    help: str
    about: str  # the whole description
    flags: tuple[Flag, ...]
    words: Taken | None = None
    usage: str = ""
    examples: str = ""
    below: tuple[Node, ...] = field(default=())

    def walk(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
        """This command and all below it, each with the words that lead to it."""
        own = (*path, self.name)
        yield own, self
        for node in self.below:
            yield from node.walk(own)


_HELP = Flag(("-h", "--help"), ("-h", "--help"), "show help")
_STORED = tuple(name for name, option in OPTIONS.items() if option.stored)
# What stands in an argument, by its metavar. A metavar that is not here fails the build of the table.
_ARGUMENTS: dict[str, Taken] = {
    "[SOURCE]... QUESTION": Taken("file"),
    "[RUN]": Taken("run"),
    "RUN": Taken("run"),
    "[RUN]...": Taken("run"),
    "FILE": Taken("file"),
    "[WORD]": Taken("text"),
    "VALUE...": Taken("text"),
    "KEY": Taken("choice", _STORED),
    "[NAME]": Taken("choice", ("memo", "texts", "models")),
    "SHELL": Taken("choice", (*SHELLS, "man")),
    "[SHELL]": Taken("choice", SHELLS),
    "[FILE]": Taken("file"),
    "WHAT": Taken("choice", schemas.NAMES),
}


def root() -> Node:
    """The whole program."""
    flags = (_HELP, Flag(("--version",), ("--version",), "show the version"))
    below = tuple(replace(_node(command(name), name), help=entry.summary) for name, entry in COMMANDS.items())
    return Node("rlm", "", "", flags, below=below)


def _node(found: Any, name: str) -> Node:
    flags = tuple(_flag(param) for param in found.params if param.param_type_name == "option" and not param.hidden)
    arguments = [param for param in found.params if param.param_type_name == "argument"]
    below: tuple[Node, ...] = ()
    if isinstance(found, TyperGroup):
        below = tuple(_node(item, word) for word, item in found.commands.items() if not item.hidden)
    return Node(
        name,
        first_sentence(found.help),
        found.help or "",
        (*flags, _HELP),
        words=_words(arguments[0]) if arguments else None,
        usage=" ".join(param.metavar for param in arguments),
        examples=found.epilog or "",
        below=below,
    )


def _words(param: Any) -> Taken:
    if param.metavar == "PROVIDER":
        from rlm_cli.models.registry import KEYS

        return Taken("choice", tuple(provider for provider, variables in KEYS.items() if variables))
    return _ARGUMENTS[param.metavar]


def _flag(param: Any) -> Flag:
    """One option: from the table where it is one of a run's, else from its own declaration."""
    option = OPTIONS.get(param.name)
    names = (*param.opts, *param.secondary_opts)
    if option is None or option.help != param.help:
        shown = tuple(param.opts)
        taken = Taken("") if param.is_flag or param.count else Taken("file" if param.metavar == "FILE" else "text")
        group = param.rich_help_panel or "Options"
        return Flag(names, shown, param.help or "", taken, param.metavar or "", group=group)
    taken = Taken("")
    if option.takes_value:
        value: Value = option.kind if option.kind in ("file", "model") else "choice" if option.choices else "text"
        taken = Taken(value, option.choices)
    repeat = option.repeat or option.kind == "tally"
    return Flag(names, option.flags, option.help, taken, option.metavar, repeat, option.group)
