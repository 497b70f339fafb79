"""What the live tree shows: from the state of a run to lines. No terminal, no clock, no side effect in here.

(header, committed once)
✓ 2  grep for auth entry points → 37 files   6s  $0.011      (one line a finished turn, committed)
⠏ 3  ask each hit how it enforces auth               3s  $0.056
│    notes = ask_each(hits, "How does this file enforce auth?")
│  ↳ 214 calls ███████░░░░░░ 79 ok  1 failed  26 running  about 6s left
│     ✗ src/mod0049/handler.py  RateLimited: …
│     ⠧ src/mod0058/handler.py  6.4k tok  1s
│     … 23 more running
│  ↳ child 3  map the token refresh flow   turn 2  12 calls  3s  $0.012
╰ $0.074 of $1.00  12s  3 turns  80 calls  335k in, 7k out       Ctrl-C stops
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from rlm_cli import figures
from rlm_cli.nodes import Call, Cell, Group, Node, Totals, Turn
from rlm_cli.sinks.line import Line, fit, flow, join, middle, spread, width
from rlm_cli.sinks.trust import coverage_text, doubts
from rlm_cli.state import State
from rlm_cli.terminal import UNICODE, Glyphs, clean, one_line

MOST_ROWS = 24
_ENDED = ("Interrupted", "ModelNotFound")
_TITLE = 60  # cells that the title of a turn gets, and what else there is to say gives way
_LABEL = 16  # cells that the label of a call gets, and its note gives way
_NOTE = 8  # cells below which a note says nothing
SLOW_AFTER = 30.0  # seconds without an answer after which a row says so
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


def header(state: State, columns: int, glyphs: Glyphs = UNICODE) -> list[Line]:
    """What the run is about: question, sources with what was left out and why, models, limits, name."""
    run, found = state.run, state.input
    if run is None:
        return []
    cells = max(8, columns - 1)
    facts: list[Line] = [Line.of((sources_text(state), ""))]
    if found is not None:
        facts.append(Line.of((f"{figures.plural(found.files, 'file')}, {figures.size(found.bytes)}", "")))
        facts.append(Line.of((f"{glyphs.about} {figures.tokens(found.bytes / 4)} tokens", "")))
        if found.skipped:
            facts.append(Line.of((skipped_text(state), "")))
    facts.append(Line.of((models_text(state, glyphs.then), "")))
    if limits := limits_text(state):
        facts.append(Line.of((limits, "")))
    question = Line.of(("rlm", "bold cyan"), f" {short_run(run.run)}  ", (one_line(run.question), "bold"))
    return [question.cut(cells, glyphs.ellipsis), *_dim(flow(facts, cells, f" {glyphs.dot} ")), Line()]


def turn_line(state: State, node: Node, turn: Turn, columns: int, glyphs: Glyphs = UNICODE) -> Line:
    """A finished turn on one line, for the scrollback: nothing in it is aligned to the right, since windows narrow."""
    now = turn.ended if turn.ended is not None else state.t
    cells = max(1, columns - 1)
    parts: list[tuple[int, Line]] = []
    if turn.error:
        parts.append((7, Line.of((error_text(turn.error), "red")).cut(60, glyphs.ellipsis)))
    elif result := _result(turn):
        parts.append((5, Line.of((f"{glyphs.gives} {result}", "")).cut(40, glyphs.ellipsis)))
    if groups := [group for group in turn.groups.values() if group.size]:
        parts.append((6, _tally(groups, glyphs)))
    parts.append((8, Line.of((_figures_text(turn.totals, turn.seconds(now)), "dim"))))
    sign, style = _outcome(turn, glyphs)
    head = Line.of((f"{sign} ", style), (f"{_name(node, turn)}  ", "bold"))
    room = cells - head.width - sum(2 + line.width for _, line in parts)
    title = Line.of(one_line(turn.title, 200) or ("no reply" if _unanswered(turn) else "no code")).cut(
        max(room, _TITLE), glyphs.ellipsis
    )
    return fit([(9, head + title), *parts], cells, "  ", glyphs.ellipsis)


def summary(state: State, columns: int, now: float, glyphs: Glyphs = UNICODE) -> list[Line]:
    """What is left when the run is over: what stopped it, what to know, and its sums."""
    cells = max(8, columns - 1)
    lines = []
    for hit in state.limits_hit[-2:]:
        lines.append(Line.of((f"{glyphs.warning} ", "magenta"), (one_line(hit.message), "")))
    parts = [_status(state)] if _status(state).pieces else []
    parts += [Line.of((text, "dim")) for text in sums_texts(state, now)]
    if state.run is not None:
        parts.append(Line.of((_next_step(state), "cyan" if resumable(state) else "dim")))
    if state.answer is not None and state.answer.status != "failed":
        for doubt in doubts(state.answer.checks):
            lines.append(Line.of((f"{glyphs.warning} ", "magenta"), doubt))
        looked = coverage_text(state.answer.coverage)
        parts += [Line.of((looked, "dim"))] if looked else []
    corner = f"{glyphs.corner} "
    folded = flow(parts, cells - 2, f" {glyphs.dot} ")
    return lines + [Line.of((corner if index == 0 else "  ", "dim")) + line for index, line in enumerate(folded)]


# --- texts that the plain lines share ------------------------------------------------------------------------------


def sources_text(state: State) -> str:
    """`repo/`, `a.log, b.log and 3 more`, `<stdin>`."""
    sources = state.run.sources if state.run else []
    names = ["<stdin>" if name == "-" else one_line(name, 60) for name in sources[:2]] or ["<stdin>"]
    more = f" and {len(sources) - 2} more" if len(sources) > 2 else ""
    return ", ".join(names) + more


def reading_text(state: State) -> str:
    """`reading standard input: 1.2 GB`, or nothing."""
    reading = state.reading
    return f"{one_line(reading.what, 80)}: {figures.size(reading.bytes)}" if reading else ""


def skipped_text(state: State) -> str:
    """`31 skipped: 20 ignored, 9 binary, 2 secret`, or `20 ignored`."""
    skipped = state.input.skipped if state.input else {}
    reasons = sorted(skipped.items(), key=lambda item: -item[1])
    listed = ", ".join(f"{figures.number(count)} {one_line(reason, 40)}" for reason, count in reasons)
    return listed if len(skipped) == 1 else f"{figures.number(sum(skipped.values()))} skipped: {listed}"


def models_text(state: State, arrow: str) -> str:
    if state.run is None:
        return ""
    root, sub = short_model(state.run.root_model), short_model(state.run.sub_model)
    return root if root == sub or not sub else f"{root} {arrow} {sub}"


def short_run(name: str) -> str:
    """The end of a run's name, by which every command finds it; its beginning is only the date."""
    return one_line(name.rsplit("-", 1)[-1], 40)


