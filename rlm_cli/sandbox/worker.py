"""The child side: a process that gives up everything and then runs cells.

Started by `process.py` as `python -s -P -S -X utf8 -c '…; main()' SETUP`. It reads all that it will ever need, confines
itself, says which layers hold, and only then takes its first byte of input and loads what cells use. Nothing may be
imported at the head of this file that a confined process can do without: the time to `ready` is spent in imports.
"""

from __future__ import annotations

import _socket
import gc
import json
import os
import signal
import sys
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rlm_cli.sandbox import confine
from rlm_cli.sandbox.ballast import Ballast
from rlm_cli.sandbox.protocol import encode, write_all
from rlm_cli.sandbox.shelf import Shelf
from rlm_cli.sandbox.stops import CellInterrupted

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` is loaded later, as most is
    from typing import Any

CHUNK = 1 << 20
LITTLE = 1 << 12
"""Bytes that are read at once where there is no memory for more."""


class Channel:
    """The worker's end of the wire: a request line out, a reply line in."""

    def __init__(self, requests: int, replies: int, files: int) -> None:
        self._requests = requests
        self._replies = replies
        self.ballast = Ballast()
        self._held = 0
        self._late = False
        self._files = _socket.socket(fileno=files)  # now: asking what it is will be forbidden

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Nothing may end what happens inside half-way: an interrupt waits until it is over."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            if not self._held and self._late:
                self._late = False
                raise CellInterrupted

    def interrupted(self) -> bool:
        """Note an interrupt; whether it has to wait."""
        self._late = self._held > 0
        return self._late

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send `message` and wait for its reply. Ends the process when the host is gone."""
        self.tell(message)
        return self.hear()

    def tell(self, message: dict[str, Any]) -> None:
        """The first half of `ask`."""
        write_all(self._requests, encode(message))

    def hear(self) -> dict[str, Any]:
        """The second half of `ask`. A reply is one line that nothing follows.

        Raises MemoryError where it does not fit. It is read to its end even so: a reply that is left half read would be
        taken for that of the next request.
        """
        pieces: list[bytes] = []
        data, size, fits = b"", CHUNK, True
        while not data.endswith(b"\n"):
            try:
                data = os.read(self._replies, size)
                if not data:
                    os._exit(0)
                if fits:
                    pieces.append(data)
            except MemoryError:
                pieces.clear()
                size, fits = LITTLE, False
        if not fits:
            raise MemoryError
        reply: dict[str, Any] = json.loads(b"".join(pieces))
        return reply

    def call(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """One callback of a cell."""
        with self.hold(), self.ballast.lent():
            try:
                return self.ask({"t": "call", "m": method, "a": arguments})
            except ValueError as error:
                return {"refused": "ValueError", "message": f"this cannot be sent: {error}"}

    def descriptors(self, count: int) -> list[int]:
        """The descriptors that the host sent before its last reply."""
        found = array("i")
        while len(found) < count:
            _, extra, _, _ = self._files.recvmsg(1, _socket.CMSG_LEN(count * found.itemsize))
            if not extra:
                raise OSError("the host sent no files")
            for level, kind, data in extra:
                if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                    found.frombytes(data[: len(data) - len(data) % found.itemsize])
        return found.tolist()


def main() -> None:
    """The process from its first line to its last. Its only argument is the JSON that the host wrote."""
    setup = json.loads(sys.argv[1])
    del sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel(setup["requests"], setup["replies"], setup["files"])
    _close_others({0, 1, 2, setup["requests"], setup["replies"], setup["files"]})
    confine.forget_environment()
    confine.plain_fstat()
    time.localtime()  # reads the time zone, which is a file
    shelf = Shelf()
    shelf.read()
    shelf.stand_alone()
    layers = confine.confine(setup["memory"], setup["parent"]) if setup["confined"] else confine.Layers()
    if setup["confined"]:
        confine.try_out(layers)
    layers.held.insert(0, "policy")
    channel.tell({"t": "ready", "layers": layers.held, "missing": layers.missing})
    _serve(channel, setup["memory"])


def _serve(channel: Channel, memory: int) -> None:
    """Load what cells need, while the host waits for its model; then run one after another."""
    import warnings

    from rlm_cli.context.text import Text
    from rlm_cli.sandbox.cell import Cells
    from rlm_cli.sandbox.inputs import Inputs

    time.strptime("2000", "%Y")  # C code that imports on its first use
    warnings.simplefilter("ignore")
    Text.limit = memory // 4  # a str that is made of parts is there twice for a moment
    setup = channel.hear()
    cells = Cells(channel, Inputs(channel, setup), seed=int(setup.get("seed", 0)), tools=setup.get("tools", ()))
    gc.freeze()
    gc.enable()

    def interrupt(number: int, frame: FrameType | None) -> None:
        cells.interrupt()

    signal.signal(signal.SIGINT, interrupt)
    message = {"t": "idle"}
    while True:
        order = channel.ask(message)
        message = cells.run(order["code"], order["cell"])


def _close_others(kept: set[int]) -> None:
    """Close whatever was inherited by accident."""
    first = 0
    for number in sorted(kept):
        if first < number:  # CPython passes closerange(0, 0) on as "close everything"
            os.closerange(first, number)
        first = number + 1
    os.closerange(first, 4096)
