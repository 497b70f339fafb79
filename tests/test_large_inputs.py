"""Inputs far larger than memory: 20 GB open at once, and nobody holds more of them than a small part."""

from __future__ import annotations

import os
import re
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rlm_cli.context import regex
from rlm_cli.context.coverage import Coverage
from rlm_cli.context.files import build_context
from rlm_cli.context.store import MappedStore
from rlm_cli.context.table import FileTable
from rlm_cli.context.text import Text
from rlm_cli.sandbox.sizes import shown_size
from tests.conftest import RunRlm
from tests.sandboxes import Bench
from tests.server import ScriptedServer

KEY = {"OPENAI_API_KEY": "sk-canary-1234567890"}
GIGABYTE = 1 << 30
MOST = 150 << 20
"""Bytes of anonymous memory that all processes of a run may hold together."""
HEAD = "".join(f"{n:06} a line of a log that begins like any other\n" for n in range(1000))
MIDDLE = "\nrequest 4711 took 93 seconds\n"
TAIL = "\nthe last line says: all is well\n"


def sparse(path: Path, size: int) -> Path:
    """A log of `size` bytes: text at its begin, after 256 MB and at its end, NUL between. It takes 60 kB of disk."""
    with path.open("wb") as file:
        file.write(HEAD.encode())
        file.seek(256 << 20)
        file.write(MIDDLE.encode())
        file.seek(size - len(TAIL))
        file.write(TAIL.encode())
    return path


@contextmanager
def anonymous_memory() -> Iterator[list[int]]:
    """The peak of anonymous memory, in bytes, of all processes that descend from this one, without this one."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            peak[0] = max(peak[0], sum(_anonymous(process) for process in _descendants(os.getpid())))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _descendants(process: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{process}/task").glob("*"):
        try:
            children = [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # it has ended
            continue
        for child in children:
            found += [child, *_descendants(child)]
    return found


def _anonymous(process: int) -> int:
    try:
        match = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0
    return 1024 * int(match[1]) if match else 0


CELLS = [
    """
import re
seen = [len(files), context.count('request 4711', 0, 300_000_000), context[-14:-1]]
place = context.find('request 4711')
""",
    """
rest = context[place:]
seen += [rest[:12], context.line(1001).strip('\\0'), re.search(r'took (\\d+) seconds', context)[1]]
seen += ['begins' in context, sum(match.line for match in grep('any other', limit=3)), len(context[:200_000_000])]
""",
    """
parts = [context[n : n + 50_000_000] for n in range(0, 300_000_000, 50_000_000)]
seen += [n for n, part in enumerate(parts) if re.search(r'(?i)REQUEST \\d{4}\\b', part)]
seen += [sum(part.count('\\n') for part in parts)]
FINAL(' '.join(map(str, seen)))
""",
]
SEEN = "1 1 : all is well request 4711  93 True 6 200000000 5 1002"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes and their memory are counted in /proc")
def test_a_run_over_20_gb_stays_within_150_mb(rlm: RunRlm, tmp_path: Path) -> None:
    log = sparse(tmp_path / "app.log", 20 * GIGABYTE)
    script = [f"```repl\n{cell.strip()}\n```" for cell in CELLS]
    with ScriptedServer(script) as server, anonymous_memory() as peak:
        options = ["-m", "openai/root", "--api-base", server.url, "--strategy", "rlm", "--json"]
        done = rlm("ask", log, "which request was slow?", *options, env=KEY, timeout=300)
    assert done.exit == 0, done.stderr
    assert done.json["answer"] == SEEN
    assert 0 < peak[0] < MOST


@pytest.mark.parametrize("character", ["a", "😀"])
def test_what_may_become_a_str_follows_the_memory_of_a_cell(character: str) -> None:
    memory = 128 << 20
    size = (memory // 4 + 1000) if character == "a" else (memory // 4 - (8 << 20))  # characters
    with Bench({"a.txt": character.encode() * size}, cell_memory=memory) as bench:
        small = bench.result("print(len(str(context[:4_000_000])))")
        assert (small.error, small.output) == (None, "4000000\n")
        for code in ("str(context)", "import json\njson.loads(context)", "context.upper()"):
            error = bench.result(code).error
            assert error is not None
            assert (error.type, error.kind) == ("MemoryError", "memory")
            assert "take a slice, or go through it with grep(), search() or chunks()" in error.message
        assert bench.result(f"print(len(context) == {size}, context.count({character!r}))").output == f"True {size}\n"


def test_a_variable_s_size_is_told_without_reading_it(tmp_path: Path) -> None:
    log = sparse(tmp_path / "app.log", 20 * GIGABYTE)
    table, read = FileTable.build(["app.log"], [log.stat().st_size]), Coverage()
    context = build_context(MappedStore(table, lambda file: os.open(log, os.O_RDONLY), read))
    assert shown_size(context) == "21,474,836,480 bytes"
    assert shown_size(context[1000:]) == "21,474,835,480 bytes"
    assert shown_size(context[1000:200_000]) == "199,000 characters"
    assert read.bytes(0) < 1 << 20


def test_bytes_that_are_no_text_are_found_from_the_back_without_a_list_of_all() -> None:
    text = Text.of(b"a\xff" * 1_000_000)
    tracemalloc.start()
    try:
        found = text.rfind("\ufffda"), text.rpartition("\ufffd")[2], len(text.rsplit("\ufffd", 3)[0])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == (1_999_997, "", 1_999_995)
    assert peak < 4 << 20, peak


def test_matches_that_are_kept_do_not_hold_the_text_they_were_found_in() -> None:
    line = b"x1 " + b"." * 70_000 + b"\n"  # a window each
    text = Text.of(line * 100)
    one = r"x\d+ \W"
    for kept in (
        lambda: list(regex.finditer(one, text)),
        lambda: [regex.search(one, text) for _ in range(100)],
        lambda: [next(regex.finditer(one, text)) for _ in range(100)],
    ):
        tracemalloc.start()
        try:
            matches = kept()
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert [match.group() for match in matches] == ["x1 ."] * 100
        assert held < 1 << 20, held
