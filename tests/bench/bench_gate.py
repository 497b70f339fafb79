"""How fast and how lean the gate is, as ratios in one run: beside the ideal, plain aiohttp, bare litellm and rlms 0.1.3.

    python -m tests.bench.bench_gate            # about two minutes
    python -m tests.bench.bench_gate --quick    # a quarter of the calls, without rlms

The server is a process of its own with a fixed latency. Each figure is the best of three, since the machine is shared.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlm_cli.gate import Gate, Request
from rlm_cli.ledger import Ledger, Limits
from rlm_cli.models import Message
from rlm_cli.models.registry import open_model

ROOT = Path(__file__).parents[2]
WIDTH = 64
RLMS = "rlms==0.1.3"
CELL = """```repl
import time
began = time.time()
replies = llm_query_batched(["question %d" % n for n in range({calls})])
answer["content"] = str(time.time() - began)
answer["ready"] = True
```"""
RLMS_RUN = """
import sys
from rlm import RLM
made = RLM(backend="openai", backend_kwargs={"model_name": "m", "base_url": sys.argv[1], "api_key": "k"}, environment="local")
print(made.completion("a short context", root_prompt="how long?").response)
"""


@contextmanager
def serving(latency: float, text: str = "ok") -> Iterator[str]:
    command = [sys.executable, "-m", "tests.server", "--latency", str(latency), "--text", text]
    server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.communicate("")


async def gated(url: str, name: str, calls: int, **given: Any) -> None:
    """`calls` calls through a gate, `WIDTH` wide."""
    model = open_model(name, environment={"OPENAI_API_KEY": "key"}, base=url)
    limits = Limits(max_cost=None, max_tokens=None, max_time=None, max_calls=None, jobs=WIDTH)
    gate = Gate(model, ledger=Ledger(limits), emit=given.get("emit", lambda event: None))
    try:
        for start in range(0, calls, 500):
            asked = (
                gate.ask(Request(purpose="sub", messages=(Message("user", f"question {number}"),)))
                for number in range(start, min(start + 500, calls))
            )
            await asyncio.gather(*asked)
    finally:
        await gate.close()


async def bare(url: str, calls: int) -> None:
    """The same with nothing but litellm and a semaphore. As a gate, it opens its connections and gives them back."""
    import litellm

    places = asyncio.Semaphore(WIDTH)

    async def one(number: int) -> None:
        async with places:
            await litellm.acompletion(
                model="openai/scripted",
                api_base=url,
                api_key="key",
                max_tokens=4096,
                timeout=120,
                messages=[{"role": "user", "content": f"question {number}"}],
            )

    await asyncio.gather(*(one(number) for number in range(calls)))
    await litellm.close_litellm_async_clients()
    litellm.in_memory_llm_clients_cache.flush_cache()


async def plain(url: str, calls: int) -> None:
    """The same with nothing but aiohttp and a semaphore: what a call costs at least."""
    import aiohttp

    places = asyncio.Semaphore(WIDTH)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one(number: int) -> None:
            body = {"model": "m", "messages": [{"role": "user", "content": f"question {number}"}], "max_tokens": 4096}
            async with places, session.post(f"{url}/chat/completions", json=body) as response:
                await response.json()

        await asyncio.gather(*(one(number) for number in range(calls)))


Timed = tuple[float, float]
"""(wall seconds, CPU seconds) of the fastest run."""


def best(runner: asyncio.Runner, *runs: Callable[[], Awaitable[None]], times: int = 3) -> list[Timed]:
    """The fastest of each, taken in turns: a neighbour on the machine slows them all alike."""
    found: list[list[Timed]] = [[] for _ in runs]
    for _ in range(times):
        for place, run in enumerate(runs):
            wall, cpu = time.perf_counter(), time.process_time()
            runner.run(_await(run))
            found[place].append((time.perf_counter() - wall, time.process_time() - cpu))
    return [(min(wall for wall, _ in each), min(cpu for _, cpu in each)) for each in found]


async def _await(run: Callable[[], Awaitable[None]]) -> None:
    await run()


def line(what: str, value: float, bar: float | None, note: str = "") -> None:
    verdict = "" if bar is None else f"  bar {bar:g}  {'met' if value <= bar else 'MISSED'}"
    print(f"{what:58} {value:7.2f}{verdict}  {note}", flush=True)


def rlms_seconds(calls: int) -> float | None:
    """Seconds of the same batch in rlms, in an environment of its own; None where it cannot be had."""
    with tempfile.TemporaryDirectory(prefix="rlms-") as folder:
        venv.create(folder, with_pip=True)
        python = f"{folder}/bin/python"
        install = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", RLMS]
        if subprocess.run(install, check=False, capture_output=True).returncode:
            return None
        with serving(0.05, CELL.format(calls=calls)) as url:
            done = subprocess.run(
                [python, "-c", RLMS_RUN, url], capture_output=True, text=True, check=False, timeout=300
            )
    try:
        return float(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        print(done.stderr[-500:], file=sys.stderr)
        return None


def first_request(name: str, url: str) -> float:
    """Seconds from the start of a process to its first reply."""
    code = f"""
