"""The model of every contestant: an OpenAI-compatible server that says what it was told to, and notes when.

A *script* is what one run hears: `PUT /scripts/NAME` with {"turns": […], "child": […], "leaf": "…", "latency": seconds}.
The run's endpoint is then `/NAME/v1`. `GET /scripts/NAME` tells what was asked, with times of the monotonic clock, which
all processes of a machine share. A request is

    root    where its first messages hold MARK, which the bench puts into the question
    leaf    where they hold LEAF, which it puts into the prompts of plain sub-calls
    child   otherwise

and its turn is the number of the assistant's messages so far. A process of its own: `with serving() as server`.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

MARK: Final = "BENCH-ROOT"
LEAF: Final = "BENCH-LEAF"
ROOT: Final = Path(__file__).parents[3]
_ITERATION: Final = re.compile(r"\[\[ ## iteration ## \]\]\s*(\d+)/")  # dspy sends no assistant messages, but this


@dataclass
class Script:
    """What one run hears, and what it asked."""

    turns: list[str] = field(default_factory=list)
    child: list[str] = field(default_factory=list)
    leaf: str = "ok"
    latency: float = 0.0  # seconds before a leaf's reply
    root_latency: float = 0.0  # seconds before another reply
    asks: int = 0
    leaves: int = 0
    children: int = 0
    received: int = 0  # bytes of request bodies
    sent: int = 0  # bytes of reply texts
    open: int = 0
    peak: int = 0  # most requests at once
    first: float = 0.0  # when the first request had come, monotonic seconds
    last: float = 0.0  # when the last one had
    roots: list[float] = field(default_factory=list)  # when each of the root's had


def reply_to(script: Script, body: dict[str, Any]) -> tuple[str, float]:
    """(text, seconds to wait) of a request."""
    texts = [(one.get("role"), _plain(one.get("content"))) for one in body.get("messages", ())]
    opening, turn = "", 0
    for role, text in texts:
        if role == "assistant":
            turn += 1
        elif not turn:
            opening += text
    if (found := _ITERATION.findall(texts[-1][1])) if texts else None:
        turn = int(found[-1]) - 1
    if MARK in opening:
        script.roots.append(time.monotonic())
        return script.turns[min(turn, len(script.turns) - 1)], script.root_latency
    if LEAF in opening or not script.child:
        script.leaves += 1
        return script.leaf, script.latency
    script.children += turn == 0
    return script.child[min(turn, len(script.child) - 1)], script.root_latency


def _plain(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    return str(content or "")


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests of one connection come one after another."""

    def __init__(self, scripts: dict[str, Script]) -> None:
        self.scripts = scripts
        self.held = bytearray()
        self.wanted = -1  # bytes of the request in `held`; -1: its head is not complete

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.held += data
        while True:
            if self.wanted < 0:
                end = self.held.find(b"\r\n\r\n")
                if end < 0:
                    return
                head = bytes(self.held[:end])
                found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                self.body_at, self.wanted = end + 4, end + 4 + (int(found[1]) if found else 0)
                if re.search(rb"(?i)\r\nexpect: *100-continue", head):
                    self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if len(self.held) < self.wanted:
                return
            method, path = self.held.split(b" ", 2)[:2]
            body = bytes(self.held[self.body_at : self.wanted])
            del self.held[: self.wanted]
            self.wanted = -1
            self.answer(method.decode(), path.decode(), body)

    def answer(self, method: str, path: str, body: bytes) -> None:
        name = path.strip("/").split("/")[-1 if path.startswith("/scripts/") else 0]
        if path.startswith("/scripts/") and method == "PUT":
            self.scripts[name] = Script(**json.loads(body))
            self.send(b"{}")
        elif name not in self.scripts:
            self.send(b'{"error": {"message": "no such script"}}', status=b"404 Not Found")
        elif path.startswith("/scripts/"):
            self.send(json.dumps(asdict(self.scripts[name])).encode())
        else:
            self.chat(self.scripts[name], body)

    def chat(self, script: Script, body: bytes) -> None:
        now, asked = time.monotonic(), json.loads(body or b"{}")
        script.first, script.last = script.first or now, now
        script.asks += 1
        script.received += len(body)
        script.open += 1
        script.peak = max(script.peak, script.open)
        text, wait = reply_to(script, asked)
        script.sent += len(text)
        loop = asyncio.get_running_loop()
        if wait:
            loop.call_later(wait, self.reply, script, asked, text)
        else:
            self.reply(script, asked, text)

    def reply(self, script: Script, asked: dict[str, Any], text: str) -> None:
        script.open -= 1
        if self.transport.is_closing():
            return
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        base = {"id": "chatcmpl-1", "created": 1, "model": asked.get("model", "scripted")}
        if not asked.get("stream"):
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self.send(json.dumps(base | {"object": "chat.completion", "choices": [choice], "usage": usage}).encode())
            return
        base["object"] = "chat.completion.chunk"
        first = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
        final = {"index": 0, "delta": {}, "finish_reason": "stop"}
        events = [base | {"choices": [first]}, base | {"choices": [final]}, base | {"choices": [], "usage": usage}]
        data = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in events) + b"data: [DONE]\n\n"
        self.send(data, kind=b"text/event-stream")

    def send(self, body: bytes, *, status: bytes = b"200 OK", kind: bytes = b"application/json") -> None:
        head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (status, kind, len(body))
        self.transport.write(head + body)


@dataclass(frozen=True, slots=True)
class Server:
    """The bench's side of the server process."""

    origin: str

    def script(self, name: str, **said: Any) -> str:
        """The base URL of a new script."""
        body = json.dumps(said).encode()
        request = urllib.request.Request(f"{self.origin}/scripts/{name}", data=body, method="PUT")
        with urllib.request.urlopen(request, timeout=30) as response:
            response.read()
        return f"{self.origin}/{name}/v1"

    def heard(self, name: str) -> Script:
        with urllib.request.urlopen(f"{self.origin}/scripts/{name}", timeout=30) as response:
            return Script(**json.load(response))


@contextmanager
def serving() -> Iterator[Server]:
    command = [sys.executable, "-m", "tests.bench.compare.server"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(process.stdout.readline().strip())
        finally:
            process.communicate("")


async def serve() -> None:
    """Until stdin ends. Prints the origin."""
    scripts: dict[str, Script] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(scripts), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
