# bash completion for rlm. Written by `rlm completions print bash`; do not edit.

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

_rlm_is() {
    case "$1" in
    "rlm"|"rlm ask"|"rlm resume"|"rlm replay"|"rlm view"|"rlm export"|"rlm import"|"rlm runs"|"rlm runs list"|"rlm runs show"|"rlm runs prune"|"rlm bench"|"rlm models"|"rlm config"|"rlm config show"|"rlm config get"|"rlm config set"|"rlm config unset"|"rlm config path"|"rlm keys"|"rlm keys list"|"rlm keys set"|"rlm keys unset"|"rlm keys path"|"rlm cache"|"rlm cache show"|"rlm cache clear"|"rlm demo"|"rlm schema"|"rlm doctor"|"rlm completions"|"rlm completions print"|"rlm completions install") return 0 ;;
    *) return 1 ;;
    esac
}

_rlm_takes() {
    case "$1 $2" in
    "rlm --run"|"rlm --files-from"|"rlm --include"|"rlm --exclude"|"rlm --encoding"|"rlm --max-decompressed"|"rlm -m"|"rlm --model"|"rlm -s"|"rlm --sub-model"|"rlm --api-base"|"rlm --context-window"|"rlm --strategy"|"rlm --votes"|"rlm --pack"|"rlm --max-cost"|"rlm --max-time"|"rlm --max-turns"|"rlm --max-calls"|"rlm --max-tokens"|"rlm --max-depth"|"rlm -j"|"rlm --jobs"|"rlm --call-time"|"rlm --cell-time"|"rlm --compact-at"|"rlm --cell-memory"|"rlm -f"|"rlm --format"|"rlm -o"|"rlm --output"|"rlm --schema"|"rlm --fail-if"|"rlm --trajectory"|"rlm --progress"|"rlm --color"|"rlm --links"|"rlm --sandbox"|"rlm --profile") return 0 ;;
    "rlm ask --run"|"rlm ask --files-from"|"rlm ask --include"|"rlm ask --exclude"|"rlm ask --encoding"|"rlm ask --max-decompressed"|"rlm ask -m"|"rlm ask --model"|"rlm ask -s"|"rlm ask --sub-model"|"rlm ask --api-base"|"rlm ask --context-window"|"rlm ask --strategy"|"rlm ask --votes"|"rlm ask --pack"|"rlm ask --max-cost"|"rlm ask --max-time"|"rlm ask --max-turns"|"rlm ask --max-calls"|"rlm ask --max-tokens"|"rlm ask --max-depth"|"rlm ask -j"|"rlm ask --jobs"|"rlm ask --call-time"|"rlm ask --cell-time"|"rlm ask --compact-at"|"rlm ask --cell-memory"|"rlm ask -f"|"rlm ask --format"|"rlm ask -o"|"rlm ask --output"|"rlm ask --schema"|"rlm ask --fail-if"|"rlm ask --trajectory"|"rlm ask --progress"|"rlm ask --color"|"rlm ask --links"|"rlm ask --sandbox"|"rlm ask --profile") return 0 ;;
    "rlm resume --api-base"|"rlm resume --context-window"|"rlm resume --votes"|"rlm resume --max-cost"|"rlm resume --max-time"|"rlm resume --max-turns"|"rlm resume --max-calls"|"rlm resume --max-tokens"|"rlm resume --max-depth"|"rlm resume -j"|"rlm resume --jobs"|"rlm resume --call-time"|"rlm resume --cell-time"|"rlm resume --compact-at"|"rlm resume --cell-memory"|"rlm resume -f"|"rlm resume --format"|"rlm resume -o"|"rlm resume --output"|"rlm resume --fail-if"|"rlm resume --progress"|"rlm resume --color"|"rlm resume --links"|"rlm resume --sandbox") return 0 ;;
    "rlm replay -f"|"rlm replay --format"|"rlm replay -o"|"rlm replay --output"|"rlm replay --progress"|"rlm replay --color"|"rlm replay --links"|"rlm replay --sandbox"|"rlm replay --cell-time") return 0 ;;
    "rlm view -o"|"rlm view --output"|"rlm view --port"|"rlm view --speed") return 0 ;;
    "rlm export --to"|"rlm export -o"|"rlm export --output"|"rlm export --max-chars"|"rlm export --endpoint"|"rlm export --size") return 0 ;;
    "rlm import -o"|"rlm import --output") return 0 ;;
    "rlm runs prune --older-than"|"rlm runs prune --max-size") return 0 ;;
    "rlm bench --tasks"|"rlm bench --methods"|"rlm bench --models"|"rlm bench --lengths"|"rlm bench --count"|"rlm bench --seed"|"rlm bench --trial-cost"|"rlm bench --at-once"|"rlm bench -o"|"rlm bench --output"|"rlm bench -m"|"rlm bench --model"|"rlm bench -s"|"rlm bench --sub-model"|"rlm bench --api-base"|"rlm bench --context-window"|"rlm bench --pack"|"rlm bench --max-cost"|"rlm bench --max-time"|"rlm bench --max-turns"|"rlm bench --max-calls"|"rlm bench --max-tokens"|"rlm bench -j"|"rlm bench --jobs"|"rlm bench --call-time"|"rlm bench --cell-time"|"rlm bench --cell-memory"|"rlm bench --sandbox") return 0 ;;
    "rlm config show --profile") return 0 ;;
    "rlm config get --profile") return 0 ;;
    "rlm config set --profile") return 0 ;;
    "rlm config unset --profile") return 0 ;;
    "rlm demo --speed") return 0 ;;
    *) return 1 ;;
    esac
}

