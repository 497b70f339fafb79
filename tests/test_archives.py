"""Compressed files are text, archives are directories, and neither can fill the disk or reach out of its place."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import multiprocessing
import os
import stat
import struct
import tarfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from rlm_cli.context import archives
from rlm_cli.context.cache import TextCache
from rlm_cli.context.corpus import open_corpus
from rlm_cli.context.options import InputOptions
from rlm_cli.errors import InputError
from tests.inputs import grow, texts

TEXT = b"2026-11-21 line of a log\r\n" * 4000
PACKERS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "t"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def options(root: Path, **more: Any) -> InputOptions:
    return InputOptions(cache=root.parent / "cache", **more)


def entries(root: Path) -> list[Path]:
    return sorted(path for path in (root.parent / "cache").rglob("*") if path.is_file())


def tar(members: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return out.getvalue()


def packed_zip(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("form", PACKERS)
def test_compressed_files_are_read_as_text(form: str, root: Path) -> None:
    pack = PACKERS[form]
    grow(
        root,
        {f"app.log.{form}": pack(TEXT), f"two.{form}": pack(b"one\n") + pack(b"two\n"), f"empty.{form}": pack(b"")},
    )
    with open_corpus(["."], options(root)) as corpus:
        assert texts(corpus) == {f"app.log.{form}": TEXT, f"empty.{form}": b"", f"two.{form}": b"one\ntwo\n"}


@pytest.mark.parametrize("name", ["a.tar", "a.tgz", "a.tar.bz2", "a.tar.xz", "a.tar.zst", "a.zip"])
def test_members_of_archives_are_files(name: str, root: Path) -> None:
    members = {
        "logs/a.log": TEXT,
        "b.txt": b"\xef\xbb\xbfwith a mark",
        "bin": b"a\0b",
        "empty": b"",
        "deep/x y.txt": "ü".encode(),
    }
    if name == "a.zip":
        data = packed_zip(members)
    elif name == "a.tar.zst":
        data = PACKERS["zst"](tar(members))
    else:
        data = tar(members, {"a.tar": "w", "a.tgz": "w:gz", "a.tar.bz2": "w:bz2", "a.tar.xz": "w:xz"}[name])
    grow(root, {name: data, "plain": "x"})
    for _ in range(2):  # the second time out of the cache
        with open_corpus(["."], options(root)) as corpus:
            assert texts(corpus) == {
                f"{name}!/logs/a.log": TEXT,
                f"{name}!/b.txt": b"with a mark",
                f"{name}!/empty": b"",
                f"{name}!/deep/x y.txt": "ü".encode(),
                "plain": b"x",
            }
            assert corpus.skipped == {"binary": 1}
            assert corpus.examples == {"binary": [f"{name}!/bin"]}


def test_the_cache_is_private_whole_and_used_again(root: Path) -> None:
    grow(
        root,
        {
            "a.gz": gzip.compress(TEXT),
            "same.gz": gzip.compress(TEXT, mtime=1),
            "again.gz": gzip.compress(TEXT, mtime=1),
        },
    )
    with open_corpus(["."], options(root)):
        first = entries(root)
    assert {stat.S_IMODE(path.stat().st_mode) for path in first} == {0o600}
    assert len(first) == 4  # text and index for each of two contents
    times = [path.stat().st_ino for path in first]
    with open_corpus(["."], options(root)) as corpus:
        assert set(texts(corpus).values()) == {TEXT}
    assert [path.stat().st_ino for path in entries(root)] == times


def test_a_name_that_lies_is_not_believed(root: Path) -> None:
    grow(
        root,
        {
            "notes.gz": "plain text\n",
            "x.zip": "PK is how a zip begins\n",
            "t.tar": "no archive",
            "gzip.txt": gzip.compress(b"x\0"),
        },
    )
    with open_corpus(["."], options(root)) as corpus:
        assert texts(corpus) == {
            "notes.gz": b"plain text\n",
            "t.tar": b"no archive",
            "x.zip": b"PK is how a zip begins\n",
        }
        assert corpus.skipped == {"binary": 1}


def test_bombs_are_refused_and_leave_nothing(root: Path) -> None:
    zeros = b"a" * 3_000_000
    grow(root, {f"b.{form}": pack(zeros) for form, pack in PACKERS.items()})
    grow(
        root,
        {
            "b.tar.gz": tar({"x": zeros[:900_000], "y": zeros}, "w:gz"),
            "b.zip": packed_zip({"x": zeros}),
            "ok.gz": gzip.compress(b"ok"),
        },
    )
    with open_corpus(["."], options(root, max_decompressed=1_000_000)) as corpus:
        assert texts(corpus) == {"ok.gz": b"ok"}
        assert corpus.skipped == {"too large": 6}
    assert sum(path.stat().st_size for path in entries(root)) < 1000
    with pytest.raises(InputError, match="1 too large") as caught:
        open_corpus(["b.gz"], options(root, max_decompressed=1_000_000))
    assert "--max-decompressed" in caught.value.hint
    with open_corpus(["b.gz"], options(root)) as corpus:
        assert corpus.size(0) == len(zeros)
    with pytest.raises(InputError, match="1 too large"):  # the cache does not lift the limit
        open_corpus(["b.gz"], options(root, max_decompressed=1_000_000))


def zip_of(members: int, *, counted: int | None = None, directory: int | None = None) -> bytes:
    """A zip file whose directory names one empty member again and again; its end may say another count or size."""
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 33, 0, 0, 0, 1, 0) + b"a"
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    size = members * len(entry) if directory is None else directory
    told = min(members if counted is None else counted, 0xFFFF)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, told, told, size, len(local), 0)
    return local + entry * members + end


def test_a_zip_of_too_many_members_is_refused_before_it_is_held(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_MOST_ZIPPED", 1000)
    monkeypatch.setattr(archives, "_LARGEST_DIRECTORY", 100_000)
    (root / "a").write_text("kept\n")
    (root / "fits.zip").write_bytes(zip_of(1000))
    (root / "many.zip").write_bytes(zip_of(1001))
    (root / "forged.zip").write_bytes(zip_of(1500, counted=3))
    (root / "large.zip").write_bytes(zip_of(3, directory=100_001) + b"\0" * 200_000 + zip_of(3, directory=100_001))
    with open_corpus(["."], options(root)) as corpus:
        assert corpus.files_total == 1 + 1000
        assert corpus.skipped == {"archive with too many members": 3}
        assert sorted(corpus.examples["archive with too many members"]) == ["forged.zip", "large.zip", "many.zip"]
    with pytest.raises(InputError, match=r"left out 1 archive with too many members") as refused:
        open_corpus(["many.zip"], options(root))
    assert refused.value.hint == "Unpack it and name the directory."


def test_a_forged_count_does_not_fill_the_memory(root: Path) -> None:
    """Its directory alone would be 47 MB, and 700 MB once `zipfile` had read it."""
    (root / "many.zip").write_bytes(zip_of(1_000_000, counted=3))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"too many members"):
            open_corpus(["many.zip"], options(root))
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()
    assert entries(root) == []


def sparse_tar(content: bytes, size: int, *, more: bool = False) -> bytes:
    """GNU's old form of a sparse member: `content`, then a hole up to `size` bytes. `more` says its map goes on."""
    header = tarfile.TarInfo("sparse.txt")
    header.size, header.type = len(content), tarfile.GNUTYPE_SPARSE
    block = bytearray(header.tobuf(tarfile.GNU_FORMAT))
    block[386:410] = tarfile.itn(0, 12, tarfile.GNU_FORMAT) + tarfile.itn(len(content), 12, tarfile.GNU_FORMAT)
    block[482] = more
    block[483:495] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + content + bytes(-len(content) % 512)


