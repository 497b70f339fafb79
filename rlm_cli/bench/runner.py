"""All trials of a plan: several at once, under one budget, each result on the disk before its place is given on."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rlm_cli.bench.methods import METHODS
from rlm_cli.bench.plan import Plan, Trial
from rlm_cli.bench.purse import Empty, Purse
from rlm_cli.bench.results import Result, Results
from rlm_cli.bench.task import Task
from rlm_cli.bench.trial import by_floor, by_model, recorded, settings_of
from rlm_cli.errors import OutputError, ProviderError, RlmError
from rlm_cli.recording import Past

E = TypeVar("E", bound=BaseException)
_LOST_IN_A_ROW = 5
"""Trials that fail at the provider, one after another, after which there is no use in going on."""


@dataclass(slots=True)
class _Input:
    """The input of a task on the disk, from its first trial to its last one."""

    task: Task
    folder: Path
    waiting: int  # trials
    keep: bool
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def open(self) -> Path:
        async with self._making:  # another trial of the task may have come first
            if not self.folder.exists():
                await asyncio.to_thread(self._make)
        return self.folder

    def _make(self) -> None:
        half = self.folder.with_name(f"{self.folder.name}.part")  # what a kill leaves is never taken for the input
        shutil.rmtree(half, ignore_errors=True)
        self.task.write(half)
        half.rename(self.folder)

    async def leave(self) -> None:
        self.waiting -= 1
        if not self.waiting and not self.keep:
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


class Benchmark:
    """A plan and the folder of its results."""

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        *,
        most: float | None,
        share: float | None,
        at_once: int,
        tell: Callable[[Result], None],
        keep: bool = False,
    ) -> None:
        """`most`: dollars in all, those of earlier processes included; `share`: dollars that one trial may take.

        `tell` is called with each new result; `keep` leaves the inputs when their trials are done. Raises UsageError
        where the folder holds another benchmark.
        """
        (folder / "trials").mkdir(parents=True, exist_ok=True)
        plan.keep(folder)
        self.unpaid = 0  # trials that the budget did not reach
        self._plan = plan
        self._folder = folder
        self._at_once = at_once
        self._tell = tell
        self._keep = keep
        self._results = Results(folder)
        self._known = {result.trial: result for result in self._results}
        self._purse = Purse(most, share, sum(self._costs()))
        self._lost = 0  # in a row

    @property
    def results(self) -> list[Result]:
        """All that are known."""
        return list(self._known.values())

    @property
    def spent(self) -> float:
        """Dollars, of this process and those before it."""
        return self._purse.spent

    async def run(self) -> None:
        """Do what is not done yet. Raises AuthError, UsageError, SandboxError, OutputError and, where a provider
        answers no more, ProviderError; what was done is on record."""
        queue: asyncio.Queue[tuple[Trial, _Input] | None] = asyncio.Queue(maxsize=self._at_once)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._produce(queue))
                for _ in range(self._at_once):
                    group.create_task(self._consume(queue))
        except* RlmError as errors:
            raise next(_leaves(errors)) from None
        except* OSError as errors:
            why = next(_leaves(errors)).strerror
            raise OutputError(f"cannot write to {self._folder}: {why}", "What was done is kept.") from None

    async def _produce(self, queue: asyncio.Queue[tuple[Trial, _Input] | None]) -> None:
        with (self._folder / "tasks.jsonl").open("w", encoding="utf-8") as file:
            tasks = self._plan.tasks()
            while (task := await asyncio.to_thread(next, tasks, None)) is not None:
                told = {"task": task.name, "question": task.question, "scoring": task.scoring, "gold": task.gold}
                file.write(json.dumps(told) + "\n")
                wanted = [trial for trial in self._plan.trials(task) if not self._is_done(trial)]
                where = _Input(task, self._folder / "inputs" / task.name, len(wanted), self._keep)
                for trial in wanted:
                    await queue.put((trial, where))
        for _ in range(self._at_once):
            await queue.put(None)

    async def _consume(self, queue: asyncio.Queue[tuple[Trial, _Input] | None]) -> None:
        while (item := await queue.get()) is not None:
            trial, where = item
            result = await self._one(trial, await where.open())
            await where.leave()
            if result is not None:
                self._known[trial.name] = result
                self._results.add(result)
                self._tell(result)
                self._watch(result)

    async def _one(self, trial: Trial, folder: Path) -> Result | None:
        """The result of a trial; None where the budget does not reach it."""
        if METHODS[trial.method].strategy is None:
            return await asyncio.to_thread(by_floor, trial, folder, self._plan.seed)
        trace = self._trace(trial.name)
        past = recorded(trace)
        before = 0.0 if past is None else _cost(past)
        try:
            given = self._purse.take()
        except Empty:
            self.unpaid += 1
            return None
        spent = 0.0
        try:
            settings = settings_of(trial, folder, trace, self._plan.settings, None if given is None else given + before)
            result = await by_model(trial, settings, trace, past)
            spent = (result.cost or 0.0) - before
        finally:
            self._purse.settle(given, spent)
        return result

    def _is_done(self, trial: Trial) -> bool:
        known = self._known.get(trial.name)
        return known is not None and not known.lost

    def _watch(self, result: Result) -> None:
        self._lost = self._lost + 1 if result.lost else 0
        if self._lost >= _LOST_IN_A_ROW:
            hint = "What was done is kept: give the same command again to go on."
            raise ProviderError(f"{self._lost} trials in a row failed, the last one so: {result.error}", hint)

    def _costs(self) -> Iterator[float]:
        """What each trial has cost so far, those too that were stopped in the middle."""
        for trace in (self._folder / "trials").glob("*.jsonl"):
            past = recorded(trace)
            if past is not None:
                yield _cost(past)

    def _trace(self, name: str) -> Path:
        return self._folder / "trials" / f"{name}.jsonl"


def _cost(past: Past) -> float:
    """Dollars that a trial has taken so far, what was in flight when it was stopped in full."""
    return past.cost + sum(call.reserved or 0.0 for call in past.lost)


def _leaves(group: BaseExceptionGroup[E]) -> Iterator[E]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
