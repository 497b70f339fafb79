"""The seccomp filter: the system calls of a worker that computes, maps what it is handed, and talks to its host.

Default is EPERM, which Python shows as a clean PermissionError. Another architecture's calls, and the x32 calls of
x86_64, kill: they exist to get past filters.
"""

from __future__ import annotations

import struct

ARCHITECTURES = {"x86_64": (0xC000_003E, 0), "aarch64": (0xC000_00B7, 1)}  # audit number, column of CALLS

CALLS: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "readv": (19, 65),
    "writev": (20, 66),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "recvmsg": (47, 212),
    "exit": (60, 93),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "sigaltstack": (131, 132),
    "preadv": (295, 69),
    "gettid": (186, 178),
    "time": (201, None),
    "futex": (202, 98),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "set_robust_list": (273, 99),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "rseq": (334, 293),
}
"""Always allowed. Not among them: anything that names a path, starts a process, sends a signal, or makes a socket."""

MMAP, MPROTECT, FCNTL = (9, 222), (10, 226), (72, 25)
PROT_EXEC = 4
MAP_SHARED, MAP_ANONYMOUS, MAP_GROWSDOWN = 0x01, 0x20, 0x100
FCNTL_ALLOWED = (1, 2, 3, 1030)  # F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC (mmap duplicates its descriptor)

LOAD, JUMP_EQUAL, JUMP_GREATER_EQUAL, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, DENY, KILL = 0x7FFF_0000, 0x0005_0001, 0x8000_0000  # DENY is EPERM
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
X32 = 0x4000_0000


def _one(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", code, yes, no, value)


def _argument(index: int) -> bytes:
    return _one(LOAD, ARGUMENTS + 8 * index)  # the low half, which holds every flag; both machines are little-endian


def program(machine: str) -> bytes:
    """The filter for `machine`, as an array of `struct sock_filter`. Raises ValueError for another machine."""
    if machine not in ARCHITECTURES:
        raise ValueError(f"no filter for {machine}")
    audit, column = ARCHITECTURES[machine]
    code = [_one(LOAD, ARCHITECTURE), _one(JUMP_EQUAL, audit, 1, 0), _one(RETURN, KILL), _one(LOAD, NUMBER)]
    if machine == "x86_64":
        code += [_one(JUMP_GREATER_EQUAL, X32, 0, 1), _one(RETURN, KILL)]
    for numbers in CALLS.values():
        number = numbers[column]
        if number is not None:
            code += [_one(JUMP_EQUAL, number, 0, 1), _one(RETURN, ALLOW)]
    # Memory, but none that can be run, and none that RLIMIT_DATA does not count: what is shared, and what grows down.
    counted = [
        _argument(3),
        _one(JUMP_ANY_BIT, MAP_GROWSDOWN, 2, 0),
        _one(JUMP_ANY_BIT, MAP_ANONYMOUS, 0, 2),
        _one(JUMP_ANY_BIT, MAP_SHARED, 0, 1),
        _one(RETURN, DENY),
    ]
    for guarded, more in ((MMAP, counted), (MPROTECT, [])):
        code += [
            _one(JUMP_EQUAL, guarded[column], 0, 4 + len(more)),
            *more,
            _argument(2),
            _one(JUMP_ANY_BIT, PROT_EXEC, 0, 1),
            _one(RETURN, DENY),
            _one(RETURN, ALLOW),
        ]
    code += [_one(JUMP_EQUAL, FCNTL[column], 0, 2 + 2 * len(FCNTL_ALLOWED)), _argument(1)]
    for command in FCNTL_ALLOWED:
        code += [_one(JUMP_EQUAL, command, 0, 1), _one(RETURN, ALLOW)]
    code += [_one(RETURN, DENY), _one(RETURN, DENY)]
    return b"".join(code)
