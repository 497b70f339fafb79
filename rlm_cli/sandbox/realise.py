"""Where mapped text meets C code that takes real strings only."""

from __future__ import annotations

from typing import Any, TypeGuard

from rlm_cli.context.text import Text


def is_text(value: object) -> TypeGuard[Text]:
    """Whether `value` is mapped text (`isinstance` cannot say: it claims to be `str`)."""
    return type(value) is Text


def real(value: Any) -> Any:
    """`value`, as a real `str` where it is mapped text. Raises MemoryError, with advice, where that is too long."""
    return value.realise() if type(value) is Text else value
