"""`rlm bench`: models and strategies compared on this machine, on tasks with known answers."""

from __future__ import annotations

import asyncio
import signal
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlm_cli import figures, values
from rlm_cli.cli.help import HELP_FLAGS, Command
from rlm_cli.cli.layout import width
from rlm_cli.cli.output import columns, remark, say, say_json
from rlm_cli.cli.typed import flags, takes
from rlm_cli.errors import ExitStatus, Interrupted, UsageError
from rlm_cli.settings import OPTIONS, load
from rlm_cli.terminal import Environment

if TYPE_CHECKING:
    from rlm_cli.bench.plan import Plan
    from rlm_cli.bench.results import Result
    from rlm_cli.bench.runner import Benchmark

EXAMPLES = """
rlm bench -m gpt-4.1-mini -n
rlm bench -m gpt-4.1-mini --lengths 8k,131k --methods rlm-1,direct,bm25
rlm bench -m openai/qwen --api-base http://localhost:8000/v1 --max-cost none
rlm bench --models gpt-4.1-mini,claude-haiku-4-5 --tasks oolong --count 25
"""
_TAKEN = (
    *("model", "sub_model", "api_base", "context_window", "pack"),
    *("max_cost", "max_time", "max_turns", "max_calls", "max_tokens", "jobs", "call_time", "cell_time"),
    *("cell_memory", "sandbox", "dry_run"),
)
_OF_THE_WHOLE = ("model", "max_cost", "jobs", "dry_run")  # the others are each trial's own
_GO_ON = "Give the same command again to go on."
_SHARES = 5  # a trial may take a fifth of the budget, so that one that runs away does not end the others

_SAID = {  # where the words of `rlm ask` would say something else here
    "max_cost": "dollars for all trials [1.00]",
    "max_time": "time of one trial, such as 90s or 10m [10m]",
    "max_turns": "turns of the root model in one trial [20]",
    "max_calls": "model calls of one trial [500]",
    "max_tokens": "tokens of one trial, read and written [5M]",
    "jobs": "calls at once, of all trials together [16]",
    "dry_run": "list the trials and what they may cost; send nothing",
}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=Command, epilog=EXAMPLES, context_settings=HELP_FLAGS)
@takes(replace(OPTIONS[name], help=_SAID.get(name, OPTIONS[name].help)) for name in _TAKEN)
def bench(
    tasks: Annotated[str, typer.Option("--tasks", metavar="LIST", help="niah, oolong, pairs, hops, code [all]")] = "",
    methods: Annotated[
        str, typer.Option("--methods", metavar="LIST", help="what is compared; `--methods help` lists them")
    ] = "",
    models: Annotated[str, typer.Option("--models", metavar="LIST", help="several root models, in place of -m")] = "",
    lengths: Annotated[str, typer.Option("--lengths", metavar="LIST", help="of the inputs, in tokens [8k]")] = "8k",
    count: Annotated[int, typer.Option("--count", metavar="N", help="tasks of each kind and length [4]", min=1)] = 4,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="other tasks of the same kinds [1]")] = 1,
    trial_cost: Annotated[
        str, typer.Option("--trial-cost", metavar="USD", help="dollars for one trial [a fifth of --max-cost]")
    ] = "",
    at_once: Annotated[int, typer.Option("--at-once", metavar="N", help="trials at once [2]", min=1)] = 2,
    output: Annotated[str, typer.Option("-o", "--output", metavar="DIRECTORY", help="results [./rlm-bench]")] = "",
    keep: Annotated[bool, typer.Option("--keep-inputs", help="leave the inputs in the directory")] = False,
    json: Annotated[bool, typer.Option("--json", help="the tables as JSON")] = False,
    **given: Any,
) -> ExitStatus:
    """Compare models and strategies on tasks that are made here.

    Texts and right answers come from a seed; nothing is downloaded. The directory gets report.md, results.jsonl and a
    journal of each trial, which rlm view opens. Given again, the command goes on where it stopped. --max-cost is for
    all trials together; the other limits are for each of them.
    """
    if methods == "help":
        return _list_methods()
    from rlm_cli.bench.estimate import estimate, lines
    from rlm_cli.bench.runner import Benchmark

    plan, most, share = _planned(flags(given), tasks, methods, models, lengths, count, seed, trial_cost, at_once)
    if given.get("dry_run"):
        rows = estimate(plan, share)
        if json:
            say_json({"trials": rows})
        else:
            say(plan.sentence())
            say(columns(lines(rows)))
            if most is not None:
                say(f"All together end at --max-cost, {figures.money(most)}.")
        return ExitStatus.ANSWERED
    folder = Path(output or "rlm-bench")
    told = _Told(plan)
    try:
        benchmark = Benchmark(plan, folder, most=most, share=share, at_once=at_once, tell=told, keep=keep)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}", "Name another directory with -o.") from None
    told.begin(benchmark.results, folder)
    try:
        asyncio.run(_stoppable(benchmark))
    except KeyboardInterrupt:
        raise Interrupted("the benchmark was interrupted", _GO_ON) from None
    finally:
        _report(plan, benchmark.results, folder, benchmark.spent, benchmark.unpaid, as_json=json)
    return ExitStatus.LIMIT if benchmark.unpaid else ExitStatus.ANSWERED


