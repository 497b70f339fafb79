"""Sandboxes: where the cells that models write are run.

A sandbox runs cells one after another, keeps their variables between them, and lets a cell ask the host for a few named
things through `Host`. Nothing else gets in or out. The smallest sandbox (for a test; it confines nothing):

    class Bare:
        async def start(self): return Ready(layers=(), missing=("everything",), seconds=0.0)
        async def run(self, code, *, cell, time_limit): exec(code, self.names); return CellResult()
        async def close(self): ...

and one line in `SANDBOXES` of `registry.py`, with its word among the choices of --sandbox, makes `--sandbox bare` work.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # a worker imports this package, and `typing` is a tenth of its time to start
    from rlm_cli.sandbox.contract import CellError, CellRefusal, CellResult, Host, Ready, Sandbox, Shown, Variable

__all__ = ["CellError", "CellRefusal", "CellResult", "Host", "Ready", "Sandbox", "Shown", "Variable"]


def __getattr__(name: str) -> object:
    # Late: a worker needs none of these, and `dataclasses` is a fifth of its time to start.
    if name in __all__:
        from rlm_cli.sandbox import contract

        return getattr(contract, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
