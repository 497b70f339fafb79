"""What litellm's exceptions mean in our tree. It maps loosely, so class, status and text decide together.

Nothing of litellm is imported here: classes are known by their names (tests/test_litellm_errors.py walks them all).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from rlm_cli.errors import (
    AuthError,
    BadReply,
    BadRequest,
    CallTimedOut,
    ContextTooLong,
    ModelNotFound,
    RateLimited,
    Refused,
    RlmError,
    ServerFailed,
    Unreachable,
)
from rlm_cli.models.failures import from_status, retry_after, words
from rlm_cli.models.prices import near

_NO_KEY: Final = ("api_key client option must be set", "Missing credentials", "API key is not set", "API Key not found")
_UNSENT: Final = (
    *("Connect call failed", "Cannot connect to host", "Name or service not known", "getaddrinfo failed"),
    *("Connection refused", "All connection attempts failed", "ConnectTimeout", "Temporary failure in name resolution"),
    *("No route to host", "Network is unreachable"),
)
_NO_JSON: Final = (
    "Expecting value: line",
    "Empty or invalid response",
    "Unable to get json response",
    "Invalid response object",
)
_DEBRIS: Final = re.compile(r"\s+ssl:(default|<[^>]*>)|\s*Handle with `litellm\.[^`]*`\.?")
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
    made = _translated(error, model=model, secrets=secrets, key=key)
    if isinstance(made, ModelNotFound):
        if _has(str(error), ("LLM Provider NOT provided",)):  # a page of advice on litellm's own functions follows
            made.message = f"{model}: no provider is known for this name"
        names = near(model)
        made.hint = f"Did you mean {' or '.join(names)}?" if names else _HINTS[ModelNotFound]
    return made


def _translated(error: BaseException, *, model: str, secrets: Sequence[str], key: str) -> RlmError:
    text = str(getattr(error, "message", None) or error)
    said = _clean(text, secrets)
    names = [cls.__name__ for cls in type(error).__mro__]
    status = _status(error)
    if _has(text, _NO_KEY):
        return AuthError(f"{model}: no key was found{_tail(said)}", _hint(key))
    if status >= 500 and _has(text, ("Connection error", *_UNSENT, "Server disconnected")):
        return _unreachable(model, said, error)
    known = next((_CLASSES[name] for name in names if name in _CLASSES), None)
    if status == 500 and _has(text, _NO_JSON):  # a 200 that could not be read comes as a 500
        known = BadReply
    if known is None or (known is AuthError and status == 403):
        if "Exception" in names[:1] or not hasattr(error, "status_code"):
            known = known or _foreign(names)
        if known is None or known is AuthError:
            return _by_status(error, status, said, model=model, secrets=secrets, key=key)
    if known is Unreachable:
        return _unreachable(model, said, error)
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
    ModelNotFound: "Names look like openai/gpt-5-mini: rlm models WORD lists those that hold WORD.",
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
    found = re.search(r"(?:try again|retry) (?:in|after) (?:(\d+)m)?(\d+(?:\.\d+)?)(ms|s)", text, re.IGNORECASE)
    if not found:
        return None
    seconds = float(found[2]) / (1000 if found[3] == "ms" else 1)
    return seconds + 60 * float(found[1] or 0)


def _unreachable(model: str, said: str, error: BaseException) -> Unreachable:
    unsent = _has(_story(error), _UNSENT)
    hint = "Is the network up, and is --api-base right?" if unsent else ""
    made = Unreachable(f"{model}: {'cannot connect' if unsent else 'the connection broke'}{_tail(said)}", hint)
    made.maybe_billed = not unsent
    return made


def _story(error: BaseException | None) -> str:
    """What all exceptions behind this one say: litellm's own is "Connection error" also where half a reply had come."""
    told: list[str] = []
    while error is not None and len(told) < 10:
        told.append(f"{type(error).__name__}: {error}")
        error = error.__cause__ or error.__context__
    return "\n".join(told)


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
    text = _DEBRIS.sub("", text)
    return "" if text.strip() == "Connection error." else words(text, secrets)


def _tail(said: str) -> str:
    return f": {said}" if said else ""


def _hint(key: str) -> str:
    return f"Set {key}." if key else "Set the key that this model needs in the environment."


def _has(text: str, needles: Sequence[str]) -> bool:
    return any(needle in text for needle in needles)
