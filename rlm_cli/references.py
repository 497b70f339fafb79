"""What an answer's prose claims of the input: marks `[3]`, places `auth.py:42`, words in quotation marks.

Each is looked up. A mark without a source becomes `[7?]`, a place that does not exist gets a `?`, words that were not
found where the run has read get a note behind them. What holds becomes a source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from rlm_cli.citations import Citation, EmptySource, Sources
from rlm_cli.context.spans import Span
from rlm_cli.context.store import ByteStore
from rlm_cli.quotations import Quotations

MOST_TEXT = 1_000_000
"""Characters of an answer that are looked through; a longer one is data, and no prose."""
MOST_REFERENCES = 2_000
_SHOWN = 50  # of each kind of fault, in JSON

# The letter before tells `items[3]`, an index, from prose. Scripts without spaces have letters there at any time.
_MARK = re.compile(
    r"(?P<before>[A-Za-z0-9_]?)(?P<marks>(?:[\[【［]\d{1,4}(?:\s?[,;，、；]\s?\d{1,4}){0,50}[\]】］])++)(?!\()"
)
_NUMBER = re.compile(r"\d+")
# Possessive: each run of path characters is tried once, so the scan is linear.
PLACE = re.compile(
    r"(?<![\w@+~./!-])(?P<path><stdin>|\"(?:[^\"\\\n]|\\[^\n]){1,300}+\"|[\w@+~./!-]++)"
    r":(?P<line>\d{1,9})(?:[-–](?P<end>\d{1,9}))?(?!\w)"
)
# A fence stands at the beginning of a line: three backticks in prose must not switch the look-up off.
_CODE = re.compile(r"^[ \t]{0,3}```[^\n]*\n.*?(?:^[ \t]{0,3}```|\Z)|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_TAIL = re.compile(r"[\w@+~.!-]*\Z")
_NOT_FOUND = " [quote not found]"

Found = int | Literal["unknown", "several"]


@dataclass(slots=True)
class Settled:
    """An answer after the look-up: its text with what is doubtful marked, its sources, and the account of it."""

    text: str
    citations: list[Citation]
    marks: list[str] = field(default_factory=list)  # without a source
    places: list[str] = field(default_factory=list)  # that were not verified
    spelled: dict[str, int] = field(default_factory=dict)  # a place as the prose writes it → its source
    quotes_found: int = 0
    quotes_missing: list[str] = field(default_factory=list)
    quotes_unsearched: int = 0
    whole: bool = True  # all of the text was looked through

    def to_json(self) -> dict[str, Any]:
        return {
            "marks_without_source": list(dict.fromkeys(self.marks))[:_SHOWN],
            "places_verified": self.spelled,
            "places_unverified": list(dict.fromkeys(self.places))[:_SHOWN],
            "quotes_found": self.quotes_found,
            "quotes_not_found": self.quotes_missing[:_SHOWN],
            "quotes_not_searched": self.quotes_unsearched,
            "whole_text": self.whole,
        }


class LookUp:
    """Looks up what one answer claims. `now` is a store that has just been opened; `same` as in `Sources.checked`."""

    def __init__(
        self,
        sources: Sources,
        now: ByteStore,
        quotations: Quotations | None = None,
        same: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self._sources = sources
        self._now = now
        self._quotations = quotations
        self._same = same
        self._known: dict[int, Citation | None] = {}
        self._used: dict[int, Citation] = {}
        self._looked = 0
        self._names = Names(sources.store)

    def settle(self, text: str) -> Settled:
        """The answer's text and its sources. Where the text uses no mark at all, every registered source is shown."""
        settled = Settled(text, [])
        if len(text) <= MOST_TEXT:
            settled.text = self._marked(text, settled)
            if self._quotations is not None:
                settled.text = self._quoted(settled)
        else:
            settled.whole = False
        return self._with_citations(settled)

    def settle_value(self, text: str, value: Any) -> Settled:
        """The sources of a value: every object in it with a path and a line, and what its texts claim.

        Nothing in it is rewritten: a program reads it. What is doubtful is in the account alone.
        """
        settled = Settled(text, [])
        left = MOST_TEXT
        for item in _within(value):
            if isinstance(item, str):
                left -= len(item)
                if left < 0:
                    settled.whole = False
                    break
                self._marked(item, settled)
            elif (place := _place_of(item)) is not None:
                self._look_up(*place, settled)
        return self._with_citations(settled)

    def _look_up(self, path: str, first: int, last: int, settled: Settled) -> None:
        self._looked += 1
        if self._looked > MOST_REFERENCES:
            settled.whole = False
            return
        found = self._names.find(path, path)
        number = self._cite(found, first, last) if isinstance(found, int) else 0
        if number > 0:
            settled.spelled[f"{path}:{first}"] = number
        elif not number:
            settled.places.append(f"{path}:{first}")

    def _with_citations(self, settled: Settled) -> Settled:
        if not self._used:
            for number in sorted(self._sources.numbers):
                self._check(number)
        settled.citations = [self._used[number] for number in sorted(self._used)]
        return settled

    # --- marks and places -------------------------------------------------------------------------------------------

    def _check(self, number: int) -> bool:
        """Whether source `number` holds; it is shown then."""
        if number not in self._known:
            self._known[number] = self._sources.checked(number, self._now, self._same)
        citation = self._known[number]
        if citation is not None:
            self._used[number] = citation
        return citation is not None

    def _marked(self, text: str, settled: Settled) -> str:
        if _MARK.fullmatch(text.strip()):
            return text  # the whole answer is a list
        made, position = [], 0
        for code in [*_CODE.finditer(text), None]:
            prose = text[position : code.start() if code else len(text)]
            prose = _MARK.sub(lambda found: self._mark(found, settled), prose)
            made.append(PLACE.sub(lambda found: self._place(found, settled), prose))
            if code:
                inside = code[0]
                fenced = inside.startswith("```")
                made.append(inside if fenced else PLACE.sub(lambda found: self._place(found, settled), inside))
                position = code.end()
        return "".join(made)

    def _mark(self, found: re.Match[str], settled: Settled) -> str:
        numbers = [int(number) for number in _NUMBER.findall(found["marks"])]
        if found["before"] and not all(number in self._sources.numbers for number in numbers):
            return found[0]  # `items[3]` is an index and no mark
        missing = {number for number in numbers if not self._check(number)}
        if not missing:
            return found[0]
        settled.marks += [str(number) for number in sorted(missing)]
        return found["before"] + _NUMBER.sub(lambda one: one[0] + "?" * (int(one[0]) in missing), found["marks"])

    def _place(self, found: re.Match[str], settled: Settled) -> str:
        self._looked += 1
        if self._looked > MOST_REFERENCES:
            settled.whole = False
            return found[0]
        path, first = found["path"], int(found["line"])
        if path.startswith("//"):
            return found[0]  # of an address: http://host/a.py:8
        file = self._names.find(path, found.string[max(0, found.end("path") - 4096) : found.end("path")])
        if file == "unknown":
            return found[0]
        last = int(found["end"] or first)
        number = self._cite(file, first, last) if isinstance(file, int) else 0
        if not number:
            settled.places.append(found[0])
            return found[0] + "?"
        citation = self._known.get(number)
        written = found[0] if citation is None or citation.state == "verified" else f"{path}:{citation.line}"
        if citation is not None:
            settled.spelled[written] = number
        return written

    def _cite(self, file: int, first: int, last: int) -> int:
        """The number of the source that these lines are; -1 for lines that are empty, 0 where there are none."""
        store = self._sources.store
        span = store.line_span(file, first, last) if last >= first else None
        if span is None or (last > first and store.line_span(file, last, last) is None):
            return 0
        try:
            number = self._sources.of_lines(file, first, last) or self._sources.add(Span(file, *span))
        except EmptySource:
            return -1
        except ValueError:
            return 0
        return number if self._check(number) else 0

    # --- quotations -------------------------------------------------------------------------------------------------

    def _quoted(self, settled: Settled) -> str:
        assert self._quotations is not None
        text = settled.text
        codes = [code.span() for code in _CODE.finditer(text)]
        cited = [citation.file for citation in self._used.values()]
        made, position = [], 0
        for quote in self._quotations.of(text, codes, first=cited):
            if quote.found:
                settled.quotes_found += 1
            elif quote.found is None:
                settled.quotes_unsearched += 1
            else:
                settled.quotes_missing.append(quote.text[:500])
                made += [text[position : quote.end], _NOT_FOUND]
                position = quote.end
        return "".join([*made, text[position:]])


