"""What the generated hooks do while a cell runs: attribute reads by name, formatting, attribute stores."""

from __future__ import annotations

import types
from _string import formatter_field_name_split, formatter_parser  # type: ignore[import-not-found]
from collections.abc import Callable, Iterable
from decimal import Context as DecimalContext
from typing import Any

from rlm_cli.context.text import Text
from rlm_cli.sandbox.kinds import kind_of, offered
from rlm_cli.sandbox.policy import GUARDED_UNDERSCORED, attribute_problem
from rlm_cli.sandbox.realise import is_text, real

_MISSING = object()
_METHOD_OF_STR = (types.MethodDescriptorType, types.WrapperDescriptorType)


def check_attribute(name: object) -> str:
    """`name`, when a cell may read that attribute. Raises AttributeError or TypeError.

    A subclass of str could change between check and use (fixed in RestrictedPython 7.2): exact strings only.
    """
    if is_text(name):
        name = real(name)
    if type(name) is not str:
        raise TypeError("attribute name must be string")
    if name not in GUARDED_UNDERSCORED:
        if problem := attribute_problem(name):
            raise AttributeError(problem)
        if name.startswith("_"):
            raise AttributeError(f"the attribute '{name}' is not available in a cell")
    return name


def guarded_getattr(owner: object, name: object, default: object = _MISSING) -> Any:
    """`getattr` for cells: no interpreter internals, and `str.format` in its checked form."""
    name = check_attribute(name)
    if name in ("__class__", "__name__", "__qualname__", "__doc__"):
        return _about(owner, name, default)
    if name.startswith("_") and name != "_" and not _is_named_tuple(owner):
        if default is not _MISSING:
            return default
        raise AttributeError(f"the attribute '{name}' is not available in a cell")
    if name in ("format", "format_map"):
        return guarded_format(owner, name, default)
    return getattr(owner, name) if default is _MISSING else getattr(owner, name, default)


def _about(owner: object, name: str, default: object) -> Any:
    if name == "__class__":
        return kind_of(owner)
    found = getattr(owner, name, default)
    if found is _MISSING:
        raise AttributeError(f"'{type(owner).__name__}' object has no attribute '{name}'")
    return found if found is default or type(found) in (str, types.NoneType) else str(found)


def _is_named_tuple(owner: object) -> bool:
    cls = owner if isinstance(owner, type) else type(owner)
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


def guarded_format(owner: object, name: str, default: object = _MISSING) -> Any:
    """The attribute `format` or `format_map` of anything; where it is that of text, a checked form of it.

    `"{0.__class__}".format(x)` reads attributes in C, past every guard (CVE-2023-41039). The value that the attribute
    has is judged, not its owner, so that no detour reaches the raw method.
    """
    if is_text(owner):
        owner = real(owner)
    found = getattr(owner, name) if default is _MISSING else getattr(owner, name, default)
    if type(found) is types.BuiltinMethodType and isinstance(found.__self__, str):
        return _Format(found.__self__, name)
    if type(found) in _METHOD_OF_STR and getattr(found, "__objclass__", None) is str:
        return _format_anything if name == "format" else _format_anything_map
    return found


def _format_anything(template: object, /, *args: object, **kwargs: object) -> str:
    return _checked(template).format(*args, **kwargs)


def _format_anything_map(template: object, mapping: Any, /) -> str:
    return _checked(template).format_map(mapping)


def _checked(template: object) -> str:
    text = real(template)
    if not isinstance(text, str):
        raise TypeError(f"descriptor 'format' for 'str' objects doesn't apply to a '{type(text).__name__}' object")
    text = str(text)
    check_template(text)
    return text


class _Format:
    """`text.format`, bound: checks the fields of the template, then formats natively."""

    __slots__ = ("_map", "_text")

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._map = name == "format_map"

    def __call__(self, *args: Any, **kwargs: Any) -> str:
        text = str(self._text)
        check_template(text)
        return text.format_map(*args, **kwargs) if self._map else text.format(*args, **kwargs)


def check_template(template: str, depth: int = 2) -> None:
    """Refuse a format string whose fields read what a cell may not. Raises AttributeError, ValueError."""
    if "." not in template and "[" not in template:
        return
    for _, field, spec, _ in formatter_parser(template):
        if field:
            _, steps = formatter_field_name_split(field)
            for is_attribute, name in steps:
                if is_attribute:
                    check_attribute(name)
                    if name.startswith("_"):
                        raise AttributeError(f"the attribute '{name}' is not available in a format string")
        if spec and depth:
            check_template(spec, depth - 1)


@offered
class Record:
    """`types.SimpleNamespace` without its trap: no magic name can be planted that `copy` would call."""

    def __init__(self, **values: object) -> None:
        for name, value in values.items():
            if check_attribute(name).startswith("_"):
                raise AttributeError(f"the attribute '{name}' cannot be set in a cell")
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return "namespace(" + ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items()) + ")"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]


class Stores:
    """The `<write>` hook: attributes may be set on functions of cells, on records, and on decimal contexts."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace

    def write(self, owner: object) -> object:
        """`owner` itself, where its attributes may be set. Raises AttributeError."""
        kind = type(owner)
        if kind is Record or kind is DecimalContext:  # `getcontext().prec = 50`
            return owner
        if kind is types.FunctionType and owner.__globals__ is self._namespace:  # type: ignore[attr-defined]
            return owner
        raise AttributeError(f"attributes of '{kind.__name__}' objects cannot be set in a cell")

    def setattr(self, owner: object, name: object, value: object) -> None:
        setattr(self.write(owner), self._name(name), value)

    def delattr(self, owner: object, name: object) -> None:
        delattr(self.write(owner), self._name(name))

    def _name(self, name: object) -> str:
        checked = check_attribute(name)
        if checked.startswith("_"):
            raise AttributeError(f"the attribute '{checked}' cannot be set in a cell")
        return checked


def join(separator: Any, items: Any) -> Any:
    """`separator.join(items)`, where items may be mapped text that C code does not take."""
    if type(separator) is not str:
        if not is_text(separator):
            return separator.join(items)
        separator = real(separator)
    if type(items) is not list and type(items) is not tuple:
        items = real(items) if is_text(items) else list(items)
    try:
        return separator.join(items)
    except TypeError:
        return Text.concat(items, separator)


def lifted(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of a library, taking mapped text where it takes text: C code needs the real thing."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*[real(arg) for arg in args], **{name: real(value) for name, value in kwargs.items()})

    call.__name__ = getattr(function, "__name__", "call")
    call.__doc__ = getattr(function, "__doc__", None)
    return call


def lifted_lines(lines: Iterable[Any]) -> Iterable[Any]:
    """An iterable of lines for C code (`csv`): mapped text as a whole iterates by character, as `str` does."""
    return map(real, lines)
