"""rlm: ask questions about files and directories far too big for any model's context window.

From Python: `from rlm_cli import RLM, completion`; see `rlm_cli.library`.
"""

__version__ = "0.1.0"
__all__ = ["RLM", "Answer", "Citation", "RlmError", "acompletion", "completion"]


def __getattr__(name: str) -> object:
    # Late: the worker of the sandbox and `rlm --help` import this package, and need none of it.
    if name in __all__:
        from importlib import import_module

        return getattr(import_module("rlm_cli.library"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
