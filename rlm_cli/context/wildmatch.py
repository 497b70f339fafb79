"""Git's wildmatch as regular expressions over bytes (after git's `wildmatch.c`, flags WM_PATHNAME and WM_CASEFOLD)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

_STAR, _QUESTION, _OPEN, _CLOSE, _BACKSLASH, _SLASH, _DASH, _COLON = b"*?[]\\/-:"
_CLASSES: dict[bytes, Callable[[int], bool]] = {
    b"alnum": lambda c: c < 128 and chr(c).isalnum(),
    b"alpha": lambda c: c < 128 and chr(c).isalpha(),
    b"blank": lambda c: c in b" \t",
    b"cntrl": lambda c: c < 32 or c == 127,
    b"digit": lambda c: 48 <= c <= 57,
    b"graph": lambda c: 32 < c < 127,
    b"lower": lambda c: 97 <= c <= 122,
    b"print": lambda c: 32 <= c < 127,
    b"punct": lambda c: 32 < c < 127 and not chr(c).isalnum(),
    b"space": lambda c: c in b" \t\n\r",  # git's own table
    b"upper": lambda c: 65 <= c <= 90,
    b"xdigit": lambda c: c in b"0123456789abcdefABCDEF",
}


def _escaped(pattern: bytes, at: int) -> tuple[int, int] | None:
    """The character at `at`, one further where that is a backslash, and its place."""
    if pattern[at] == _BACKSLASH:
        at += 1
    return (pattern[at], at) if at < len(pattern) else None


def _named(pattern: bytes, at: int, fold: bool) -> tuple[set[int], int] | None:
    """The members of `[:name:]` at `at`, and its last place; a lone `[` where it is none; None where git gives up."""
    end = pattern.find(b"]", at + 2)
    if end < 0:
        return None
    if end == at + 2 or pattern[end - 1] != _COLON:
        return {_OPEN}, at
    name = pattern[at + 2 : end - 1]
    test = _CLASSES.get(name)
    if test is None:
        return None
    members = {c for c in range(1, 256) if test(c)}
    if fold and name == b"upper":
        members.update(range(97, 123))
    return members, end


def bracket(pattern: bytes, start: int, fold: bool) -> tuple[frozenset[int], int] | None:
    """The bytes that `[...]` at `start` matches, and the place after it; None where git never matches it."""
    at = start + 1
    negated = pattern[at : at + 1] in (b"!", b"^")
    at += negated
    members: set[int] = set()
    previous, first = 0, at
    while at < len(pattern) and (at == first or pattern[at] != _CLOSE):
        char = pattern[at]
        if char == _DASH and previous and at + 1 < len(pattern) and pattern[at + 1] != _CLOSE:
            found = _escaped(pattern, at + 1)
            if found is None:
                return None
            last, at = found
            members.update(range(previous, last + 1))
            if fold:
                members.update(c for c in range(97, 123) if previous <= c - 32 <= last)
            previous = 0
        elif char == _OPEN and pattern[at + 1 : at + 2] == b":":
            named = _named(pattern, at, fold)
            if named is None:
                return None
            previous = _OPEN if named[1] == at else 0
            members |= named[0]
            at = named[1]
        else:
            found = _escaped(pattern, at)
            if found is None:
                return None
            previous, at = found
            members.add(previous)
        at += 1
    if at >= len(pattern):
        return None
    return frozenset(set(range(1, 256)) - members if negated else members), at + 1


def one_of(members: frozenset[int], fold: bool) -> str:
    """A regular expression for one byte out of `members`."""
    if fold:  # git lowers the name's letters before it looks
        members = frozenset(c for c in range(1, 256) if (c + 32 if 65 <= c <= 90 else c) in members)
    return "[" + "".join(f"\\x{c:02x}" for c in sorted(members)) + "]" if members else "(?!)"


def literal(text: bytes, fold: bool) -> str:
    """A regular expression for `text` as it stands."""
    if fold:
        return "".join(one_of(frozenset((c + 32 if 65 <= c <= 90 else c,)), True) for c in text)
    return "".join(f"\\x{c:02x}" for c in text)


@dataclass(slots=True)
class _Piece:
    """A wildcard (or the pattern's start) and the single-byte matches that follow it."""

    kind: str  # "", "star", "any" (`**` that crosses slashes), "directories" (`**/`)
    atoms: list[str] = field(default_factory=list)


def _star(pattern: bytes, at: int, path: bool) -> tuple[str, int]:
    """The kind of the run of stars at `at`, and the place after it."""
    end = at + 1
    while end < len(pattern) and pattern[end] == _STAR:
        end += 1
    if not path:
        return "any", end
    if end - at > 1 and (at == 0 or pattern[at - 1] == _SLASH):
        if pattern[end : end + 1] == b"/":
            return "directories", end + 1
        if end == len(pattern) or pattern[end : end + 2] == b"\\/":
            return "any", end
    return "star", end


def _pieces(pattern: bytes, *, path: bool, fold: bool) -> list[_Piece] | None:
    pieces = [_Piece("")]
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == _STAR:
            kind, at = _star(pattern, at, path)
            pieces.append(_Piece(kind))
            continue
        if char == _OPEN:
            found = bracket(pattern, at, fold)
            if found is None:
                return None
            members, at = found
            pieces[-1].atoms.append(one_of(members - {_SLASH} if path else members, fold))
            continue
        if char == _QUESTION:
            pieces[-1].atoms.append("[^/]" if path else ".")
        elif char == _BACKSLASH:
            at += 1
            if at == len(pattern) or (fold and 65 <= pattern[at] <= 90):  # git compares it with a lowered letter
                return None
            pieces[-1].atoms.append(literal(pattern[at : at + 1], fold))
        else:
            pieces[-1].atoms.append(literal(pattern[at : at + 1], fold))
        at += 1
    return pieces


def translate(pattern: bytes, *, path: bool, fold: bool = False) -> str | None:
    """Git's wildmatch as a regular expression for `fullmatch` (with DOTALL); None where it matches nothing.

    `path` is WM_PATHNAME: wildcards stop at slashes. All stars but the last are atomic: the leftmost match of what
    follows one is as good as any other, so that a hostile pattern cannot make the walk explode.
    """
    pieces = _pieces(pattern, path=path, fold=fold)
    if pieces is None:
        return None
    crossing = [i for i, piece in enumerate(pieces) if piece.kind in ("any", "directories")]
    stars = [i for i, piece in enumerate(pieces) if piece.kind in ("any", "star")]
    last_crossing = crossing[-1] if crossing else -1
    last_star = stars[-1] if stars else -1
    out: list[str] = []
    open_group = False
    for i, piece in enumerate(pieces):
        atoms = "".join(piece.atoms)
        if piece.kind in ("any", "directories"):
            if open_group:
                out.append(")")
            open_group = i != last_crossing
            lazy = "(?:.*?/)??" if piece.kind == "directories" else ".*?"
            out.append(("(?>" if open_group else "") + lazy + atoms)
        elif piece.kind == "star":
            out.append(f"[^/]*?{atoms}" if i == last_star else f"(?>[^/]*?{atoms})")
        else:
            out.append(atoms)
    if open_group:
        out.append(")")
    return "".join(out)
