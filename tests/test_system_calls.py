"""The numbers of the seccomp filter are those of the kernel's own headers, for both machines it is written for."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from rlm_cli.sandbox import filters

HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),  # arm64 has the generic table
}
NAMED = {**filters.CALLS, "mmap": filters.MMAP, "mprotect": filters.MPROTECT, "fcntl": filters.FCNTL}
# From include/uapi/asm-generic/unistd.h and arch/x86/entry/syscalls/syscall_64.tbl of Linux 6.18, in the table's order.
RECORDED = {
    "x86_64": "0 1 3 5 8 11 12 13 14 15 17 19 20 24 25 28 35 39 47 60 96 98 131 295 186 201 202 219 228 229 230 231 273 "
    "318 324 334 9 10 72",
    "aarch64": "63 64 57 80 62 215 214 134 135 139 67 65 66 124 216 233 101 172 212 93 169 165 132 69 178 - 98 128 113 "
    "114 115 94 99 278 283 293 222 226 25",
}


def column(machine: str) -> dict[str, int | None]:
    place = filters.ARCHITECTURES[machine][1]
    return {name: numbers[place] for name, numbers in NAMED.items()}


@pytest.mark.parametrize("machine", HEADERS)
def test_numbers_are_those_of_the_headers(machine: str) -> None:
    header = next((path for path in map(Path, HEADERS[machine]) if path.exists()), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    numbers = {name: int(number) for name, number in found}
    assert {name: numbers.get(name) for name in NAMED} == column(machine)


@pytest.mark.parametrize("machine", HEADERS)
def test_numbers_are_those_on_record(machine: str) -> None:
    recorded = [None if number == "-" else int(number) for number in RECORDED[machine].split()]
    assert list(column(machine).values()) == recorded


def allowed(machine: str, number: int, arguments: tuple[int, ...] = (), audit: int | None = None) -> int:
    """What the filter says to a call: the program run as the kernel runs it."""
    code = filters.program(machine)
    values = {filters.NUMBER: number, filters.ARCHITECTURE: audit or filters.ARCHITECTURES[machine][0]}
    values |= {filters.ARGUMENTS + 8 * place: value for place, value in enumerate(arguments)}
    at = loaded = 0
    while True:
        step, yes, no, value = struct.unpack_from("HBBI", code, 8 * at)
        at += 1
        if step == filters.RETURN:
            return int(value)
        if step == filters.LOAD:
            loaded = values.get(value, 0)
            continue
        held = {
            filters.JUMP_EQUAL: loaded == value,
            filters.JUMP_GREATER_EQUAL: loaded >= value,
            filters.JUMP_ANY_BIT: bool(loaded & value),
        }[step]
        at += yes if held else no


@pytest.mark.parametrize("machine", HEADERS)
def test_the_program_allows_what_the_table_says_and_nothing_else(machine: str) -> None:
    open_calls = {number for name, number in column(machine).items() if name in filters.CALLS and number is not None}
    for number in range(600):
        answer = allowed(machine, number)
        guarded = number in {column(machine)[name] for name in ("mmap", "mprotect")}
        assert answer == (filters.ALLOW if number in open_calls or guarded else filters.DENY), number
    for name in ("mmap", "mprotect"):
        number = column(machine)[name] or 0
        assert allowed(machine, number, (0, 4096, 3)) == filters.ALLOW
        assert allowed(machine, number, (0, 4096, 7)) == filters.DENY
    # private 0x02, shared 0x01, validated 0x03, anonymous 0x20, grows down 0x100
    for flags, shared_memory in ((0x22, 0), (0x02, 0), (0x01, 0), (0x21, 1), (0x23, 1), (0x122, 1), (0x102, 1)):
        wanted = filters.DENY if shared_memory else filters.ALLOW
        assert allowed(machine, column(machine)["mmap"] or 0, (0, 4096, 3, flags)) == wanted, flags
        assert allowed(machine, column(machine)["mmap"] or 0, (0, 4096, 7, flags)) == filters.DENY, flags
    fcntl = column(machine)["fcntl"] or 0
    for command in range(1100):
        wanted = filters.ALLOW if command in filters.FCNTL_ALLOWED else filters.DENY
        assert allowed(machine, fcntl, (3, command)) == wanted
    assert allowed(machine, 0, audit=0x4000_0003) == filters.KILL
    if machine == "x86_64":
        assert allowed(machine, filters.X32 + 1) == filters.KILL
