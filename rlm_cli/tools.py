"""Functions of the user for the REPL and for sub-calls: plain Python functions that run here, outside the sandbox.

A tool is called with values of JSON from a cell, so from hostile code: what it is given is held against its signature
and its annotations, and what it returns crosses as JSON. Its name, signature and docstring are shown to the model.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import keyword
import types
import typing
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rlm_cli.errors import UsageError
from rlm_cli.sandbox.reserved import RESERVED

MOST_RESULT = 16 << 20
"""Characters of JSON that a tool may return."""
_DOC = 1_000  # characters of a docstring that a model is shown
_ERROR = 500
_CALL = 20_000  # characters of a reply that may be a call


class Tools:
    """The tools of a run, by name. Raises UsageError for what can be none."""

    def __init__(self, functions: Iterable[Callable[..., Any]]) -> None:
        self._functions: dict[str, Callable[..., Any]] = {}
        self._signatures: dict[str, inspect.Signature] = {}
        self._kinds: dict[str, dict[str, Any]] = {}
        self.calls: Counter[str] = Counter()
        for function in functions:
            name = getattr(function, "__name__", "")
            if not name.isidentifier() or name.startswith("_") or keyword.iskeyword(name):
                raise UsageError(f"a tool needs a name of its own, and {name or function!r} is none")
            if name in RESERVED or name in self._functions:
                raise UsageError(f"a tool may not be called {name!r}: the REPL has that name already")
            self._functions[name] = function
            self._signatures[name] = inspect.signature(function)
            self._kinds[name] = _kinds(function)

    def described(self) -> list[list[str]]:
        """Each as [name, signature, docstring]."""
        return [
            [name, str(self._signatures[name]).replace("'", ""), (inspect.getdoc(function) or "")[:_DOC]]
            for name, function in self._functions.items()
        ]

    def text(self) -> str:
        """The tools as a model is shown them."""
        return "\n".join(
            f"- `{name}{signature}`: {doc or 'no description'}" for name, signature, doc in self.described()
        )

    async def call(self, name: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """`{"result": value}`, or `{"error": message, "kind": class}`. Never raises for what a tool does."""
        function = self._functions.get(name)
        if function is None:
            return {"error": f"there is no tool {name!r}", "kind": "NameError"}
        try:
            bound = self._signatures[name].bind(*arguments, **named)
            for parameter, value in bound.arguments.items():
                _check(parameter, value, self._kinds[name].get(parameter))
        except TypeError as error:
            return {"error": f"{name}: {error}", "kind": "TypeError"}
        self.calls[name] += 1
        try:
            if inspect.iscoroutinefunction(function):
                value = await function(*bound.args, **bound.kwargs)
            else:
                value = await asyncio.to_thread(function, *bound.args, **bound.kwargs)
            text = json.dumps(value, default=str, ensure_ascii=False)
        except Exception as error:
            return {"error": f"{name}: {type(error).__name__}: {error}"[:_ERROR], "kind": "RuntimeError"}
        if len(text) > MOST_RESULT:
            return {"error": f"{name} returned {len(text):,} characters, which is too much", "kind": "ValueError"}
        return {"result": json.loads(text)}


def asked_tool(text: str) -> tuple[str, list[Any], dict[str, Any]] | None:
    """The call that a sub-model's reply is, as (name, arguments, named arguments); None for an answer."""
    stripped = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    if len(stripped) > _CALL or not stripped.startswith("{"):
        return None
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or set(value) != {"tool", "arguments"} or not isinstance(value["tool"], str):
        return None
    given = value["arguments"]
    if not isinstance(given, dict | list | None):
        return None
    return (value["tool"], [], given) if isinstance(given, dict) else (value["tool"], given or [], {})


def _kinds(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:  # an annotation that names nothing: then only the signature is held
        return {}


def _check(name: str, value: Any, kind: Any) -> None:
    """Raise TypeError where `value` is plainly none of `kind`. What JSON cannot tell apart is let through."""
    choices = typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)
    plain = [typing.get_origin(choice) or choice for choice in choices]
    known = (str, int, float, bool, list, dict, type(None))
    if not all(choice in known for choice in plain):
        return
    allowed = tuple(plain) + ((int,) if float in plain else ())
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in plain):
        raise TypeError(
            f"{name} must be {' or '.join(choice.__name__ for choice in plain)}, not {type(value).__name__}"
        )
