"""Strategy `map`: a fixed split of the input, each part read by a sub-model, then the findings in one call.

No model has to write code or to plan, so it works with the weakest ones; every byte is read and paid for. What a part's
reader says is held against that part: a place that is not in it gets a `?` before the findings are put together.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rlm_cli import prompts
from rlm_cli.answer import Outcome
from rlm_cli.background import in_background, together
from rlm_cli.cells import Shared
from rlm_cli.context.regions import Region
from rlm_cli.context.spans import FileNames, Span
from rlm_cli.context.store import ByteStore
from rlm_cli.context.text import Text
from rlm_cli.description import BYTES_PER_TOKEN
from rlm_cli.direct import one_call
from rlm_cli.errors import LimitReached, ProviderError
from rlm_cli.events import BatchStarted, CellFinished, CellStarted, LimitHit, TurnFinished, TurnStarted, Warned
from rlm_cli.figures import plural
from rlm_cli.gate import Request
from rlm_cli.models import Message
from rlm_cli.references import PLACE, Names

_NOTHING = re.compile(r"\W*nothing\b.{0,80}\Z", re.IGNORECASE | re.DOTALL)
_MERGED = 48_000  # bytes of findings that one call gets, where no window is smaller


@dataclass(slots=True)
class _Findings:
    """What was found, by part, and the parts that could not be read."""

    texts: dict[int, str] = field(default_factory=dict)
    failed: int = 0
    limit: LimitReached | None = None


async def solve_by_parts(
    shared: Shared, question: str, earlier: Sequence[prompts.Asked] = (), node: str = "0"
) -> Outcome:
    """Ask each part, merge what was found. At a limit what was read so far is merged and marked partial."""
    asked, turn = prompts.after(shared.pack, question, earlier), shared.next_turn(node)
    window = shared.gate.sub.window
    size = shared.pack.chunk if window is None else min(shared.pack.chunk, window * BYTES_PER_TOKEN // 3)
    parts = await in_background(lambda: list(split(shared.store, size)))
    cell = f"{node}/{turn}.1"
    title = f"Ask each of {plural(len(parts), 'part')}"
    shared.emit(TurnStarted(node=node, turn=turn, left=shared.gate.ledger.left().to_json()))
    shared.emit(CellStarted(node=node, turn=turn, cell=cell, code=f"# {title}", title=title))
    shared.emit(BatchStarted(node=node, cell=cell, total=len(parts)))
    found = await _ask_each(shared, asked, parts, node, turn, cell)
    told = f"{plural(len(found.texts), 'part')} of {len(parts):,} said something"
    if found.failed:
        told += f", {found.failed} could not be read"
        shared.emit(Warned(message=f"{found.failed} of {len(parts):,} parts could not be read", kind="map"))
    shared.emit(CellFinished(node=node, turn=turn, cell=cell, output=told, output_length=len(told)))
    shared.emit(TurnFinished(node=node, turn=turn))
    if found.limit is not None:
        shared.emit(LimitHit(limit=found.limit.limit, message=found.limit.message, node=node))
    if not found.texts:
        return _nothing(found, len(parts))
    texts = [found.texts[part] for part in sorted(found.texts)]
    try:
        outcome = await _merge(shared, asked, texts, len(parts), node, last=found.limit is not None)
    except LimitReached as limit:
        outcome, found.limit = Outcome("partial", "\n".join(texts)), limit  # the findings are what there is
    if found.limit is not None:
        return Outcome("partial", outcome.text, stopped_by=found.limit.limit)
    return outcome


def _nothing(found: _Findings, parts: int) -> Outcome:
    if found.limit is not None:
        return Outcome("partial", "Nothing was found in the parts that were read.", stopped_by=found.limit.limit)
    if found.failed:
        why = f"Nothing was found, but {found.failed} of {parts:,} parts could not be read."
        return Outcome("partial", why, stopped_by="provider")
    return Outcome("not_found", f"None of the {plural(parts, 'part')} of the input says anything about it.")


async def _ask_each(
    shared: Shared, question: str, parts: Sequence[Sequence[Span]], node: str, turn: int, cell: str
) -> _Findings:
    found, names = _Findings(), Names(shared.store)
    short = _short_names(shared.store.files)
    places = asyncio.Semaphore(2 * shared.jobs)  # bounds the texts in memory, not the calls: the gate does

    async def one(number: int, spans: Sequence[Span]) -> None:
        async with places:
            if found.limit is not None:
                return
            text = await asyncio.to_thread(_numbered, shared, spans, short)
            said = {
                "input": prompts.inert("input", text),
                "question": question,
                "part": number + 1,
                "parts": len(parts),
            }
            message = Message("user", shared.pack.say("map_task", **said))
            request = Request(
                purpose="sub",
                node=node,
                turn=turn,
                cell=cell,
                slot=number,
                messages=(message,),
                max_tokens=shared.pack.sub_tokens,
            )
            try:
                reply = (await shared.gate.ask(request)).text.strip()
            except LimitReached as limit:
                found.limit = limit
                return
            except ProviderError:
                found.failed += 1
                return
        if reply and not _NOTHING.match(reply):
            found.texts[number] = checked(reply, spans, shared.store, names)

    await together(one(number, spans) for number, spans in enumerate(parts))
    return found


async def _merge(shared: Shared, question: str, texts: list[str], parts: int, node: str, *, last: bool) -> Outcome:
    """One call over the findings; where they are too many for one, first several over a share of them each.

    `last`: one call is left, and reads as much as it can.
    """
    window = shared.gate.root.window
    most = _MERGED if window is None else min(_MERGED, window * BYTES_PER_TOKEN // 3)
    while not last and len(groups := _grouped(texts, most)) > 1 and len(groups) < len(texts):
        made = []
        for group in groups:
            findings = prompts.inert("findings", group)
            outcome = await one_call(shared, "merge", question, node, findings=findings, parts=parts)
            if outcome.status != "not_found":
                made.append(outcome.text)
        texts = made or texts[:1]
    findings = prompts.inert("findings", "\n\n".join(texts)[: 2 * most])
    return await one_call(shared, "merge", question, node, last=last, findings=findings, parts=parts)


def _grouped(texts: Sequence[str], most: int) -> list[str]:
    groups: list[list[str]] = [[]]
    size = 0
    for text in texts:
        if groups[-1] and size + len(text) > most:
            groups.append([])
            size = 0
        groups[-1].append(text[:most])
        size += len(text)
    return ["\n\n".join(group) for group in groups]


def split(store: ByteStore, size: int) -> Iterator[list[Span]]:
    """The input in parts of about `size` bytes: small files together, large ones cut at line ends."""
    held: list[Span] = []
    room = size
    for file in range(len(store.files)):
        total = store.files.size(file)
        if total <= size:
            if held and total > room:
                yield held
                held, room = [], size
            if total:
                held.append(Span(file, 0, total))
                room -= total
            continue
        region = Region(store, file, 0, store.size(file), Text.of(""))
        for start, data in region.windows(size):
            yield [Span(file, start, start + len(data))]
    if held:
        yield held


def _numbered(shared: Shared, spans: Sequence[Span], short: dict[int, str]) -> str:
    texts = []
    for span in spans:
        shared.account.by_code.add(*span)
        first = shared.store.newlines(span.file).before(span.start) + 1
        texts.append(
            prompts.numbered(short.get(span.file) or shared.store.files.name(span.file), shared.text([span]), first)
        )
    return "\n".join(texts)


def _short_names(files: FileNames) -> dict[int, str]:
    """The last part of each name that no other file shares: names stand on every line, and lines cost money."""
    seen: dict[str, int] = {}
    twice: set[str] = set()
    for file in range(len(files)):
        last = files.name(file).rpartition("/")[2]
        if last in seen:
            twice.add(last)
        seen[last] = file
    return {file: last for last, file in seen.items() if last not in twice and not last.endswith('"')}


def checked(text: str, spans: Sequence[Span], store: ByteStore, names: Names) -> str:
    """`text` with a `?` behind each place that is not in `spans`."""

    def look(found: re.Match[str]) -> str:
        file = names.find(found["path"], found.string[max(0, found.end("path") - 4096) : found.end("path")])
        if file == "unknown":
            return found[0]
        lines = store.line_span(file, int(found["line"]), int(found["line"])) if isinstance(file, int) else None
        inside = lines is not None and any(
            span.file == file and span.start <= lines[0] and lines[1] <= span.end for span in spans
        )
        return found[0] if inside else found[0] + "?"

    return PLACE.sub(look, text)
