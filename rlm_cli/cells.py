"""What a cell may ask of the host, for one node: model calls, submission, citations, files.

Every argument comes from an untrusted process. What is asked for is checked here and bounded by the gate's ledger; a
refusal becomes an exception in the cell.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from rlm_cli.account import Account
from rlm_cli.answer import Outcome
from rlm_cli.background import in_background, together
from rlm_cli.citations import MOST_SOURCES, Sources
from rlm_cli.context.spans import Part, Span
from rlm_cli.context.store import MappedStore
from rlm_cli.conversation import Conversation
from rlm_cli.errors import AuthError, ContextTooLong, InputError, LimitReached, ModelNotFound, ProviderError
from rlm_cli.events import BatchStarted, Event, ToolCalled, Warned
from rlm_cli.figures import plural
from rlm_cli.gate import Gate, Request
from rlm_cli.models import Message
from rlm_cli.prompts import Pack, inert
from rlm_cli.recording import Past
from rlm_cli.refusals import copied, invented, passed_over, unfit
from rlm_cli.repair import mended
from rlm_cli.sandbox import CellRefusal, Host, Sandbox
from rlm_cli.schema import Schema
from rlm_cli.spooled import INLINE, Spooled, measure
from rlm_cli.tools import Tools, asked_tool

_PLAIN_LOOP = 10  # single calls in a row before the model is told how to batch them
_SUBMITTED = 300  # characters of what was refused that the model is shown: it may have computed it unseen
_EARLY = 2  # submissions after which NOT_FOUND is taken while the model has seen nothing but the pack's own search
_BLIND = 3  # times that NOT_FOUND is refused since the cell before failed or printed nothing
_MOST_PROMPT = 64 << 20  # bytes of one prompt, where no window is known
_BYTES_A_TOKEN = 8  # at most, over all of a prompt
_TOOL_ROUNDS = 5  # tools that one sub-call may call, one after another
_TOOL_SHOWN = 2_000  # characters of a tool's arguments and result that the journal keeps
_BUDGETS = 100  # times that a cell asks what is left, and it goes on record
_MISFITS = 3  # submissions that do not fit --schema are refused so often; then two more calls try to repair it


NewSandbox = Callable[[Host, Sequence[Part] | None], Sandbox]
"""Makes the sandbox of a node: (host, the parts of the input that it holds, None for all)."""


@dataclass(slots=True)
class Shared:
    """What all nodes of a run have in common."""

    store: MappedStore
    open_file: Callable[[int], int]  # a read-only descriptor of a file; raises InputError
    gate: Gate
    sources: Sources
    account: Account
    pack: Pack
    emit: Callable[[Event], None]
    max_depth: int
    max_turns: int
    jobs: int
    cell_time: float  # seconds
    tools: Tools | None = None  # functions of the user, for the REPL
    sub_tools: Tools | None = None  # and for sub-calls
    compact_at: float = 0.8  # share of the root model's window at which earlier turns become a summary
    schema: Schema | None = None  # of the root's answer
    past: Past | None = None  # of a run that goes on, or is replayed
    new_sandbox: NewSandbox | None = None
    turns: Counter[str] = field(default_factory=Counter)  # node → its last turn, over all questions
    children: Counter[str] = field(default_factory=Counter)  # node → how many children it has had

    places: dict[int, asyncio.Semaphore] = field(default_factory=dict)  # depth → room for children there

    def room(self, depth: int) -> asyncio.Semaphore:
        """For `jobs` children at once at this depth, whoever their parents are: each is a process of its own. A parent
        keeps its place while it waits, so there is room for each depth apart."""
        return self.places.setdefault(depth, asyncio.Semaphore(self.jobs))

    def next_turn(self, node: str) -> int:
        """The number of the turn of `node` that begins now: no two turns of a run have one number."""
        self.turns[node] += 1
        return self.turns[node]

    def next_child(self, node: str) -> str:
        """The name of one more child of `node`, which none has had before."""
        self.children[node] += 1
        return f"{node}.{self.children[node]}"

    def text(self, parts: Sequence[Part], *, sent: bool = True) -> str:
        """The text of `parts`, read now; where it is `sent` to a model, what comes from the input is accounted so."""
        pieces = []
        for part in parts:
            if isinstance(part, Span):
                pieces.append(bytes(self.store.view(*part)).decode("utf-8", "replace"))
                if sent:
                    self.account.read(part)
            else:
                pieces.append(part)
        return "".join(pieces)


Child = Callable[[str, Sequence[Part], str, int | None], Awaitable[Outcome]]
"""Runs a child node over parts of the input: (question, parts, cell, site) → its outcome."""


class CellHost:
    """The `Host` of one node's sandbox."""

    def __init__(
        self,
        shared: Shared,
        node: str,
        depth: int,
        child: Child,
        conversation: Conversation,
    ) -> None:
        """`conversation`: with the model that writes the cells."""
        self._shared = shared
        self._node = node
        self._depth = depth
        self._child = child
        self._conversation = conversation
        self._slots = asyncio.Semaphore(2 * shared.jobs)  # bounds the texts in memory, not the calls: the gate does
        self._refused_unread = False
        self._unfit: set[str] = set()  # submissions that were refused for what they say; the second time they are taken
        self._single_calls = 0
        self._misfits = 0
        self.turn = 0
        self.cell = ""
        self.slot = 0
        self.looked = False
        self.failed = False  # the last cell that looked ended with an error
        self.silent = False  # it printed nothing
        self.glimpse_only = False  # the model has seen what the pack's first cell shows, and run none of its own
        self._blind = 0  # NOT_FOUND that were refused for it
        self._invented = False  # a name that no output shows was refused
        self._passed_over = False  # NOT_FOUND was refused, since a line that was shown has the words of the question
        self._code = ""
        self._early = 0  # submissions that were refused since no cell of the model's own had run
        self._delegated = False  # a model or a child was given a part of the input
        self.outcome: Outcome | None = None
        self.stop: LimitReached | AuthError | None = None  # the run must end when this cell is done
        self.notes: list[str] = []
        self._body: Spooled | None = None  # an answer that comes in pieces
        self._cited: set[int] = set()
        self.budgets: list[dict[str, Any]] = []  # what the cell was told is left
        self.drafted: str | None = None  # in this cell, before it waits for models

    def begin(self, turn: int, cell: str, code: str = "") -> None:
        """A new cell: its calls are numbered from 0."""
        self._code = code
        self._body = None
        self.budgets = []
        self.drafted = None
        self._cited.clear()
        self.turn, self.cell, self.slot, self._single_calls = turn, cell, 0, 0

    def limited(self, outcome: Outcome) -> Outcome:
        """An answer from a cell whose calls met a limit is a partial one: part of what it asked for never came."""
        if isinstance(self.stop, LimitReached) and outcome.status == "answered":
            return replace(outcome, status="partial", stopped_by=self.stop.limit)
        return outcome

    def follow(self) -> None:
        """A further question: what was submitted is past."""
        self.outcome, self.stop = None, None
        self._misfits = self._blind = self._early = 0
        self.failed = self.silent = self.glimpse_only = False

    def taken_notes(self) -> list[str]:
        """What the model should be told, once."""
        notes, self.notes = self.notes, []
        return notes

    async def query(
        self,
        prompts: Sequence[Sequence[Part]],
        *,
        model: str | None,
        schema: Any,
        recursive: bool,
        site: int | None,
    ) -> list[Any]:
        """See `Host.query`. In each prompt the first part is what is asked, the others the text that it is about."""
        left = self._shared.max_depth - self._depth
        if left < 1:
            raise CellRefusal("SubcallError", "sub-calls are off at this depth (--max-depth): read the text yourself")
        recursive = recursive and left > 1
        try:
            shape = None if schema is None else Schema.given(schema)
        except ValueError as error:
            raise CellRefusal("ValueError", str(error)) from None
        first, self.slot = self.slot, self.slot + len(prompts)
        if len(prompts) > 1:
            started = BatchStarted(node=self._node, cell=self.cell, total=len(prompts), site=site, recursive=recursive)
            self._shared.emit(started)
            self._announce([measure(parts) for parts in prompts], model, recursive=recursive)
        self._advise(len(prompts))
        # To have a part read by a model or a child is to look at it.
        self._delegated |= any(isinstance(part, Span) for parts in prompts for part in parts)
        self.looked |= self._delegated

        async def one(slot: int, parts: Sequence[Part]) -> Any:
            try:
                if recursive:
                    async with self._shared.room(self._depth + 1):
                        return await self._recurse(parts, site)
                async with self._slots:
                    return await self._call(parts, slot, model=model, schema=shape, site=site)
            except (LimitReached, AuthError) as error:
                self.stop = self.stop or error
                return {"error": type(error).__name__, "message": error.message}
            except (ProviderError, InputError) as error:
                return {"error": type(error).__name__, "message": f"{error.message} {error.hint}".strip()}

        return await together(one(first + index, parts) for index, parts in enumerate(prompts))

    def _announce(self, sizes: Sequence[int], model: str | None, *, recursive: bool) -> None:
        """Say before it is sent that a batch may take over half of what is left; what children take nobody knows."""
        shared, taken = self._shared, ""
        if shared.past is not None and shared.past.knows_cell(self.cell):
            return  # it was told then, and costs nothing now
        if recursive:
            taken = shared.gate.ledger.left().mostly(cost=None, tokens=0, calls=len(sizes))
        else:
            with contextlib.suppress(ModelNotFound):  # each of the calls says so
                taken = shared.gate.outlook(sizes, model=model, max_tokens=shared.pack.sub_tokens)
        if taken:
            calls = plural(len(sizes), "call")
            shared.emit(Warned(message=f"a batch of {calls} may take {taken}", kind="batch"))
            self.notes.append(shared.pack.say("large_batch", calls=calls, taken=taken))

    def _advise(self, count: int) -> None:
        self._single_calls = self._single_calls + 1 if count == 1 else 0
        if self._single_calls == _PLAIN_LOOP:
            self.notes.append(self._shared.pack.say("plain_loop", count=_PLAIN_LOOP))

    def _file(self, parts: Sequence[Part]) -> str | None:
        """The name of the file that all text of the input in `parts` is from; None for no or several files."""
        files = {part.file for part in parts if isinstance(part, Span)}
        return self._shared.store.files.name(files.pop()) if len(files) == 1 else None

    async def _call(
        self, parts: Sequence[Part], slot: int, *, model: str | None, schema: Schema | None, site: int | None
    ) -> Any:
        shared, pack = self._shared, self._shared.pack
        self._refuse_huge(parts, model)
        asked = shared.text(parts[:1])
        if len(parts) > 1:
            asked = pack.say("sub_task", prompt=asked, text=inert("text", shared.text(parts[1:])))
        if schema is not None:
            asked += "\n\n" + pack.say("schema_reply", schema=schema.text())
        request = Request(
            purpose="sub",
            node=self._node,
            turn=self.turn,
            cell=self.cell,
            slot=slot,
            site=site,
            about=self._file(parts),
            messages=(Message("user", asked),),
            model=model,
            max_tokens=self._shared.pack.sub_tokens,
            temperature=self._shared.pack.temperature,
            schema=None if schema is None else schema.wire,
        )
        text = await self._answered(request)
        if schema is None:
            return text
        value, fault = await mended(shared.gate, pack, schema, text, request)
        if fault is not None:
            return {"error": "SchemaError", "message": f"the reply does not fit the schema: {fault}"}
        return {"value": value}

    def _refuse_huge(self, parts: Sequence[Part], model: str | None = None) -> None:
        """Refuse by its size alone what no window takes, before a byte of it is read: `llm_query("…", context)`."""
        window, size = self._shared.gate.window(model), measure(parts)
        most = _MOST_PROMPT if window is None else min(_MOST_PROMPT, window * _BYTES_A_TOKEN)
        if size > most:
            advice = "Split it: for part in chunks(text): ask about each, or use rlm_query."
            raise ContextTooLong(f"The text is {size:,} bytes, and the model takes at most about {most:,}.", advice)

    async def _answered(self, request: Request) -> str:
        """The reply to a sub-call, once it calls no tool any more."""
        tools, gate = self._shared.sub_tools, self._shared.gate
        if tools is None:
            return (await gate.ask(request)).text
        [message] = request.messages
        wanted = message.content + "\n\n" + self._shared.pack.say("sub_tools", tools=tools.text())
        messages = [Message("user", wanted)]
        for _ in range(_TOOL_ROUNDS):
            text = (await gate.ask(replace(request, messages=tuple(messages)))).text
            called = asked_tool(text)
            if called is None:
                return text
            result = await self._tool(tools, *called)
            messages += [Message("assistant", text), Message("user", json.dumps(result, ensure_ascii=False))]
        return (await gate.ask(replace(request, messages=tuple(messages)))).text

    async def tool(self, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """See `Host.tool`."""
        if self._shared.tools is None:
            raise CellRefusal("NameError", f"there is no tool {name!r}")
        done = await self._tool(self._shared.tools, name, arguments, named)
        if "error" in done:
            raise CellRefusal(done["kind"], done["error"])
        return done["result"]

    async def _tool(self, tools: Tools, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        done = await tools.call(name, arguments, named)
        given = json.dumps([*arguments, named] if named else list(arguments), ensure_ascii=False)[:_TOOL_SHOWN]
        told = json.dumps(done.get("result"), ensure_ascii=False)[:_TOOL_SHOWN]
        event = ToolCalled(
            node=self._node, cell=self.cell, tool=name, arguments=given, result=told, error=done.get("error")
        )
        self._shared.emit(event)
        return done

    @property
    def tools(self) -> Sequence[Sequence[str]]:
        """See `Host.tools`."""
        return [] if self._shared.tools is None else self._shared.tools.described()

    async def _recurse(self, parts: Sequence[Part], site: int | None) -> Any:
        self._refuse_huge(parts[:1])
        question = self._shared.text(parts[:1])
        outcome = await self._child(question, parts[1:], self.cell, site)
        if outcome.status == "failed":
            return {"error": "ChildFailed", "message": outcome.text}
        return outcome.text

    async def submit(
        self, kind: Literal["final", "not_found"], value: Any, parts: Sequence[Part] | None, *, searched: bool = False
    ) -> None:
        """See `Host.submit`. Refused once: what comes before anything was looked at, NOT_FOUND before any search."""
        pack = self._shared.pack
        body, self._body = self._body, None
        if parts is not None and body is None and measure(parts) > INLINE:
            await self.spool(parts)
            body, self._body = self._body, None
        if body is not None:
            text = body.cut()
        else:
            text = self._shared.text(parts, sent=False) if parts is not None else _as_text(value)
        self._weigh(kind, text)
        account = self._shared.account
        searched = searched or bool(account.searched) or account.half_read or self._delegated
        if not (self.looked if kind == "final" else searched) and not self._refused_unread:
            self._refused_unread = True
            reason = pack.say("refused_unread" if kind == "final" else "refused_unsearched")
            raise CellRefusal("SubmissionRefused", reason)
        if kind == "not_found":
            self.outcome = Outcome("not_found", text)
            return
        if body is not None:
            self.outcome = Outcome("answered", text, body=body)
            return
        schema, given = self._shared.schema, text if parts is not None else value
        if schema is not None and self._depth == 0:
            value, fault = await in_background(lambda: schema.read(given))
            if fault is not None and self._misfits < _MISFITS:
                self._misfits += 1
                raise CellRefusal("SubmissionRefused", pack.say("schema_refused", fault=fault))
            self.outcome = Outcome("answered", _as_text(value), value)
            return
        self.outcome = Outcome("answered", text, None if parts is not None else value)

    def _weigh(self, kind: str, text: str) -> None:
        """Refuse what is no answer, or comes too early to be one. Most of it is refused once and then taken."""
        pack, schema = self._shared.pack, self._shared.schema
        word, values = "", {}
        if not text.strip():
            word = "refused_empty"
        elif kind == "final" and schema is None and text not in self._unfit and (reason := unfit(text)) is not None:
            self._unfit.add(text)
            word = reason
        elif kind == "not_found" and (self.silent or self.failed) and self._blind < _BLIND:
            self._blind += 1
            word = "refused_failed"
        elif self.glimpse_only and self._early < (_EARLY if kind == "not_found" else 1):
            word, values = "refused_early" if not self._early else "refused_unsearched", {"text": text[:_SUBMITTED]}
            self._early += 1
        elif kind == "not_found" and not self._passed_over and (line := self.line_passed_over()):
            self._passed_over = True
            word, values = "refused_passed_over", {"line": line}
        elif pack.marks and (name := copied(text, pack.marks, self._conversation.shown())) is not None:
            word, values = "refused_copied", {"word": name}
        elif not self._invented and (found := self._name_invented(text)):
            self._invented = True
            word, values = "refused_invented", {"word": found[0], "near": ", ".join(found[1])}
        if word:
            raise CellRefusal("SubmissionRefused", pack.say(word, **values))

    def line_passed_over(self) -> str:
        """A line that a weak model was shown and that may well hold the answer, or an empty text."""
        if self._shared.pack.cells != "first":
            return ""
        return passed_over(self._conversation.question, self._conversation.outputs()) or ""

    def _name_invented(self, text: str) -> tuple[str, list[str]] | None:
        """A name in `text` that a weak model made up, and those that it may mean. The list of files in the task is no
        evidence: each name that could be invented stands in it."""
        if self._shared.pack.cells != "first":
            return None
        talk = self._conversation
        return invented(text, self._code, f"{talk.question}\n{talk.outputs()}")

    async def spool(self, parts: Sequence[Part]) -> None:
        """See `Host.spool`."""
        if self._depth:
            raise CellRefusal("SubmissionRefused", "the answer of a child may have 1 MB: submit the part that matters")
        if self._shared.schema is not None:
            raise CellRefusal("SubmissionRefused", "an answer of more than 1 MB cannot be held against the schema")
        try:
            self._body = self._body or Spooled()
            await asyncio.to_thread(self._body.write, parts, self._shared.store)
        except OSError as error:
            raise CellRefusal("OSError", f"the answer cannot be kept: {error.strerror}") from None

    def draft(self, text: str) -> None:
        """See `Host.draft`."""
        self.drafted = text

    async def cite(self, span: tuple[int, int, int], line: int, end_line: int) -> int:
        """See `Host.cite`. The lines that the worker names are not believed: they are counted here."""
        sources = self._shared.sources
        if len(sources.numbers) >= MOST_SOURCES:
            raise CellRefusal("ValueError", f"a run has at most {MOST_SOURCES:,} sources: cite those that matter")
        try:
            number = await asyncio.to_thread(sources.add, Span(*span))
        except (ValueError, InputError) as error:
            raise CellRefusal("ValueError", str(error)) from None
        self._cited.add(number)
        return number

    def cited(self) -> list[dict[str, Any]]:
        """What the cell has cited, for its record."""
        known = self._shared.sources.known
        return [{"number": number, **known(number)._asdict()} for number in sorted(self._cited)]

    def open(self, file: int) -> int:
        """See `Host.open`."""
        if not 0 <= file < len(self._shared.store.files):
            raise CellRefusal("FileNotFoundError", "no such file in the input")
        self.looked = True
        try:
            return self._shared.open_file(file)
        except InputError as error:
            raise CellRefusal("OSError", error.message) from None

    def budget(self) -> dict[str, Any]:
        """See `Host.budget`."""
        past = self._shared.past
        told = past.budget(self.cell, len(self.budgets)) if past is not None else None
        told = told or self._shared.gate.ledger.left().to_json()
        if len(self.budgets) < _BUDGETS:
            self.budgets.append(told)
        return told

    def history(self) -> str:
        """See `Host.history`."""
        return self._conversation.transcript()


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, dict | list) else None)
