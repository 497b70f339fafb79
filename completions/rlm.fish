# fish completion for rlm. Written by `rlm completions print fish`; do not edit.

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

function __rlm_is
    switch "$argv[1]"
        case 'rlm' \
            'rlm ask' \
            'rlm resume' \
            'rlm replay' \
            'rlm view' \
            'rlm export' \
            'rlm import' \
            'rlm runs' \
            'rlm runs list' \
            'rlm runs show' \
            'rlm runs prune' \
            'rlm bench' \
            'rlm models' \
            'rlm config' \
            'rlm config show' \
            'rlm config get' \
            'rlm config set' \
            'rlm config unset' \
            'rlm config path' \
            'rlm keys' \
            'rlm keys list' \
            'rlm keys set' \
            'rlm keys unset' \
            'rlm keys path' \
            'rlm cache' \
            'rlm cache show' \
            'rlm cache clear' \
            'rlm demo' \
            'rlm schema' \
            'rlm doctor' \
            'rlm completions' \
            'rlm completions print' \
            'rlm completions install'
            return 0
    end
    return 1
end

function __rlm_takes
    switch "$argv[1]"
        case 'rlm ask --run' \
            'rlm ask --files-from' \
            'rlm ask --include' \
            'rlm ask --exclude' \
            'rlm ask --encoding' \
            'rlm ask --max-decompressed' \
            'rlm ask -m' \
            'rlm ask --model' \
            'rlm ask -s' \
            'rlm ask --sub-model' \
            'rlm ask --api-base' \
            'rlm ask --context-window' \
            'rlm ask --strategy' \
            'rlm ask --votes' \
            'rlm ask --pack' \
            'rlm ask --max-cost' \
            'rlm ask --max-time' \
            'rlm ask --max-turns' \
            'rlm ask --max-calls' \
            'rlm ask --max-tokens' \
            'rlm ask --max-depth' \
            'rlm ask -j' \
            'rlm ask --jobs' \
            'rlm ask --call-time' \
            'rlm ask --cell-time' \
            'rlm ask --compact-at' \
            'rlm ask --cell-memory' \
            'rlm ask -f' \
            'rlm ask --format' \
            'rlm ask -o' \
            'rlm ask --output' \
            'rlm ask --schema' \
            'rlm ask --fail-if' \
            'rlm ask --trajectory' \
            'rlm ask --progress' \
            'rlm ask --color' \
            'rlm ask --links' \
            'rlm ask --sandbox' \
            'rlm ask --profile' \
            'rlm resume --api-base' \
            'rlm resume --context-window' \
            'rlm resume --votes' \
            'rlm resume --max-cost' \
            'rlm resume --max-time' \
            'rlm resume --max-turns' \
            'rlm resume --max-calls' \
            'rlm resume --max-tokens' \
            'rlm resume --max-depth' \
            'rlm resume -j' \
            'rlm resume --jobs' \
            'rlm resume --call-time' \
            'rlm resume --cell-time' \
            'rlm resume --compact-at' \
            'rlm resume --cell-memory' \
            'rlm resume -f' \
            'rlm resume --format' \
            'rlm resume -o' \
            'rlm resume --output' \
            'rlm resume --fail-if' \
            'rlm resume --progress' \
            'rlm resume --color' \
            'rlm resume --links' \
            'rlm resume --sandbox' \
            'rlm replay -f' \
            'rlm replay --format' \
            'rlm replay -o' \
            'rlm replay --output' \
            'rlm replay --progress' \
            'rlm replay --color' \
            'rlm replay --links' \
            'rlm replay --sandbox' \
            'rlm replay --cell-time' \
            'rlm view -o' \
            'rlm view --output' \
            'rlm view --port' \
            'rlm view --speed' \
            'rlm export --to' \
            'rlm export -o' \
            'rlm export --output' \
            'rlm export --max-chars' \
            'rlm export --endpoint' \
            'rlm export --size' \
            'rlm import -o' \
            'rlm import --output' \
            'rlm runs prune --older-than' \
            'rlm runs prune --max-size' \
            'rlm bench --tasks' \
            'rlm bench --methods' \
            'rlm bench --models' \
            'rlm bench --lengths' \
            'rlm bench --count' \
            'rlm bench --seed' \
            'rlm bench --trial-cost' \
            'rlm bench --at-once' \
            'rlm bench -o' \
            'rlm bench --output' \
            'rlm bench -m' \
            'rlm bench --model' \
            'rlm bench -s' \
            'rlm bench --sub-model' \
            'rlm bench --api-base' \
            'rlm bench --context-window' \
            'rlm bench --pack' \
            'rlm bench --max-cost' \
            'rlm bench --max-time' \
            'rlm bench --max-turns' \
            'rlm bench --max-calls' \
            'rlm bench --max-tokens' \
            'rlm bench -j' \
            'rlm bench --jobs' \
            'rlm bench --call-time' \
            'rlm bench --cell-time' \
            'rlm bench --cell-memory' \
            'rlm bench --sandbox' \
            'rlm config show --profile' \
            'rlm config get --profile' \
            'rlm config set --profile' \
            'rlm config unset --profile' \
            'rlm demo --speed' \
            'rlm --run' \
            'rlm --files-from' \
            'rlm --include' \
            'rlm --exclude' \
            'rlm --encoding' \
            'rlm --max-decompressed' \
            'rlm -m' \
            'rlm --model' \
            'rlm -s' \
            'rlm --sub-model' \
            'rlm --api-base' \
            'rlm --context-window' \
            'rlm --strategy' \
            'rlm --votes' \
            'rlm --pack' \
            'rlm --max-cost' \
            'rlm --max-time' \
            'rlm --max-turns' \
            'rlm --max-calls' \
            'rlm --max-tokens' \
            'rlm --max-depth' \
            'rlm -j' \
            'rlm --jobs' \
            'rlm --call-time' \
            'rlm --cell-time' \
            'rlm --compact-at' \
            'rlm --cell-memory' \
            'rlm -f' \
            'rlm --format' \
            'rlm -o' \
            'rlm --output' \
            'rlm --schema' \
            'rlm --fail-if' \
            'rlm --trajectory' \
            'rlm --progress' \
            'rlm --color' \
            'rlm --links' \
            'rlm --sandbox' \
            'rlm --profile'
            return 0
    end
    return 1
