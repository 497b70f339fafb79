"""One run from settings to exit status: input, models, journal, sinks, the loop, the answer, signals.

Everything that a run needs is put together here and nowhere else; the parts know nothing of each other. The order
matters: what can be refused for free (schema, pack, key) is refused first, the journal is made only when there is
something to read, and whatever happens after the first call ends with `run.finished` and an exit status.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlm_cli import __version__, prompts
from rlm_cli.account import Account
from rlm_cli.answer import Answer, Outcome
from rlm_cli.background import in_background
from rlm_cli.cells import Shared
from rlm_cli.choosing import OFFLINE, choose_models
from rlm_cli.citations import Sources
from rlm_cli.context.corpus import Corpus, open_corpus
from rlm_cli.context.options import InputOptions
from rlm_cli.context.spans import Part
from rlm_cli.context.store import MappedStore
from rlm_cli.delivery import check_output, deliver, refuse, values, verdict
from rlm_cli.direct import DIRECT_TOKENS, fits, solve_directly
from rlm_cli.dryrun import estimate
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
    RunFinished,
    RunReplayed,
    RunResumed,
    RunStarted,
    StrategyChosen,
    Warned,
)
from rlm_cli.gate import Gate
from rlm_cli.journal import Journal, new_run
from rlm_cli.ledger import Ledger, Limits
from rlm_cli.memo import Memo
from rlm_cli.models import Model
from rlm_cli.models.registry import warm
from rlm_cli.places import places
from rlm_cli.prompts import Pack
from rlm_cli.quotations import Quotations
from rlm_cli.recorder import Recorder
from rlm_cli.recording import Past
from rlm_cli.references import LookUp
from rlm_cli.repair import repaired
from rlm_cli.resuming import check_input, compare
from rlm_cli.sandbox import Host, Sandbox
from rlm_cli.sandbox.process import Packed
from rlm_cli.sandbox.registry import SANDBOXES
from rlm_cli.schema import Schema
from rlm_cli.settings import Settings
from rlm_cli.signals import Stopping
from rlm_cli.sinks import open_sinks
from rlm_cli.sinks.painter import restore_terminals
from rlm_cli.sinks.report import Report, error_json
from rlm_cli.state import State
from rlm_cli.terminal import Environment, sentence

_NO_MODEL = (
    "no language model was used: this is an extract by offline/extractive. For written answers set a key, such as "
    "ANTHROPIC_API_KEY or OPENAI_API_KEY, or name a model with -m"
)
_STOP_SECONDS = 1.5  # that cancelled calls and the sandbox get to end, so that Ctrl-C is done within two


async def ask(settings: Settings, environment: Environment) -> ExitStatus:
    """Run one question to its end. Raises UsageError when there is nothing to run."""
    return await Session(settings, environment).run()


async def go_on(past: Past, journal: Journal, settings: Settings, environment: Environment) -> ExitStatus:
    """Go on with the run in this journal, which the caller has locked and closes. Raises UsageError."""
    return await Session(settings, environment, past, journal).run()


async def replay(past: Past, settings: Settings, environment: Environment) -> ExitStatus:
    """Walk a recorded run again without any model or journal. Raises UsageError."""
    return await Session(settings, environment, past).run()


class Session:
    """One run, from its settings on.

    `past`: the recording of an earlier part, which goes on in `journal`, or without one is replayed.
    """

    def __init__(
        self, settings: Settings, environment: Environment, past: Past | None = None, journal: Journal | None = None
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._past = past
        self._journal = journal
        self._path = None if journal is None else journal.path
        self._run = past.started.run if past else new_run()
        self._state = State()
        self._corpus: Corpus | None = None
        self._gate: Gate | None = None
        self._shared: Shared | None = None
        self._node: Node | None = None
        self._stopping: Stopping | None = None
        self._outcome: Outcome | None = None  # in hand: whatever fails from here on does not cost it
        self._recorder = Recorder([_Fold(self._state)], past)

    async def run(self) -> ExitStatus:
        """The whole run. Raises only UsageError, before there is a run to speak of."""
        settings = self._settings
        try:
            check_output(settings)
            schema = Schema.parse(settings.schema, multi=settings.schema_multi) if settings.schema else None
            root, sub, fallback = choose_models(settings, self._past)
            pack = prompts.load(prompts.choose(root.name, root.window) if settings.pack == "auto" else settings.pack)
            pack = prompts.sized(pack, root.window, sub.window)
        except RlmError as error:
            return refuse(error, settings, self._environment)
        replayed = self._past is not None and self._past.strict
        stopping = self._stopping = Stopping("" if replayed else self._run, restore_terminals, self._stop_calls)
        if not settings.dry_run:
            for model in {root.name: root, sub.name: sub}.values():
                warm(model)  # litellm's three seconds of import pass while the input is opened
            for sink in open_sinks(settings, self._environment, on_reader_gone=stopping.reader_gone):
                self._recorder.add(sink)
        stopping.listen()
        self._recorder.show_past()
        if replayed:
            self._recorder.emit(RunReplayed(run=self._run))
        answer: Answer | None = None
        failure: RlmError | None = None
        try:
            self._begin(root, sub, pack)
            await self._open_input()
            if settings.dry_run:
                return self._dry_run(root)
            self._attach()
            answer = await self._solve(root, sub, pack, schema, fallback)
        except asyncio.CancelledError:
            if stopping.stopped is None:
                raise
            failure = stopping.stopped
        except BrokenPipeError:
            failure = stopping.gone()
        except OutputError as error:  # the journal takes no more: what is in hand is still delivered
            self._recorder.attach(None)
            failure = stopping.stopped or error
        except RlmError as error:
            failure = stopping.stopped or error
        finally:
            stopping.finish()
            await self._end_calls()
        return self._finish(answer, failure, shaped=schema is not None)

    def _stop_calls(self, error: Interrupted) -> None:
        if self._gate is not None:
            self._gate.stop(error)

    # --- before the first call -------------------------------------------------------------------------------------

    def _begin(self, root: Model, sub: Model, pack: Pack) -> None:
        settings = self._settings
        self._recorder.emit(
            RunStarted(
                run=self._run,
                version=__version__,
                question=settings.question,
                sources=list(settings.sources),
                root_model=root.name,
                sub_model=sub.name,
                pack=pack.name,
                pack_hash=pack.digest,
                limits=self._limits().to_json(),
                settings=values(settings),
            )
        )

    def _limits(self) -> Limits:
        chosen = self._settings
        return Limits(
            max_cost=chosen.max_cost,
            max_tokens=chosen.max_tokens,
            max_time=chosen.max_time,
            max_calls=chosen.max_calls,
            max_turns=chosen.max_turns,
            max_depth=chosen.max_depth,
            jobs=chosen.jobs,
        )

    def _attach(self) -> None:
        """From here on everything is on record."""
        settings, past = self._settings, self._past
        if past is not None and self._path is None:
            self._recorder.attach(None)  # a replay leaves no trace
            return
        path = self._path or Path(settings.trajectory or places().runs / f"{self._run}.jsonl")
        journal = self._journal
        if journal is None and (settings.save or settings.trajectory):
            journal = Journal(path, redact=settings.redact, fresh=True)
        self._recorder.attach(journal)
        if past is not None:
            resumed = RunResumed(run=self._run, after=past.seq, unpaid=len(past.lost), limits=self._limits().to_json())
            self._recorder.emit(resumed)
            for call in past.lost:
                lost = CallFailed(
                    call=call.call,
                    error="Lost",
                    message="in flight when the run stopped",
                    cost=call.reserved,
                    tokens=call.input_tokens + call.max_tokens,
                )
                self._recorder.emit(lost)
        elif self._corpus is not None and self._recorder.journal is not None:
            self._corpus.keep_stdin(path.with_suffix(".stdin"))

    async def _open_input(self) -> None:
        settings, began = self._settings, time.monotonic()
        options = InputOptions(
            cache=places().cache / "text",
            hidden=settings.hidden,
            no_ignore=not settings.ignore,
            include=settings.include,
            exclude=settings.exclude,
            include_secrets=settings.include_secrets,
            binary=settings.binary,
            encoding=settings.encoding,
            max_decompressed=settings.max_decompressed,
        )
        kept = None if self._path is None else self._path.with_suffix(".stdin")
        stdin = os.open(kept, os.O_RDONLY) if kept is not None and kept.exists() else 0
        # In a thread of its own: a pipe may take hours, and Ctrl-C must not wait for it.
        corpus = await in_background(
            lambda: open_corpus(
                settings.sources,
                options,
                stdin=stdin,
                listed=settings.listed,
                progress=self._reading,
                on_change=self._changed,
            )
        )
        self._corpus = corpus
        if not corpus.bytes_total:
            raise InputError("nothing to read: every file is empty", "Is the command before the pipe right?")
        if self._past is not None:
            check_input(self._past, corpus.fingerprint, allow_changed=settings.allow_changed)
        self._recorder.emit(
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

    def _changed(self, name: str, reason: str) -> None:
        self._recorder.emit(InputChanged(name=name, reason=reason))

    def _reading(self, what: str, count: int) -> None:
        """A pipe or an archive takes long. Raises to stop it, since the thread that reads cannot be cancelled."""
        if self._stopping is not None and self._stopping.stopped is not None:
            raise self._stopping.stopped
        self._recorder.emit(InputProgress(what=what, bytes=count))

    # --- the run ---------------------------------------------------------------------------------------------------

    async def _solve(self, root: Model, sub: Model, pack: Pack, schema: Schema | None, fallback: bool) -> Answer:
        settings, corpus, limits = self._settings, self._corpus, self._limits()
        assert corpus is not None
        if fallback:
            self._recorder.emit(Warned(message=_NO_MODEL, kind="model"))
        ledger, past = Ledger(limits), self._past
        if past is not None:
            lost = sum(call.reserved or 0.0 for call in past.lost)
            ledger.restore(cost=past.cost + lost, tokens=past.tokens, calls=past.calls)
        memo = Memo(places().cache / "memo.sqlite", tell=self._warn) if settings.memo else None
        self._gate = Gate(
            root,
            sub,
            ledger=ledger,
            emit=self._recorder.emit,
            memo=memo,
            earlier=past,
            call_time=settings.call_time,
            first_call=past.last_call + 1 if past else 1,
        )
        store = MappedStore(corpus, corpus.open, maps=False)  # no maps: a file that shrinks must not kill this process
        shared = self._shared = Shared(
            store=store,
            open_file=corpus.open,
            gate=self._gate,
            sources=Sources(store, self._warn),
            account=Account(store.files),
            pack=pack,
            emit=self._recorder.emit,
            max_depth=settings.max_depth,
            max_turns=settings.max_turns,
            jobs=settings.jobs,
            cell_time=settings.cell_time,
            compact_at=settings.compact_at,
            schema=schema,
            past=past,
        )
        strategy, reason = self._strategy(shared, root)
        self._recorder.emit(StrategyChosen(strategy=strategy, reason=reason))
        self._recorder.emit(NodeStarted(node="0", depth=0, question=settings.question, bytes=corpus.bytes_total))
        outcome = Outcome("failed", "")
        try:
            if strategy == "direct":
                outcome = await solve_directly(shared, settings.question)
            else:
                outcome = await self._loop(shared)
            outcome = self._outcome = await repaired(self._gate, pack, schema, outcome)
        finally:
            self._recorder.emit(NodeFinished(node="0", status=outcome.status, answer=outcome.text))
        answer = await in_background(lambda: self._settle(outcome))
        if past is not None:
            compare(past, answer, self._warn)
        return answer

    def _strategy(self, shared: Shared, root: Model) -> tuple[str, str]:
        wanted = self._settings.strategy
        if self._past is not None and self._past.strategy:
            return self._past.strategy, "as the run began"
        if wanted != "auto":
            return wanted, "asked for by --strategy"
        if root.name == OFFLINE:
            return "rlm", "the embedded model works by searching"
        if fits(shared, root.window):
            return "direct", f"the input is under about {DIRECT_TOKENS:,} tokens, so one call reads all of it"
        return "rlm", f"the input is over about {DIRECT_TOKENS:,} tokens"

    async def _loop(self, shared: Shared) -> Outcome:
        assert self._corpus is not None
        packed, new = Packed(self._corpus.table), SANDBOXES[self._settings.sandbox]

        def new_sandbox(host: Host, parts: Sequence[Part] | None) -> Sandbox:
            return new(host, packed, parts=parts, cell_memory=self._settings.cell_memory)

        left = shared.gate.ledger.time_left()
        deadline = None if left is None else asyncio.get_running_loop().time() + left
        self._node = Node(shared, new_sandbox, self._settings.question, deadline=deadline)
        return await self._node.solve()

    def _settle(self, outcome: Outcome) -> Answer:
        """Check the sources against the files as they are now, and add up what was looked at."""
        assert self._shared is not None
        assert self._corpus is not None
        shared, corpus = self._shared, self._corpus
        now = MappedStore(corpus.present(), corpus.open, maps=False)
        quotations = Quotations(shared.store, shared.account.files_read, self._settings.question)
        look_up = LookUp(shared.sources, now, quotations, corpus.same)
        try:
            if shared.schema is None and outcome.body is None:
                settled = look_up.settle(outcome.text)
            else:
                settled = look_up.settle_value(outcome.text, outcome.value)
        finally:
            now.close()
        corpus.changes()
        return Answer(
            status=outcome.status,
            text=settled.text,
            value=outcome.value,
            body=outcome.body,
            stopped_by=outcome.stopped_by,
            citations=tuple(settled.citations),
            coverage=shared.account.to_json(corpus.skipped),
            checks=settled.to_json(),
        )

    # --- the end ---------------------------------------------------------------------------------------------------

    async def _end_calls(self) -> None:
        """Cancel what is under way; replies that came are kept."""
        if self._gate is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._gate.close()

    def _finish(self, answer: Answer | None, failure: RlmError | None, *, shaped: bool) -> ExitStatus:
        """Tell the journal, the sinks and the caller how it ended."""
        answer = answer or self._partial(failure)
        status = verdict(self._settings.fail_if, failure.status if failure is not None else answer.exit_status)
        error = None if failure is None else error_json(failure)
        journal = self._recorder.journal
        lost = self._tell_end(answer, int(status), error)
        if lost is not None and failure is None:
            failure, status = lost, lost.status
            error = error_json(failure)
        with contextlib.suppress(OutputError):  # -f jsonl: told above, or by the answer that cannot be written either
            self._recorder.close()
        self._close_input()
        if self._stopping is not None:
            self._stopping.leave()
        report = Report.of(
            self._state,
            exit_code=int(status),
            trace=None if journal is None else str(journal.path),
            error=error,
            shaped=shaped,
            body=answer.body,
            question=self._settings.question,
        )
        if failure is not None:
            self._environment.stderr.try_write(sentence(failure))
        return deliver(report, status, self._settings, self._environment)

    def _tell_end(self, answer: Answer, status: int, error: dict[str, Any] | None) -> RlmError | None:
        """The last events. What cannot be recorded any more must not cost the answer: it is returned as an error."""
        usage = Report.of(self._state, exit_code=status).usage
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
            read = InputRead(files=[list(row) for row in self._shared.account.rows()])
            ending = [read, given, *ending]
        lost: RlmError | None = None
        for event in ending:
            try:
                self._recorder.emit(event)
            except BrokenPipeError:
                lost = lost or (self._stopping.gone() if self._stopping else None)
            except RlmError as problem:
                lost = lost or problem
                self._recorder.attach(None)  # the journal takes no more; the displays and the answer go on
                with contextlib.suppress(BrokenPipeError, RlmError):
                    self._recorder.emit(event)
        return lost

    def _partial(self, failure: RlmError | None) -> Answer:
        """What there is when a run was cut off: the draft, with the sources it uses; nothing is paid for it."""
        stop = "interrupt" if isinstance(failure, Interrupted) else None
        if isinstance(failure, SchemaError):
            return Answer(status="failed", text="", value=failure.value, stopped_by="schema")
        submitted = self._outcome or (self._node.submitted if self._node else None)
        if submitted is not None and isinstance(failure, OutputError):
            return self._settle(submitted)
        if self._shared is None or self._node is None or not self._node.draft:
            return Answer(status="failed", text="", stopped_by=stop)
        return self._settle(Outcome("partial", self._node.draft, stopped_by=stop or "error"))

    def _close_input(self) -> None:
        journal, answer = self._recorder.journal, self._state.answer
        if journal is not None and answer is not None and answer.status in ("answered", "not_found"):
            journal.path.with_suffix(".stdin").unlink(missing_ok=True)
        if self._shared is not None:
            self._shared.store.close()
        if self._corpus is not None:
            self._corpus.close()

    def _warn(self, message: str) -> None:
        self._recorder.emit(Warned(message=message))

    def _dry_run(self, root: Model) -> ExitStatus:
        """What would be read and what it may cost; nothing is sent."""
        assert self._corpus is not None
        self._recorder.close()
        limits = self._limits()
        self._environment.stdout.write(estimate(self._corpus, root, limits, as_json=self._settings.format == "json"))
        self._close_input()
        return ExitStatus.ANSWERED


class _Fold:
    """The state of the run, for the answer's envelope: a sink like any other."""

    def __init__(self, state: State) -> None:
        self.emit = state.apply

    def close(self) -> None:
        """Nothing to give back."""
