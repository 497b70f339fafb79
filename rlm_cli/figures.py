"""Numbers and names for people: sizes, durations, money, counts, runs. One spelling each, the same in every sink."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping

_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")


def size(count: float) -> str:
    """`count` bytes with decimal prefixes: `0 B`, `812 B`, `9.6 MB`, `2.1 GB`."""
    return _scaled(count, _SIZES, 1000.0, " ")


def tokens(count: float) -> str:
    """A short count: `812`, `6.4k`, `412k`, `2.4M`."""
    return _scaled(count, ("", "k", "M", "G", "T"), 1000.0, "")


def _scaled(count: float, units: tuple[str, ...], step: float, gap: str) -> str:
    value, last = max(0.0, float(count)), len(units) - 1
    for power, unit in enumerate(units):
        # 999.5 and more would be shown as 1000 of this unit.
        if value < 999.5 or power == last:
            digits = 1 if power and value < 9.95 else 0
            return f"{value:.{digits}f}{gap}{unit}"
        value /= step
    raise AssertionError("the last unit always returns")


def number(count: int) -> str:
    """All digits, grouped: `1,284`."""
    return f"{count:,}"


def plural(count: int, noun: str, many: str = "") -> str:
    """`1 turn`, `4 turns`, `2 children` with `many`."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def duration(seconds: float) -> str:
    """`0.4s` below one second, then `4s`, `1m02s`, `1h03m`, `2d04h`."""
    seconds = max(0.0, seconds)
    if 0.05 <= seconds < 0.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02}h"


def allowance(seconds: float) -> str:
    """As `duration`, without empty places: `10m`, `90s` is `1m30s`."""
    text = duration(seconds)
    return text[:-3] if len(text) > 3 and text.endswith(("m00s", "h00m", "d00h")) else text


def cap(dollars: float) -> str:
    """A limit as it was given: `$1.00`, and no less exact where it is in parts of a cent: `$0.0005`."""
    return f"${dollars:,.2f}" if round(dollars, 2) == dollars else f"${dollars:.6f}".rstrip("0")


LIMITS: Mapping[str, Callable[[float], str]] = {
    "cost": lambda dollars: f"${dollars:g}",
    "time": allowance,
    **dict.fromkeys(("tokens", "calls", "turns"), lambda count: f"{count:,}"),
}
"""The limits that a run is stopped by, `--max-…`, and how each is written."""


def raised(limit: str, to: float) -> str:
    """A limit as an option of a command: `--max-cost 2`."""
    return f"--max-{limit} {LIMITS[limit](to).replace(',', '').removeprefix('$')}"


def clock(seconds: float) -> str:
    """`02:30`, from one hour `1:02:30`: fixed places, for the head of a line."""
    whole = int(max(0.0, seconds))
    if whole < 3600:
        return f"{whole // 60:02}:{whole % 60:02}"
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"


def money(dollars: float) -> str:
    """`$0.009`, `$1.25`, `$12.40`; what is spent is never shown as nothing: `<$0.001`."""
    if 0 < dollars < 0.0005:
        return "<$0.001"
    if dollars <= 0:
        return "$0"
    return f"${dollars:.3f}" if dollars < 0.9995 else f"${dollars:,.2f}"


def called(run: str, trajectory: object) -> str:
    """What a run is called in a command: the file that --trajectory named, else the end of the id."""
    if not isinstance(trajectory, str) or not trajectory:
        return run.rsplit("-", 1)[-1]
    plain = trajectory.endswith(".jsonl") or os.sep in trajectory
    return shlex.quote(trajectory if plain else f"./{trajectory}")
