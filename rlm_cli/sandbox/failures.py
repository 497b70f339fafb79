"""Failed sub-calls and refusals, as a cell meets them."""

from __future__ import annotations

import builtins
from typing import Any, NoReturn


class SubcallError(Exception):
    """A sub-call that failed: `kind` says how, `message` why. Never a text: used as one it raises or says so."""

    def __init__(self, kind: str = "", message: str = "") -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message

    def __str__(self) -> str:
        return f"SubcallError({self.kind}: {self.message})" if self.kind else f"SubcallError({self.message})"

    __repr__ = __str__

    def _no_text(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(f"this is no text but a failed sub-call: {self}; test with isinstance(x, SubcallError)")

    __len__ = __iter__ = __getitem__ = __contains__ = __add__ = __radd__ = __mod__ = _no_text

    def __bool__(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and hasattr(str, name):
            self._no_text()
        raise AttributeError(f"a failed sub-call has no '{name}', only kind and message: {self}")


class SubmissionRefused(Exception):
    """FINAL or NOT_FOUND was not accepted; the message says why."""


def failure(reply: Any) -> SubcallError | None:
    """The error that `reply` of a sub-call stands for, or None."""
    if isinstance(reply, dict) and set(reply) == {"error", "message"}:
        return SubcallError(str(reply["error"]), str(reply["message"]))
    return None


def refusal(kind: str, message: str) -> Exception:
    """What a refusal of the host raises in the cell: the class of that name."""
    if kind == "SubcallError":
        return SubcallError("refused", message)
    found = getattr(builtins, kind, None)
    if isinstance(found, type) and issubclass(found, Exception) and found not in (StopIteration, StopAsyncIteration):
        try:
            return found(message)
        except TypeError:
            pass
    return SubmissionRefused(message)
