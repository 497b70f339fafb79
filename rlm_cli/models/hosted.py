"""Every model that litellm knows. The only file that imports litellm, and only when such a model is really used.

The import takes about three seconds and 180 MB, so `preload()` begins it in a thread while the corpus opens, and
garbage collection rests meanwhile (a quarter faster). Its habits are settled before the import: no price map from the
network, no stray `.env`, nothing printed, no retries of its own.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import threading
import warnings
from collections.abc import Sequence
from typing import Any, Final

from rlm_cli.errors import (
    AuthError,
    BadReply,
    BadRequest,
    CallTimedOut,
    ContextTooLong,
    ModelNotFound,
    ProviderError,
    RateLimited,
    Refused,
    RlmError,
    ServerFailed,
    Unreachable,
)
from rlm_cli.models import Message, Options, Price, Reply, Usage
from rlm_cli.models.compatible import finished, plain
from rlm_cli.models.failures import from_status, retry_after, words
from rlm_cli.models.prices import listed

_SETTINGS: Final = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else the import fetches a price map: 7 s and more when offline
    "LITELLM_MODE": "PRODUCTION",  # else it loads a .env found above its own directory
    "LITELLM_LOG": "CRITICAL",
}

NOISE: Final[tuple[tuple[str, type[Warning]], ...]] = (
    ("Pydantic serializer warnings", UserWarning),  # about fields that providers leave out
    ("Item '.*' on TypedDict class", UserWarning),  # about litellm's own types
    (r"coroutine '.*acompletion' was never awaited", RuntimeWarning),  # when a call is cancelled before it is sent
)
"""Warnings of litellm's that say nothing to anybody here: how they begin, and their class."""

_importing: threading.Thread | None = None
_failed: list[BaseException] = []
_lock = threading.Lock()
_in_use: set[Hosted] = set()


def preload() -> None:
    """Begin the import in the background; returns at once. Safe to call often."""
    global _importing  # noqa: PLW0603  one import for the life of the process
    with _lock:
        if _importing is None:
            _importing = threading.Thread(target=_import, name="import-litellm", daemon=True)
            _importing.start()


def _import() -> None:
    os.environ.update({name: value for name, value in _SETTINGS.items() if name not in os.environ})
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import litellm
        # (catch_warnings around a call would not do: it swaps the filters of the whole process, and calls overlap.)
        for message, category in NOISE:
            warnings.filterwarnings("ignore", message, category)
        litellm.suppress_debug_info = True
        litellm.telemetry = False
        litellm.drop_params = True
        litellm.num_retries = 0
        for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "litellm"):
            logger = logging.getLogger(name)
            logger.setLevel(logging.CRITICAL)
            logger.propagate = False
    except BaseException as error:
        _failed.append(error)
    finally:
        gc.freeze()
        gc.enable()


async def _litellm() -> Any:
    """The module, waiting for its import where it is under way."""
    preload()
    assert _importing is not None
    if _importing.is_alive():
        await asyncio.to_thread(_importing.join)
    if _failed:
        raise ProviderError(f"litellm cannot be imported: {_failed[0]}", "Reinstall rlm-cli.")
    import litellm

    return litellm


