"""Git's ignore patterns, to the letter: what `gitignore(5)` says and what git's `dir.c` and `wildmatch.c` do beyond it.

Patterns and names are bytes, as in git: `?` stands for one byte. A pattern file becomes a `Layer`. Rules without a
slash look at the last component alone and are held in dictionaries by name and by extension, since most files match
none of them and 100,000 files must be decided in the time of a few system calls each. Rules with a slash become regular
expressions over the path from the layer's directory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from rlm_cli.context.wildmatch import bracket, literal, translate

Match = Callable[[bytes], object]

_SPECIAL = frozenset(b"*?[\\")
_BACKSLASH = 0x5C
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One pattern. `order` is its place in its file: the last that matches decides."""

    order: int
    negative: bool
    directories_only: bool
    basename: bool  # no slash: looks at the last component alone
    text: bytes  # without `!`, trailing `/`, and one leading `/` where it has a slash
    prefix: bytes  # the part before the first special character; all of `text` for a plain name
    match: Match | None  # None: `text` is a plain name or path
    slashes: int  # the number of slashes in what it matches, or -1 where `**` lets it vary
    tails: tuple[bytes, ...] = ()  # for `*tail` and `*.py[cod]`: the ends that match


@lru_cache(maxsize=4096)
def _compile(expression: str) -> re.Pattern[bytes]:
    return re.compile(expression.encode("latin-1"), re.DOTALL)


def _expand_tail(tail: bytes) -> tuple[bytes, ...]:
    """The literal ends that `*tail` stands for, where there are few; else nothing."""
    choices: list[list[int]] = []
    at, count = 0, 1
    while at < len(tail):
        if tail[at] in b"*?\\":
            return ()
        if tail[at] == 0x5B:
            found = bracket(tail, at, False)
            if found is None:
                return ()
            members, at = found
            choices.append(sorted(members))
        else:
            choices.append([tail[at]])
            at += 1
        count *= len(choices[-1])
        if not 0 < count <= 64:
            return ()
    return tuple(bytes(choice) for choice in product(*choices))


# --- pattern files -------------------------------------------------------------------------------------------------


def _trim(line: bytes) -> bytes:
    """`line` without trailing spaces that no backslash protects. Tabs stay, as in git."""
    at, spaces = 0, -1
    while at < len(line):
        if line[at] == 32:
            spaces = at if spaces < 0 else spaces
        else:
            spaces = -1
            if line[at] == _BACKSLASH:
                at += 1
                if at == len(line):
                    return line
        at += 1
    return line if spaces < 0 else line[:spaces]


def _lines(data: bytes) -> Iterator[bytes]:
    for line in data.removeprefix(_BOM).split(b"\n"):
        if not line or line.startswith(b"#"):
            continue
        yield _trim(line.removesuffix(b"\r").split(b"\0", 1)[0])


def _rule(order: int, line: bytes, fold: bool) -> Rule | None:
    """The rule of one line; None where it can match nothing."""
    negative = line.startswith(b"!")
    text = line[1:] if negative else line
    directories_only = text.endswith(b"/")
    if directories_only:
        text = text[:-1]
    basename = b"/" not in text
    if not basename and text.startswith(b"/"):
        text = text[1:]
    if text.startswith(b"**/") and b"/" not in text[3:] and not basename:
        # `**/name` is `name`: both look at the last component, at any depth.
        text, basename = text[3:], True
    if not text:
        return None
    plain = next((i for i, char in enumerate(text) if char in _SPECIAL), len(text))
    prefix, rest = text[:plain], text[plain:]
    if not rest and not fold:
        return Rule(order, negative, directories_only, basename, text, prefix, None, text.count(b"/"))
    # Git compares the plain part itself and hands the rest to wildmatch as a pattern of its own, so that `/a**/b` means
    # `a` + `**/b`.
    expression = translate(rest, path=not basename, fold=fold)
    if expression is None:
        return None
    match = _compile(literal(prefix, fold) + expression).fullmatch
    tails = _expand_tail(text[1:]) if basename and not fold and text.startswith(b"*") else ()
    varies = b"**" in rest or b"\\" in rest or b"[" in rest
    return Rule(
        order,
        negative,
        directories_only,
        basename,
        text,
        b"" if fold else prefix,
        match,
        -1 if varies else text.count(b"/"),
        tails,
    )


