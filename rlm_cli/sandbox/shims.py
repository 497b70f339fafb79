"""Stand-ins for parts of the standard library that cannot be handed out as they are."""

from __future__ import annotations

import collections.abc
import sys
import types
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rlm_cli.sandbox import kinds
from rlm_cli.sandbox.guards import check_attribute, guarded_getattr
from rlm_cli.sandbox.natives import Done, awaited
from rlm_cli.sandbox.output import Output
from rlm_cli.sandbox.stops import CellStop

# --- abstract classes and hints: for isinstance and for annotations, without `register` ------------------------------


_ABSTRACT = """Callable Collection Container Generator Hashable ItemsView Iterable Iterator KeysView Mapping MappingView
    MutableMapping MutableSequence MutableSet Reversible Sequence Set Sized ValuesView""".split()  # noqa: SIM905


def abstract() -> dict[str, Any]:
    return {name: kinds.abstract(name, getattr(collections.abc, name)) for name in _ABSTRACT}


class Hint:
    """A name of `typing`: subscripts and unions give itself. Nothing evaluates annotations in a cell."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getitem__(self, _: object) -> Hint:
        return self

    __iter__ = None  # or `for x in typing.Any` would be endless

    def __or__(self, _: object) -> Hint:
        return self

    __ror__ = __or__

    def __call__(self, *_: Any, **__: Any) -> Hint:
        return self

    def __repr__(self) -> str:
        return f"typing.{self._name}"


_HINTS = """
    Any Union Optional Tuple Literal TypeVar Generic Protocol Final ClassVar Annotated TypeAlias NoReturn
    Never AnyStr Text Pattern Match Awaitable Coroutine AsyncIterator AsyncIterable AsyncGenerator Type Self
    Required NotRequired Concatenate ParamSpec TypeGuard LiteralString Deque DefaultDict Counter OrderedDict
    ChainMap IO TextIO BinaryIO SupportsInt SupportsFloat SupportsIndex Hashable Sized
""".split()  # noqa: SIM905


def typing() -> dict[str, Any]:
    names: dict[str, Any] = {name: Hint(name) for name in _HINTS} | abstract()
    names |= {"List": list, "Dict": dict, "Set": set, "FrozenSet": frozenset, "AbstractSet": frozenset}
    names |= {
        "cast": lambda _, value: value,
        "NamedTuple": _named_tuple,
        "TypedDict": lambda *_, **__: dict,
        "NewType": lambda _, kind: kind,
        "TYPE_CHECKING": False,
        "overload": lambda function: function,
        "no_type_check": lambda function: function,
    }
    return names


def _named_tuple(name: str, fields: Iterable[Any] = (), /, **more: Any) -> type:
    return namedtuple(name, [field[0] for field in fields] + list(more))


def type_names() -> dict[str, Any]:
    """`types` names that serve isinstance."""
    real = {"BuiltinFunctionType": types.BuiltinFunctionType, "GeneratorType": types.GeneratorType}
    functions = {"FunctionType": kinds.FUNCTION, "LambdaType": kinds.FUNCTION, "MethodType": kinds.METHOD}
    return {name: kinds.abstract(name, kind) for name, kind in real.items()} | functions | {"NoneType": type(None)}


# --- functools and operator -------------------------------------------------------------------------------------------


_OF_CELLS = ("<cell ", "<exec>", "<eval>")  # what the code of a cell is compiled as


def wraps(wrapped: Callable[..., Any], *_: Any, **__: Any) -> Callable[[Any], Any]:
    """`functools.wraps` for names only, and of functions of cells: the real one merges whole dictionaries,
    `__globals__` among them."""

    def decorate(wrapper: Any) -> Any:
        if type(wrapper) is types.FunctionType and wrapper.__code__.co_filename.startswith(_OF_CELLS):
            wrapper.__name__ = str(getattr(wrapped, "__name__", "wrapper"))
            text = getattr(wrapped, "__doc__", None)
            wrapper.__doc__ = text if type(text) is str else None
        return wrapper

    return decorate


def attrgetter(*names: str) -> Callable[[Any], Any]:
    """`operator.attrgetter`, through the guard of attribute reads."""
    roads = [str(name).split(".") for name in names]
    for road in roads:
        for step in road:
            check_attribute(step)

    def get(owner: Any) -> Any:
        found = []
        for road in roads:
            value = owner
            for step in road:
                value = guarded_getattr(value, step)
            found.append(value)
        return found[0] if len(found) == 1 else tuple(found)

    return get


def methodcaller(name: str, /, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    """`operator.methodcaller`, through the guard of attribute reads."""
    check_attribute(name)
    return lambda owner: guarded_getattr(owner, name)(*args, **kwargs)


# --- event loops and executors: everything is finished when it is asked for --------------------------------------


class _Nothing:
    """A lock, semaphore, event or loop: entered and left without effect."""

    __slots__ = ()

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def acquire(self, *_: Any, **__: Any) -> bool:
        return True

    def release(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is open."""

    def run_until_complete(self, value: Any) -> Any:
        return awaited(value)

    def create_task(self, value: Any, **_: Any) -> Done:
        return value if type(value) is Done else Done(value)

    def run_in_executor(self, _: Any, function: Any, *args: Any) -> Done:
        return _finished(function, args, {})

    def is_running(self) -> bool:
        return False


def _finished(function: Any, args: Any, kwargs: Any) -> Done:
    try:
        return Done(function(*args, **kwargs))
    except CellStop:
        raise
    except Exception as error:
        return Done(error=error)