class Hosted:
    """A model by its litellm name. `base` and `key` override what litellm finds in the environment."""

    def __init__(
        self,
        name: str,
        *,
        shown: str = "",
        base: str | None = None,
        key: str = "",
        key_name: str = "",
        window: int | None = None,
        price: Price | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        entry = None if base else listed(name)
        self.name = shown or name
        self.window = window or (entry.window if entry else None)
        self.price = price or (entry.price if entry else None)
        self.max_output = entry.max_output if entry else None
        # Claude thinks only when told to; for the others thinking counts against max_tokens from the first call on.
        self.reasons = bool(entry and entry.reasons and "claude" not in name)
        self.endpoint = base or ""
        self._litellm_name = name
        self._key = key
        self._key_name = key_name
        self._secrets = [secret for secret in (key, *secrets) if secret]
        self._marks = _takes_cache_markers(name)

    async def reply(self, messages: Sequence[Message], options: Options) -> Reply:
        """One call. See `Model.reply`."""
        litellm = await _litellm()
        _in_use.add(self)
        try:
            async with asyncio.timeout(options.timeout):
                answer = await litellm.acompletion(**self._arguments(messages, options))
                if options.on_text is not None:
                    return await self._streamed(answer, options)
                return self._whole(answer)
        except RlmError:
            raise
        except TimeoutError:
            late = CallTimedOut(f"{self.name}: no whole reply within {options.timeout:g} s.", "Raise --call-time.")
            late.maybe_billed = True
            raise late from None
        except Exception as error:
            raise translate(error, model=self.name, secrets=self._secrets, key=self._key_name) from None

    def warm(self) -> None:
        """Begin the import. See `preload`."""
        preload()

    async def ready(self) -> None:
        """Wait for the import. Raises ProviderError where it fails."""
        await _litellm()

    async def close(self) -> None:
        if self not in _in_use:
            return
        _in_use.discard(self)
        if not _in_use:
            # litellm keeps the clients of all models in one place; a closed one left there would be used again.
            litellm = await _litellm()
            await litellm.close_litellm_async_clients()
            litellm.in_memory_llm_clients_cache.flush_cache()

    def __repr__(self) -> str:
        return f"Hosted({self.name!r})"

    def _arguments(self, messages: Sequence[Message], options: Options) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "model": self._litellm_name,
            "messages": self._wire(messages, options),
            "max_tokens": options.max_tokens,
            "timeout": options.timeout,
            "num_retries": 0,
            "max_retries": 0,
        }
        if options.on_text is not None:
            arguments |= {"stream": True, "stream_options": {"include_usage": True}}
        if options.stop:
            arguments["stop"] = list(options.stop)
        if options.temperature is not None:
            arguments["temperature"] = options.temperature
        if options.schema is not None:
            arguments["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": options.schema},
            }
        if self.endpoint:
            arguments["api_base"] = self.endpoint
        if self._key:
            arguments["api_key"] = self._key
        return arguments

    def _wire(self, messages: Sequence[Message], options: Options) -> list[dict[str, Any]]:
        wire: list[dict[str, Any]] = [{"role": message.role, "content": message.content} for message in messages]
        if options.keep_prefix and self._marks:
            # Anthropic's way, which litellm passes on: all up to a marked message is kept for five minutes.
            for message in {id(item): item for item in (wire[0], wire[-1])}.values():
                text = {"type": "text", "text": message["content"], "cache_control": {"type": "ephemeral"}}
                message["content"] = [text]
        return wire

    def _whole(self, answer: Any) -> Reply:
        choices = getattr(answer, "choices", None)
        if not choices:
            empty = BadReply(f"{self.name}: the provider sent a reply without a message in it.")
            empty.maybe_billed = True
            raise empty
        choice = choices[0]
        message = getattr(choice, "message", None)
        return finished(
            plain(getattr(message, "content", None)),
            finish=getattr(choice, "finish_reason", None),
            refusal=_refusal(message),
            usage=_usage(getattr(answer, "usage", None)),
            model=str(getattr(answer, "model", "") or ""),
        )

    async def _streamed(self, chunks: Any, options: Options) -> Reply:
        parts: list[str] = []
        refusal: list[str] = []
        finish: str | None = None
        usage: Usage | None = None
        model = ""
        async for chunk in chunks:
            model = model or str(getattr(chunk, "model", "") or "")
            usage = _usage(getattr(chunk, "usage", None)) or usage
            choices = getattr(chunk, "choices", None)
            if not choices:  # the last chunk holds the usage alone
                continue
            delta = getattr(choices[0], "delta", None)
            refusal.append(_refusal(delta))
            piece = plain(getattr(delta, "content", None))
            if piece:
                parts.append(piece)
                if options.on_text is not None:
                    options.on_text(piece)
            finish = getattr(choices[0], "finish_reason", None) or finish
        if finish is None:
            broken = Unreachable(f"{self.name}: the stream ended in the middle.")
            broken.maybe_billed = True
            raise broken
        return finished("".join(parts), finish=finish, refusal="".join(refusal), usage=usage, model=model)


