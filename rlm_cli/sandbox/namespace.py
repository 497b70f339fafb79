"""The names of the REPL, in the worker: what a cell sees besides Python itself.

Text of the input crosses to the host as spans, never as text. Each function asks the host through one `request`, and
raises in the cell what the host refuses.
"""

from __future__ import annotations

import sys
import types
from collections import ChainMap, deque
from collections.abc import Callable, ItemsView, Iterator, KeysView, Sequence, ValuesView
from datetime import date, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any

from rlm_cli.context.chunks import Chunks, Joined
from rlm_cli.context.matches import Match
from rlm_cli.context.spans import Part, wire
from rlm_cli.sandbox.failures import SubcallError, failure, refusal
from rlm_cli.sandbox.guards import Record
from rlm_cli.sandbox.long import long, pieces
from rlm_cli.sandbox.modules import Module
from rlm_cli.sandbox.protocol import DRAFT
from rlm_cli.sandbox.realise import is_text, real
from rlm_cli.sandbox.seen import Seen
from rlm_cli.sandbox.sizes import shown_size
from rlm_cli.sandbox.stops import CellSubmitted

MOST_PROMPTS = 10_000
"""Prompts of one batch."""
LONGEST_PROMPT = 16 << 20
"""Characters of a model's own words in one prompt; parts of the input are sent as places and not counted."""

Ask = Callable[[str, dict[str, Any]], dict[str, Any]]
"""One request to the host: method and arguments → the reply."""

_LISTED = (list, tuple, deque, range, KeysView, ValuesView, ItemsView, Chunks, Joined)
_WRITTEN = (str, date, time, timedelta, Decimal, Fraction, complex, Match)  # what their `str` says is what they are

_CITED = "cite takes a match of grep or search, or a path of `files` with lines: cite(path, 12, 14)"
_SHORT = "a short slice is a plain str that does not know where it stands"
_IMPORTED = (Module, types.BuiltinFunctionType, type)


class Answer(dict[str, Any]):
    """`answer`: `answer["content"]` is the draft, `answer["ready"] = True` submits it at the end of the cell."""

    def __init__(self) -> None:
        super().__init__(content="", ready=False)