def short_model(name: str) -> str:
    """A model's name without its provider; `offline/` stays, since it tells that none was asked."""
    return one_line(name if name.startswith("offline/") else name.rsplit("/", 1)[-1], 40)


def limits_text(state: State) -> str:
    """`at most $1.00, 10m`, empty where nothing is limited."""
    cost, time = state.limit("cost"), state.limit("time")
    caps = [f"${cost:,.2f}"] if cost is not None else []
    caps += [figures.allowance(time)] if time is not None else []
    return f"at most {', '.join(caps)}" if caps else ""


def resumed_text(state: State) -> str:
    """`resumed: $0.054 spent before, now at most $2.00, 10m`: the head of the run was written with its first limits."""
    spent = cost_text(State(totals=state.totals))
    return f"resumed: {spent} spent before" + (f", now {limits}" if (limits := limits_text(state)) else "")


def sums_texts(state: State, now: float) -> list[str]:
    """Turns, calls, tokens, money and time of the whole run."""
    totals = state.totals
    texts = [figures.plural(state.turn_count, "turn"), calls_text(totals)]
    if state.children_count:
        texts.append(figures.plural(state.children_count, "child", "children"))
    texts.append(f"{figures.tokens(totals.input_tokens)} in, {figures.tokens(totals.output_tokens)} out")
    texts.append(cost_text(state))
    texts.append(figures.duration(now))
    return texts


def calls_text(totals: Totals) -> str:
    notes = [f"{figures.number(totals.failed)} failed"] if totals.failed else []
    notes += [f"{figures.number(totals.recalled)} recalled"] if totals.recalled else []
    return figures.plural(totals.calls, "call") + (f" ({', '.join(notes)})" if notes else "")