def _takes_cache_markers(name: str) -> bool:
    """Claude by whichever road; others cache by themselves (OpenAI, Gemini, DeepSeek) or would refuse the field."""
    return "claude" in name and name.partition("/")[0] in ("anthropic", "bedrock", "vertex_ai", "openrouter", name)


def _refusal(message: Any) -> str:
    said = getattr(message, "refusal", None)
    if not said:
        fields = getattr(message, "provider_specific_fields", None)
        said = fields.get("refusal") if isinstance(fields, dict) else None
    return plain(said)


def _usage(usage: Any) -> Usage | None:
    """litellm's usage object; None where it holds no numbers."""
    given, made = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    if given + made == 0:
        return None
    details = getattr(usage, "prompt_tokens_details", None)
    written = _count(usage, "cache_creation_input_tokens") or _count(details, "cache_creation_tokens")
    return Usage(
        input_tokens=given,
        output_tokens=made,
        reasoning_tokens=_count(getattr(usage, "completion_tokens_details", None), "reasoning_tokens"),
        cached_tokens=_count(details, "cached_tokens") or _count(usage, "cache_read_input_tokens"),
        cache_write_tokens=written,
    )


def _count(holder: Any, name: str) -> int:
    value = getattr(holder, name, None)
    return int(value) if isinstance(value, int | float) and value > 0 else 0


# --- litellm's exceptions ------------------------------------------------------------------------------------------

_NO_KEY: Final = ("api_key client option must be set", "Missing credentials", "API key is not set", "API Key not found")
_UNSENT: Final = ("Connect call failed", "Cannot connect to host", "Name or service not known", "getaddrinfo failed")
_NO_JSON: Final = (
    "Expecting value: line",
    "Empty or invalid response",
    "Unable to get json response",
    "Invalid response object",
)
_CLASSES: Final[dict[str, type[RlmError]]] = {
    # Where the class alone says it. Everything else goes by status and text: 500, 429 and APIError mean many things.
    "AuthenticationError": AuthError,
    "PermissionDeniedError": AuthError,
    "ContextWindowExceededError": ContextTooLong,
    "ContentPolicyViolationError": Refused,
    "GuardrailRaisedException": Refused,
    "BlockedPiiEntityError": Refused,
    "ModifyResponseException": Refused,
    "RejectedRequestError": Refused,
    "SensitiveDataRouteException": Refused,
    "Timeout": CallTimedOut,
    "APIResponseValidationError": BadReply,
    "JSONSchemaValidationError": BadReply,
    "MidStreamFallbackError": Unreachable,
    "APIConnectionError": Unreachable,
    "LiteLLMUnknownProvider": ModelNotFound,
    "ModelNotMappedError": ModelNotFound,
    "BudgetExceededError": BadRequest,
    "UnsupportedParamsError": BadRequest,
}


def translate(error: BaseException, *, model: str, secrets: Sequence[str] = (), key: str = "") -> RlmError:
    """What an exception of litellm (or of a library below it) means in our tree."""
    text = str(getattr(error, "message", None) or error)
    said = _clean(text, secrets)
    names = [cls.__name__ for cls in type(error).__mro__]
    status = _status(error)
    if _has(
        text, ("api_key client option must be set", "Missing credentials", "API key is not set", "API Key not found")
    ):
        return AuthError(f"{model}: no key was found{_tail(said)}", _hint(key))
    if status >= 500 and _has(text, ("Connection error", *_UNSENT, "Connection refused", "Server disconnected")):
        return _unreachable(model, said, text)
    known = next((_CLASSES[name] for name in names if name in _CLASSES), None)
    if status == 500 and _has(text, _NO_JSON):  # a 200 that could not be read comes as a 500
        known = BadReply
    if known is None or (known is AuthError and status == 403):
        if "Exception" in names[:1] or not hasattr(error, "status_code"):
            known = known or _foreign(names)
        if known is None or known is AuthError:
            return _by_status(error, status, said, model=model, secrets=secrets, key=key)
    if known is Unreachable:
        return _unreachable(model, said, text)
    if known is AuthError:
        return AuthError(f"{model}: the provider refused the key{_tail(said)}", _hint(key))
    made = known(f"{model}: {_PHRASES[known]}{_tail(said)}", _HINTS.get(known, ""))
    if isinstance(made, CallTimedOut | BadReply):
        made.maybe_billed = True
    return made


