"""Replies that were recorded in a journal, given again by a `Model`: for tests, and for `-m replay/FILE`.

It knows a call by its messages alone, and reads over numbers that differ: what is left of a budget is never the same
twice. (`rlm replay` and `rlm resume` know calls by their place in the run: recording.py.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final, cast

from rlm_cli import errors
from rlm_cli.errors import BadReply, InputError, ProviderError, ReplayDiverged, RlmError
from rlm_cli.events import CallFailed, CallFinished, CallStarted, Compacted, MessageAdded, Record, parse
from rlm_cli.models import Finish, Message, Options, Price, Reply, Usage
from rlm_cli.models.failures import refusal

_NUMBERS: Final = re.compile(r"\d[\d,.:]*")
_SHOWN: Final = 60  # characters of each side in a difference


@dataclass(frozen=True, slots=True)
class Recorded:
    """One call that ended, and how."""

    call: str
    messages: tuple[Message, ...]
    model: str
    reply: Reply | None
    error: RlmError | None
    failure: str = ""  # the name of the error as recorded, which may be of no class of ours

    def result(self) -> Reply:
        """The reply. Raises what the call raised."""
        if self.error is not None:
            raise self.error
        assert self.reply is not None
        return self.reply


def recorded(records: Iterable[Record]) -> list[Recorded]:
    """The finished calls of a journal, in the order they began. Root calls get their node's conversation."""
    conversations: dict[str, list[Message]] = {}
    open_calls: dict[str, tuple[CallStarted, tuple[Message, ...]]] = {}
    order: dict[str, Recorded | None] = {}
    for record in records:
        event = record.event
        if isinstance(event, MessageAdded):
            conversations.setdefault(event.node, []).append(_message(event.role, event.content))
        elif isinstance(event, Compacted):
            said = conversations.get(event.node, [])
            conversations[event.node] = [*said[: event.keep], Message("assistant", event.summary), *said[-1:]]
        elif isinstance(event, CallStarted):
            said = (
                conversations.get(event.node, [])
                if event.messages is None
                else [_message(item.get("role", "user"), item.get("content", "")) for item in event.messages]
            )
            open_calls[event.call] = (event, tuple(said))
            order[event.call] = None
        elif isinstance(event, CallFinished | CallFailed) and event.call in open_calls:
            started, messages = open_calls.pop(event.call)
            order[event.call] = ended(started, messages, event)
    return [item for item in order.values() if item is not None]


def ended(started: CallStarted, messages: tuple[Message, ...], event: CallFinished | CallFailed) -> Recorded:
    """A call that began with `started` and ended with `event`."""
    if isinstance(event, CallFinished):
        reply = Reply(text=event.text, finish=cast(Finish, event.finish), model=started.model)
        refused = refusal(started.model, event.text) if event.finish == "refused" else None
        return Recorded(event.call, messages, started.model, reply, refused)
    return Recorded(event.call, messages, started.model, None, _error(event), event.error)


def _error(event: CallFailed) -> RlmError:
    """The error of a recorded failure. One whose class takes more than a message stands for its kind."""
    cls = getattr(errors, event.error, None)
    if isinstance(cls, type) and issubclass(cls, ProviderError | errors.AuthError):
        return cls(event.message)
    return ProviderError(event.message)


def _message(role: str, content: str) -> Message:
    return Message("system" if role == "system" else "assistant" if role == "assistant" else "user", content)


class Replay:
    """A model that knows only what is in a journal. It is free, and raises `ReplayDiverged` for anything else."""

    window: int | None = None
    price: Price | None = Price(0, 0)

    def __init__(self, name: str, calls: Sequence[Recorded]) -> None:
        self.name = name
        self._unplayed = list(calls)
        self._by_content: dict[bytes, list[Recorded]] = {}
        for call in calls:
            self._by_content.setdefault(_masked(call.messages), []).append(call)

    async def reply(self, messages: Sequence[Message], options: Options) -> Reply:
        """The recorded reply to these messages. See `Model.reply`."""
        waiting = self._by_content.get(_masked(messages))
        if not waiting:
            if not self._unplayed:
                raise ReplayDiverged(f"The recording is over, and one more call was made: {_start(messages)}")
            expected = self._unplayed[0]
            raise ReplayDiverged(
                f"No recorded call has these messages; the next one, {expected.call}, differs: "
                f"{difference(expected.messages, messages)}"
            )
        call = next((item for item in waiting if item.messages == tuple(messages)), waiting[0])
        waiting.remove(call)
        self._unplayed.remove(call)
        reply = call.result()
        if options.on_text is not None:
            options.on_text(reply.text)
        if not reply.text.strip() and reply.finish == "stop":
            raise BadReply("The recorded reply is empty.")
        return Reply(text=reply.text, finish=reply.finish, model=call.model, usage=Usage())

    async def close(self) -> None:
        pass


def open_replay(path: str) -> Replay:
    """The model behind `replay/PATH`. Raises `InputError` where there is no journal."""
    try:
        with Path(path).open("rb") as stream:
            calls = recorded(_records(stream))
    except OSError as error:
        raise InputError(f"Cannot read the recording {path}: {error.strerror}.", "`rlm runs` lists them.") from None
    return Replay(f"replay/{path}", calls)


def _records(lines: Iterable[bytes]) -> Iterable[Record]:
    for line in lines:
        try:
            yield parse(line)
        except ValueError:
            continue  # a torn last line


def difference(old: Sequence[Message], new: Sequence[Message]) -> str:
    """Where two prompts first differ, in one sentence."""
    for index, (left, right) in enumerate(zip(old, new, strict=False), start=1):
        if left == right:
            continue
        if left.role != right.role:
            return f"message {index} was of {left.role} and is of {right.role}"
        at = next(
            (at for at, (a, b) in enumerate(zip(left.content, right.content, strict=False)) if a != b),
            min(len(left.content), len(right.content)),
        )
        was, now = left.content[at : at + _SHOWN], right.content[at : at + _SHOWN]
        return f"message {index}, character {at:,}: was {was!r}, is {now!r}"
    return f"it had {len(old)} messages and has {len(new)}"


def _start(messages: Sequence[Message]) -> str:
    return repr(messages[-1].content[:_SHOWN]) if messages else "no messages"


def _masked(messages: Sequence[Message]) -> bytes:
    """A key of the messages that does not see numbers."""
    made = blake2b(digest_size=16)
    for message in messages:
        made.update(f"\0{message.role}\0".encode())
        made.update(_NUMBERS.sub("#", message.content).encode("utf-8", "surrogatepass"))
    return made.digest()
