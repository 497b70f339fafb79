"""Values as people write them: `10m`, `2G`, `$0.50`, `5M`, and back.

Each reader takes a text and raises ValueError with the words that follow what was written: "is not …, such as …".
"""

from __future__ import annotations

import re

# At most 15 digits, which a float holds exactly.
_DURATION = re.compile(r"(?:\d{1,15}(?:\.\d{1,9})?(?:ms|[smhd]))+|\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd]|$)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([kmgt]?)(?:i?b)?", re.ASCII | re.IGNORECASE)
_COUNT = re.compile(r"(\d[\d_]{0,14}(?:\.\d{1,9})?)([km]?)", re.ASCII | re.IGNORECASE)
_MONEY = re.compile(r"\$?(\d{1,12}(?:\.\d{0,9})?|\.\d{1,9})", re.ASCII)
_TRUE = {"1", "true", "yes", "on", "y", "t"}
_FALSE = {"0", "false", "no", "off", "n", "f", ""}


def duration(text: str) -> float:
    """Seconds from `90s`, `10m`, `1h30m`, `250ms` or a bare number of seconds. More than zero."""
    written = text.strip().lower().replace(" ", "")
    if not _DURATION.fullmatch(written):
        raise ValueError("is not a time, such as 90s, 10m or 1h30m")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(written))
    if not seconds:
        raise ValueError("is not a time that anything can run in; use 90s, 10m or 1h30m")
    return seconds


def size(text: str) -> int:
    """Bytes from `500M`, `2G`, `64k` or a bare number; a k is 1024, as in ripgrep."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise ValueError("is not a size, such as 64k, 500M or 2G")
    return int(float(found[1]) * 1024 ** " kmgt".index(found[2].lower() or " "))


def count(text: str) -> int:
    """A whole number from `20`, `1_000`, `128k` or `5M`; a k is 1000."""
    found = _COUNT.fullmatch(text.strip())
    value = float(found[1].replace("_", "")) * 1000 ** " km".index(found[2].lower() or " ") if found else 0.5
    if value != int(value):
        raise ValueError("is not a whole number, such as 20, 128k or 5M")
    return int(value)


def money(text: str) -> float:
    """Dollars from `0.50` or `$2`."""
    found = _MONEY.fullmatch(text.strip())
    if not found:
        raise ValueError("is not an amount of dollars, such as 0.50")
    return float(found[1])


def share(text: str) -> float:
    """A part of a whole: `0.8` or `80%`. Raises ValueError."""
    percent = text.strip().endswith("%")
    try:
        value = float(text.strip().removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        raise ValueError("is not a share, such as 0.8 or 80%") from None
    if not 0 < value <= 1:
        raise ValueError("is not a share between 0 and 1")
    return value


def switch(text: str) -> bool:
    """Yes or no, in the words that environments use."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("is neither yes nor no; use true or false")


def show_duration(seconds: float) -> str:
    """The shortest of the ways `duration` reads."""
    if seconds < 1 or seconds != int(seconds):
        return f"{seconds:g}s"
    parts = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        whole, seconds = divmod(int(seconds), length)
        if whole:
            parts.append(f"{whole}{unit}")
    return "".join(parts)


def show_size(value: int) -> str:
    """A whole number of the largest unit that divides it."""
    for unit in ("", "k", "M", "G", "T"):
        if value < 1024 or value % 1024 or unit == "T":
            return f"{value}{unit}"
        value //= 1024
    raise AssertionError


def show_count(value: int) -> str:
    """`5M`, `128k`, `500`."""
    for unit, length in (("M", 1_000_000), ("k", 1000)):
        if value >= length and value % length == 0:
            return f"{value // length}{unit}"
    return str(value)
