"""From an outcome to an answer: its text looked up, its sources checked against the files of now, its account made."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from rlm_cli.answer import Answer, Outcome
from rlm_cli.cells import Shared
from rlm_cli.context.corpus import Corpus
from rlm_cli.context.store import MappedStore
from rlm_cli.quotations import Quotations
from rlm_cli.references import LookUp


def settle(shared: Shared, corpus: Corpus, outcome: Outcome, question: str, usage: Mapping[str, Any]) -> Answer:
    """The answer that `outcome` is. Quotations are looked for where there is a `question`, whose words do not count."""
    now = MappedStore(corpus.present(), corpus.open, maps=False)
    quotations = Quotations(shared.store, shared.account.files_read, question) if question else None
    look_up = LookUp(shared.sources, now, quotations, corpus.same)
    try:
        value = _value(outcome) if shared.schema is None else outcome.value
        if shared.schema is None and outcome.body is None and value is None:
            settled = look_up.settle(outcome.text)
        else:
            settled = look_up.settle_value(outcome.text, value)
            settled.whole &= outcome.body is None
    finally:
        now.close()
    corpus.changes()
    checks = settled.to_json()
    if outcome.votes:
        checks["votes"] = outcome.votes
    if calls := sum((tools.calls for tools in (shared.tools, shared.sub_tools) if tools is not None), Counter[str]()):
        checks["tool_calls"] = dict(calls)
    return Answer(
        status=outcome.status,
        text=settled.text,
        value=outcome.value,
        body=outcome.body,
        stopped_by=outcome.stopped_by,
        citations=tuple(settled.citations),
        coverage=shared.account.to_json(corpus.skipped),
        usage=usage,
        checks=checks,
    )


def _value(outcome: Outcome) -> Any:
    """The list or object that the answer is, submitted as such or as its JSON; None for prose."""
    value = outcome.value
    if value is None and outcome.text[:1] in ("{", "["):
        try:
            value = json.loads(outcome.text)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict | list) else None
