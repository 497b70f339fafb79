"""What was read of each file, as rows short enough for a journal: the map of the input that `rlm view` draws."""

from __future__ import annotations

from rlm_cli.context.coverage import Coverage
from rlm_cli.context.spans import FileNames

MOST_ROWS = 2_000
"""A row is about 60 bytes: 120 kB at most, whatever the input."""

Row = list[str | int]
"""[path, bytes, bytes read by code, bytes read by models, files that the row stands for]"""


def account(files: FileNames, code: Coverage, models: Coverage, most: int = MOST_ROWS) -> list[Row]:
    """A row for each file where there are at most `most`. Else those that models read, then those that code read, have
    rows of their own, and the rest is summed up by directory; a directory's row ends with `/`."""
    if len(files) <= most:
        return [_row(files, file, code, models) for file in range(len(files))]
    read = sorted(_read(code, models), key=lambda file: (-models.bytes(file), -code.bytes(file), file))
    own = read[: most // 2]
    left = set(range(len(files))).difference(own)
    depth = 1
    grouped = _by_directory(files, left, code, models, depth)
    while depth < 6 and len(deeper := _by_directory(files, left, code, models, depth + 1)) <= most - len(own):
        grouped, depth = deeper, depth + 1
    if len(grouped) > most - len(own):
        grouped = _by_directory(files, left, code, models, 0)
    return [_row(files, file, code, models) for file in sorted(own)] + grouped


def _read(code: Coverage, models: Coverage) -> set[int]:
    return {file for coverage in (code, models) for file, _, _ in coverage.stretches()}


def _row(files: FileNames, file: int, code: Coverage, models: Coverage) -> Row:
    size = files.size(file)
    return [files.name(file), size, min(size, code.bytes(file)), min(size, models.bytes(file)), 1]


def _by_directory(files: FileNames, left: set[int], code: Coverage, models: Coverage, depth: int) -> list[Row]:
    """One row for each directory of `depth` names."""
    sums: dict[str, list[int]] = {}
    for file in sorted(left):
        path = files.name(file)
        parts = path.rsplit("/", 1)[0].split("/") if "/" in path else []
        name = "/".join(parts[: depth + path.startswith("/")]) + "/"
        _, size, by_code, by_models, _ = _row(files, file, code, models)
        row = sums.setdefault(name, [0, 0, 0, 0])
        for place, value in enumerate((size, by_code, by_models, 1)):
            row[place] += int(value)
    return [[name, *row] for name, row in sums.items()]
