"""The man page, from the same table as help."""

from __future__ import annotations

import textwrap

from rlm_cli import __version__
from rlm_cli.cli.completion.tree import DEFAULT, Flag, Node
from rlm_cli.errors import ExitStatus
from rlm_cli.settings import OPTIONS


def script(root: Node) -> str:
    """The page `rlm.1`."""
    default = next(item for item in root.below if item.name == DEFAULT)
    parts = [
        f'.\\" Written by `rlm completions print man`; do not edit.\n.TH RLM 1 "" "rlm {__version__}" "User Commands"',
        ".SH NAME\nrlm \\- ask questions about files too big for any model's context window",
        _synopsis(root),
        _description(default),
        _options(default),
        _commands(root),
        _environment(),
        _files(),
        _statuses(),
        _examples(default),
    ]
    return "\n".join(parts) + "\n"


def _synopsis(root: Node) -> str:
    lines = [".SH SYNOPSIS"]
    for path, node in root.walk():
        if not node.below:
            words = _text(f" {node.usage}") if node.usage else ""
            lines.append(f"\\fB{_text(' '.join(path))}\\fR \\fI[OPTIONS]{words}\\fR\n.br")
    return "\n".join(lines)


def _description(default: Node) -> str:
    text = "\n.PP\n".join(_text(" ".join(item.split())) for item in default.about.split("\n\n"))
    return (
        ".SH DESCRIPTION\n.B rlm\nis a Recursive Language Model for the command line: the input stays outside of the\n"
        "model's window, as a variable of a Python session in which the model searches, slices\n"
        "and asks other models.\n"
        f".PP\n{text}"
    )


def _options(default: Node) -> str:
    lines = [".SH OPTIONS"]
    group = ""
    for flag in default.flags:
        if flag.group != group:
            group = flag.group
            lines.append(f".SS {_text(group)}")
        lines += [f".TP\n{_flag(flag)}", _text(_about(flag))]
    lines.append(".PP\nEvery switch has its contrary:\n.B \\-\\-hidden\nand\n.BR \\-\\-no\\-hidden .")
    return "\n".join(lines)


def _flag(flag: Flag) -> str:
    names = ", ".join(f"\\fB{_text(name)}\\fR" for name in flag.shown)
    return names + (f" \\fI{_text(flag.metavar)}\\fR" if flag.takes_value else "")


def _about(flag: Flag) -> str:
    option = next((item for item in OPTIONS.values() if item.flags == flag.shown and item.help == flag.help), None)
    default = option.show(option.default) if option and option.takes_value else ""
    return f"{flag.help[:1].upper()}{flag.help[1:]}." + (f" Default: {default}." if default else "")


def _commands(root: Node) -> str:
    lines = [".SH COMMANDS"]
    for path, node in root.walk():
        if len(path) < 2:
            continue
        usage = f" \\fI{_text(node.usage)}\\fR" if node.usage else ""
        lines += [f".TP\n\\fB{_text(' '.join(path[1:]))}\\fR{usage}", _text(f"{node.help[:1].upper()}{node.help[1:]}.")]
        if path[1] != DEFAULT:
            own = [flag for flag in node.flags if "--help" not in flag.names]
            lines += [f".RS\n.TP\n{_flag(flag)}\n{_text(flag.help)}\n.RE" for flag in own]
    return "\n".join(lines)


def _environment() -> str:
    stored = ", ".join(item.variable for item in OPTIONS.values() if item.stored)
    rows = [
        ("RLM_HOME", "Where configuration, runs and cache are kept, in place of the directories below."),
        ("RLM_API_KEY", "The key of an endpoint that --api-base names."),
        ("RLM_DEBUG", "Show the traceback of a bug."),
        ("RLM_*", f"The options by name: {stored}. Flags win over them."),
        ("NO_COLOR, CLICOLOR_FORCE, FORCE_COLOR, CLICOLOR, TERM", "Whether there is colour, unless --color says so."),
    ]
    return "\n".join([".SH ENVIRONMENT", *(f".TP\n.B {_text(name)}\n{_text(about)}" for name, about in rows)])


def _files() -> str:
    rows = [
        ("~/.config/rlm/config.toml", "Settings, profiles, aliases. See rlm config."),
        ("~/.config/rlm/keys.toml", "Keys that were kept with rlm keys set; readable by their owner alone."),
        ("~/.local/state/rlm/runs/", "A record of each run, one event a line."),
        ("~/.cache/rlm/", "Remembered replies and unpacked files. See rlm cache."),
    ]
    return "\n".join([".SH FILES", *(f".TP\n.I {_text(name)}\n{_text(about)}" for name, about in rows)])


def _statuses() -> str:
    rows = [f".TP\n.B {int(status)}\n{_text(status.meaning)}" for status in ExitStatus]
    return "\n".join([".SH EXIT STATUS", *rows])


def _examples(default: Node) -> str:
    lines = textwrap.dedent(default.examples).strip("\n").splitlines()
    return "\n".join([".SH EXAMPLES", ".nf", *(_text(line) for line in lines), ".fi"])


def _text(text: str) -> str:
    """Text in which roff finds no command: backslashes and hyphens escaped, no dot or quote at a line's start."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = "".join(sign if sign.isascii() else f"\\[u{ord(sign):04X}]" for sign in text)
    return "\\&" + text if text[:1] in (".", "'") else text
