"""The worker process as the host holds it: started, spoken to in lines, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rlm_cli.context.spans import FileNames
from rlm_cli.sandbox import macos
from rlm_cli.sandbox.protocol import LONGEST, Breach, decode, encode, write_all

if TYPE_CHECKING:
    from rlm_cli.sandbox.spares import Spares

MEMORY = 1 << 30
"""Bytes a worker may hold; maps of the input are not counted."""
PIPE = 1 << 20
"""Bytes that a pipe holds where the system allows it: fewer switches for long prompts."""
SAID = 8_000
"""Bytes of the worker's stderr that are kept, for the message when it does not start."""
BOOT = (
    "import gc, sys, json; gc.disable(); sys.path += json.loads(sys.argv[1])['path']; "
    "from rlm_cli.sandbox.worker import main; main()"
)
"""What the child runs. Its packages are at the end of the path, so that nothing there stands before the library; the
collector rests during the imports, which makes them a twentieth shorter, and the worker turns it on again."""
ENVIRONMENT = {"PYTHONHASHSEED": "0"}
"""All that a worker gets, and it wipes that: sets keep their order when cells are repeated after a death, or a run is
replayed. It can only be said in this way, which `-I` would shut; so the options are what `-I` stands for (`-s`: no
packages of the user, `-P`: none of the current directory) but `-E`, and the environment is empty but for this."""


class WorkerGone(Exception):
    """The worker's end of the wire is closed."""


class Packer(FileNames, Protocol):
    """A file table that can be packed for the worker."""

    def pack(self) -> bytes: ...


class Packed:
    """What the sandboxes of a run share: a file table in memory that workers can map and nobody can change, and workers
    that wait (`spares`)."""

    def __init__(self, table: Packer, spares: Spares | None = None) -> None:
        data = table.pack()
        self.spares = spares
        self.names: FileNames = table
        self.count = len(table)
        self.size = len(data)
        self._file = _sealed(data)

    def descriptor(self) -> int:
        """A descriptor of it that the caller closes."""
        return os.dup(self._file)

    async def end(self) -> None:
        """End the workers that wait, and let go of the table. Safe to call twice."""
        self.close()
        if self.spares is not None:
            await self.spares.close()

    def close(self) -> None:
        """Let go of the table. Safe to call twice."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def __del__(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self.close()


def _sealed(data: bytes) -> int:
    if hasattr(os, "memfd_create"):
        with contextlib.suppress(OSError):
            number = os.memfd_create("rlm-files", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            write_all(number, data)
            seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
            fcntl.fcntl(number, fcntl.F_ADD_SEALS, seals)
            return number
    with tempfile.TemporaryFile() as file:
        write_all(file.fileno(), data)
        return os.dup(file.fileno())


class _Lines(asyncio.Protocol):
    """Bytes from the worker, cut into lines; at most one line waits to be read. After a breach no more is read."""

    def __init__(self) -> None:
        self._transport: asyncio.BaseTransport | None = None
        self._begun = bytearray()  # one for all: a list of pieces of a few bytes takes thirty times their size
        self._line: bytearray | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._problem: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._line is not None:
            self._fail(Breach("a line out of turn"))
            return
        if len(self._begun) + len(data) > LONGEST:
            self._begun.clear()
            self._fail(Breach(f"a line of more than {LONGEST:,} bytes"))
            return
        self._begun += data
        place = data.find(b"\n")
        if place < 0:
            return
        if place != len(data) - 1:
            self._fail(Breach("a line out of turn"))
            return
        self._line, self._begun = self._begun, bytearray()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(WorkerGone("the worker ended"))

    def _fail(self, problem: Exception) -> None:
        self._problem = self._problem or problem
        if self._transport is not None:
            self._transport.close()  # a flood fills a pipe and not the host, which may be waiting for a model
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def line(self) -> bytearray:
        """The line that waits; the place for the next one is free only once it was answered (`answered`)."""
        while self._line is None and self._problem is None:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if isinstance(self._problem, Breach) or self._line is None:
            assert self._problem is not None
            raise self._problem
        return self._line

    def answered(self) -> None:
        """The line was dealt with: the next may come."""
        self._line = None

    @property
    def problem(self) -> Exception | None:
        return self._problem


class _Said(asyncio.Protocol):
    """The worker's stderr: a little of it is kept."""

    def __init__(self) -> None:
        self.text = bytearray()

    def data_received(self, data: bytes) -> None:
        if len(self.text) < SAID:
            self.text += data[: SAID - len(self.text)]


