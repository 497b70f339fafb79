"""Values that must fit a schema: a text that does not is mended by at most two further calls."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

from rlm_cli.answer import Outcome
from rlm_cli.background import in_background
from rlm_cli.errors import LimitReached, ProviderError, SchemaError
from rlm_cli.gate import Gate, Request
from rlm_cli.models import Message
from rlm_cli.prompts import Pack
from rlm_cli.schema import Schema

REPAIRS = 2
_SHOWN = 50_000  # characters of what is to be mended


async def mended(gate: Gate, pack: Pack, schema: Schema, given: Any, place: Request) -> tuple[Any, str | None]:
    """`given` as `schema` wants it, and what is still wrong with it. `place` says where in the run its calls belong.

    Raises what the gate raises for a refused key; at a limit, or where the provider fails, what there is counts.
    """
    value, fault = await in_background(partial(schema.read, given))
    for _ in range(REPAIRS):
        if fault is None:
            break
        text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        wanted = pack.say("schema_repair", schema=schema.text(), fault=fault, answer=text[:_SHOWN])
        request = replace(place, purpose="schema", messages=(Message("user", wanted),), schema=schema.wire)
        try:
            reply = await gate.ask(request)
        except (LimitReached, ProviderError):
            break
        given = reply.text
        value, fault = await in_background(partial(schema.read, given))
    return value, fault


async def repaired(gate: Gate, pack: Pack, schema: Schema | None, outcome: Outcome, node: str = "0") -> Outcome:
    """`outcome` of `node` with its text read as --schema wants it. Raises SchemaError with the last value."""
    if schema is None or outcome.status not in ("answered", "partial"):
        return outcome
    given = outcome.text if outcome.value is None else outcome.value
    value, fault = await mended(gate, pack, schema, given, Request(purpose="schema", messages=(), node=node))
    if fault is not None:
        raise SchemaError(f"the answer does not fit --schema: {fault}", value=value)
    return replace(outcome, value=value, text=json.dumps(value, ensure_ascii=False))
