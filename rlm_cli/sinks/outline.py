"""The finished tree as lines, for `rlm view --terminal`: every turn with its cell, its output and its calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rlm_cli import figures
from rlm_cli.exports.sums import Sums
from rlm_cli.exports.trajectory import Call, Cell, Node, Trajectory, Turn
from rlm_cli.sinks.line import Line, middle, spread
from rlm_cli.state import call_label
from rlm_cli.terminal import Glyphs, clean, one_line

CODE_LINES = 12
OUTPUT_LINES = 6
_CALLS = 3  # the slowest, and as many failed ones
_DEEPEST = 12  # steps of indentation


def outline(run: Trajectory, columns: int, glyphs: Glyphs) -> Iterator[Line]:
    """The run in lines that are narrower than `columns`."""
    page = _Page(max(20, columns - 1), glyphs)
    yield from page.head(run)
    if run.root is not None:
        yield from page.node(run, run.root, 0)


class _Page:
    def __init__(self, cells: int, glyphs: Glyphs) -> None:
        self.cells, self.glyphs = cells, glyphs

    def cut(self, line: Line) -> Line:
        return line.cut(self.cells, self.glyphs.ellipsis)

    def spread(self, left: Line, right: str) -> Line:
        return spread(left, Line.of((right, "dim")), self.cells, self.glyphs.ellipsis)

    def head(self, run: Trajectory) -> Iterator[Line]:
        started, total = run.run, Sums.of(run.calls.values())
        if started is not None:
            name = Line.of((f"{one_line(started.run, 40)}  ", "bold cyan"), (one_line(run.question), "bold"))
            yield self.cut(name)
        status = run.answer.status.replace("_", " ") if run.answer else "stopped before its end"
        models = started.models if started else ""
        texts = [status, figures.plural(total.calls, "call"), total.money, figures.duration(run.seconds), models]
        yield self.cut(Line.of((one_line(f" {self.glyphs.dot} ".join(filter(None, texts))), "dim")))
        yield Line()

    def node(self, run: Trajectory, node: Node, level: int) -> Iterator[Line]:
        for turn in node.turns:
            yield from self.turn(run, node, turn, level)

    def turn(self, run: Trajectory, node: Node, turn: Turn, level: int) -> Iterator[Line]:
        title = next((cell.title for cell in turn.cells if cell.title), "") or "no code"
        failed = any(cell.finished and cell.finished.error for cell in turn.cells)
        sign, style = (self.glyphs.failed, "red") if failed else (self.glyphs.done, "green")
        name = str(turn.number) if node.id == "0" else f"{node.id.partition('.')[2]}/{turn.number}"
        left = Line.of(_indent(level), (f"{sign} ", style), (f"{name}  ", "bold"), one_line(title, 200))
        calls = list(_calls_of(run, node, turn))
        ended = turn.ended if turn.ended is not None else run.seconds
        yield self.spread(left, f"{figures.duration(ended - turn.began)}  {Sums.of(calls).money}")
        for cell in turn.cells:
            yield from self.cell(run, cell, level + 1)

    def cell(self, run: Trajectory, cell: Cell, level: int) -> Iterator[Line]:
        yield from self.block(cell.code, level, CODE_LINES, "", "dim")
        done = cell.finished
        if done is not None and done.output.strip():
            yield from self.block(done.output, level, OUTPUT_LINES, f"{self.glyphs.gives} ", "")
        if done is not None and done.error:
            told = f"{done.error.get('type', 'error')}: {done.error.get('message', '')}"
            yield self.cut(Line.of(_indent(level), (f"{self.glyphs.failed} {one_line(told, 400)}", "red")))
        if cell.calls:
            yield from self.calls(cell.calls, level)
        for child in cell.children:
            yield self.child(run, child, level)
            yield from self.node(run, child, level + 1)
            if child.answer.strip():
                yield from self.block(child.answer, level + 1, 3, f"{self.glyphs.gives} ", "")

    def child(self, run: Trajectory, child: Node, level: int) -> Line:
        sign = Line.of(
            _indent(level), (f"{self.glyphs.below} ", "cyan"), (f"child {child.id.partition('.')[2]}  ", "bold")
        )
        ended = child.ended if child.ended is not None else run.seconds
        status = child.status.replace("_", " ")
        return self.spread(
            sign + Line.of(one_line(child.question, 200)), f"{status}  {figures.duration(ended - child.began)}"
        )

    def calls(self, calls: Sequence[Call], level: int) -> Iterator[Line]:
        sums, lengths = Sums.of(calls), sorted(call.seconds for call in calls)
        texts = [f"{self.glyphs.below} {figures.plural(len(calls), 'sub-call')}"]
        texts += [f"{sums.failed} failed"] if sums.failed else []
        texts += [f"{sums.memo} recalled"] if sums.memo else []
        if len(calls) > 1:
            at = [figures.duration(lengths[min(len(lengths) - 1, int(share * len(lengths)))]) for share in (0.5, 0.95)]
            texts.append(f"p50 {at[0]}, p95 {at[1]}")
        yield self.cut(Line.of(_indent(level), ("  ".join([*texts, sums.money]), "cyan")))
        slowest = sorted(calls, key=lambda call: -call.seconds)[:_CALLS] if len(calls) > _CALLS else calls
        for call in slowest:
            yield self.call(call, level + 1)
        for call in [call for call in calls if call.failed is not None and call not in slowest][:_CALLS]:
            yield self.call(call, level + 1)

    def call(self, call: Call, level: int) -> Line:
        done, failed = call.finished, call.failed
        room = max(16, self.cells // 3)
        head = Line.of(_indent(level), (f"{call.id}  ", "dim"), middle(one_line(call_label(call.asked), 200), room))
        if failed is not None:
            told = Line.of((f"  {self.glyphs.failed} {one_line(f'{failed.error}: {failed.message}', 200)}", "red"))
        else:
            told = Line.of((f"  {self.glyphs.gives} {one_line(done.text, 200) if done else 'no reply'}", ""))
        return self.spread(head + told, figures.duration(call.seconds))

    def block(self, text: str, level: int, most: int, mark: str, style: str) -> Iterator[Line]:
        lines = [line for line in clean(text).splitlines() if line.strip()]
        pad = " " * len(mark)
        for index, line in enumerate(text[:2_000].expandtabs(4) for text in lines[:most]):
            yield self.cut(Line.of(_indent(level), (mark if not index else pad, "dim"), (line, style)))
        if len(lines) > most:
            more = f"{pad}{self.glyphs.ellipsis} {figures.plural(len(lines) - most, 'more line')}"
            yield self.cut(Line.of(_indent(level), (more, "dim")))


def _indent(level: int) -> str:
    return "   " * min(level, _DEEPEST)


def _calls_of(run: Trajectory, node: Node, turn: Turn) -> Iterable[Call]:
    """Every call that a turn led to, those of its children too."""
    yield from filter(None, [turn.call, *turn.others])
    for cell in turn.cells:
        yield from cell.calls
        for child in cell.children:
            for below in child.turns:
                yield from _calls_of(run, child, below)