_MOST_ALIKE = 500  # files with the same last part, beyond which prose must give the whole name


class Names:
    """Which file prose means by a path."""

    def __init__(self, store: ByteStore) -> None:
        self._files = store.files
        self._by_tail: dict[str, list[int]] | None = None
        self._suffixes: set[str] = set()

    def find(self, path: str, before: str) -> Found:
        """The file that `path` means, where `before` is the text that ends with it: a name may hold spaces.

        Its whole name, or a tail of it that fits one file alone. `unknown` for what is no name of a file at all, such
        as the time of day; a path that fits no file, or several, is `several`.
        """
        if self._by_tail is None:
            self._learn()
        assert self._by_tail is not None
        if path.startswith('"') and path not in self._by_tail:
            path = before = path[1:-1]  # quoted for its spaces or colons; the names of `files` are quoted for less
        path = path.removeprefix("./")
        alike = self._by_tail.get(_tail(path), ())
        if len(alike) > _MOST_ALIKE:  # thousands of `__init__.py`: comparing each would take minutes for a long answer
            exact = self._files.number(path)
            return "several" if exact is None else exact
        best, most = [], 0
        for file in alike:
            name = self._files.name(file)
            fits = _fit(name, path, before)
            if fits > most:
                best, most = [file], fits
            elif fits == most and fits:
                best.append(file)
        if len(best) > 1:
            whole = [file for file in best if len(self._files.name(file)) == most]
            best = whole if len(whole) == 1 else best
        if len(best) == 1:
            return best[0]
        suffix = _suffix(path)
        return "several" if best or (suffix and suffix in self._suffixes) else "unknown"

    def _learn(self) -> None:
        self._by_tail = {}
        for file in range(len(self._files)):
            name = self._files.name(file)
            self._by_tail.setdefault(_tail(name), []).append(file)
            self._suffixes.add(_suffix(name))


