"""Types as cells know them: `type(x)`, and stand-ins for classes that would make functions, modules or classes."""

from __future__ import annotations

import builtins
import types
from typing import Any, TypeVar

from rlm_cli.sandbox.realise import is_text

Made = TypeVar("Made")


class Abstract(type):
    """A class that answers isinstance and issubclass for another, and offers nothing else of it."""

    _behind: type

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance("" if is_text(value) else value, cls._behind)

    def __subclasscheck__(cls, value: type) -> bool:
        return issubclass(value, cls._behind)

    def __getitem__(cls, _: object) -> type:
        return cls

    __iter__ = None  # or `for x in type(files)` would be endless

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
    """`type(value)` as a cell may know it: never a class that makes classes, functions or modules.

    Nor one of this package, but for exceptions and what its module names in `offered`: what they are made of is chosen
    by their makers. A front of a module made of `{"__reduce_ex__": f}` let `copy` set any attribute of anything, and a
    store made of a number read and closed that descriptor.
    """
    kind = builtins.type(value)
    if issubclass(kind, builtins.type):
        return TypeStandIn
    if kind not in _MAKERS and str(kind.__module__).startswith("rlm_cli.") and not issubclass(kind, BaseException):
        own = value.__class__  # mapped text says that it is str, a match over it that it is a `re.Match`
        _MAKERS[kind] = abstract(kind.__name__, kind) if own is kind else own
    return _MAKERS.get(kind, kind)


def offered(kind: type[Made]) -> type[Made]:
    """Let cells make objects of `kind`. Returns it."""
    _MAKERS[kind] = kind
    return kind
