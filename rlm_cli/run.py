"""One run from settings to answers: input, models, journal, strategies, checks. Knows no terminal and writes to none.

Everything that a run needs is put together here and nowhere else; the parts know nothing of each other. The order
matters: what can be refused for free (schema, pack, key) is refused by `prepare`, the journal is made only when there
is something to read, and whatever happens after the first call ends with `run.finished` and an exit status.

    run = Run(settings)
    run.prepare()
    await run.open()
    answer = await run.ask(settings.question)
    run.finish(answer, None)
    await run.close()
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rlm_cli import __version__, prompts
from rlm_cli.account import Account
from rlm_cli.answer import Answer, Outcome
from rlm_cli.background import in_background
from rlm_cli.cells import NewSandbox, Shared
from rlm_cli.choosing import choose_models
from rlm_cli.citations import Sources
from rlm_cli.context.corpus import Corpus
from rlm_cli.context.store import MappedStore
from rlm_cli.engine import Node
from rlm_cli.errors import ExitStatus, InputError, Interrupted, OutputError, RlmError, SchemaError
from rlm_cli.events import (
    AnswerGiven,
    CallFailed,
    Event,
    InputChanged,
    InputOpened,
    InputProgress,
    InputRead,
    NodeFinished,
    NodeStarted,
    QuestionAsked,
    RunFinished,
    RunResumed,
    RunStarted,
    StrategyChosen,
    Warned,
)
from rlm_cli.figures import plural
from rlm_cli.gate import Gate
from rlm_cli.journal import Journal, kept_stdin, new_run
from rlm_cli.ledger import Ledger, Limits
from rlm_cli.memo import Memo
from rlm_cli.models import Model
from rlm_cli.models.registry import warm
from rlm_cli.opening import open_input
from rlm_cli.places import places
from rlm_cli.recorder import Recorder
from rlm_cli.recording import Past
from rlm_cli.repair import repaired
from rlm_cli.resuming import check_input, compare, recorded_settings, restore, schema_of
from rlm_cli.sandbox.process import Packed
from rlm_cli.sandbox.registry import SANDBOXES
from rlm_cli.sandbox.spares import Spares
from rlm_cli.schema import Schema
from rlm_cli.settings import Settings
from rlm_cli.settling import settle
from rlm_cli.sinks.report import Report, error_json
from rlm_cli.state import State
from rlm_cli.strategies import STRATEGIES, Earlier, Strategy, choose
from rlm_cli.tools import Tools
from rlm_cli.votes import vote

_NO_MODEL = (
    "no language model was used: this is an extract by offline/extractive. For written answers set a key, such as "
    "ANTHROPIC_API_KEY or OPENAI_API_KEY, or name a model with -m"
)
_STOP_SECONDS = 1.5  # that cancelled calls and the sandbox get to end, so that Ctrl-C is done within two
_EARLIER_SHOWN = 4_000  # characters of an earlier answer that a follow-up is shown


class Run:
    """One run: one input, one question and those that follow it.

    `past`: the recording of an earlier part. It goes on in `journal`, or without one is replayed.
    `streams`: texts beside the settings' sources, each (name, descriptor). `tools`, `sub_tools`: functions of the user.
    `solver`: a strategy of the caller's own, in the place of the settings' one.
    """

    def __init__(
        self,
        settings: Settings,
        past: Past | None = None,
        journal: Journal | None = None,
        *,
        streams: Iterable[tuple[str, int]] = (),
        tools: Iterable[Callable[..., Any]] = (),
        sub_tools: Iterable[Callable[..., Any]] = (),
        solver: Strategy | None = None,
    ) -> None:
        self.settings = settings
        self.name = past.started.run if past else new_run()
        self.state = State()
        self.recorder = Recorder([_Fold(self.state)], past)
        self.stopped: RlmError | None = None  # set from a signal: what is under way ends with it
        self.shaped = False
        self.corpus: Corpus | None = None
        self.root: Model | None = None
        self._past = past
        self._journal = journal
        self._path = None if journal is None else journal.path
        self._streams = list(streams)
        self._tools, self._sub_tools = list(tools), list(sub_tools)
        self._solver = solver
        self._gate: Gate | None = None
        self._shared: Shared | None = None
        self._node: Node | None = None
        self._packed: Packed | None = None
        self._earlier: list[Earlier] = []
        self._asked = 0
        self._told: dict[str, Any] = {}  # the settings that are on record
        self._outcome: Outcome | None = None  # in hand: whatever fails from here on does not cost it

    # --- before the first call -------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """What can be refused before anything is read or spent. Raises UsageError, AuthError and their like."""
        settings = self.settings
        self._schema = Schema.parse(settings.schema, multi=settings.schema_multi) if settings.schema else None
        self.shaped = self._schema is not None
        self.root, self.sub, self._fallback = choose_models(settings, self._past)
        name = prompts.choose(self.root.name, self.root.window) if settings.pack == "auto" else settings.pack
        self._pack = prompts.sized(prompts.load(name), self.root.window, self.sub.window)
        self._user = (Tools(self._tools) if self._tools else None, Tools(self._sub_tools) if self._sub_tools else None)

    def warm(self) -> None:
        """Import a hosted model's library while the input is opened: that takes three seconds."""
        assert self.root is not None
        for model in {self.root.name: self.root, self.sub.name: self.sub}.values():
            warm(model)

    def limits(self) -> Limits:
        chosen = self.settings
        return Limits(
            max_cost=chosen.max_cost,
            max_tokens=chosen.max_tokens,
            max_time=chosen.max_time,
            max_calls=chosen.max_calls,
            max_turns=chosen.max_turns,
            max_depth=chosen.max_depth,
            jobs=chosen.jobs,
        )

    async def open(self) -> None:
        """Begin the run and open its input. Raises InputError."""
        assert self.root is not None
        settings = recorded_settings(self.settings, self._schema, self.root, self.sub)
        self._told = dict(self._past.started.settings) if self._past else settings
        self._emit(
            RunStarted(
                run=self.name,
                version=__version__,
                question=self.settings.question,
                sources=list(self.settings.sources),
                root_model=self.root.name,
                sub_model=self.sub.name,
                pack=self._pack.name,
                pack_hash=self._pack.digest,
                limits=self.limits().to_json(),
                settings=settings,
            )
        )
        began = time.monotonic()
        # In a thread of its own: a pipe may take hours, and Ctrl-C must not wait for it.
        corpus = self.corpus = await in_background(self._open_sources)
        if not corpus.bytes_total:
            raise InputError("nothing to read: every file is empty", "Is the command before the pipe right?")
        if self._past is not None:
            check_input(self._past, corpus.fingerprint, allow_changed=self.settings.allow_changed)
        self._emit(
            InputOpened(
                files=corpus.files_total,
                bytes=corpus.bytes_total,
                kinds=dict(list(corpus.kinds.items())[:20]),
                skipped=dict(corpus.skipped),
                examples={reason: list(names) for reason, names in corpus.examples.items()},
                fingerprint=corpus.fingerprint,
                seconds=round(time.monotonic() - began, 3),
            )
        )

    def _open_sources(self) -> Corpus:
        return open_input(self.settings, self._path, self._streams, progress=self._reading, on_change=self._changed)

    def _changed(self, name: str, reason: str) -> None:
        self._emit(InputChanged(name=name, reason=reason))

    def _reading(self, what: str, count: int) -> None:
        """A pipe or an archive takes long. Raises to stop it, since the thread that reads cannot be cancelled."""
        if self.stopped is not None:
            raise self.stopped
        self._emit(InputProgress(what=what, bytes=count))

    def attach(self) -> None:
        """From here on everything is on record."""
        settings, past = self.settings, self._past
        if past is not None and past.unreadable:
            self._warn(f"{plural(past.unreadable, 'line')} of the run's record cannot be read: what it held is lost")
        if past is not None and self._path is None:
            self.recorder.attach(None)  # a replay leaves no trace
            return
        path = self._path or Path(settings.trajectory or places().runs / f"{self.name}.jsonl")
        journal = self._journal
        if journal is None and (settings.save or settings.trajectory):
            journal = Journal(path, redact=settings.redact, fresh=True)
        self.recorder.attach(journal)
        if past is not None:
            unpaid = len(past.lost)
            self._emit(RunResumed(run=self.name, after=past.seq, unpaid=unpaid, limits=self.limits().to_json()))
            for call in past.lost:
                why = "in flight when the run stopped"
                cost, tokens = call.reserved, call.reserved_tokens
                self._emit(CallFailed(call=call.call, error="Lost", message=why, cost=cost, tokens=tokens))
        elif self.corpus is not None and self.recorder.journal is not None:
            self.corpus.keep_stdin(kept_stdin(path))

    # --- questions -------------------------------------------------------------------------------------------------

    def asks(self, question: str) -> None:
        """The first question, where the settings do not hold it."""
        self.settings = replace(self.settings, question=question)

    async def ask(self, question: str, schema: Schema | None = None) -> Answer:
        """The answer to the first question, or to one that follows. Raises RlmError when it could not be had.

        `schema` is for this answer alone, in the place of the settings' own.
        """
        if self._shared is None:
            await self._assemble()
        shared, past = self._shared, self._past
        assert shared is not None
        if past is not None and self._asked == 0:
            self.recorder.muted = True
            try:
                await self._walk_earlier(past)
            finally:
                self.recorder.muted = False
        shared.schema = schema or self._schema
        first = self._asked == 0
        self._asked += 1
        recorded = past is not None and self._asked < len(past.questions)
        goes_on = past is not None and not (past.asking or past.strict) and self._asked == len(past.questions)
        if not first and not recorded and not goes_on:
            if past is None or self._asked > len(past.questions):
                self._new_budget()
            self._tell_question(question, shared.schema)
        if self._solver is not None:
            strategy, reason = "own", "the caller has brought it"
        else:
            strategy, reason = choose(shared, self.settings.strategy, self._kept_strategy())
        self._emit(StrategyChosen(strategy=strategy, reason=reason))
        if first:
            bytes_total = self.corpus.bytes_total if self.corpus else 0
            self._emit(NodeStarted(node="0", depth=0, question=question, bytes=bytes_total))
        outcome, self._outcome = Outcome("failed", ""), None
        try:
            outcome = await self._solve(strategy, question)
            outcome = self._outcome = await repaired(shared.gate, shared.pack, shared.schema, outcome)
        finally:
            self._emit(NodeFinished(node="0", status=outcome.status, answer=outcome.text))
        answer = await in_background(lambda: self._settle(outcome, question))
        self._earlier.append(Earlier(question, answer.text[:_EARLIER_SHOWN], strategy))
        if past is not None:
            compare(past, answer, self._warn)
        return answer

    def _tell_question(self, question: str, schema: Schema | None) -> None:
        """A further question goes on record, with those settings that were others before."""
        assert self.root is not None
        now = recorded_settings(self.settings, schema, self.root, self.sub)
        now |= {"model": self.root.name, "sub_model": self.sub.name}
        changed = {name: value for name, value in now.items() if self._told.get(name) != value}
        self._told |= changed
        limits = self.limits().to_json()
        self._emit(QuestionAsked(question=question, number=self._asked, limits=limits, settings=changed))

    def _kept_strategy(self) -> str:
        """The strategy that a question has to go on with; empty where it may be chosen."""
        if self._past is not None and self._past.strategy:
            return self._past.strategy
        return "rlm" if self._node is not None and self.settings.strategy in ("auto", "rlm") else ""

    async def _solve(self, strategy: str, question: str) -> Outcome:
        shared = self._shared
        assert shared is not None
        if self._solver is not None:
            return await self._solver(shared, question, self._earlier, "0")
        if self.settings.votes > 1:
            return await vote(shared, question, self.settings.votes, self._new_node(), strategy, self._earlier)
        if strategy != "rlm":
            return await STRATEGIES[strategy](shared, question, self._earlier, "0")
        if self._node is not None:
            return await self._node.follow(question)
        asked = prompts.after(shared.pack, question, self._earlier)
        self._node = self._new_node()(asked, "0")
        return await self._node.solve()

    def _new_node(self) -> Callable[[str, str], Node]:
        """Makes the root node of a loop: (question, name)."""
        shared = self._shared
        assert shared is not None
        assert shared.new_sandbox is not None
        new_sandbox = shared.new_sandbox

        def make(question: str, name: str) -> Node:
            return Node(shared, new_sandbox, question, node=name)

        return make

    def _new_sandbox(self, corpus: Corpus) -> NewSandbox:
        """Makes the sandbox of a node: (host, the parts of the input that it holds)."""
        new, memory = SANDBOXES[self.settings.sandbox], self.settings.cell_memory
        packed = self._packed = Packed(corpus.table, Spares())
        return lambda host, parts: new(host, packed, parts=parts, cell_memory=memory)

    async def _walk_earlier(self, past: Past) -> None:
        """Rebuild what earlier questions of the same run left: variables, sources, conversation. Nothing is paid."""
        shared = self._shared
        assert shared is not None
        for asked in past.questions[:-1]:
            past.at, shared.schema = self._asked, schema_of(asked)
            if asked.strategy == "rlm" and asked.settings.get("votes", 1) == 1:
                if self._node is None:
                    self._emit(NodeStarted(node="0", depth=0, question=asked.question))
                    self._node = self._new_node()(asked.question, "0")
                    await self._node.walk(asked.turns)
                else:
                    await self._node.walk(asked.turns, asked.question)
            text = asked.answer.text if asked.answer else ""
            if asked.answer is not None:
                await in_background(lambda text=text: self._settle(Outcome("answered", text), ""))  # type: ignore[misc]
            self._earlier.append(Earlier(asked.question, text[:_EARLIER_SHOWN], asked.strategy))
            self._asked += 1
            shared.turns["0"], shared.children["0"] = asked.begun, asked.children  # also of what was not lived through
        past.at = self._asked

    async def _assemble(self) -> None:
        """Ledger, gate and all that nodes share."""
        settings, corpus, past = self.settings, self.corpus, self._past
        assert corpus is not None
        assert self.root is not None
        if self._fallback:
            self._emit(Warned(message=_NO_MODEL, kind="model"))
        ledger = Ledger(self.limits())
        if past is not None:
            restore(past, ledger)
        # Votes are independent: none may be told what another one was answered.
        memo = Memo(places().memo, tell=self._warn) if settings.memo and settings.votes < 2 else None
        self._gate = Gate(
            self.root,
            self.sub,
            ledger=ledger,
            emit=self._emit,
            memo=memo,
            memo_root=settings.memo_root,
            earlier=past,
            call_time=settings.call_time,
            first_call=past.last_call + 1 if past else 1,
        )
        store = MappedStore(corpus, corpus.open, maps=False)  # no maps: a file that shrinks must not kill this process
        self._shared = Shared(
            store=store,
            open_file=corpus.open,
            gate=self._gate,
            sources=Sources(store, self._warn, past.cited() if past else ()),
            account=Account(store.files),
            pack=self._pack,
            emit=self._emit,
            max_depth=settings.max_depth,
            max_turns=settings.max_turns,
            jobs=settings.jobs,
            cell_time=settings.cell_time,
            tools=self._user[0],
            sub_tools=self._user[1],
            compact_at=settings.compact_at,
            schema=self._schema,
            past=past,
            new_sandbox=self._new_sandbox(corpus),
        )

    def _new_budget(self) -> None:
        """A further question has limits of its own."""
        assert self._gate is not None
        self._gate.begin(Ledger(self.limits()))

    def _settle(self, outcome: Outcome, question: str) -> Answer:
        """Check the sources against the files as they are now, and add up what was looked at."""
        assert self._shared is not None
        assert self.corpus is not None
        usage = Report.of(self.state, exit_code=0).usage
        return settle(self._shared, self.corpus, outcome, question, usage)

    # --- the end ---------------------------------------------------------------------------------------------------

    def stop(self, error: Interrupted) -> None:
        """Cancel every call under way: what waits for one is told `error`."""
        self.stopped = error
        if self._gate is not None:
            self._gate.stop(error)

    async def end_calls(self) -> None:
        """Cancel what is under way; replies that came are kept."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                if self._packed is not None:
                    await self._packed.end()
                if self._node is not None:
                    await self._node.close()
                if self._gate is not None:
                    await self._gate.close()

    def told(self, answer: Answer, status: int, failure: RlmError | None) -> RlmError | None:
        """Record how a question ended. What cannot be recorded any more must not cost the answer: it is returned."""
        error = None if failure is None else error_json(failure)
        usage = Report.of(self.state, exit_code=status).usage
        ending: list[Event] = [RunFinished(status=answer.status, exit_code=status, usage=usage, error=error)]
        if self._shared is not None:
            given = AnswerGiven(
                status=answer.status,
                text=answer.text,
                value=answer.value,
                bytes=None if answer.body is None else answer.body.size,
                partial=answer.partial,
                stopped_by=answer.stopped_by,
                citations=[citation.to_json() for citation in answer.citations],
                coverage=dict(answer.coverage),
                checks=dict(answer.checks),
            )
            ending = [InputRead(files=[list(row) for row in self._shared.account.rows()]), given, *ending]
        lost: RlmError | None = None
        for event in ending:
            try:
                self._emit(event)
            except BrokenPipeError:
                lost = lost or Interrupted("the reader of the events went away", status=ExitStatus.PIPE)
            except RlmError as problem:
                lost = lost or problem
                self.recorder.attach(None)  # the journal takes no more; the displays and the answer go on
                with contextlib.suppress(BrokenPipeError, RlmError):
                    self._emit(event)
        return lost

    def partial(self, failure: RlmError | None) -> Answer:
        """What there is when a run was cut off: the draft, with the sources it uses; nothing is paid for it."""
        stop = "interrupt" if isinstance(failure, Interrupted) else None
        if isinstance(failure, SchemaError):
            return self._failed("schema", failure.value)
        submitted = self._outcome or (self._node.submitted if self._node else None)
        if submitted is not None and isinstance(failure, OutputError):
            return self._settle(submitted, "")
        if self._shared is None or self._node is None or not self._node.draft:
            return self._failed(stop)
        return self._settle(Outcome("partial", self._node.draft, stopped_by=stop or "error"), "")

    def _failed(self, stopped_by: str | None, value: Any = None) -> Answer:
        """No answer, with the account of what was looked at for it."""
        usage = Report.of(self.state, exit_code=0).usage
        coverage: dict[str, Any] = {}
        if self._shared is not None and self.corpus is not None:
            coverage = self._shared.account.to_json(self.corpus.skipped)
        return Answer(status="failed", text="", value=value, stopped_by=stopped_by, coverage=coverage, usage=usage)

    def report(
        self, answer: Answer, status: ExitStatus, failure: RlmError | None, journal: Journal | None = None
    ) -> Report:
        """The run in plain values, for every format. `journal`: where its record is."""
        journal = journal or self.recorder.journal
        return Report.of(
            self.state,
            exit_code=int(status),
            trace=None if journal is None or journal.removed else str(journal.path),
            error=None if failure is None else error_json(failure),
            shaped=self.shaped,
            body=answer.body,
            question=self.settings.question,
        )

    def close(self) -> None:
        """Close journal, sinks and input."""
        journal, answer = self.recorder.journal, self.state.answer
        with contextlib.suppress(OutputError):  # -f jsonl: told before, or by the answer that cannot be written either
            self.recorder.close()
        if journal is not None and answer is not None and answer.status in ("answered", "not_found"):
            kept_stdin(journal.path).unlink(missing_ok=True)
        if self._shared is not None:
            self._shared.store.close()
        if self.corpus is not None:
            self.corpus.close()

    def _emit(self, event: Event) -> None:
        self.recorder.emit(event)

    def _warn(self, message: str) -> None:
        self._emit(Warned(message=message))


class _Fold:
    """The state of the run, for the answer's envelope: a sink like any other."""

    def __init__(self, state: State) -> None:
        self.emit = state.apply

    def close(self) -> None:
        """Nothing to give back."""
