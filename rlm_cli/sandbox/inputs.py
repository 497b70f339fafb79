"""The input, as the worker sees it: a table of files, and descriptors that only the host can open."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from rlm_cli.context.files import Files, build_context
from rlm_cli.context.spans import Part, unwire
from rlm_cli.context.store import MappedStore
from rlm_cli.context.table import FileTable
from rlm_cli.context.text import Text
from rlm_cli.sandbox.ballast import Ballast
from rlm_cli.sandbox.failures import refusal
from rlm_cli.sandbox.seen import Reading


class Wire(Protocol):
    @property
    def ballast(self) -> Ballast: ...

    def call(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]: ...

    def descriptors(self, count: int) -> list[int]: ...

    def hold(self) -> AbstractContextManager[None]: ...

    def interrupted(self) -> bool: ...


class Inputs:
    """`context` and `files` over the host's descriptors, and the account of what was read."""

    def __init__(self, wire: Wire, setup: dict[str, Any]) -> None:
        self._wire = wire
        table = wire.descriptors(1)[0]
        size = int(setup["table"])
        self.table = (
            FileTable.unpack(memoryview(mmap.mmap(table, size, prot=mmap.PROT_READ)))
            if size
            else FileTable.build([], [])
        )
        os.close(table)
        self.coverage = Reading()
        self.store = MappedStore(
            self.table,
            self._open,
            self.coverage,
            maps=setup.get("maps") is not False,  # false once a file has shrunk under a map: reads cannot crash
            open_files=self._open_all,
        )
        parts = setup.get("parts")
        self.context: Text = (
            build_context(self.store) if parts is None else Text.from_parts(_parts(parts, len(self.table)), self.store)
        )
        self.files = Files(self.store)

    def _open(self, file: int) -> int:
        [found] = self._open_all([file])
        if isinstance(found, Exception):
            raise found
        return found

    def _open_all(self, files: Sequence[int]) -> list[int | Exception]:
        with self._wire.hold():
            reply = self._wire.call("open", {"files": list(files)})
            if "refused" in reply:
                raise refusal(str(reply["refused"]), str(reply.get("message", "")))
            states = reply["ok"]  # for each file true, or [kind, message]
            opened = iter(self._wire.descriptors(sum(state is True for state in states)))
            return [next(opened) if state is True else refusal(str(state[0]), str(state[1])) for state in states]

    def settle(self) -> None:
        """Forget what was being counted when a cell was stopped: it may be half done."""
        self.store._offsets.clear()
        self.store._newlines.clear()


def _parts(value: Any, files: int) -> list[Part]:
    return unwire(value, files)
