"""What a regular expression can reach, decided on `re`'s own parse tree.

Two questions are answered. How far beyond its start can an attempt look: a number of characters, or up to the n-th of
certain characters that no unbounded repeat can pass (`\\n` for `.*`, the quote for `[^"]*`, any letter for `\\s+`)?
With that, a window of the text decides what the whole text would. And which literals does every match hold: only where
they stand in the bytes must `re` look at all.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from re import _compiler, _parser  # type: ignore[attr-defined]
from re import _constants as sre  # type: ignore[attr-defined]
from typing import Any, NamedTuple

MOST_PASSES = 4096
"""Stop characters that bounded parts may pass before a stop is of no use."""
MOST_NEEDLES = 8
UNBOUNDED = 1 << 60

_CANDIDATES = "".join(
    [
        *map(chr, range(0x80)),
        *map(chr, range(0xA0, 0x180)),
        *map(chr, range(0x391, 0x3CA)),
        *map(chr, range(0x410, 0x450)),
        *map(chr, range(0x5D0, 0x5EB)),
        *map(chr, range(0x627, 0x64B)),
        *map(chr, range(0x905, 0x93A)),
        *map(chr, range(0x3041, 0x3097)),
        "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生。、，—“”’…",
        "이다는을가에의고하지",
    ]
)
_ONE = frozenset({sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN, sre.RANGE, sre.CATEGORY})
_REPEATS = frozenset({sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT})
_SCOPED = re.IGNORECASE | re.MULTILINE | re.DOTALL | re.ASCII | re.UNICODE | re.LOCALE

Node = tuple[Any, Any]


class Needle(NamedTuple):
    """A literal that a match holds. `fold`: in any case of its letters, and then it is lower-case ASCII."""

    text: str
    fold: bool


class Lazy(NamedTuple):
    """`one.*?two.*?three` with parts of fixed width: what matches inside a window matches so in the whole text."""

    width: int  # of the widest part


class Head(NamedTuple):
    """What a match must begin with: where this is not, an attempt fails without looking further."""

    pattern: re.Pattern[str]
    width: int  # characters that it can look at


class Shape(NamedTuple):
    behind: int
    """Characters before a match's start that may be looked at, and one more."""
    width: int
    """Characters from its start that an attempt can look at, `UNBOUNDED` where no number is known."""
    stops: re.Pattern[str] | None
    """One character that ends every unbounded repeat; None where there is none."""
    passes: int
    """How many such characters an attempt may pass all the same."""
    needles: tuple[Needle, ...]
    """Each match holds one of these and no line end. Empty where nothing is known."""
    lazy: Lazy | None
    head: Head | None
    """Where `width` is unbounded."""
    anchored: bool
    """Matches begin at the text's very beginning only."""


def shape_of(pattern: re.Pattern[str]) -> Shape:
    """The shape of a compiled pattern over `str`."""
    flags = pattern.flags & ~re.DEBUG
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what there is to say was said when it was compiled
        tree = _parser.parse(pattern.pattern, flags)
    reader = _Reader(tree, flags)
    nodes = list(tree)
    behind = reader.behind(nodes)
    width = min(UNBOUNDED, sum(reader.reach(nodes, flags, None)))
    stops, passes = reader.stops(nodes, flags)
    one_line = not any(reader.matches(node, scoped, "\n") for node, scoped in reader.leaves(nodes, flags, ahead=True))
    needles = tuple(reader.needles(nodes, flags)) if one_line and not reader.refers else ()
    return Shape(
        behind=behind + 1,
        width=width,
        stops=stops,
        passes=passes,
        needles=needles,
        lazy=reader.lazy(nodes, flags) if width == UNBOUNDED else None,
        head=reader.head(nodes, flags) if width == UNBOUNDED else None,
        anchored=bool(nodes) and nodes[0][0] is sre.AT and _at_beginning(nodes[0][1], flags),
    )