class Repl:
    """The functions of one namespace, and the state of the cell that runs."""

    def __init__(
        self, variables: dict[str, Any], ask: Ask, file_number: Callable[[str], int | None], files: Any
    ) -> None:
        self._variables = variables
        self._request = ask
        self._file_number = file_number
        self._files = files
        self._fixed: dict[str, Any] = {}
        self.filename = "<cell>"
        self.submitted = False
        self._told = ""  # the draft that the host knows

    def names(self, readers: dict[str, Any], seen: Seen, tools: Sequence[tuple[str, str, str]] = ()) -> dict[str, Any]:
        """All names but `history`. `readers` are `context`, `files`, `grep`, `search`, `chunks`; `seen` takes notes."""
        self._seen = seen
        self._fixed = {
            **readers,
            "llm_query": self.llm_query,
            "llm_query_batched": self.llm_query_batched,
            "llm_batch": self.llm_query_batched,
            "rlm_query": self.rlm_query,
            "rlm_query_batched": self.rlm_query_batched,
            "ask": self.ask,
            "cite": self.cite,
            "FINAL": self.FINAL,
            "FINAL_VAR": self.FINAL_VAR,
            "NOT_FOUND": self.NOT_FOUND,
            "SHOW_VARS": self.SHOW_VARS,
            "budget": self.budget,
            "SubcallError": SubcallError,
            "answer": Answer(),
        }
        for name, signature, doc in tools:
            self._fixed[name] = self._tool(name, signature, doc)
        return self._fixed

    def _tool(self, name: str, signature: str, doc: str) -> Callable[..., Any]:
        """A function of the user, which runs on the host."""

        def tool(*arguments: Any, **named: Any) -> Any:
            return self.call("tool", name=name, arguments=plain(arguments), named=plain(named))

        tool.__name__ = tool.__qualname__ = name
        tool.__doc__ = f"{name}{signature}\n{doc}"
        return tool

    def call(self, method: str, **arguments: Any) -> Any:
        """Ask the host; its value, or its refusal as an exception."""
        if self.submitted:
            raise CellSubmitted
        reply = self._request(method, arguments)
        if "refused" in reply:
            raise refusal(str(reply["refused"]), str(reply.get("message", "")))
        return reply.get("ok")

    def is_own(self, name: str) -> bool:
        """Whether `name` is a variable that a cell made."""
        return name in self._variables and name not in self._fixed and name not in ("history", "_", "__builtins__")

    def own(self) -> Iterator[tuple[str, Any]]:
        """The variables that cells made, in order, without what was imported."""
        for name, value in self._variables.items():
            if self.is_own(name) and not name.startswith("_") and type(value) not in _IMPORTED:
                yield name, value

    def _site(self) -> int | None:
        """The line of the running cell that asked."""
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename == self.filename:
                return frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return None

    # --- models -----------------------------------------------------------------------------------------------------

    def _query(
        self, prompts: list[list[Part]], model: Any = None, schema: Any = None, *, recursive: bool = False
    ) -> list[Any]:
        if len(prompts) > MOST_PROMPTS:
            raise ValueError(
                f"{len(prompts):,} prompts in one batch; at most {MOST_PROMPTS:,}. Filter with code first."
            )
        if not prompts:
            return []
        for parts in prompts:
            for part in parts:
                if isinstance(part, str):
                    self._seen.sent(part)
        self._tell_draft()
        replies = self.call(
            "query",
            prompts=[wire(parts) for parts in prompts],
            model=None if model is None else str(real(model)),
            schema=plain(schema),
            recursive=recursive,
            site=self._site(),
        )
        if schema is None:
            return [failure(reply) or reply for reply in replies]
        return [failure(reply) or reply["value"] for reply in replies]

    def _tell_draft(self) -> None:
        """What stands in `answer` before the cell waits for models: the run may end in its middle."""
        answer = self._variables.get("answer")
        content = answer.get("content") if isinstance(answer, dict) else answer
        if isinstance(content, str) and content.strip() and content != self._told:
            self._told = content
            self.call("draft", text=content[:DRAFT])

    def llm_query(self, prompt: Any, context: Any = None, model: Any = None, schema: Any = None) -> Any:
        """One call of the sub-model. `context` is the text that the prompt is about. Raises SubcallError."""
        _one(prompt, "llm_query_batched")
        return _raised(self._query([prompt_parts(prompt, context)], model, schema)[0])

    def llm_query_batched(self, prompts: Any, context: Any = None, model: Any = None, schema: Any = None) -> list[Any]:
        """Many calls in parallel, replies in order. A failed one is a SubcallError object in its place."""
        return self._query(batch(prompts, context), model, schema)

    def rlm_query(self, prompt: Any, context: Any = None, model: Any = None) -> Any:
        """A child with a REPL of its own over `context`. Raises SubcallError."""
        _one(prompt, "rlm_query_batched")
        return _raised(self._query([prompt_parts(prompt, context)], model, recursive=True)[0])

    def rlm_query_batched(self, prompts: Any, context: Any = None, model: Any = None) -> list[Any]:
        """Many children in parallel, answers in order."""
        return self._query(batch(prompts, context), model, recursive=True)

    def ask(self, question: Any, text: Any = None, schema: Any = None) -> Any:
        """One question about one text. Raises ValueError without text, SubcallError where the call failed."""
        if text is None or (isinstance(text, str) and not text.strip()) or (not isinstance(text, str) and not text):
            raise ValueError("ask(question, text) needs a text: pass a part of `context`, such as a match's .passage")
        return _raised(self._query([prompt_parts(question, text)], None, schema)[0])

    # --- sources ----------------------------------------------------------------------------------------------------

    def cite(self, source: Any, start: int | None = None, end: int | None = None) -> str:
        """Register a source: a match, a part of the input, or a path with lines. Returns its mark, such as `[1]`."""
        if isinstance(source, list | tuple):
            return "".join(self.cite(item) for item in source)
        if isinstance(source, Match):
            if source.span is None:
                raise ValueError("this match is no part of the input: cite a match in `context` or `files`")
            return self._mark(source.span, source.first, source.last)
        if is_text(source):
            for part in source.parts():
                if not isinstance(part, str):
                    return self._mark(part, 0, 0)
            raise ValueError("this text is no part of the input: cite a match, or a path with lines")
        if not isinstance(source, str):
            raise TypeError(f"{_CITED}, not {type(source).__name__}")
        return self._cite_path(str(source), start, end)

    def _cite_path(self, path: str, start: int | None, end: int | None) -> str:
        number = self._file_number(path)
        if number is None and ":" in path:  # "a.py:12" and "a.py:12-20", as sources are printed
            path, _, lines = path.rpartition(":")
            first, _, last = lines.partition("-")
            if first.isdigit() and (not last or last.isdigit()):
                start, end = int(first), int(last or first)
                number = self._file_number(path)
        if number is None:
            shown = path if len(path) <= 60 else path[:59] + "…"
            raise KeyError(f"no file named {self._files.meant(path) or repr(shown)}. {_CITED}; {_SHORT}")
        first_line = 1 if start is None else max(1, int(start))
        last_line = (first_line if start is not None else 1 << 40) if end is None else max(first_line, int(end))
        span = self._files.line_span(number, first_line, last_line)
        if span is None:
            raise ValueError(f"{path} has no line {first_line}")
        return self._mark((number, *span), first_line, last_line)

    def _mark(self, span: Sequence[int], line: int, end_line: int) -> str:
        number = self.call(
            "cite", span=[int(place) for place in span], line=int(line), end_line=min(int(end_line), 1 << 40)
        )
        return f"[{int(number)}]"

    # --- submission -------------------------------------------------------------------------------------------------

    def FINAL(self, value: Any) -> None:  # noqa: N802  (the reference's name)
        """Submit the answer and end the cell. Raises SubmissionRefused, with the reason, when it is not accepted."""
        if type(value) is str and self.is_own(value):
            value = self._variables[value]
        self._submit("final", value)

    def FINAL_VAR(self, variable: Any) -> None:  # noqa: N802
        """Submit a variable, given by name or by value."""
        name = real(variable) if isinstance(variable, str) else ""
        name = name.strip().strip("`'\"") if len(name) < 200 else ""
        if name.isidentifier() and not name.startswith("__") and name in self._variables:
            variable = self._variables[name]
        elif name.isidentifier():
            raise NameError(f"FINAL_VAR: there is no variable '{name}'; SHOW_VARS() lists them")
        self._submit("final", variable)

    def NOT_FOUND(self, reason: Any = "") -> None:  # noqa: N802
        """Say that the input does not hold the answer, and end the cell."""
        self._submit("not_found", reason)

    def _submit(self, kind: str, value: Any) -> None:
        self.submit(kind, value)
        raise CellSubmitted

    def submit(self, kind: str, value: Any) -> None:
        """Hand in an answer; returns when it was accepted."""
        if type(value) is Answer:
            value = value["content"]
        if isinstance(value, SubcallError):
            raise TypeError(f"this is no answer but a failed sub-call: {value}")
        given: dict[str, Any] = {"kind": kind, "value": None, "parts": None, "searched": self._seen.searched}
        if is_text(value):
            given["parts"] = wire(value.parts())
        elif isinstance(value, str):
            given["parts"] = [str(value)]
        else:
            given["value"] = plain(value)
        if kind == "final" and long(given):
            for parts in pieces(given):
                self.call("spool", parts=parts)
            given["value"] = given["parts"] = None
        self.call("submit", **given)
        self.submitted = True

    # --- the run ----------------------------------------------------------------------------------------------------

    def SHOW_VARS(self) -> str:  # noqa: N802
        """The variables with types and sizes, one a line."""
        rows = [f"{name}: {kind}" + (f", {size}" if size else "") for name, kind, size in shown_variables(self)]
        return "\n".join(rows) or "no variables yet"

    def budget(self) -> dict[str, Any]:
        """What is left of each limit."""
        left = self.call("budget")
        return left if isinstance(left, dict) else {}