def event_loop() -> dict[str, Any]:
    """`asyncio`: `await f(x)` is `f(x)`, so its functions receive finished values."""
    nothing = _Nothing()

    def one(value: Any = None, *_: Any, **__: Any) -> Any:
        return awaited(value)

    def gather(*values: Any, return_exceptions: bool = False) -> list[Any]:
        return [
            value.exception() if return_exceptions and type(value) is Done and value.exception() else awaited(value)
            for value in values
        ]

    def task(value: Any, **_: Any) -> Done:
        return value if type(value) is Done else Done(value)

    def to_thread(function: Any, /, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return {
        "run": one,
        "wait_for": one,
        "shield": one,
        "gather": gather,
        "create_task": task,
        "ensure_future": task,
        "to_thread": to_thread,
        "sleep": lambda *_: None,
        "as_completed": lambda values, **_: list(values),
        "get_event_loop": lambda: nothing,
        "get_running_loop": lambda: nothing,
        "new_event_loop": lambda: nothing,
        "set_event_loop": lambda _: None,
        "Semaphore": lambda *_: nothing,
        "BoundedSemaphore": lambda *_: nothing,
        "Lock": lambda: nothing,
        "TimeoutError": TimeoutError,
    }


def futures(names: dict[str, Any]) -> dict[str, Any]:
    """`concurrent.futures`: `map(llm_query, prompts)` becomes one batched call, anything else runs in order."""

    class Executor:
        __slots__ = ()

        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def __enter__(self) -> Executor:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def map(self, function: Any, *lists: Iterable[Any], timeout: Any = None, chunksize: int = 1) -> Iterator[Any]:
            batched = {id(names.get("llm_query")): "llm_query_batched", id(names.get("rlm_query")): "rlm_query_batched"}
            if id(function) in batched and len(lists) == 1:
                return iter(_raising(names[batched[id(function)]](list(lists[0]))))
            return iter([function(*items) for items in zip(*lists, strict=False)])

        def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Done:
            return _finished(function, args, kwargs)

        def shutdown(self, *_: Any, **__: Any) -> None:
            """Nothing runs."""

    return {
        "ThreadPoolExecutor": Executor,
        "ProcessPoolExecutor": Executor,
        "as_completed": lambda items, timeout=None: list(items),
        "wait": lambda items, **_: (set(items), set()),
        "TimeoutError": TimeoutError,
    }


def _raising(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, Exception):
            raise value
        yield value


# --- printing --------------------------------------------------------------------------------------------------


def pretty(output: Output) -> dict[str, Any]:
    def pprint(value: Any, *_: Any, width: int = 80, **__: Any) -> None:
        output.write(pformat(value, width=width) + "\n")

    return {"pprint": pprint, "pformat": pformat, "pp": pprint}


def pformat(value: Any, indent: int = 1, width: int = 80, depth: int | None = None, **_: Any) -> str:
    """`pprint.pformat` in its usual shape: one line where it fits, else one item a line."""
    return _pretty(value, 0, width, 100 if depth is None else depth)


def _ordered(value: Any, depth: int) -> str:
    """`repr` with the keys of dicts in order, as `pprint` has them."""
    if type(value) is dict and value and depth > 0:
        rows = (f"{key!r}: {_ordered(value[key], depth - 1)}" for key in _keys(value))
        return "{" + ", ".join(rows) + "}"
    return repr(value)


def _keys(value: dict[Any, Any]) -> list[Any]:
    try:
        return sorted(value)
    except TypeError:
        return list(value)


def _pretty(value: Any, column: int, width: int, depth: int) -> str:
    flat = _ordered(value, depth)
    if len(flat) <= width - column or depth <= 0 or type(value) not in (dict, list, tuple, set):
        return flat
    pad = ",\n" + " " * (column + 1)
    if type(value) is dict:
        rows = [
            f"{key!r}: {_pretty(value[key], column + len(repr(key)) + 3, width, depth - 1)}" for key in _keys(value)
        ]
        return "{" + pad.join(rows) + "}"
    brackets = "[]" if type(value) is list else "()" if type(value) is tuple else "{}"
    return brackets[0] + pad.join(_pretty(item, column + 1, width, depth - 1) for item in value) + brackets[1]


def tracebacks(output: Output) -> dict[str, Any]:
    """`traceback`: the error itself, without the frames that lead out of the cell."""

    def text(*args: Any, **_: Any) -> str:
        error = next((arg for arg in args if isinstance(arg, BaseException)), None) or sys.exc_info()[1]
        return f"{type(error).__name__}: {error}\n" if error is not None else "NoneType: None\n"

    return {
        "format_exc": lambda *_, **__: text(),
        "print_exc": lambda *_, **__: output.write(text()),
        "format_exception": lambda *args, **_: [text(*args)],
        "format_exception_only": lambda *args, **_: [text(*args)],
        "print_exception": lambda *args, **_: output.write(text(*args)),
    }


def warnings() -> dict[str, Any]:
    def nothing(*_: Any, **__: Any) -> None:
        return None

    return {
        "warn": nothing,
        "filterwarnings": nothing,
        "simplefilter": nothing,
        "catch_warnings": lambda **_: _Nothing(),
    }


class Suppress:
    """`contextlib.suppress`, which lets limits through."""

    __slots__ = ("_kinds",)

    def __init__(self, *kinds: type[BaseException]) -> None:
        self._kinds = kinds

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, Exception) and issubclass(kind, self._kinds)


def redirects(output: Output) -> dict[str, Any]:
    class Redirect:
        """`contextlib.redirect_stdout`: what is printed goes to an object of the cell."""

        __slots__ = ("_before", "_target")

        def __init__(self, target: Any) -> None:
            self._target = target

        def __enter__(self) -> Any:
            self._before = output.target
            output.target = self._target
            return self._target

        def __exit__(self, *_: object) -> None:
            output.target = self._before

    return {"redirect_stdout": Redirect, "redirect_stderr": Redirect}
