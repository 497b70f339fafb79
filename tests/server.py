"""A scripted OpenAI-compatible server over real HTTP, for the whole suite.

    with ScriptedServer(["first reply", Say("second", delay=0.2), Status(429, retry_after=1), "third"]) as server:
        run("ask", ".", "question", "-m", "openai/scripted", "--api-base", server.url)
        assert len(server.asks) == 3

The script is a list, used up in the order of arrival (a request after its end is answered 400 and fails the test that
made it), or a function of the request, which tells root from sub-call by what it reads:

    def script(ask: Ask) -> Item:
        if ask.model == "root":                      # or: "You drive a Python REPL" in ask.system
            return "```repl\\nFINAL(llm_query('colour?'))\\n```"
        return "blue" if "colour" in ask.text else Status(404)

An item is a text, a `Say` (text with everything that can be said about a reply), a `Status` (an HTTP error) or a
`Broken` (a fault below HTTP). Streaming is done when it is asked for. Every request is kept in `asks`.

Names for `-m`, with `--api-base server.url` (any key will do, `check_key=` makes it strict):

    openai/NAME, compatible/NAME     our own thin client
    litellm/openai/NAME              the same endpoint through litellm: the prefix `litellm/` forces it

Money: the server bills like a provider. `billed` holds (input, output) tokens over all requests that it began to answer;
with `greedy=True` every reply is billed at its full `max_tokens`. `dollars(input=…, output=…)` is the bill.

Run by hand or as a process of its own (benchmarks): `python -m tests.server --latency 0.05 --text ok`; it prints its URL.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True)
class Say:
    """A reply. Tokens that are None are counted by the server (a token is four characters, and four a message)."""

    text: str | None
    finish: str = "stop"
    delay: float | None = None  # seconds before the first byte; None: the server's latency
    reasoning: str | None = None  # sent as `reasoning_content`
    refusal: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    hidden_tokens: int = 0  # of the reply, told in the total alone
    usage: bool = True  # False: the reply says nothing of tokens
    cost: float | None = None  # dollars, as OpenRouter reports them in `usage`
    model: str | None = None  # the name it answers under
    pieces: int = 8  # chunks of a stream
    alive: bool = False  # an empty event before each chunk of a stream
    trickle: float = 0.0  # seconds between chunks, or between thirds of a whole reply


@dataclass(frozen=True)
class Status:
    """An error as OpenAI words it. `body` replaces the JSON; its lone surrogates are sent as the bytes they stand for."""

    code: int
    message: str = "scripted failure"
    kind: str = "server_error"
    reason: str | None = None  # the `code` field of the error object
    retry_after: float | str | None = None
    body: str | None = None
    content_type: str = "application/json"
    delay: float | None = None
    trickle: float = 0.0  # seconds between the halves of the body


@dataclass(frozen=True)
class Broken:
    """A fault below HTTP, or a 200 that is none.

    reset       half of the reply, then a TCP reset
    reset_early a TCP reset before the first byte
    hang        nothing, for ever
    trickle     a byte every `delay` seconds, for ever
    empty       200 without a body
    not_json    200 and text that is no JSON
    html        200 and a page of HTML
    banner      a line of another protocol
    cut         a stream that ends in the middle, without [DONE] or a finish reason; a whole reply is cut short
    late_cut    a stream with its reason to finish, cut where usage and [DONE] would be
    late_hang   the same, then nothing, for ever
    huge        a reply of `size` characters
    no_choices  200 and JSON without `choices`
    """

    kind: str
    delay: float = 0.05
    size: int = 20_000_000


Item = str | Say | Status | Broken | None
Script = Sequence[Item] | Callable[["Ask"], Item]


def unauthorized(key: str = "") -> Status:
    return Status(401, f"Incorrect API key provided: {key}.", "invalid_request_error", "invalid_api_key")


def too_long(window: int = 8192) -> Status:
    message = f"This model's maximum context length is {window} tokens. However, your messages resulted in more."
    return Status(400, message, "invalid_request_error", "context_length_exceeded")


def wrong_model(name: str = "x") -> Status:
    message = f"The model `{name}` does not exist or you do not have access to it."
    return Status(404, message, "invalid_request_error", "model_not_found")


def html(code: int = 502) -> Status:
    page = "<!DOCTYPE html><html><head><title>Bad Gateway</title></head><body><h1>502</h1></body></html>"
    return Status(code, body=page, content_type="text/html")


def refused_url() -> str:
    """An address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/v1"


