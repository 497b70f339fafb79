"""Sizes of variables, for people."""

from __future__ import annotations

from typing import Any


def shown_size(value: Any) -> str:
    """`value`'s size in words. Reads none of it."""
    if isinstance(value, str):
        return _counted(len(value), "character")
    if isinstance(value, bytes | bytearray):
        return _counted(len(value), "byte")
    if isinstance(value, list | tuple | dict | set | frozenset):
        return _counted(len(value), "item")
    if value is None or isinstance(value, bool | float):
        return str(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() < 64 else f"{value.bit_length():,} bits"
    return ""


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
