"""The built-in functions of a cell: Python's own where they are harmless, stand-ins where they reach too far."""

from __future__ import annotations

import builtins
import types
from collections.abc import Callable
from typing import Any

from rlm_cli.sandbox import guards, kinds, policy
from rlm_cli.sandbox.output import Output
from rlm_cli.sandbox.realise import is_text, real
from rlm_cli.sandbox.stops import CellExited

PLAIN = """
    abs all any ascii bin bool bytearray bytes callable chr complex dict divmod enumerate filter float frozenset
    hash hex id int isinstance issubclass iter len list map max min next object oct ord pow range repr reversed
    round set slice sorted str sum tuple zip Ellipsis False None NotImplemented True ArithmeticError
    AssertionError AttributeError BufferError EOFError Exception FileExistsError FileNotFoundError
    FloatingPointError IOError ImportError IndentationError IndexError IsADirectoryError KeyError LookupError
    MemoryError ModuleNotFoundError NameError NotADirectoryError NotImplementedError OSError OverflowError
    PermissionError RecursionError ReferenceError RuntimeError StopAsyncIteration StopIteration SyntaxError
    SystemError TabError TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError
    UnicodeError ValueError ZeroDivisionError ConnectionError BrokenPipeError Warning UserWarning
    DeprecationWarning RuntimeWarning FutureWarning SyntaxWarning BytesWarning ResourceWarning ImportWarning
    UnicodeWarning PendingDeprecationWarning
""".split()  # noqa: SIM905  (a table is read more easily in rows)


class HarmlessExit(Exception):
    """What a cell knows as SystemExit, KeyboardInterrupt and BaseException: catching them does not stop a limit."""


class SystemExitStandIn(HarmlessExit):
    pass


class KeyboardInterruptStandIn(HarmlessExit):
    pass


SystemExitStandIn.__name__ = SystemExitStandIn.__qualname__ = "SystemExit"
KeyboardInterruptStandIn.__name__ = KeyboardInterruptStandIn.__qualname__ = "KeyboardInterrupt"