async def _stoppable(benchmark: Benchmark) -> None:
    """Run it until it is done or SIGTERM comes: that too leaves a report. Ctrl-C does so without our help."""
    task, terminated = asyncio.current_task(), asyncio.Event()

    def stop() -> None:
        terminated.set()
        assert task is not None
        task.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    try:
        await benchmark.run()
    except asyncio.CancelledError:
        if terminated.is_set():
            raise Interrupted("the benchmark was stopped", _GO_ON, status=ExitStatus.TERMINATED) from None
        raise


def _planned(
    typed: dict[str, Any],
    tasks: str,
    methods: str,
    models: str,
    lengths: str,
    count: int,
    seed: int,
    trial_cost: str,
    at_once: int,
) -> tuple[Plan, float | None, float | None]:
    """The plan, dollars in all and dollars for one trial. Raises UsageError, AuthError."""
    from rlm_cli.bench.kinds import KINDS
    from rlm_cli.bench.methods import DEFAULT, METHODS
    from rlm_cli.bench.plan import Plan
    from rlm_cli.choosing import choose_models

    kinds = _known("--tasks", tasks, KINDS, tuple(KINDS))
    compared, sizes = _known("--methods", methods, METHODS, DEFAULT), _lengths(lengths)
    settings = load(typed)
    names = tuple(_split(models)) or (settings.model,)
    chosen = [choose_models(load({**typed, "model": name} if name else typed), None)[0].name for name in names]
    if chosen == ["offline/extractive"] and not settings.model:
        remark("no language model: this is offline/extractive; name one with -m")
    most = settings.max_cost
    share = None if most is None else most / _SHARES
    if trial_cost:
        try:
            share = values.money(trial_cost)
        except ValueError as problem:
            raise UsageError(f"--trial-cost: {trial_cost!r} {problem}") from None
    own = {name: value for name, value in typed.items() if name not in _OF_THE_WHOLE}
    plan = Plan(
        kinds=kinds,
        lengths=sizes,
        methods=compared,
        models=tuple(dict.fromkeys(chosen)),
        sub_model=settings.sub_model,
        count=count,
        seed=seed,
        settings={**own, "jobs": max(1, settings.jobs // at_once)},
    )
    return plan, most, share


def _split(text: str) -> list[str]:
    return [word for word in (part.strip() for part in text.split(",")) if word]


def _known(flag: str, text: str, names: Iterable[str], default: tuple[str, ...]) -> tuple[str, ...]:
    from difflib import get_close_matches

    names = list(names)
    for word in _split(text):
        if word not in names:
            near = get_close_matches(word, names, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names)}."
            raise UsageError(f"{flag}: there is no {word!r}", hint)
    return tuple(dict.fromkeys(_split(text))) or default


def _lengths(text: str) -> tuple[int, ...]:
    found = []
    for word in _split(text):
        scale = {"k": 1_000, "m": 1_000_000}.get(word[-1].lower(), 1)
        number = word[:-1] if scale > 1 else word
        if not number.isascii() or not number.isdigit() or not 1_000 <= int(number) * scale <= 10_000_000:
            raise UsageError(f"--lengths: {word!r} is no length from 1k to 10M tokens", "Such as: --lengths 8k,131k,1M")
        found.append(int(number) * scale)
    return tuple(dict.fromkeys(found)) or (8_000,)


class _Told:
    """Says on stderr how far the benchmark is: a line for each trial that ends. Floors, which cost nothing, are not
    counted."""

    def __init__(self, plan: Plan) -> None:
        from rlm_cli.bench.methods import METHODS

        asking = sum(METHODS[method].strategy is not None for method in plan.methods)
        self._done = 0
        self._all = len(plan.kinds) * len(plan.lengths) * plan.count * asking * len(plan.models)
        self._sentence = plan.sentence()

    def begin(self, known: Iterable[Result], folder: Path) -> None:
        self._done = sum(result.model != "" and not result.lost for result in known)
        before = f", {self._done} of them done before" if self._done else ""
        remark(f"{self._sentence}: {figures.plural(self._all, 'trial')}{before}; results in {folder}")

    def __call__(self, result: Result) -> None:
        self._done += result.model != ""
        place = f"{self._done:>{len(str(self._all))}} of {self._all}" if result.model else "floor"
        took = [f"score {result.score:.2f}", figures.duration(result.seconds)]
        took += [figures.money(result.cost)] if result.cost else []
        took += [result.error] if result.status == "failed" else []
        remark(f"{place}  {result.task}  {result.method}  {result.model}  {', '.join(took)}".replace("    ", "  "))


def _list_methods() -> ExitStatus:
    from rlm_cli.bench.methods import METHODS

    say(columns([(name, method.about) for name, method in METHODS.items()]))
    return ExitStatus.ANSWERED


def _report(plan: Plan, results: list[Result], folder: Path, spent: float, unpaid: int, *, as_json: bool) -> None:
    """Write the report of what is known into the folder, and to stdout: on a terminal, as much as fits there."""
    from rlm_cli.bench.report import markdown, rows

    text = markdown(plan, results, spent=spent, unpaid=unpaid)
    try:
        (folder / "report.md").write_text(text, encoding="utf-8")
    except OSError as error:
        remark(f"cannot write {folder / 'report.md'}: {error.strerror}")
    if as_json:
        say_json({"rows": rows(results), "cost_usd": round(spent, 6), "unpaid_trials": unpaid})
    elif Environment.of_process().stdout.tty:
        Environment.of_process().stderr.line("")
        say(_on_screen(rows(results), spent, unpaid, folder))
    else:
        say(text.rstrip("\n"))


def _on_screen(found: Sequence[dict[str, Any]], spent: float, unpaid: int, folder: Path) -> str:
    """The tables in under 80 columns, where the names of the models leave room for it."""
    from rlm_cli.bench.kinds import KINDS
    from rlm_cli.bench.task import shown

    several = len({row["model"] for row in found}) > 2
    head = ("method", *(("model",) * several), "score", "95 %", "tasks", "cost", "calls", "time", "failed")
    parts = []
    for (kind, length), group in groupby(found, key=lambda row: (row["kind"], row["tokens"])):
        body = [
            (
                row["method"], *((row["model"],) * several), f"{100 * row['score']:.0f}",
                f"{100 * row['score_low']:.0f} to {100 * row['score_high']:.0f}", str(row["tasks"]),
                "unknown" if row["cost_usd"] is None else figures.money(row["cost_usd"]), f"{row['calls']:g}",
                figures.duration(row["seconds_p50"]), f"{100 * row['failed']:.0f} %",
            )
            for row in group
        ]  # fmt: skip
        numbers = range(1 + several, len(head))
        title = textwrap.fill(f"{kind} at {shown(length)} tokens: {KINDS[kind].about}", width())
        parts.append(f"{title}\n{columns([head, *body], right=numbers)}")
    if unpaid:
        parts.append(f"The budget ended before {figures.plural(unpaid, 'trial')}: raise --max-cost to do them.")
    parts.append(f"Spent {figures.money(spent)} in all. Every column: {folder / 'report.md'}")
    return "\n\n".join(parts)