class _Reader:
    """Walks over one parse tree. `flags` go with every step, as groups may change them."""

    def __init__(self, tree: Any, flags: int) -> None:
        self._state = tree.state
        self._matchers: dict[tuple[int, int], tuple[Node, re.Pattern[str]]] = {}
        self._groups: dict[int, list[Node]] = {}
        self.refers = False
        self._collect(tree)

    def _collect(self, nodes: Iterable[Node]) -> None:
        for op, value in nodes:
            if op is sre.SUBPATTERN and value[0] is not None:
                self._groups[value[0]] = list(value[3])
            if op in (sre.GROUPREF, sre.GROUPREF_EXISTS):
                self.refers = True
            for inner in _inside(op, value):
                self._collect(inner)

    def matches(self, node: Node, flags: int, character: str) -> bool:
        """Whether a one-character node can be this character."""
        key = (id(node[1]), flags & _SCOPED) if node[0] is sre.IN else (hash((node[0], node[1])), flags & _SCOPED)
        held = self._matchers.get(key)
        if held is None or held[0] != node:
            part = _parser.SubPattern(self._state, [node])
            held = (node, _compiled(part, flags & _SCOPED))
            self._matchers[key] = held
        return held[1].match(character) is not None

    def leaves(self, nodes: Iterable[Node], flags: int, *, ahead: bool) -> Iterator[tuple[Node, int]]:
        """Every one-character node that a match may consume; with `ahead` also those of lookaheads."""
        for node in nodes:
            op, value = node
            if op in _ONE:
                yield node, flags
            elif op in (sre.ASSERT, sre.ASSERT_NOT):
                if ahead and value[0] > 0:
                    yield from self.leaves(value[1], flags, ahead=ahead)
            elif op in (sre.GROUPREF, sre.GROUPREF_IGNORE):
                yield from self.leaves(self._groups.get(value, ()), flags | re.IGNORECASE, ahead=False)
            else:
                scoped = _flags_within(op, value, flags)
                for inner in _inside(op, value):
                    yield from self.leaves(inner, scoped, ahead=ahead)

    def unbounded(self, nodes: Iterable[Node], flags: int) -> Iterator[tuple[Node, int]]:
        """Every one-character node inside an unbounded repeat."""
        for op, value in nodes:
            scoped = _flags_within(op, value, flags)
            if op in _REPEATS and value[1] is sre.MAXREPEAT:
                yield from self.leaves(value[2], scoped, ahead=False)
                yield from self.unbounded(value[2], scoped)
                continue
            if op in (sre.ASSERT, sre.ASSERT_NOT) and value[0] < 0:
                continue
            for inner in _inside(op, value):
                yield from self.unbounded(inner, scoped)

    def reach(self, nodes: Iterable[Node], flags: int, stops: str | None) -> tuple[int, int]:
        """(consumed, looked at beyond that): characters, or only those of `stops`, at most."""
        consumed = looked = 0
        for node in nodes:
            more, beyond = self._reach(node, flags, stops)
            consumed, looked = consumed + more, looked + beyond
        return min(consumed, UNBOUNDED), min(looked, UNBOUNDED)

    def _reach(self, node: Node, flags: int, stops: str | None) -> tuple[int, int]:
        op, value = node
        if op in _ONE:
            return int(stops is None or any(self.matches(node, flags, stop) for stop in stops)), 0
        if op in (sre.ASSERT, sre.ASSERT_NOT):
            return (0, 0) if value[0] < 0 else (0, sum(self.reach(value[1], flags, stops)))
        if op is sre.GROUPREF:
            return self.reach(self._groups.get(value, ()), flags | re.IGNORECASE, stops)
        scoped = _flags_within(op, value, flags)
        inner = [self.reach(nodes, scoped, stops) for nodes in _inside(op, value)]
        consumed, looked = max((one for one, _ in inner), default=0), max((other for _, other in inner), default=0)
        if op in _REPEATS and consumed:
            consumed = UNBOUNDED if value[1] is sre.MAXREPEAT else consumed * int(value[1])
        return min(consumed, UNBOUNDED), looked

    def behind(self, nodes: Iterable[Node]) -> int:
        """The widest lookbehind."""
        widest = 0
        for op, value in nodes:
            if op in (sre.ASSERT, sre.ASSERT_NOT) and value[0] < 0:
                widest = max(widest, int(value[1].getwidth()[1]) + self.behind(value[1]))
                continue
            for inner in _inside(op, value):
                widest = max(widest, self.behind(inner))
        return widest

    def stops(self, nodes: Sequence[Node], flags: int) -> tuple[re.Pattern[str] | None, int]:
        """Characters that end every unbounded repeat, as a class, and how many of them bounded parts may pass."""
        loops = list(self.unbounded(nodes, flags))
        free = [c for c in _CANDIDATES if not any(self.matches(node, scoped, c) for node, scoped in loops)]
        for stops in ("".join(free), "\n" if "\n" in free else ""):
            if stops and (passes := sum(self.reach(nodes, flags, stops))) <= MOST_PASSES:
                return re.compile("[" + re.escape(stops) + "]"), passes
        return None, 0

    def needles(self, nodes: Iterable[Node], flags: int) -> list[Needle]:
        """Literals of which every match holds one; the longest there are."""
        runs: list[list[tuple[str, bool]]] = [[]]
        choices: list[list[Needle]] = []
        self._runs(nodes, flags, runs, choices)
        found = [[needle] for run in runs if (needle := _needle(run))]
        found += [choice for choice in choices if len(choice) <= MOST_NEEDLES]
        return max(found, key=lambda needles: min(len(needle.text) for needle in needles) - len(needles), default=[])

    def _runs(
        self, nodes: Iterable[Node], flags: int, runs: list[list[tuple[str, bool]]], choices: list[list[Needle]]
    ) -> None:
        for op, value in nodes:
            scoped = _flags_within(op, value, flags)
            if op is sre.LITERAL:
                runs[-1].append((chr(value), bool(flags & re.IGNORECASE)))
            elif op in (sre.SUBPATTERN, sre.ATOMIC_GROUP):
                self._runs(_inside(op, value)[0], scoped, runs, choices)
            elif op in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
                continue
            elif op in _REPEATS and value[0] > 0:
                self._runs(value[2], scoped, runs, choices)
                runs.append([])
            else:
                if op is sre.BRANCH:
                    options = [self.needles(option, scoped) for option in value[1]]
                    if all(options):
                        choices.append([needle for option in options for needle in option])
                runs.append([])

    def lazy(self, nodes: Sequence[Node], flags: int) -> Lazy | None:
        """The shape `Lazy`, where the pattern has it."""
        if self.refers:
            return None
        parts: list[list[Node]] = [[]]
        for op, value in self._flat(nodes, flags):
            if op is sre.MIN_REPEAT and value[1] is sre.MAXREPEAT and value[0] <= 1:
                if not self._any(value[2], flags):
                    return None
                if value[0]:
                    parts[-1].extend(value[2])
                parts.append([])
            else:
                parts[-1].append((op, value))
        widths = []
        for part in parts:
            low, high = _parser.SubPattern(self._state, part).getwidth()
            reach = sum(self.reach(part, flags, None))
            if low != high or reach >= UNBOUNDED:
                return None
            widths.append(reach)
        if len(parts) < 2 or not parts[0]:
            return None
        return Lazy(max(widths))

    def head(self, nodes: Sequence[Node], flags: int) -> Head | None:
        """The leading part of bounded reach, where there is one."""
        leading: list[Node] = []
        for node in self._flat(nodes, flags):
            if sum(self.reach([node], flags, None)) >= UNBOUNDED:
                break
            leading.append(node)
        if not leading or self.refers:
            return None
        reach = sum(self.reach(leading, flags, None))
        return Head(_compiled(_parser.SubPattern(self._state, leading), flags), reach)

    def _flat(self, nodes: Iterable[Node], flags: int) -> Iterator[Node]:
        """The sequence with groups that change no flags opened."""
        for op, value in nodes:
            if op is sre.SUBPATTERN and not value[1] and not value[2]:
                yield from self._flat(value[3], flags)
            else:
                yield op, value

    def _any(self, nodes: Sequence[Node], flags: int) -> bool:
        """Whether a repeat's body is one character, whichever."""
        while len(nodes) == 1 and nodes[0][0] is sre.SUBPATTERN and nodes[0][1][0] is None and not nodes[0][1][1]:
            nodes = nodes[0][1][3]
        if len(nodes) != 1:
            return False
        op, value = nodes[0]
        if op is sre.ANY:
            return bool(flags & re.DOTALL)
        if op is sre.BRANCH:
            kinds = [option[0] for option in value[1] if len(option) == 1]
            newline = any(self.matches(node, flags, "\n") for node in kinds if node[0] in _ONE)
            return len(kinds) == len(value[1]) and newline and any(node[0] is sre.ANY for node in kinds)
        if op is sre.IN:
            categories = {str(inner) for kind, inner in value if kind is sre.CATEGORY}
            negated = any(kind is sre.NEGATE for kind, _ in value)
            return not negated and any(
                name.replace("_NOT_", "_") in categories for name in categories if "_NOT_" in name
            )
        return False


