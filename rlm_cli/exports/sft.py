"""Chats to train a root model on, one sample a turn, as `datasets` loads them: {"messages": […], …} a line.

As in appendix A of the paper (arXiv:2512.24601): every turn of the root is a sample of its own; runs without an answer
and runs of one turn teach nothing and are left out; over-long turns are left out; slips in the use of the template are
repaired. There, 16 % of turns misused FINAL and 13 % FINAL_VAR.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from rlm_cli.exports import Choices, Source
from rlm_cli.exports.trajectory import Node, Trajectory, Turn
from rlm_cli.replies import blocks

_FENCE = re.compile(r"^\s{0,3}(?P<ticks>```)[ \t]*(?P<tag>[\w+#.-]*)[ \t]*$")
_TAGS = frozenset({"", "repl", "python", "python3", "py", "ipython", "tool_code", "code"})
_SUBMISSION = re.compile(r"^[ \t*`]*(?:FINAL_VAR|FINAL|NOT_FOUND)[ \t]*\(", re.MULTILINE)
# An escape of JSON; the group is a surrogate alone. Pairs and escaped backslashes are taken whole before it.
_ESCAPE = re.compile(r"\\ud[89ab]..\\ud[c-f]..|\\(ud[89a-f]..)|\\.")
_QUOTED = re.compile(r"""\bFINAL\(\s*(['"])([A-Za-z_]\w*)\1\s*\)""")


def export(source: Source, choices: Choices) -> Iterator[bytes]:
    """One line a turn of the root, in order."""
    run = source.trajectory()
    root, run_id = run.root, run.run.run if run.run else source.path.stem
    if root is None or not (choices.failed or _good(run)):
        choices.tell(f"{run_id} has no answer, or one turn alone: left out (--failed keeps it)")
        return
    left: Counter[str] = Counter()
    for turn in root.turns:
        sample = _sample(run, run_id, root, turn, choices)
        if sample is None:
            left["without a reply"] += 1
        elif sum(len(message["content"]) for message in sample["messages"]) > choices.most:
            left[f"over {choices.most:,} characters"] += 1
        else:
            yield _unicode(json.dumps(sample, separators=(",", ":"))).encode("ascii") + b"\n"
    for reason, count in left.items():
        choices.tell(f"{run_id}: {count} of {len(root.turns)} turns {reason}: left out")


def _unicode(line: str) -> str:
    """JSON without halves of surrogate pairs, which invalid UTF-8 of the input leaves: pyarrow reads no such file."""
    return _ESCAPE.sub(lambda found: r"\ufffd" if found[1] else found[0], line)


def _good(run: Trajectory) -> bool:
    answered = run.answer is not None and run.answer.status in ("answered", "not_found")
    return answered and run.root is not None and len(run.root.turns) > 1


def _sample(run: Trajectory, run_id: str, root: Node, turn: Turn, choices: Choices) -> dict[str, Any] | None:
    done = turn.call.finished if turn.call else None
    reply = turn.reply or (done.text if done else "")
    if not reply.strip():
        return None
    variables = {row[0] for cell in turn.cells if cell.finished for row in cell.finished.variables if row}
    repaired = repair(reply, variables)
    messages = [{"role": message.role, "content": message.content} for message in root.conversation(turn)]
    errors = [
        str(cell.finished.error.get("type", "error")) for cell in turn.cells if cell.finished and cell.finished.error
    ]
    sample: dict[str, Any] = {
        "messages": [*messages, {"role": "assistant", "content": repaired}],
        "run": run_id,
        "turn": turn.number,
        "turns": len(root.turns),
        "model": run.run.root_model if run.run else "",
        "status": run.answer.status if run.answer else "failed",
        "repaired": repaired != reply,
        "errors": errors,
    }
    if choices.tokens:
        sample["input_tokens"] = done.input_tokens if done else None
        sample["output_tokens"] = done.output_tokens if done else None
        sample["counted_here"] = done.counted_here if done else None
    return sample


def repair(reply: str, variables: set[str]) -> str:
    """`reply` as the protocol wants it: `repl` fences, submission inside of one, a variable submitted as a variable."""
    text = _retagged(reply)
    if "```" not in text and (found := blocks(text).cells):
        # A submission in prose: the sentences before it stay.
        place = _SUBMISSION.search(text)
        prose = text[: place.start()].rstrip() if place else ""
        text = (prose + "\n\n" if prose else "") + f"```repl\n{found[0]}\n```"
    return _QUOTED.sub(lambda found: f"FINAL_VAR({found[2]!r})" if found[2] in variables else found[0], text)


def _retagged(reply: str) -> str:
    """Every fence of a cell opens with `repl`; those of other languages are no cells and stay."""
    lines, inside = [], False
    for line in reply.split("\n"):
        fence = _FENCE.match(line)
        if fence and not inside:
            inside = True
            tag = "repl" if fence["tag"].lower() in _TAGS else fence["tag"]
            line = f"{fence['ticks']}{tag}"  # noqa: PLW2901
        elif fence and not fence["tag"]:
            inside = False
        lines.append(line)
    return "\n".join(lines)
