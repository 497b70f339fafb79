"""Types as cells know them: `type(x)`, and stand-ins for classes that would make functions, modules or classes."""

from __future__ import annotations

import builtins
import types
from typing import Any

from rlm_cli.sandbox.realise import is_text


class Abstract(type):
    """A class that answers isinstance and issubclass for another, and offers nothing else of it."""

    _behind: type

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance("" if is_text(value) else value, cls._behind)

    def __subclasscheck__(cls, value: type) -> bool:
        return issubclass(value, cls._behind)

    def __getitem__(cls, _: object) -> type:
        return cls

    def __or__(cls, _: object) -> type:  # type: ignore[override]
        return cls

    def __repr__(cls) -> str:
        return f"<class '{cls.__name__}'>"

    def __call__(cls, *_: Any, **__: Any) -> Any:
        raise TypeError(f"{cls.__name__} cannot be called in a cell")


def abstract(name: str, behind: type) -> type:
    """The stand-in for `behind`."""
    made = Abstract(name, (), {"__slots__": ()})
    made._behind = behind
    return made


class _TypeOfType(type):
    """Makes the one-argument stand-in for `type` work with isinstance."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, builtins.type)

    def __repr__(cls) -> str:
        return "<class 'type'>"


class TypeStandIn(metaclass=_TypeOfType):
    """`type(x)`. The form with three arguments, which makes classes, is refused."""

    def __new__(cls, *args: Any) -> Any:
        if len(args) != 1:
            raise TypeError("type() takes one argument in a cell: classes cannot be made here")
        return kind_of(args[0])


TypeStandIn.__name__ = TypeStandIn.__qualname__ = "type"
FUNCTION = abstract("function", types.FunctionType)
METHOD = abstract("method", types.MethodType)
_MAKERS: dict[type, type] = {
    types.FunctionType: FUNCTION,
    types.MethodType: METHOD,
    types.CodeType: abstract("code", types.CodeType),
    types.ModuleType: abstract("module", types.ModuleType),
    types.CellType: abstract("cell", types.CellType),
    types.GenericAlias: abstract("GenericAlias", types.GenericAlias),
}


def kind_of(value: object) -> Any:
    """`type(value)` as a cell may know it: never a class that makes classes, functions or modules."""
    if is_text(value):
        return str
    kind = builtins.type(value)
    if issubclass(kind, builtins.type):
        return TypeStandIn
    return _MAKERS.get(kind, kind)
