"""`offline/extractive`: the embedded model. No network, no weights: it finds, quotes and cites.

It is a model like any other: it sees messages and answers with text, and drives the same loop with real cells. What it
knows of its own earlier turns it reads from the conversation, so that a run can be stopped, resumed and replayed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from rlm_cli.errors import ModelNotFound, SchemaError
from rlm_cli.models import Message, Options, Price, Reply, Usage
from rlm_cli.models.offline import logs, repository, shaping
from rlm_cli.models.offline.conversation import Reading, Task, understand
from rlm_cli.models.offline.extract import read
from rlm_cli.models.tokens import count, count_messages

NAME = "offline/extractive"


class Extractive:
    """See the module. Deterministic: the same messages give the same reply."""

    name = NAME
    window: int | None = None
    price: Price | None = Price(0.0, 0.0)

    async def reply(self, messages: Sequence[Message], options: Options) -> Reply:
        """An answer to the last message. Raises SchemaError where it cannot fill the schema that is asked for."""
        text = await asyncio.to_thread(answer, messages)
        if options.on_text is not None:
            options.on_text(text)
        usage = Usage(input_tokens=count_messages(messages)[0], output_tokens=count(text)[0], counted_here=True)
        return Reply(text=text, usage=usage, model=NAME)

    async def close(self) -> None:
        """Nothing is held."""


def open_offline(name: str) -> Extractive:
    """The model `offline/<name>`. Raises ModelNotFound for any other than `extractive`."""
    if name != "extractive":
        raise ModelNotFound(f"there is no model offline/{name}", f"The only one is {NAME}.")
    return Extractive()


def answer(messages: Sequence[Message]) -> str:
    """The reply to a conversation, as text."""
    mended = shaping.repair(messages)
    if mended is not None:
        return mended
    asked = understand(messages)
    if isinstance(asked, Reading):
        return read(asked)
    about = logs if logs.concerns(asked) else repository
    schema = shaping.wanted(asked)
    if schema is not None:
        shaping.check(schema)
    if asked.conclude:
        text: str = about.conclusion(asked)
        if schema is None:
            return text
        return json.dumps(shaping.value(schema, about.found(asked), text), ensure_ascii=False)
    said, cell = about.turn(asked)
    if schema is not None and "FINAL(" in cell:
        said, cell = _shaped(asked, schema, about.found(asked), about.conclusion(asked))
    return f"{said}\n\n```repl\n{cell}\n```"


def _shaped(task: Task, schema: dict[str, Any], found: Sequence[shaping.Found], text: str) -> tuple[str, str]:
    """The submission of a value that fits the schema; a value that was refused is not tried again."""
    if task.replies and repository.SUBMIT in task.replies[-1]:
        raise SchemaError("the value that offline/extractive submitted was refused.", task.outputs[-1][:300])
    value = shaping.value(schema, found, text)
    sources = "".join(f"cite({place.path!r}, {place.line}, {place.end_line})\n" for place in found)
    return "I submit the places in the form that is asked for.", f"{repository.SUBMIT}\n{sources}FINAL({value!r})"