def _any(rules: Sequence[Rule]) -> Match | None:
    """One look for all wildcard rules; None where there are none.

    Alternatives that all begin with a plain byte are cheap: `re` looks at the first byte once for all of them.
    """
    expressions = sorted({rule.match.__self__.pattern.decode("latin-1") for rule in rules if rule.match})  # type: ignore[attr-defined]
    return _compile("|".join(f"(?:{one})" for one in expressions)).fullmatch if expressions else None


class _Names:
    """Rules without a slash that apply to one sort of entry: files, or directories."""

    __slots__ = ("any_tail", "any_wild", "extensions", "plain", "tails", "wild")

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.plain: dict[bytes, Rule] = {}
        self.extensions: dict[bytes, Rule] = {}
        self.tails: dict[bytes, Rule] = {}
        self.wild: list[Rule] = []
        for rule in rules:
            if rule.match is None:
                self.plain[rule.text] = rule
            elif rule.tails:
                for tail in rule.tails:
                    where = self.extensions if tail.rfind(b".") == 0 else self.tails
                    where[tail] = rule
            else:
                self.wild.append(rule)
        self.wild.reverse()
        self.any_tail = tuple(self.tails)
        self.any_wild = _any(self.wild)

    def find(self, name: bytes) -> Rule | None:
        best = self.plain.get(name)
        other = self.extensions.get(name[name.rfind(b".") :])
        if other is not None and (best is None or other.order > best.order):
            best = other
        if name.endswith(self.any_tail):
            for tail, rule in self.tails.items():
                if name.endswith(tail) and (best is None or rule.order > best.order):
                    best = rule
        if self.any_wild is not None and self.any_wild(name):
            for rule in self.wild:
                if best is not None and rule.order < best.order:
                    break
                if rule.match is not None and rule.match(name):
                    return rule
        return best


class Layer:
    """The rules of one pattern file, lowest first."""

    __slots__ = ("directories", "files", "paths")

    def __init__(self, data: bytes, *, fold: bool = False) -> None:
        rules = [rule for order, line in enumerate(_lines(data)) if (rule := _rule(order, line, fold)) is not None]
        names = [rule for rule in rules if rule.basename]
        self.files = _Names([rule for rule in names if not rule.directories_only])
        self.directories = _Names(names)
        self.paths = tuple(reversed([rule for rule in rules if not rule.basename]))

    @property
    def empty(self) -> bool:
        return not (self.paths or self.directories.plain or self.directories.extensions or self.directories.tails) and (
            not self.directories.wild
        )

    def find(self, name: bytes, path: bytes, is_directory: bool, paths: Sequence[Rule]) -> Rule | None:
        """The rule that decides on the entry `name`, at `path` from the layer's directory, or None.

        `paths` are those of `self.paths` that may still match at this depth, the last of the file first.
        """
        best = (self.directories if is_directory else self.files).find(name)
        for rule in paths:
            if best is not None and rule.order < best.order:
                break
            if rule.directories_only and not is_directory:
                continue
            if rule.text == path if rule.match is None else rule.match(path):
                return rule
        return best


@lru_cache(maxsize=1024)
def layer(data: bytes, fold: bool = False) -> Layer:
    """The layer of a pattern file's content; the same content is parsed once."""
    return Layer(data, fold=fold)


# --- layers in force in a directory --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A layer where it was found: `offset` is the length of its directory's path with the slash."""

    layer: Layer
    offset: int
    group: int  # which of the families of rules it belongs to: a higher one is asked first
    paths: tuple[Rule, ...]


Decided = tuple[Bound, Rule]