_rlm_value() {
    case "$1 $2" in
    "rlm --run") _rlm_reply "$3" "" ;;
    "rlm --include") _rlm_reply "$3" "" ;;
    "rlm --exclude") _rlm_reply "$3" "" ;;
    "rlm --encoding") _rlm_reply "$3" "" ;;
    "rlm --max-decompressed") _rlm_reply "$3" "" ;;
    "rlm -m"|"rlm --model") _rlm_reply "$3" "$(_rlm_models)" ;;
    "rlm -s"|"rlm --sub-model") _rlm_reply "$3" "$(_rlm_models)" ;;
    "rlm --api-base") _rlm_reply "$3" "" ;;
    "rlm --context-window") _rlm_reply "$3" "" ;;
    "rlm --strategy") _rlm_reply "$3" "auto direct search map rlm" ;;
    "rlm --votes") _rlm_reply "$3" "" ;;
    "rlm --pack") _rlm_reply "$3" "auto full small" ;;
    "rlm --max-cost") _rlm_reply "$3" "" ;;
    "rlm --max-time") _rlm_reply "$3" "" ;;
    "rlm --max-turns") _rlm_reply "$3" "" ;;
    "rlm --max-calls") _rlm_reply "$3" "" ;;
    "rlm --max-tokens") _rlm_reply "$3" "" ;;
    "rlm --max-depth") _rlm_reply "$3" "" ;;
    "rlm -j"|"rlm --jobs") _rlm_reply "$3" "" ;;
    "rlm --call-time") _rlm_reply "$3" "" ;;
    "rlm --cell-time") _rlm_reply "$3" "" ;;
    "rlm --compact-at") _rlm_reply "$3" "" ;;
    "rlm --cell-memory") _rlm_reply "$3" "" ;;
    "rlm -f"|"rlm --format") _rlm_reply "$3" "text md json jsonl github" ;;
    "rlm --schema") _rlm_reply "$3" "" ;;
    "rlm --fail-if") _rlm_reply "$3" "found not-found" ;;
    "rlm --progress") _rlm_reply "$3" "auto tree plain jsonl none" ;;
    "rlm --color") _rlm_reply "$3" "auto always never" ;;
    "rlm --links") _rlm_reply "$3" "auto never file vscode vscode-insiders vscodium cursor kitty macvim textmate" ;;
    "rlm --sandbox") _rlm_reply "$3" "auto strict off" ;;
    "rlm --profile") _rlm_reply "$3" "" ;;
    "rlm ask --run") _rlm_reply "$3" "" ;;
    "rlm ask --include") _rlm_reply "$3" "" ;;
    "rlm ask --exclude") _rlm_reply "$3" "" ;;
    "rlm ask --encoding") _rlm_reply "$3" "" ;;
    "rlm ask --max-decompressed") _rlm_reply "$3" "" ;;
    "rlm ask -m"|"rlm ask --model") _rlm_reply "$3" "$(_rlm_models)" ;;
    "rlm ask -s"|"rlm ask --sub-model") _rlm_reply "$3" "$(_rlm_models)" ;;
    "rlm ask --api-base") _rlm_reply "$3" "" ;;
    "rlm ask --context-window") _rlm_reply "$3" "" ;;
    "rlm ask --strategy") _rlm_reply "$3" "auto direct search map rlm" ;;
    "rlm ask --votes") _rlm_reply "$3" "" ;;
    "rlm ask --pack") _rlm_reply "$3" "auto full small" ;;
    "rlm ask --max-cost") _rlm_reply "$3" "" ;;
    "rlm ask --max-time") _rlm_reply "$3" "" ;;
    "rlm ask --max-turns") _rlm_reply "$3" "" ;;
    "rlm ask --max-calls") _rlm_reply "$3" "" ;;
    "rlm ask --max-tokens") _rlm_reply "$3" "" ;;
    "rlm ask --max-depth") _rlm_reply "$3" "" ;;
    "rlm ask -j"|"rlm ask --jobs") _rlm_reply "$3" "" ;;
    "rlm ask --call-time") _rlm_reply "$3" "" ;;
    "rlm ask --cell-time") _rlm_reply "$3" "" ;;
    "rlm ask --compact-at") _rlm_reply "$3" "" ;;
    "rlm ask --cell-memory") _rlm_reply "$3" "" ;;
    "rlm ask -f"|"rlm ask --format") _rlm_reply "$3" "text md json jsonl github" ;;
    "rlm ask --schema") _rlm_reply "$3" "" ;;
    "rlm ask --fail-if") _rlm_reply "$3" "found not-found" ;;
    "rlm ask --progress") _rlm_reply "$3" "auto tree plain jsonl none" ;;
    "rlm ask --color") _rlm_reply "$3" "auto always never" ;;
    "rlm ask --links") _rlm_reply "$3" "auto never file vscode vscode-insiders vscodium cursor kitty macvim textmate" ;;
    "rlm ask --sandbox") _rlm_reply "$3" "auto strict off" ;;
    "rlm ask --profile") _rlm_reply "$3" "" ;;
    "rlm resume --api-base") _rlm_reply "$3" "" ;;
    "rlm resume --context-window") _rlm_reply "$3" "" ;;
    "rlm resume --votes") _rlm_reply "$3" "" ;;
    "rlm resume --max-cost") _rlm_reply "$3" "" ;;
    "rlm resume --max-time") _rlm_reply "$3" "" ;;
    "rlm resume --max-turns") _rlm_reply "$3" "" ;;
    "rlm resume --max-calls") _rlm_reply "$3" "" ;;
    "rlm resume --max-tokens") _rlm_reply "$3" "" ;;
    "rlm resume --max-depth") _rlm_reply "$3" "" ;;
    "rlm resume -j"|"rlm resume --jobs") _rlm_reply "$3" "" ;;
    "rlm resume --call-time") _rlm_reply "$3" "" ;;
    "rlm resume --cell-time") _rlm_reply "$3" "" ;;
    "rlm resume --compact-at") _rlm_reply "$3" "" ;;
    "rlm resume --cell-memory") _rlm_reply "$3" "" ;;
    "rlm resume -f"|"rlm resume --format") _rlm_reply "$3" "text md json jsonl github" ;;
    "rlm resume --fail-if") _rlm_reply "$3" "found not-found" ;;
    "rlm resume --progress") _rlm_reply "$3" "auto tree plain jsonl none" ;;
    "rlm resume --color") _rlm_reply "$3" "auto always never" ;;
    "rlm resume --links") _rlm_reply "$3" "auto never file vscode vscode-insiders vscodium cursor kitty macvim textmate" ;;
    "rlm resume --sandbox") _rlm_reply "$3" "auto strict off" ;;
    "rlm replay -f"|"rlm replay --format") _rlm_reply "$3" "text md json jsonl github" ;;
    "rlm replay --progress") _rlm_reply "$3" "auto tree plain jsonl none" ;;
    "rlm replay --color") _rlm_reply "$3" "auto always never" ;;
    "rlm replay --links") _rlm_reply "$3" "auto never file vscode vscode-insiders vscodium cursor kitty macvim textmate" ;;
    "rlm replay --sandbox") _rlm_reply "$3" "auto strict off" ;;
    "rlm replay --cell-time") _rlm_reply "$3" "" ;;
    "rlm view --port") _rlm_reply "$3" "" ;;
    "rlm view --speed") _rlm_reply "$3" "" ;;
    "rlm export --to") _rlm_reply "$3" "" ;;
    "rlm export --max-chars") _rlm_reply "$3" "" ;;
    "rlm export --endpoint") _rlm_reply "$3" "" ;;
    "rlm export --size") _rlm_reply "$3" "" ;;
    "rlm runs prune --older-than") _rlm_reply "$3" "" ;;
    "rlm runs prune --max-size") _rlm_reply "$3" "" ;;
    "rlm bench --tasks") _rlm_reply "$3" "" ;;
    "rlm bench --methods") _rlm_reply "$3" "" ;;
    "rlm bench --models") _rlm_reply "$3" "" ;;
    "rlm bench --lengths") _rlm_reply "$3" "" ;;
    "rlm bench --count") _rlm_reply "$3" "" ;;
    "rlm bench --seed") _rlm_reply "$3" "" ;;
    "rlm bench --trial-cost") _rlm_reply "$3" "" ;;
    "rlm bench --at-once") _rlm_reply "$3" "" ;;
    "rlm bench -o"|"rlm bench --output") _rlm_reply "$3" "" ;;
    "rlm bench -m"|"rlm bench --model") _rlm_reply "$3" "$(_rlm_models)" ;;
    "rlm bench -s"|"rlm bench --sub-model") _rlm_reply "$3" "$(_rlm_models)" ;;
    "rlm bench --api-base") _rlm_reply "$3" "" ;;
    "rlm bench --context-window") _rlm_reply "$3" "" ;;
    "rlm bench --pack") _rlm_reply "$3" "auto full small" ;;
    "rlm bench --max-cost") _rlm_reply "$3" "" ;;
    "rlm bench --max-time") _rlm_reply "$3" "" ;;
    "rlm bench --max-turns") _rlm_reply "$3" "" ;;
    "rlm bench --max-calls") _rlm_reply "$3" "" ;;
    "rlm bench --max-tokens") _rlm_reply "$3" "" ;;
    "rlm bench -j"|"rlm bench --jobs") _rlm_reply "$3" "" ;;
    "rlm bench --call-time") _rlm_reply "$3" "" ;;
    "rlm bench --cell-time") _rlm_reply "$3" "" ;;
    "rlm bench --cell-memory") _rlm_reply "$3" "" ;;
    "rlm bench --sandbox") _rlm_reply "$3" "auto strict off" ;;
    "rlm config show --profile") _rlm_reply "$3" "" ;;
    "rlm config get --profile") _rlm_reply "$3" "" ;;
    "rlm config set --profile") _rlm_reply "$3" "" ;;
    "rlm config unset --profile") _rlm_reply "$3" "" ;;
    "rlm demo --speed") _rlm_reply "$3" "" ;;
    *) return 0 ;;
    esac
}

