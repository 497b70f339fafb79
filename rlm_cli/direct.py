"""Strategy `direct`: the whole input in one call, for inputs that fit a window anyway.

Each line goes with its source before it, so that the reply can name `path:line`, which is then looked up like others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rlm_cli import prompts
from rlm_cli.answer import Outcome
from rlm_cli.cells import Shared
from rlm_cli.context.spans import Span
from rlm_cli.events import MessageAdded, TextStreamed, TurnFinished, TurnStarted
from rlm_cli.gate import Request
from rlm_cli.models import Message

_NOT_FOUND = re.compile(r"(?:\S+:\d+: )?NOT_FOUND:")  # weak models begin with a source, as each line of the input does


async def solve_directly(
    shared: Shared, question: str, earlier: Sequence[prompts.Asked] = (), node: str = "0"
) -> Outcome:
    """One call of the root model with the numbered input. Raises as the gate does."""
    files = shared.store.files
    texts = []
    for file in range(len(files)):
        whole = Span(file, 0, files.size(file))
        shared.account.by_code.add(*whole)
        texts.append(prompts.numbered(files.name(file), shared.text([whole])))
    asked = prompts.after(shared.pack, question, earlier)
    return await one_call(shared, "direct", asked, node, input=prompts.inert("input", "\n".join(texts)))


async def one_call(
    shared: Shared, words: str, question: str, node: str, *, last: bool = False, **filled: object
) -> Outcome:
    """One call of the root model with the pack's words `words`; its reply is the answer. Raises as the gate does.

    `last`: the reserved call, after a limit.
    """
    pack, turn = shared.pack, shared.next_turn(node)
    schema = pack.say("schema_reply", schema=shared.schema.text()) if shared.schema else ""
    task = pack.say(f"{words}_task", question=question, schema=schema, **filled)
    system = pack.words.get(f"{words}_system", pack.words["direct_system"]).strip("\n")
    messages = (Message("system", system), Message("user", task))
    shared.emit(TurnStarted(node=node, turn=turn, left=shared.gate.ledger.left().to_json()))
    for message in messages:
        shared.emit(MessageAdded(node=node, turn=turn, role=message.role, content=message.content))
    reply = await shared.gate.ask(
        Request(
            purpose="extract" if last else "root",
            node=node,
            turn=turn,
            messages=messages,
            temperature=pack.temperature,
            on_text=lambda text: shared.emit(TextStreamed(node=node, turn=turn, text=text)),
        )
    )
    shared.emit(MessageAdded(node=node, turn=turn, role="assistant", content=reply.text))
    shared.emit(TurnFinished(node=node, turn=turn))
    text = reply.text.strip()
    if found := _NOT_FOUND.match(text):
        return Outcome("not_found", text[found.end() :].strip())
    if reply.finish == "length":
        return Outcome("partial", text, stopped_by="tokens")
    return Outcome("answered", text)