def _compiled(part: Any, flags: int) -> re.Pattern[str]:
    """A part of a parse tree as a pattern of its own, with the flags of its place."""
    state = part.state
    kept, state.flags = state.flags, flags
    try:
        compiled: re.Pattern[str] = _compiler.compile(part, flags)
    finally:
        state.flags = kept
    return compiled


def _at_beginning(where: Any, flags: int) -> bool:
    return where is sre.AT_BEGINNING_STRING or (where is sre.AT_BEGINNING and not flags & re.MULTILINE)


def _inside(op: Any, value: Any) -> list[Any]:
    """The sequences inside a node."""
    if op is sre.BRANCH:
        return list(value[1])
    if op is sre.ATOMIC_GROUP:
        return [value]
    if op is sre.GROUPREF_EXISTS:
        return [inner for inner in value[1:] if inner]
    if op is sre.SUBPATTERN or op in _REPEATS or op in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[-1]]
    return []


def _flags_within(op: Any, value: Any, flags: int) -> int:
    if op is not sre.SUBPATTERN:
        return flags
    added, removed = int(value[1]), int(value[2])
    if added & (re.ASCII | re.UNICODE | re.LOCALE):
        flags &= ~(re.ASCII | re.UNICODE | re.LOCALE)
    return (flags | added) & ~removed


def _needle(run: list[tuple[str, bool]]) -> Needle | None:
    """The longest part of a run of literals that can be looked for in the bytes."""
    best: Needle | None = None
    for fold in (False, True):
        part = ""
        for character, ignoring in [*run, ("\ufffd", False)]:
            folds = ignoring and character.lower() != character.upper()
            fits = character != "\ufffd" and not 0xD800 <= ord(character) < 0xE000
            if fits and (fold or not folds) and (not fold or character.isascii()):
                part += character.lower() if fold else character
                continue
            if part and (best is None or len(part) > len(best.text)):
                best = Needle(part, fold)
            part = ""
    return best if best is not None and (len(best.text) > 1 or not best.text.isalnum()) else None
