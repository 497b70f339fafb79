"""What the tree writes once, and the texts that all displays share: from the state of a run to lines.

The part that moves is in `scene`. No terminal, no clock, no side effect in here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rlm_cli import figures
from rlm_cli.events import StrategyChosen
from rlm_cli.nodes import Group, Node, Totals, Turn
from rlm_cli.sinks.line import Line, fit, flow, join
from rlm_cli.sinks.trust import coverage_text, doubts
from rlm_cli.state import State
from rlm_cli.terminal import UNICODE, Glyphs, one_line

_ENDED = ("Interrupted", "ModelNotFound")
_QUESTION = 3  # lines of the question in the head
_TITLE = 60  # cells that the title of a turn gets, and what else there is to say gives way


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
    words = [Line.of((word, "bold")) for word in one_line(run.question).split()]
    asked = flow([Line.of(("rlm", "bold cyan"), f" {short_run(run.run)} "), *words], cells, " ")
    if len(asked) > _QUESTION:
        asked = [*asked[: _QUESTION - 1], join(asked[_QUESTION - 1 :], " ").cut(cells, glyphs.ellipsis)]
    return [*asked, *_dim(flow(facts, cells, f" {glyphs.dot} ")), Line()]


def turn_line(state: State, node: Node, turn: Turn, columns: int, glyphs: Glyphs = UNICODE) -> Line:
    """A finished turn on one line, for the scrollback: nothing in it is aligned to the right, since windows narrow."""
    now = turn.ended if turn.ended is not None else state.t
    cells = max(1, columns - 1)
    parts: list[tuple[int, Line]] = []
    if turn.error:
        parts.append((7, Line.of((error_text(turn.error), "red")).cut(60, glyphs.ellipsis)))
    elif result := _result(turn):
        parts.append((5, Line.of((f"{glyphs.gives} {result}", "")).cut(40, glyphs.ellipsis)))
    if groups := [group for group in turn.groups.values() if group.ended or group.unfinished]:
        parts.append((6, tally(groups, glyphs)))
    parts.append((8, Line.of(("  ".join(figures_of(turn.totals, turn.seconds(now))), "dim"))))
    sign, style = _outcome(turn, glyphs)
    head = Line.of((f"{sign} ", style), (f"{turn_name(node, turn)}  ", "bold"))
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
    if recorded(state):
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
    caps = [figures.cap(cost)] if cost is not None else []
    caps += [figures.allowance(time)] if time is not None else []
    return f"at most {', '.join(caps)}" if caps else ""


def strategy_text(chosen: StrategyChosen) -> str:
    """`strategy direct: the input is under …`, where a question takes another road than the loop that the user sees."""
    return (
        "" if chosen.strategy == "rlm" else f"strategy {one_line(chosen.strategy, 20)}: {one_line(chosen.reason, 200)}"
    )


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
    return figures.money(totals.cost) + (f" of {figures.cap(cap)}" if cap is not None and totals.cost > 0 else "")


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

    Not where nothing was read yet or the input is not there any more, not after Ctrl-C, which says so itself, and not
    with a model that does not exist: a run keeps its model.
    """
    if state.input is None or state.replayed or not recorded(state, whole=True):
        return False
    finished = state.finished
    return finished is None or (
        finished.exit_code not in (0, 1, 3, 9) and (finished.error or {}).get("type") not in _ENDED
    )


# --- parts of lines ------------------------------------------------------------------------------------------------


def _dim(lines: Iterable[Line]) -> list[Line]:
    return [Line(tuple((text, style or "dim") for text, style in line.pieces)) for line in lines]


def turn_name(node: Node, turn: Turn) -> str:
    """`3` for a turn of the root, `1.2/3` for one of a child."""
    path = node.id.partition(".")[2]
    return f"{one_line(path, 40)}/{turn.number}" if path else str(turn.number)


def _outcome(turn: Turn, glyphs: Glyphs) -> tuple[str, str]:
    if turn.error or _unanswered(turn):
        return glyphs.failed, "red"
    halfway = turn.cell is not None and turn.cell.ended is None
    if halfway or any(group.failed or group.unfinished for group in turn.groups.values()):
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


def tally(groups: list[Group], glyphs: Glyphs) -> Line:
    """`↳ 37 calls, 1 failed`, `↳ 12 of 37 calls` where the run stopped in between."""
    failed = sum(group.failed for group in groups)
    text = tally_text(
        groups, *(("child", "children") if all(group.recursive for group in groups) else ("call", "calls"))
    )
    bad = Line.of((f", {figures.number(failed)} failed", "red")) if failed else Line()
    return Line.of((f"{glyphs.below} {text}", "")) + bad


def tally_text(groups: Sequence[Group], one: str, many: str) -> str:
    """`37 calls`, or `12 of 37 calls`."""
    ended = sum(group.ended for group in groups)
    asked = sum(group.size if group.unfinished else group.ended for group in groups)
    text = figures.plural(asked, one, many)
    return text if ended == asked else f"{figures.number(ended)} of {text}"


def figures_of(totals: Totals, seconds: float) -> Iterable[str]:
    """Time, and cost where there is any."""
    yield figures.duration(seconds)
    if totals.cost > 0 and totals.cost_known:
        yield figures.money(totals.cost)


def _status(state: State) -> Line:
    word = stopped(state)
    if not word:
        return Line()
    good = state.finished is not None and state.finished.exit_code in (0, 1)
    return Line.of((word, "bold green" if good else "bold magenta"))


def _next_step(state: State) -> str:
    return go_on(state) if resumable(state) else f"rlm view {one_line(state.called, 200)}"


def go_on(state: State) -> str:
    """The command that goes on with the run, with a higher limit where one has stopped it: as it is it would again."""
    command = f"go on with: rlm resume {one_line(state.called, 200)}"
    limit = (state.answer.stopped_by if state.answer else None) or ""
    before = state.limit(limit) if limit in figures.LIMITS else None
    return f"{command} {figures.raised(limit, 2 * before)}" if before else command


def recorded(state: State, *, whole: bool = False) -> bool:
    """Whether the run leaves a record; `whole`: one with the texts in it."""
    settings = state.run.settings if state.run else {"save": False}
    return bool(settings.get("save", True) or settings.get("trajectory")) and not (whole and settings.get("redact"))
