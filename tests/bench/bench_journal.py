"""What recording costs, beside plain `json.dumps` and `write`; and what a journal weighs, beside its prompts and replies.

    python -m tests.bench.bench_journal

Targets: an append at most 30 microseconds (p50); a run of 10,000 calls at most 1.5 times its prompts and replies.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rlm_cli import journal
from rlm_cli.events import CallFinished, CallStarted, CellFinished, Event, Record, RunStarted
from rlm_cli.journal import Journal
from rlm_cli.state import State

CALLS = 10_000
PROMPT = (
    "How does this file enforce auth? Quote lines.\n==> src/mod/handler.py <==\n"
    + "def handler(request):\n    return 1\n" * 60
)
REPLY = "It does not enforce auth itself; see `middleware.py`, which every request passes. " * 4
AT = "2026-11-21T08:00:00.000Z"


def events(number: int, turns: int = 20) -> list[Event]:
    """A call with its reply; every five-hundredth is followed by the end of a cell with twenty variables."""
    name = f"c{number}"
    found: list[Event] = [
        CallStarted(call=name, node="0", turn=1, purpose="sub", model="openai/gpt-5-mini", input_tokens=700, max_tokens=8_000,
                    reserved=0.01, cell="0/1.1", slot=number, site=4, messages=[{"role": "user", "content": PROMPT}]),
        CallFinished(call=name, text=REPLY, finish="stop", input_tokens=700, output_tokens=80, cost=0.0004, seconds=1.2),
    ]  # fmt: skip
    if number % (CALLS // turns) == 0:
        rows = [[f"name{place}", "list", "100 items"] for place in range(20)]
        found.append(
            CellFinished(node="0", turn=1, cell="0/1.1", output="x" * 2_000, output_length=2_000, variables=rows)
        )
    return found


def timed(work: Callable[[Record], None], records: list[Record]) -> list[float]:
    took = []
    for record in records:
        began = time.perf_counter()
        work(record)
        took.append(time.perf_counter() - began)
    return took


def main() -> None:
    records = [Record(seq, seq / 100, AT, event) for seq, event in enumerate((one for number in range(CALLS) for one in events(number)), 1)]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        made = Journal(path)
        start = RunStarted(run="r", version="0", question="q", sources=["src"], root_model="a", sub_model="b")
        made.append(Record(0, 0.0, AT, start))
        ours = timed(lambda record: made.append(record, flush=record.event.type == "call.finished"), records)
        made.close()
        with (Path(folder) / "plain").open("wb", buffering=0) as stream:
            plain = timed(
                lambda record: stream.write(json.dumps(record.event.to_json()).encode() + b"\n") and None, records
            )
        size, texts = path.stat().st_size, CALLS * (len(PROMPT) + len(REPLY))
        print(f"append, {len(records):,} events: p50 {statistics.median(ours) * 1e6:.1f} us, p99 {sorted(ours)[len(ours) * 99 // 100] * 1e6:.0f} us")  # fmt: skip
        print(f"json.dumps and write alone: p50 {statistics.median(plain) * 1e6:.1f} us; ratio {statistics.median(ours) / statistics.median(plain):.2f}")  # fmt: skip
        print(f"size: {size / 1e6:.1f} MB, {size / texts:.2f} of its prompts and replies ({texts / 1e6:.1f} MB)")
        began = time.perf_counter()
        state = State()
        for record in journal.read(path):
            state.apply(record)
        print(f"reading and folding: {time.perf_counter() - began:.2f} s, {state.totals.calls:,} calls")


if __name__ == "__main__":
    main()