def test_a_hole_counts_for_what_is_written(root: Path) -> None:
    few = sparse_tar(TEXT, len(TEXT) + 100_000)
    grow(root, {"hole.tar": sparse_tar(TEXT, 40 << 20) + tar({"b.txt": b"b\n"}), "few.tar": few + bytes(1024)})
    with open_corpus(["."], options(root, max_decompressed=20 << 20)) as corpus:
        assert texts(corpus) == {"few.tar!/sparse.txt": TEXT + bytes(100_000)}
        assert corpus.skipped == {"too large": 1}
        assert corpus.examples == {"too large": ["hole.tar"]}
    assert sum(path.stat().st_size for path in entries(root)) < 1 << 20


def endless_map() -> bytes:
    """A map of a sparse member, in the form of 2003 (an extended header, then numbers in its data), 8 MB long."""
    record = "".join(f"{len(one) + 4} {one}\n" for one in ("GNU.sparse.major=1", "GNU.sparse.minor=0"))
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, len(record)
    member = tarfile.TarInfo("sparse.txt")
    member.size = 8 << 20
    blocks = header.tobuf() + record.encode().ljust(512, b"\0") + member.tobuf()
    return blocks + b"10000000\n" + b"1\n" * (4 << 20) + bytes(1024)


def endless_chain() -> bytes:
    """The same in the old form: block after block of places, each saying that another follows."""
    block = (b"00000077777\0" * 42).ljust(504, b"\0") + b"\1" + bytes(7)
    return sparse_tar(b"", 1000, more=True) + block * 16_000