class Quick:
    """Which names any rule without a slash could touch: one look for all layers in force."""

    __slots__ = ("_extensions", "_firsts", "_lasts", "_names", "_start", "_tails", "_wild")

    def __init__(self, parts: Sequence[_Names]) -> None:
        self._names = frozenset(name for part in parts for name in part.plain)
        self._extensions = frozenset(name for part in parts for name in part.extensions)
        self._tails = tuple({tail for part in parts for tail in part.tails})
        self._lasts = frozenset(range(256)) if b"" in self._tails else frozenset(tail[-1] for tail in self._tails)
        wild = [rule for part in parts for rule in part.wild]
        self._wild = _any(wild) or _nothing
        # A few first bytes that all wildcard rules ask for rule most names out before `re` is called.
        self._start = min((len(rule.prefix[:3]) for rule in wild), default=0)
        self._firsts = frozenset(rule.prefix[: self._start] for rule in wild)

    def touched(self, given: Sequence[bytes], local: frozenset[bytes]) -> list[bytes]:
        """Those names of `given` that a rule may touch; `local` are further names. The inner loop of discovery."""
        names, extensions, tails, wild = self._names, self._extensions, self._tails, self._wild
        firsts, start, lasts = self._firsts, self._start, self._lasts
        return [
            name
            for name in given
            if name[name.rfind(b".") :] in extensions
            or name in names
            or (name[-1] in lasts and name.endswith(tails))
            or (name[:start] in firsts and wild(name))
            or name in local
        ]

    def by_extension(self, name: bytes) -> bool:
        """Whether what a rule without a slash says of `name` depends on its extension alone."""
        return not (
            name in self._names
            or (name[-1] in self._lasts and name.endswith(self._tails))
            or (name[: self._start] in self._firsts and self._wild(name))
        )


def _nothing(name: bytes) -> None:
    return None


@lru_cache(maxsize=1024)
def _quick(layers: tuple[Layer, ...], directories: bool) -> Quick:
    return Quick([one.directories if directories else one.files for one in layers])


class Scope:
    """All rules in force for the entries of one directory, the first asked first."""

    __slots__ = ("_by_extension", "bound", "directories", "files", "local", "wild_paths")

    def __init__(self, bound: tuple[Bound, ...], directory: bytes) -> None:
        """`directory` is the absolute path of the directory, with a slash at the end."""
        self.bound = bound
        layers = tuple(dict.fromkeys(one.layer for one in bound))
        self.files = _quick(layers, False)
        self.directories = _quick(layers, True)
        local: set[bytes] = set()
        self.wild_paths = False
        for one in bound:
            here = directory[one.offset :]
            depth = here.count(b"/")
            for rule in one.paths:
                below = rule.prefix[len(here) :]
                if rule.match is None:
                    if b"/" not in below:
                        local.add(below)
                elif b"/" not in below and rule.slashes in (-1, depth):
                    self.wild_paths = True
        self.local = frozenset(local)
        self._by_extension: dict[bytes, Decided | None] = {}

    def enter(self, directory: bytes, added: Sequence[Bound] = ()) -> Scope:
        """The scope of a directory below, whose own pattern files gave `added`."""
        if not added and not any(one.paths for one in self.bound):
            return self
        kept = [
            Bound(one.layer, one.offset, one.group, _active(one.paths, directory[one.offset :])) if one.paths else one
            for one in self.bound
        ]
        return Scope(tuple(sorted([*reversed(added), *kept], key=lambda one: -one.group)), directory)

    def decide(self, name: bytes, path: bytes, is_directory: bool, skip: int = -1) -> Decided | None:
        """The rule that decides on the entry at the absolute `path`, and its layer. `skip` leaves a family out."""
        if is_directory or skip >= 0 or self.wild_paths or name in self.local or not self.files.by_extension(name):
            return self._decide(name, path, is_directory, skip)
        extension = name[name.rfind(b".") :]
        if extension not in self._by_extension:
            self._by_extension[extension] = self._decide(name, path, is_directory, skip)
        return self._by_extension[extension]

    def _decide(self, name: bytes, path: bytes, is_directory: bool, skip: int) -> Decided | None:
        for one in self.bound:
            if one.group == skip:
                continue
            if one.paths:
                rule = one.layer.find(name, path[one.offset :], is_directory, one.paths)
            else:
                rule = (one.layer.directories if is_directory else one.layer.files).find(name)
            if rule is not None:
                return one, rule
        return None


def _active(rules: tuple[Rule, ...], here: bytes) -> tuple[Rule, ...]:
    """Those that can still match something below `here` (a path from their directory, with a slash at the end)."""
    depth = here.count(b"/")
    return tuple(
        rule
        for rule in rules
        if (rule.prefix.startswith(here) or (rule.match is not None and here.startswith(rule.prefix)))
        and (rule.slashes < 0 or rule.slashes >= depth)
    )


def bind(one: Layer, directory: bytes, group: int) -> Bound:
    """`one` as found in `directory` (absolute, with a slash at the end)."""
    return Bound(one, len(directory), group, one.paths)
