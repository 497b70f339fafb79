"""How a trial went: a line of JSON each, appended as soon as it is known, so that a killed benchmark goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

FILE = "results.jsonl"
_LONGEST = 4_000  # characters of an answer that are kept here; the journal of the trial holds it whole
_LOST = frozenset({
    *("Unreachable", "RateLimited", "ServerFailed", "ModelNotFound", "Interrupted"),
    *("AuthError", "UsageError", "SandboxError"),  # these end the benchmark
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One trial. Costs in dollars (None: the price is not known), times in seconds, coverage as a share of the bytes.

    `status`: answered, not_found, partial or failed, as of a run. `root_tokens` and `sub_tokens`: read and written, by
    calls of the root and by all others.
    """

    trial: str
    task: str
    kind: str
    tokens: int
    method: str
    model: str
    score: float
    status: str
    answer: str = ""
    error: str = ""
    failure: str = ""  # the class of the error
    cost: float | None = 0.0
    root_tokens: int = 0
    sub_tokens: int = 0
    calls: int = 0
    turns: int = 0
    seconds: float = 0.0
    searched: float = 0.0  # share of the input that code went through
    read: float = 0.0  # share that models were shown

    @property
    def lost(self) -> bool:
        """Whether it says something of a key, a network or a machine, and nothing of the method: it is tried again."""
        return self.failure in _LOST

    def to_json(self) -> str:
        """One line."""
        values = asdict(self) | {"answer": self.answer[:_LONGEST], "score": round(self.score, 6)}
        return json.dumps(values, ensure_ascii=False) + "\n"


class Results:
    """The results in one folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def add(self, result: Result) -> None:
        """Append one, and see it onto the disk: it has been paid for. Raises OSError."""
        line = result.to_json().encode("utf-8", "replace")
        with self._path.open("ab") as file:
            if file.tell() and not self._whole():
                line = b"\n" + line  # a line that was torn by a kill stays alone
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def __iter__(self) -> Iterator[Result]:
        """Those on record, the last of each trial. A torn line is no result: its trial is done again."""
        found: dict[str, Result] = {}
        names = {item.name for item in fields(Result)}
        if self._path.exists():
            for line in self._path.read_bytes().split(b"\n"):  # an answer may hold what else ends lines of text
                try:
                    values = json.loads(line)
                    result = Result(**{name: value for name, value in values.items() if name in names})
                except (ValueError, TypeError, AttributeError):
                    continue
                found[result.trial] = result
        return iter(found.values())

    def _whole(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
