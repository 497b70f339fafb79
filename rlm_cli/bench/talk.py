"""A plain conversation with the root model, on record like any other: what the baselines are made of."""

from __future__ import annotations

from rlm_cli.cells import Shared
from rlm_cli.context.spans import Span
from rlm_cli.description import BYTES_PER_TOKEN
from rlm_cli.events import MessageAdded, TurnFinished, TurnStarted
from rlm_cli.gate import Request
from rlm_cli.models import Message, Role

UNKNOWN_WINDOW = 128_000
"""Tokens that a model whose window nobody knows is given."""
_REPLY_SHARE = 0.2  # of the window, for the reply, the words around the text and a tokenizer that counts otherwise


class Talk:
    """Messages to and from the root model. Each `ask` is a turn, and raises as the gate does."""

    def __init__(self, shared: Shared, node: str, system: str) -> None:
        self.turn = 0
        self._shared = shared
        self._node = node
        self._messages: list[Message] = []
        self._system = Message("system", system)

    async def ask(self, text: str, *, last: bool = False) -> str:
        """Say `text` and return the reply. `last`: the reserved call, after a limit."""
        shared = self._shared
        self.turn += 1
        shared.emit(TurnStarted(node=self._node, turn=self.turn, left=shared.gate.ledger.left().to_json()))
        if not self._messages:
            self._add(self._system.role, self._system.content)
        self._add("user", text)
        request = Request(
            purpose="extract" if last else "root",
            node=self._node,
            turn=self.turn,
            messages=tuple(self._messages),
            temperature=shared.pack.temperature,
        )
        reply = (await shared.gate.ask(request)).text.strip()
        self._add("assistant", reply)
        shared.emit(TurnFinished(node=self._node, turn=self.turn))
        return reply

    def forget(self) -> None:
        """The next `ask` begins a new conversation."""
        self._messages.clear()

    def _add(self, role: Role, content: str) -> None:
        self._messages.append(Message(role, content))
        self._shared.emit(MessageAdded(node=self._node, turn=self.turn, role=role, content=content))


def room(shared: Shared) -> int:
    """Bytes of input that one prompt of the root model can take."""
    window = shared.gate.root.window or UNKNOWN_WINDOW
    return int(window * (1 - _REPLY_SHARE)) * BYTES_PER_TOKEN


def whole(shared: Shared, *, most: int | None = None) -> str:
    """The input as one text, each file under its name; read, and accounted as shown to a model.

    Of an input of more than `most` bytes no more than that is read.
    """
    files, pieces = shared.store.files, []
    left = most
    for file in range(len(files)):
        size = files.size(file) if left is None else min(left, files.size(file))
        pieces.append(f"==> {files.name(file)} <==\n{part(shared, Span(file, 0, size))}")
        if left is not None and (left := left - size) <= 0:
            break
    return "\n".join(pieces)


def part(shared: Shared, span: Span) -> str:
    """The text of a part of the input, accounted as read by code and by a model."""
    shared.account.by_code.add(*span)
    return shared.text([span])
