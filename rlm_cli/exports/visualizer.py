"""The log that the visualizer of the reference implementation (alexzhang13/rlm) loads.

It takes every line but the first for a step and draws no children, so that the turns of a child are steps of their own
here, right before the step of the cell that asked; its calls show tokens, which its own logger never wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rlm_cli.exports import Choices, Source
from rlm_cli.exports.trajectory import Call, Cell, Node, Trajectory, Turn
from rlm_cli.models import Message

_PREVIEW = 2_000  # characters of `context`


def export(source: Source, choices: Choices) -> Iterator[bytes]:
    """One line of metadata, then one an iteration."""
    run = source.trajectory()
    yield _line(_metadata(run))
    for number, (node, turn) in enumerate(_steps(run), start=1):
        yield _line(_iteration(run, node, turn, number))


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


def _metadata(run: Trajectory) -> dict[str, Any]:
    started = run.run
    limits = dict(started.limits) if started else {}
    root = started.root_model if started else ""
    sub = started.sub_model if started else ""
    return {
        "type": "metadata",
        "timestamp": run.at,
        "root_model": root,
        "max_depth": int(limits.get("max_depth") or 1),
        "max_iterations": int(limits.get("max_turns") or 0),
        "backend": root.partition("/")[0],
        "backend_kwargs": {"model_name": root},
        "environment_type": "local",
        "environment_kwargs": {},
        "other_backends": [sub] if sub and sub != root else None,
    }


def _steps(run: Trajectory) -> Iterator[tuple[Node, Turn]]:
    def of(node: Node) -> Iterator[tuple[Node, Turn]]:
        for turn in node.turns:
            for cell in turn.cells:
                for child in cell.children:
                    yield from of(child)
            yield node, turn

    if run.root is not None:
        yield from of(run.root)


def _iteration(run: Trajectory, node: Node, turn: Turn, number: int) -> dict[str, Any]:
    last = run.root is node and node.turns[-1] is turn
    answer = run.answer.text if last and run.answer is not None and run.answer.text else None
    ended = turn.ended if turn.ended is not None else run.seconds
    blocks = [_block(run, cell, answer) for cell in turn.cells]
    return {
        "type": "iteration",
        "iteration": number,
        "timestamp": _clock(run, ended),
        "prompt": _prompt(node, turn),
        "response": turn.reply or (turn.call.finished.text if turn.call and turn.call.finished else ""),
        "code_blocks": blocks,
        "final_answer": answer,
        "iteration_time": round(ended - turn.began, 3),
    }


def _prompt(node: Node, turn: Turn) -> list[dict[str, str]]:
    """The conversation. The question is where the visualizer looks for it: in the first message of the user."""
    messages = node.conversation(turn)
    if not any("original query: " in message.content for message in messages):
        # Its pattern ends at the next quote, so that the question must hold none.
        question = node.question.replace('"', "'")
        at = 1 if messages and messages[0].role == "system" else 0
        messages.insert(at, Message("user", f'Answer the original query: "{question}"'))
    return [{"role": message.role, "content": message.content} for message in messages]


def _block(run: Trajectory, cell: Cell, answer: str | None) -> dict[str, Any]:
    done = cell.finished
    error = done.error if done else None
    told = f"{error.get('type', 'error')}: {error.get('message', '')}" if error else ""
    return {
        "code": cell.code,
        "result": {
            "stdout": done.output if done else "",
            "stderr": told,
            "locals": {"context": _context(run)}
            | {row[0]: _variable(row) for row in (done.variables if done else []) if row},
            "execution_time": round(done.seconds, 3) if done else 0.0,
            "rlm_calls": [_call(call) for call in cell.calls] + [_child(run, child) for child in cell.children],
            "final_answer": answer if done and done.submitted else None,
        },
    }


def _variable(row: list[str]) -> str:
    """Values are not on record: type and size stand for them."""
    return " ".join(part for part in row[1:] if part)


def _context(run: Trajectory) -> str:
    """What stands for the input, which is never on record: its sources and sizes."""
    found, names = run.input, ", ".join(run.run.sources) if run.run else ""
    sizes = f"{found.files} files, {found.bytes} bytes" if found else ""
    return f"{names or 'stdin'}: {sizes}"[:_PREVIEW]


def _call(call: Call) -> dict[str, Any]:
    done, failed = call.finished, call.failed
    messages = call.asked.messages or []
    prompt = messages[0].get("content", "") if len(messages) == 1 else json.dumps(messages)
    value = _usage(call.asked.model, done.input_tokens if done else 0, done.output_tokens if done else 0, call.cost)
    value |= {
        "root_model": call.asked.model,
        "prompt": prompt,
        "response": done.text if done else "",
        "execution_time": round(call.seconds, 3),
    }
    if failed is not None:
        value |= {"error": f"{failed.error}: {failed.message}", "response": f"{failed.error}: {failed.message}"}
    return value


def _child(run: Trajectory, child: Node) -> dict[str, Any]:
    """A child as a call with its answer; its turns are steps of their own."""
    calls = [call for call in run.calls.values() if (call.asked.node + ".").startswith(child.id + ".")]
    done = [call.finished for call in calls if call.finished]
    cost = sum(call.cost or 0.0 for call in calls)
    model = run.run.root_model if run.run else ""
    usage = _usage(model, sum(one.input_tokens for one in done), sum(one.output_tokens for one in done), cost)
    ended = child.ended if child.ended is not None else run.seconds
    return usage | {
        "root_model": model,
        "prompt": child.question,
        "response": child.answer,
        "execution_time": round(ended - child.began, 3),
    }


def _usage(model: str, read: int, written: int, cost: float | None) -> dict[str, Any]:
    own: dict[str, Any] = {"total_calls": 1, "total_input_tokens": read, "total_output_tokens": written}
    summary: dict[str, Any] = {"model_usage_summaries": {model: own}}
    if cost is not None:
        own["total_cost"] = summary["total_cost"] = cost
    return {"usage_summary": summary, "prompt_tokens": read, "completion_tokens": written}


def _clock(run: Trajectory, t: float) -> str:
    found = run.clock(t)
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z") if found else run.at
