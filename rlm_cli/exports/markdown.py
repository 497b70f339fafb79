"""A report of a run to read, to send or to keep beside the code: answer, sources, steps, cost."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rlm_cli import figures
from rlm_cli.exports import Choices, Source
from rlm_cli.exports.sums import Sums, by_model
from rlm_cli.exports.trajectory import Cell, Node, Trajectory
from rlm_cli.markdown import code_span, inert_markdown
from rlm_cli.sinks.report import place
from rlm_cli.terminal import clean, one_line

_LINES = 60  # of a cell or an output
_CALLS = 5  # of a cell


def export(source: Source, choices: Choices) -> Iterator[bytes]:
    """The report, as UTF-8."""
    for part in _parts(source.trajectory()):
        yield part.encode("utf-8", "backslashreplace") + b"\n"


def _parts(run: Trajectory) -> Iterator[str]:
    yield f"# {_escaped(one_line(run.question, 300)) or 'A run'}\n"
    yield _facts(run)
    answer = run.answer
    if answer is not None and answer.text:
        if answer.partial:
            yield f"*Partial answer, stopped by {_escaped(one_line(answer.stopped_by or 'a limit', 60))}.*\n"
        yield f"## Answer\n\n{inert_markdown(clean(answer.text)).rstrip()}\n"
    if answer is not None and answer.citations:
        yield "## Sources\n"
        for citation in answer.citations:
            where = code_span(one_line(place(citation), 500))
            yield f"{citation.get('number')}. {where}" + ("" if citation.get("verified") else " (not verified)")
            yield _fenced(str(citation.get("quote", "")), "", indent="   ")
    if run.notices:
        yield "## Notices\n\n" + "\n".join(f"- {_escaped(one_line(notice, 400))}" for notice in run.notices[:50]) + "\n"
    yield "## Steps\n"
    if run.root is not None:
        yield from _steps(run.root, 3)
    yield "## Cost\n\n" + _table(run)


def _facts(run: Trajectory) -> str:
    total = Sums.of(run.calls.values())
    pairs = []
    if run.run is not None:
        pairs += [("run", run.run.run), ("models", run.run.models)]
        pairs += [("sources", ", ".join(run.run.sources) or "stdin")]
    if run.input is not None:
        pairs.append(("input", f"{figures.plural(run.input.files, 'file')}, {figures.size(run.input.bytes)}"))
    pairs.append(("ended", run.finished.status if run.finished else "stopped before its end"))
    pairs.append(("took", f"{figures.duration(run.seconds)}, {figures.plural(total.calls, 'call')}, {total.money}"))
    return "\n".join(f"- {name}: {_escaped(one_line(value, 400))}" for name, value in pairs) + "\n"


def _steps(node: Node, level: int) -> Iterator[str]:
    mark = "#" * min(level, 6)
    for turn in node.turns:
        title = next((cell.title for cell in turn.cells if cell.title), "")
        name = str(turn.number) if node.id == "0" else f"{node.id}/{turn.number}"
        yield f"{mark} {name} {_escaped(one_line(title, 200))}\n"
        for cell in turn.cells:
            yield from _cell(cell, level)


def _cell(cell: Cell, level: int) -> Iterator[str]:
    yield _fenced(cell.code, "python")
    done = cell.finished
    if done is not None and done.output.strip():
        yield _fenced(done.output, "text")
    if done is not None and done.error:
        told = f"{done.error.get('type', 'error')}: {done.error.get('message', '')}"
        yield f"*{_escaped(one_line(told, 400))}*\n"
    if cell.calls:
        failed = sum(call.failed is not None for call in cell.calls)
        told = f", {failed} failed" if failed else ""
        yield f"{figures.plural(len(cell.calls), 'sub-call')}{told}, {Sums.of(cell.calls).money}:\n"
        for call in cell.calls[:_CALLS]:
            reply = call.finished.text if call.finished else f"{call.failed.error}" if call.failed else "no reply"
            yield f"- {_escaped(one_line(reply, 200))}"
        if len(cell.calls) > _CALLS:
            yield f"- and {len(cell.calls) - _CALLS} more"
        yield ""
    for child in cell.children:
        yield f"Child {child.id}: {_escaped(one_line(child.question, 300))}\n"
        yield from _steps(child, level + 1)
        yield f"Its answer: {_escaped(one_line(child.answer, 400))}\n"


def _table(run: Trajectory) -> str:
    rows = ["| model | calls | in | out | cost |", "|---|--:|--:|--:|--:|"]
    for name, sums in by_model(run).items():
        read, written = figures.tokens(sums.input_tokens), figures.tokens(sums.output_tokens)
        rows.append(f"| {code_span(one_line(name, 80))} | {sums.calls} | {read} | {written} | {sums.money} |")
    return "\n".join(rows)


def _fenced(text: str, language: str, indent: str = "") -> str:
    """A block that its own text cannot end."""
    lines = clean(text).rstrip().split("\n")
    if len(lines) > _LINES:
        cut = len(lines) - _LINES
        lines = [*lines[: _LINES // 2], f"[{figures.plural(cut, 'line')} left out]", *lines[-_LINES // 2 :]]
    longest = max((len(found) for line in lines for found in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join(f"{indent}{line}" for line in [f"{fence}{language}", *lines, fence, ""])


def _escaped(text: str) -> str:
    """Text of others in a line of Markdown: nothing in it is a tag, a link or emphasis."""
    return re.sub(r"([\\`*_\[\]<>|#!&])", r"\\\1", text)