def _raised(reply: Any) -> Any:
    if isinstance(reply, SubcallError):
        raise reply
    return reply


def _one(prompt: Any, batched: str) -> None:
    if isinstance(prompt, list | tuple) and not _is_messages(prompt):
        raise TypeError(f"one prompt was expected and a {type(prompt).__name__} came: use {batched}(prompts)")


def _is_messages(prompt: Any) -> bool:
    return bool(prompt) and all(isinstance(item, dict) and "content" in item for item in prompt)


_SEVERAL = (list, tuple, Chunks, Joined)
"""What is given where there may be several texts; `chunks()` is such a row, though it holds none of them."""


def batch(prompts: Any, context: Any) -> list[list[Part]]:
    """The prompts of a batch: a list of texts, or of (prompt, text) pairs; or one prompt for each text of `context`."""
    several = isinstance(context, _SEVERAL)
    if isinstance(prompts, str):
        if not several:
            raise TypeError("llm_query_batched takes a list of prompts; llm_query takes one")
        return [prompt_parts(prompts, text) for text in context]
    prompts = list(prompts)
    if several:
        if len(context) != len(prompts):
            raise ValueError(f"{len(prompts)} prompts and {len(context)} texts: give one text for each prompt")
        return [prompt_parts(prompt, text) for prompt, text in zip(prompts, context, strict=True)]
    made = []
    for prompt in prompts:
        if isinstance(prompt, tuple) and len(prompt) == 2:
            made.append(prompt_parts(*prompt))
        else:
            made.append(prompt_parts(prompt, context))
    return made


