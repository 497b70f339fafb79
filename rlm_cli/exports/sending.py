"""Spans to a collector by OTLP/HTTP, through the exporter of OpenTelemetry's SDK: the extra `otel`.

So the variables that its users know hold here too: OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS, _TIMEOUT, _CERTIFICATE,
_COMPRESSION and OTEL_RESOURCE_ATTRIBUTES.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from rlm_cli import __version__, figures
from rlm_cli.errors import OutputError, UsageError
from rlm_cli.exports.otel import RESOURCE
from rlm_cli.exports.spans import Span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from requests import Session

_MOST = 512  # spans of one request, as the SDK's own batches
_CHARACTERS = 4_000_000  # of one request: collectors refuse bodies above 20 MiB


def send(spans: Iterable[Span], endpoint: str | None, tell: Callable[[str], None]) -> tuple[int, str]:
    """Send the spans to the collector at `endpoint`, by default where the environment says; `tell` is told of waiting.

    Returns how many there were and the address that took them. Raises UsageError without the extra, OutputError when
    the collector does not take them.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import SpanExportResult
    except ImportError:
        raise UsageError("sending spans needs OpenTelemetry's SDK", "pip install 'rlm-cli[otel]'") from None
    address = _address(endpoint)
    sent, reasons = 0, list[str]()
    with _listening(reasons), ExitStack() as closing:
        exporter = OTLPSpanExporter(endpoint=address, session=_session(reasons, tell))
        closing.callback(exporter.shutdown)
        for batch in _batches(spans):
            reasons.clear()
            taken = False
            with suppress(OSError):  # what requests raises: older exporters let it through
                taken = exporter.export(list(readable(batch))) is SpanExportResult.SUCCESS
            if not taken:
                before = f", after {figures.plural(sent, 'span')} that it took" if sent else ""
                reason = reasons[0] if reasons else "it did not say why"
                raise OutputError(f"the collector at {address} did not take the spans{before}: {reason}")
            sent += len(batch)
    return sent, address


def readable(spans: Iterable[Span]) -> Iterator[ReadableSpan]:
    """The spans as the SDK's own, with the ids, times and attributes that they have."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    resource = Resource.create(RESOURCE)
    scope = InstrumentationScope("rlm", __version__)

    def context(trace: str, span: str) -> SpanContext:
        return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    for span in spans:
        yield ReadableSpan(
            name=span.name,
            context=context(span.trace, span.id),
            parent=None if span.parent is None else context(span.trace, span.parent),
            resource=resource,
            attributes=span.attributes,
            kind=SpanKind.CLIENT if span.calling else SpanKind.INTERNAL,
            status=Status(StatusCode.OK) if span.error is None else Status(StatusCode.ERROR, span.error),
            start_time=span.began,
            end_time=span.ended,
            instrumentation_scope=scope,
        )


def _address(endpoint: str | None) -> str:
    """Where spans go. As in the SDK's variables, a base address is followed by /v1/traces. Raises UsageError."""
    if endpoint is None and (traces := os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")):
        return traces
    base = endpoint or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or "http://localhost:4318"
    address = base if "://" in base else f"http://{base}"
    if not address.startswith(("http://", "https://")):
        raise UsageError(f"cannot send to {base}: it is no HTTP address", "Such as: http://localhost:4318")
    return address if address.rstrip("/").endswith("/v1/traces") else f"{address.rstrip('/')}/v1/traces"


def _batches(spans: Iterable[Span]) -> Iterator[list[Span]]:
    batch: list[Span] = []
    characters = 0
    for span in spans:
        size = sum(len(value) for value in span.attributes.values() if isinstance(value, str))
        if batch and (len(batch) == _MOST or characters + size > _CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(span)
        characters += size
    if batch:
        yield batch


def _session(reasons: list[str], tell: Callable[[str], None]) -> Session:
    """The exporter's way to the network. It notes why each try fails: the exporter itself forgets that in the end."""
    from requests import Response, Session

    class Noting(Session):
        def request(self, *arguments: Any, **named: Any) -> Response:
            if len(reasons) == 1:
                tell(f"the collector does not take the spans, trying again: {reasons[0]}")
            try:
                reply = super().request(*arguments, **named)
            except OSError as error:
                reasons.append(_deepest(error))
                raise
            if not reply.ok:
                reasons.append(f"{reply.status_code} {reply.reason}")
            return reply

    return Noting()


@contextmanager
def _listening(reasons: list[str]) -> Iterator[None]:
    """Take what the SDK logs: its only way to say that it could not write or would not send a request."""
    logger = logging.getLogger("opentelemetry")

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not reasons:  # what a try has met tells more
                reasons.append(record.getMessage())

    ear, propagates = Ear(logging.WARNING), logger.propagate
    logger.addHandler(ear)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(ear)
        logger.propagate = propagates


def _deepest(error: BaseException) -> str:
    """The first cause: requests wraps a refused connection three times."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return (isinstance(error, OSError) and error.strerror) or str(error)