end


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
            set path "rlm ask"
        end
    end
    echo $path
end

function __rlm_at
    test (__rlm_where) = "$argv[1]"
end

complete -c rlm -n '__rlm_at "rlm"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm"' -l version -d 'show the version'
complete -c rlm -n '__rlm_at "rlm"' -l continue -d 'ask the last run further: its input, variables and sources'
complete -c rlm -n '__rlm_at "rlm"' -l run -x -d 'the same with another run'
complete -c rlm -n '__rlm_at "rlm"' -l allow-changed -d '--continue though the input has changed'
complete -c rlm -n '__rlm_at "rlm"' -l files-from -r -F -d 'read the list of paths from FILE, - for stdin; one a line, or NUL between them'
complete -c rlm -n '__rlm_at "rlm"' -l include -x -d 'read only paths that match, such as \'*.py\' or \'docs/**\' (repeat)'
complete -c rlm -n '__rlm_at "rlm"' -l exclude -x -d 'leave out paths that match (repeat)'
complete -c rlm -n '__rlm_at "rlm"' -l hidden -d 'read hidden files and directories too'
complete -c rlm -n '__rlm_at "rlm"' -l no-ignore -d 'do not follow .gitignore, .ignore, .rlmignore'
complete -c rlm -n '__rlm_at "rlm"' -l include-secrets -d 'read .env, *.pem, id_* and the like, which are left out even when named'
complete -c rlm -n '__rlm_at "rlm"' -l binary -d 'read binary files too'
complete -c rlm -n '__rlm_at "rlm"' -l encoding -x -d 'read every file as NAME, such as latin-1, where no mark at its start says otherwise'
complete -c rlm -n '__rlm_at "rlm"' -l max-decompressed -x -d 'most that one .gz, .zip and the like may unpack to'
complete -c rlm -n '__rlm_at "rlm"' -s m -l model -x -a '(__rlm_models)' -d 'the root model: it writes the code'
complete -c rlm -n '__rlm_at "rlm"' -s s -l sub-model -x -a '(__rlm_models)' -d 'answers the sub-calls that the code makes'
complete -c rlm -n '__rlm_at "rlm"' -l api-base -x -d 'an OpenAI-compatible endpoint, such as http://localhost:11434/v1'
complete -c rlm -n '__rlm_at "rlm"' -l context-window -x -d 'tokens that a prompt and its reply may take, where the model\'s name does not tell'
complete -c rlm -n '__rlm_at "rlm"' -l strategy -x -a 'auto direct search map rlm' -d 'auto, direct (all in one prompt), search (what a search finds), map (part by part) or rlm (the loop)'
complete -c rlm -n '__rlm_at "rlm"' -l votes -x -d 'answer so many times, independently, under the same limits; agreement decides'
complete -c rlm -n '__rlm_at "rlm"' -l pack -x -a 'auto full small' -d 'the prompts: auto, full, small (weak or short-window models) or a TOML file of your own'
complete -c rlm -n '__rlm_at "rlm"' -l max-cost -x -d 'dollars in all, for each question'
complete -c rlm -n '__rlm_at "rlm"' -l max-time -x -d 'time in all, such as 90s or 10m'
complete -c rlm -n '__rlm_at "rlm"' -l max-turns -x -d 'turns of the root model'
complete -c rlm -n '__rlm_at "rlm"' -l max-calls -x -d 'model calls in all'
complete -c rlm -n '__rlm_at "rlm"' -l max-tokens -x -d 'tokens in all, read and written'
complete -c rlm -n '__rlm_at "rlm"' -l max-depth -x -d '0: no sub-calls; 1: sub-calls; 2 and more: children that recurse'
complete -c rlm -n '__rlm_at "rlm"' -s j -l jobs -x -d 'calls at once'
complete -c rlm -n '__rlm_at "rlm"' -l call-time -x -d 'time of one model call'
complete -c rlm -n '__rlm_at "rlm"' -l cell-time -x -d 'time of one cell of code, calls not counted'
complete -c rlm -n '__rlm_at "rlm"' -l compact-at -x -d 'share of the root model\'s window at which earlier turns become a summary'
complete -c rlm -n '__rlm_at "rlm"' -l cell-memory -x -d 'memory of the process that runs cells; the mapped input is not counted'
complete -c rlm -n '__rlm_at "rlm"' -s f -l format -x -a 'text md json jsonl github' -d 'text, md, json, jsonl (events as they come) or github'
complete -c rlm -n '__rlm_at "rlm"' -s o -l output -r -F -d 'write the answer to FILE too'
complete -c rlm -n '__rlm_at "rlm"' -l schema -x -d 'shape of the answer: \'path, line int, why\', a JSON Schema, or @FILE'
complete -c rlm -n '__rlm_at "rlm"' -l schema-multi -d 'the answer is a list of such'
complete -c rlm -n '__rlm_at "rlm"' -l fail-if -x -a 'found not-found' -d 'found or not-found: exit 1 in that case and 0 in the other'
complete -c rlm -n '__rlm_at "rlm"' -l trajectory -r -F -d 'write the record of the run to FILE'
complete -c rlm -n '__rlm_at "rlm"' -l no-save -d 'keep no record of the run'
complete -c rlm -n '__rlm_at "rlm"' -l redact -d 'keep hashes in place of texts of the input in the record; it cannot be resumed'
complete -c rlm -n '__rlm_at "rlm"' -l no-memo -d 'do not reuse replies to sub-calls made before'
complete -c rlm -n '__rlm_at "rlm"' -l memo-root -d 'reuse replies of the root model too: the same question of the same input is paid once'
complete -c rlm -n '__rlm_at "rlm"' -l progress -x -a 'auto tree plain jsonl none' -d 'auto, tree, plain, jsonl or none'
complete -c rlm -n '__rlm_at "rlm"' -l color -x -a 'auto always never' -d 'auto, always or never'
complete -c rlm -n '__rlm_at "rlm"' -l links -x -a 'auto never file vscode vscode-insiders vscodium cursor kitty macvim textmate' -d 'auto, never, vscode, cursor, kitty, file, … or a format with {path}'
complete -c rlm -n '__rlm_at "rlm"' -s q -l quiet -d 'no progress, only errors'
complete -c rlm -n '__rlm_at "rlm"' -s v -l verbose -d 'show cells and their output (-vv: requests and retries too)'
complete -c rlm -n '__rlm_at "rlm"' -s n -l dry-run -d 'list what would be read and what it may cost; send nothing'
complete -c rlm -n '__rlm_at "rlm"' -l sandbox -x -a 'auto strict off' -d 'strict (no run where the system cannot confine cells), auto or off'
complete -c rlm -n '__rlm_at "rlm"' -l profile -x -d 'take [profiles.NAME] of config.toml'
complete -c rlm -n '__rlm_at "rlm"' -l json -d 'the same as -f json'
complete -c rlm -n '__rlm_at "rlm"' -a ask -d 'answer a question about files, directories or a pipe'
complete -c rlm -n '__rlm_at "rlm"' -a resume -d 'go on with a run that was stopped'
complete -c rlm -n '__rlm_at "rlm"' -a replay -d 'walk a recorded run again without any model'
complete -c rlm -n '__rlm_at "rlm"' -a view -d 'look at a run in the browser or the terminal'
complete -c rlm -n '__rlm_at "rlm"' -a export -d 'write a run in a form that other programs read'
complete -c rlm -n '__rlm_at "rlm"' -a import -d 'make a run of a log of another program'
complete -c rlm -n '__rlm_at "rlm"' -a runs -d 'list past runs, show one, or remove old ones'
complete -c rlm -n '__rlm_at "rlm"' -a bench -d 'compare models and strategies on tasks made here'
complete -c rlm -n '__rlm_at "rlm"' -a models -d 'list the models that can be used'
complete -c rlm -n '__rlm_at "rlm"' -a config -d 'show or change settings'
complete -c rlm -n '__rlm_at "rlm"' -a keys -d 'show and keep the keys of providers'
complete -c rlm -n '__rlm_at "rlm"' -a cache -d 'show or clear what is kept to be faster'
complete -c rlm -n '__rlm_at "rlm"' -a demo -d 'watch a recorded run; no key is needed'
complete -c rlm -n '__rlm_at "rlm"' -a schema -d 'print the JSON Schema of what is written for programs'
complete -c rlm -n '__rlm_at "rlm"' -a doctor -d 'check this installation'
complete -c rlm -n '__rlm_at "rlm"' -a completions -d 'print or install completion for a shell'
complete -c rlm -n '__rlm_at "rlm ask"' -l continue -d 'ask the last run further: its input, variables and sources'
complete -c rlm -n '__rlm_at "rlm ask"' -l run -x -d 'the same with another run'
complete -c rlm -n '__rlm_at "rlm ask"' -l allow-changed -d '--continue though the input has changed'
complete -c rlm -n '__rlm_at "rlm ask"' -l files-from -r -F -d 'read the list of paths from FILE, - for stdin; one a line, or NUL between them'
complete -c rlm -n '__rlm_at "rlm ask"' -l include -x -d 'read only paths that match, such as \'*.py\' or \'docs/**\' (repeat)'
complete -c rlm -n '__rlm_at "rlm ask"' -l exclude -x -d 'leave out paths that match (repeat)'
complete -c rlm -n '__rlm_at "rlm ask"' -l hidden -d 'read hidden files and directories too'
complete -c rlm -n '__rlm_at "rlm ask"' -l no-ignore -d 'do not follow .gitignore, .ignore, .rlmignore'
complete -c rlm -n '__rlm_at "rlm ask"' -l include-secrets -d 'read .env, *.pem, id_* and the like, which are left out even when named'
complete -c rlm -n '__rlm_at "rlm ask"' -l binary -d 'read binary files too'
complete -c rlm -n '__rlm_at "rlm ask"' -l encoding -x -d 'read every file as NAME, such as latin-1, where no mark at its start says otherwise'
complete -c rlm -n '__rlm_at "rlm ask"' -l max-decompressed -x -d 'most that one .gz, .zip and the like may unpack to'
complete -c rlm -n '__rlm_at "rlm ask"' -s m -l model -x -a '(__rlm_models)' -d 'the root model: it writes the code'
complete -c rlm -n '__rlm_at "rlm ask"' -s s -l sub-model -x -a '(__rlm_models)' -d 'answers the sub-calls that the code makes'
complete -c rlm -n '__rlm_at "rlm ask"' -l api-base -x -d 'an OpenAI-compatible endpoint, such as http://localhost:11434/v1'
complete -c rlm -n '__rlm_at "rlm ask"' -l context-window -x -d 'tokens that a prompt and its reply may take, where the model\'s name does not tell'
complete -c rlm -n '__rlm_at "rlm ask"' -l strategy -x -a 'auto direct search map rlm' -d 'auto, direct (all in one prompt), search (what a search finds), map (part by part) or rlm (the loop)'
complete -c rlm -n '__rlm_at "rlm ask"' -l votes -x -d 'answer so many times, independently, under the same limits; agreement decides'
complete -c rlm -n '__rlm_at "rlm ask"' -l pack -x -a 'auto full small' -d 'the prompts: auto, full, small (weak or short-window models) or a TOML file of your own'
complete -c rlm -n '__rlm_at "rlm ask"' -l max-cost -x -d 'dollars in all, for each question'
complete -c rlm -n '__rlm_at "rlm ask"' -l max-time -x -d 'time in all, such as 90s or 10m'
complete -c rlm -n '__rlm_at "rlm ask"' -l max-turns -x -d 'turns of the root model'
complete -c rlm -n '__rlm_at "rlm ask"' -l max-calls -x -d 'model calls in all'
complete -c rlm -n '__rlm_at "rlm ask"' -l max-tokens -x -d 'tokens in all, read and written'
complete -c rlm -n '__rlm_at "rlm ask"' -l max-depth -x -d '0: no sub-calls; 1: sub-calls; 2 and more: children that recurse'
complete -c rlm -n '__rlm_at "rlm ask"' -s j -l jobs -x -d 'calls at once'
complete -c rlm -n '__rlm_at "rlm ask"' -l call-time -x -d 'time of one model call'
complete -c rlm -n '__rlm_at "rlm ask"' -l cell-time -x -d 'time of one cell of code, calls not counted'
complete -c rlm -n '__rlm_at "rlm ask"' -l compact-at -x -d 'share of the root model\'s window at which earlier turns become a summary'
complete -c rlm -n '__rlm_at "rlm ask"' -l cell-memory -x -d 'memory of the process that runs cells; the mapped input is not counted'
complete -c rlm -n '__rlm_at "rlm ask"' -s f -l format -x -a 'text md json jsonl github' -d 'text, md, json, jsonl (events as they come) or github'
complete -c rlm -n '__rlm_at "rlm ask"' -s o -l output -r -F -d 'write the answer to FILE too'
complete -c rlm -n '__rlm_at "rlm ask"' -l schema -x -d 'shape of the answer: \'path, line int, why\', a JSON Schema, or @FILE'
complete -c rlm -n '__rlm_at "rlm ask"' -l schema-multi -d 'the answer is a list of such'
complete -c rlm -n '__rlm_at "rlm ask"' -l fail-if -x -a 'found not-found' -d 'found or not-found: exit 1 in that case and 0 in the other'
complete -c rlm -n '__rlm_at "rlm ask"' -l trajectory -r -F -d 'write the record of the run to FILE'
complete -c rlm -n '__rlm_at "rlm ask"' -l no-save -d 'keep no record of the run'
complete -c rlm -n '__rlm_at "rlm ask"' -l redact -d 'keep hashes in place of texts of the input in the record; it cannot be resumed'
complete -c rlm -n '__rlm_at "rlm ask"' -l no-memo -d 'do not reuse replies to sub-calls made before'
complete -c rlm -n '__rlm_at "rlm ask"' -l memo-root -d 'reuse replies of the root model too: the same question of the same input is paid once'
complete -c rlm -n '__rlm_at "rlm ask"' -l progress -x -a 'auto tree plain jsonl none' -d 'auto, tree, plain, jsonl or none'
complete -c rlm -n '__rlm_at "rlm ask"' -l color -x -a 'auto always never' -d 'auto, always or never'
complete -c rlm -n '__rlm_at "rlm ask"' -l links -x -a 'auto never file vscode vscode-insiders vscodium cursor kitty macvim textmate' -d 'auto, never, vscode, cursor, kitty, file, … or a format with {path}'
complete -c rlm -n '__rlm_at "rlm ask"' -s q -l quiet -d 'no progress, only errors'
complete -c rlm -n '__rlm_at "rlm ask"' -s v -l verbose -d 'show cells and their output (-vv: requests and retries too)'
complete -c rlm -n '__rlm_at "rlm ask"' -s n -l dry-run -d 'list what would be read and what it may cost; send nothing'
complete -c rlm -n '__rlm_at "rlm ask"' -l sandbox -x -a 'auto strict off' -d 'strict (no run where the system cannot confine cells), auto or off'
complete -c rlm -n '__rlm_at "rlm ask"' -l profile -x -d 'take [profiles.NAME] of config.toml'
complete -c rlm -n '__rlm_at "rlm ask"' -l json -d 'the same as -f json'
complete -c rlm -n '__rlm_at "rlm ask"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm resume"' -l allow-changed -d 'go on though the input has changed'
complete -c rlm -n '__rlm_at "rlm resume"' -l api-base -x -d 'an OpenAI-compatible endpoint, such as http://localhost:11434/v1'
complete -c rlm -n '__rlm_at "rlm resume"' -l context-window -x -d 'tokens that a prompt and its reply may take, where the model\'s name does not tell'
complete -c rlm -n '__rlm_at "rlm resume"' -l votes -x -d 'answer so many times, independently, under the same limits; agreement decides'
complete -c rlm -n '__rlm_at "rlm resume"' -l max-cost -x -d 'dollars in all, for each question'
complete -c rlm -n '__rlm_at "rlm resume"' -l max-time -x -d 'time in all, such as 90s or 10m'
complete -c rlm -n '__rlm_at "rlm resume"' -l max-turns -x -d 'turns of the root model'
complete -c rlm -n '__rlm_at "rlm resume"' -l max-calls -x -d 'model calls in all'
complete -c rlm -n '__rlm_at "rlm resume"' -l max-tokens -x -d 'tokens in all, read and written'
complete -c rlm -n '__rlm_at "rlm resume"' -l max-depth -x -d '0: no sub-calls; 1: sub-calls; 2 and more: children that recurse'
complete -c rlm -n '__rlm_at "rlm resume"' -s j -l jobs -x -d 'calls at once'
complete -c rlm -n '__rlm_at "rlm resume"' -l call-time -x -d 'time of one model call'
complete -c rlm -n '__rlm_at "rlm resume"' -l cell-time -x -d 'time of one cell of code, calls not counted'
complete -c rlm -n '__rlm_at "rlm resume"' -l compact-at -x -d 'share of the root model\'s window at which earlier turns become a summary'
complete -c rlm -n '__rlm_at "rlm resume"' -l cell-memory -x -d 'memory of the process that runs cells; the mapped input is not counted'
complete -c rlm -n '__rlm_at "rlm resume"' -s f -l format -x -a 'text md json jsonl github' -d 'text, md, json, jsonl (events as they come) or github'
complete -c rlm -n '__rlm_at "rlm resume"' -s o -l output -r -F -d 'write the answer to FILE too'
complete -c rlm -n '__rlm_at "rlm resume"' -l fail-if -x -a 'found not-found' -d 'found or not-found: exit 1 in that case and 0 in the other'
complete -c rlm -n '__rlm_at "rlm resume"' -l redact -d 'keep hashes in place of texts of the input in the record; it cannot be resumed'
complete -c rlm -n '__rlm_at "rlm resume"' -l no-memo -d 'do not reuse replies to sub-calls made before'
complete -c rlm -n '__rlm_at "rlm resume"' -l memo-root -d 'reuse replies of the root model too: the same question of the same input is paid once'
complete -c rlm -n '__rlm_at "rlm resume"' -l progress -x -a 'auto tree plain jsonl none' -d 'auto, tree, plain, jsonl or none'
complete -c rlm -n '__rlm_at "rlm resume"' -l color -x -a 'auto always never' -d 'auto, always or never'
complete -c rlm -n '__rlm_at "rlm resume"' -l links -x -a 'auto never file vscode vscode-insiders vscodium cursor kitty macvim textmate' -d 'auto, never, vscode, cursor, kitty, file, … or a format with {path}'
complete -c rlm -n '__rlm_at "rlm resume"' -s q -l quiet -d 'no progress, only errors'
complete -c rlm -n '__rlm_at "rlm resume"' -s v -l verbose -d 'show cells and their output (-vv: requests and retries too)'
complete -c rlm -n '__rlm_at "rlm resume"' -l sandbox -x -a 'auto strict off' -d 'strict (no run where the system cannot confine cells), auto or off'
complete -c rlm -n '__rlm_at "rlm resume"' -l json -d 'the same as -f json'
complete -c rlm -n '__rlm_at "rlm resume"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm resume"' -f
complete -c rlm -n '__rlm_at "rlm resume"' -a '(__rlm_runs)'
complete -c rlm -n '__rlm_at "rlm replay"' -l allow-changed -d 'replay though the input has changed'
complete -c rlm -n '__rlm_at "rlm replay"' -s f -l format -x -a 'text md json jsonl github' -d 'text, md, json, jsonl (events as they come) or github'
complete -c rlm -n '__rlm_at "rlm replay"' -s o -l output -r -F -d 'write the answer to FILE too'
complete -c rlm -n '__rlm_at "rlm replay"' -l progress -x -a 'auto tree plain jsonl none' -d 'auto, tree, plain, jsonl or none'
complete -c rlm -n '__rlm_at "rlm replay"' -l color -x -a 'auto always never' -d 'auto, always or never'
complete -c rlm -n '__rlm_at "rlm replay"' -l links -x -a 'auto never file vscode vscode-insiders vscodium cursor kitty macvim textmate' -d 'auto, never, vscode, cursor, kitty, file, … or a format with {path}'
complete -c rlm -n '__rlm_at "rlm replay"' -s q -l quiet -d 'no progress, only errors'
complete -c rlm -n '__rlm_at "rlm replay"' -s v -l verbose -d 'show cells and their output (-vv: requests and retries too)'
complete -c rlm -n '__rlm_at "rlm replay"' -l sandbox -x -a 'auto strict off' -d 'strict (no run where the system cannot confine cells), auto or off'
complete -c rlm -n '__rlm_at "rlm replay"' -l cell-time -x -d 'time of one cell of code, calls not counted'
complete -c rlm -n '__rlm_at "rlm replay"' -l json -d 'the same as -f json'
complete -c rlm -n '__rlm_at "rlm replay"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm replay"' -f
complete -c rlm -n '__rlm_at "rlm replay"' -a '(__rlm_runs)'
complete -c rlm -n '__rlm_at "rlm view"' -s o -l output -r -F -d 'write the page to FILE, - for stdout'
complete -c rlm -n '__rlm_at "rlm view"' -l serve -d 'follow a run that is going on, until Ctrl-C'
complete -c rlm -n '__rlm_at "rlm view"' -l port -x -d 'of --serve; 0 takes a free one'
complete -c rlm -n '__rlm_at "rlm view"' -l terminal -d 'in the terminal, through a pager'
complete -c rlm -n '__rlm_at "rlm view"' -l play -d 'draw it again as it happened'
complete -c rlm -n '__rlm_at "rlm view"' -l speed -x -d 'times as fast as it was [4]'
complete -c rlm -n '__rlm_at "rlm view"' -l stats -d 'sums by depth, model and call site'
complete -c rlm -n '__rlm_at "rlm view"' -l json -d '--stats as JSON'
complete -c rlm -n '__rlm_at "rlm view"' -l browser -d 'open the page, or say where it is'
complete -c rlm -n '__rlm_at "rlm view"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm view"' -f
complete -c rlm -n '__rlm_at "rlm view"' -a '(__rlm_runs)'
complete -c rlm -n '__rlm_at "rlm export"' -l to -x -d 'visualizer, sft, otel, markdown, asciicast, html'
complete -c rlm -n '__rlm_at "rlm export"' -s o -l output -r -F -d 'write to FILE, not stdout'
complete -c rlm -n '__rlm_at "rlm export"' -l failed -d 'sft: runs without an answer too'
complete -c rlm -n '__rlm_at "rlm export"' -l max-chars -x -d 'sft: leave longer samples out [100000]'
complete -c rlm -n '__rlm_at "rlm export"' -l tokens -d 'sft: the tokens of each reply'
complete -c rlm -n '__rlm_at "rlm export"' -l content -d 'otel: prompts and replies too'
complete -c rlm -n '__rlm_at "rlm export"' -l send -d 'otel: to a collector, as OTEL_EXPORTER_OTLP_* say'
complete -c rlm -n '__rlm_at "rlm export"' -l endpoint -x -d 'otel: to this one, such as http://localhost:4318'
complete -c rlm -n '__rlm_at "rlm export"' -l size -x -d 'asciicast: columns and rows [100x30]'
complete -c rlm -n '__rlm_at "rlm export"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm export"' -f
complete -c rlm -n '__rlm_at "rlm export"' -a '(__rlm_runs)'
complete -c rlm -n '__rlm_at "rlm import"' -s o -l output -r -F -d 'write the journal to FILE, not among the runs'
complete -c rlm -n '__rlm_at "rlm import"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm runs"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm runs"' -a list -d 'list the latest runs: question, how they ended, cost, age'
complete -c rlm -n '__rlm_at "rlm runs"' -a show -d 'show one run: question, answer, sources, cost'
complete -c rlm -n '__rlm_at "rlm runs"' -a prune -d 'remove records of old runs'
complete -c rlm -n '__rlm_at "rlm runs"' -f
complete -c rlm -n '__rlm_at "rlm runs list"' -l all -d 'all runs, and not the latest 20 alone'
complete -c rlm -n '__rlm_at "rlm runs list"' -l json -d 'as JSON'
complete -c rlm -n '__rlm_at "rlm runs list"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm runs list"' -f
complete -c rlm -n '__rlm_at "rlm runs show"' -l json -d 'as JSON'
complete -c rlm -n '__rlm_at "rlm runs show"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm runs show"' -f
complete -c rlm -n '__rlm_at "rlm runs show"' -a '(__rlm_runs)'
complete -c rlm -n '__rlm_at "rlm runs prune"' -l older-than -x -d 'runs before, as 30d'
complete -c rlm -n '__rlm_at "rlm runs prune"' -l max-size -x -d 'the oldest, until all others fit, as 1G'
complete -c rlm -n '__rlm_at "rlm runs prune"' -s n -l dry-run -d 'say what would go; remove nothing'
complete -c rlm -n '__rlm_at "rlm runs prune"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm runs prune"' -f
complete -c rlm -n '__rlm_at "rlm bench"' -l tasks -x -d 'niah, oolong, pairs, hops, code [all]'
complete -c rlm -n '__rlm_at "rlm bench"' -l methods -x -d 'what is compared; `--methods help` lists them'
complete -c rlm -n '__rlm_at "rlm bench"' -l models -x -d 'several root models, in place of -m'
complete -c rlm -n '__rlm_at "rlm bench"' -l lengths -x -d 'of the inputs, in tokens [8k]'
complete -c rlm -n '__rlm_at "rlm bench"' -l count -x -d 'tasks of each kind and length [4]'
complete -c rlm -n '__rlm_at "rlm bench"' -l seed -x -d 'other tasks of the same kinds [1]'
complete -c rlm -n '__rlm_at "rlm bench"' -l trial-cost -x -d 'dollars for one trial [a fifth of --max-cost]'
complete -c rlm -n '__rlm_at "rlm bench"' -l at-once -x -d 'trials at once [2]'
complete -c rlm -n '__rlm_at "rlm bench"' -s o -l output -x -d 'results [./rlm-bench]'
complete -c rlm -n '__rlm_at "rlm bench"' -l keep-inputs -d 'leave the inputs in the directory'
complete -c rlm -n '__rlm_at "rlm bench"' -l json -d 'the tables as JSON'
complete -c rlm -n '__rlm_at "rlm bench"' -s m -l model -x -a '(__rlm_models)' -d 'the root model: it writes the code'
complete -c rlm -n '__rlm_at "rlm bench"' -s s -l sub-model -x -a '(__rlm_models)' -d 'answers the sub-calls that the code makes'
complete -c rlm -n '__rlm_at "rlm bench"' -l api-base -x -d 'an OpenAI-compatible endpoint, such as http://localhost:11434/v1'
complete -c rlm -n '__rlm_at "rlm bench"' -l context-window -x -d 'tokens that a prompt and its reply may take, where the model\'s name does not tell'
complete -c rlm -n '__rlm_at "rlm bench"' -l pack -x -a 'auto full small' -d 'the prompts: auto, full, small (weak or short-window models) or a TOML file of your own'
complete -c rlm -n '__rlm_at "rlm bench"' -l max-cost -x -d 'dollars for all trials [1.00]'
complete -c rlm -n '__rlm_at "rlm bench"' -l max-time -x -d 'time of one trial, such as 90s or 10m [10m]'
complete -c rlm -n '__rlm_at "rlm bench"' -l max-turns -x -d 'turns of the root model in one trial [20]'
complete -c rlm -n '__rlm_at "rlm bench"' -l max-calls -x -d 'model calls of one trial [500]'
complete -c rlm -n '__rlm_at "rlm bench"' -l max-tokens -x -d 'tokens of one trial, read and written [5M]'
complete -c rlm -n '__rlm_at "rlm bench"' -s j -l jobs -x -d 'calls at once, of all trials together [16]'
complete -c rlm -n '__rlm_at "rlm bench"' -l call-time -x -d 'time of one model call'
complete -c rlm -n '__rlm_at "rlm bench"' -l cell-time -x -d 'time of one cell of code, calls not counted'
complete -c rlm -n '__rlm_at "rlm bench"' -l cell-memory -x -d 'memory of the process that runs cells; the mapped input is not counted'
complete -c rlm -n '__rlm_at "rlm bench"' -l sandbox -x -a 'auto strict off' -d 'strict (no run where the system cannot confine cells), auto or off'
complete -c rlm -n '__rlm_at "rlm bench"' -s n -l dry-run -d 'list the trials and what they may cost; send nothing'
complete -c rlm -n '__rlm_at "rlm bench"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm bench"' -f
complete -c rlm -n '__rlm_at "rlm models"' -l local -d 'ask the servers on this machine'
complete -c rlm -n '__rlm_at "rlm models"' -l json -d 'as JSON'
complete -c rlm -n '__rlm_at "rlm models"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm models"' -f
complete -c rlm -n '__rlm_at "rlm config"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm config"' -a show -d 'show every setting, its value and where that comes from'
complete -c rlm -n '__rlm_at "rlm config"' -a get -d 'print the value of one setting'
complete -c rlm -n '__rlm_at "rlm config"' -a set -d 'write one setting into config.toml; comments and order stay'
complete -c rlm -n '__rlm_at "rlm config"' -a unset -d 'take one setting out of config.toml'
complete -c rlm -n '__rlm_at "rlm config"' -a path -d 'print where the configuration is'
complete -c rlm -n '__rlm_at "rlm config"' -f
complete -c rlm -n '__rlm_at "rlm config show"' -l profile -x -d 'as with this profile'
complete -c rlm -n '__rlm_at "rlm config show"' -l env -d 'the variables that are read, and what they set'
complete -c rlm -n '__rlm_at "rlm config show"' -l json -d 'as JSON'
complete -c rlm -n '__rlm_at "rlm config show"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm config show"' -f
complete -c rlm -n '__rlm_at "rlm config get"' -l profile -x -d 'in [profiles.NAME]'
complete -c rlm -n '__rlm_at "rlm config get"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm config get"' -f
complete -c rlm -n '__rlm_at "rlm config get"' -a 'exclude hidden ignore binary max_decompressed model sub_model api_base context_window strategy votes pack max_cost max_time max_turns max_calls max_tokens max_depth jobs call_time cell_time compact_at cell_memory format save redact memo memo_root progress color links quiet verbose sandbox profile'
complete -c rlm -n '__rlm_at "rlm config set"' -l profile -x -d 'in [profiles.NAME]'
complete -c rlm -n '__rlm_at "rlm config set"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm config set"' -f
complete -c rlm -n '__rlm_at "rlm config set"' -a 'exclude hidden ignore binary max_decompressed model sub_model api_base context_window strategy votes pack max_cost max_time max_turns max_calls max_tokens max_depth jobs call_time cell_time compact_at cell_memory format save redact memo memo_root progress color links quiet verbose sandbox profile'
complete -c rlm -n '__rlm_at "rlm config unset"' -l profile -x -d 'in [profiles.NAME]'
complete -c rlm -n '__rlm_at "rlm config unset"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm config unset"' -f
complete -c rlm -n '__rlm_at "rlm config unset"' -a 'exclude hidden ignore binary max_decompressed model sub_model api_base context_window strategy votes pack max_cost max_time max_turns max_calls max_tokens max_depth jobs call_time cell_time compact_at cell_memory format save redact memo memo_root progress color links quiet verbose sandbox profile'
complete -c rlm -n '__rlm_at "rlm config path"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm config path"' -f
complete -c rlm -n '__rlm_at "rlm keys"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm keys"' -a list -d 'list providers and where their key comes from; never the key'
complete -c rlm -n '__rlm_at "rlm keys"' -a set -d 'keep the key of a provider in keys.toml, which only you may read'
complete -c rlm -n '__rlm_at "rlm keys"' -a unset -d 'forget the key of a provider'
complete -c rlm -n '__rlm_at "rlm keys"' -a path -d 'print where kept keys are'
complete -c rlm -n '__rlm_at "rlm keys"' -f
complete -c rlm -n '__rlm_at "rlm keys list"' -l json -d 'as JSON'
complete -c rlm -n '__rlm_at "rlm keys list"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm keys list"' -f
complete -c rlm -n '__rlm_at "rlm keys set"' -l force -d 'keep it for a provider nobody knows'
complete -c rlm -n '__rlm_at "rlm keys set"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm keys set"' -f
complete -c rlm -n '__rlm_at "rlm keys set"' -a 'openai anthropic gemini mistral deepseek xai groq openrouter together_ai fireworks_ai cerebras sambanova perplexity cohere cohere_chat moonshot dashscope deepinfra nebius nvidia_nim novita huggingface replicate azure github zai minimax'
complete -c rlm -n '__rlm_at "rlm keys unset"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm keys unset"' -f
complete -c rlm -n '__rlm_at "rlm keys unset"' -a 'openai anthropic gemini mistral deepseek xai groq openrouter together_ai fireworks_ai cerebras sambanova perplexity cohere cohere_chat moonshot dashscope deepinfra nebius nvidia_nim novita huggingface replicate azure github zai minimax'
complete -c rlm -n '__rlm_at "rlm keys path"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm keys path"' -f
complete -c rlm -n '__rlm_at "rlm cache"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm cache"' -a show -d 'show what is kept, and how much of it'
complete -c rlm -n '__rlm_at "rlm cache"' -a clear -d 'throw away all that is kept, or one part of it by the name that `rlm cache` shows'
complete -c rlm -n '__rlm_at "rlm cache"' -f
complete -c rlm -n '__rlm_at "rlm cache show"' -l json -d 'as JSON'
complete -c rlm -n '__rlm_at "rlm cache show"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm cache show"' -f
complete -c rlm -n '__rlm_at "rlm cache clear"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm cache clear"' -f
complete -c rlm -n '__rlm_at "rlm cache clear"' -a 'memo texts models'
complete -c rlm -n '__rlm_at "rlm demo"' -l speed -x -d 'times as fast as it was [8]'
complete -c rlm -n '__rlm_at "rlm demo"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm demo"' -f
complete -c rlm -n '__rlm_at "rlm schema"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm schema"' -f
complete -c rlm -n '__rlm_at "rlm schema"' -a 'answer event'
complete -c rlm -n '__rlm_at "rlm doctor"' -l json -d 'as JSON'
complete -c rlm -n '__rlm_at "rlm doctor"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm doctor"' -f
complete -c rlm -n '__rlm_at "rlm completions"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm completions"' -a print -d 'print the script of bash, zsh, fish or powershell, or the man page'
complete -c rlm -n '__rlm_at "rlm completions"' -a install -d 'write the script where the shell looks for it'
complete -c rlm -n '__rlm_at "rlm completions"' -f
complete -c rlm -n '__rlm_at "rlm completions print"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm completions print"' -f
complete -c rlm -n '__rlm_at "rlm completions print"' -a 'bash zsh fish powershell man'
complete -c rlm -n '__rlm_at "rlm completions install"' -s h -l help -d 'show help'
complete -c rlm -n '__rlm_at "rlm completions install"' -f
complete -c rlm -n '__rlm_at "rlm completions install"' -a 'bash zsh fish powershell'
