"""What a provider's failure means: one table from HTTP statuses and error texts to the tree of errors.py.

Both clients use it: the thin one with the status it sees, litellm's with what its exceptions carry (it maps loosely: a
refused connection is an InternalServerError 500 there, a 413 a RateLimitError).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from rlm_cli.errors import (
    AuthError,
    BadRequest,
    CallTimedOut,
    ContextTooLong,
    ModelNotFound,
    RateLimited,
    Refused,
    RlmError,
    ServerFailed,
)
from rlm_cli.keys import strike

SHOWN: Final = 300
"""Characters of a provider's own words that are kept in a message."""

_TOO_LONG = re.compile(
    r"context[ _-]?(length|window|size)|maximum context|prompt is too long|input is too long|too many (input )?tokens"
    r"|exceeds? the (available )?(context|maximum (number of )?tokens)|reduce the length|string_above_max_length"
    r"|input token count .{0,40}exceeds|request too large|tokens? .{0,30}exceeds? .{0,30}limit of",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"content[ _-]?(policy|filter|management)|responsible ?ai|safety (system|filter)|prohibited_content|flagged"
    r"|blocked by .{0,30}(policy|guardrail)",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model_not_found|model[^.]{0,80}(does not exist|not found|not exist|is not supported|unknown|not available)"
    r"|(unknown|invalid|no such|unsupported) model|no endpoints found|not a valid model|provider not provided",
    re.IGNORECASE,
)
_NO_KEY = re.compile(
    r"(invalid|incorrect|missing|no|expired|unauthorized).{0,20}api[ _-]?key|api[ _-]?key.{0,40}(invalid|not valid"
    r"|missing|must be set|not set|required|expired)|authentication|unauthenticated|credentials|x-api-key|access token",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(
    r"insufficient[ _]quota|exceeded your current quota|credit balance|billing|payment required|insufficient (balance"
    r"|credits|funds)",
    re.IGNORECASE,
)
_SHORTEST: Final = 6  # characters of a key in use; shorter ones are no keys


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without keys: those given, and whatever has the shape of one."""
    return strike(text, (secret for secret in secrets if len(secret) >= _SHORTEST))


def words(body: str, secrets: Iterable[str] = ()) -> str:
    """A provider's own words from the body of an error: its message where it is JSON, on one line, cut and scrubbed."""
    text = body
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        if "<html" in body[:1000].lower() or "<!doctype" in body[:1000].lower():
            title = re.search(r"<title[^>]*>([^<]{1,200})", body[:10_000], re.IGNORECASE)
            text = f"a web page{f' titled {title[1].strip()!r}' if title else ''}"
    else:
        text = _message(data) or body
    text = " ".join(scrub(text, secrets).split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _message(data: Any) -> str:
    """The human part of the error shapes in use: {"error": {"message"}}, {"error": "…"}, {"message"}, {"detail"}."""
    if isinstance(data, list) and data:
        data = data[0]
    if not isinstance(data, dict):
        return ""
    error = data.get("error", data)
    if isinstance(error, str):
        return error
    if not isinstance(error, dict):
        return ""
    text = error.get("message") or error.get("detail") or ""
    code = error.get("code") or error.get("type")
    text = text if isinstance(text, str) else json.dumps(text)
    return f"{text} ({code})" if isinstance(code, str) and code not in text and text else text


def retry_after(value: str | None) -> float | None:
    """Seconds from a `Retry-After` header (a number or a date); None where it says nothing usable."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except (ValueError, OverflowError):  # the latter: a year of twenty digits
            return None
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if seconds < 1e9 else None  # false for NaN too


def from_status(
    status: int, body: str, *, model: str, wait: float | None = None, secrets: Iterable[str] = (), key: str = ""
) -> RlmError:
    """The error that a status and the body of its reply stand for.

    `wait` is what `Retry-After` asked for, in seconds; `key` names the variable the key came from, for the hint.
    """
    said = words(body, secrets)
    cause, phrase, hint = _by_text(status, body) or _by_status(status)
    message = f"{model}: {phrase} ({status}){f': {said}' if said else ''}"
    if issubclass(cause, AuthError):
        hint = f"Check {key}." if key else "Check the key that this model needs."
    if issubclass(cause, RateLimited | ServerFailed):
        return cause(message, hint, retry_after=wait)
    return cause(message, hint)


_Cause = tuple[type[RlmError], str, str]


def refusal(model: str, text: str) -> Refused:
    """What a reply that is a refusal is raised as: it was paid for, and is no answer. `text` is what it said."""
    said = " ".join(text.split())[:200]
    return Refused(f"{model} refused to answer{f': {said}' if said else '.'}")


def _by_status(status: int) -> _Cause:
    """(class, what happened, what to do) from the status alone."""
    exact: dict[int, _Cause] = {
        401: (AuthError, "the provider refused the key", ""),
        403: (AuthError, "the provider refused the key", ""),
        404: (
            ModelNotFound,
            "the provider has nothing at this name or address",
            "Check the model's name, and --api-base if you gave one (it usually ends in /v1).",
        ),
        408: (CallTimedOut, "the provider gave up waiting", ""),
        429: (RateLimited, "too many requests", "Lower -j, or wait and go on with `rlm resume`."),
    }
    if status in exact:
        return exact[status]
    if status >= 500:
        hint = "`rlm resume` goes on from here; nothing that was paid is lost."
        return ServerFailed, "the provider failed", hint
    if 300 <= status < 400:
        return BadRequest, "the address redirects elsewhere", "Give --api-base in full."
    return BadRequest, "the provider refused the request", ""


def _by_text(status: int, body: str) -> _Cause | None:
    """The same where the words say more than the status. Only errors of the caller's making: a 5xx stays a 5xx."""
    found: _Cause | None = None
    if status >= 500:
        found = None
    elif status == 402 or (status in (400, 403, 429) and _NO_CREDIT.search(body)):
        found = BadRequest, "the account has no credit left", "Check the account's billing."
    elif status == 413 or (status in (400, 422, 429) and _TOO_LONG.search(body) and not _is_rate(status, body)):
        hint = "Send less at once: split the text with chunks() and ask about each part."
        found = ContextTooLong, "the prompt is too long for the model", hint
    elif status in (400, 403, 404, 422) and _NO_MODEL.search(body):
        found = ModelNotFound, "the provider does not know this model", "Check -m and -s."
    elif status in (400, 403, 422) and _REFUSED.search(body):
        found = Refused, "refused by the provider's content policy", ""
    elif status == 400 and _NO_KEY.search(body):
        found = AuthError, "the provider refused the key", ""
    return found


def _is_rate(status: int, body: str) -> bool:
    """A 429 that counts tokens a minute is a rate, though it speaks of tokens and limits."""
    return status == 429 and re.search(r"per (min|day|hour)|rate.?limit|\btpm\b", body, re.IGNORECASE) is not None
