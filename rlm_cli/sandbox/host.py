"""The parent side: one confined worker, its cells, and what becomes of a run when it dies.

    sandbox = ProcessSandbox(host, table, level="strict")
    ready = await sandbox.start()
    result = await sandbox.run("print(len(context))", cell="0/1.1", time_limit=60)

Every byte from the worker is hostile: lines are bounded, parsed strictly, and answered one at a time; anything else
ends the worker and never the host. Limits are kept here. A cell's clock stands still while the host works for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

from rlm_cli.context.spans import Part, wire
from rlm_cli.context.store import OPEN
from rlm_cli.errors import SandboxError
from rlm_cli.sandbox import macos
from rlm_cli.sandbox.calls import Calls, Record
from rlm_cli.sandbox.contract import CellError, CellRefusal, CellResult, Host, Ready
from rlm_cli.sandbox.process import MEMORY, Packed, Worker, WorkerGone
from rlm_cli.sandbox.protocol import LONGEST, Breach
from rlm_cli.sandbox.results import read_result

Level = Literal["auto", "strict", "off"]
GRACE = 1.0
"""Seconds between asking a cell to stop and killing its worker."""
SETTLED = 2.0
"""Seconds a cell has to end after its answer was accepted."""
REPLAY_SLACK = 2.0
"""Seconds beyond twice its first time that the repetition of a cell may take."""
LONGEST_CELL = (LONGEST - 4096) // 12
"""Characters of a cell: each takes up to twelve bytes of a message, and the rest of the message some more."""
START = 60.0
"""Seconds a worker has to come up, on a loaded machine."""


class ProcessSandbox:
    """Cells in a confined process; implements `Sandbox`.

    `files` is the packed table of the corpus; `parts` is what `context` is (None: all of it). `cell_memory` in bytes,
    `grace` in seconds between a polite stop and the end of the worker. A worker that waits in `files.spares` is taken.
    """

    def __init__(
        self,
        host: Host,
        files: Packed,
        *,
        parts: Sequence[Part] | None = None,
        level: Level = "auto",
        cell_memory: int = MEMORY,
        grace: float = GRACE,
        seed: int = 0,
    ) -> None:
        self._host = host
        self._files = files
        self._setup: dict[str, Any] = {
            "parts": None if parts is None else wire(parts),
            "seed": seed,
            "tools": getattr(host, "tools", []),
        }
        self._level = level
        self._memory = cell_memory
        self._grace = grace
        self._worker: Worker | None = None
        self._settled = False  # the worker has asked for its first cell
        self._records: list[Record] = []
        self._known: tuple[str, ...] = ()
        self._closed = False
        self._sent: deque[int] = deque(maxlen=2 * OPEN)  # files that the worker may still have open

    # --- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> Ready:
        """Bring a worker up, confined. Raises SandboxError where it does not come up or `level` does not hold.

        It goes on to load what cells use, while the caller waits for a model; the first `run` waits for the rest of it.
        """
        if self._closed:
            raise SandboxError("The sandbox was closed.")
        began = time.monotonic()
        worker, self._settled = self._new_worker(), False
        async with self._starting(worker):
            layers, missing = _layers(await worker.receive(START))
            _hold(self._level, layers, missing)
            worker.send_files([self._files.descriptor()])
            worker.send({**self._setup, "table": self._files.size})
        self._worker = worker
        return Ready(layers, tuple(f"{name}: {why}" for name, why in missing.items()), time.monotonic() - began)

    @contextlib.asynccontextmanager
    async def _starting(self, worker: Worker) -> AsyncIterator[None]:
        """Whatever goes wrong inside ends the worker; its own faults become SandboxError."""
        try:
            yield
        except (Breach, WorkerGone, TimeoutError) as error:
            self._worker = None
            said = await worker.kill()
            detail = said.strip().splitlines()[-1:] or [f"{error}; {worker.ending()}"]
            raise SandboxError(f"The sandbox did not start: {detail[0][:300]}", "Run `rlm doctor`.") from None
        except BaseException:
            self._worker = None
            await asyncio.shield(worker.kill())
            raise

    def _new_worker(self) -> Worker:
        confined, spares = self._level != "off", self._files.spares
        waiting = None if spares is None else spares.take(confined=confined, memory=self._memory)
        try:
            return waiting or Worker(self._memory, confined=confined)
        except OSError as error:  # no more descriptors, processes or memory for another one
            hint = "`ulimit -n 256` lets it open more." if error.errno in (errno.EMFILE, errno.ENFILE) else ""
            raise SandboxError(f"The sandbox did not start: {error.strerror}", hint) from None

    async def _waiting(self) -> Worker:
        """The worker, once it waits for a cell. Raises SandboxError where it does not come so far."""
        worker = self._worker
        assert worker is not None
        if not self._settled:
            async with self._starting(worker):
                message = await worker.receive(START)
                while message.get("t") == "call":
                    worker.send(await Calls(self._host, self._files.count, self._sent).answer(worker, message))
                    message = await worker.receive(START)
                if message.get("t") != "idle":
                    raise Breach("the worker did not become idle")
            self._settled = True
        return worker

    async def close(self) -> None:
        """End the worker. Safe to call twice, and at any time."""
        self._closed = True
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.kill()

    # --- cells ------------------------------------------------------------------------------------------------------

    async def run(self, code: str, *, cell: str, time_limit: float) -> CellResult:
        """Run one cell. Its own failures are in the result; errors that the host's callbacks raise come out of here."""
        if len(code) > LONGEST_CELL:
            problem = f"a cell of {len(code):,} characters is too long: at most {LONGEST_CELL:,}"
            return CellResult(error=CellError("SyntaxError", problem))
        if self._worker is None:
            await self.start()
            await self._restore()
        calls = Calls(self._host, self._files.count, self._sent)
        turn = _Turn(await self._waiting(), calls, time_limit, self._grace)
        try:
            message = await turn.run({"t": "run", "code": code, "cell": cell})
            result = read_result(message, turn.seconds, self._files.names)
        except (Breach, WorkerGone) as error:
            return await self._died(code, cell, calls, turn, error)
        except BaseException:
            # Cancelled, or the host refused to go on: what the worker does now is nobody's business any more.
            worker, self._worker = self._worker, None
            if worker is not None:
                await asyncio.shield(worker.kill())
            raise
        if turn.stopped and result.error is not None and result.error.kind == "time":
            result = _said(result, turn.reason)
        if not turn.stopped:  # where a stopped cell stopped cannot be repeated
            self._records.append(Record(code, cell, turn.seconds, calls.replies))
        self._known = tuple(variable.name for variable in result.variables)
        if calls.submitted and not result.submitted:
            result = _submitted(result)
        return result

    async def _died(self, code: str, cell: str, calls: Calls, turn: _Turn, error: Exception) -> CellResult:
        """The worker is gone in the middle of a cell: a new one in its place, with the earlier variables."""
        assert self._worker is not None
        await self._worker.kill()
        if self._worker.lost_its_map:
            self._setup["maps"] = False
        how = turn.reason or (f"it broke the protocol: {error}" if isinstance(error, Breach) else self._worker.ending())
        if self._worker.lost_its_map:
            how = f"{self._cut()} cut short while it was read: SIGBUS"
        kind: Literal["time", "died"] = "time" if turn.stopped else "died"
        self._worker = None
        lost: tuple[str, ...] = ()
        if not calls.submitted:
            await self.start()
            lost = await self._restore()
        after = "earlier variables are restored"
        if lost:
            after = (
                f"{after}, but not: {', '.join(lost)}" if self._known else "the earlier variables could not be rebuilt"
            )
        return CellResult(
            error=CellError(
                type=_NAMES[kind], message=f"the cell was ended ({how}); its effects are lost, {after}", kind=kind
            ),
            seconds=turn.seconds,
            submitted=calls.submitted,
            looked=calls.opened,
            lost=lost,
        )

    def _cut(self) -> str:
        """Which of the files that the worker had last are shorter than they were: `logs/app.log was`."""
        found: list[str] = []
        for number in dict.fromkeys(reversed(self._sent)):
            with contextlib.suppress(CellRefusal):
                descriptor = self._host.open(number)
                try:
                    now = os.fstat(descriptor).st_size
                finally:
                    os.close(descriptor)
                names = self._files.names
                if now < names.base(number) + names.size(number):
                    found.append(names.name(number))
        return f"{', '.join(found[:3])} {'was' if len(found) == 1 else 'were'}" if found else "a file was"

    async def _restore(self) -> tuple[str, ...]:
        """Rebuild the variables: finished cells again, their calls answered from the record. What is lost, by name."""
        known, rebuilt = self._known, tuple[str, ...]()
        for record in self._records:
            worker = await self._waiting()
            calls = Calls(self._host, self._files.count, self._sent, record.replies)
            turn = _Turn(worker, calls, 2 * record.seconds + REPLAY_SLACK, self._grace)
            try:
                message = await turn.run({"t": "run", "code": record.code, "cell": record.cell})
                if calls.diverged or turn.stopped:
                    raise Breach("the cell did not repeat itself")
                rebuilt = tuple(
                    variable.name for variable in read_result(message, turn.seconds, self._files.names).variables
                )
            except (Breach, WorkerGone):
                await worker.kill()
                self._records.clear()
                rebuilt = ()
                await self.start()
                break
        self._known = rebuilt
        return tuple(name for name in known if name not in rebuilt)


