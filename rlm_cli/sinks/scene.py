"""The part of the live tree that moves: from the state of a run to lines. No terminal, no clock, no side effect.

(header, committed once)
✓ 2  grep for auth entry points → 37 files   6s  $0.011      (one line a finished turn, committed: `view`)
⠏ 3  ask each hit how it enforces auth               3s  $0.056
│    notes = ask_each(hits, "How does this file enforce auth?")
│  ↳ 214 calls ███████░░░░░░ 79 ok  1 failed  26 running  about 6s left
│     ✗ src/mod0049/handler.py  RateLimited: …
│     ⠧ src/mod0058/handler.py  6.4k tok  1s
│     … 23 more running
│  ↳ child 3  map the token refresh flow   turn 2  12 calls  $0.012  3s
╰ $0.074 of $1.00  12s  3 turns  80 calls  335k in, 7k out       Ctrl-C stops
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from rlm_cli import figures
from rlm_cli.nodes import Call, Cell, Group, Node, Turn
from rlm_cli.sinks.line import Line, fit, join, middle, spread, width
from rlm_cli.sinks.view import (
    calls_text,
    cost_text,
    figures_of,
    reading_text,
    short_model,
    sources_text,
    tally,
    turn_name,
)
from rlm_cli.state import State
from rlm_cli.terminal import UNICODE, Glyphs, clean, one_line

MOST_ROWS = 24
SLOW_AFTER = 30.0  # seconds without an answer after which a row says so
_LABEL = 16  # cells that the label of a row gets, and what stands at its right gives way
_NOTE = 8  # cells below which a note says nothing
_LIMITS = ("cost", "tokens", "time", "calls")


@dataclass(frozen=True, slots=True)
class Detail:
    """How much a live view shows. The first of `DETAILS` that fits the window is taken."""

    code: int  # lines of the running cell
    calls: int  # running calls a group
    failures: int
    groups: int  # groups a turn
    children: int  # running children a group
    nesting: int  # generations below the root that are unfolded
    stream: bool = True


DETAILS = (
    Detail(code=4, calls=3, failures=2, groups=4, children=4, nesting=6),
    Detail(code=3, calls=3, failures=2, groups=3, children=3, nesting=4),
    Detail(code=2, calls=2, failures=1, groups=2, children=2, nesting=3),
    Detail(code=0, calls=2, failures=1, groups=2, children=2, nesting=2),
    Detail(code=0, calls=1, failures=1, groups=1, children=1, nesting=2, stream=False),
    Detail(code=0, calls=0, failures=0, groups=1, children=1, nesting=1, stream=False),
    Detail(code=0, calls=0, failures=0, groups=1, children=0, nesting=0, stream=False),
)


def view(state: State, columns: int, rows: int, now: float, glyphs: Glyphs = UNICODE) -> list[Line]:
    """The part of the tree that moves, for a window of `columns` by `rows`, `now` seconds after the run began.

    Every line is narrower than the window, and there are at most `rows` - 3 of them, but one.
    """
    cells = max(1, columns - 1)
    room = max(1, min(rows - 3, MOST_ROWS))
    scene = _Scene(state, cells, now, glyphs)
    foot = scene.footer()
    if room == 1:
        return [foot]
    for detail in DETAILS:
        body = list(scene.body(detail))
        if len(body) < room:
            return [*body, foot]
    return [*body[: room - 1], foot]


class _Scene:
    """One frame being made."""

    def __init__(self, state: State, cells: int, now: float, glyphs: Glyphs) -> None:
        self.state, self.cells, self.now, self.glyphs = state, cells, now, glyphs
        frames = glyphs.spinner
        self.spin = frames[int(now * 8) % len(frames)]

    def cut(self, line: Line) -> Line:
        return line.cut(self.cells, self.glyphs.ellipsis)

    def fit(self, parts: list[tuple[int, Line]]) -> Line:
        return fit(parts, self.cells, "  ", self.glyphs.ellipsis)

    def spread(self, left: Line, right: Line) -> Line:
        return spread(left, right, self.cells, self.glyphs.ellipsis)

    def beside(self, left: Line, facts: list[str], taken: int = 0) -> Line:
        """`left`, and at the right edge as many facts as leave it room after `taken`; the last are left out first."""
        least = min(left.width, taken + _LABEL)
        while len(facts) > 1 and self.cells - width("  ".join(facts)) - 2 < least:
            facts = facts[:-1]
        return self.spread(left, Line.of(("  ".join(reversed(facts)), "dim")))

    def body(self, detail: Detail) -> Iterable[Line]:
        root = self.state.root
        if root is None or root.turn is None or root.turn.ended is not None:
            yield self.waiting()
            return
        turn = root.turn
        yield self.turn_head(root, turn)
        if turn.streamed and detail.stream:
            last = next((line for line in reversed(clean(turn.streamed).splitlines()) if line.strip()), "")
            yield self.cut(self.gutter(2) + Line.of((one_line(last), "dim")))
        yield from self.code(turn.cell, detail.code)
        yield from self.groups(turn, detail, 0)

    def gutter(self, indent: int) -> Line:
        return Line.of((self.glyphs.gutter, "dim"), " " * indent)

    def waiting(self) -> Line:
        state = self.state
        if state.run is not None and state.input is None:
            text = reading_text(state) or f"opening {sources_text(state)}"
        elif state.root is None or state.root.turn is None:
            text = "starting"
        else:
            text = "writing the answer down" if state.answer else "between turns"
        return self.cut(Line.of((f"{self.spin} ", "cyan"), text))

    def turn_head(self, node: Node, turn: Turn) -> Line:
        left = Line.of((f"{self.spin} ", "cyan"), (f"{turn_name(node, turn)}  ", "bold"), self.activity(turn))
        return self.beside(left, [*figures_of(turn.totals, turn.seconds(self.now))])

    def activity(self, turn: Turn) -> str:
        call = turn.asking
        if call is None:
            return one_line(turn.title, 200) or "starting"
        model = short_model(call.model)
        if call.note:
            return f"{model}: {one_line(call.note, 120)}"
        waits = {"extract": "writing the best answer so far", "compact": "shortening its notes"}
        if call.purpose in waits:
            return waits[call.purpose]
        if turn.streamed:
            return f"{model} is writing"
        slow = "slow, " if self.now - call.started > SLOW_AFTER else ""
        return f"{slow}waiting for {model}"

    def code(self, cell: Cell | None, most: int) -> Iterable[Line]:
        if cell is None or cell.ended is not None or not most:
            return
        lines = [line.rstrip() for line in clean(cell.code).splitlines() if line.strip()]
        if lines and one_line(lines[0]).lstrip("# ") == one_line(cell.title):
            lines = lines[1:]
        for line in lines[:most]:
            yield self.cut(self.gutter(4) + Line.of((line.expandtabs(4), "dim")))
        if len(lines) > most:
            more = f"{self.glyphs.ellipsis} {figures.plural(len(lines) - most, 'more line')}"
            yield self.cut(self.gutter(4) + Line.of((more, "dim")))

    # --- groups, their calls and children

    def groups(self, turn: Turn, detail: Detail, generation: int) -> Iterable[Line]:
        found = [group for group in turn.groups.values() if group.size]
        shown = found[-detail.groups :]
        if len(found) > len(shown) and detail.code:
            earlier = tally(found[: len(found) - len(shown)], self.glyphs)
            yield self.cut(self.gutter(2 + 2 * generation) + earlier + Line.of((" before", "dim")))
        for group in shown:
            yield self.group_line(group, generation)
            for label, message in list(group.failures)[-detail.failures :] if detail.failures else []:
                yield self.failure(label, message, generation)
            yield from self.running(group, detail, generation)

    def group_line(self, group: Group, generation: int) -> Line:
        glyphs, noun = self.glyphs, ("child", "children") if group.recursive else ("call", "calls")
        narrow = self.cells < 40 and not group.recursive
        size = f"{group.ended} of {group.size}" if narrow else figures.plural(group.size, *noun)
        parts = [(9, self.gutter(2 + 2 * generation) + Line.of((f"{glyphs.below} ", "cyan"), size))]
        if group.total and group.ended < group.size and not generation:
            parts.append((2, self.bar(group.ended / group.size, 20)))
        if group.done or not group.in_flight:
            parts.append((8, Line.of((f"{figures.number(group.done)} ok", "green"))))
        if group.failed:
            parts.append((8, Line.of((f"{figures.number(group.failed)} failed", "red"))))
        if group.in_flight:
            parts.append((6, Line.of(f"{figures.number(group.in_flight)} running")))
        if group.totals.recalled:
            parts.append((3, Line.of((f"{figures.number(group.totals.recalled)} recalled", "dim"))))
        if group.totals.tokens:
            parts.append((4, Line.of((f"{figures.tokens(group.totals.tokens)} tok", "dim"))))
        if group.totals.cost > 0:
            parts.append((5, Line.of((figures.money(group.totals.cost), "dim"))))
        rate, left = group.rate(self.now), group.left(self.now)
        if rate is not None and rate >= 0.1 and group.in_flight:
            parts.append((1, Line.of((f"{rate:.1f}/s" if rate < 10 else f"{rate:,.0f}/s", "dim"))))
        if left is not None:
            parts.append((7, Line.of(f"about {figures.duration(left)} left")))
        return self.fit(parts)

    def bar(self, share: float, cells: int, style: str = "green") -> Line:
        full = min(cells, int(max(0.0, share) * cells))
        return Line.of((self.glyphs.full * full, style), (self.glyphs.empty * (cells - full), "dim"))

    def failure(self, label: str, message: str, generation: int) -> Line:
        head = self.gutter(5 + 2 * generation) + Line.of((f"{self.glyphs.failed} ", "red"))
        name = Line.of(one_line(label, 200)).cut(max(12, self.cells // 2), self.glyphs.ellipsis)
        return self.cut(head + name + Line.of((f"  {one_line(message, 200)}", "red")))

    def running(self, group: Group, detail: Detail, generation: int) -> Iterable[Line]:
        if group.recursive:
            shown = list(islice(group.children.values(), detail.children))
            for node in shown:
                yield from self.child(node, detail, generation + 1)
            if len(group.children) > len(shown) > 0:
                yield self.more(len(group.children) - len(shown), 4 + 2 * generation)
            return
        most = detail.calls if generation == 0 else min(detail.calls, 1)
        calls = list(islice(group.running.values(), most))
        for call in calls:
            yield self.call_line(call, generation)
        if len(group.running) > len(calls) > 0:
            yield self.more(len(group.running) - len(calls), 5 + 2 * generation)

    def more(self, count: int, indent: int) -> Line:
        text = f"{self.glyphs.ellipsis} {figures.number(count)} more running"
        return self.cut(self.gutter(indent) + Line.of((text, "dim")))

    def call_line(self, call: Call, generation: int) -> Line:
        seconds = max(0.0, self.now - call.started)
        head = self.gutter(5 + 2 * generation) + Line.of((f"{self.spin} ", "cyan"))
        age, tokens = figures.duration(seconds), f"{figures.tokens(call.input_tokens)} tok"
        note = one_line(call.note, 80) if call.note else "slow" if seconds > SLOW_AFTER else ""
        label = one_line(call.label, 200)
        least = self.cells - head.width - min(_LABEL, width(label)) - 2  # what is left beside a short label
        right = join([Line.of(text) for text in (note, tokens, age) if text], "  ")
        if right.width > least:
            told = Line.of(note).cut(least - len(age) - 2, self.glyphs.ellipsis)
            right = join([told, Line.of(age)], "  ") if note and told.width >= _NOTE else Line.of(age)
        room = self.cells - head.width - right.width - 2
        shown = middle(label, room, self.glyphs.ellipsis) if room >= 8 else label
        return self.spread(head + Line.of(shown), Line.of((right.text, "dim")))

    def child(self, node: Node, detail: Detail, generation: int) -> Iterable[Line]:
        path = one_line(node.id.partition(".")[2], 40).replace(".", f" {self.glyphs.then} ")
        indent = 2 + 2 * min(generation, 6)
        head = self.gutter(indent) + Line.of((f"{self.glyphs.below} ", "cyan"), (f"child {path}  ", "bold"))
        texts = [*figures_of(node.totals, self.now - node.started)]
        if node.totals.calls:
            texts.append(figures.plural(node.totals.calls, "call"))
        if node.turn_count:
            texts.append(f"turn {node.turn_count}")
        yield self.beside(head + Line.of(one_line(node.question, 200)), texts, head.width)
        turn = node.turn
        if turn is None or generation >= detail.nesting:
            return
        if detail.code and turn.ended is None:
            yield self.cut(self.gutter(indent + 2) + Line.of((self.activity(turn), "dim")))
        yield from self.groups(turn, detail, generation + 1)

    # --- the foot

    def footer(self) -> Line:
        state, totals = self.state, self.state.totals
        corner = Line.of((f"{self.glyphs.corner} ", "dim"))
        parts = [(9, corner + Line.of((cost_text(state), "bold")))]
        if (bar := self.budget()) is not None:
            parts.append((6, bar))
        parts.append((8, Line.of(figures.duration(self.now))))
        parts.append((5, Line.of((figures.plural(state.turn_count, "turn"), "dim"))))
        parts.append((7, Line.of((calls_text(totals), "dim"))))
        tokens = f"{figures.tokens(totals.input_tokens)} in, {figures.tokens(totals.output_tokens)} out"
        parts.append((4, Line.of((tokens, "dim"))))
        parts.append((1, Line.of(("Ctrl-C stops", "dim"))))
        # A terminal writes ^C at the end of this line: where that wraps, a row of the frame could not be reached.
        return fit(parts, self.cells - 1, "  ", self.glyphs.ellipsis)

    def budget(self) -> Line | None:
        """The limit that is nearest, as a bar."""
        state = self.state
        spent = {
            "cost": state.totals.cost,
            "tokens": float(state.totals.tokens),
            "time": self.now,
            "calls": float(state.totals.calls),
        }
        shares = [(spent[name] / limit, name) for name in _LIMITS if (limit := state.limit(name))]
        if not shares:
            return None
        share, name = max(shares)
        style = "green" if share < 0.8 else "magenta"
        return join([self.bar(share, 10, style), Line.of((f"{min(share, 1):.0%} of {name}", "dim"))], " ")