class Worker:
    """One worker process. Created on the event loop; `kill` must be awaited in the end."""

    def __init__(self, memory: int, *, confined: bool) -> None:
        with contextlib.ExitStack() as mine, contextlib.ExitStack() as theirs:
            requests, requests_in = _pipe(mine, theirs)
            replies_out, replies = _pipe(theirs, mine)
            said, said_in = _pipe(mine, theirs)
            files, files_in = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            mine.callback(files.close)
            theirs.callback(files_in.close)
            _widen(requests, replies)
            setup: dict[str, Any] = {
                "requests": requests_in,
                "replies": replies_out,
                "files": files_in.fileno(),
                "memory": memory,
                "parent": os.getpid(),
                "confined": confined,
                "path": _paths(),
            }
            self._process = subprocess.Popen(
                [*_command(setup["path"], confined), json.dumps(setup)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said_in,
                pass_fds=(requests_in, replies_out, files_in.fileno()),
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
            mine.pop_all()  # from here on they are closed by `kill`
        files.shutdown(socket.SHUT_RD)  # nothing is ever read from there
        files.setblocking(False)
        self._files = files
        self._replies = replies
        os.set_blocking(replies, False)
        self._lines = _Lines()
        self._said = _Said()
        self._transports: list[asyncio.BaseTransport] = []
        self._connected = asyncio.ensure_future(self._connect(requests, said))
        self._left = bytearray()
        self._writing = False

    async def _connect(self, requests: int, said: int) -> None:
        loop = asyncio.get_running_loop()
        for number, protocol in ((requests, self._lines), (said, self._said)):
            file = os.fdopen(number, "rb", buffering=0)
            transport, _ = await loop.connect_read_pipe(lambda made=protocol: made, file)  # type: ignore[misc]
            self._transports.append(transport)

    async def receive(self, seconds: float) -> dict[str, Any]:
        """The next message, within so many seconds. Raises TimeoutError, Breach, or WorkerGone."""
        async with asyncio.timeout(seconds):
            await asyncio.shield(self._connected)
            line = await self._lines.line()
        return decode(line)

    def send(self, message: dict[str, Any]) -> None:
        """Answer the last message. Raises Breach where the worker has spoken out of turn.

        A worker that asks without reading what it was told is ended: nothing piles up here but one reply.
        """
        if self._lines.problem is not None:
            raise self._lines.problem
        if self._left:
            raise Breach("a request before the last reply was read")
        self._lines.answered()
        self._left += encode(message)
        if not self._writing:
            self._flush()

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._left:
            try:
                count = os.write(self._replies, memoryview(self._left)[: 1 << 20])
            except BlockingIOError:
                if not self._writing:
                    self._writing = True
                    loop.add_writer(self._replies, self._flush)
                return
            except OSError:
                self._left.clear()
                break
            del self._left[:count]
        if self._writing:
            self._writing = False
            loop.remove_writer(self._replies)

    def send_files(self, descriptors: Sequence[int]) -> None:
        """Send descriptors and close them here."""
        try:
            if descriptors:
                socket.send_fds(self._files, [b"."], list(descriptors))
        except OSError as error:
            raise WorkerGone(f"the worker took no files: {error}") from None
        finally:
            for number in descriptors:
                os.close(number)

    @property
    def pid(self) -> int:
        """The process, which also leads its session and group."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def interrupt(self) -> None:
        """Ask the cell that runs to stop."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.alive:
                self._process.send_signal(signal.SIGINT)

    @property
    def lost_its_map(self) -> bool:
        """Whether a file shrank under a map of it: SIGBUS, which no Python code can catch. Only after `kill`."""
        return self._process.returncode == -signal.SIGBUS

    def ending(self) -> str:
        """How the process ended, in words. Only after `kill`."""
        code = self._process.returncode
        if code is None or code >= 0:
            return f"its worker ended with status {code}"
        try:
            return f"its worker was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"its worker was ended by signal {-code}"

    async def kill(self) -> str:
        """End the process and its group, and give back what it said on stderr. Safe to call twice."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if self.alive:
                    os.killpg(self._process.pid, signal.SIGKILL)
            # Giving back a gigabyte takes the system a while: not on the event loop. Root without CAP_KILL may not
            # signal a worker that dropped to another user: that one ends when its wire does.
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, 10)
        with contextlib.suppress(Exception):
            await self._connected
        if self._replies >= 0:
            if self._writing:
                asyncio.get_running_loop().remove_writer(self._replies)
                self._writing = False
            os.close(self._replies)
            self._replies = -1
            self._files.close()
        for transport in self._transports:
            transport.close()
        await asyncio.sleep(0)
        return self._said.text.decode("utf-8", "replace")


def _pipe(reader: contextlib.ExitStack, writer: contextlib.ExitStack) -> tuple[int, int]:
    """A pipe, each end of which is closed with its stack."""
    out, into = os.pipe()
    reader.callback(os.close, out)
    writer.callback(os.close, into)
    return out, into


def _widen(*pipes: int) -> None:
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        for number in pipes:
            with contextlib.suppress(OSError):
                fcntl.fcntl(number, fcntl.F_SETPIPE_SZ, PIPE)


def _command(paths: Sequence[str], confined: bool) -> list[str]:
    """Python without site packages, without the user's, without the directory it is started in."""
    command = [sys.executable, "-s", "-P", "-S", "-X", "utf8", "-c", BOOT]
    return macos.command(command, paths) if confined and sys.platform == "darwin" else command


def _paths() -> list[str]:
    """Where the worker finds this package and the two libraries that it needs."""
    import rlm_cli

    found = [str(Path(rlm_cli.__file__).resolve().parent.parent)]
    for name in ("RestrictedPython", "stringzilla"):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin).resolve()
            found.append(str(origin.parent.parent if origin.name == "__init__.py" else origin.parent))
    return list(dict.fromkeys(found))
