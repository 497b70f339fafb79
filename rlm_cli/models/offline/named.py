"""Questions that name an identifier: where it is defined, literally, before any search by words."""

from __future__ import annotations

import re

from rlm_cli.models.offline.identifiers import last_part
from rlm_cli.models.offline.ranking import Place, places, prior

EXACT = "# Look for the definition of: "

_MODIFIERS = (
    r"^\s*(?:(?:export|default|pub|public|private|protected|static|async|final|abstract|override|inline|const)\s+)*"
)
_KEYWORDS = r"(?:def|class|func|fn|function\*?|interface|struct|enum|trait|impl|type|module|object|macro|const|let|var)"
_OWNERS = rf"{_MODIFIERS}(?:class|struct|impl|trait|interface|module|object|enum)\b"

_CELL = r"""
import re
found, scores = [], []
for place in defined:
    indent = len(place.text) - len(place.text.lstrip())
    above = [line for line in grep(owners, place.path, limit=20000) if line.line < place.line] if owner else []
    above = [line for line in above if len(line.text) - len(line.text.lstrip()) < indent]
    mine = bool(above) and re.search(rf"\b{owner}\b", above[-1].text) is not None
    found.append(place)
    scores.append(4 if mine else 3)
known = {(place.path, place.line) for place in found}
for score, lines in ((2, assigned), (1, used)):
    for place in lines:
        if (place.path, place.line) not in known:
            known.add((place.path, place.line))
            found.append(place)
            scores.append(score)
for number, place in enumerate(found[:80]):
    lines = f"({place.first}-{place.last})"
    print(f"#{number} {scores[number]}.00 {place.path}:{place.line} {lines}: {place.text.strip()[:160]}")
"""


def definition(name: str) -> str:
    """A pattern for the lines that define just this name by a keyword."""
    own = re.escape(last_part(name))
    return rf"{_MODIFIERS}{_KEYWORDS}\s+(?:\([^)]*\)\s*)?(?:\w+(?:\.|::|#))*{own}\b"


def find(name: str) -> str:
    """The cell that prints definitions, assignments and uses of a name, in this order."""
    own = re.escape(last_part(name))
    parts = re.split(r"\.|::|#", name)
    owner = parts[-2] if len(parts) > 1 else ""
    assigned = (
        rf"^\s*(?:[\w.]+\.)?{own}\s*(?::[^=]{{1,80}})?=(?!=)|^\s*#\s*define\s+{own}\b"
        rf"|^[A-Za-z_][\w \t*&<>,:]*[ \t*&:]{own}\s*\([^;]*$"
    )
    word = rf"\b{own}\b"
    return (
        f"{EXACT}{name}\nowner, owners = {owner!r}, {_OWNERS!r}\n"
        f"defined = grep({definition(name)!r}, after=12, limit=60)\n"
        f"assigned = grep({assigned!r}, after=4, limit=40)\n"
        f"used = grep({word!r}, after=2, limit=200)" + _CELL
    )


def chosen(output: str, question: str) -> list[Place]:
    """The places to cite: definitions first, then a use in each of a few files. Tests come after what they test."""
    found = places(output)
    found.sort(key=lambda place: (-place.score, -prior(place.path, question), place.number))
    picked: list[Place] = []
    for place in found:
        again = any(place.path == other.path for other in picked)
        if len(picked) < 5 and (place.score > 1 or not again):
            picked.append(place)
    return picked


def defined(output: str) -> list[Place]:
    """The places that define the name."""
    return [place for place in places(output) if place.score > 1]


def opening(name: str, output: str) -> str:
    """The first line of the answer."""
    count = len(defined(output))
    if not count:
        return f"No definition of `{name}` was found. It is used here:\n"
    many = "" if count == 1 else f" in {count:,} places"
    return f"`{name}` is defined{many}; the definition comes first, then where it is used:\n"
