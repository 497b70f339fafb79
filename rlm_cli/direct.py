"""Strategy `direct`: the whole input in one call, for inputs that fit a window anyway.

Below about 16,000 tokens the base model beats the loop (the paper, figure 1), and one call is cheaper and faster. Each
line goes with its source before it, so that the reply can name `path:line`, which is then looked up like any other.
"""

from __future__ import annotations

from rlm_cli.answer import Outcome
from rlm_cli.cells import Shared
from rlm_cli.context.spans import Span
from rlm_cli.description import BYTES_PER_TOKEN
from rlm_cli.events import MessageAdded, TextStreamed, TurnFinished, TurnStarted
from rlm_cli.gate import Request
from rlm_cli.models import Message
from rlm_cli.prompts import numbered

DIRECT_TOKENS = 16_000
_NOT_FOUND = "NOT_FOUND:"


def fits(shared: Shared, window: int | None) -> bool:
    """Whether the input is small enough to be sent whole, sources and all. `window` is the root model's, in tokens."""
    files = shared.store.files
    total = sum(files.size(file) for file in range(len(files)))
    limit = DIRECT_TOKENS if window is None else min(DIRECT_TOKENS, window // 2)
    return total <= limit * BYTES_PER_TOKEN


async def solve_directly(shared: Shared, question: str) -> Outcome:
    """One call of the root model with the numbered input. Raises as the gate does."""
    files = shared.store.files
    texts = []
    for file in range(len(files)):
        whole = Span(file, 0, files.size(file))
        shared.account.by_code.add(*whole)
        texts.append(numbered(files.name(file), shared.text([whole])))
    pack = shared.pack
    schema = pack.say("schema_reply", schema=shared.schema.text()) if shared.schema else ""
    task = pack.say("direct_task", input="\n".join(texts), question=question, schema=schema)
    messages = (Message("system", pack.say("direct_system")), Message("user", task))
    shared.emit(TurnStarted(node="0", turn=1, left=shared.gate.ledger.left().to_json()))
    for message in messages:
        shared.emit(MessageAdded(node="0", turn=1, role=message.role, content=message.content))
    reply = await shared.gate.ask(
        Request(
            purpose="root",
            node="0",
            turn=1,
            messages=messages,
            on_text=lambda text: shared.emit(TextStreamed(node="0", turn=1, text=text)),
        )
    )
    shared.emit(MessageAdded(node="0", turn=1, role="assistant", content=reply.text))
    shared.emit(TurnFinished(node="0", turn=1))
    text = reply.text.strip()
    if text.startswith(_NOT_FOUND):
        return Outcome("not_found", text.removeprefix(_NOT_FOUND).strip())
    if reply.finish == "length":
        return Outcome("partial", text, stopped_by="tokens")
    return Outcome("answered", text)