def _refused(message: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(message)

    return refuse


def _exit(*_: Any, **__: Any) -> None:
    raise CellExited


def _no_input(prompt: object = "", /) -> str:
    raise EOFError("there is no one to ask: input() is not available in a cell")


class Natives:
    """The table of one namespace: functions that look at variables look at that namespace."""

    def __init__(
        self,
        namespace: dict[str, Any],
        output: Output,
        run_import: Callable[[str, bool], Any],
        printed: Callable[[Any, int], None] = lambda value, offset: None,
    ) -> None:
        """`printed` is told of each value that is written, and at which place of the output."""
        self.namespace = namespace
        self.printed = printed
        self.output = output
        self.stores = guards.Stores(namespace)
        self.run_import = run_import
        self.table: dict[str, Any] = self._make()

    def user_names(self) -> dict[str, Any]:
        return {name: value for name, value in self.namespace.items() if not name.startswith("__")}

    def _make(self) -> dict[str, Any]:
        table = {name: getattr(builtins, name) for name in PLAIN}
        table |= {
            "print": self.print,
            "type": kinds.TypeStandIn,
            "getattr": guards.guarded_getattr,
            "hasattr": self.hasattr,
            "setattr": self.stores.setattr,
            "delattr": self.stores.delattr,
            "format": self.format,
            "vars": self.vars,
            "globals": self.user_names,
            "locals": self.user_names,
            "dir": self.dir,
            "eval": self.eval,
            "exec": self.exec,
            "compile": _refused("compile() is not available in a cell; eval(text) and exec(text) are"),
            "open": _refused("there are no files to open in a cell: the input is in `files[path]` and `context`"),
            "input": _no_input,
            "breakpoint": _refused("there is no debugger in a cell; print what you want to see"),
            "help": self.help,
            "exit": _exit,
            "quit": _exit,
            "BaseException": Exception,
            "SystemExit": SystemExitStandIn,
            "KeyboardInterrupt": KeyboardInterruptStandIn,
            "GeneratorExit": HarmlessExit,
            "__import__": _import_for_c,
            policy.GETATTR: guards.guarded_getattr,
            policy.FORMAT: guards.guarded_format,
            policy.WRITE: self.stores.write,
            policy.JOIN: guards.join,
            policy.AWAIT: awaited,
            policy.ECHO: self.echo,
            policy.IMPORT: self.run_import,
            policy.IMPORT_FROM: self.import_from,
            policy.IMPORT_ALL: self.import_all,
        }
        return table

    # --- output -----------------------------------------------------------------------------------------------------

    def print(
        self, *values: Any, sep: str | None = " ", end: str | None = "\n", file: Any = None, flush: Any = False
    ) -> None:
        """Python's `print`; without `file`, or with sys.stdout, to the cell's output."""
        write = self.output.write if file is None else file.write
        between = " " if sep is None else real(sep)
        for index, value in enumerate(values):
            if index:
                write(between)
            if file is None:
                self.printed(value, self.output.length)
            write(value if is_text(value) and file is None else real(value) if is_text(value) else str(value))
        write("\n" if end is None else real(end))

    def echo(self, value: Any) -> Any:
        """A last bare expression: shown as a REPL shows it, and kept as `_`."""
        if value is None:
            return None
        self.namespace["_"] = value
        self.printed(value, self.output.length)
        if (is_text(value) or type(value) is str) and "\n" in value:
            self.output.write(value)
        else:
            self.output.write(repr(value))
        self.output.write("\n")
        return None

    def help(self, *values: Any) -> None:
        for value in values:
            self.print(
                getattr(value, "__name__", type(value).__name__), "-", guards.guarded_getattr(value, "__doc__", None)
            )

    # --- attributes and names ---------------------------------------------------------------------------------------

    def hasattr(self, owner: object, name: object) -> bool:
        try:
            guards.guarded_getattr(owner, name)
        except AttributeError:
            return False
        return True

    def format(self, value: Any, spec: Any = "") -> str:
        return format(value, real(spec))

    def vars(self, *owner: Any) -> dict[str, Any]:
        if not owner:
            return self.user_names()
        if type(owner[0]) is guards.Record:
            return dict(owner[0].__dict__)
        raise TypeError("vars() takes a SimpleNamespace in a cell; dir(x) lists the attributes of anything")

    def dir(self, *owner: Any) -> list[str]:
        if not owner:
            return sorted(self.user_names())
        names = dir(str) if is_text(owner[0]) else dir(owner[0])
        return [name for name in names if not name.startswith("_") and not policy.attribute_problem(name)]

    # --- code -------------------------------------------------------------------------------------------------------

    def eval(self, source: Any, names: dict[str, Any] | None = None, more: dict[str, Any] | None = None, /) -> Any:
        """`eval`, under the policy of a cell."""
        compiled = policy.compile_expression(str(real(source)), "<eval>")
        return eval(compiled.code, self._scope(names, more))  # the policy has checked and rewritten it

    def exec(self, source: Any, names: dict[str, Any] | None = None, more: dict[str, Any] | None = None, /) -> None:
        """`exec`, under the policy of a cell."""
        compiled = policy.compile_cell(str(real(source)), "<exec>", echo=False)
        scope = self._scope(names, more)
        exec(compiled.code, scope)
        target = more if more is not None else names
        if target is not None:
            target.update({name: scope[name] for name in compiled.stores if name in scope})

    def _scope(self, names: dict[str, Any] | None, more: dict[str, Any] | None) -> dict[str, Any]:
        if names is None and more is None:
            return self.namespace
        scope = {
            name: value
            for given in (names, more)
            if given is not None
            for name, value in given.items()
            if type(name) is str and name.isidentifier() and not name.startswith("__")  # no hook, no builtins
        }
        return {**scope, "__builtins__": self.table}

    # --- imports ----------------------------------------------------------------------------------------------------

    def import_from(self, module: str, name: str) -> Any:
        found = self.run_import(module, True)
        try:
            return getattr(found, policy_name(name))
        except AttributeError as error:
            raise ImportError(str(error)) from None

    def import_all(self, module: str) -> None:
        found = self.run_import(module, True)
        for name in self.dir(found):
            self.namespace[name] = getattr(found, name)


def policy_name(name: str) -> str:
    """An imported name is an attribute that is read: the same rules."""
    checked = guards.check_attribute(name)
    if checked.startswith("_"):
        raise AttributeError(f"'{name}' is not available in a cell")
    return checked


def _import_for_c(name: object, *_: object, **__: object) -> None:
    """C code (`strptime`, `strftime`) imports through here and then looks into sys.modules itself. No cell can."""


class Done:
    """What a finished task or future of the stand-in event loop holds."""

    __slots__ = ("_error", "_value")

    def __init__(self, value: Any = None, error: BaseException | None = None) -> None:
        self._value = value
        self._error = error

    def result(self, timeout: Any = None) -> Any:
        if self._error is not None:
            raise self._error
        return self._value

    def exception(self, timeout: Any = None) -> BaseException | None:
        return self._error

    def done(self) -> bool:
        return True

    def cancel(self) -> bool:
        return False

    def cancelled(self) -> bool:
        return False

    def add_done_callback(self, function: Callable[[Any], Any]) -> None:
        function(self)


def awaited(value: Any) -> Any:
    """`await value`: everything is finished already."""
    return value.result() if type(value) is Done else value


HIDDEN = (types.ModuleType, types.CodeType, types.FrameType, types.TracebackType)
"""Kinds of objects that no cell may hold."""