_NAMES = {"time": "CellTimeout", "died": "WorkerDied"}


class _Turn:
    """One cell on one worker: messages there and back, and the cell's clock."""

    def __init__(self, worker: Worker, calls: Calls, limit: float, grace: float) -> None:
        self._worker = worker
        self._calls = calls
        self._limit = limit
        self._grace = grace
        self.seconds = 0.0
        self.reason = ""  # why it was asked to stop
        self.stopped = False

    async def run(self, order: dict[str, Any]) -> dict[str, Any]:
        """The `done` message. Raises Breach or WorkerGone; the cell's own clock runs only between messages."""
        self._worker.send(order)
        while True:
            began = time.monotonic()
            try:
                message = await self._next()
            finally:
                self.seconds += time.monotonic() - began
            kind = message.get("t")
            if kind == "done":
                return message
            if kind != "call":
                raise Breach("a message of no known kind")
            if self.stopped:
                self._worker.send({"refused": "CellTimeout", "message": self.reason})
                self._worker.interrupt()
                continue
            reply = await self._calls.answer(self._worker, message)
            try:
                self._worker.send(reply)
            except ValueError as error:  # many long replies: what was paid is remembered, a smaller batch gets it
                self._worker.send({"refused": "ValueError", "message": f"{error}: ask for less at once"})
            if self._calls.submitted:
                self._limit = min(self._limit, self.seconds + SETTLED)

    async def _next(self) -> dict[str, Any]:
        if not self.stopped:
            with contextlib.suppress(TimeoutError):
                return await self._worker.receive(max(0.0, self._limit - self.seconds))
            self.stopped, self.reason = True, f"it ran for its {self._limit:g} seconds"
            self._worker.interrupt()
        deadline = time.monotonic() + self._grace
        while (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                return await self._worker.receive(min(0.1, left))
            self._worker.interrupt()  # again: a cell may swallow it, but not every time
        raise WorkerGone("it did not stop when asked")


def _layers(message: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, str]]:
    if message.get("t") != "ready":
        raise Breach("the worker did not say that it is ready")
    held, missing = message.get("layers"), message.get("missing")
    if not isinstance(held, list) or not isinstance(missing, dict):
        raise Breach("the worker did not name its layers")
    return tuple(str(name)[:40] for name in held[:20]), {
        str(n)[:40]: str(w)[:200] for n, w in list(missing.items())[:20]
    }


