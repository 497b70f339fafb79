"""The bash script. Needs neither bash-completion nor a bash newer than 3.2 (macOS)."""

from __future__ import annotations

from collections.abc import Iterator

from rlm_cli.cli.completion.tree import DEFAULT, Flag, Node, Taken

_HEAD = r"""# bash completion for rlm. Written by `rlm completions print bash`; do not edit.

_rlm_models() {
    local cache="${RLM_HOME:+$RLM_HOME/cache}"
    cat "${cache:-${XDG_CACHE_HOME:-$HOME/.cache}/rlm}/models.txt" 2>/dev/null
}

_rlm_runs() {
    local file
    for file in "${RLM_HOME:-${XDG_STATE_HOME:-$HOME/.local/state}/rlm}"/runs/*.jsonl; do
        [ -e "$file" ] && file="${file##*/}" && printf '%s\n' "${file%.jsonl}"
    done
    printf '%s\n' last
}

# What may follow, for words that are no paths. Bash cuts words at "=" and ":", so that only what is after the last
# of them may be handed back.
_rlm_reply() {
    local cut="${1%"${1##*[:=]}"}" word
    COMPREPLY=()
    while IFS= read -r word; do
        [ -n "$word" ] && COMPREPLY+=("${word#"$cut"}")
    done < <(compgen -W "$2" -- "$1")
}
"""

_MAIN = r"""
_rlm() {
    local line="${COMP_LINE:0:COMP_POINT}" word value before="" path="rlm" skip="" flags takes
    local -a words
    word="${line##*[[:space:]]}"
    read -ra words <<<"${line%"$word"}"
    COMPREPLY=()

    # Which command: words that are neither options nor their values lead down the table.
    local index seen
    for ((index = 1; index < ${#words[@]}; index++)); do
        seen="${words[index]}"
        if [ -n "$skip" ]; then skip=""; continue; fi
        case "$seen" in
        -*=*) continue ;;
        -*) _rlm_takes "$path" "$seen" && skip=1; continue ;;
        esac
        if _rlm_is "$path $seen"; then path="$path $seen"; elif [ "$path" = rlm ]; then path="rlm @DEFAULT@"; fi
    done
    [ "$path" = rlm ] && [ "${#words[@]}" -gt 1 ] && [ -z "$skip" ] && path="rlm @DEFAULT@"

    before="${words[${#words[@]} - 1]}"
    case "$word" in
    --*=*) _rlm_value "$path" "${word%%=*}" "${word#*=}"; return ;;
    esac
    if [ -n "$skip" ]; then _rlm_value "$path" "$before" "$word"; return; fi
    case "$word" in
    -*) _rlm_flags "$path" "$word"; return ;;
    esac
    _rlm_words "$path" "$word"
}

# Without a reply of ours, readline completes paths, and quotes them as it should.
complete -o bashdefault -o default -F _rlm rlm
"""


def script(root: Node) -> str:
    """The whole script."""
    parts = [_HEAD, _is(root), _takes(root), _values(root), _flags(root), _words(root)]
    return "\n".join(parts) + _MAIN.replace("@DEFAULT@", DEFAULT)


def _case(name: str, arms: Iterator[str], subject: str) -> str:
    body = "\n".join(f"    {arm}" for arm in arms)
    return f'{name}() {{\n    case "{subject}" in\n{body}\n    *) return 1 ;;\n    esac\n}}\n'


def _paths(root: Node) -> Iterator[tuple[str, Node]]:
    for path, node in root.walk():
        yield " ".join(path), node


def _is(root: Node) -> str:
    known = "|".join(f'"{path}"' for path, _ in _paths(root))
    return _case("_rlm_is", iter([f"{known}) return 0 ;;"]), "$1")


def _takes(root: Node) -> str:
    """Whether an option of a command takes a value. At the top, words belong to the default command."""

    def arms() -> Iterator[str]:
        for path, node in _paths(root):
            own = [name for flag in _flags_of(root, node) if flag.takes_value for name in flag.names]
            if own:
                yield "|".join(f'"{path} {name}"' for name in own) + ") return 0 ;;"

    return _case("_rlm_takes", arms(), "$1 $2")


def _values(root: Node) -> str:
    def arms() -> Iterator[str]:
        for path, node in _paths(root):
            for flag in _flags_of(root, node):
                if flag.takes_value and flag.taken.value != "file":
                    yield "|".join(f'"{path} {name}"' for name in flag.names) + f") {_reply(flag.taken, '$3')} ;;"

    return _case("_rlm_value", arms(), "$1 $2").replace("*) return 1", "*) return 0")


def _flags(root: Node) -> str:
    def arms() -> Iterator[str]:
        for path, node in _paths(root):
            shown = " ".join(name for flag in _flags_of(root, node) for name in flag.shown)
            yield f'"{path}") _rlm_reply "$2" "{shown}" ;;'

    return _case("_rlm_flags", arms(), "$1")


def _words(root: Node) -> str:
    def arms() -> Iterator[str]:
        for path, node in _paths(root):
            if node.below:
                yield f'"{path}") _rlm_reply "$2" "{" ".join(item.name for item in node.below)}" ;;'
            elif node.words and node.words.value not in ("file", "text"):
                yield f'"{path}") {_reply(node.words, "$2")} ;;'

    return _case("_rlm_words", arms(), "$1").replace("*) return 1", "*) return 0")


def _flags_of(root: Node, node: Node) -> tuple[Flag, ...]:
    """The flags of a command; at the top also those of the default one."""
    if node is not root:
        return node.flags
    default = next(item for item in root.below if item.name == DEFAULT)
    return (*root.flags, *(flag for flag in default.flags if "--help" not in flag.names))


def _reply(taken: Taken, word: str) -> str:
    choices = {
        "model": "$(_rlm_models)",
        "run": "$(_rlm_runs)",
        "choice": " ".join(taken.choices),
    }.get(taken.value, "")
    return f'_rlm_reply "{word}" "{choices}"'
