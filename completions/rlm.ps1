# PowerShell completion for rlm. Written by `rlm completions print powershell`; do not edit.

Register-ArgumentCompleter -Native -CommandName rlm -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $table = @{
        'rlm' = @{ flags = '-h --help --version --continue --run --allow-changed --files-from --include --exclude --hidden --no-ignore --include-secrets --binary --encoding --max-decompressed -m --model -s --sub-model --api-base --context-window --strategy --votes --pack --max-cost --max-time --max-turns --max-calls --max-tokens --max-depth -j --jobs --call-time --cell-time --compact-at --cell-memory -f --format -o --output --schema --schema-multi --fail-if --trajectory --no-save --redact --no-memo --memo-root --progress --color --links -q --quiet -v --verbose -n --dry-run --sandbox --profile --json'; values = @{ '--run' = '@text'; '--files-from' = '@file'; '--include' = '@text'; '--exclude' = '@text'; '--encoding' = '@text'; '--max-decompressed' = '@text'; '-m' = '@model'; '--model' = '@model'; '-s' = '@model'; '--sub-model' = '@model'; '--api-base' = '@text'; '--context-window' = '@text'; '--strategy' = 'auto direct search map rlm'; '--votes' = '@text'; '--pack' = 'auto full small'; '--max-cost' = '@text'; '--max-time' = '@text'; '--max-turns' = '@text'; '--max-calls' = '@text'; '--max-tokens' = '@text'; '--max-depth' = '@text'; '-j' = '@text'; '--jobs' = '@text'; '--call-time' = '@text'; '--cell-time' = '@text'; '--compact-at' = '@text'; '--cell-memory' = '@text'; '-f' = 'text md json jsonl github'; '--format' = 'text md json jsonl github'; '-o' = '@file'; '--output' = '@file'; '--schema' = '@text'; '--fail-if' = 'found not-found'; '--trajectory' = '@file'; '--progress' = 'auto tree plain jsonl none'; '--color' = 'auto always never'; '--links' = 'auto never file vscode vscode-insiders vscodium cursor kitty macvim textmate'; '--sandbox' = 'auto strict off'; '--profile' = '@text' }; words = 'ask resume replay view export import runs bench models config keys cache demo schema doctor completions' }
        'rlm ask' = @{ flags = '--continue --run --allow-changed --files-from --include --exclude --hidden --no-ignore --include-secrets --binary --encoding --max-decompressed -m --model -s --sub-model --api-base --context-window --strategy --votes --pack --max-cost --max-time --max-turns --max-calls --max-tokens --max-depth -j --jobs --call-time --cell-time --compact-at --cell-memory -f --format -o --output --schema --schema-multi --fail-if --trajectory --no-save --redact --no-memo --memo-root --progress --color --links -q --quiet -v --verbose -n --dry-run --sandbox --profile --json -h --help'; values = @{ '--run' = '@text'; '--files-from' = '@file'; '--include' = '@text'; '--exclude' = '@text'; '--encoding' = '@text'; '--max-decompressed' = '@text'; '-m' = '@model'; '--model' = '@model'; '-s' = '@model'; '--sub-model' = '@model'; '--api-base' = '@text'; '--context-window' = '@text'; '--strategy' = 'auto direct search map rlm'; '--votes' = '@text'; '--pack' = 'auto full small'; '--max-cost' = '@text'; '--max-time' = '@text'; '--max-turns' = '@text'; '--max-calls' = '@text'; '--max-tokens' = '@text'; '--max-depth' = '@text'; '-j' = '@text'; '--jobs' = '@text'; '--call-time' = '@text'; '--cell-time' = '@text'; '--compact-at' = '@text'; '--cell-memory' = '@text'; '-f' = 'text md json jsonl github'; '--format' = 'text md json jsonl github'; '-o' = '@file'; '--output' = '@file'; '--schema' = '@text'; '--fail-if' = 'found not-found'; '--trajectory' = '@file'; '--progress' = 'auto tree plain jsonl none'; '--color' = 'auto always never'; '--links' = 'auto never file vscode vscode-insiders vscodium cursor kitty macvim textmate'; '--sandbox' = 'auto strict off'; '--profile' = '@text' }; words = '@file' }
        'rlm resume' = @{ flags = '--allow-changed --api-base --context-window --votes --max-cost --max-time --max-turns --max-calls --max-tokens --max-depth -j --jobs --call-time --cell-time --compact-at --cell-memory -f --format -o --output --fail-if --redact --no-memo --memo-root --progress --color --links -q --quiet -v --verbose --sandbox --json -h --help'; values = @{ '--api-base' = '@text'; '--context-window' = '@text'; '--votes' = '@text'; '--max-cost' = '@text'; '--max-time' = '@text'; '--max-turns' = '@text'; '--max-calls' = '@text'; '--max-tokens' = '@text'; '--max-depth' = '@text'; '-j' = '@text'; '--jobs' = '@text'; '--call-time' = '@text'; '--cell-time' = '@text'; '--compact-at' = '@text'; '--cell-memory' = '@text'; '-f' = 'text md json jsonl github'; '--format' = 'text md json jsonl github'; '-o' = '@file'; '--output' = '@file'; '--fail-if' = 'found not-found'; '--progress' = 'auto tree plain jsonl none'; '--color' = 'auto always never'; '--links' = 'auto never file vscode vscode-insiders vscodium cursor kitty macvim textmate'; '--sandbox' = 'auto strict off' }; words = '@run' }
        'rlm replay' = @{ flags = '--allow-changed -f --format -o --output --progress --color --links -q --quiet -v --verbose --sandbox --cell-time --json -h --help'; values = @{ '-f' = 'text md json jsonl github'; '--format' = 'text md json jsonl github'; '-o' = '@file'; '--output' = '@file'; '--progress' = 'auto tree plain jsonl none'; '--color' = 'auto always never'; '--links' = 'auto never file vscode vscode-insiders vscodium cursor kitty macvim textmate'; '--sandbox' = 'auto strict off'; '--cell-time' = '@text' }; words = '@run' }
        'rlm view' = @{ flags = '-o --output --serve --port --terminal --play --speed --stats --json --browser -h --help'; values = @{ '-o' = '@file'; '--output' = '@file'; '--port' = '@text'; '--speed' = '@text' }; words = '@run' }
        'rlm export' = @{ flags = '--to -o --output --failed --max-chars --tokens --content --send --endpoint --size -h --help'; values = @{ '--to' = '@text'; '-o' = '@file'; '--output' = '@file'; '--max-chars' = '@text'; '--endpoint' = '@text'; '--size' = '@text' }; words = '@run' }
        'rlm import' = @{ flags = '-o --output -h --help'; values = @{ '-o' = '@file'; '--output' = '@file' }; words = '@file' }
        'rlm runs' = @{ flags = '-h --help'; values = @{  }; words = 'list show prune' }
        'rlm runs list' = @{ flags = '--all --json -h --help'; values = @{  }; words = '@none' }
        'rlm runs show' = @{ flags = '--json -h --help'; values = @{  }; words = '@run' }
        'rlm runs prune' = @{ flags = '--older-than --max-size -n --dry-run -h --help'; values = @{ '--older-than' = '@text'; '--max-size' = '@text' }; words = '@none' }
        'rlm bench' = @{ flags = '--tasks --methods --models --lengths --count --seed --trial-cost --at-once -o --output --keep-inputs --json -m --model -s --sub-model --api-base --context-window --pack --max-cost --max-time --max-turns --max-calls --max-tokens -j --jobs --call-time --cell-time --cell-memory --sandbox -n --dry-run -h --help'; values = @{ '--tasks' = '@text'; '--methods' = '@text'; '--models' = '@text'; '--lengths' = '@text'; '--count' = '@text'; '--seed' = '@text'; '--trial-cost' = '@text'; '--at-once' = '@text'; '-o' = '@text'; '--output' = '@text'; '-m' = '@model'; '--model' = '@model'; '-s' = '@model'; '--sub-model' = '@model'; '--api-base' = '@text'; '--context-window' = '@text'; '--pack' = 'auto full small'; '--max-cost' = '@text'; '--max-time' = '@text'; '--max-turns' = '@text'; '--max-calls' = '@text'; '--max-tokens' = '@text'; '-j' = '@text'; '--jobs' = '@text'; '--call-time' = '@text'; '--cell-time' = '@text'; '--cell-memory' = '@text'; '--sandbox' = 'auto strict off' }; words = '@none' }
        'rlm models' = @{ flags = '--local --json -h --help'; values = @{  }; words = '@text' }
        'rlm config' = @{ flags = '-h --help'; values = @{  }; words = 'show get set unset path' }
        'rlm config show' = @{ flags = '--profile --env --json -h --help'; values = @{ '--profile' = '@text' }; words = '@none' }
        'rlm config get' = @{ flags = '--profile -h --help'; values = @{ '--profile' = '@text' }; words = 'exclude hidden ignore binary max_decompressed model sub_model api_base context_window strategy votes pack max_cost max_time max_turns max_calls max_tokens max_depth jobs call_time cell_time compact_at cell_memory format save redact memo memo_root progress color links quiet verbose sandbox profile' }
        'rlm config set' = @{ flags = '--profile -h --help'; values = @{ '--profile' = '@text' }; words = 'exclude hidden ignore binary max_decompressed model sub_model api_base context_window strategy votes pack max_cost max_time max_turns max_calls max_tokens max_depth jobs call_time cell_time compact_at cell_memory format save redact memo memo_root progress color links quiet verbose sandbox profile' }
        'rlm config unset' = @{ flags = '--profile -h --help'; values = @{ '--profile' = '@text' }; words = 'exclude hidden ignore binary max_decompressed model sub_model api_base context_window strategy votes pack max_cost max_time max_turns max_calls max_tokens max_depth jobs call_time cell_time compact_at cell_memory format save redact memo memo_root progress color links quiet verbose sandbox profile' }
        'rlm config path' = @{ flags = '-h --help'; values = @{  }; words = '@none' }
        'rlm keys' = @{ flags = '-h --help'; values = @{  }; words = 'list set unset path' }
        'rlm keys list' = @{ flags = '--json -h --help'; values = @{  }; words = '@none' }
        'rlm keys set' = @{ flags = '--force -h --help'; values = @{  }; words = 'openai anthropic gemini mistral deepseek xai groq openrouter together_ai fireworks_ai cerebras sambanova perplexity cohere cohere_chat moonshot dashscope deepinfra nebius nvidia_nim novita huggingface replicate azure github zai minimax' }
        'rlm keys unset' = @{ flags = '-h --help'; values = @{  }; words = 'openai anthropic gemini mistral deepseek xai groq openrouter together_ai fireworks_ai cerebras sambanova perplexity cohere cohere_chat moonshot dashscope deepinfra nebius nvidia_nim novita huggingface replicate azure github zai minimax' }
        'rlm keys path' = @{ flags = '-h --help'; values = @{  }; words = '@none' }
        'rlm cache' = @{ flags = '-h --help'; values = @{  }; words = 'show clear' }
        'rlm cache show' = @{ flags = '--json -h --help'; values = @{  }; words = '@none' }
        'rlm cache clear' = @{ flags = '-h --help'; values = @{  }; words = 'memo texts models' }
        'rlm demo' = @{ flags = '--speed -h --help'; values = @{ '--speed' = '@text' }; words = '@none' }
        'rlm schema' = @{ flags = '-h --help'; values = @{  }; words = 'answer event' }
        'rlm doctor' = @{ flags = '--json -h --help'; values = @{  }; words = '@none' }
        'rlm completions' = @{ flags = '-h --help'; values = @{  }; words = 'print install' }
        'rlm completions print' = @{ flags = '-h --help'; values = @{  }; words = 'bash zsh fish powershell man' }
        'rlm completions install' = @{ flags = '-h --help'; values = @{  }; words = 'bash zsh fish powershell' }
    }
    function Get-Place([string] $below, [string] $xdg, [string] $usual) {
        if ($env:RLM_HOME) { return (Join-Path $env:RLM_HOME $below) }
        $base = [Environment]::GetEnvironmentVariable($xdg)
        if (-not $base) { $base = Join-Path $HOME $usual }
        return (Join-Path $base 'rlm')
    }
    $names = Join-Path (Get-Place 'cache' 'XDG_CACHE_HOME' '.cache') 'models.txt'
    $runs = Join-Path (Get-Place '.' 'XDG_STATE_HOME' '.local/state') 'runs/*.jsonl'

    function Expand-Choice([string] $kind) {
        switch -Regex ($kind) {
            '^@model$' { if (Test-Path $names) { Get-Content $names } }
            '^@run$'   { (Get-Item $runs -ErrorAction SilentlyContinue).BaseName; 'last' }
            '^@'       { }
            default    { $kind -split ' ' | Where-Object { $_ } }
        }
    }

    # Which command the words so far lead to: those that are neither options nor their values.
    $path = 'rlm'; $skip = $null
    $before = $commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition }
    $words = @($before | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
    foreach ($word in $words) {
        if ($skip) { $skip = $null; continue }
        if ($word -like '-*') {
            if ($word -notlike '*=*' -and $table[$path].values.ContainsKey($word)) { $skip = $word }
        } elseif ($table.ContainsKey("$path $word")) { $path = "$path $word" }
        elseif ($path -eq 'rlm') { $path = 'rlm ask' }
    }

    $found = if ($skip) { Expand-Choice $table[$path].values[$skip] }
             elseif ($wordToComplete -like '-*') { $table[$path].flags -split ' ' }
             else { Expand-Choice $table[$path].words }
    # Without a reply of ours, PowerShell completes paths.
    $found | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
