"""rlm from Python: one question with `completion`, several about the same input with `RLM`.

    >>> from rlm_cli import completion
    >>> texts = {"way.txt": "The shop is behind the mill."}
    >>> answer = completion("how do I find the shop?", texts, model="offline/extractive")
    >>> answer.status, answer.citations[0].place
    ('answered', 'way.txt:1')

Everything that the command line knows is an option here, under the name it has in config.toml: `max_cost=0.5`,
`max_depth=2`, `strategy="map"`. Keys, configuration, journal and limits are those of the command.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from types import TracebackType
from typing import IO, Any, TypeVar

from rlm_cli.answer import Answer
from rlm_cli.citations import Citation
from rlm_cli.errors import InputError, Interrupted, LimitReached, OutOfTime, RlmError, UsageError
from rlm_cli.events import Event, Record
from rlm_cli.run import Run
from rlm_cli.schema import Schema
from rlm_cli.settings import OPTIONS, load

__all__ = ["RLM", "Answer", "Citation", "RlmError", "acompletion", "completion"]

T = TypeVar("T")
Text = str | bytes | IO[str] | IO[bytes]
Context = os.PathLike[str] | Text | Mapping[str, Text] | Iterable["os.PathLike[str] | Text"]
"""What a question is about. A path object is a file, a directory or a pattern; a str or bytes is the text itself; a
file object is read to its end; a mapping gives texts their names; and a list holds several of these."""


def completion(question: str, context: Context, *, model: str = "", **options: Any) -> Answer:
    """The answer to one question about `context`.

        >>> log = "08:00 up" + chr(10) + "09:10 ERROR disk sda1 is full" + chr(10)
        >>> answer = completion("which disk is full?", log, model="offline/extractive")
        >>> "sda1" in str(answer), answer.citations[0].line
        (True, 2)

    `options` are those of `RLM`. An input that does not hold the answer is no error: `answer.status` is `not_found`.
    Raises UsageError, InputError, AuthError, ProviderError, LimitReached, SchemaError and the other members of
    `rlm_cli.errors`; what there is of an answer is in the error's `answer`.
    """
    with RLM(context, model=model, **options) as session:
        return session.ask(question)


async def acompletion(question: str, context: Context, *, model: str = "", **options: Any) -> Answer:
    """`completion` for asynchronous code. Cancelling it stops the run.

    >>> import asyncio
    >>> question = "how long do tokens live?"
    >>> answer = asyncio.run(acompletion(question, "Tokens live for one hour.", model="offline/extractive"))
    >>> "one hour" in answer.text
    True
    """
    session = RLM(context, model=model, **options)
    try:
        return await session.aask(question)
    finally:
        await session.aclose()


class RLM:
    """A session: questions about one input, one after another. Variables, sources and conversation go on.

        >>> texts = {"a.txt": "The valve is blue.", "b.txt": "The seal is red."}
        >>> with RLM(texts, model="offline/extractive") as session:
        ...     first = session.ask("which colour has the valve?")
        ...     second = session.ask("which colour has the seal?")
        >>> "blue" in first.text, "red" in second.text
        (True, True)

    `tools` are plain functions that cells may call; `sub_tools` the same for sub-calls. They run here, outside of the
    sandbox, with the rights of this process; name, signature and docstring are shown to the model, what it passes is
    held against the annotations, and calls are counted in `answer.checks["tool_calls"]`.

        >>> def stock(part: str) -> int:
        ...     "How many of a part are on the shelf."
        ...     return {"valve": 4}.get(part, 0)
        >>> session = RLM("one valve a day", model="offline/extractive", tools=[stock])
        >>> session.close()

    Questions that are asked at once are answered one after another; two sessions run beside each other.

    `on_event` is called with each event of the run (`rlm_cli.events`), from the thread that runs it: return quickly.
    What it raises is a RuntimeWarning, and it is not called again.
    `schema` is --schema as a str or a JSON Schema. Nothing is ever written to stdout or stderr.
    """

    def __init__(
        self,
        context: Context,
        *,
        model: str = "",
        sub_model: str = "",
        schema: str | Mapping[str, Any] | None = None,
        tools: Iterable[Callable[..., Any]] = (),
        sub_tools: Iterable[Callable[..., Any]] = (),
        on_event: Callable[[Event], None] | None = None,
        **options: Any,
    ) -> None:
        """Raises UsageError for an option that there is none of, or a value that it cannot take. Reads nothing."""
        if wrong := [name for name in options if name not in OPTIONS or name in _OF_A_TERMINAL]:
            raise UsageError(f"there is no option {wrong[0]!r}", "rlm config lists them.")
        flags = {name: "none" if value is None and OPTIONS[name].lifted else value for name, value in options.items()}
        flags |= {name: value for name, value in (("model", model), ("sub_model", sub_model)) if value}
        if schema is not None:
            flags["schema"] = _schema_text(schema)
        self._cleanup = contextlib.ExitStack()
        try:
            sources, streams = _split(context, self._cleanup)
            settings = load(flags, sources=tuple(sources))
            self._run = Run(settings, streams=streams, tools=tools, sub_tools=sub_tools)
            self._run.prepare()
        except BaseException:
            self._cleanup.close()
            raise
        if on_event is not None:
            self._run.recorder.add(_Callback(on_event))
        self._loop = _Loop()
        self._turn = asyncio.Lock()
        self._opened = False
        self._closed = False

    @property
    def run(self) -> str:
        """The id of the run: `rlm view`, `rlm runs show` and `rlm ask --run` take it."""
        return self._run.name

    def ask(self, question: str, *, schema: str | Mapping[str, Any] | None = None) -> Answer:
        """The answer to a question, or to one that follows. `schema` is for this answer alone. Raises as `completion`.

        Works inside a running event loop too (a notebook), and blocks it.
        """
        return self._loop.result(self._ask(self._checked(question), schema))

    async def aask(self, question: str, *, schema: str | Mapping[str, Any] | None = None) -> Answer:
        """`ask` for asynchronous code. Cancelling it stops the run."""
        return await asyncio.wrap_future(self._loop.start(self._ask(self._checked(question), schema)))

    def close(self) -> None:
        """End workers and connections, and close the journal. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._loop.result(self._end())
            self._loop.stop()

    async def aclose(self) -> None:
        """`close` for asynchronous code."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> RLM:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> RLM:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _checked(self, question: str) -> str:
        if self._closed:
            raise UsageError("the session is closed")
        if not question.strip():
            raise UsageError("the question is empty")
        return question

    # --- on the thread of the run ----------------------------------------------------------------------------------

    async def _ask(self, question: str, schema: str | Mapping[str, Any] | None) -> Answer:
        async with self._turn:
            return await self._answer(question, schema)

    async def _answer(self, question: str, schema: str | Mapping[str, Any] | None) -> Answer:
        run = self._run
        shape = None if schema is None else Schema.parse(_schema_text(schema))
        answer: Answer | None = None
        failure: RlmError | None = None
        told = len(run.state.warnings)
        try:
            if not self._opened:
                run.asks(question)
                run.warm()
                await run.open()
                run.attach()
                self._opened = True
            answer = await run.ask(question, shape)
        except asyncio.CancelledError:
            failure = Interrupted("the call was cancelled")
            run.stop(failure)
            raise
        except RlmError as error:
            failure = error
        finally:
            given = answer or run.partial(failure)
            status = failure.status if failure is not None else given.exit_status
            lost = run.told(given, int(status), failure)
        given = replace(given, warnings=tuple(run.state.warnings[told:]))
        return _given(given, failure or lost)

    async def _end(self) -> None:
        await self._run.end_calls()
        self._run.close()
        self._cleanup.close()


_OF_A_TERMINAL = (
    *("format", "output", "fail_if", "progress", "color", "links", "quiet", "verbose", "dry_run", "files_from"),
    *("schema_multi",),
)


def _given(answer: Answer, failure: RlmError | None) -> Answer:
    """`answer`, or the error that says why there is none, or only a part of one."""
    error = failure
    if error is None and answer.partial:
        message = f"the run was stopped by {answer.stopped_by}; what there is, is in .answer"
        stopped = answer.stopped_by or ""
        error = OutOfTime(message) if stopped == "time" else LimitReached(message, limit=stopped)
    if error is None:
        return answer
    error.answer = answer
    raise error


def _schema_text(schema: str | Mapping[str, Any]) -> str:
    return schema if isinstance(schema, str) else json.dumps(dict(schema))


def _split(context: Any, cleanup: contextlib.ExitStack) -> tuple[list[str], list[tuple[str, int]]]:
    """Paths, and texts as (name, descriptor). Raises UsageError for what is neither."""
    sources: list[str] = []
    streams: list[tuple[str, int]] = []
    named = context.items() if isinstance(context, Mapping) else ()
    alone = (
        isinstance(context, str | bytes | os.PathLike) or hasattr(context, "read") or not isinstance(context, Iterable)
    )
    several = [context] if alone else list(context)
    if not several:
        raise InputError("nothing to read: context is empty")
    for name, text in named or [("", item) for item in several]:
        if isinstance(text, os.PathLike):
            sources.append(os.fspath(text))
            continue
        if isinstance(text, str) and not name and _is_path(text):
            hint = f"Pass Path({text!r}) for what is in it, or a mapping {{'name': text}} for the text itself."
            raise UsageError(f"{text!r} is the name of a file or directory that exists: is it meant?", hint)
        number = f" {len(streams) + 1}" if len(several) > 1 else ""
        streams.append((str(name) or getattr(text, "name", None) or f"context{number}", _spooled(text, cleanup)))
    return sources, streams


def _is_path(text: str) -> bool:
    return 0 < len(text) < 4096 and "\n" not in text and "\0" not in text and os.path.lexists(text)


def _spooled(text: Any, cleanup: contextlib.ExitStack) -> int:
    """A descriptor of a nameless file that holds `text`."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `cleanup`)
    cleanup.callback(file.close)
    pieces = iter(lambda: text.read(1 << 20), type(text.read(0))()) if hasattr(text, "read") else iter([text])
    for piece in pieces:
        if not isinstance(piece, str | bytes):
            raise UsageError(f"context takes paths, str, bytes and file objects, not {type(text).__name__}")
        file.write(piece.encode("utf-8", "replace") if isinstance(piece, str) else piece)
    file.seek(0)
    return file.fileno()


class _Callback:
    """A sink that hands events on, until that fails."""

    def __init__(self, call: Callable[[Event], None]) -> None:
        self._call: Callable[[Event], None] | None = call

    def emit(self, record: Record) -> None:
        try:
            if self._call is not None:
                self._call(record.event)
        except Exception as error:
            self._call = None
            warnings.warn(f"on_event is not called any more: {error!r}", RuntimeWarning, stacklevel=1)

    def close(self) -> None:
        """Nothing to give back."""


class _Loop:
    """An event loop on a thread of its own: it outlives a question, and does not mind that the caller has one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rlm", daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for `work`; Ctrl-C cancels it."""
        future = self.start(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        self.result(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
