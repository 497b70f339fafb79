"""Which commands there are: one line each. A command's module is loaded only when that command is run.

Importing Typer takes 40 ms, six times a bare Python; `rlm` and `rlm --help` do without it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: `module` has an `app`, a Typer with this command or with a group of them."""

    name: str
    summary: str
    module: str


_ENTRIES = (
    Entry("ask", "answer a question about files, directories or a pipe", "rlm_cli.cli.ask"),
    Entry("resume", "go on with a run that was stopped", "rlm_cli.cli.resume"),
    Entry("replay", "walk a recorded run again without any model", "rlm_cli.cli.replay"),
    Entry("view", "look at a run in the browser or the terminal", "rlm_cli.cli.view"),
    Entry("export", "write a run in a form that other programs read", "rlm_cli.cli.export"),
    Entry("import", "make a run of a log of another program", "rlm_cli.cli.import_"),
    Entry("runs", "list past runs, show one, or remove old ones", "rlm_cli.cli.runs"),
    Entry("bench", "compare models and strategies on tasks made here", "rlm_cli.cli.bench"),
    Entry("models", "list the models that can be used", "rlm_cli.cli.models"),
    Entry("config", "show or change settings", "rlm_cli.cli.configure"),
    Entry("keys", "show and keep the keys of providers", "rlm_cli.cli.keyring"),
    Entry("cache", "show or clear what is kept to be faster", "rlm_cli.cli.caching"),
    Entry("demo", "watch a recorded run; no key is needed", "rlm_cli.cli.demo"),
    Entry("schema", "print the JSON Schema of what is written for programs", "rlm_cli.cli.schema"),
    Entry("doctor", "check this installation", "rlm_cli.cli.doctor"),
    Entry("completions", "print or install completion for a shell", "rlm_cli.cli.completions"),
)  # in the order of help

COMMANDS: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
