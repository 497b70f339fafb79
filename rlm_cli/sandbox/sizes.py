"""Sizes of variables, for people."""

from __future__ import annotations

from typing import Any

from rlm_cli.context.text import Text

_COUNTED = ((str, "character"), ((bytes, bytearray), "byte"), ((list, tuple, dict, set, frozenset), "item"))


def shown_size(value: Any) -> str:
    """`value`'s size in words. Reads none of it: characters that nobody has counted are given in bytes."""
    if type(value) is Text:
        return _counted(*value.extent())
    for kinds, noun in _COUNTED:
        if isinstance(value, kinds):
            return _counted(len(value), noun)
    if value is None or isinstance(value, bool | float):
        return str(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() < 64 else f"{value.bit_length():,} bits"
    return ""


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
