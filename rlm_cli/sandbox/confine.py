"""The operating system's half of the sandbox: what the worker does to itself after its last import.

Called once in the worker, in this order: user drop, resource limits, death signal, no core, no new privileges,
Landlock, seccomp, and where that is refused a network namespace. Each layer is tried; the return value names those that
took hold, and `try_out` then attempts what they should prevent. Plain ctypes, no library: x86_64 and aarch64, as root
and as an ordinary user.
"""

from __future__ import annotations

import _socket
import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable

from rlm_cli.sandbox import filters

NOBODY = 65_534
OPEN_FILES = 256
STACK = 8 << 20

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
SECCOMP_MODE_FILTER = 2
CLONE_NEWUSER, CLONE_NEWNET = 0x1000_0000, 0x4000_0000
LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF = 444, 446  # the same numbers on every architecture
LANDLOCK_CREATE_RULESET_VERSION = 1
# Rights known to each version of the interface, as bit masks that say what is denied: everything.
LANDLOCK_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
LANDLOCK_TCP = 0b11  # bind, connect: from version 4
LANDLOCK_SCOPES = 0b11  # abstract sockets, signals: from version 6


class Layers:
    """What took hold, and what did not and why."""

    def __init__(self) -> None:
        self.held: list[str] = []
        self.missing: dict[str, str] = {}

    def put(self, name: str, layer: Callable[[], None]) -> None:
        """Apply `layer`; note under `name` how it went."""
        try:
            layer()
        except OSError as error:
            self.missing[name] = error.strerror or str(error)
        except (ValueError, AttributeError) as error:
            self.missing[name] = str(error) or type(error).__name__
        else:
            self.held.append(name)


def confine(memory: int, parent: int) -> Layers:
    """Give up everything this process does not need. `memory` in bytes; `parent` is the process whose end is ours."""
    layers = Layers()
    if os.geteuid() == 0:
        layers.put("user", _drop_user)
    layers.put("rlimits", lambda: _limit(memory))
    if sys.platform == "darwin" and not _try_file():
        layers.held.append("sandbox-exec")  # its profile is in force since the start
    if sys.platform != "linux":
        return layers
    libc = ctypes.CDLL(None, use_errno=True)
    layers.put("death signal", lambda: _die_with(libc, parent))
    layers.put("no core", lambda: _prctl(libc, PR_SET_DUMPABLE, 0))
    layers.put("no new privileges", lambda: _prctl(libc, PR_SET_NO_NEW_PRIVS, 1))
    layers.put("landlock", lambda: _landlock(libc))
    layers.put("seccomp", lambda: _seccomp(libc))
    if "seccomp" in layers.missing:
        layers.put("network namespace", lambda: _network_namespace(libc))
    return layers


def try_out(layers: Layers) -> None:
    """Attempt what the layers should prevent; whatever succeeds moves its layer to the missing ones."""
    if "seccomp" in layers.held:
        attempts = {"a socket": _try_socket, "a file": _try_file, "a signal": _try_signal, "a process": _try_process}
        for what, attempt in attempts.items():
            if attempt():
                layers.held.remove("seccomp")
                layers.missing["seccomp"] = f"{what} could still be had"
                return
    elif "landlock" in layers.held and _try_file():
        layers.held.remove("landlock")
        layers.missing["landlock"] = "a file could still be opened"


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _try_socket() -> bool:
    return _succeeds(lambda: _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM))


def _try_file() -> bool:
    return _succeeds(
        lambda: os.close(os.open("/proc/self/status" if sys.platform == "linux" else "/etc/hosts", os.O_RDONLY))
    )


def _try_signal() -> bool:
    return _succeeds(lambda: os.kill(os.getppid(), 0))


def _try_process() -> bool:
    try:
        child = os.fork()
    except OSError:
        return False
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return True


def _drop_user() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _limit(memory: int) -> None:
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_STACK: STACK,
        # DATA and not AS: the input is mapped, and maps of 20 GB are no memory.
        resource.RLIMIT_DATA: memory,
    }
    for which, bound in bounds.items():
        hard = resource.getrlimit(which)[1]
        value = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(which, (value, value))


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _prctl(libc: ctypes.CDLL, option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    _check(libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero))


def _die_with(libc: ctypes.CDLL, parent: int) -> None:
    # After the user drop: a change of user clears it. If the parent went before this line, no signal comes.
    _prctl(libc, PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent and os.getppid() != parent:
        os._exit(0)


def _landlock(libc: ctypes.CDLL) -> None:
    version = libc.syscall(
        LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(LANDLOCK_CREATE_RULESET_VERSION)
    )
    _check(version)
    fields = [LANDLOCK_FILES[min(version, 5)]]
    if version >= 4:
        fields.append(LANDLOCK_TCP)
    if version >= 6:
        fields.append(LANDLOCK_SCOPES)
    rules = struct.pack(f"{len(fields)}Q", *fields)
    ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), ctypes.c_uint32(0))
    _check(ruleset)
    try:  # no rule is added: what is handled is denied
        _check(libc.syscall(LANDLOCK_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0)))
    finally:
        os.close(ruleset)


def _network_namespace(libc: ctypes.CDLL) -> None:
    if libc.unshare(CLONE_NEWNET) < 0:
        _check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNET))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _seccomp(libc: ctypes.CDLL) -> None:
    code = filters.program(os.uname().machine)
    program = _Program(len(code) // 8, code)
    zero = ctypes.c_ulong(0)
    result = libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), ctypes.byref(program), zero, zero)
    _check(result)


class _Status:
    """What the store looks at of a descriptor."""

    __slots__ = ("st_size",)

    def __init__(self, size: int) -> None:
        self.st_size = size


def plain_fstat() -> None:
    """Make `os.fstat` use the call of that name.

    glibc 2.33 to 2.38 asks `newfstatat` in its place, which can name any path of the machine and so is forbidden.
    """
    numbers = {"x86_64": 5, "aarch64": 80}
    number = numbers.get(os.uname().machine)
    if sys.platform != "linux" or number is None:
        return
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    buffer = ctypes.create_string_buffer(144)

    def fstat(descriptor: int) -> _Status:
        if syscall(ctypes.c_long(number), ctypes.c_int(descriptor), buffer) < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return _Status(struct.unpack_from("q", buffer, 48)[0])

    os.fstat = fstat  # type: ignore[assignment]


def forget_environment() -> None:
    """Leave no variable behind: not for `os.environ`, not for `getenv`, not in /proc/self/environ."""
    if sys.platform == "linux":
        variables = ctypes.POINTER(ctypes.c_void_p).in_dll(ctypes.CDLL(None), "environ")
        number = 0
        while variables and (place := variables[number]) is not None:
            ctypes.memset(place, 0, len(ctypes.string_at(place)))
            number += 1
    os.environ.clear()
