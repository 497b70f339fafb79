"""The loop of a Recursive Language Model: turn → root model → cells → output → turn … → answer (Algorithm 1).

A `Node` is one RLM: a conversation with the root model, a sandbox that holds the input as `context`, and at the end an
outcome. Children (`rlm_query`) are nodes over parts of the same input; all share one `Shared`. A node never draws,
never prints and never calls a model but through the gate. The method is that of arXiv:2512.24601.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import asdict

from rlm_cli import prompts
from rlm_cli.answer import Outcome
from rlm_cli.cells import CellHost, NewSandbox, Shared
from rlm_cli.context.matches import NO_MATCH
from rlm_cli.context.spans import Part
from rlm_cli.conversation import Conversation
from rlm_cli.description import describe, glimpse
from rlm_cli.errors import ContextTooLong, LimitReached, OutOfTime, ProviderError
from rlm_cli.events import (
    CellFinished,
    CellStarted,
    Compacted,
    LimitHit,
    MessageAdded,
    NodeFinished,
    NodeStarted,
    SandboxLost,
    SandboxReady,
    TextStreamed,
    TurnFinished,
    TurnStarted,
)
from rlm_cli.figures import duration, money, plural
from rlm_cli.gate import LAST_INPUT, Request
from rlm_cli.models import Message, Reply, Role
from rlm_cli.replies import answer_in, blocks, shorten, visible
from rlm_cli.sandbox import CellError, CellResult

_MOST_CELLS = 50  # of one reply: a model that writes more has not looked at what they print
_SILENT_TURNS = 3  # replies without code in a row, after which the last one is taken as the answer, marked partial
_FLOOD = 5  # times the limit of an output, above which the model is told to print less
_TELLING = 200  # characters of an output that two cells do not give by chance
_TITLE = 80  # characters


class Node:
    """One RLM. `parts` is the part of the input that is its `context`, None for the whole of it."""

    def __init__(
        self,
        shared: Shared,
        new_sandbox: NewSandbox,
        question: str,
        *,
        node: str = "0",
        depth: int = 0,
        parts: Sequence[Part] | None = None,
    ) -> None:
        self._shared = shared
        self._new_sandbox = new_sandbox
        self._node = node
        self._depth = depth
        self._parts = parts
        self._silent = 0
        self._stuck = 0  # times in a row that the same cell gave the same output
        self._turn = shared.turns[node]
        self._until = self._turn + shared.max_turns
        self._starting: asyncio.Task[None] | None = None
        self._clock: asyncio.Timeout | None = None
        self._last: tuple[tuple[str, ...], str] = ((), "")  # cells and outputs of the turn before
        self.draft: str | None = None
        self._conversation = Conversation(question)
        self._host = CellHost(shared, node, depth, self._child, self._conversation)
        self._sandbox = new_sandbox(self._host, parts)

    async def solve(self) -> Outcome:
        """Run to an outcome. At a limit the draft, or one reserved call, becomes a partial answer.

        Raises ProviderError, AuthError or SandboxError when the node cannot go on; `draft` holds what there is. The
        sandbox stays up, for `follow`, until `close`.
        """
        try:
            async with asyncio.timeout(None) as self._clock:
                return await self._loop()
        except TimeoutError:
            return await self._conclude(OutOfTime("the time is up", "Raise it with --max-time."))
        except LimitReached as limit:
            return await self._conclude(limit)

    @property
    def submitted(self) -> Outcome | None:
        """The answer that a cell has submitted, also where the run ended before it could be handed on."""
        return self._host.outcome

    async def follow(self, question: str) -> Outcome:
        """A further question, with the variables and the conversation of the one before. Raises as `solve` does."""
        self._ask_further(question)
        return await self.solve()

    async def walk(self, turns: int, question: str | None = None) -> None:
        """Live through a recorded question again, up to its turn `turns`, to have its variables: nothing is paid.

        `question` is None for the first one of a run.
        """
        if question is not None:
            self._ask_further(question)
        past = self._shared.past
        await self._begin()
        while self._turn < turns and past is not None and past.knows("root", self._node, self._turn + 1):
            self._turn = self._shared.next_turn(self._node)
            with contextlib.suppress(LimitReached):
                if await self._take_turn() is not None:
                    return

    async def close(self) -> None:
        """End the sandbox."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await self._sandbox.close()

    def _ask_further(self, question: str) -> None:
        self._conversation.question = question
        self.draft, self._silent, self._stuck, self._last = None, 0, 0, ((), "")
        self._host.follow()
        self._turn = self._shared.turns[self._node]
        self._until = self._turn + self._shared.max_turns
        schema = self._shared.schema.text() if self._shared.schema and not self._depth else ""
        note = self._shared.pack.say("schema_note", schema=schema) + "\n\n" if schema else ""
        words = {"question": question, "limits": self._limits(), "schema": note}
        self._say("user", self._shared.pack.say("follow_up", **words))

    async def _begin(self) -> None:
        """Open the conversation, the first time. The worker comes up while the first reply is on its way."""
        if self._starting is not None:
            return
        self._starting = asyncio.create_task(self._start())
        self._open()
        await self._first_look()

    async def _loop(self) -> Outcome:
        self._wind()
        await self._begin()
        while self._turn < self._until:
            self._turn = self._shared.next_turn(self._node)
            self._wind()
            if (outcome := await self._take_turn()) is not None:
                return outcome
        raise LimitReached(f"all {self._turn} turns were used", "Raise it with --max-turns.", limit="turns")

    def _wind(self) -> None:
        """Set the clock of the root to what is left; the rest after it is for the reserved call. Anew for each turn,
        since turns that are lived through again take no time of the run's. In a replay all of it is gone before: what
        took no longer than the run takes no longer now, and the record says where the time was up."""
        ledger, past = self._shared.gate.ledger, self._shared.past
        left = ledger.limits.max_time if past is not None and past.strict else ledger.time_left()
        if self._clock is not None and not self._depth:
            self._clock.reschedule(None if left is None else asyncio.get_running_loop().time() + max(0.0, left))

    async def _ready(self) -> None:
        """Wait for the worker. Raises SandboxError."""
        assert self._starting is not None
        await self._starting

    async def _start(self) -> None:
        ready = await self._sandbox.start()
        self._shared.emit(
            SandboxReady(node=self._node, layers=list(ready.layers), missing=list(ready.missing), seconds=ready.seconds)
        )

    def _open(self) -> None:
        """Begin the conversation: system prompt, worked examples, question and description of the input."""
        pack = self._shared.pack
        description = describe(self._shared.store, self._parts, pack.preview_limit)
        if (seen := glimpse(self._shared.store, self._parts, pack.preview_limit)) is not None:
            self._shared.account.read(seen)
        for message in prompts.opening(
            pack,
            self._conversation.question,
            description,
            self._limits(),
            depth_left=self._shared.max_depth - self._depth,
            child=self._depth > 0,
            schema=self._shared.schema.text() if self._shared.schema and not self._depth else "",
            tools=self._shared.tools.text() if self._shared.tools else "",
        ):
            self._say(message.role, message.content)
        self._conversation.opened()

    def _say(self, role: Role, content: str) -> None:
        if self._shared.past is not None:
            content = self._shared.past.recall(self._node, role, content)
        self._conversation.add(Message(role, content))
        self._shared.emit(MessageAdded(node=self._node, turn=self._turn, role=role, content=content))

    def _limits(self) -> str:
        """What is left of each limit, in a line."""
        left, turns = self._shared.gate.ledger.left(), self._until - self._turn
        said = [plural(turns, "turn")]
        if left.calls is not None:
            said.append(plural(left.calls, "call"))
        if left.cost is not None:
            said.append(money(left.cost))
        if left.seconds is not None:
            said.append(duration(left.seconds))
        return f"Left: {', '.join(said)}."

    async def _first_look(self) -> None:
        """The pack's own first cell, run as if the model had written it: a weak model that has seen no line of the
        input makes up what its lines look like."""
        shared, began = self._shared, time.monotonic()
        code = prompts.first_cell(shared.pack, self._conversation.question)
        if not code:
            return
        self._turn = shared.next_turn(self._node)
        shared.emit(TurnStarted(node=self._node, turn=self._turn, left=shared.gate.ledger.left().to_json()))
        await self._ready()
        self._say("assistant", f"```repl\n{code}\n```")
        output = self._output(await self._run_cell(code, 1))
        self._host.glimpse_only = True
        self._say("user", self._feedback([output], self._host.taken_notes()))
        shared.emit(TurnFinished(node=self._node, turn=self._turn, seconds=time.monotonic() - began))

    def _feedback(self, outputs: Sequence[str], notes: Sequence[str]) -> str:
        """What the model is told after a turn."""
        return self._shared.pack.say(
            "feedback",
            outputs="\n".join(outputs),
            notes="".join(f"{note}\n" for note in notes),
            limits=self._limits(),
            question=self._conversation.question,
        )

    async def _take_turn(self) -> Outcome | None:
        """One turn: a reply, its cells, the feedback. The outcome, once there is one."""
        shared, began = self._shared, time.monotonic()
        shared.emit(TurnStarted(node=self._node, turn=self._turn, left=shared.gate.ledger.left().to_json()))
        reply = await self._next_reply()
        await self._ready()
        found = blocks(reply.text)
        first_only = shared.pack.cells == "first"
        cells = found.cells[: 1 if first_only else _MOST_CELLS]
        if not first_only and len(found.cells) > len(cells):
            self._host.notes.append(shared.pack.say("many_cells", count=len(found.cells), run=len(cells)))
        said = reply.text[: found.first_end] if first_only and cells else reply.text
        self._say("assistant", said.rstrip() or "(an empty reply)")
        outputs = []
        for index, code in enumerate(cells, start=1):
            result = await self._run_cell(code, index)
            if self._host.outcome is not None:
                return self._host.limited(self._host.outcome)
            outputs.append(self._output(result))
            if self._host.stop is not None:
                raise self._host.stop
        notes = self._notes(reply, cells, outputs)
        if self._silent >= _SILENT_TURNS:
            return Outcome("partial", reply.text.strip() or self.draft or "", stopped_by="protocol")
        self._say("user", self._feedback(outputs, notes))
        shared.emit(TurnFinished(node=self._node, turn=self._turn, seconds=time.monotonic() - began))
        return None

    async def _ask(self, purpose: str, messages: Sequence[Message], stop: Sequence[str] = (), stuck: int = 0) -> Reply:
        turn, pack = self._turn, self._shared.pack
        temperature = pack.temperature
        if stuck and temperature is not None:  # at temperature 0 the same reply would come for ever
            temperature = min(1.0, temperature + 0.4 * stuck)
        return await self._shared.gate.ask(
            Request(
                purpose=purpose,
                node=self._node,
                turn=turn,
                messages=tuple(messages),
                stop=tuple(stop),
                max_tokens=pack.root_tokens,
                temperature=temperature,
                on_text=lambda text: self._shared.emit(TextStreamed(node=self._node, turn=turn, text=text)),
            )
        )

    async def _next_reply(self) -> Reply:
        """The root model's reply to the conversation, which is made shorter first where it is near the window."""
        shared, conversation = self._shared, self._conversation
        window = shared.gate.root.window
        wanted = Request(purpose="root", messages=tuple(conversation.messages))
        tokens = shared.gate.quote(wanted).input_tokens
        past = shared.past
        if past is not None and past.knows("root", self._node, self._turn):
            self._cut(past.compacted(self._node, self._turn))  # as it was then: the reply on record is to that
        elif window is not None and tokens > shared.compact_at * window:
            await self._compact(window)
        try:
            return await self._ask("root", conversation.messages, stop=shared.pack.stop, stuck=self._stuck)
        except ContextTooLong:  # the count was too low, or the window is not known
            known = past is not None and past.knows("root", self._node, self._turn)
            if not known and not await self._compact(window or tokens):
                raise
        return await self._ask("root", conversation.messages, stop=shared.pack.stop, stuck=self._stuck)

    async def _compact(self, window: int) -> bool:
        """Put a summary that the model writes in the place of the turns so far. False where there is nothing to cut."""
        if not self._conversation.can_be_cut:
            return False
        wanted = self._shared.pack.say("compact", question=self._conversation.question)
        # Counts at most are a third above the likely ones, so that three quarters leave room for the summary.
        reply = await self._words("compact", wanted, window * 3 // 4, window // 3)
        return self._cut(reply.text.strip())

    def _cut(self, summary: str) -> bool:
        if summary:
            kept = self._conversation.kept
            self._shared.emit(Compacted(node=self._node, turn=self._turn, keep=kept, summary=summary))
            self._conversation.cut(summary)
        return bool(summary)

    async def _run_cell(self, code: str, index: int) -> CellResult:
        shared, cell = self._shared, f"{self._node}/{self._turn}.{index}"
        self._host.begin(self._turn, cell, code)
        shared.emit(CellStarted(node=self._node, turn=self._turn, cell=cell, code=code, title=title(code)))
        forced = shared.past.forced(cell) if shared.past else None
        if forced is not None:
            result = _as_it_was(forced)
            shared.sources.add_again(forced.cited)
        else:
            try:
                result = await self._sandbox.run(code, cell=cell, time_limit=shared.cell_time)
            except BaseException:  # the run ends in the middle of the cell
                self.draft = self._host.drafted or self.draft
                raise
        limit = shared.pack.output_limit
        shared.account.cell(result, visible(result.output, limit, result.output_length))
        if result.draft is not None and result.draft.strip():
            self.draft = result.draft
        error = result.error
        if error is not None and error.kind == "died":
            lost = SandboxLost(node=self._node, reason=error.message, restored=0, lost=list(result.lost))
            shared.emit(lost)
        shared.emit(
            CellFinished(
                node=self._node,
                turn=self._turn,
                cell=cell,
                output=shorten(result.output, limit, result.output_length),
                output_length=result.output_length,
                error=None if error is None else asdict(error),
                seconds=result.seconds,
                variables=[[item.name, item.type, item.size] for item in result.variables],
                submitted=result.submitted,
                draft=result.draft,
                cited=self._host.cited(),
                budgets=self._host.budgets,
            )
        )
        return result

    def _output(self, result: CellResult) -> str:
        """A cell's output as the model sees it."""
        pack = self._shared.pack
        text = shorten(result.output, pack.output_limit, result.output_length)
        if result.output_length > _FLOOD * pack.output_limit:
            self._host.notes.append(pack.say("flood"))
        error = result.error
        if error is None or error.type != "SubmissionRefused":
            self._host.failed, self._host.glimpse_only = error is not None, False
            self._host.silent = pack.cells == "first" and error is None and not text.strip()
            if error is not None and (advice := pack.say("failed")):
                self._host.notes.append(advice)
        if error is not None:
            where = f" (line {error.line}: {error.source.strip()})" if error.line else ""
            text += f"\n{error.type}: {error.message}{where}" if text else f"{error.type}: {error.message}{where}"
            text += f"\n{error.hint}" if error.hint else ""
            if result.lost:
                text += f"\nLost with the worker: {', '.join(result.lost)}. Other variables were restored."
        if text.startswith(NO_MATCH) and (line := self._host.line_passed_over()):
            self._host.notes.append(pack.say("passed_over", line=line))
        if not text.strip():
            return prompts.fence("output", self._shared.pack.say("no_output"))
        return prompts.fence("output", text.rstrip("\n"))

    def _notes(self, reply: Reply, cells: tuple[str, ...], outputs: list[str]) -> list[str]:
        """What the model should know besides the outputs: each guard costs at most a turn."""
        pack, notes = self._shared.pack, self._host.taken_notes()
        if reply.finish == "length":
            notes.append(pack.say("cut_off"))
        if cells:
            self._silent = 0
            this = (cells, "\n".join(outputs))
            refused = "SubmissionRefused: " in this[1]  # each time with another reason, perhaps
            # Another cell with the same long output is the same step; two searches that find nothing are not.
            same = this[1] == self._last[1] and len(this[1]) > _TELLING
            again = this == self._last or same or (cells == self._last[0] and refused)
            self._stuck = self._stuck + 1 if again else 0
            if self._stuck:
                notes.append(pack.say("repeated"))
                self._conversation.forget_repeated()
            self._last = this
        else:
            self._silent += 1
            notes.append(pack.say("no_code" if self._silent == 1 else "no_code_again"))
        if self._turn == self._until - 1:
            notes.append(pack.say("last_turn"))
        return notes

    async def _conclude(self, limit: LimitReached) -> Outcome:
        """The best answer there is: the draft, else what one reserved call makes of the conversation."""
        past = self._shared.past
        if past is not None and past.strict and past.limit is not None and past.limit.limit == limit.limit == "time":
            limit = OutOfTime(past.limit.message)  # the clock and the calls that it cuts off say it in other words
        self._shared.emit(LimitHit(limit=limit.limit, message=limit.message, node=self._node))
        if self.draft:
            return Outcome("partial", self.draft, stopped_by=limit.limit)
        if self._depth and limit.limit != "turns":
            raise limit  # the reserve is one for the whole tree: the root spends it
        none = f"No answer was reached: {limit.message.rstrip('.')}"
        wanted = self._shared.pack.say("extract", reason=limit.message, question=self._conversation.question)
        try:
            purpose = "root" if self._depth else "extract"
            text = answer_in((await self._words(purpose, wanted, LAST_INPUT, LAST_INPUT // 4)).text)
            text = text or f"{none}. The last words were code, which did not run."
        except LimitReached:
            text = f"{none}."
        except ProviderError as error:
            text = f"{none}; {error.message}"
        return Outcome("partial", text, stopped_by=limit.limit)

    async def _words(self, purpose: str, wanted: str, *fewer: int) -> Reply:
        """The reply to `wanted`; over the last part of the conversation, of `fewer` tokens at most, where all of it is
        more than the window or the limits take."""
        for most in (None, *fewer):
            try:
                return await self._ask(purpose, self._conversation.asking(wanted, most))
            except (LimitReached, ContextTooLong) as error:
                failure = error
                if isinstance(error, LimitReached) and error.limit not in ("cost", "tokens"):
                    break
        raise failure

    async def _child(self, question: str, parts: Sequence[Part], cell: str, site: int | None) -> Outcome:
        """`rlm_query`: a child over `parts`, or over this node's whole input where none are given."""
        shared, node = self._shared, self._shared.next_child(self._node)
        child = Node(
            shared, self._new_sandbox, question, node=node, depth=self._depth + 1, parts=list(parts) or self._parts
        )
        shared.emit(
            NodeStarted(node=node, depth=self._depth + 1, question=question, parent=self._node, cell=cell, site=site)
        )
        outcome = Outcome("failed", "the child was stopped")
        try:
            outcome = await child.solve()
        finally:
            await child.close()
            shared.emit(NodeFinished(node=node, status=outcome.status, answer=outcome.text))
        return outcome


def _as_it_was(cell: CellFinished) -> CellResult:
    """The result of a cell from its record."""
    told = cell.error or {}
    line = told.get("line")
    error = CellError(
        type=str(told.get("type")),
        message=str(told.get("message")),
        line=line if isinstance(line, int) else None,
        source=str(told.get("source", "")),
        hint=str(told.get("hint", "")),
        kind="died" if told.get("kind") == "died" else "time",
    )
    return CellResult(output=cell.output, output_length=cell.output_length, error=error, draft=cell.draft)


def title(code: str) -> str:
    """What a cell does, in a line: its first comment, else its first statement."""
    lines = [line.strip() for line in code.splitlines() if line.strip()]
    first = next((line.lstrip("# ").strip() for line in lines if line.startswith("#")), "")
    if not first or not lines[0].startswith("#"):
        first = next((line for line in lines if not line.startswith(("#", "import ", "from "))), first)
    return first if len(first) <= _TITLE else first[: _TITLE - 1] + "…"
