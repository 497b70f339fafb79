"""Inputs that mean harm, or cannot be read, through `rlm ask`: told on stderr and in the JSON, never fatal to the rest.

The embedded model drives these runs. Where nothing is left to read the exit status is 3, and the error says why.
"""

from __future__ import annotations

import ctypes
import gzip
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunRlm
from tests.inputs import grow

QUESTION = "where is the walrus?"
TEXT = "The walrus sleeps on the ice.\n"
MOST = "1M"


def bomb_gz() -> bytes:
    return gzip.compress(b"a" * 3_000_000)


def bomb_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", b"a" * 3_000_000)
    return out.getvalue()


def bomb_nested() -> bytes:
    """Compressed twice: it is unpacked once, and what comes out is no text."""
    return gzip.compress(gzip.compress(b"a" * 3_000_000))


def tar_of_odd_members() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("../../up", "/etc/hostname", "new\nline", "same", "same"):
            member = tarfile.TarInfo(name)
            member.size = len(TEXT)
            archive.addfile(member, io.BytesIO(TEXT.encode()))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return out.getvalue()


def skipped(done: Any) -> dict[str, int]:
    found: dict[str, int] = done.json["coverage"]["skipped_files"]
    return found


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("bomb.gz", bomb_gz, "too large"),
        ("bomb.zip", bomb_zip, "too large"),
        ("twice.gz", bomb_nested, "binary"),
        ("cut.gz", lambda: gzip.compress(os.urandom(5000).hex().encode())[:-200], "damaged archive"),
        ("cut.zip", lambda: bomb_zip()[:-30], "damaged archive"),
    ],
)
def test_bombs_and_damaged_archives(
    rlm: RunRlm, tmp_path: Path, name: str, make: Callable[[], bytes], reason: str
) -> None:
    folder = grow(tmp_path / "input", {"a.txt": TEXT, name: make()})
    done = rlm("ask", folder, QUESTION, "--max-decompressed", MOST, "--json")
    assert done.exit == 0, done.stderr
    assert skipped(done) == {reason: 1}
    assert f"1 {reason}" in done.stderr
    alone = rlm("ask", folder / name, QUESTION, "--max-decompressed", MOST, "--json")
    assert alone.exit == 3
    assert f"1 {reason}" in alone.stderr
    if reason == "too large":
        assert "--max-decompressed" in alone.stderr


def test_members_with_names_that_lead_elsewhere(rlm: RunRlm, tmp_path: Path) -> None:
    folder = grow(tmp_path / "input", {"odd.tar": tar_of_odd_members()})
    done = rlm("ask", folder, QUESTION, "--json")
    assert done.exit == 0, done.stderr
    paths = [row["path"].rpartition("odd.tar")[2] for row in done.json["coverage"]["by_file"]]
    assert sorted(paths) == sorted(["!/up", "!/etc/hostname", '!/new\\nline"', "!/same", "!/same (2)"])
    assert skipped(done) == {"symlink": 1}
    assert not (tmp_path.parent / "up").exists()


def test_odd_names_are_quoted_and_read(rlm: RunRlm, tmp_path: Path) -> None:
    folder = tmp_path / "input"
    folder.mkdir()
    names = [
        b"new\nline",
        b"a  b ",
        b"bad \xff\xfe bytes",
        b"\x1b]0;owned\x07\x1b[2J",
        "naïve 😀".encode(),
        b"-rf",
        b"$(id)",
    ]
    for name in names:
        with open(os.fsencode(folder) + b"/" + name, "w") as file:
            file.write(TEXT)
    done = rlm("ask", folder, QUESTION, "--json")
    assert done.exit == 0, done.stderr
    assert len(done.json["coverage"]["by_file"]) == len(names)
    assert done.json["sources"], done.json
    text = rlm("ask", folder, QUESTION, "--no-memo")
    assert text.exit == 0
    for said in (done.stdout, done.stderr, text.stdout, text.stderr):
        assert "\x1b" not in said
        assert "\x07" not in said
    one = rlm("ask", os.fsdecode(os.fsencode(folder) + b"/" + names[2]), QUESTION, "--json")
    assert one.exit == 0, one.stderr
    assert one.json["coverage"]["read_by_code_bytes"] == len(TEXT)


def test_pipes_sockets_devices_and_links_are_told_and_not_opened(rlm: RunRlm, tmp_path: Path) -> None:
    folder = grow(tmp_path / "input", {"a.txt": TEXT})
    os.mkfifo(folder / "fifo")  # whoever opened it would wait for ever
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(folder)
        try:
            one.bind("sock")
        finally:
            os.chdir(here)
    (folder / "broken").symlink_to("nowhere")
    (folder / "around").symlink_to(".")
    done = rlm("ask", folder, "/dev/zero", QUESTION, "--json")
    assert done.exit == 0, done.stderr
    assert skipped(done) == {"special file": 3, "symlink": 2}
    assert "5 skipped: 3 special file, 2 symlink" in done.stderr
    alone = rlm("ask", folder / "fifo", QUESTION)
    assert alone.exit == 3
    assert "1 special file" in alone.stderr


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_files_that_say_nothing_of_their_size_are_read(rlm: RunRlm) -> None:
    done = rlm("ask", "/proc/cpuinfo", "/proc/sys/kernel/ostype", "which vendor is it of?", "--json")
    assert done.exit == 0, done.stderr
    rows = {row["path"]: row["bytes"] for row in done.json["coverage"]["by_file"]}
    assert rows["/proc/sys/kernel/ostype"] == len("Linux\n")
    assert rows["/proc/cpuinfo"] > 100
    assert not done.json["warnings"] or not any("/proc" in warning for warning in done.json["warnings"])


CAPABILITIES = (1, 2)  # DAC_OVERRIDE, DAC_READ_SEARCH: what lets root read a file that nobody may read
PR_CAPBSET_DROP = 24


def bound_by_permissions() -> None:
    """Give up what lets root read everything; somebody else has none of it."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in CAPABILITIES:
            if libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0):
                raise OSError(ctypes.get_errno(), "prctl")


@pytest.mark.skipif(sys.platform != "linux", reason="root gives up its rights by Linux's capabilities")
def test_what_may_not_be_read_is_told(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = grow(tmp_path / "input", {"a.txt": TEXT, "shut.txt": TEXT, "closed/b.txt": TEXT})
    (folder / "shut.txt").chmod(0)
    (folder / "closed").chmod(0)

    def ask(*paths: Path) -> Any:
        return subprocess.run(
            [sys.executable, "-m", "rlm_cli", "ask", *map(str, paths), QUESTION, "--json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            cwd=tmp_path,
            preexec_fn=bound_by_permissions,
            timeout=60,
            check=False,
        )

    try:
        done, alone = ask(folder), ask(folder / "shut.txt")
    finally:
        (folder / "closed").chmod(0o700)
    assert done.returncode == 0, done.stderr
    coverage = json.loads(done.stdout)["coverage"]
    assert coverage["skipped_files"] == {"unreadable": 2}
    assert [Path(row["path"]).name for row in coverage["by_file"]] == ["a.txt"]
    assert b"2 unreadable" in done.stderr
    assert alone.returncode == 3
    assert b"1 unreadable" in alone.stderr
