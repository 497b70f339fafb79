"""The account of what was read: every byte in exactly one row, and never more rows than a journal can take."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from rlm_cli.context.account import account
from rlm_cli.context.coverage import Coverage


@dataclass(frozen=True)
class Names:
    names: list[str]
    sizes: list[int]

    def __len__(self) -> int:
        return len(self.names)

    def name(self, file: int) -> str:
        return self.names[file]

    def size(self, file: int) -> int:
        return self.sizes[file]

    def base(self, file: int) -> int:
        return 0

    def number(self, name: str) -> int | None:
        return self.names.index(name) if name in self.names else None


part = st.sampled_from("abcd")
paths = st.lists(st.lists(part, min_size=1, max_size=4).map("/".join), min_size=1, max_size=60, unique=True)


@given(paths, st.integers(4, 70), st.data())
def test_rows_add_up_to_what_was_read(names: list[str], most: int, data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(0, 100), min_size=len(names), max_size=len(names)))
    files = Names([f"{'/' if names[0] == 'a' else ''}{name}" for name in names], sizes)
    code, models = Coverage(), Coverage()
    for coverage in (code, models):
        for file in data.draw(st.lists(st.integers(0, len(names) - 1), max_size=20)):
            coverage.add(file, 0, sizes[file])
    rows = account(files, code, models, most)
    assert len(rows) <= most
    for place, expected in ((1, sum(sizes)), (2, code.bytes()), (3, models.bytes()), (4, len(names))):
        assert sum(int(row[place]) for row in rows) == expected
    if len(names) <= most:
        assert [row[0] for row in rows] == files.names


def test_what_models_read_has_a_row_of_its_own() -> None:
    files = Names([f"src/{number // 100}/{number}.py" for number in range(10_000)], [50] * 10_000)
    code, models = Coverage(), Coverage()
    for file in range(10_000):
        code.add(file, 0, 10)
    models.add(9_999, 0, 50)
    rows = account(files, code, models)
    assert ["src/99/9999.py", 50, 10, 50, 1] in rows
    assert len(rows) <= 2_000
    assert sum(int(row[4]) for row in rows if str(row[0]).endswith("/")) == 9_000
