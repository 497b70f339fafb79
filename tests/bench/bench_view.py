"""The page of a run of ten thousand calls: seconds to its first rows, and memory, beside an empty page.

    python -m tests.bench.bench_view

Targets: at most 2 s to the first paint of the tree and 300 MB in the page's own process.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from rlm_cli import viewer
from rlm_cli.events import Record
from tests.bench.bench_journal import PROMPT, REPLY
from tests.browser import FLAGS, executable
from tests.events_sample import Script

CALLS = 10_000
PAINTED = "performance.getEntriesByType('paint').find((one) => one.name === 'first-contentful-paint')?.startTime ?? -1"


def run() -> list[Record]:
    script = (
        Script().question("which of these enforce auth?").begin_turn().begin_cell("ask all").fan_out(CALLS, done=CALLS)
    )
    records = []
    for record in script.end_cell("done").end_turn().answer("All.").records:
        fields = record.event.to_json()
        if fields.get("messages"):
            fields["messages"] = [{"role": "user", "content": fields["messages"][0]["content"] + PROMPT}]
        if record.event.type == "call.finished":
            fields["text"] = REPLY
        records.append(Record(record.seq, record.t, record.at, type(record.event)(**fields)))
    return records


def descendants(parent: int) -> Iterator[int]:
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield child
            yield from descendants(child)


def memory(kind: str) -> float:
    """MB that the largest process of that kind among our own holds to itself."""
    found = [0.0]
    for child in descendants(os.getpid()):
        try:
            if f"--type={kind}" in Path(f"/proc/{child}/cmdline").read_text():
                lines = Path(f"/proc/{child}/smaps_rollup").read_text().splitlines()
                found.append(sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1e3)
        except OSError:
            continue
    return max(found)


def measure(browser: Browser, path: Path) -> tuple[float, float, float]:
    """(seconds to the first paint, seconds until the tree is there, MB)."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(path.as_uri(), wait_until="load")
    page.locator(".row, .welcome").first.wait_for()
    ready = float(page.evaluate("performance.now()")) / 1e3
    page.wait_for_timeout(500)
    painted = float(page.evaluate(PAINTED)) / 1e3
    used = memory("renderer")
    context.close()
    return painted, ready, used


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        empty, full = Path(folder) / "empty.html", Path(folder) / "run.html"
        empty.write_bytes(viewer.page())
        full.write_bytes(b"".join(viewer.with_journal(record.to_line() for record in run())))
        for name, path in (("empty page", empty), (f"{CALLS:,} calls, {full.stat().st_size / 1e6:.0f} MB", full)):
            browser = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
            best = min(measure(browser, path) for _ in range(3))
            print(
                f"{name}: first paint {best[0]:.2f} s, tree there {best[1]:.2f} s, {best[2]:.0f} MB in the page's process"
            )
            browser.close()


if __name__ == "__main__":
    main()