def cost_text(state: State) -> str:
    """`$0.168 of $1.00`; money that nobody can know is never shown as none."""
    totals, cap = state.totals, state.limit("cost")
    if not totals.cost_known:
        return "cost unknown" if totals.cost == 0 else f"{figures.money(totals.cost)} and some unknown"
    return figures.money(totals.cost) + (f" of ${cap:,.2f}" if cap is not None and totals.cost > 0 else "")


def stopped(state: State) -> str:
    """One or two words for how the run ended; empty while it runs."""
    if state.finished is None:
        return ""
    answer = state.answer
    if answer is not None and answer.stopped_by:
        return f"stopped by {one_line(answer.stopped_by, 40)}"
    return one_line(state.finished.status, 40).replace("_", " ")


def error_text(error: dict[str, object]) -> str:
    """An error of a cell on one line."""
    return one_line(f"{error.get('type', 'error')}: {error.get('message', '')}", 200)


def resumable(state: State) -> bool:
    """Whether it is to be said that `rlm resume` goes on from where this run ended.

    Not where nothing was read yet, not after Ctrl-C, which says so itself, and not with a model that does not exist:
    a run keeps its model.
    """
    if state.input is None or state.replayed:
        return False
    finished = state.finished
    return finished is None or (
        finished.exit_code not in (0, 1, 9) and (finished.error or {}).get("type") not in _ENDED
    )


# --- parts of lines ------------------------------------------------------------------------------------------------


def _dim(lines: Iterable[Line]) -> list[Line]:
    return [Line(tuple((text, style or "dim") for text, style in line.pieces)) for line in lines]


def _name(node: Node, turn: Turn) -> str:
    """`3` for a turn of the root, `1.2/3` for one of a child."""
    path = node.id.partition(".")[2]
    return f"{one_line(path, 40)}/{turn.number}" if path else str(turn.number)


def _outcome(turn: Turn, glyphs: Glyphs) -> tuple[str, str]:
    if turn.error or _unanswered(turn):
        return glyphs.failed, "red"
    if any(group.failed for group in turn.groups.values()):
        return glyphs.warning, "magenta"
    return glyphs.done, "green"


def _unanswered(turn: Turn) -> bool:
    """The model's own call failed, so there was nothing to run."""
    return not turn.cells and 0 < turn.totals.calls == turn.totals.failed


def _result(turn: Turn) -> str:
    """What the last cell printed, if that is one short line."""
    lines = turn.cell.output.strip().splitlines() if turn.cell else []
    shown = one_line(lines[0], 80) if len(lines) == 1 else ""
    return shown if len(shown) <= 40 else ""


def _tally(groups: list[Group], glyphs: Glyphs) -> Line:
    done, failed = sum(group.done for group in groups), sum(group.failed for group in groups)
    noun = "child" if all(group.recursive for group in groups) else "call"
    text = figures.plural(done + failed, noun, "children" if noun == "child" else "")
    bad = Line.of((f", {figures.number(failed)} failed", "red")) if failed else Line()
    return Line.of((f"{glyphs.below} {text}", "")) + bad


def _figures_text(totals: Totals, seconds: float) -> str:
    texts = [figures.duration(seconds)]
    if totals.cost > 0 and totals.cost_known:
        texts.append(figures.money(totals.cost))
    return "  ".join(texts)


def _status(state: State) -> Line:
    word = stopped(state)
    if not word:
        return Line()
    good = state.finished is not None and state.finished.exit_code in (0, 1)
    return Line.of((word, "bold green" if good else "bold magenta"))


def _next_step(state: State) -> str:
    name = one_line(state.called, 200)
    return f"go on with: rlm resume {name}" if resumable(state) else f"rlm view {name}"


# --- the moving part -----------------------------------------------------------------------------------------------


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
        left = Line.of((f"{self.spin} ", "cyan"), (f"{_name(node, turn)}  ", "bold"), self.activity(turn))
        seconds = turn.seconds(self.now)
        return self.spread(left, Line.of((_figures_text(turn.totals, seconds), "dim")))

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
            earlier = _tally(found[: len(found) - len(shown)], self.glyphs)
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
        texts = [f"turn {node.turn_count}"] if node.turn_count else []
        if node.totals.calls:
            texts.append(figures.plural(node.totals.calls, "call"))
        texts.append(_figures_text(node.totals, self.now - node.started))
        yield self.spread(head + Line.of(one_line(node.question, 200)), Line.of(("  ".join(texts), "dim")))
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
        return self.fit(parts)

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