@dataclass
class Ask:
    """One request, as it came."""

    number: int  # from 0, in the order of arrival
    body: dict[str, Any]
    headers: dict[str, str]
    path: str
    at: float = field(default_factory=time.monotonic)
    cancelled: bool = False  # the client went away before its reply was complete

    @property
    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.body.get("messages", [])
        return messages

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def stream(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def max_tokens(self) -> int | None:
        value = self.body.get("max_tokens", self.body.get("max_completion_tokens"))
        return None if value is None else int(value)

    @property
    def text(self) -> str:
        """The content of the last message."""
        return _plain(self.messages[-1].get("content")) if self.messages else ""

    @property
    def system(self) -> str:
        return "\n".join(_plain(m.get("content")) for m in self.messages if m.get("role") == "system")

    @property
    def key(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


def _plain(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    return "" if content is None else str(content)


def count(text: str | None) -> int:
    return -(-len(text or "") // 4)


class ScriptedServer:
    """Listens on 127.0.0.1 from `start()` (or `with`) to `close()`, in a thread with its own loop."""

    def __init__(
        self,
        script: Script = (),
        *,
        latency: float = 0.0,
        greedy: bool = False,
        check_key: str | None = None,
        gives_up: str = "",
    ) -> None:
        self.script = script
        self.latency = latency
        self.greedy = greedy
        self.check_key = check_key
        self.gives_up = gives_up  # "closed" or "reset": how a second request on a connection is met
        self.given_up = 0
        self.asks: list[Ask] = []
        self.billed = [0, 0]
        self.open = 0  # requests being answered now
        self.peak = 0  # the most at once
        self.keep = True  # False: requests are counted and not kept (benchmarks)
        self.count = 0
        self.port = 0
        self._next = 0
        self._errors: list[BaseException] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def wait_for(self, asks: int, run: subprocess.Popen[Any] | None = None, seconds: float = 60) -> None:
        """Until so many requests have come, from `run` where it is given. Fails where they do not."""
        end = time.monotonic() + seconds
        while len(self.asks) < asks:
            assert run is None or run.poll() is None, "the run has ended before"
            assert time.monotonic() < end, "the run did not get so far"
            time.sleep(0.01)

    def dollars(self, *, input: float, output: float) -> float:
        """The bill, at prices in dollars per million tokens."""
        return (self.billed[0] * input + self.billed[1] * output) / 1e6

    def start(self) -> ScriptedServer:
        self._thread = threading.Thread(target=self._run, name="scripted-server", daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the scripted server did not start")
        return self

    def close(self) -> None:
        if self._thread is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)
            self._thread = None
        if self._errors:
            raise self._errors[0]

    def __enter__(self) -> ScriptedServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- its own thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self, port: int = 0) -> None:
        self._stop = asyncio.Event()
        connections: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            try:
                await self._connection(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            except BaseException as error:
                self._errors.append(error)
            finally:
                connections.discard(task)
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", port, backlog=1024, limit=2**16)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in connections:
            task.cancel()
        if connections:
            await asyncio.wait(list(connections), timeout=5)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served = 0
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            if self.gives_up and served:
                self.given_up += 1
                if self.gives_up == "reset":
                    _reset(writer)
                return
            served += 1
            ask = Ask(self.count, json.loads(body) if body else {}, headers, first.split(" ")[1])
            self.count += 1
            if self.keep:
                self.asks.append(ask)
            self.open += 1
            self.peak = max(self.peak, self.open)
            try:
                await self._answer(ask, reader, writer)
            except BaseException:
                ask.cancelled = True
                raise
            finally:
                self.open -= 1

    async def _answer(self, ask: Ask, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        item: Item
        if not ask.path.endswith("/chat/completions"):
            item = Status(404, f"no such path: {ask.path}", "invalid_request_error")
        elif self.check_key is not None and ask.key != self.check_key:
            item = unauthorized(ask.key[:6] + "***")
        else:
            item = self._item(ask)
        if item is None or isinstance(item, str):
            item = Say(item)
        delay = self.latency if getattr(item, "delay", None) is None or isinstance(item, Broken) else item.delay
        await self._sleep(delay or 0.0, reader)
        if isinstance(item, Status):
            await self._status(item, writer)
        elif isinstance(item, Broken):
            await self._broken(item, ask, reader, writer)
        elif ask.stream:
            await self._stream(item, ask, writer)
        else:
            await self._whole(item, ask, writer)

    async def _sleep(self, seconds: float, reader: asyncio.StreamReader) -> None:
        """Wait, and notice a client that goes away meanwhile."""
        if seconds <= 0:
            return
        if seconds < 0.2:
            await asyncio.sleep(seconds)
            return
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 0.05))
            if reader.at_eof():
                raise ConnectionError("the client went away")

    def _item(self, ask: Ask) -> Item:
        if callable(self.script):
            return self.script(ask)
        index, self._next = self._next, self._next + 1
        if index >= len(self.script):
            return Status(400, f"the script has {len(self.script)} replies and was asked for one more", "script_over")
        return self.script[index]

    # --- replies ---------------------------------------------------------------------------------------------------

    def _usage(self, say: Say, ask: Ask) -> dict[str, Any]:
        counted = sum(count(_plain(m.get("content"))) + 4 for m in ask.messages)
        given = counted if say.input_tokens is None else say.input_tokens
        out = count(say.text) + say.reasoning_tokens if say.output_tokens is None else say.output_tokens
        if ask.max_tokens is not None:
            out = ask.max_tokens if self.greedy else min(out, ask.max_tokens)
        self.billed[0] += given
        self.billed[1] += out + say.hidden_tokens
        told: dict[str, Any] = {} if say.cost is None else {"cost": say.cost}
        return told | {
            "prompt_tokens": given,
            "completion_tokens": out,
            "total_tokens": given + out + say.hidden_tokens,
            "prompt_tokens_details": {"cached_tokens": say.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": say.reasoning_tokens},
        }

    def _reply(self, say: Say, ask: Ask) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": say.text}
        if say.reasoning is not None:
            message["reasoning_content"] = say.reasoning
        if say.refusal is not None:
            message["refusal"] = say.refusal
        usage = self._usage(say, ask)
        reply = {
            "id": f"chatcmpl-{ask.number}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": say.model or ask.model,
            "choices": [{"index": 0, "message": message, "finish_reason": say.finish, "logprobs": None}],
        }
        return reply | ({"usage": usage} if say.usage else {})

    async def _whole(self, say: Say, ask: Ask, writer: asyncio.StreamWriter) -> None:
        body = json.dumps(self._reply(say, ask)).encode()
        if not say.trickle:
            await _send(writer, 200, body)
            return
        writer.write(_head(200, len(body), "application/json"))
        third = -(-len(body) // 3)
        for start in range(0, len(body), third):
            writer.write(body[start : start + third])
            await writer.drain()
            await asyncio.sleep(say.trickle)

    async def _stream(self, say: Say, ask: Ask, writer: asyncio.StreamWriter, *, cut: bool = False) -> None:
        usage = self._usage(say, ask)
        base = {
            "id": f"chatcmpl-{ask.number}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": say.model or ask.model,
        }
        writer.write(_head(200, None, "text/event-stream"))

        async def send(delta: dict[str, Any], finish: str | None = None) -> None:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            if say.alive:
                _chunk(writer, b"data:\n\n")
            _chunk(writer, _event(base | {"choices": [choice]}))
            await writer.drain()
            if say.trickle:
                await asyncio.sleep(say.trickle)

        await send({"role": "assistant", "content": ""})
        if say.reasoning is not None:
            await send({"reasoning_content": say.reasoning})
        if say.refusal is not None:
            await send({"refusal": say.refusal})
        text = say.text or ""
        size = max(1, -(-len(text) // max(1, say.pieces)))
        parts = [text[start : start + size] for start in range(0, len(text), size)]
        for part in parts[: len(parts) // 2] if cut else parts:
            await send({"content": part})
        if cut:
            return
        await send({}, say.finish)
        if say.usage and (ask.body.get("stream_options") or {}).get("include_usage"):
            _chunk(writer, _event(base | {"choices": [], "usage": usage}))
        _chunk(writer, b"data: [DONE]\n\n")
        _chunk(writer, b"")
        await writer.drain()

    async def _status(self, item: Status, writer: asyncio.StreamWriter) -> None:
        error = {"message": item.message, "type": item.kind, "param": None, "code": item.reason}
        body = item.body if item.body is not None else json.dumps({"error": error})
        extra = {} if item.retry_after is None else {"Retry-After": str(item.retry_after)}
        data = body.encode(errors="surrogateescape")
        if not item.trickle:
            await _send(writer, item.code, data, item.content_type, extra)
            return
        half = len(data) // 2
        writer.write(_head(item.code, len(data), item.content_type, extra) + data[:half])
        await writer.drain()
        await asyncio.sleep(item.trickle)
        writer.write(data[half:])

    async def _broken(self, item: Broken, ask: Ask, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if item.kind in ("reset", "reset_early"):
            if item.kind == "reset":
                body = json.dumps(self._reply(Say("half of this is never sent " * 50), ask)).encode()
                writer.write(_head(200, len(body), "application/json") + body[: len(body) // 2])
                await writer.drain()
                await asyncio.sleep(0.02)
            _reset(writer)
            raise ConnectionError("scripted reset")
        if item.kind == "hang":
            await self._sleep(3600, reader)
        elif item.kind == "trickle":
            writer.write(_head(200, 1_000_000, "application/json"))
            for _ in range(100_000):
                writer.write(b" ")
                await writer.drain()
                await self._sleep(item.delay, reader)
        elif item.kind == "empty":
            await _send(writer, 200, b"")
        elif item.kind == "not_json":
            await _send(writer, 200, b'{"choices": [{"message": ')
        elif item.kind == "no_choices":
            await _send(writer, 200, b'{"object": "chat.completion", "choices": []}')
        elif item.kind == "html":
            await _send(writer, 200, b"<html><body>Sign in to the Wi-Fi</body></html>", "text/html")
        elif item.kind == "huge":
            say = Say("x" * item.size)
            await (self._stream(say, ask, writer) if ask.stream else self._whole(say, ask, writer))
        elif item.kind == "banner":
            writer.write(b"SSH-2.0-scripted\r\n\r\n")
            raise ConnectionError("no HTTP")
        elif item.kind == "cut":
            await self._cut(ask, writer)
        elif item.kind in ("late_cut", "late_hang"):
            choice = {"index": 0, "delta": {"content": "all of it"}, "finish_reason": "stop"}
            writer.write(_head(200, None, "text/event-stream"))
            _chunk(writer, _event({"choices": [choice]}))
            await writer.drain()
            if item.kind == "late_cut":
                raise ConnectionError("scripted cut")
            await self._sleep(3600, reader)
        else:
            raise ValueError(f"no such fault: {item.kind}")

    async def _cut(self, ask: Ask, writer: asyncio.StreamWriter) -> None:
        say = Say("this sentence will not be finished " * 4)
        if ask.stream:
            await self._stream(say, ask, writer, cut=True)
        else:
            body = json.dumps(self._reply(say, ask)).encode()
            writer.write(_head(200, len(body), "application/json") + body[: len(body) // 2])
        await writer.drain()
        raise ConnectionError("scripted cut")


def _reset(writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)  # close() sends RST
    with contextlib.suppress(OSError):  # a client that was killed is gone already
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def _head(code: int, length: int | None, content_type: str, extra: dict[str, str] | None = None) -> bytes:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    more = "".join(f"{name}: {value}\r\n" for name, value in (extra or {}).items())
    reason = REASONS.get(code, "Scripted")
    return f"HTTP/1.1 {code} {reason}\r\nContent-Type: {content_type}\r\n{size}\r\n{more}\r\n".encode()


async def _send(
    writer: asyncio.StreamWriter,
    code: int,
    body: bytes,
    content_type: str = "application/json",
    extra: dict[str, str] | None = None,
) -> None:
    writer.write(_head(code, len(body), content_type, extra) + body)
    await writer.drain()


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """A server as a process of its own: the same text for every request. Ends when its stdin does."""
    parser = argparse.ArgumentParser(description="A scripted OpenAI-compatible server.")
    parser.add_argument("--text", default="ok")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args(arguments)
    server = ScriptedServer(lambda _: given.text, latency=given.latency)
    server.keep = False

    async def serve() -> None:
        serving = asyncio.ensure_future(server._serve(given.port))
        await asyncio.to_thread(server._ready.wait)
        print(server.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        assert server._stop is not None
        server._stop.set()
        await serving

    asyncio.run(serve())


if __name__ == "__main__":
    main()
