"""--votes: the same question several times, independently, under one budget. Agreement decides, difference is shown."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from rlm_cli.answer import Outcome
from rlm_cli.background import together
from rlm_cli.cells import Shared
from rlm_cli.engine import Node
from rlm_cli.errors import LimitReached, ProviderError, RlmError, SchemaError
from rlm_cli.events import NodeFinished, NodeStarted, Warned
from rlm_cli.gate import Request
from rlm_cli.models import Message
from rlm_cli.repair import repaired
from rlm_cli.schema import parse_json
from rlm_cli.strategies import STRATEGIES, Earlier

_WARM = 0.7  # temperature of models that a pack runs at 0: they would say the same N times
_SHOWN = 1_000  # characters of an answer that differs
_JUDGED = 4_000  # characters of an answer that is compared
_MARKS = re.compile(r"\[[\d?,; ]+\]|\(?[\w./-]+:\d+(?:-\d+)?\)?")
_SPACE = re.compile(r"[\W_]+")


async def vote(
    shared: Shared,
    question: str,
    count: int,
    new_node: Callable[[str, str], Node],
    strategy: str,
    earlier: Sequence[Earlier],
) -> Outcome:
    """The answer that most of `count` runs gave, with `votes` saying how many. Raises what all of them ended with."""
    if shared.pack.temperature is not None:
        shared.pack = replace(shared.pack, temperature=max(_WARM, shared.pack.temperature))
    places = asyncio.Semaphore(shared.jobs)  # each vote of a loop is a process of its own

    async def one(name: str) -> Outcome | RlmError:
        async with places:
            return await _one(shared, question, name, new_node, strategy, earlier)

    results = await together(one(shared.next_child("0")) for _ in range(count))
    outcomes = [result for result in results if isinstance(result, Outcome)]
    if not outcomes:
        raise next(result for result in results if isinstance(result, RlmError))
    whole = [outcome for outcome in outcomes if outcome.status != "partial"] or outcomes
    groups = await _grouped(shared, question, whole)
    winners, *others = sorted(groups, key=len, reverse=True)
    chosen = whole[winners[0]]
    if len(winners) * 2 <= count and len(groups) > 1:
        shared.emit(Warned(message=f"no answer has a majority of the {count} votes", kind="votes"))
    differing = [{"answer": whole[group[0]].text[:_SHOWN], "count": len(group)} for group in others]
    failed = [str(result) for result in results if isinstance(result, RlmError)]
    votes = {"of": count, "agree": len(winners), "differing": differing, "failed": failed}
    text = chosen.text
    if chosen.value is None and chosen.body is None:
        text += "\n\n" + _told(votes)
    return replace(chosen, text=text, votes=votes)


async def _one(
    shared: Shared,
    question: str,
    name: str,
    new_node: Callable[[str, str], Node],
    strategy: str,
    earlier: Sequence[Earlier],
) -> Outcome | RlmError:
    shared.emit(NodeStarted(node=name, depth=1, question=question, parent="0", cell="0/1.1"))
    outcome = Outcome("failed", "")
    node: Node | None = None
    try:
        if strategy == "rlm":
            node = new_node(question, name)
            outcome = await node.solve()
        else:
            outcome = await STRATEGIES[strategy](shared, question, earlier, name)
        outcome = await repaired(shared.gate, shared.pack, shared.schema, outcome, name)
        return outcome
    except (ProviderError, LimitReached, SchemaError) as error:
        return error
    finally:
        if node is not None:
            await node.close()
        shared.emit(NodeFinished(node=name, status=outcome.status, answer=outcome.text))


async def _grouped(shared: Shared, question: str, outcomes: Sequence[Outcome]) -> list[list[int]]:
    """Numbers of outcomes that say the same. Equal but for wording of no weight by code, the rest by one call."""
    same: dict[str, list[int]] = {}
    for number, outcome in enumerate(outcomes):
        same.setdefault(_essence(outcome), []).append(number)
    groups = list(same.values())
    if len(groups) == 1 or any(outcome.value is not None for outcome in outcomes):
        return groups
    answers = "\n\n".join(
        f"<answer number={place}>\n{outcomes[group[0]].text[:_JUDGED]}\n</answer>"
        for place, group in enumerate(groups, start=1)
    )
    wanted = shared.pack.say("votes_task", question=question, answers=answers, count=len(groups))
    try:
        reply = await shared.gate.ask(Request(purpose="schema", messages=(Message("user", wanted),), model="root"))
    except (ProviderError, LimitReached):
        return groups
    return _joined(groups, parse_json(reply.text))


def _joined(groups: list[list[int]], said: Any) -> list[list[int]]:
    """`groups` put together as a judge said, where what it said is a partition of them."""
    if not isinstance(said, list) or not all(isinstance(group, list) for group in said):
        return groups
    numbers = [number for group in said for number in group]
    if not all(type(number) is int for number in numbers) or sorted(numbers) != list(range(1, len(groups) + 1)):
        return groups
    return [sorted(vote for number in group for vote in groups[number - 1]) for group in said if group]


def _essence(outcome: Outcome) -> str:
    """What of an answer is compared: its value, or its words without case, marks, places and punctuation."""
    if outcome.status == "not_found":
        return "<not found>"
    if outcome.value is not None:
        return json.dumps(outcome.value, sort_keys=True)
    return _SPACE.sub(" ", _MARKS.sub(" ", outcome.text.casefold())).strip()


def _told(votes: dict[str, Any]) -> str:
    lines = [f"{votes['agree']} of {votes['of']} independent runs agree."]
    for other in votes["differing"]:
        times = "One answered" if other["count"] == 1 else f"{other['count']} answered"
        lines.append(f"{times} differently: {' '.join(other['answer'].split())[:300]}")
    lines += [f"One failed: {why[:200]}" for why in votes["failed"]]
    return "\n".join(lines)
