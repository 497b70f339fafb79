"""From a journal to a second walk: its settings, what stands in for models in a replay, and what must not differ."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlm_cli import journal
from rlm_cli.answer import Answer
from rlm_cli.errors import InputError, ReplayDiverged, UsageError
from rlm_cli.events import RunStarted
from rlm_cli.figures import LIMITS, raised
from rlm_cli.ledger import Ledger
from rlm_cli.models import Message, Model, Options, Price, Reply
from rlm_cli.recording import Asked, Past
from rlm_cli.schema import Schema
from rlm_cli.settings import OPTIONS, Settings, load

_OF_THE_DAY = (
    *("dry_run", "format", "output", "progress", "quiet", "verbose", "color", "profile"),  # of the terminal
    "sandbox",  # a journal may come from anywhere: it lowers no guard
)


def past_of(path: Path, *, strict: bool = False, ended: bool = False) -> Past:
    """The run that is on record at `path`; see `Past.read`. Raises InputError."""
    reading = journal.Reading()
    past = Past.read(lambda: journal.read(path, reading), strict=strict, ended=ended)
    past.unreadable = len(reading.torn)
    return past


def settings_of(
    started: RunStarted, flags: Mapping[str, Any], *, own: bool = True, fresh: Collection[str] = ()
) -> Settings:
    """The settings that a run began with, less those of `fresh`, and `flags` over them.

    Raises UsageError for values that no longer exist.

    Sources are relative to the directory that the run began in: this process changes to it. `own` is false for a
    journal from elsewhere, which is believed in nothing that could send a key or a secret away.
    """
    saved = started.settings
    if not own and saved.get("api_base") and "api_base" not in {*flags, *fresh}:
        raise UsageError(
            f"the journal would send your key to {str(saved['api_base'])[:200]}",
            "It is none of your own runs; if that is right, say so with --api-base.",
        )
    if not own and saved.get("include_secrets"):
        raise UsageError("the journal asks for secret files to be read", "It is none of your own runs; ask anew.")
    if saved.get("redact"):
        raise UsageError("the record of this run holds hashes in place of texts (--redact): it cannot be walked again")
    if directory := _text(saved, "directory"):
        try:
            os.chdir(directory)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "that is no name of a directory"
            raise UsageError(f"the run began in {directory[:200]}, which cannot be entered: {why}") from None
    kept: dict[str, Any] = {}
    for name, option in OPTIONS.items():
        value = saved.get(name)
        if name in _OF_THE_DAY or name in fresh:
            continue
        if value is None and option.lifted:
            kept[name] = "none"
        elif value is not None and value != option.default:
            kept[name] = value
    if kept.get("pack", "auto") == "auto" and started.pack in ("full", "small"):
        kept["pack"] = started.pack
    kept |= {"model": started.root_model, "sub_model": started.sub_model}
    try:
        listed = tuple(os.fsencode(name) for name in saved.get("listed", ()))
    except (TypeError, UnicodeEncodeError):
        raise InputError("the journal is damaged: its list of input files is none", "Ask anew.") from None
    return load(kept | dict(flags), question=started.question, sources=tuple(started.sources), listed=listed)


def going_on(started: RunStarted, flags: Mapping[str, Any], *, own: bool, fresh: Collection[str] = ()) -> Settings:
    """As `settings_of`, for whom the run will cost money. Raises UsageError too where a journal from elsewhere would
    spend more than the user's own limits allow."""
    settings = settings_of(started, flags, own=own, fresh=fresh)
    if not own:
        _check_spending(settings, flags)
    return settings


def _check_spending(settings: Settings, flags: Mapping[str, Any]) -> None:
    own = load(dict(flags))
    for name in ("max_cost", "max_tokens"):
        asked, allowed = getattr(settings, name), getattr(own, name)
        if allowed is not None and (asked is None or asked > allowed):
            flag, show = OPTIONS[name].flag, OPTIONS[name].show
            raise UsageError(
                f"the journal would spend up to {flag} {show(asked)}, and your own limit is {show(allowed)}",
                f"It is none of your own runs; if that is right, say so with {flag} {show(asked)}.",
            )


def _text(saved: Mapping[str, Any], name: str) -> str:
    """A text among recorded settings, empty where there is none. Raises InputError."""
    value = saved.get(name) or ""
    if not isinstance(value, str):
        raise InputError(f"the journal is damaged: its setting {name} is no text", "Ask anew.")
    return value