_rlm_flags() {
    case "$1" in
    "rlm") _rlm_reply "$2" "-h --help --version --continue --run --allow-changed --files-from --include --exclude --hidden --no-ignore --include-secrets --binary --encoding --max-decompressed -m --model -s --sub-model --api-base --context-window --strategy --votes --pack --max-cost --max-time --max-turns --max-calls --max-tokens --max-depth -j --jobs --call-time --cell-time --compact-at --cell-memory -f --format -o --output --schema --schema-multi --fail-if --trajectory --no-save --redact --no-memo --memo-root --progress --color --links -q --quiet -v --verbose -n --dry-run --sandbox --profile --json" ;;
    "rlm ask") _rlm_reply "$2" "--continue --run --allow-changed --files-from --include --exclude --hidden --no-ignore --include-secrets --binary --encoding --max-decompressed -m --model -s --sub-model --api-base --context-window --strategy --votes --pack --max-cost --max-time --max-turns --max-calls --max-tokens --max-depth -j --jobs --call-time --cell-time --compact-at --cell-memory -f --format -o --output --schema --schema-multi --fail-if --trajectory --no-save --redact --no-memo --memo-root --progress --color --links -q --quiet -v --verbose -n --dry-run --sandbox --profile --json -h --help" ;;
    "rlm resume") _rlm_reply "$2" "--allow-changed --api-base --context-window --votes --max-cost --max-time --max-turns --max-calls --max-tokens --max-depth -j --jobs --call-time --cell-time --compact-at --cell-memory -f --format -o --output --fail-if --redact --no-memo --memo-root --progress --color --links -q --quiet -v --verbose --sandbox --json -h --help" ;;
    "rlm replay") _rlm_reply "$2" "--allow-changed -f --format -o --output --progress --color --links -q --quiet -v --verbose --sandbox --cell-time --json -h --help" ;;
    "rlm view") _rlm_reply "$2" "-o --output --serve --port --terminal --play --speed --stats --json --browser -h --help" ;;
    "rlm export") _rlm_reply "$2" "--to -o --output --failed --max-chars --tokens --content --send --endpoint --size -h --help" ;;
    "rlm import") _rlm_reply "$2" "-o --output -h --help" ;;
    "rlm runs") _rlm_reply "$2" "-h --help" ;;
    "rlm runs list") _rlm_reply "$2" "--all --json -h --help" ;;
    "rlm runs show") _rlm_reply "$2" "--json -h --help" ;;
    "rlm runs prune") _rlm_reply "$2" "--older-than --max-size -n --dry-run -h --help" ;;
    "rlm bench") _rlm_reply "$2" "--tasks --methods --models --lengths --count --seed --trial-cost --at-once -o --output --keep-inputs --json -m --model -s --sub-model --api-base --context-window --pack --max-cost --max-time --max-turns --max-calls --max-tokens -j --jobs --call-time --cell-time --cell-memory --sandbox -n --dry-run -h --help" ;;
    "rlm models") _rlm_reply "$2" "--local --json -h --help" ;;
    "rlm config") _rlm_reply "$2" "-h --help" ;;
    "rlm config show") _rlm_reply "$2" "--profile --env --json -h --help" ;;
    "rlm config get") _rlm_reply "$2" "--profile -h --help" ;;
    "rlm config set") _rlm_reply "$2" "--profile -h --help" ;;
    "rlm config unset") _rlm_reply "$2" "--profile -h --help" ;;
    "rlm config path") _rlm_reply "$2" "-h --help" ;;
    "rlm keys") _rlm_reply "$2" "-h --help" ;;
    "rlm keys list") _rlm_reply "$2" "--json -h --help" ;;
    "rlm keys set") _rlm_reply "$2" "--force -h --help" ;;
    "rlm keys unset") _rlm_reply "$2" "-h --help" ;;
    "rlm keys path") _rlm_reply "$2" "-h --help" ;;
    "rlm cache") _rlm_reply "$2" "-h --help" ;;
    "rlm cache show") _rlm_reply "$2" "--json -h --help" ;;
    "rlm cache clear") _rlm_reply "$2" "-h --help" ;;
    "rlm demo") _rlm_reply "$2" "--speed -h --help" ;;
    "rlm schema") _rlm_reply "$2" "-h --help" ;;
    "rlm doctor") _rlm_reply "$2" "--json -h --help" ;;
    "rlm completions") _rlm_reply "$2" "-h --help" ;;
    "rlm completions print") _rlm_reply "$2" "-h --help" ;;
    "rlm completions install") _rlm_reply "$2" "-h --help" ;;
    *) return 1 ;;
    esac
}

