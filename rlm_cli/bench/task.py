"""One task: input files, a question about them, and what is right. All of it follows from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BYTES_PER_TOKEN = 4
"""What a length in tokens means here: English text has about four bytes a token with the tokenizers in use."""

Floor = Callable[[Path, random.Random], str]
"""An answer that needs no model: (the folder of the input, a source of chance) → text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """`tokens` is the length that was asked for. `gold` is in the form that the score `scoring` takes; it stays in
    this process and in the folder of the results, which no run is given."""

    name: str
    kind: str
    tokens: int
    question: str
    scoring: str
    gold: Any
    files: Callable[[], Iterable[tuple[str, Iterator[str]]]]  # (path, pieces of text); the same each time
    floors: Mapping[str, Floor] = field(default_factory=dict)  # random, rule, all-pairs

    def write(self, folder: Path) -> int:
        """Write the input below `folder`, which is made. Returns its size in bytes."""
        size = 0
        for name, pieces in self.files():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for piece in pieces:
                    size += file.write(piece.encode())
        return size


def source(seed: int, kind: str, tokens: int, number: int) -> random.Random:
    """Chance for one task: the same for the same four, on every machine and Python from 3.11 on."""
    return random.Random(f"{kind}/{tokens}/{number}/{seed}")


def name(kind: str, tokens: int, number: int) -> str:
    """What a task is called in results: `niah-8k-3`."""
    return f"{kind}-{shown(tokens)}-{number + 1}"


def shown(tokens: int) -> str:
    """A length as it is written: 8k, 131k, 10M."""
    if tokens % 1_000_000 == 0:
        return f"{tokens // 1_000_000}M"
    return f"{tokens // 1000}k" if tokens % 1000 == 0 else str(tokens)
