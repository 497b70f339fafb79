"""What the scripted server itself can do: no contestant is measured against a wall that it does not see."""

from __future__ import annotations

import asyncio
import time

from tests.bench.compare.server import LEAF, Server

BODY = b'{"model": "m", "messages": [{"role": "user", "content": "' + LEAF.encode() + b'"}]}'


def ceiling(server: Server, *, calls: int) -> dict[str, float]:
    """(requests a second with 64 connections and no waiting, seconds of 500 calls at 50 ms with 64 connections)."""
    fast, slow = server.script("ceiling-0", leaf="ok"), server.script("ceiling-50", leaf="ok", latency=0.05)
    rate = calls / asyncio.run(batch(fast, calls, 64))
    return {"requests a second": rate, "500 calls of 50 ms, 64 wide, s": asyncio.run(batch(slow, min(500, calls), 64))}


async def batch(url: str, calls: int, width: int) -> float:
    """Seconds of `calls` requests over `width` connections, with the barest client that there is."""
    origin, path = url.removeprefix("http://").split("/", 1)
    host, port = origin.split(":")
    request = b"POST /%b/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (path.encode(), len(BODY)) + BODY
    left = calls

    async def connection() -> None:
        nonlocal left
        reader, writer = await asyncio.open_connection(host, int(port))
        while left > 0:
            left -= 1
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.rpartition(b"Content-Length: ")[2]))
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(width)))
    return time.perf_counter() - began
