"""The layout holds: imports go one way, heavy libraries have one door each, files stay small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "rlm_cli"

# Each line may import from itself and from the lines below it, nothing above.
LAYERS = [
    {"__main__"},
    {"cli"},
    {
        "session",
        "library",
        "bench",
        "run",
        "votes",
        "settling",
        "recorder",
        "delivery",
        "dryrun",
        "signals",
        "choosing",
        "opening",
        "resuming",
    },
    {
        "engine",
        "strategies",
        "direct",
        "retrieval",
        "mapping",
        "cells",
        "conversation",
        "repair",
        "sinks",
        "exports",
        "imports",
        "viewer",
    },
    {
        "gate",
        "ledger",
        "memo",
        "journal",
        "account",
        "answer",
        "citations",
        "references",
        "quotations",
        "spooled",
        "tools",
        "prompts",
        "examples",
        "replies",
        "description",
        "packs",
        "schema",
        "validation",
        "retries",
        "recording",
        "redaction",
        "refusals",
    },
    {"context", "models", "sandbox"},
    {
        "settings",
        "options",
        "places",
        "tomlfile",
        "values",
        "terminal",
        "markdown",
        "state",
        "nodes",
        "figures",
        "schemas",
        "keys",
        "links",
    },
    {"errors", "events", "background", "named_files", "__init__"},
]
APART = [  # neither may import the other
    ({"engine", "direct", "cells", "strategies", "retrieval", "mapping"}, {"sinks"}),
    ({"models"}, {"sandbox"}),
]
ONE_DOOR = {  # a library → the only places that may import it
    "litellm": {"models/hosted.py"},
    "RestrictedPython": {"sandbox/"},
    "typer": {"cli/", "__main__.py"},
    "click": set(),
    "aiohttp": {"models/compatible.py"},
}
FILES = sorted(path for path in PACKAGE.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module that the file imports, at whatever depth of its code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def part(module: str) -> str:
    """`rlm_cli.sinks.tree` → `sinks`."""
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 else "__init__"


def layer(name: str) -> int:
    found = [index for index, names in enumerate(LAYERS) if name in names]
    assert found, f"{name} has no place in LAYERS: say in which layer it belongs"
    return found[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for module in imports(path):
        if module.split(".")[0] != "rlm_cli" or module == "rlm_cli":
            continue
        other = part(module)
        known = {name for names in LAYERS for name in names}
        if other not in known and module.count(".") == 1:
            continue  # a name of rlm_cli/__init__.py, such as __version__
        assert layer(own) <= layer(other), f"{path.name} ({own}) imports {module}, which is above it"
        for one, two in APART:
            assert not (own in one and other in two), f"{own} must not import {other}"
            assert not (own in two and other in one), f"{own} must not import {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_libraries_have_one_door(path: Path) -> None:
    place = path.relative_to(PACKAGE).as_posix()
    for module in imports(path):
        doors = ONE_DOOR.get(module.split(".")[0])
        if doors is not None:
            assert any(place.startswith(door) for door in doors), f"{place} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 520, "one noun a file: split it"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno <= 70, f"{node.name} is too long to be read at once"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_is_named_for_everything(path: Path) -> None:
    assert not {"utils", "helpers", "manager", "misc", "common"} & set(path.relative_to(PACKAGE).with_suffix("").parts)


def test_every_module_says_what_it_is() -> None:
    for path in FILES:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} has no docstring"
