"""What an option is: one description, from which flag, variable, configuration, help and completion are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Literal

from rlm_cli import values

Kind = Literal["text", "model", "file", "choice", "switch", "tally", "count", "money", "duration", "size", "share"]

_READERS: dict[str, Callable[[str], Any]] = {
    "count": values.count,
    "money": values.money,
    "duration": values.duration,
    "size": values.size,
    "share": values.share,
    "switch": values.switch,
    "tally": values.count,
}
_NUMBERS = {"count", "money", "duration", "size", "share", "tally"}
_SHOWN: dict[str, Callable[[Any], str]] = {
    "count": values.show_count,
    "money": "{:.2f}".format,
    "duration": values.show_duration,
    "share": "{:g}".format,
    "size": values.show_size,
}
_LONGEST = 80  # characters of a refused value in a message
LIFTED = "none"
"""The word that lifts a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a run. `name` is its field in `Settings`, its key in config.toml and, in capitals after `RLM_`,
    its environment variable."""

    name: str
    flags: tuple[str, ...]
    kind: Kind
    group: str
    help: str
    metavar: str = ""
    default: Any = None
    choices: tuple[str, ...] = ()
    open: bool = False  # choices are the usual ones; others are allowed
    repeat: bool = False
    stored: bool = True  # may stand in config.toml and the environment
    lifted: bool = False  # `none` takes the limit away
    least: float | None = None
    most: float | None = None

    @property
    def variable(self) -> str:
        return "RLM_" + self.name.upper()

    @property
    def flag(self) -> str:
        """The long flag."""
        return self.flags[-1]

    @property
    def inverse(self) -> str:
        """The flag that says the contrary of a switch: --hidden and --no-hidden."""
        word = self.flag.removeprefix("--")
        return "--" + word.removeprefix("no-") if word.startswith("no-") else "--no-" + word

    @property
    def takes_value(self) -> bool:
        return self.kind not in ("switch", "tally")

    def read(self, value: object) -> Any:
        """The value of type and unit that `Settings` holds. Raises ValueError with what is wrong, after the value."""
        if self.repeat:
            items = value if isinstance(value, (list, tuple)) else [value]
            return tuple(self._read_one(item) for item in items)
        return self._read_one(value)

    def _read_one(self, value: object) -> Any:
        if isinstance(value, bool):
            if self.kind != "switch":
                raise ValueError(f"is not {self._wanted}")
            return value
        if isinstance(value, (int, float)) and self.kind in _NUMBERS:
            value = f"{value:f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
        if not isinstance(value, str):
            raise ValueError(f"is not {self._wanted}")
        if self.lifted and value.strip().lower() == LIFTED:
            return None
        if self.kind == "choice":
            return self._choose(value)
        reader = _READERS.get(self.kind)
        result: Any = reader(value) if reader else value
        if self.least is not None and result < self.least:
            raise ValueError(f"is less than {self.show(self.least)}")
        if self.most is not None and result > self.most:
            raise ValueError(f"is more than {self.show(self.most)}")
        return result

    @property
    def _wanted(self) -> str:
        """What a value of another type than text should have been."""
        if self.kind == "switch":
            return "true or false"
        if self.kind in _NUMBERS:
            return "a number, or text that says one"
        return "text in quotes, nor a list of such" if self.repeat else "text in quotes"

    def _choose(self, value: str) -> str:
        word = value.strip().lower()
        if word in self.choices:
            return word
        if self.open:
            return value
        near = get_close_matches(word, self.choices, n=1)
        advice = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"is not one of {', '.join(self.choices)}{advice}")

    def show(self, value: Any) -> str:
        """A value as a person would write it for this option; empty where there is none."""
        if value is None:
            return LIFTED if self.lifted else ""
        if self.repeat:
            return " ".join(value)
        if self.kind == "switch":
            return "true" if value else "false"
        return _SHOWN.get(self.kind, str)(value)


def option(
    default: Any, *flags: str, kind: Kind, group: str, help: str, metavar: str = "", **more: Any
) -> Any:  # Any: the field's own annotation says its type
    """A field of a dataclass that is an option too. `flags` end with the long one; `more` are fields of `Option`."""
    described = Option(
        name="", flags=flags, kind=kind, group=group, help=help, metavar=metavar, default=default, **more
    )
    return field(default=default, metadata={"option": described})


def named(described: Option, name: str) -> Option:
    return replace(described, name=name)


def spelled(value: object) -> str:
    """A value that was refused, as a message shows it: short, and as TOML spells it."""
    if isinstance(value, str):
        return repr(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "a table" if isinstance(value, Mapping) else str(value)[:_LONGEST]
