"""Strategy `search`: the passages that fit the question best (BM25), then one call that reads them."""

from __future__ import annotations

from collections.abc import Sequence

from rlm_cli import prompts
from rlm_cli.answer import Outcome
from rlm_cli.background import in_background
from rlm_cli.cells import Shared
from rlm_cli.context.files import Files, build_context
from rlm_cli.context.regions import regions
from rlm_cli.context.search import Hit, search
from rlm_cli.context.spans import Span
from rlm_cli.context.store import MappedStore
from rlm_cli.description import BYTES_PER_TOKEN
from rlm_cli.direct import one_call

_TOP = 60  # passages that are looked at; as many are read as fit
_TOKENS = 16_000


async def solve_by_search(
    shared: Shared, question: str, earlier: Sequence[prompts.Asked] = (), node: str = "0"
) -> Outcome:
    """One search, one call. Raises as the gate does."""
    hits, note = await in_background(lambda: _found(shared, question))
    if not hits:
        return Outcome(
            "not_found", f"No passage of the input holds a word of the question{f' ({note})' if note else ''}."
        )
    texts = []
    for hit in hits:
        shared.account.read(Span(hit.region.file, hit.start, hit.end))
        texts.append(prompts.numbered(hit.region.name, "\n".join(hit.lines), hit.region.line(hit.start)))
    asked = prompts.after(shared.pack, question, earlier)
    return await one_call(shared, "search", asked, node, input=prompts.inert("input", "\n\n".join(texts)))


def _found(shared: Shared, question: str) -> tuple[list[Hit], str]:
    """The best passages that fit the window together, best first, and what the search left out."""
    store = MappedStore(shared.store.files, shared.open_file, shared.account.by_code, maps=False)
    shared.account.search("search", question)
    try:
        found = search(question, regions(build_context(store), Files(store)), _TOP)
    finally:
        store.close()
    window = shared.gate.root.window
    left = (_TOKENS if window is None else min(_TOKENS, window // 2)) * BYTES_PER_TOKEN
    chosen: list[Hit] = []
    for hit in found.hits:
        left -= hit.end - hit.start + len(hit.lines) * (len(hit.region.name) + 8)
        if left < 0 and chosen:
            break
        chosen.append(hit)
    return chosen, found.note