def _tail(name: str) -> str:
    """The end of a name that holds none but characters of paths, within its last part."""
    if name.endswith((">", '"')):
        return name
    found = _TAIL.search(name.rpartition("/")[2])
    return found[0] if found else ""


def _suffix(name: str) -> str:
    last = name.rstrip('"').rpartition("/")[2]
    stem, _, suffix = last.rpartition(".")
    return suffix.lower() if stem and suffix.isalnum() and not suffix.isdigit() else ""


def _fit(name: str, path: str, before: str) -> int:
    """How many characters of `name` stand at the end of `before`; 0 where they do not cover `path`."""
    tail = name
    while tail:
        if before.endswith(tail):
            edge = before[-len(tail) - 1 : -len(tail)]
            free = not edge or not (edge.isalnum() or edge in "_@+~.!-")
            return len(tail) if free and (len(tail) >= len(path) or path.endswith("/" + name)) else 0
        _, _, tail = tail.partition("/")
    return 0


def _within(value: Any, depth: int = 20) -> Iterator[dict[Any, Any] | str]:
    """Every object and every text in `value`."""
    if isinstance(value, str | dict):
        yield value
    if isinstance(value, dict | list) and depth > 0:
        for item in value.values() if isinstance(value, dict) else value:
            yield from _within(item, depth - 1)


def _place_of(value: dict[Any, Any]) -> tuple[str, int, int] | None:
    """(path, first line, last line) where an object names a place."""
    path = next((value[key] for key in ("path", "file", "filename") if isinstance(value.get(key), str)), None)
    lines = [value.get(key) for key in ("line", "start_line", "line_number")]
    first = next((line for line in lines if type(line) is int), None)
    if not path or first is None:
        return None
    last = value.get("end_line")
    return path, first, last if type(last) is int else first
