"""Which task meets which method and model: the whole of a benchmark, decided before anything is spent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rlm_cli.bench.kinds import KINDS
from rlm_cli.bench.methods import METHODS
from rlm_cli.bench.task import Task, shown
from rlm_cli.errors import UsageError

FILE = "plan.json"


class Trial(NamedTuple):
    """One task for one method; `model` is empty for a floor."""

    task: Task
    method: str
    model: str

    @property
    def name(self) -> str:
        """Unlike any other of the plan, and a file's name."""
        model = "".join(character if character.isalnum() or character in "-." else "_" for character in self.model)
        return "--".join(filter(None, (self.task.name, self.method, model)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`lengths` in tokens; `count` tasks of each kind and length; `settings`: what of a run's options was said."""

    kinds: tuple[str, ...]
    lengths: tuple[int, ...]
    methods: tuple[str, ...]
    models: tuple[str, ...]
    sub_model: str
    count: int
    seed: int
    settings: Mapping[str, Any]

    def tasks(self) -> Iterator[Task]:
        """All tasks, made as they are asked for. The first of each kind come first, so that a benchmark that is cut
        short has some of everything."""
        for number in range(self.count):
            for tokens in self.lengths:
                for kind in self.kinds:
                    yield KINDS[kind].make(self.seed, tokens, number)

    def trials(self, task: Task) -> Iterator[Trial]:
        """What meets `task`: each floor that it has once, every other method once a model."""
        for method in self.methods:
            if METHODS[method].strategy is None:
                if method in task.floors:
                    yield Trial(task, method, "")
            else:
                yield from (Trial(task, method, model) for model in self.models)

    def keep(self, folder: Path) -> None:
        """Write the plan into `folder`. Raises UsageError where another one stands there."""
        path = folder / FILE
        mine = json.loads(json.dumps(asdict(self)))
        if path.exists():
            theirs = _read(path)
            if theirs != mine:
                wrong = ", ".join(sorted(key for key in mine if theirs.get(key) != mine[key]))
                hint = "Say the same as then to go on with it, or another folder with -o."
                raise UsageError(f"{folder} holds results of another benchmark: {wrong} differs", hint)
            return
        path.write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8")

    def sentence(self) -> str:
        """The plan in a line."""
        lengths = ", ".join(map(shown, self.lengths))
        return f"{self.count} of each of {', '.join(self.kinds)} at {lengths} tokens; seed {self.seed}"


def _read(path: Path) -> dict[str, Any]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is no plan of a benchmark: {error}", "Name another folder with -o.") from None
    return held if isinstance(held, dict) else {}