_rlm_words() {
    case "$1" in
    "rlm") _rlm_reply "$2" "ask resume replay view export import runs bench models config keys cache demo schema doctor completions" ;;
    "rlm resume") _rlm_reply "$2" "$(_rlm_runs)" ;;
    "rlm replay") _rlm_reply "$2" "$(_rlm_runs)" ;;
    "rlm view") _rlm_reply "$2" "$(_rlm_runs)" ;;
    "rlm export") _rlm_reply "$2" "$(_rlm_runs)" ;;
    "rlm runs") _rlm_reply "$2" "list show prune" ;;
    "rlm runs show") _rlm_reply "$2" "$(_rlm_runs)" ;;
    "rlm config") _rlm_reply "$2" "show get set unset path" ;;
    "rlm config get") _rlm_reply "$2" "exclude hidden ignore binary max_decompressed model sub_model api_base context_window strategy votes pack max_cost max_time max_turns max_calls max_tokens max_depth jobs call_time cell_time compact_at cell_memory format save redact memo memo_root progress color links quiet verbose sandbox profile" ;;
    "rlm config set") _rlm_reply "$2" "exclude hidden ignore binary max_decompressed model sub_model api_base context_window strategy votes pack max_cost max_time max_turns max_calls max_tokens max_depth jobs call_time cell_time compact_at cell_memory format save redact memo memo_root progress color links quiet verbose sandbox profile" ;;
    "rlm config unset") _rlm_reply "$2" "exclude hidden ignore binary max_decompressed model sub_model api_base context_window strategy votes pack max_cost max_time max_turns max_calls max_tokens max_depth jobs call_time cell_time compact_at cell_memory format save redact memo memo_root progress color links quiet verbose sandbox profile" ;;
    "rlm keys") _rlm_reply "$2" "list set unset path" ;;
    "rlm keys set") _rlm_reply "$2" "openai anthropic gemini mistral deepseek xai groq openrouter together_ai fireworks_ai cerebras sambanova perplexity cohere cohere_chat moonshot dashscope deepinfra nebius nvidia_nim novita huggingface replicate azure github zai minimax" ;;
    "rlm keys unset") _rlm_reply "$2" "openai anthropic gemini mistral deepseek xai groq openrouter together_ai fireworks_ai cerebras sambanova perplexity cohere cohere_chat moonshot dashscope deepinfra nebius nvidia_nim novita huggingface replicate azure github zai minimax" ;;
    "rlm cache") _rlm_reply "$2" "show clear" ;;
    "rlm cache clear") _rlm_reply "$2" "memo texts models" ;;
    "rlm schema") _rlm_reply "$2" "answer event" ;;
    "rlm completions") _rlm_reply "$2" "print install" ;;
    "rlm completions print") _rlm_reply "$2" "bash zsh fish powershell man" ;;
    "rlm completions install") _rlm_reply "$2" "bash zsh fish powershell" ;;
    *) return 0 ;;
    esac
}

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
        if _rlm_is "$path $seen"; then path="$path $seen"; elif [ "$path" = rlm ]; then path="rlm ask"; fi
    done
    [ "$path" = rlm ] && [ "${#words[@]}" -gt 1 ] && [ -z "$skip" ] && path="rlm ask"

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
