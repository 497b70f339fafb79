"""What was read of each file, as rows short enough for a journal: the map of the input that `rlm view` draws."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest

from rlm_cli.context.coverage import Coverage
from rlm_cli.context.spans import FileNames

MOST_ROWS = 2_000
"""A row is about 60 bytes: 120 kB at most, whatever the input."""

Row = list[str | int]
"""[path, bytes, bytes read by code, bytes read by models, files that the row stands for]"""


def account(files: FileNames, code: Coverage, models: Coverage, most: int = MOST_ROWS) -> list[Row]:
    """A row for each file where there are at most `most`. Else those that models read, then those that code read, have
    rows of their own, and the rest is summed up by directory; a directory's row ends with `/`."""
    by_code, by_models = _by_file(code, len(files)), _by_file(models, len(files))

    def row(file: int) -> Row:
        size = files.size(file)
        return [files.name(file), size, min(size, by_code[file]), min(size, by_models[file]), 1]

    if len(files) <= most:
        return [row(file) for file in range(len(files))]
    read = (file for file in range(len(files)) if by_code[file] or by_models[file])
    own = set(nsmallest(most // 2, read, key=lambda file: (-by_models[file], -by_code[file], file)))
    directories: dict[str, list[int]] = {}
    for file in range(len(files)):
        if file not in own:
            path, *values = row(file)
            _add(directories, str(path)[: str(path).rfind("/") + 1], values)
    depth = 1
    grouped = _at_depth(directories, depth)
    while depth < 6 and len(deeper := _at_depth(directories, depth + 1)) <= most - len(own):
        grouped, depth = deeper, depth + 1
    if len(grouped) > most - len(own):
        grouped = _at_depth(directories, 0)
    return [row(file) for file in sorted(own)] + [[name, *sums] for name, sums in grouped.items()]


def _by_file(coverage: Coverage, files: int) -> list[int]:
    """Bytes read of each file."""
    read = [0] * files
    for file, start, end in coverage.stretches():
        read[file] += end - start
    return read


def _at_depth(directories: dict[str, list[int]], depth: int) -> dict[str, list[int]]:
    """The sums of whole directories as those of their first `depth` names."""
    sums: dict[str, list[int]] = {}
    for path, values in directories.items():
        first = depth + path.startswith("/")
        _add(sums, "/".join(path.split("/")[:-1][:first]) + "/", values)
    return sums


def _add(sums: dict[str, list[int]], name: str, values: Sequence[int | str]) -> None:
    row = sums.setdefault(name, [0, 0, 0, 0])
    for place, value in enumerate(values):
        row[place] += int(value)