def _hold(level: Level, layers: Sequence[str], missing: dict[str, str]) -> None:
    """Raise SandboxError where `strict` asks for more than holds."""
    held = set(layers)
    if macos.LAYER in held:
        return
    if level != "strict" or "seccomp" in held or {"landlock", "network namespace"} <= held:
        return
    why = "; ".join(f"{name}: {reason}" for name, reason in missing.items()) or "no layer of the system"
    raise SandboxError(
        f"The sandbox is not strict here ({why}).",
        "Run where seccomp is allowed, or use --sandbox auto to take the layers that hold (`rlm doctor` names them).",
    )


def _said(result: CellResult, reason: str) -> CellResult:
    error = result.error
    assert error is not None
    message = f"the cell was stopped ({reason}); what it had assigned is kept"
    hint = "Do less in one cell: a smaller part, a simpler pattern, or llm_query_batched in place of a loop."
    made = CellError("CellTimeout", message, error.line, error.source, hint, "time")
    return _replace(result, error=made)


def _submitted(result: CellResult) -> CellResult:
    return _replace(result, submitted=True, error=None)


def _replace(result: CellResult, **changes: Any) -> CellResult:
    values = {name: getattr(result, name) for name in result.__dataclass_fields__}
    return CellResult(**(values | changes))