def prompt_parts(prompt: Any, context: Any) -> list[Part]:
    """A prompt as the host takes it: first what is asked, then the parts of the text that it is about."""
    asked = text_parts(prompt)
    about = [] if context is None else text_parts(context)
    if len(asked) == 1 or not about:
        return asked + about or [""]
    if all(isinstance(part, str) for part in asked):
        return ["".join(part for part in asked if isinstance(part, str)), *about]
    return ["", *asked, "\n\n", *about]


def text_parts(value: Any) -> list[Part]:
    """Whatever a model hands over as text, as parts. Raises TypeError for a failed sub-call, ValueError if too long."""
    if is_text(value):
        return list(value.parts())
    if isinstance(value, SubcallError):
        raise TypeError(f"this is no text but a failed sub-call: {value}")
    if isinstance(value, str):
        if len(value) > LONGEST_PROMPT:
            raise ValueError(f"a prompt of {len(value):,} characters is too long; pass parts of `context` instead")
        return [str(value)]
    if isinstance(value, dict) and "content" in value:  # a chat message
        return text_parts(value["content"])
    if isinstance(value, _SEVERAL):
        parts: list[Part] = []
        for item in value:
            parts += ["\n"] * bool(parts) + text_parts(item)
        return parts
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)]


def plain(value: Any, depth: int = 20) -> Any:
    """`value` as JSON can hold it: whatever is a row of items becomes a list, keys and dates text.

    Raises TypeError for what is no data, such as a function: its representation is no answer. ValueError where it is
    nested too deeply.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth <= 0:
        raise ValueError("the value is nested too deeply")
    if isinstance(value, Record):
        value = value.__dict__
    if isinstance(value, dict | ChainMap):
        return {str(real(key)): plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return [plain(item, depth - 1) for item in sorted(value, key=str)]
    if isinstance(value, _LISTED) or hasattr(value, "__next__"):
        return [plain(item, depth - 1) for item in value]
    return _written(value)


def _written(value: Any) -> str:
    """`value` as text, where its text is all there is to it. Raises TypeError."""
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    if isinstance(value, _WRITTEN):
        return str(real(value))
    if isinstance(value, SubcallError):
        raise TypeError(f"this is no value but a failed sub-call: {value}")
    kind = "function" if callable(value) and not isinstance(value, type) else type(value).__name__
    raise TypeError(f"this is no data ({kind}): give text, numbers, or lists and dicts of them")


def shown_variables(repl: Repl, limit: int = 200) -> list[tuple[str, str, str]]:
    """Name, type and size of the variables that cells made, as far as `limit`."""
    return [
        (name[:100], "str" if is_text(value) else type(value).__name__, shown_size(value))
        for name, value in islice(repl.own(), limit)
    ]
