"""Spans to a collector, by OTLP/HTTP in JSON: one POST, no SDK, no retries, since it can be sent again."""

from __future__ import annotations

import urllib.error
import urllib.request

from rlm_cli.errors import OutputError

_SECONDS = 30.0


def send(body: bytes, endpoint: str) -> None:
    """POST `body` to the collector at `endpoint`, with `/v1/traces` where it names no path. Raises OutputError."""
    address = endpoint if "://" in endpoint else f"http://{endpoint}"
    if not address.startswith(("http://", "https://")):
        raise OutputError(f"cannot send to {endpoint}: it is no HTTP address")
    if address.count("/") < 3 or address.endswith("/"):
        address = f"{address.rstrip('/')}/v1/traces"
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as reply:
            reply.read()
    except (OSError, ValueError) as error:  # URLError and HTTPError are OSErrors
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise OutputError(f"the collector at {address} did not take the spans: {reason}") from None
