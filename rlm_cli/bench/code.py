"""Questions about code with four choices, over the library of the running Python (in the form of LongBench-v2 CodeQA).

What is right is read from the syntax trees. The code is on the machine already; the same Python gives the same tasks.
An input longer than the library takes modules of the installed packages too.
"""

from __future__ import annotations

import ast
import functools
import random
import sysconfig
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rlm_cli.bench.task import BYTES_PER_TOKEN, Task, name, source

_CHOICES = "ABCD"
_LEFT_OUT = {"test", "tests", "idlelib", "site-packages", "lib2to3", "turtledemo", "config", "encodings", "__pycache__"}
_MOST_SHARE = 3  # a file has at most a third of the input, so that there is something to look through


class Fact(NamedTuple):
    """A question of one sort, what is right, and where it was found."""

    question: str
    right: str


def make(seed: int, tokens: int, number: int) -> Task:
    """The task of that number: where it is defined, a default value, a base class, in turn."""
    chance = source(seed, "code", tokens, number)
    chosen = _chosen(f"code/{tokens}/{seed}", tokens)
    sorts = [_places, _defaults, _bases]
    facts: list[Fact] = []
    for turn in range(len(sorts)):
        facts = facts or sorts[(number + turn) % len(sorts)](chosen)
    fact = chance.choice(facts)
    wrong = sorted({other.right for other in facts} - {fact.right})
    wrong += [f"none of these ({filler})" for filler in range(1, 4)][: max(0, 3 - len(wrong))]
    choices = [*chance.sample(wrong, 3), fact.right]
    chance.shuffle(choices)
    listed = "\n".join(f"({letter}) {choice}" for letter, choice in zip(_CHOICES, choices, strict=True))
    return Task(
        name=name("code", tokens, number),
        kind="code",
        tokens=tokens,
        question=f"{fact.question}\n{listed}\nEnd with the line `The correct answer is (X)`, with the right letter.",
        scoring="choice",
        gold=_CHOICES[choices.index(fact.right)],
        files=lambda: [(file, iter([_read(file)])) for file in chosen],
        floors={"random": lambda _, chance: f"The correct answer is ({chance.choice(_CHOICES)})"},
    )


@functools.lru_cache(maxsize=8)
def _chosen(seed: str, tokens: int) -> tuple[str, ...]:
    """Files of the library, relative, that have about that many tokens together."""
    chance = random.Random(seed)
    size, room = tokens * BYTES_PER_TOKEN, tokens * BYTES_PER_TOKEN
    files = list(_modules("stdlib"))
    if sum(length for _, length in files) < size:
        files += _modules("purelib")
    chance.shuffle(files)
    taken: list[str] = []
    for path, length in files:
        if length <= min(room, size // _MOST_SHARE):
            taken.append(path)
            room -= length
    return tuple(sorted(taken))


@functools.lru_cache(maxsize=2)
def _modules(place: str) -> tuple[tuple[str, int], ...]:
    """(path below that place of the installation, bytes) of every module that says something."""
    root = Path(sysconfig.get_paths()[place])
    return tuple(
        (path.relative_to(root).as_posix(), size)
        for path in sorted(root.rglob("*.py"))
        if not _LEFT_OUT & {part.split("-")[0] for part in path.relative_to(root).parts}
        and (size := path.stat().st_size) > 2_000
    )


def _read(file: str) -> str:
    places = (Path(sysconfig.get_paths()[place]) / file for place in ("stdlib", "purelib"))
    return next(path for path in places if path.exists()).read_text(encoding="utf-8", errors="replace")


@functools.lru_cache(maxsize=4096)
def _tree(file: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library has its own odd escapes
        try:
            return ast.parse(_read(file))
        except (SyntaxError, ValueError):  # a package may carry templates, or code for another Python
            return ast.Module([], [])


def _places(files: Sequence[str]) -> list[Fact]:
    """In which file something is defined whose name no other definition has."""
    found = [(node.name, file) for file in files for node in _definitions(file)]
    times = Counter(name for name, _ in found)
    return [Fact(f"In which file is `{name}` defined?", file) for name, file in found if _telling(name, times)]


def _defaults(files: Sequence[str]) -> list[Fact]:
    """The default value of a parameter."""
    facts = []
    times = Counter(node.name for file in files for node in _definitions(file))
    for file in files:
        for node in _definitions(file):
            if isinstance(node, ast.FunctionDef) and _telling(node.name, times):
                facts += [
                    Fact(f"What is the default value of the parameter `{parameter}` of `{node.name}`?", value)
                    for parameter, value in _with_default(node.args)
                ]
    return facts


def _bases(files: Sequence[str]) -> list[Fact]:
    """The first base class of a class."""
    times = Counter(node.name for file in files for node in _definitions(file))
    return [
        Fact(f"Which class is the first base class of `{node.name}`?", ast.unparse(node.bases[0]))
        for file in files
        for node in _definitions(file)
        if isinstance(node, ast.ClassDef) and node.bases and _telling(node.name, times)
    ]


def _definitions(file: str) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    return (node for node in ast.walk(_tree(file)) if isinstance(node, ast.FunctionDef | ast.ClassDef))


def _telling(name: str, times: Counter[str]) -> bool:
    return times[name] == 1 and len(name) > 4 and not name.startswith("_")


def _with_default(arguments: ast.arguments) -> Iterator[tuple[str, str]]:
    ordered = [*arguments.posonlyargs, *arguments.args]
    last = ordered[len(ordered) - len(arguments.defaults) :]
    pairs: list[tuple[ast.arg, ast.expr | None]] = list(zip(last, arguments.defaults, strict=True))
    pairs += list(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
    for argument, value in pairs:
        if isinstance(value, ast.Constant) and value.value not in (None, True, False, ""):
            yield argument.arg, ast.unparse(value)
