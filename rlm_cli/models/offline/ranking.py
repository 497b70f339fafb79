"""Which files and which of their places answer a question, judged from the printed results of search and grep."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from rlm_cli.context.passages import defined_name
from rlm_cli.context.words import stem, stems
from rlm_cli.models.offline.extract import Wanted, wanted
from rlm_cli.models.offline.identifiers import identifiers, last_part

_PLACE = re.compile(r"^#(\d+) (\d+\.\d+) (.+?):(\d+) \((\d+)-(\d+)\): ?(.*)$", re.MULTILINE)

_LESS = (
    (
        re.compile(r"(^|/)(tests?|testing|spec|specs|__tests__)/|(^|/)(test_|conftest)|[._-](test|spec)s?\.\w+$"),
        "test",
        0.5,
    ),
    (re.compile(r"(^|/)(change(s|log)|news|history|releases?)\b[^/]*$", re.I), "change version release news", 0.5),
    (re.compile(r"(^|/)(examples?|samples?|demos?|benchmarks?|tutorials?)/"), "example sample demo tutorial", 0.7),
    (re.compile(r"(^|/)(_?vendor(ed)?|third_?party|node_modules|dist|build|external)/"), "vendor", 0.5),
    (
        re.compile(r"\.(lock|min\.js|min\.css|svg|map|po|pot|csv|tsv)$|(^|/)package-lock\.json$"),
        "lock translation",
        0.3,
    ),
    (re.compile(r"(^|/)docs?/|\.(md|rst|txt|adoc)$", re.I), "document doc manual guide readme", 0.8),
    (re.compile(r"\.pyi$|(^|/)(typing|types|_typing|compat|_compat)\.\w+$"), "typ typing compat stub", 0.8),
)
"""(paths, words of a question that ask for just these, how much they count otherwise)."""


_GUIDES = re.compile(r"(^|/)docs?/|\.(md|rst|txt|adoc)$|(^|/)(readme|install|contributing)\b[^/]*$", re.I)
_HOW_TO = re.compile(r"\bhow\s+(?:(?:do|can|could|should|would|must)\s+(?:i|we|you|one)|to)\b", re.I)
_ANSWERED = 2.5  # times a guide counts where it is asked how to do a thing, and not how the code does it
_IMPORT = re.compile(
    r"\s*(?:import\s|from\s+\S+\s+import\b|use\s+[\w:{]+.*;|#\s*include\b|using\s+[\w.]+;|require(?:_relative)?\b"
    r"|(?:const|let|var)\s.*=\s*require\()"
)
_OF_IMPORT = 0.6  # of a passage whose best line only says that the thing is used from elsewhere
_LITERAL = 3.0  # what the definition of an identifier that the question spells out adds
_BY_NAME, _BY_PATH = 0.8, 0.8  # what a definition or a file of just this name adds to the best passage's 1


@dataclass(slots=True)
class Place:
    """A passage or a definition, as a cell printed it."""

    number: int
    score: float  # BM25 of a passage; 0 for a definition that grep found
    path: str
    line: int
    first: int
    last: int
    text: str


@dataclass(slots=True)
class Ranked:
    path: str
    score: float
    places: list[Place] = field(default_factory=list)


def places(output: str) -> list[Place]:
    """The places that a cell printed."""
    return [
        Place(int(found[1]), float(found[2]), found[3], int(found[4]), int(found[5]), int(found[6]), found[7])
        for found in _PLACE.finditer(output)
    ]


def whole(found: Sequence[Place], question: str) -> list[Place]:
    """Without definitions that have the words only inside longer ones: a question about a bug is not about `debug`."""
    words = wanted(question)
    return [place for place in found if place.score or likeness(defined_name(place.text), words)]


def likeness(text: str, words: Sequence[Wanted]) -> float:
    """How much of the question a name says, and how little else: 0 to 1."""
    have = stems(text)
    if not have or not words:
        return 0.0
    unique = set(have)
    said = sum(word.said_by(unique) for word in words)
    meant = {word.stem for word in words}.union(*(word.others for word in words))
    parts = unique - {max(unique, key=len)} if len(unique) > 2 else unique  # without the whole
    exact = sum(1 for part in parts if part in meant) / max(1, len(parts))
    return said / sum(word.weight for word in words) * (0.5 + 0.5 * exact)


def prior(path: str, question: str) -> float:
    """How likely a file answers at all, whatever it says: tests, changes and vendored copies repeat others' words."""
    asked = set(stems(question))
    worth = 1.0
    for paths, words, factor in _LESS:
        if paths.search(path) and asked.isdisjoint(stem(word) for word in words.split()):
            worth *= factor
    if _HOW_TO.search(question) and _GUIDES.search(path):
        worth *= _ANSWERED
    return worth


def rank(found: Sequence[Place], question: str) -> list[Ranked]:
    """Files, best first, each with its places, best first."""
    words = wanted(question)
    exact = {last_part(name) for name in identifiers(question)}
    by_path: dict[str, list[Place]] = defaultdict(list)
    for place in found:
        by_path[place.path].append(place)
    top = max(map(_strength, found), default=0.0) or 1.0
    ranked: list[Ranked] = []
    for path, here in by_path.items():
        passages = sorted((_strength(place) / top for place in here if place.score), reverse=True)
        evidence = sum(score * share for score, share in zip(passages, (1.0, 0.3, 0.2, 0.1, 0.1), strict=False))
        names = [likeness(defined_name(place.text), words) for place in here]
        literal = any(defined_name(place.text).rpartition(".")[2] in exact for place in here)
        own = likeness(path.rpartition("/")[2].rpartition(".")[0], words)
        score = (evidence + _BY_NAME * max(names, default=0.0) + _BY_PATH * own) * prior(path, question)
        score += _LITERAL * literal
        best = sorted(here, key=lambda place: -_worth(place, here, top, words))
        ranked.append(Ranked(path, score, best))
    return sorted(ranked, key=lambda file: (-file.score, file.path))


def _worth(place: Place, here: Sequence[Place], top: float, words: Sequence[Wanted]) -> float:
    """A place's worth within its file: a passage gains by the definitions that stand in it."""
    inside = [likeness(defined_name(other.text), words) for other in here if place.first <= other.line <= place.last]
    return _strength(place) / top + 0.5 * max(inside, default=0.0)


def _strength(place: Place) -> float:
    return place.score * (_OF_IMPORT if _IMPORT.match(place.text) else 1.0)
