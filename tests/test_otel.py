"""Spans of a run: as a file by the protocol's own classes, as the SDK's own objects, and as a collector receives them."""

from __future__ import annotations

import base64
import json
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv.attributes import error_attributes

from rlm_cli.errors import ExitStatus
from rlm_cli.exports import Choices, Source, export
from rlm_cli.exports.sending import readable
from rlm_cli.exports.spans import spans
from tests import events_sample
from tests.conftest import RunRlm
from tests.inside import runner

AT_ONCE = {"OTEL_EXPORTER_OTLP_TIMEOUT": "0.5"}  # seconds: less than the first wait before a new try
V1 = Path(__file__).parent / "data" / "journals" / "v1.jsonl"


@pytest.fixture
def rlm(
    home: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> RunRlm:
    return runner(home, environment, monkeypatch, capsys)


def exported(path: Path = V1, **choices: Any) -> str:
    return b"".join(export("otel", Source(path), Choices(**choices))).decode()


def written(text: str) -> list[Any]:
    """Read by the protocol's own classes. OTLP writes ids in hexadecimal where protobuf's JSON has base64."""
    value = json.loads(text)
    for span in value["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in ("traceId", "spanId", "parentSpanId"):
            if name in span:
                span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    request = json_format.Parse(json.dumps(value), ExportTraceServiceRequest())
    return list(request.resource_spans[0].scope_spans[0].spans)


def attributes(span: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


def test_spans_are_read_by_the_protocol_and_named_by_its_conventions() -> None:
    found = written(exported())
    known = {value for name, value in vars(gen_ai_attributes).items() if name.isupper() and isinstance(value, str)}
    known |= {error_attributes.ERROR_TYPE}
    by_id = {span.span_id: span for span in found}
    assert len(by_id) == len(found) == 2 + 7 + 7 + 12  # nodes, turns, cells, calls
    assert len({span.trace_id for span in found}) == 1
    for span in found:
        assert (len(span.trace_id), len(span.span_id)) == (16, 8)
        assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
        for key in attributes(span):
            assert key in known or key.startswith("rlm."), key
        if span.parent_span_id:
            parent = by_id[span.parent_span_id]
            assert parent.start_time_unix_nano <= span.start_time_unix_nano
            assert span.end_time_unix_nano <= parent.end_time_unix_nano + 1_000_000
    assert sum(not span.parent_span_id for span in found) == 1
    failed = [span for span in found if span.status.code == 2]
    assert sorted(attributes(span)["error.type"] for span in failed) == ["NameError", "Refused"] or len(failed) == 2
    chats = [span for span in found if span.name.startswith("chat ")]
    assert sum(attributes(span).get("gen_ai.usage.input_tokens", 0) for span in chats) == attributes(found[0])["gen_ai.usage.input_tokens"]  # fmt: skip
    sent = json.loads(attributes(chats[0])["gen_ai.input.messages"])
    assert sent[0]["parts"][0]["type"] == "text"


def test_the_same_run_is_the_same_trace_and_content_can_be_left_out() -> None:
    assert exported() == exported()
    assert "AuthMiddleware" in exported()
    assert "AuthMiddleware" not in exported(content=False)


# --- the SDK's own reader ------------------------------------------------------------------------------------------


def of_sdk(path: Path = V1) -> list[ReadableSpan]:
    """Through the SDK's processor into its exporter in memory."""
    exporter = InMemorySpanExporter()
    processor = SimpleSpanProcessor(exporter)
    for span in readable(spans(Source(path).trajectory(), path.stem, content=True)):
        processor.on_end(span)
    processor.shutdown()
    return list(exporter.get_finished_spans())


def plain(value: Any) -> Any:
    """A value of an attribute: a list of the protocol as Python's."""
    return [one.string_value for one in value.values] if hasattr(value, "values") else value


def told(span: Any) -> dict[str, Any]:
    """What the SDK says of a span in its own JSON, in the words of the protocol."""
    found = json.loads(span.to_json())
    return {
        "id": span.context.span_id,
        "trace": int(found["context"]["trace_id"], 16),
        "parent": int(found["parent_id"], 16) if found["parent_id"] else 0,
        "name": found["name"],
        "kind": {"SpanKind.INTERNAL": 1, "SpanKind.CLIENT": 3}[found["kind"]],
        "times": (span.start_time, span.end_time),
        "attributes": found["attributes"],
        "status": ({"OK": 1, "ERROR": 2}[found["status"]["status_code"]], found["status"].get("description", "")),
    }


def received(span: Any) -> dict[str, Any]:
    return {
        "id": int.from_bytes(span.span_id, "big"),
        "trace": int.from_bytes(span.trace_id, "big"),
        "parent": int.from_bytes(span.parent_span_id, "big"),
        "name": span.name,
        "kind": span.kind,
        "times": (span.start_time_unix_nano, span.end_time_unix_nano),
        "attributes": {key: plain(value) for key, value in attributes(span).items()},
        "status": (span.status.code, span.status.message),
    }


def test_the_sdk_reads_the_same_spans_that_the_file_holds() -> None:
    sdk, file = of_sdk(), written(exported())
    assert [told(span) for span in sdk] == [received(span) for span in file]
    assert len(sdk) == 28
    assert {span.resource.attributes["service.name"] for span in sdk} == {"rlm"}


# --- to a collector ------------------------------------------------------------------------------------------------


class Collector:
    """A receiver of OTLP/HTTP on this machine, which decodes what it is sent. It answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.requests: list[ExportTraceServiceRequest] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.paths.append(self.path)
                collector.headers.append({name.lower(): value for name, value in self.headers.items()})
                collector.requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def spans(self) -> list[Any]:
        return [span for one in self.requests for span in one.resource_spans[0].scope_spans[0].spans]


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    with made.server:
        thread = threading.Thread(target=made.server.serve_forever, args=(0.05,))
        thread.start()
        yield made
        made.server.shutdown()
        thread.join()


def test_a_collector_receives_the_spans_of_the_file(rlm: RunRlm, collector: Collector) -> None:
    done = rlm("export", V1, "--to", "otel", "--endpoint", collector.url)
    assert (done.exit, done.stdout) == (0, ""), done.stderr
    assert f"sent 28 spans to {collector.url}/v1/traces" in done.stderr
    assert collector.paths == ["/v1/traces"]
    assert collector.headers[0]["content-type"] == "application/x-protobuf"
    assert [received(span) for span in collector.spans] == [received(span) for span in written(exported())]


def test_the_variables_of_opentelemetry_hold(rlm: RunRlm, collector: Collector) -> None:
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"{collector.url}/tenant/",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=blue",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=ci",
    }
    done = rlm("export", V1, "--to", "otel", "--send", "--no-content", env=variables)
    assert done.exit == 0, done.stderr
    assert collector.paths == ["/tenant/v1/traces"]
    assert collector.headers[0]["x-tenant"] == "blue"
    resource = {one.key: one.value.string_value for one in collector.requests[0].resource_spans[0].resource.attributes}
    assert resource.items() >= {"service.name": "rlm", "deployment.environment": "ci"}.items()
    assert b"AuthMiddleware" not in collector.requests[0].SerializeToString()


def test_the_variable_alone_sends_nothing(rlm: RunRlm, collector: Collector) -> None:
    done = rlm("export", V1, "--to", "otel", env={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    assert (done.exit, len(written(done.stdout))) == (0, 28)
    assert collector.paths == []


def test_a_long_run_goes_in_several_requests(rlm: RunRlm, collector: Collector, tmp_path: Path) -> None:
    script = events_sample.Script().question("many")
    for _ in range(400):
        script.turn("look", "print(1)")
    script.answer("done")
    path = tmp_path / "20260101-000000-abcd.jsonl"
    path.write_bytes(b"".join(record.to_line() for record in script.records if not record.event.live))
    done = rlm("export", path, "--to", "otel", "--endpoint", collector.url)
    assert done.exit == 0, done.stderr
    assert len(collector.requests) > 1
    assert [received(span) for span in collector.spans] == [received(span) for span in written(exported(path))]


@pytest.mark.parametrize(
    ("status", "reason"), [(400, "Bad Request"), (401, "Unauthorized"), (503, "Service Unavailable")]
)
def test_a_collector_that_refuses_ends_in_a_sentence(
    rlm: RunRlm, collector: Collector, status: int, reason: str
) -> None:
    collector.status = status
    done = rlm("export", V1, "--to", "otel", "--endpoint", collector.url, env=AT_ONCE)
    assert done.exit == ExitStatus.OUTPUT
    assert f"the collector at {collector.url}/v1/traces did not take the spans" in done.stderr
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_an_endpoint_that_is_gone_ends_in_one_sentence(rlm: RunRlm) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody answers there, and nobody else can
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = rlm("export", V1, "--to", "otel", "--endpoint", url, env=AT_ONCE)
    assert done.exit == ExitStatus.OUTPUT
    assert done.stderr.splitlines()[-1].endswith(
        f"the collector at {url}/v1/traces did not take the spans: Connection refused"
    )


def test_without_the_extra_one_sentence_says_what_to_install(rlm: RunRlm, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("opentelemetry.exporter")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter", None)
    done = rlm("export", V1, "--to", "otel", "--endpoint", "localhost:4318")
    assert done.exit == ExitStatus.USAGE
    assert "pip install 'rlm-cli[otel]'" in done.stderr
    assert len(written(rlm("export", V1, "--to", "otel").stdout)) == 28  # a file needs nothing


@pytest.mark.parametrize(
    "words",
    [["--to", "sft", "--send"], ["--to", "otel", "--send", "-o", "x"], ["--to", "otel", "--endpoint", "ftp://x"]],
)
def test_wishes_that_do_not_go_together_are_usage(rlm: RunRlm, words: list[str]) -> None:
    assert rlm("export", V1, *words).exit == ExitStatus.USAGE
