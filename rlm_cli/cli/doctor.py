"""`rlm doctor`: what works on this machine, tried and not assumed. It holds no secret and can be pasted anywhere."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

from rlm_cli import __version__, figures, journal
from rlm_cli.cli.help import HELP_FLAGS, Command
from rlm_cli.cli.output import columns, say, say_json
from rlm_cli.errors import ExitStatus, RlmError, SandboxError
from rlm_cli.keys import KeyRing, open_to_others
from rlm_cli.models import registry
from rlm_cli.models.prices import names
from rlm_cli.places import places, shown
from rlm_cli.sandbox import CellRefusal
from rlm_cli.settings import OPTIONS, load
from rlm_cli.terminal import Environment, Output

EXAMPLES = """
rlm doctor
rlm doctor --json              for a bug report
"""
State = Literal["ok", "warn", "fail"]
_CELL_SECONDS = 10.0
_LOW_SPACE = 1_000_000_000  # bytes

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, in words."""

    state: State
    what: str
    text: str


@app.command(cls=Command, epilog=EXAMPLES, context_settings=HELP_FLAGS)
def doctor(json: Annotated[bool, typer.Option("--json", help="as JSON")] = False) -> ExitStatus:
    """Check this installation: sandbox, terminal, settings, keys, disk, versions.

    Nothing is sent anywhere. The exit status is 0, or that of what does not work: 2 settings, 8 sandbox.
    """
    findings = list(_examine())
    if json:
        say_json({"version": __version__, "findings": [asdict(item) for item in findings]})
    else:
        say(columns([(item.state, item.what, item.text) for item in findings]))
    broken = {item.what for item in findings if item.state == "fail"}
    if "sandbox" in broken:
        return ExitStatus.SANDBOX
    return ExitStatus.USAGE if broken else ExitStatus.ANSWERED


def _examine() -> Iterator[Finding]:
    checks: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("version", _program), ("sandbox", _sandbox), ("terminal", _terminal), ("settings", _settings),
        ("keys", _keys), ("state", _state), ("models", _models),
    )  # fmt: skip
    for what, check in checks:
        try:
            yield check()
        except RlmError as error:
            yield Finding("fail", what, f"{error.message} {error.hint}".strip())


def _program() -> Finding:
    system = f"{platform.system().lower()} {platform.release()} {platform.machine()}"
    text = f"rlm {__version__}, Python {platform.python_version()}, {system}"
    first, own = shutil.which("rlm"), Path(sys.argv[0])
    if first and own.exists() and not os.path.samefile(first, own) and own.name == "rlm":
        return Finding("warn", "version", f"{text}; but the first rlm on PATH is {first}")
    return Finding("ok", "version", text)


class _Nobody:
    """A host that grants nothing: the sandbox is tried with one cell that needs nothing."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise CellRefusal("RuntimeError", "there is no run")

    query = submit = spool = tool = draft = cite = open = _refuse
    tools: tuple[()] = ()

    def budget(self) -> dict[str, Any]:
        return {}

    def history(self) -> str:
        return ""


def _sandbox() -> Finding:
    ready, answer = asyncio.run(_try_sandbox())
    if answer != "2":
        raise SandboxError("a cell did not run as it should", f"It printed {answer!r}.")
    text = f"{', '.join(ready.layers) or 'no layer'}; starts in {ready.seconds * 1000:.0f} ms"
    if ready.missing:
        return Finding("warn", "sandbox", f"{text}; not here: {'; '.join(ready.missing)}")
    return Finding("ok", "sandbox", text)


async def _try_sandbox() -> tuple[Any, str]:
    from rlm_cli.context.table import FileTable
    from rlm_cli.sandbox.host import ProcessSandbox
    from rlm_cli.sandbox.process import Packed

    sandbox = ProcessSandbox(_Nobody(), Packed(FileTable.build([], [])))
    try:
        ready = await sandbox.start()
        result = await sandbox.run("print(1 + 1)", cell="0/1.1", time_limit=_CELL_SECONDS)
    finally:
        await sandbox.close()
    return ready, result.output.strip()


def _terminal() -> Finding:
    environment = Environment.of_process()
    text = "; ".join(_stream(output) for output in (environment.stderr, environment.stdout))
    return Finding("ok", "terminal", f"{text}; TERM={os.environ.get('TERM', '')}")


def _stream(output: Output) -> str:
    if output.file is None:
        return f"{output.name} closed"
    if not output.tty:
        return f"{output.name} no terminal"
    wide, high = output.size()
    return f"{output.name} {wide}x{high}, {output.encoding}, {'colour' if output.colour else 'no colour'}"


def _settings() -> Finding:
    settings = load()
    file = places().config_file
    changed = sum(settings.origins[name].layer != "default" for name in OPTIONS)
    text = f"{shown(file)}{'' if file.exists() else ', not there'}; {figures.plural(changed, 'setting')} changed"
    if settings.warnings:
        return Finding("warn", "settings", f"{text}; {'; '.join(settings.warnings)}")
    return Finding("ok", "settings", text)


def _keys() -> Finding:
    ring = KeyRing(registry.KEYS)
    found = []
    for provider, variables in registry.KEYS.items():
        origin = next((where for name in variables if (where := ring.origin(name))), "")
        found += [f"{provider} ({origin})"] if origin else []
    if open_to_others():
        return Finding("warn", "keys", f"others may read {shown(places().keys_file)}: chmod 600 it")
    return Finding("ok", "keys", ", ".join(found) or "none; the embedded model offline/extractive answers")


def _state() -> Finding:
    folder = places().state
    paths = journal.runs(places().runs)
    taken = sum(path.stat().st_size for path in paths)
    free = shutil.disk_usage(_existing(folder)).free
    text = f"{shown(folder)}: {figures.plural(len(paths), 'run')}, {figures.size(taken)}; {figures.size(free)} free"
    if not os.access(_existing(folder), os.W_OK):
        return Finding("fail", "state", f"{text}; it cannot be written: set RLM_HOME to a directory that can")
    return Finding("warn" if free < _LOW_SPACE else "ok", "state", text)


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())


def _models() -> Finding:
    if find_spec("litellm") is None:
        return Finding("fail", "models", "litellm is not installed, so no hosted model can be used")
    text = f"litellm {_version('litellm')}, {len(names()):,} models with prices, read offline"
    return Finding("ok", "models", f"{text}; {_libraries(('RestrictedPython', 'stringzilla', 'aiohttp', 'typer'))}")


def _libraries(wanted: Sequence[str]) -> str:
    return ", ".join(f"{name} {_version(name)}" for name in wanted)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
