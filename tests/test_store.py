"""The promise: bytes are read where they are used, with few descriptors, and nothing that happens to a file kills the run."""

from __future__ import annotations

import errno
import os
import random
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from rlm_cli.context import store as store_module
from rlm_cli.context.coverage import Coverage
from rlm_cli.context.files import Files, build_context
from rlm_cli.context.store import MappedStore
from rlm_cli.errors import InputError


class Names:
    """A file table over real files."""

    def __init__(self, paths: Sequence[Path], bases: dict[int, int] | None = None) -> None:
        self.paths = list(paths)
        self.sizes = [path.stat().st_size if path.exists() else 0 for path in paths]
        self.bases = bases or {}

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, file: int) -> str:
        return self.paths[file].name

    def size(self, file: int) -> int:
        return self.sizes[file] - self.bases.get(file, 0)

    def base(self, file: int) -> int:
        return self.bases.get(file, 0)

    def number(self, name: str) -> int | None:
        return next((number for number, path in enumerate(self.paths) if path.name == name), None)


class Opened:
    """Opens files and remembers which."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths
        self.files: list[int] = []

    def __call__(self, file: int) -> int:
        self.files.append(file)
        try:
            return os.open(self.paths[file], os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise InputError(f"cannot read {self.paths[file].name}") from error


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def written(folder: Path, contents: Sequence[bytes]) -> list[Path]:
    paths = [folder / f"f{number:05}" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def test_only_what_is_looked_at_is_opened(tmp_path: Path) -> None:
    paths = written(tmp_path, [f"file {n}\n".encode() * 10 for n in range(500)])
    opened = Opened(paths)
    store = MappedStore(Names(paths), opened)
    context = build_context(store)
    assert context[:500].startswith("==> f00000 <==\nfile 0\n")
    assert len(set(opened.files)) < 10
    assert context[-30:].endswith("file 499\n")
    assert len(set(opened.files)) < 15
    before = len(opened.files)
    parts = context.parts()
    assert len(parts) == 1000
    assert Files(store)["f00250"].path == "f00250"
    assert len(opened.files) == before
    assert context.count("file 250\n") == 10


def test_descriptors_do_not_grow_with_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "SMALL", 1000)
    monkeypatch.setattr(store_module, "READ", 500)
    paths = written(tmp_path, [b"x" * 2000 for _ in range(200)] + [b"y" * 10 for _ in range(200)])
    store = MappedStore(Names(paths), Opened(paths), Coverage())
    start = descriptors()
    context = build_context(store)
    assert context.count("x") == 200 * 2000
    assert descriptors() - start <= 2 * store_module.OPEN
    store.close()
    assert context.count("y") == 2000
    assert descriptors() - start <= 2 * store_module.OPEN


def test_small_files_are_opened_together_where_that_is_offered(tmp_path: Path) -> None:
    paths = written(tmp_path, [f"{n}\n".encode() for n in range(300)])
    paths[7].unlink()
    one, asked = Opened(paths), []

    def several(files: Sequence[int]) -> list[int | Exception]:
        asked.append(list(files))
        found: list[int | Exception] = []
        for file in files:
            try:
                found.append(one(file))
            except InputError as error:
                found.append(error)
        return found

    store = MappedStore(Names(paths), one, open_files=several)
    text = build_context(store)
    assert text.count("\n") == 299 + 300 + 299
    assert set(one.files) == set(range(300))
    assert len(asked) <= 300 / store_module.AHEAD + 1
    assert len(one.files) <= 302
    assert list(store.failed) == [7]


def test_what_was_opened_together_is_closed_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = written(tmp_path, [b"text\n" for _ in range(20)])
    one = Opened(paths)
    reads = 0

    def read(descriptor: int, start: int, count: int) -> bytes:
        nonlocal reads
        reads += 1
        if reads == 3:
            raise OSError(errno.EIO, "a broken disk")
        if reads == 6:
            raise KeyboardInterrupt
        return os.pread(descriptor, count, start)

    monkeypatch.setattr(store_module, "_read", read)
    store = MappedStore(Names(paths), one, open_files=lambda files: [one(file) for file in files])
    before = descriptors()
    with pytest.raises(KeyboardInterrupt):
        store.size(0)
    assert descriptors() == before
    assert list(store.failed) == [2]
    assert [store.size(number) for number in range(20)] == [5, 5, 0, *[5] * 17]
    assert build_context(store).count("text") == 19


def test_a_file_that_cannot_be_read_is_empty_for_the_whole_run(tmp_path: Path) -> None:
    paths = written(tmp_path, [b"one\n", b"two\n", b"three\n"])
    names = Names(paths)
    content = paths[1].read_bytes()
    paths[1].unlink()
    store = MappedStore(names, Opened(paths))
    context = build_context(store)
    assert len(context.parts()) == 6
    expected = "==> f00000 <==\none\n\n==> f00001 <==\n\n==> f00002 <==\nthree\n"
    assert context == expected
    paths[1].write_bytes(content)
    assert context == expected
    assert isinstance(store.failed[1], InputError)
    assert Files(store)["f00001"] == ""


@pytest.mark.parametrize("size", [100, 3_000_000])
def test_growth_is_not_read_and_truncation_does_not_kill(tmp_path: Path, size: int) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"line of text\n" * (size // 13))
    size = path.stat().st_size
    store = MappedStore(Names([path]), Opened([path]))
    text = build_context(store)
    assert text.count("\n") == size // 13
    with path.open("ab") as file:
        file.write(b"more\n")
    assert len(text) == size
    assert "more" not in text
    os.truncate(path, 50)
    assert len(text) == size
    found = text[-100_000:]
    assert len(found) == min(size, 100_000)
    assert text[size - 5 : size] in ("text\n", "\0" * 5)
    if size > store_module.SMALL:
        assert text.count("\n") == 3
        assert store.truncated == {0}
        assert text.find("line", 1000) == -1


def test_a_writer_that_truncates_during_a_search(tmp_path: Path) -> None:
    path = tmp_path / "log"
    done = threading.Event()

    def writer() -> None:
        rng = random.Random(1)
        while not done.is_set():
            os.truncate(path, rng.randrange(4 << 20))

    path.write_bytes(b"line of text\n" * 500_000)
    names = Names([path])
    thread = threading.Thread(target=writer)
    thread.start()
    try:
        for _ in range(20):
            text = build_context(MappedStore(names, Opened([path]), maps=False))
            assert 0 <= text.count("\n") <= 500_000
            assert text.find("never there") == -1
            assert len(text) <= names.size(0)
            assert len(text[-70_000:]) <= 70_000
    finally:
        done.set()
        thread.join()


def test_text_may_begin_inside_a_descriptor(tmp_path: Path) -> None:
    paths = written(tmp_path, [b"\xef\xbb\xbfhello", b"skipped" * 300_000 + b"tail of it"])
    names = Names(paths, {0: 3, 1: 7 * 300_000})
    store = MappedStore(names, Opened(paths))
    assert [str(text) for text in Files(store).values()] == ["hello", "tail of it"]
    names = Names(paths, {1: 7})
    store = MappedStore(names, Opened(paths))
    text = Files(store)["f00001"]
    assert text.count("skipped") == 299_999
    assert text[:9] == "skippedsk"
    assert text.endswith("tail of it")


def test_glob_as_a_shell_user_means_it(tmp_path: Path) -> None:
    class Tree(Names):
        def name(self, file: int) -> str:
            return ["a.py", "b/c.py", "b/d/e.py", "b/x.txt", ".hidden", "b/[1].py", "b/d/\n.py"][file]

        def number(self, name: str) -> int | None:
            return next((file for file in range(7) if self.name(file) == name), None)

    files = Files(MappedStore(Tree([tmp_path] * 7), Opened([])))
    assert files.glob("*.py") == ["a.py", "b/c.py", "b/d/e.py", "b/[1].py", '"b/d/\\n.py"']
    assert files.glob("**/*.py") == files.glob("*.py")
    assert files.glob("b/*.py") == ["b/c.py", "b/[1].py"]
    assert files.glob("b/**") == ["b/c.py", "b/d/e.py", "b/x.txt", "b/[1].py", '"b/d/\\n.py"']
    assert files.glob("b/**/e.py") == ["b/d/e.py"]
    assert files.glob("?.py") == ["a.py", "b/c.py", "b/d/e.py", '"b/d/\\n.py"']
    assert files.glob("b/?.py") == ["b/c.py"]
    assert files.glob("[ab].py") == ["a.py"]
    assert files.glob("[!a\n].py") == ["b/c.py", "b/d/e.py"]
    assert files.glob("b/[[]1[]].py") == ["b/[1].py"]
    assert files.glob("[z-a]") == []
    assert files["b/c.py"].path == "b/c.py"
    assert files['"b/d/\\n.py"'].path == "b/d/\n.py"
    with pytest.raises(KeyError):
        files["nothing"]
