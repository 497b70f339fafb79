"""Starts a program where the kernel refuses some calls, as a container's profile does: `python -m tests.refusing CALLS PROGRAM …`

CALLS, separated by commas: `namespaces` (unshare, setns, clone with a namespace, clone3: what Docker refuses by default),
`seccomp` (no filter can be added), `landlock`. The filter is inherited and cannot be taken off again. x86_64 only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys

from rlm_cli.sandbox.filters import ALLOW, JUMP_ANY_BIT, JUMP_EQUAL, LOAD, NUMBER, RETURN, _argument, _one

REFUSE = 0x0005_0000
CALLS = {
    "namespaces": {272: errno.EPERM, 308: errno.EPERM, 435: errno.ENOSYS},  # unshare, setns, clone3
    "seccomp": {317: errno.EPERM},
    "landlock": {444: errno.ENOSYS},
}
CLONE, PRCTL = 56, 157
CLONE_NAMESPACES = 0x7E02_0000
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38


def refuse(wanted: list[str]) -> None:
    """Have the kernel refuse `wanted` from here on, to this process and to all that it starts."""
    code = [_one(LOAD, NUMBER)]
    for name in wanted:
        for number, error in CALLS[name].items():
            code += [_one(JUMP_EQUAL, number, 0, 1), _one(RETURN, REFUSE | error)]
    for name, number, test, value in (
        ("namespaces", CLONE, JUMP_ANY_BIT, CLONE_NAMESPACES),
        ("seccomp", PRCTL, JUMP_EQUAL, PR_SET_SECCOMP),
    ):
        if name in wanted:
            refused = [_one(test, value, 0, 1), _one(RETURN, REFUSE | errno.EPERM), _one(RETURN, ALLOW)]
            code += [_one(JUMP_EQUAL, number, 0, 4), _argument(0), *refused]
    program = b"".join([*code, _one(RETURN, ALLOW)])

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    libc, zero = ctypes.CDLL(None, use_errno=True), ctypes.c_ulong(0)
    held = Program(len(program) // 8, program)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, ctypes.c_ulong(2), ctypes.byref(held), zero, zero
    ):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    refuse(sys.argv[1].split(","))
    os.execv(sys.argv[2], sys.argv[2:])
