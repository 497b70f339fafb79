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

from rlm_cli.background import in_background
from rlm_cli.errors import BadReply, CallTimedOut, ProviderError, RlmError, Unreachable
from rlm_cli.models import Message, Options, Price, Reply, Usage
from rlm_cli.models.compatible import counts, finished, output_tokens, plain
from rlm_cli.models.litellm_errors import translate
from rlm_cli.models.prices import listed
from rlm_cli.models.turnstile import Turnstile

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
        await in_background(_importing.join)
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
        self._leaving = Turnstile(steps=10)  # of 3 to 80, the fewest with the full effect

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
        """Wait for the import, and for one's turn to leave. Raises ProviderError where the import fails."""
        await _litellm()
        await self._leaving.turn()

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
        output_tokens=output_tokens(given, made, _count(usage, "total_tokens")),
        reasoning_tokens=_count(getattr(usage, "completion_tokens_details", None), "reasoning_tokens"),
        cached_tokens=_count(details, "cached_tokens") or _count(usage, "cache_read_input_tokens"),
        cache_write_tokens=written,
    )


def _count(holder: Any, name: str) -> int:
    value = getattr(holder, name, None)
    return int(value) if counts(value) else 0
