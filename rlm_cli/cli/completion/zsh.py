"""The zsh script: one function a command, in the words of `_arguments`."""

from __future__ import annotations

from rlm_cli.cli.completion.tree import DEFAULT, Flag, Node, Taken

_HEAD = r"""#compdef rlm
# zsh completion for rlm. Written by `rlm completions print zsh`; do not edit.

__rlm_model_names() {
    local file="${${RLM_HOME:+$RLM_HOME/cache}:-${XDG_CACHE_HOME:-$HOME/.cache}/rlm}/models.txt"
    local -a names
    [[ -r $file ]] && names=(${(f)"$(<$file)"})
    _wanted models expl model compadd -a names
}

__rlm_run_ids() {
    local -a names
    names=(${RLM_HOME:-${XDG_STATE_HOME:-$HOME/.local/state}/rlm}/runs/*.jsonl(N:t:r) last)
    _wanted runs expl run compadd -a names
}
"""


def script(root: Node) -> str:
    """The whole script."""
    parts = [_HEAD]
    parts += [_function(path, node) for path, node in root.walk() if node is not root and not node.below]
    parts += [_group(path, node, root) for path, node in reversed(list(root.walk())) if node.below]
    return "\n".join(parts) + '\nif [[ $funcstack[1] == _rlm ]]; then\n    _rlm "$@"\nelse\n    compdef _rlm rlm\nfi\n'


def _name(path: tuple[str, ...]) -> str:
    return "_" + "_".join(path)


def _function(path: tuple[str, ...], node: Node) -> str:
    specs = [_spec(flag) for flag in node.flags]
    if node.words is not None:
        many = "*" if node.usage.startswith("[SOURCE]") or "..." in node.usage else "1"
        specs.append(f"'{many}:{_quoted(node.usage.split()[0].strip('[].').lower())}:{_action(node.words)}'")
    return _call(_name(path), specs, "")


def _call(name: str, specs: list[str], rest: str) -> str:
    body = " \\\n        ".join(["_arguments -C -s -S", *specs])
    if not rest:
        return f"{name}() {{\n    {body.replace(' -C', '')}\n}}\n"
    return f'{name}() {{\n    local curcontext="$curcontext" context state line ret=1\n    typeset -A opt_args\n' \
           f"    {body} && ret=0\n{rest}    return ret\n}}\n"  # fmt: skip


def _group(path: tuple[str, ...], node: Node, root: Node) -> str:
    """A command that has commands below it. At the top, other words belong to the default one."""
    flags = list(node.flags)
    if node is root:
        default = next(item for item in root.below if item.name == DEFAULT)
        flags += [flag for flag in default.flags if "--help" not in flag.names]
    specs = [*(_spec(flag) for flag in flags), "'1: :->command'", "'*:: :->words'"]
    listed = "\n".join(f"            '{item.name}:{_quoted(item.help)}'" for item in node.below)
    arms = "\n".join(f"        {item.name}) {_name((*path, item.name))} && ret=0 ;;" for item in node.below)
    extra, other = "", ""
    if node is root:
        extra = "        _files && ret=0\n"
        other = f"\n        *) words=({DEFAULT} $words); (( CURRENT++ )); {_name((*path, DEFAULT))} && ret=0 ;;"
    rest = (
        "    case $state in\n    command)\n        local -a commands\n"
        f"        commands=(\n{listed}\n        )\n"
        f"        _describe -t commands command commands && ret=0\n{extra}        ;;\n"
        f"    words)\n        case $words[1] in\n{arms}{other}\n        esac\n        ;;\n    esac\n"
    )
    return _call(_name(path), specs, rest)


def _spec(flag: Flag) -> str:
    """One option as `_arguments` wants it."""
    value = ""
    short = [name for name in flag.shown if not name.startswith("--")]
    long = [name for name in flag.shown if name.startswith("--")]
    if flag.takes_value:
        value = f":{_quoted(flag.metavar or 'value')}:{_action(flag.taken)}"
        short, long = [f"{name}+" for name in short], [f"{name}=" for name in long]
    names = [*short, *long]
    text = f"[{_quoted(flag.help)}]{value}"
    star = "*" if flag.repeat else ""
    if len(names) == 1:
        return f"'{star}{names[0]}{text}'"
    head = "'*'" if star else f"'({' '.join(flag.shown)})'"
    return f"{head}{{{','.join(names)}}}'{text}'"


def _action(taken: Taken) -> str:
    if taken.value == "choice":
        return f"({' '.join(taken.choices)})"
    return {"file": "_files", "model": "__rlm_model_names", "run": "__rlm_run_ids"}.get(taken.value, " ")


def _quoted(text: str) -> str:
    """Text between single quotes, with what `_arguments` would take as its own."""
    for sign in "\\[]:":
        text = text.replace(sign, "\\" + sign)
    return text.replace("'", "'\\''")
