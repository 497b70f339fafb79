"""What a worker may ask of its host: every call checked, answered and recorded."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol

from rlm_cli.context.spans import Part, Span, unwire
from rlm_cli.sandbox.contract import CellRefusal, Host
from rlm_cli.sandbox.protocol import DRAFT, Breach, clean

MOST_PROMPTS = 10_000
MOST_CALLS = 10_000
"""Requests of one cell, beside those that open files: each is kept for a repetition."""
MOST_FILES = 64
"""Files that are opened with one request."""

Reply = dict[str, Any]


class FileReceiver(Protocol):
    def send_files(self, descriptors: Sequence[int]) -> None:
        """Send and close them."""
        ...


@dataclass(frozen=True, slots=True)
class Answered:
    """A call of a cell and what it was told, for replay."""

    print: str  # fingerprint of method and arguments
    reply: Reply


@dataclass(frozen=True, slots=True)
class Record:
    """A finished cell: enough to run it again without any model."""

    code: str
    cell: str
    seconds: float
    replies: list[Answered] = field(default_factory=list)


class Calls:
    """The calls of one cell. With `recorded` replies nobody is asked: it is a repetition.

    The numbers of files that the worker was given are added to `sent`.
    """

    def __init__(self, host: Host, files: int, sent: deque[int], recorded: Sequence[Answered] | None = None) -> None:
        self._host = host
        self._sent = sent
        self._files = files
        self._recorded = None if recorded is None else list(recorded)
        self.replies: list[Answered] = []
        self._requests = 0
        self._transcript: str | None = None
        self.submitted = False
        self.opened = False
        self.diverged = False

    async def answer(self, worker: FileReceiver, message: dict[str, Any]) -> Reply:
        """The reply to one call. Raises Breach for a call that the protocol does not know."""
        if set(message) != {"t", "m", "a"} or not isinstance(message["a"], dict):
            raise Breach("a call of the wrong shape")
        method, arguments = message["m"], message["a"]
        if method == "open":
            return self._open(worker, arguments)
        known: dict[str, Callable[..., Coroutine[Any, Any, Any]]] = {
            "query": self._query,
            "submit": self._submit,
            "spool": self._spool,
            "tool": self._tool,
            "cite": self._cite,
            "budget": self._budget,
            "history": self._history,
            "draft": self._draft,
        }
        if not isinstance(method, str) or method not in known:
            raise Breach("a call of no known name")
        self._requests += 1
        if self._requests > MOST_CALLS:  # in a repetition too: what was refused is not among the replies
            return {"refused": "RuntimeError", "message": f"{MOST_CALLS:,} requests were made by one cell: batch them"}
        mark = _fingerprint(method, arguments)
        if self._recorded is not None:
            return self._again(mark)
        try:
            reply: Reply = {"ok": await known[method](arguments)}
        except CellRefusal as refusal:
            reply = {"refused": refusal.kind, "message": refusal.message}
        self.replies.append(Answered(mark, reply))
        return reply

    def _again(self, mark: str) -> Reply:
        assert self._recorded is not None
        if not self._recorded or self._recorded[0].print != mark:
            self.diverged = True
            return {"refused": "RuntimeError", "message": "the cell does not repeat itself"}
        return self._recorded.pop(0).reply

    def _open(self, worker: FileReceiver, arguments: dict[str, Any]) -> Reply:
        """Descriptors of files, sent ahead of the reply. Not recorded: a repetition reads the same files."""
        files = arguments.get("files")
        if (
            not isinstance(files, list)
            or len(files) > MOST_FILES
            or not all(type(number) is int and 0 <= number < self._files for number in files)
        ):
            raise Breach("a list of files was expected")
        states: list[Any] = []
        descriptors: list[int] = []
        try:
            for number in files:
                try:
                    descriptors.append(self._host.open(number))
                except CellRefusal as refusal:
                    states.append([refusal.kind, refusal.message])
                else:
                    states.append(True)
        except BaseException:
            for descriptor in descriptors:
                os.close(descriptor)
            raise
        self.opened = True
        self._sent.extend(files)
        worker.send_files(descriptors)
        return {"ok": states}

    async def _query(self, arguments: dict[str, Any]) -> Any:
        _exactly(arguments, "prompts", "model", "schema", "recursive", "site")
        prompts, model, schema = arguments["prompts"], arguments["model"], arguments["schema"]
        recursive, site = arguments["recursive"], arguments["site"]
        if not isinstance(prompts, list) or not 0 < len(prompts) <= MOST_PROMPTS or type(recursive) is not bool:
            raise Breach("prompts of the wrong shape")
        if not (model is None or isinstance(model, str)) or not (site is None or type(site) is int):
            raise Breach("a query of the wrong shape")
        return await self._host.query(
            [self._parts(parts) for parts in prompts],
            model=clean(model),
            schema=clean(schema),
            recursive=recursive,
            site=site,
        )

    async def _submit(self, arguments: dict[str, Any]) -> None:
        _exactly(arguments, "kind", "value", "parts", "searched")
        kind, parts, searched = arguments["kind"], arguments["parts"], arguments["searched"]
        if kind not in ("final", "not_found") or type(searched) is not bool:
            raise Breach("a submission of no known kind")
        if self.submitted:
            raise CellRefusal("SubmissionRefused", "an answer was accepted already")
        text = None if parts is None else self._parts(parts)
        await self._host.submit(kind, clean(arguments["value"]), text, searched=searched)
        self.submitted = True

    async def _spool(self, arguments: dict[str, Any]) -> None:
        _exactly(arguments, "parts")
        if self.submitted:
            raise CellRefusal("SubmissionRefused", "an answer was accepted already")
        await self._host.spool(self._parts(arguments["parts"]))

    async def _tool(self, arguments: dict[str, Any]) -> Any:
        _exactly(arguments, "name", "arguments", "named")
        name, given, named = arguments["name"], arguments["arguments"], arguments["named"]
        if not isinstance(name, str) or not isinstance(given, list) or not isinstance(named, dict):
            raise Breach("a call of a tool of the wrong shape")
        return await self._host.tool(name, clean(given), clean(named))

    async def _cite(self, arguments: dict[str, Any]) -> int:
        _exactly(arguments, "span", "line", "end_line")
        span, line, end_line = arguments["span"], arguments["line"], arguments["end_line"]
        parts = self._parts([span])
        if not isinstance(parts[0], Span) or type(line) is not int or type(end_line) is not int:
            raise Breach("a citation of the wrong shape")
        return await self._host.cite((parts[0].file, parts[0].start, parts[0].end), line, end_line)

    async def _budget(self, arguments: dict[str, Any]) -> dict[str, Any]:
        _exactly(arguments)
        return self._host.budget()

    async def _history(self, arguments: dict[str, Any]) -> str:
        _exactly(arguments)
        if self._transcript is None:  # it does not change within a cell; a copy of it for each request would fill us
            self._transcript = self._host.history()
        return self._transcript

    async def _draft(self, arguments: dict[str, Any]) -> None:
        _exactly(arguments, "text")
        text = arguments["text"]
        if not isinstance(text, str) or len(text) > DRAFT:
            raise Breach("a draft of the wrong shape")
        self._host.draft(str(clean(text)))

    def _parts(self, value: object) -> list[Part]:
        try:
            return [clean(part) if isinstance(part, str) else part for part in unwire(value, self._files)]
        except ValueError as error:
            raise Breach(str(error)) from None


def _exactly(arguments: dict[str, Any], *names: str) -> None:
    if set(arguments) != set(names):
        raise Breach("a call with the wrong arguments")


def _fingerprint(method: str, arguments: dict[str, Any]) -> str:
    text = json.dumps([method, arguments], sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode("ascii"), digest_size=16).hexdigest()
