"""The fish script: one `complete` line an option, each with the command that it belongs to."""

from __future__ import annotations

from rlm_cli.cli.completion.tree import DEFAULT, Flag, Node, Taken

_HEAD = r"""# fish completion for rlm. Written by `rlm completions print fish`; do not edit.

function __rlm_models
    set -l cache "$RLM_HOME/cache"
    test -n "$RLM_HOME"; or set cache (test -n "$XDG_CACHE_HOME"; and echo $XDG_CACHE_HOME; or echo ~/.cache)/rlm
    test -r $cache/models.txt; and cat $cache/models.txt
end

function __rlm_runs
    set -l state $RLM_HOME
    test -n "$state"; or set state (test -n "$XDG_STATE_HOME"; and echo $XDG_STATE_HOME; or echo ~/.local/state)/rlm
    for file in $state/runs/*.jsonl
        string replace -r '.*/(.*)\.jsonl$' '$1' -- $file
    end
    echo last
end
"""

_WHERE = r"""
# Which command the words so far lead to: those that are neither options nor their values.
function __rlm_where
    set -l path rlm
    set -l skip
    for word in (commandline -opc)[2..]
        if test -n "$skip"
            set skip
            continue
        end
        if string match -q -- '-*=*' $word
            continue
        else if string match -q -- '-*' $word
            __rlm_takes "$path $word"; and set skip yes
        else if __rlm_is "$path $word"
            set path "$path $word"
        else if test "$path" = rlm
            set path "rlm @DEFAULT@"
        end
    end
    echo $path
end

function __rlm_at
    test (__rlm_where) = "$argv[1]"
end
"""


def script(root: Node) -> str:
    """The whole script."""
    default = next(item for item in root.below if item.name == DEFAULT)
    parts = [_HEAD, _switch("__rlm_is", [" ".join(path) for path, _ in root.walk()])]
    parts.append(_switch("__rlm_takes", [line for path, node in root.walk() for line in _taking(path, node)]
                         + _taking(("rlm",), default)))  # fmt: skip
    parts.append(_WHERE.replace("@DEFAULT@", DEFAULT))
    for path, node in root.walk():
        flags = list(node.flags)
        if node is root:
            flags += [flag for flag in default.flags if "--help" not in flag.names]
        parts.append("\n".join(_lines(" ".join(path), node, flags)))
    return "\n".join(parts) + "\n"


def _switch(name: str, words: list[str]) -> str:
    listed = " \\\n            ".join(f"'{word}'" for word in words)
    return f'function {name}\n    switch "$argv[1]"\n        case {listed}\n            return 0\n    end\n' \
           "    return 1\nend\n"  # fmt: skip


def _taking(path: tuple[str, ...], node: Node) -> list[str]:
    return [f"{' '.join(path)} {name}" for flag in node.flags if flag.takes_value for name in flag.names]


def _lines(path: str, node: Node, flags: list[Flag]) -> list[str]:
    head = f"complete -c rlm -n '__rlm_at \"{path}\"'"
    lines = [f"{head} {_option(flag)}" for flag in flags]
    for item in node.below:
        lines.append(f"{head} -a {item.name} -d '{_quoted(item.help)}'")
    if path not in ("rlm", f"rlm {DEFAULT}") and (node.words is None or node.words.value != "file"):
        lines.append(f"{head} -f")
    if node.words is not None and node.words.value not in ("file", "text"):
        lines.append(f"{head} -a '{_choices(node.words)}'")
    return lines


def _option(flag: Flag) -> str:
    pieces = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.shown]
    if flag.takes_value:
        kind = flag.taken.value
        pieces.append("-r -F" if kind == "file" else "-x")
        if kind not in ("file", "text"):
            pieces.append(f"-a '{_choices(flag.taken)}'")
    return " ".join([*pieces, f"-d '{_quoted(flag.help)}'"])


def _choices(taken: Taken) -> str:
    return {"model": "(__rlm_models)", "run": "(__rlm_runs)"}.get(taken.value, " ".join(taken.choices))


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
