"""Strategy `direct`: the whole input in one call, for inputs that fit a window anyway.

Below about 16,000 tokens the base model beats the loop (the paper, figure 1), and one call is cheaper and faster. Each
line goes with its source before it, so that the reply can name `path:line`, which is then looked up like any other.
"""

from __future__ import annotations

import json
from dataclasses import replace

from rlm_cli.answer import Outcome
from rlm_cli.cells import Shared
from rlm_cli.context.spans import Span
from rlm_cli.description import BYTES_PER_TOKEN
from rlm_cli.errors import LimitReached, ProviderError, SchemaError
from rlm_cli.events import MessageAdded, TextStreamed, TurnFinished, TurnStarted
from rlm_cli.gate import Request
from rlm_cli.models import Message
from rlm_cli.prompts import numbered

DIRECT_TOKENS = 16_000
REPAIRS = 2
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


async def repaired(shared: Shared, outcome: Outcome) -> Outcome:
    """`outcome` with its text read as --schema wants it, mended by at most two further calls. Raises SchemaError."""
    schema = shared.schema
    if schema is None or outcome.status not in ("answered", "partial"):
        return outcome
    value, fault = schema.read(outcome.text if outcome.value is None else outcome.value)
    for _ in range(REPAIRS):
        if fault is None:
            break
        wanted = shared.pack.say("schema_repair", schema=schema.text(), fault=fault, answer=outcome.text)
        request = Request(purpose="schema", messages=(Message("user", wanted),), schema=schema.json)
        try:
            reply = await shared.gate.ask(request)
        except (LimitReached, ProviderError):
            break
        value, fault = schema.read(reply.text)
    if fault is not None:
        raise SchemaError(f"the answer does not fit --schema: {fault}", value=value)
    return replace(outcome, value=value, text=json.dumps(value, ensure_ascii=False))
