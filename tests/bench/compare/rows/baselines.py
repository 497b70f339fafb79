"""The plain tools that a row is measured against."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import Final

from tests.bench.compare.asking import Bench
from tests.bench.compare.process import Failed, Ran, run
from tests.bench.compare.server import LEAF, ROOT, Script

PYTHON: Final = (sys.executable, "-I", "-S", "-c", "pass")

LITELLM_CALLS: Final = """
import os, sys
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import asyncio, litellm
url, calls, width, leaf = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
async def main():
    places = asyncio.Semaphore(width)
    async def one(number):
        async with places:
            messages = [{"role": "user", "content": f"{leaf} number {number}"}]
            await litellm.acompletion(model="openai/scripted", api_base=url, api_key="k", max_tokens=4096, messages=messages)
    await asyncio.gather(*(one(number) for number in range(calls)))
asyncio.run(main())
"""

AIOHTTP_CALLS: Final = """
import sys
import asyncio, aiohttp
url, calls, width, leaf = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
async def main():
    places = asyncio.Semaphore(width)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async def one(number):
            messages = [{"role": "user", "content": f"{leaf} number {number}"}]
            body = {"model": "m", "max_tokens": 4096, "messages": messages}
            async with places, session.post(url + "/chat/completions", json=body) as response:
                await response.json()
        await asyncio.gather(*(one(number) for number in range(calls)))
asyncio.run(main())
"""

AIOHTTP_TURNS: Final = """
import sys
import asyncio, aiohttp
url, turns, question = sys.argv[1], int(sys.argv[2]), sys.argv[3]
async def main():
    messages = [{"role": "user", "content": question}]
    async with aiohttp.ClientSession() as session:
        for turn in range(turns):
            async with session.post(url + "/chat/completions", json={"model": "m", "messages": messages}) as response:
                reply = (await response.json())["choices"][0]["message"]
            messages += [reply, {"role": "user", "content": "output"}]
asyncio.run(main())
"""


def plain(bench: Bench, code: str, *arguments: str, name: str, latency: float = 0.0) -> tuple[Ran, Script]:
    """A few lines of Python in our own environment, against a script of its own."""
    url = bench.server.script(name, turns=["ok"], leaf="ok", latency=latency)
    with bench.home() as (_, environment):
        ran = run([sys.executable, "-c", code, url, *arguments], environment=environment, cwd=ROOT)
    return ran, bench.server.heard(name)


def plain_calls(bench: Bench, code: str, calls: int, width: int, latency: float) -> tuple[Ran, Script]:
    return plain(bench, code, str(calls), str(width), LEAF, name=f"plain-{calls}", latency=latency)


def rg() -> Sequence[str]:
    """ripgrep as a single-threaded reader of mapped files. Raises Failed where it is not installed."""
    found = shutil.which("rg")
    if not found:
        raise Failed("ripgrep (rg) is not installed")
    return [found, "-j1", "--mmap", "--no-config"]
