"""How much of the input was looked at: by code, by models, never; and what was searched for.

Bytes, each once, whichever node read them: children add to the same account. Read by code is what grep, search and
slices went through. Read by models is what stood in a prompt or in an output that a model was shown, as far as it is
known to come from the input: parts that are passed on, matches, and text that is there letter for letter. Text that
code had changed first is not counted, so that share is a lower bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rlm_cli.context.account import Row, account
from rlm_cli.context.coverage import Coverage
from rlm_cli.context.spans import FileNames, Span
from rlm_cli.sandbox import CellResult, Shown

MOST_SEARCHES = 100
NOT_COUNTED = "text that code had changed before it was printed or sent"


class Account:
    """The account of one run."""

    def __init__(self, files: FileNames) -> None:
        self._files = files
        self.by_code = Coverage()
        self.by_models = Coverage()
        self.searched: dict[tuple[str, str], None] = {}  # kind, pattern or query; in order

    def read(self, span: Span) -> None:
        """A model was sent the bytes of `span`."""
        self.by_models.add(*span)

    def search(self, kind: str, pattern: str) -> None:
        """`grep` or `search` was asked for this."""
        if len(self.searched) < MOST_SEARCHES:
            self.searched.setdefault((kind, pattern))

    def cell(self, result: CellResult, visible: Sequence[tuple[int, int]]) -> None:
        """What a cell read, searched and showed. `visible`: the stretches of its output that its model was shown."""
        if result.coverage is not None:
            self.by_code.merge(Coverage.unwire(result.coverage, self._files))
        for search in result.searched:
            self.search(*search)
        for shown in result.shown:
            for span in _seen(shown, visible):
                self.by_models.add(*span)

    @property
    def half_read(self) -> bool:
        """Whether code went through at least half of the input."""
        return 2 * self.by_code.bytes() >= self._total()

    def _total(self) -> int:
        return sum(self._files.size(file) for file in range(len(self._files)))

    def files_read(self) -> Iterator[int]:
        """Files of which something was read, those that models read first. Some come twice."""
        yield from self.by_models.touched()
        yield from self.by_code.touched()

    def rows(self) -> list[Row]:
        """The account by file; of a large input by directory."""
        return account(self._files, self.by_code, self.by_models)

    def to_json(self, skipped: Mapping[str, int]) -> dict[str, Any]:
        """The account in sums. `skipped` counts what was left out of the input, by reason."""
        total = self._total()
        either = Coverage()
        either.merge(self.by_code)
        either.merge(self.by_models)
        return {
            "bytes": total,
            "files": len(self._files),
            "read_by_code_bytes": min(total, self.by_code.bytes()),
            "read_by_code_files": self.by_code.files(),
            "read_by_models_bytes": min(total, self.by_models.bytes()),
            "read_by_models_files": self.by_models.files(),
            "never_read_bytes": max(0, total - either.bytes()),
            "never_read_files": len(self._files) - either.files(),
            "skipped_files": dict(skipped),
            "searched_for": [{kind: pattern} for kind, pattern in self.searched],
            "not_counted": NOT_COUNTED,
        }


def _seen(shown: Shown, visible: Sequence[tuple[int, int]]) -> Iterator[Span]:
    """The part of `shown.span` that stands in the visible stretches, to the nearest character."""
    span, length = shown.span, shown.length
    if shown.offset < 0:
        yield span
        return
    size = span.end - span.start
    for low, high in visible:
        first, last = max(low, shown.offset), min(high, shown.offset + length)
        if first >= last:
            continue
        start = span.start + (first - shown.offset) * size // max(1, length)
        yield Span(span.file, start, span.start + (last - shown.offset) * size // max(1, length))
