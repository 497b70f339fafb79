"""The one way to a model. Every call of every depth and purpose passes through `Gate.ask`.

For each call, in this order: is it remembered, or already under way; a place among the `jobs` calls at once; the size
against the model's window; the worst case reserved in the ledger; the intent told (`CallStarted`); the call, tried
again where that helps (retries.py); what it did cost settled; the reply remembered, then told (`CallFinished`). What a
caller gets is a reply or an error of our tree, and each call that was told to start is told to end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from rlm_cli.errors import BadReply, CallTimedOut, Interrupted, LimitReached, ModelNotFound, RlmError
from rlm_cli.events import CallFailed, CallFinished, CallRetried, CallStarted, Event
from rlm_cli.ledger import Hold, Ledger
from rlm_cli.memo import Memo, digest, lasting
from rlm_cli.models import Message, Model, Options, Reply, Usage
from rlm_cli.models.failures import refusal
from rlm_cli.models.prices import cost, worst_cost
from rlm_cli.models.quotes import Quote, Quotes, fitted, reply_tokens, shortened
from rlm_cli.models.tokens import count
from rlm_cli.retries import Retries, Tries

LAST_INPUT: Final = 16_000
"""Tokens of the prompt that the reserve for the last answer is made for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call to make. `purpose`: root, sub, schema, extract (the last answer) or compact.

    `model` None: the root model for root, extract and compact, else the sub-model. `max_tokens` None: by model and
    purpose. The rest says where in the run the call comes from.
    """

    purpose: str
    messages: Sequence[Message]
    node: str = "0"
    turn: int = 0
    cell: str | None = None
    slot: int | None = None
    site: int | None = None
    about: str | None = None  # the one file whose text it is about
    model: str | None = None
    max_tokens: int | None = None
    schema: dict[str, Any] | None = None
    stop: Sequence[str] = ()
    temperature: float | None = None
    on_text: Callable[[str], None] | None = None


class Earlier(Protocol):
    """Replies of an earlier part of the same run, known by their place in it."""

    def reply(
        self, purpose: str, node: str, turn: int, cell: str | None, slot: int | None, messages: Sequence[Message]
    ) -> Reply | None:
        """The reply to the call at this place; None where there is none, or to something else: the call is made."""
        ...


@dataclass(slots=True)
class _Paid:
    """What one call has cost so far, over all its attempts."""

    cost: float | None = 0.0
    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0
    reasoning: int = 0
    counted_here: bool = False
    lost: int = 0  # tokens reserved for attempts whose bill nobody knows

    @property
    def tokens(self) -> int:
        """All of them, those that may have been billed included."""
        return self.input + self.output + self.lost

    def add(self, usage: Usage, dollars: float | None) -> None:
        self.cost = None if dollars is None or self.cost is None else self.cost + dollars
        self.input += usage.input_tokens
        self.output += usage.output_tokens
        self.cached += usage.cached_tokens
        self.written += usage.cache_write_tokens
        self.reasoning += usage.reasoning_tokens
        self.counted_here = self.counted_here or usage.counted_here


class _Call:
    """One call on its way."""

    __slots__ = ("hold", "last", "model", "name", "paid", "quote", "request", "sent")

    def __init__(self, name: str, request: Request, model: Model, quote: Quote, hold: Hold, *, last: bool) -> None:
        self.name = name
        self.request = request
        self.model = model
        self.quote = quote
        self.hold = hold
        self.last = last  # the last answer of the run: may use what the ledger kept back
        self.paid = _Paid()
        self.sent = False  # this attempt has left: from here on it may be billed


class Gate:
    """Built once for a run; closed once.

    `others`: further models that cells may ask for by name. `emit` receives the events of every call. `memo` None: no
    memory; `memo_root`: of root calls too. What `earlier` knows is neither sent nor told again. `call_time` in seconds
    is the longest one attempt may take; `first_call` numbers the calls from there.
    """

    def __init__(
        self,
        root: Model,
        sub: Model | None = None,
        *,
        ledger: Ledger,
        emit: Callable[[Event], None],
        others: Mapping[str, Model] | None = None,
        memo: Memo | None = None,
        memo_root: bool = False,
        earlier: Earlier | None = None,
        call_time: float = 120.0,
        backoff: float = 0.5,
        first_call: int = 1,
    ) -> None:
        self.root = root
        self.sub = sub or root
        self.ledger = ledger
        self._earlier = earlier
        self._emit = emit
        self._models = dict(others or {}) | {self.sub.name: self.sub, self.root.name: self.root}
        self._memo = memo
        self._memo_root = memo_root
        self._call_time = call_time
        self._retries = Retries(backoff)
        self._next = first_call
        self._places = asyncio.Semaphore(ledger.limits.jobs)
        self._quotes = Quotes()
        self._under_way: dict[bytes, asyncio.Future[Reply]] = {}
        self._asking: set[asyncio.Task[Any]] = set()  # the callers' tasks, each with one call under way
        self._stopped: RlmError | None = None
        self.begin(ledger)

    def begin(self, ledger: Ledger) -> None:
        """A further question, with limits of its own."""
        self.ledger = ledger
        output = reply_tokens(self.root, "extract")
        price = self.root.price
        kept = None if price is None else worst_cost(price, LAST_INPUT, output)
        ledger.keep(cost=kept, tokens=LAST_INPUT + output)

    async def ask(self, request: Request) -> Reply:
        """The reply to one call. Raises a `ProviderError`, `AuthError`, `LimitReached`, or what `stop` was given."""
        if self._stopped is not None:
            raise self._stopped
        task = asyncio.current_task()
        assert task is not None
        cancelled = task.cancelling()
        self._asking.add(task)
        try:
            return await self._ask(request)
        except asyncio.CancelledError:
            # As asyncio.timeout tells its own cancellation from its caller's.
            if self._stopped is not None and task.uncancel() <= cancelled:
                raise self._stopped from None
            raise
        finally:
            self._asking.discard(task)

    def quote(self, request: Request) -> Quote:
        """What this call would take, at most. Nothing is reserved."""
        return self._quotes.quote(
            self._model(request),
            request.messages,
            purpose=request.purpose,
            max_tokens=request.max_tokens,
            schema=request.schema,
        )

    def outlook(self, sizes: Sequence[int], *, model: str | None = None, max_tokens: int | None = None) -> str:
        """What sub-calls with prompts of so many bytes may take, in words, where that is over half of what is left of a
        limit; else empty. For announcements; nothing is reserved."""
        asked = self._sub_model(model)
        cost, tokens = self._quotes.batch(asked, sizes, max_tokens)
        return self.ledger.left().mostly(cost=cost, tokens=tokens, calls=len(sizes))

    def window(self, model: str | None = None) -> int | None:
        """Tokens that a sub-call to this model may take with its reply; None where it is not known."""
        return self._sub_model(model).window

    def stop(self, error: RlmError) -> None:
        """Cancel every call under way and refuse new ones: each `ask` raises `error`. Replies that came are kept."""
        if self._stopped is not None:
            return
        self._stopped = error
        for task in list(self._asking):
            task.cancel()

    async def close(self) -> None:
        """End what is under way as `stop` does, give connections back, and write the memory down."""
        self.stop(Interrupted("the run has ended"))
        while self._asking:
            await asyncio.wait(self._asking, timeout=0.01)  # a caller may go on when its call has ended
        for model in {id(model): model for model in self._models.values()}.values():
            await model.close()
        if self._memo is not None:
            await asyncio.to_thread(self._memo.flush)
            self._memo.close()

    # --- one call --------------------------------------------------------------------------------------------------

    async def _ask(self, request: Request) -> Reply:
        model = self._model(request)
        if self._earlier is not None:
            place = (request.purpose, request.node, request.turn, request.cell, request.slot)
            if (known := self._earlier.reply(*place, request.messages)) is not None:
                return _answered(known, model)
            self.ledger.go()
        key = self._key(request, model)
        if key is None:
            return await self._one(request, model, None)
        while True:
            if (reply := self._remembered(request, model, key)) is not None:
                return reply
            if (leader := self._under_way.get(key)) is None:
                return await self._lead(request, model, key)
            try:
                reply = await asyncio.shield(leader)
            except asyncio.CancelledError:
                if leader.cancelled() and not _being_cancelled():
                    continue  # the one we waited for was cancelled, we were not: lead
                raise
            except LimitReached:  # no call was told, since none could begin
                raise
            except RlmError as error:  # it is this place's failure too: a replay looks for it there
                self._tell_failed(request, model, error)
                raise
            return self._tell_remembered(request, model, reply)

    async def _lead(self, request: Request, model: Model, key: bytes) -> Reply:
        """Make a call that others with the same prompt may wait for."""
        result: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._under_way[key] = result
        try:
            reply = await self._one(request, model, key)
        except asyncio.CancelledError:
            result.cancel()
            raise
        except BaseException as error:
            result.set_exception(error)
            result.exception()  # nobody may be waiting: that is no fault
            raise
        else:
            result.set_result(reply)
            return reply
        finally:
            del self._under_way[key]

    async def _one(self, request: Request, model: Model, key: bytes | None) -> Reply:
        last = request.purpose == "extract" and request.node == "0"
        async with self._places:
            try:
                quote = fitted(self.quote(request), model, request.messages)
            except RlmError as error:  # too long: not sent, yet what the cell was told
                self._tell_failed(replace(request, messages=()), model, error)
                raise
            quote, hold = await self._reserve(quote, model, last=last)
            call = _Call(self._name(), request, model, quote, hold, last=last)
            began = asyncio.get_running_loop().time()
            try:
                self._emit(_started(call.name, request, model, quote))
                reply = await self._attempts(call)
            except BaseException as error:
                self._emit(_failed(call, error, asyncio.get_running_loop().time() - began))
                raise
            finally:
                self.ledger.release(call.hold)
        if key is not None and self._memo is not None and reply.finish == "stop":
            self._memo.put(key, model.name, reply, call.paid.cost)  # first: the journal may take no more
        self._emit(_finished(call, reply, asyncio.get_running_loop().time() - began))
        return _answered(reply, model)

    async def _attempts(self, call: _Call) -> Reply:
        """Send, and send again where that may help."""
        tries: Tries = {}
        while True:
            call.sent = False
            try:
                reply = await self._send(call)
                self._settle(call, reply.usage)
                if reply.text.strip() or reply.finish != "stop":
                    return reply
                raise BadReply(f"{call.model.name} sent an empty reply.")
            except RlmError as error:
                if call.sent and (isinstance(error, LimitReached) or getattr(error, "maybe_billed", False)):
                    self._lose(call)
                wait = self._retries.wait(error, call.model, tries, self.ledger.time_left(last=call.last))
                if wait is None:
                    raise
                reason = f"{type(error).__name__}: {error.message}"
                attempt = sum(tries.values())  # the one that failed
                wait, paid = round(wait, 3), call.paid
                told = CallRetried(
                    call=call.name, attempt=attempt, wait=wait, reason=reason, cost=paid.cost, tokens=paid.tokens
                )
                self._emit(told)
            except BaseException:  # cancelled, or a bug: what was sent may be billed
                if call.sent:
                    self._lose(call)
                raise
            await asyncio.sleep(wait)
            if not call.hold.live:
                quote = call.quote
                call.hold = await self.ledger.reserve(cost=quote.cost, tokens=quote.tokens, last=call.last, again=True)

    async def _send(self, call: _Call) -> Reply:
        request, model, quote = call.request, call.model, call.quote
        if (ready := getattr(model, "ready", None)) is not None:
            await ready()  # an import of seconds, or a turn to leave, is no part of the provider's time
        await self._retries.pause(model)
        self.ledger.check_time(last=call.last)
        left = self.ledger.time_left(last=call.last)
        timeout = self._call_time if left is None else min(self._call_time, left)
        options = Options(
            max_tokens=quote.max_tokens,
            timeout=timeout,
            stop=request.stop,
            temperature=request.temperature,
            schema=request.schema,
            on_text=request.on_text,
            keep_prefix=request.purpose == "root",
        )
        call.sent = True
        over = asyncio.get_running_loop().time() + timeout
        try:
            # The model has a clock of its own; this one is for a model that forgot it.
            async with asyncio.timeout(timeout + 1.0):
                reply = await model.reply(request.messages, options)
        except (TimeoutError, CallTimedOut) as error:
            if timeout == left and asyncio.get_running_loop().time() > over - 0.01:
                # The run's time ended under the call: that is the limit's doing and not the provider's.
                raise self.ledger.out_of_time() from None
            if isinstance(error, CallTimedOut):
                raise
            late = CallTimedOut(f"{model.name}: no reply within {timeout:g} s.", "Raise --call-time.")
            late.maybe_billed = True
            raise late from None
        return replace(reply, usage=_counted(reply, quote)) if reply.usage.counted_here else reply

    # --- money -----------------------------------------------------------------------------------------------------

    async def _reserve(self, quote: Quote, model: Model, *, last: bool) -> tuple[Quote, Hold]:
        """Reserve the worst case; near a limit, that of a shorter reply."""
        try:
            hold = await self.ledger.reserve(cost=quote.cost, tokens=quote.tokens, last=last)
        except LimitReached as limit:
            if limit.limit not in ("cost", "tokens"):
                raise
            tokens, dollars = self.ledger.tokens_left(last=last), self.ledger.cost_left(last=last)
            shorter = shortened(quote, model, tokens=tokens, dollars=dollars)
            if shorter is None:
                raise
            quote = shorter
            hold = await self.ledger.reserve(cost=quote.cost, tokens=quote.tokens, last=last)
        return quote, hold

    def _settle(self, call: _Call, usage: Usage) -> None:
        dollars = usage.cost
        if dollars is None and call.model.price is not None:
            dollars = cost(call.model.price, usage)
        self.ledger.settle(call.hold, cost=dollars, tokens=usage.input_tokens + usage.output_tokens)
        self._quotes.learn(call.model, call.quote, usage)
        call.paid.add(usage, dollars)

    def _lose(self, call: _Call) -> None:
        if call.hold.live:
            call.paid.lost += call.hold.tokens
            call.paid.add(Usage(), self.ledger.lose(call.hold))

    # --- before sending --------------------------------------------------------------------------------------------

    def _model(self, request: Request) -> Model:
        usual = self.root if request.purpose in ("root", "extract", "compact") else self.sub
        if request.model is None:
            return usual
        named = {"root": self.root, "sub": self.sub}.get(request.model) or self._models.get(request.model)
        if named is None:
            known = ", ".join(sorted(self._models))
            raise ModelNotFound(f"This run has no model {request.model[:80]!r}.", f"It has: {known}.")
        return named

    def _sub_model(self, name: str | None) -> Model:
        return self._model(Request(purpose="sub", messages=(), model=name))

    # --- memory ----------------------------------------------------------------------------------------------------

    def _key(self, request: Request, model: Model) -> bytes | None:
        of_root = request.purpose not in ("sub", "schema")
        if self._memo is None or (of_root and not self._memo_root):
            return None
        return digest(
            model=model.name,
            endpoint=str(getattr(model, "endpoint", "")),
            messages=lasting(request.messages) if of_root else request.messages,
            parameters=[request.max_tokens, list(request.stop), request.temperature, request.schema],
        )

    def _remembered(self, request: Request, model: Model, key: bytes) -> Reply | None:
        assert self._memo is not None
        reply = self._memo.get(key)
        return None if reply is None else self._tell_remembered(request, model, reply)

    def _tell_remembered(self, request: Request, model: Model, reply: Reply) -> Reply:
        call = self._name()
        self._emit(_started(call, request, model, Quote(0, 0, 0, 0.0), memo=True))
        self._emit(
            CallFinished(
                call=call, text=reply.text, finish=reply.finish, input_tokens=0, output_tokens=0, cost=0.0, memo=True
            )
        )
        return replace(reply, usage=Usage())

    def _tell_failed(self, request: Request, model: Model, error: RlmError) -> None:
        """A failure that was not sent for: nothing is reserved, nothing paid."""
        call = self._name()
        self._emit(_started(call, request, model, Quote(0, 0, 0, 0.0), memo=True))
        self._emit(CallFailed(call=call, error=type(error).__name__, message=error.message, cost=0.0))

    # --- what is told ----------------------------------------------------------------------------------------------

    def _name(self) -> str:
        number, self._next = self._next, self._next + 1
        return f"c{number}"


def _started(name: str, request: Request, model: Model, quote: Quote, *, memo: bool = False) -> CallStarted:
    # A root call's messages are its node's conversation, which is journaled message by message.
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    return CallStarted(
        call=name,
        node=request.node,
        turn=request.turn,
        purpose=request.purpose,
        model=model.name,
        input_tokens=quote.input_tokens,
        max_tokens=quote.max_tokens,
        reserved=quote.cost,
        reserved_tokens=quote.tokens,
        cell=request.cell,
        slot=request.slot,
        site=request.site,
        about=request.about,
        messages=None if request.purpose == "root" else messages,
        memo=memo,
    )


def _finished(call: _Call, reply: Reply, seconds: float) -> CallFinished:
    paid = call.paid
    return CallFinished(
        call=call.name,
        text=reply.text,
        finish=reply.finish,
        input_tokens=paid.input,
        output_tokens=paid.output,
        cached_tokens=paid.cached,
        cache_write_tokens=paid.written,
        reasoning_tokens=paid.reasoning,
        counted_here=paid.counted_here,
        lost_tokens=paid.lost,
        cost=paid.cost,
        seconds=round(seconds, 4),
    )


def _failed(call: _Call, error: BaseException, seconds: float) -> CallFailed:
    name, message = type(error).__name__, str(error)
    if isinstance(error, asyncio.CancelledError):
        name, message = "Interrupted", "cancelled"
    paid = call.paid
    return CallFailed(
        call=call.name,
        error=name,
        message=message,
        seconds=round(seconds, 4),
        cost=paid.cost,
        tokens=paid.tokens,
    )


def _answered(reply: Reply, model: Model) -> Reply:
    """The reply, unless it is a refusal: that was paid for, and is no answer."""
    if reply.finish != "refused":
        return reply
    raise refusal(model.name, reply.text)


def _counted(reply: Reply, quote: Quote) -> Usage:
    """Usage where the provider reports none: our bounds, so that the ledger errs on the safe side."""
    output = min(count(reply.text)[1], quote.max_tokens)
    return Usage(input_tokens=quote.most_input, output_tokens=output, counted_here=True)


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
