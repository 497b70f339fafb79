"""What a reader needs to know before acting on an answer: how much was looked at, and what did not hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlm_cli.figures import number, plural
from rlm_cli.terminal import one_line

_SEARCHES = 5
_MOST = 1 << 63  # of bytes or files; a journal from elsewhere may say more
_SKIPPED = 4  # reasons


def coverage_text(coverage: Mapping[str, Any]) -> str:
    """`searched 100 %, read by models 2.1 % (31 of 1,284 files); 3 files skipped: 2 binary, 1 secret`.

    Empty where there is no account.
    """
    total, files = _count(coverage, "bytes"), _count(coverage, "files")
    if not files:
        return ""
    searched = percent(_count(coverage, "read_by_code_bytes"), total)
    by_models = percent(_count(coverage, "read_by_models_bytes"), total)
    of = f"{number(_count(coverage, 'read_by_models_files'))} of {plural(files, 'file')}"
    text = f"searched {searched}, read by models {by_models} ({of})"
    told = coverage.get("skipped_files")
    skipped = {str(reason): _count(told, reason) for reason in told} if isinstance(told, Mapping) else {}
    if not skipped:
        return text
    most = sorted(skipped.items(), key=lambda item: -item[1])
    named = [f"{number(count)} {one_line(reason, 40)}" for reason, count in most[:_SKIPPED]]
    named += ["…"] if len(most) > _SKIPPED else []
    return f"{text}; {number(sum(skipped.values()))} skipped: {', '.join(named)}"


def percent(part: int, whole: int) -> str:
    """`100 %` is said of the whole alone, `0 %` of nothing alone."""
    if part >= whole:
        return "100 %"
    if part <= 0:
        return "0 %"
    share = 100 * part / whole
    return "<0.1 %" if share < 0.1 else f"{min(share, 99.9):.1f} %"


def finding(coverage: Mapping[str, Any]) -> str:
    """What stands behind "not found": what was searched for and how much of the input was searched, in sentences."""
    lines = []
    searches = [
        f"{kind} {_quoted(pattern)}"
        for search in _items(coverage, "searched_for")
        if isinstance(search, Mapping)
        for kind, pattern in search.items()
    ]
    if searches:
        more = f" and {len(searches) - _SEARCHES} more" if len(searches) > _SEARCHES else ""
        lines.append(f"Searched for: {', '.join(searches[:_SEARCHES])}{more}.")
    if account := coverage_text(coverage):
        lines.append(f"{account[0].upper()}{account[1:]}.")
        searched = _count(coverage, "read_by_code_bytes")
        missing = _count(coverage, "bytes") - searched
        if not searched:
            lines.append("Nothing was searched: this says nothing about the input.")
        elif missing > 0:
            lines.append(f"{number(missing)} bytes were not searched: it may stand there.")
    return "\n".join(lines)


def doubts(checks: Mapping[str, Any]) -> list[str]:
    """What the answer's text claims and the input does not hold, a sentence each."""
    told = []
    if marks := _items(checks, "marks_without_source"):
        told.append(f"marks without a source: {_listed([f'[{mark}]' for mark in marks])}")
    if places := _items(checks, "places_unverified"):
        told.append(f"places that are not in the input: {_listed(places)}")
    if quotes := _items(checks, "quotes_not_found"):
        told.append(f"{plural(len(quotes), 'quote')} not found in what was read: {_listed(quotes)}")
    if unsearched := _count(checks, "quotes_not_searched"):
        told.append(f"{plural(unsearched, 'quote')} not searched to the end")
    return told


def _count(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name)
    return int(value) if isinstance(value, int | float) and 0 <= value < _MOST else 0


def _items(values: Mapping[str, Any], name: str) -> list[Any]:
    value = values.get(name)
    return value if isinstance(value, list) else []


def _listed(names: list[Any]) -> str:
    return ", ".join(one_line(str(name), 80) for name in names[:3]) + (", …" if len(names) > 3 else "")


def _quoted(pattern: object) -> str:
    return f"“{one_line(str(pattern), 60)}”"