_PHRASES: Final[dict[type[RlmError], str]] = {
    ContextTooLong: "the prompt is too long for the model",
    Refused: "refused by the provider's content policy",
    CallTimedOut: "no reply in time",
    BadReply: "the reply is not what the protocol promises",
    ModelNotFound: "litellm does not know this model or provider",
    BadRequest: "the request was refused",
    ServerFailed: "the provider failed",
}
_HINTS: Final[dict[type[RlmError], str]] = {
    ContextTooLong: "Send less at once: split the text with chunks() and ask about each part.",
    ModelNotFound: "Names look like provider/model, such as openai/gpt-5-mini; check -m and -s.",
    CallTimedOut: "Raise --call-time.",
}


def _foreign(names: Sequence[str]) -> type[RlmError]:
    """An exception that is not litellm's: a connection of a library below it, or a bug in one."""
    if "ConnectionError" in names or "OSError" in names or "ClientError" in names or "TransportError" in names:
        return Unreachable
    if "ValueError" in names or "TypeError" in names or "KeyError" in names:
        return BadReply
    return ServerFailed


def _by_status(
    error: BaseException, status: int, said: str, *, model: str, secrets: Sequence[str], key: str
) -> RlmError:
    response = getattr(error, "response", None)
    headers: Any = getattr(error, "headers", None) or getattr(response, "headers", None) or {}
    wait = retry_after(headers.get("retry-after")) if hasattr(headers, "get") else None
    made = from_status(status, said, model=model, wait=wait, secrets=secrets, key=key)
    if isinstance(made, RateLimited) and type(error).__name__ == "RateLimitError" and wait is None:
        made.retry_after = _wait_in_text(said)
    return made


def _wait_in_text(text: str) -> float | None:
    """Seconds from "Please try again in 1.5s", which OpenAI and Groq write where a proxy eats the header."""
    import re

    found = re.search(r"(?:try again|retry) (?:in|after) (?:(\d+)m)?(\d+(?:\.\d+)?)(ms|s)", text, re.IGNORECASE)
    if not found:
        return None
    seconds = float(found[2]) / (1000 if found[3] == "ms" else 1)
    return seconds + 60 * float(found[1] or 0)


def _unreachable(model: str, said: str, text: str) -> Unreachable:
    unsent = _has(text, _UNSENT) or "Connection error" in text
    hint = "Is the network up, and is --api-base right?" if unsent else ""
    made = Unreachable(f"{model}: {'cannot connect' if unsent else 'the connection broke'}{_tail(said)}", hint)
    made.maybe_billed = not unsent
    return made


def _status(error: BaseException) -> int:
    value = getattr(error, "status_code", None)
    try:
        status = int(value) if value is not None else 0
    except (TypeError, ValueError):
        status = 0
    return status if 400 <= status < 600 else 500


def _clean(text: str, secrets: Sequence[str]) -> str:
    """litellm's prefixes ("litellm.APIError: APIError: OpenAIException - ") say nothing to a user."""
    _, dash, rest = text.partition("Exception - ")
    text = rest if dash and rest else text
    while text.startswith("litellm."):
        _, colon, rest = text.partition(": ")
        if not colon:
            break
        text = rest
    return words(text, secrets)


def _tail(said: str) -> str:
    return f": {said}" if said else ""


def _hint(key: str) -> str:
    return f"Set {key}." if key else "Set the key that this model needs in the environment."


def _has(text: str, needles: Sequence[str]) -> bool:
    return any(needle in text for needle in needles)
