"""The PowerShell script: a native argument completer over a table of commands."""

from __future__ import annotations

from rlm_cli.cli.completion.tree import DEFAULT, Node, Taken

_HEAD = r"""# PowerShell completion for rlm. Written by `rlm completions print powershell`; do not edit.

Register-ArgumentCompleter -Native -CommandName rlm -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $table = @{
"""

_MAIN = r"""
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
        elseif ($path -eq 'rlm') { $path = 'rlm @DEFAULT@' }
    }

    $found = if ($skip) { Expand-Choice $table[$path].values[$skip] }
             elseif ($wordToComplete -like '-*') { $table[$path].flags -split ' ' }
             else { Expand-Choice $table[$path].words }
    # Without a reply of ours, PowerShell completes paths.
    $found | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
"""


def script(root: Node) -> str:
    """The whole script."""
    default = next(item for item in root.below if item.name == DEFAULT)
    entries = []
    for path, node in root.walk():
        flags = list(node.flags)
        if node is root:
            flags += [flag for flag in default.flags if "--help" not in flag.names]
        shown = " ".join(name for flag in flags for name in flag.shown)
        values = "; ".join(f"'{name}' = '{_kind(flag.taken)}'" for flag in flags if flag.takes_value
                           for name in flag.names)  # fmt: skip
        words = " ".join(item.name for item in node.below) if node.below else _kind(node.words)
        entries.append(
            f"        '{' '.join(path)}' = @{{ flags = '{shown}'; values = @{{ {values} }}; words = '{words}' }}"
        )
    return _HEAD + "\n".join(entries) + _MAIN.replace("@DEFAULT@", DEFAULT)


def _kind(taken: Taken | None) -> str:
    if taken is None:
        return "@none"
    return " ".join(taken.choices) if taken.value == "choice" else f"@{taken.value}"