import asyncio
from rlm_cli.models import Message, Options
from rlm_cli.models.registry import open_model, warm
model = open_model({name!r}, environment={{"OPENAI_API_KEY": "k"}}, base={url!r})
warm(model)
async def main():
    await model.reply([Message("user", "x")], Options(max_tokens=5))
    await model.close()
asyncio.run(main())
"""
    return _process(code)


def eager(url: str) -> float:
    code = f"""
import os
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import asyncio, litellm
asyncio.run(litellm.acompletion(model="openai/x", api_base={url!r}, api_key="k", max_tokens=5,
                                messages=[{{"role": "user", "content": "x"}}]))
"""
    return _process(code)


def _process(code: str) -> float:
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def resident() -> int:
    """Bytes of this process in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def memory(url: str, runner: asyncio.Runner, calls: int) -> tuple[float, float]:
    """(megabytes grown, bytes of journal a call) over `calls` calls, after a start of 1,000."""
    from rlm_cli.events import Record

    told = [0]

    def emit(event: Any) -> None:
        told[0] += len(Record(1, 0.0, "", event).to_line())

    runner.run(gated(url, "openai/scripted", 1000, emit=emit))
    before, told[0] = resident(), 0
    runner.run(gated(url, "openai/scripted", calls, emit=emit))
    return (resident() - before) / 1e6, told[0] / calls


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    calls = 128 if quick else 500
    ideal = calls / WIDTH * 0.05
    print(f"{calls} calls of 50 ms, {WIDTH} wide: ideal {ideal:.3f} s; load {os.getloadavg()[0]:.1f}")
    with asyncio.Runner() as runner:
        with serving(0.05) as url:
            runner.run(gated(url, "openai/scripted", 64))
            (least, least_cpu), (wall, cpu) = best(
                runner, lambda: plain(url, calls), lambda: gated(url, "openai/scripted", calls)
            )
            line("direct client / ideal", wall / ideal, 1.25, f"{wall:.3f} s; plain aiohttp {least:.3f} s")
            line("direct client / plain aiohttp", wall / least, 1.25, "what the machine itself takes is in both")
            line("CPU of a direct call / plain aiohttp", cpu / least_cpu, 3, f"{cpu / calls * 1e3:.2f} ms a call")
            runner.run(gated(url, "litellm/openai/scripted", 64))
            (bare_wall, bare_cpu), (wall, cpu) = best(
                runner, lambda: bare(url, calls), lambda: gated(url, "litellm/openai/scripted", calls)
            )
            line("litellm / bare litellm", wall / bare_wall, 1.1, f"{wall:.3f} s, {bare_wall:.3f} s")
            line("CPU of a litellm call / bare litellm", cpu / bare_cpu, 1.1, f"{cpu / calls * 1e3:.2f} ms a call")
            line("CPU of a litellm call / plain aiohttp", cpu / least_cpu, 20)
        slow = 128 if quick else 256
        with serving(1.0) as url:
            rounds = slow / WIDTH
            walls = best(
                runner,
                lambda: plain(url, slow),
                lambda: gated(url, "openai/scripted", slow),
                lambda: bare(url, slow),
                lambda: gated(url, "litellm/openai/scripted", slow),
                times=1 if quick else 2,
            )
            (least, _), (direct, _), (theirs, _), (ours, _) = walls
            line(
                f"1 s latency, {slow} calls, direct / ideal",
                direct / rounds,
                1.15,
                f"plain aiohttp {least / rounds:.2f}",
            )
            line(
                f"1 s latency, {slow} calls, litellm / ideal",
                ours / rounds,
                1.15,
                f"bare litellm {theirs / rounds:.2f}",
            )
            line("1 s latency, litellm / bare litellm", ours / theirs, 1.1)
        with serving(0.0) as url:
            many = 2_000 if quick else 10_000
            grown, journal = memory(url, runner, many)
            line(f"megabytes grown over {many:,} calls", grown, 5, f"{journal:.0f} bytes of journal a call")
            first = eager(url)
            line(
                "first reply, direct / eager litellm", first_request("openai/x", url) / first, 0.15, f"of {first:.2f} s"
            )
            line("first reply, litellm / eager litellm", first_request("litellm/openai/x", url) / first, 0.8)
    if not quick:
        peer = rlms_seconds(calls)
        if peer is None:
            print(f"{RLMS} cannot be had here: not compared")
        else:
            line(f"{RLMS}, the same batch / ideal", peer / ideal, None, f"{peer:.2f} s (16 wide, fixed)")


if __name__ == "__main__":
    main()
