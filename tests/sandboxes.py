"""A sandbox for tests: a real worker over files in memory or on disk, and a host that notes what it is asked."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from rlm_cli.context.spans import Part, Span
from rlm_cli.context.table import FileTable
from rlm_cli.sandbox import CellRefusal, CellResult, Ready
from rlm_cli.sandbox.host import ProcessSandbox
from rlm_cli.sandbox.process import Packed


class NotedHost:
    """A host that answers every query with `reply` and accepts every answer but "refuse me"."""

    def __init__(self, contents: Sequence[bytes]) -> None:
        self.files = []
        for data in contents:
            file = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `close`)
            file.write(data)
            file.flush()
            self.files.append(file)
        self.contents = list(contents)
        self.queries: list[dict[str, Any]] = []
        self.submissions: list[tuple[str, Any, Any]] = []
        self.citations: list[tuple[tuple[int, int, int], int, int]] = []
        self.drafts: list[str] = []
        self.opened: list[int] = []
        self.pieces: list[str] = []
        self.delay = 0.0

    def text(self, parts: Sequence[Part]) -> str:
        return "".join(
            self.contents[part.file][part.start : part.end].decode() if isinstance(part, Span) else part
            for part in parts
        )

    async def query(self, prompts: Sequence[Sequence[Part]], **more: Any) -> list[Any]:
        self.queries.append({"prompts": [list(parts) for parts in prompts], **more})
        if self.delay:
            await asyncio.sleep(self.delay)
        replies = [self.reply(self.text(parts)) for parts in prompts]
        return replies if more.get("schema") is None else [{"value": reply} for reply in replies]

    def reply(self, text: str) -> Any:
        if "fail" in text:
            return {"error": "RateLimited", "message": "too many requests"}
        return f"reply to {text[:40]}"

    async def submit(self, kind: str, value: Any, parts: Sequence[Part] | None, *, searched: bool) -> None:
        text = value if parts is None else self.text(parts)
        if text == "refuse me":
            raise CellRefusal("SubmissionRefused", "look at the input first")
        self.submissions.append((kind, value, parts))

    async def tool(self, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        return [name, list(arguments), dict(named)]

    async def spool(self, parts: Sequence[Part]) -> None:
        self.pieces.append(self.text(parts))

    async def cite(self, span: tuple[int, int, int], line: int, end_line: int) -> int:
        self.citations.append((span, line, end_line))
        return len(self.citations)

    def open(self, file: int) -> int:
        if self.contents[file] == b"unreadable":
            raise CellRefusal("PermissionError", "this file cannot be read")
        self.opened.append(file)
        return os.open(f"/proc/self/fd/{self.files[file].fileno()}", os.O_RDONLY)

    def budget(self) -> dict[str, Any]:
        return {"calls": 10, "cost": 0.5}

    def draft(self, text: str) -> None:
        self.drafts.append(text)

    def history(self) -> str:
        return "the history"

    def close(self) -> None:
        for file in self.files:
            file.close()


class Bench:
    """A sandbox behind plain calls: its event loop runs while a call does."""

    def __init__(self, contents: Mapping[str, bytes] | None = None, *, seconds: float = 20.0, **options: Any) -> None:
        contents = contents or {}
        self.host = NotedHost(list(contents.values()))
        self.table = Packed(FileTable.build(list(contents), [len(data) for data in contents.values()]))
        self.sandbox = ProcessSandbox(self.host, self.table, **options)
        self.seconds = seconds
        self._runner = asyncio.Runner()
        self._count = 0
        try:
            self.ready: Ready = self._runner.run(self.sandbox.start())
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self.sandbox.close())
        self._runner.close()
        self.host.close()
        self.table.close()

    def result(self, code: str, *, seconds: float | None = None) -> CellResult:
        self._count += 1
        limit = self.seconds if seconds is None else seconds
        return self._runner.run(self.sandbox.run(code, cell=f"0/{self._count}.1", time_limit=limit))

    def output(self, code: str) -> str:
        """What a cell printed; its error fails the test."""
        result = self.result(code)
        assert result.error is None, f"{result.error}\n{code}"
        return result.output

    def error(self, code: str) -> Any:
        result = self.result(code)
        assert result.error is not None, f"no error, but {result.output!r}\n{code}"
        return result.error

    @property
    def session(self) -> int:
        """The worker's process, which leads a session of its own."""
        worker = self.sandbox._worker
        assert worker is not None
        return worker.pid

    def forget(self) -> None:
        """Do not repeat earlier cells after a death: what they did does not matter to the test."""
        self.sandbox._records.clear()

    def run(self, coroutine: Any) -> Any:
        return self._runner.run(coroutine)