def check_limit(past: Past, settings: Settings, run: str) -> None:
    """Refuse to go on below the limit that stopped the run: it would stop at the same place. Raises UsageError.

    `run` is what the user calls it.
    """
    limit = past.limit.limit if past.limit is not None and past.finished is not None else ""
    if limit not in LIMITS:
        return
    before, now = past.started.limits.get(f"max_{limit}"), getattr(settings, f"max_{limit}")
    if not isinstance(before, int | float) or now is None or now > before:
        return
    enough = 2 * before or OPTIONS[f"max_{limit}"].default
    raise UsageError(
        f"the run was stopped by --max-{limit}, which is still {LIMITS[limit](now)}: it would stop there again",
        f"Raise it: rlm resume {run} {raised(limit, enough)}",
    )


def restore(past: Past, ledger: Ledger) -> None:
    """Put into the account of a run what its earlier part has spent, and what was lost in it."""
    lost = [] if past.asking else past.lost  # what was lost under an earlier question is no cost of a new one
    cost = past.cost + sum(call.reserved or 0.0 for call in lost)
    tokens = past.tokens + sum(call.reserved_tokens for call in lost)
    ledger.restore(cost=cost, tokens=tokens, calls=past.calls, seconds=past.seconds - past.began)


def recorded_settings(settings: Settings, schema: Schema | None, root: Model, sub: Model) -> dict[str, Any]:
    """The settings as the journal holds them: what a resumed run needs, never a key.

    `schema` is the one that was read, which --schema may only name: its file may be another one by then. The windows
    of the models, in tokens, decide how much of an output is shown and how an input is split.
    """
    plain = {name: getattr(settings, name) for name in OPTIONS}
    kept = {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}
    kept |= {"schema": None if schema is None else schema.text(), "schema_multi": False}
    kept |= {"directory": os.getcwd(), "listed": [os.fsdecode(name) for name in settings.listed]}
    return kept | {"windows": [root.window, sub.window]}


def schema_of(asked: Asked) -> Schema | None:
    """The shape that the answer to a recorded question had to have. Raises UsageError where the record is no schema."""
    text = asked.settings.get("schema")
    return Schema.parse(text) if isinstance(text, str) and text.startswith("{") else None


def check_input(past: Past, fingerprint: str, *, allow_changed: bool) -> None:
    """Refuse to go on over an input that is another one by now. Raises InputError."""
    if past.input is not None and past.input.fingerprint != fingerprint and not allow_changed:
        raise InputError(
            "the input has changed since the run began: its replies were about other text",
            "Ask anew, or go on all the same with --allow-changed.",
        )


def compare(past: Past, answer: Answer, warn: Callable[[str], None]) -> None:
    """What the second walk did otherwise: the first difference ends a replay, and is told in a resumed run.

    Raises ReplayDiverged.
    """
    differences = list(past.differences)
    told = past.answer
    if past.strict and told is not None and (told.status, told.text) != (answer.status, answer.text):
        differences.append(f"the answer is {answer.text[:80]!r} where {told.text[:80]!r} is recorded")
    if differences and past.strict:
        raise ReplayDiverged(f"the replay is not the run: {differences[0]}")
    for difference in differences[:3]:
        warn(f"{difference}; the model's replies are to what it was shown then")


def stand_ins(past: Past) -> tuple[Silent, Silent]:
    """What stands in for the root model and the sub-model in a replay, with the windows that those had."""
    saved = past.started.settings.get("windows")
    root, sub = saved if isinstance(saved, list) and len(saved) == 2 else (None, None)
    return (
        Silent(past.started.root_model, root if type(root) is int and root > 0 else None),
        Silent(past.started.sub_model, sub if type(sub) is int and sub > 0 else None),
    )


class Silent:
    """A model that must not be called: in a replay every reply is on record."""

    price: Price | None = Price(0.0, 0.0)

    def __init__(self, name: str, window: int | None) -> None:
        self.name = name
        self.window = window

    async def reply(self, messages: Sequence[Message], options: Options) -> Reply:
        """Raises ReplayDiverged."""
        raise ReplayDiverged(f"the replay asks {self.name} for a reply that is not recorded")

    async def close(self) -> None:
        """Nothing is held."""