@pytest.mark.parametrize("make", [endless_map, endless_chain])
def test_a_map_of_a_sparse_member_is_bounded(
    make: Callable[[], bytes], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_LONGEST_HEADER", 1 << 17)
    grow(root, {"map.tar.gz": gzip.compress(make(), 1), "a.txt": b"text\n"})
    tracemalloc.start()
    try:
        with open_corpus(["."], options(root)) as corpus:
            assert corpus.skipped == {"damaged archive": 1}
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


def test_a_member_packed_in_a_way_that_has_no_bound_is_left_out_alone(root: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("lzma.txt", TEXT, zipfile.ZIP_LZMA)
        archive.writestr("bzip2.txt", TEXT, zipfile.ZIP_BZIP2)
        archive.writestr("deflate64.txt", b"text\n")
    packed = bytearray(out.getvalue())
    packed[packed.rindex(b"PK\x01\x02") + 10] = 9  # the method, in the directory
    grow(root, {"a.zip": bytes(packed)})
    with open_corpus(["."], options(root)) as corpus:
        assert texts(corpus) == {"a.zip!/bzip2.txt": TEXT}
        assert corpus.skipped == {"unsupported compression": 2}
        assert corpus.examples == {"unsupported compression": ["a.zip!/lzma.txt"]}


def test_damaged_and_encrypted_archives_are_told(root: Path) -> None:
    whole = gzip.compress(os.urandom(5000).hex().encode())
    encrypted = bytearray(packed_zip({"x": b"secret text"}))
    encrypted[6] |= 1
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    header = tarfile.TarInfo("x" * 50)
    header.type, header.size = tarfile.XHDTYPE, 1 << 40  # a header that claims a terabyte
    grow(
        root,
        {
            "cut.gz": whole[:-200],
            "bad.xz": lzma.compress(TEXT)[:-20],
            "bad.bz2": bz2.compress(TEXT)[:-9] + b"123456789",
        },
    )
    grow(
        root,
        {
            "cut.tar.gz": tar({"a": TEXT}, "w:gz")[:200],
            "bad.zip": packed_zip({"x": TEXT})[:-30],
            "locked.zip": bytes(encrypted),
        },
    )
    grow(
        root,
        {
            "huge.tar": header.tobuf() + b"\0" * 1024,
            "cut.zst": PACKERS["zst"](os.urandom(9000).hex().encode())[:-100],
            "fine": "x",
        },
    )
    with open_corpus(["."], options(root)) as corpus:
        assert list(texts(corpus)) == ["fine"]
        assert corpus.skipped == {"damaged archive": 7, "encrypted": 1}
    assert all(path.suffix == ".json" or path.stat().st_size == 0 for path in entries(root))


def test_names_in_archives_reach_nowhere(root: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("../../up", "/etc/passwd", "a/./b//c", "new\nline", "\udcff"):
            header = tarfile.TarInfo(name)
            header.size = 1
            archive.addfile(header, io.BytesIO(b"x"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        fifo = tarfile.TarInfo("fifo")
        fifo.type = tarfile.FIFOTYPE
        archive.addfile(fifo)
    grow(root, {"a.tar": out.getvalue()})
    before = set(root.parent.rglob("*"))
    with open_corpus(["a.tar"], options(root)) as corpus:
        assert list(texts(corpus)) == [
            "a.tar!/up",
            "a.tar!/etc/passwd",
            "a.tar!/a/b/c",
            '"a.tar!/new\\nline"',
            '"a.tar!/\\377"',
        ]
        assert corpus.skipped == {"symlink": 1, "special file": 1}
    assert all("cache" in path.parts for path in set(root.parent.rglob("*")) - before)


def test_members_of_one_name_are_told_apart(root: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in (("a", b"1"), ("./a", b"2"), ("a (2)", b"3"), ("../a", b"4")):
            header = tarfile.TarInfo(name)
            header.size = 1
            archive.addfile(header, io.BytesIO(text))
    grow(root, {"x.tar": out.getvalue()})
    with open_corpus(["x.tar"], options(root)) as corpus:
        assert {name.removeprefix("x.tar!/"): text for name, text in texts(corpus).items()} == {
            "a": b"1",
            "a (2)": b"2",
            "a (2) (2)": b"3",
            "a (3)": b"4",
        }


def test_members_obey_the_same_rules_as_files(root: Path) -> None:
    members = dict.fromkeys([".env", ".hidden", ".git/config", "keys/server.pem", "a.py", "b.md"], b"x")
    grow(root, {"a.zip": packed_zip(members)})

    def inside(**more: Any) -> list[str]:
        with open_corpus(["a.zip"], options(root, **more)) as corpus:
            return [name.removeprefix("a.zip!/") for name in texts(corpus)]

    assert inside() == ["a.py", "b.md"]
    assert inside(hidden=True) == [".hidden", "a.py", "b.md"]
    assert inside(hidden=True, include_secrets=True) == [".env", ".hidden", "keys/server.pem", "a.py", "b.md"]
    assert inside(include=("*.py",)) == ["a.py"]
    assert inside(exclude=("*.py",)) == ["b.md"]


def test_the_oldest_goes_when_the_cache_is_full(tmp_path: Path) -> None:
    def write(descriptor: int) -> dict[str, Any]:
        os.write(descriptor, b"x" * 1000)
        return {"size": 1000}

    keys = [f"{number:064x}" for number in range(4)]
    for age, key in zip((4, 3, 2), keys, strict=False):
        cache = TextCache(tmp_path, 2500)
        cache.put(key, write, "a")
        old = time.time() - age * 86_400
        os.utime(cache.path(key), (old, old))
    cache = TextCache(tmp_path, 2500)
    assert cache.get(keys[0]) is not None  # used now: no longer the oldest
    cache.put(keys[3], write, "a")
    assert cache.evict() == 2
    again = TextCache(tmp_path, 2500)
    assert [again.get(key) is not None for key in keys] == [True, False, False, True]


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def write(descriptor: int) -> dict[str, Any]:
        os.write(descriptor, b"half")
        raise ValueError("stop")

    with contextlib.suppress(ValueError):
        TextCache(tmp_path, 100).put("ab" * 32, write, "a")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def _open_often(root: str, failures: Any) -> None:
    os.chdir(root)
    for _ in range(5):
        with open_corpus(["."], InputOptions(cache=Path(root).parent / "cache")) as corpus:
            if set(texts(corpus).values()) != {TEXT}:
                failures.value += 1


def test_several_processes_may_fill_the_cache_at_once(root: Path) -> None:
    grow(root, {f"{n}.gz": gzip.compress(TEXT, mtime=n) for n in range(5)})
    context = multiprocessing.get_context("spawn")
    failures = context.Value("i", 0)
    workers = [context.Process(target=_open_often, args=(str(root), failures)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures.value == 0
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(entries(root)) == 10
