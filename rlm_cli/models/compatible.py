"""OpenAI-compatible endpoints (vLLM, llama.cpp, Ollama's /v1, gateways), spoken to directly.

litellm reaches them too, but costs 3.7 s to import and 3 to 4 ms of CPU a call; this costs 0.1 s and about 0.3 ms.
One aiohttp session for the life of the model, on the one event loop. The dialect is what servers have in common:
`POST {base}/chat/completions`, whole or as server-sent events. A parameter that a server refuses by name is left out
from then on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from importlib import import_module
from ipaddress import ip_address
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, TypeGuard, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from rlm_cli import __version__
from rlm_cli.errors import BadReply, CallTimedOut, ProviderError, RlmError, ServerFailed, Unreachable, UsageError
from rlm_cli.models import Finish, Message, Options, Price, Reply, Usage
from rlm_cli.models.failures import from_status, retry_after, scrub, words
from rlm_cli.models.turnstile import Turnstile

if TYPE_CHECKING:
    import aiohttp

E = TypeVar("E", bound=ProviderError)

CONNECT_SECONDS: Final = 15.0
SPARE_BYTES: Final = 1 << 20
BYTES_PER_TOKEN: Final = 2048
"""A reply above `SPARE_BYTES + max_tokens * BYTES_PER_TOKEN` is not read on. Streamed tokens take 250 to 400 bytes."""
LONGEST_LINE: Final = 16_000_000  # bytes of one event of a stream
USAGE_SECONDS: Final = 10.0
"""That a stream may be silent after it gave its reason to finish: what comes then is the usage, and the end."""
ERROR_SECONDS: Final = 5.0
ERROR_BYTES: Final = 1 << 16
"""How long, and how far, the body of an error is read."""
STALE_SECONDS: Final = 1.0
"""A kept connection that breaks sooner than that, without the head of a reply, had been given up before the request."""
MOST_TOLD: Final = 1e12
"""Tokens or dollars of one call, above which what an endpoint says of them is nonsense and counts as not said."""

_BROKEN_OFF: Final = ("error", "abort", "cancelled", "network_error", "insufficient_system_resource")
"""Reasons to finish that are none, of OpenRouter, vLLM, GLM and DeepSeek: what was said so far is no whole reply."""
_OPTIONAL: Final = ("response_format", "stop", "temperature", "stream_options")


class Compatible:
    """A model behind an OpenAI-compatible endpoint.

    `base` ends where `/chat/completions` begins. `served` is the name the endpoint knows the model by. Window and price
    are unknown unless given.
    """

    def __init__(
        self,
        name: str,
        base: str,
        served: str,
        *,
        key: str = "",
        key_name: str = "",
        window: int | None = None,
        price: Price | None = None,
    ) -> None:
        check_base(base)
        self.name = name
        self.window = window
        self.price = price
        self.endpoint = base.rstrip("/")
        self._url = f"{self.endpoint}/chat/completions"
        self._served = served
        self._key = key
        self._key_name = key_name
        self._left_out: set[str] = set()
        self._limit_field = "max_tokens"
        self._session: aiohttp.ClientSession | None = None
        self._timeout: aiohttp.ClientTimeout | None = None
        self._proxy = _proxy_for(base)
        self._leaving = Turnstile(steps=2)  # a request on an open connection is written in the second

    async def reply(self, messages: Sequence[Message], options: Options) -> Reply:
        """One call. See `Model.reply`."""
        import aiohttp

        try:
            for _ in range(len(_OPTIONAL) + 2):
                done = await self._call(messages, options)
                if done is not None:
                    return done
            raise BadReply(f"{self.name}: the endpoint refuses every parameter it is sent.")
        except aiohttp.ConnectionTimeoutError:  # nothing was sent
            hint = "Is --api-base right, and does a firewall let it through?"
            raise Unreachable(f"{self.name}: {self._place()} did not take a connection in time.", hint) from None
        except TimeoutError:
            raise self._billed(
                CallTimedOut(f"{self.name}: no whole reply within {options.timeout:g} s.", "Raise --call-time.")
            ) from None
        except aiohttp.ClientConnectorError as error:
            hint, way = "Is the server running, and is --api-base right?", ""
            if self._proxy:
                hint, way = "NO_PROXY names the hosts that are reached without it.", " by the proxy of the environment"
            raise Unreachable(f"{self.name}: cannot connect to {self._place()}{way}: {_why(error)}", hint) from None
        except aiohttp.ClientError as error:
            message = f"{self.name}: the connection to {self._place()} broke: {_why(error)}"
            raise self._billed(Unreachable(message)) from None
        except OSError as error:
            raise self._billed(Unreachable(f"{self.name}: {self._place()}: {_why(error)}")) from None

    def warm(self) -> None:
        """Import aiohttp (0.1 s) in a thread."""
        threading.Thread(target=import_module, args=("aiohttp",), name="import-aiohttp", daemon=True).start()

    async def ready(self) -> None:
        """Wait for one's turn to leave."""
        await self._leaving.turn()

    async def close(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    def __repr__(self) -> str:
        return f"Compatible({self.name!r}, {self._place()!r})"

    # --- one request -----------------------------------------------------------------------------------------------

    async def _call(self, messages: Sequence[Message], options: Options) -> Reply | None:
        """The reply, or None when a refused parameter was dropped and the same call is worth making again."""
        limit = SPARE_BYTES + options.max_tokens * BYTES_PER_TOKEN
        sent = self._body(messages, options)
        async with await self._post(json.dumps(sent).encode("ascii"), options.timeout) as response:
            if response.status != 200:
                said = await _said(response)
                if response.status in (400, 422) and self._learn(said, sent):
                    return None
                wait = retry_after(response.headers.get("Retry-After"))
                raise self._failure(response.status, said, wait)
            if options.on_text is not None and "event-stream" in response.content_type:
                return await self._streamed(response, options, limit)
            body_bytes = b"".join([piece async for piece in self._pieces(response, limit)])
        return self._whole(body_bytes, options)

    async def _post(self, data: bytes, seconds: float) -> aiohttp.ClientResponse:
        """The head of a response.

        A server ends connections that were idle for long, and a request may be on its way then. It was not looked at,
        so it is sent again, and that is no failure: after a batch as many as -j connections may be gone.
        """
        import aiohttp

        session = self._open()
        if self._timeout is None or self._timeout.total != seconds:  # the same for nearly all calls of a run
            self._timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(CONNECT_SECONDS, seconds))
        now = asyncio.get_running_loop().time
        while True:
            connection: dict[str, bool] = {}
            began = now()
            try:
                return await session.post(
                    self._url,
                    data=data,
                    timeout=self._timeout,
                    allow_redirects=False,
                    proxy=self._proxy,
                    trace_request_ctx=connection,
                )
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientConnectionResetError):
                if "kept" not in connection or now() - began > STALE_SECONDS:
                    raise

    def _body(self, messages: Sequence[Message], options: Options) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._served,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            self._limit_field: options.max_tokens,
        }
        if options.on_text is not None:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        if options.stop:
            body["stop"] = list(options.stop)
        if options.temperature is not None:
            body["temperature"] = options.temperature
        if options.schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": options.schema},
            }
        for name in self._left_out:
            body.pop(name, None)
        return body

    def _learn(self, body: str, sent: Mapping[str, Any]) -> bool:
        """True when the endpoint named a parameter it does not take and we can do without.

        What was sent decides, and not what is known by now: another call at the same time may have learned it first.
        """
        if "max_completion_tokens" in words(body) and "max_tokens" in sent:
            self._limit_field = "max_completion_tokens"
            return True
        for name in _OPTIONAL:
            if name in sent and re.search(rf"\b{name}\b", body):
                self._left_out.add(name)
                return True
        return False

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            headers = {"Content-Type": "application/json", "User-Agent": f"rlm-cli/{__version__}"}
            if self._key:
                headers["Authorization"] = f"Bearer {self._key}"
            # The gate bounds how many calls are made at once; a second bound here would only hide it.
            connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300)
            tracing = aiohttp.TraceConfig()
            tracing.on_connection_reuseconn.append(_mark_kept)
            self._session = aiohttp.ClientSession(
                connector=connector, headers=headers, auto_decompress=True, trace_configs=[tracing]
            )
        return self._session

    async def _pieces(self, response: aiohttp.ClientResponse, limit: int) -> AsyncIterator[bytes]:
        size = 0
        async for piece in response.content.iter_any():
            size += len(piece)
            if size > limit:
                message = f"{self.name}: the reply is larger than {limit:,} bytes, far more than it was asked for."
                raise self._billed(BadReply(message))
            yield piece

    async def _events(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
        """The `data:` fields of server-sent events. aiohttp's own line reader gives up at 128 KB a line.

        A line that has not ended is kept in pieces: to join it anew with each piece would take quadratic time.
        """
        held: list[bytes] = []
        size = 0
        async for piece in pieces:
            first, *others = piece.split(b"\n")
            held.append(first)
            size += len(first)
            if size > LONGEST_LINE:
                message = f"{self.name}: {self._place()} sent a line of more than {LONGEST_LINE:,} bytes."
                raise self._billed(BadReply(message))
            if not others:
                continue
            for line in (b"".join(held), *others[:-1]):
                if line.startswith(b"data:") and (said := line[5:].strip()):  # an empty one is a sign of life
                    yield said.decode("utf-8", "replace")
            held, size = [others[-1]], len(others[-1])
        if (line := b"".join(held)).startswith(b"data:"):
            yield line[5:].strip().decode("utf-8", "replace")

    # --- what came back --------------------------------------------------------------------------------------------

    def _whole(self, body: bytes, options: Options) -> Reply:
        if not body.strip():
            raise self._billed(BadReply(f"{self.name}: {self._place()} sent an empty body."))
        try:
            # As in a stream: a byte that is no text costs that character, and not a reply that is paid.
            data = json.loads(body.decode(json.detect_encoding(body), "replace"))
        except (ValueError, RecursionError):  # the latter: nothing but brackets
            raise self._billed(self._no_json(body.decode("utf-8", "replace"))) from None
        if isinstance(data, dict) and data.get("error") and not data.get("choices"):
            raise self._inline(data["error"])
        choice = _first(data)
        if choice is None:
            raise self._billed(BadReply(f"{self.name}: {self._place()} sent JSON without a reply in it."))
        self._check(choice.get("finish_reason"))
        message = choice.get("message")
        message = message if isinstance(message, dict) else {}
        text = plain(message.get("content")) or plain(choice.get("text"))
        return finished(
            text,
            finish=choice.get("finish_reason"),
            refusal=plain(message.get("refusal")),
            usage=usage_from(data.get("usage")),
            model=str(data.get("model") or ""),
        )

    async def _streamed(self, response: aiohttp.ClientResponse, options: Options, limit: int) -> Reply:
        import aiohttp

        stream = _Stream()
        now = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(None) as rest:
                async for data in self._events(self._pieces(response, limit)):
                    if data == "[DONE]":
                        stream.ended = True
                        break
                    piece = stream.take(self._chunk(data))
                    if piece and options.on_text is not None:
                        options.on_text(piece)
                    rest.reschedule(None if stream.finish is None else now() + USAGE_SECONDS)
        except (TimeoutError, aiohttp.ClientError, OSError):
            if stream.finish is None:
                raise
            # All was said, and is paid: what a server does after that costs the usage at most.
        if not stream.ended and stream.finish is None:
            raise self._billed(Unreachable(f"{self.name}: the stream from {self._place()} ended in the middle."))
        self._check(stream.finish)
        return stream.reply()

    def _check(self, finish: Any) -> None:
        """Raises ServerFailed where this reason to finish says that the server failed."""
        if finish in _BROKEN_OFF:
            raise self._billed(ServerFailed(f"{self.name}: {self._place()} broke its reply off ({finish})."))

    def _chunk(self, data: str) -> Any:
        """One event of a stream. Raises what an error in it says."""
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            raise self._billed(self._no_json(data)) from None
        if isinstance(chunk, dict) and chunk.get("error"):
            raise self._inline(chunk["error"])
        return chunk

    # --- what went wrong -------------------------------------------------------------------------------------------

    def _failure(self, status: int, body: str, wait: float | None) -> RlmError:
        return from_status(status, body, model=self.name, wait=wait, secrets=[self._key], key=self._key_name)

    def _inline(self, error: Any) -> RlmError:
        """An error object inside a 200."""
        code = error.get("code") if isinstance(error, dict) else None
        status = code if isinstance(code, int) and 400 <= code < 600 else 500
        failure = self._failure(status, json.dumps({"error": error}), None)
        return self._billed(failure) if isinstance(failure, ProviderError) else failure

    def _no_json(self, body: str) -> BadReply:
        said = words(body[:4000], [self._key])
        hint = "Is --api-base right? It usually ends in /v1." if "web page" in said or "<" in said[:1] else ""
        return BadReply(f"{self.name}: {self._place()} sent no JSON but: {said}", hint)

    def _place(self) -> str:
        """The endpoint as it may be shown: without user, password and query."""
        parts = urlsplit(self.endpoint)
        host = parts.hostname or ""
        return scrub(f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}", [self._key])

    def _billed(self, error: E) -> E:
        error.maybe_billed = True
        return error


async def _mark_kept(_session: object, context: SimpleNamespace, _parameters: object) -> None:
    """Note that a request goes out on a connection that an earlier one has used."""
    context.trace_request_ctx["kept"] = True


async def _said(response: aiohttp.ClientResponse) -> str:
    """The body of an error, which may come in pieces and may never end: the status alone says enough then."""
    import aiohttp

    body = bytearray()
    with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(ERROR_SECONDS):
            async for piece in response.content.iter_any():
                body += piece
                if len(body) >= ERROR_BYTES:
                    break
    return bytes(body[:ERROR_BYTES]).decode("utf-8", "replace")


def check_base(base: str) -> None:
    """Raises UsageError where no request can be made to this address."""
    such = "Such as http://localhost:8000/v1"
    try:
        parts = urlsplit(base)
        host = (parts.hostname or "").encode("idna")
        known = parts.scheme in ("http", "https") and host and parts.port != 0 and base.isprintable()
    except ValueError:  # of the port, the brackets, a label of the host
        known = False
    if not known:
        raise UsageError(f"--api-base {base[:200]!r} is not an http or https address.", such)
    if parts.username is not None or parts.password is not None:
        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        raise UsageError(
            f"--api-base {address} has a user and a password in front, which any process could see.",
            "Set RLM_API_KEY: it is sent as the key.",
        )


class _Stream:
    """What the events of one stream have said so far."""

    __slots__ = ("_model", "_parts", "_refusal", "_usage", "ended", "finish")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._refusal: list[str] = []
        self._usage: Usage | None = None
        self._model = ""
        self.finish: str | None = None
        self.ended = False

    def take(self, chunk: Any) -> str:
        """The text that one more event adds."""
        if not isinstance(chunk, dict):
            return ""
        self._model = self._model or str(chunk.get("model") or "")
        self._usage = usage_from(chunk.get("usage")) or self._usage
        choice = _first(chunk) or {}
        delta = choice.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        self._refusal.append(plain(delta.get("refusal")))
        self._parts.append(piece := plain(delta.get("content")))
        if (reason := choice.get("finish_reason")) and reason != "null":  # some write the word
            self.finish = str(reason)
        return piece

    def reply(self) -> Reply:
        """All of it."""
        text, refusal = "".join(self._parts), "".join(self._refusal)
        return finished(text, finish=self.finish, refusal=refusal, usage=self._usage, model=self._model)


def finished(text: str, *, finish: str | None, refusal: str, usage: Usage | None, model: str) -> Reply:
    """A reply in our terms, from what the OpenAI format says of it. `usage` None: not reported."""
    ending: Finish = "stop"
    if finish in ("length", "max_tokens"):
        ending = "length"
    elif finish == "content_filter" or (refusal and not text):
        ending, text = "refused", text or refusal
    return Reply(text=without_thoughts(text), usage=usage or Usage(counted_here=True), finish=ending, model=model)


def without_thoughts(text: str) -> str:
    """Text less a leading `<think>…</think>`: thoughts hold code that was never meant to be run."""
    if text[:64].lstrip().startswith("<think>"):
        _, closed, rest = text.partition("</think>")
        return rest.lstrip() if closed else ""
    return text


def plain(content: Any) -> str:
    """Text of a `content` field: a string, a list of parts, or nothing."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(plain(part.get("text")) if isinstance(part, dict) else plain(part) for part in content)
    return ""


def usage_from(data: Any) -> Usage | None:
    """Usage of the OpenAI format; None where it is missing or no numbers."""
    if not isinstance(data, dict):
        return None
    given, made = _number(data.get("prompt_tokens")), _number(data.get("completion_tokens"))
    if given is None or made is None or given + made == 0:
        return None
    details = data.get("prompt_tokens_details")
    details = details if isinstance(details, dict) else {}
    spent = data.get("completion_tokens_details")
    spent = spent if isinstance(spent, dict) else {}
    cost = data.get("cost")
    return Usage(
        input_tokens=given,
        output_tokens=output_tokens(given, made, _number(data.get("total_tokens"))),
        reasoning_tokens=_number(spent.get("reasoning_tokens")) or 0,
        cached_tokens=_number(details.get("cached_tokens")) or 0,
        cache_write_tokens=_number(details.get("cache_write_tokens")) or 0,
        cost=float(cost) if counts(cost) and cost > 0 else None,
    )


def output_tokens(given: int, made: int, total: int | None) -> int:
    """Tokens of the reply that are billed. Some (xAI, Gemini) tell thoughts in the total alone."""
    return max(made, (total or 0) - given)


def _number(value: Any) -> int | None:
    return int(value) if counts(value) else None


def counts(value: Any) -> TypeGuard[float]:
    """Whether it is a number that tokens or dollars can be: JSON holds infinity, NaN and integers of any length."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST_TOLD


def _first(data: Any) -> dict[str, Any] | None:
    choices = data.get("choices") if isinstance(data, dict) else None
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None


def _why(error: BaseException) -> str:
    """The system's words for a failed connection, in a few words."""
    inner = getattr(error, "os_error", None) or error
    # `str` of an error of aiohttp's about a response has the whole address in it.
    said = getattr(inner, "strerror", None) or (getattr(inner, "message", None) if hasattr(inner, "history") else inner)
    return " ".join(str(said or type(error).__name__).split())[:200]


def _proxy_for(url: str) -> str | None:
    """The proxy of the environment for this address. aiohttp's `trust_env` would read passwords from ~/.netrc too."""
    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname) or _is_here(parts.hostname):
        return None
    return getproxies().get(parts.scheme)


def _is_here(host: str) -> bool:
    """Whether it is this machine. What is meant for a model here is nothing for a proxy, which is elsewhere."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
