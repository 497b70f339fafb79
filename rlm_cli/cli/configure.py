"""`rlm config`: every setting, where its value comes from, and writing config.toml without losing its comments."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rlm_cli import tomlfile
from rlm_cli.cli.help import HELP_FLAGS, Command, Group
from rlm_cli.cli.output import columns, remark, say, say_json
from rlm_cli.errors import UsageError
from rlm_cli.options import Option
from rlm_cli.places import places, shown
from rlm_cli.settings import OPTIONS, Config, load, near_key

EXAMPLES = """
rlm config                                       what is set, and where
rlm config set max_cost 0.25
rlm config set progress plain --profile ci       for: rlm ask --profile ci
rlm config set aliases.fast openai/gpt-5-mini    for: rlm ask -m fast
rlm config set key_cmd.openai "op read op://private/openai/key"
"""
_TABLES = ("aliases", "key_cmd")

app = typer.Typer(
    cls=Group, add_completion=False, rich_markup_mode=None, epilog=EXAMPLES, context_settings=HELP_FLAGS,
    invoke_without_command=True,
)  # fmt: skip

Key = Annotated[str, typer.Argument(metavar="KEY")]
Profile = Annotated[str | None, typer.Option("--profile", metavar="NAME", help="in [profiles.NAME]")]
Json = Annotated[bool, typer.Option("--json", help="as JSON")]


@app.callback()
def config(context: typer.Context) -> None:
    """Show or change settings.

    Flags win over RLM_* variables, these over the profile, that over config.toml. Nothing is read from the directory
    that is asked about.
    """
    if context.invoked_subcommand is None:
        show()


@app.command(cls=Command, context_settings=HELP_FLAGS)
def show(
    profile: Annotated[str | None, typer.Option("--profile", metavar="NAME", help="as with this profile")] = None,
    env: Annotated[bool, typer.Option("--env", help="the variables that are read, and what they set")] = False,
    json: Json = False,
) -> None:
    """Show every setting, its value and where that comes from."""
    if env:
        say(columns([(item.variable, item.help) for item in _stored()]))
        return
    settings = load({"profile": profile} if profile else {})
    if json:
        values = {item.name: getattr(settings, item.name) for item in _stored()}
        origins = {name: {"layer": settings.origins[name].layer, "place": settings.origins[name].place}
                   for name in values}  # fmt: skip
        say_json({"settings": values, "origins": origins, "file": str(places().config_file)})
        return
    rows = [(item.name, item.show(getattr(settings, item.name)), str(settings.origins[item.name]))
            for item in _stored()]  # fmt: skip
    say(columns([*rows, ("", "", ""), ("file", shown(places().config_file), "")]))


@app.command(cls=Command, context_settings=HELP_FLAGS)
def get(key: Key, profile: Profile = None) -> None:
    """Print the value of one setting."""
    table, name = _place(key)
    if table:
        value = Config.load().data.get(table, {}).get(name)
        if value is None:
            raise UsageError(f"{table}.{name} is not set", f"Set it with: rlm config set {table}.{name} VALUE")
        say(str(value))
        return
    settings = load({"profile": profile} if profile else {})
    say(OPTIONS[name].show(getattr(settings, name)))


@app.command("set", cls=Command, context_settings=HELP_FLAGS)
def set_(key: Key, values: Annotated[list[str], typer.Argument(metavar="VALUE...")], profile: Profile = None) -> None:
    """Write one setting into config.toml; comments and order stay."""
    table, name = _place(key)
    option = None if table else OPTIONS[name]
    if len(values) > 1 and not (option and option.repeat):
        raise UsageError(f"{key} takes one value, and {len(values)} were given", "Put it in quotes.")
    document = tomlfile.document(places().config_file)
    target = _table(document, ("profiles", profile) if profile else (table,) if table else ())
    target[name] = _toml(option, values) if option else values[0]
    Config(document.unwrap(), places().config_file)  # the next run will accept it
    tomlfile.write(places().config_file, document)
    remark(f"{'.'.join(filter(None, (table, name)))} is set in {shown(places().config_file)}")


@app.command(cls=Command, context_settings=HELP_FLAGS)
def unset(key: Annotated[str, typer.Argument(metavar="KEY")], profile: Profile = None) -> None:
    """Take one setting out of config.toml."""
    table, _, name = key.rpartition(".")
    document = tomlfile.document(places().config_file)
    target: Any = document
    for part in ("profiles", profile) if profile else table.split(".") if table else ():
        target = target.get(part, {})
        if not isinstance(target, dict):
            target = {}
    spelled = next((known for known in target if known.replace("-", "_") == name.replace("-", "_")), None)
    if spelled is None:
        raise UsageError(f"{key} is not set in {shown(places().config_file)}", "rlm config lists what is set.")
    del target[spelled]
    tomlfile.write(places().config_file, document)
    remark(f"{key} is taken out of {shown(places().config_file)}")


@app.command(cls=Command, context_settings=HELP_FLAGS)
def path() -> None:
    """Print where the configuration is."""
    say(str(places().config_file))


def _stored() -> list[Option]:
    return [item for item in OPTIONS.values() if item.stored]


def _place(key: str) -> tuple[str, str]:
    """(table or "", name) of a key. Raises UsageError with the near one."""
    table, _, name = key.replace("-", "_").rpartition(".")
    if table in _TABLES and key.rpartition(".")[2]:
        return table, key.rpartition(".")[2]
    if table or name not in OPTIONS:
        raise UsageError(f"there is no setting {key!r}", near_key(name, tuple(item.name for item in _stored())))
    if not OPTIONS[name].stored:
        raise UsageError(f"{name} cannot stand in a configuration", f"Give it each time, with {OPTIONS[name].flag}.")
    return "", name


def _toml(option: Option, values: list[str]) -> Any:
    """The value as TOML keeps it: numbers and switches as such, times and sizes as they were written."""
    try:
        read = option.read(values if option.repeat else values[0])
    except ValueError as problem:
        raise UsageError(f"{option.name}: {values[0]!r} {problem}") from None
    if option.repeat:
        return list(read)
    return read if option.kind in ("switch", "count", "money", "tally") and read is not None else values[0]


def _table(document: Any, parts: tuple[str | None, ...]) -> Any:
    """The table below these names, made where it is missing."""
    import tomlkit

    for part in parts:
        if part not in document:
            document[part] = tomlkit.table(is_super_table=part == "profiles")
        document = document[part]
        if not isinstance(document, dict):
            raise UsageError(f"{shown(places().config_file)}: {part} is not a table", "Mend it by hand.")
    return document
