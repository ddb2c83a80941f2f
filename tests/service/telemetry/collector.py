"""A stand-in for an OpenTelemetry collector: takes OTLP over HTTP on loopback and keeps it."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Collected:
    """The spans and metrics that came, with the name of the service that sent each."""

    url: str = ""
    spans: list[tuple[str, Any]] = field(default_factory=list[Any])
    metrics: list[tuple[str, Any]] = field(default_factory=list[Any])

    def of_trace(self, trace_id: str) -> list[tuple[str, Any]]:
        """Sender and span of one trace."""
        return [each for each in list(self.spans) if each[1].trace_id.hex() == trace_id]

    def wait(self, is_there: Callable[[], bool], most_seconds: float = 30) -> None:
        """Wait until something has come."""
        until = time.monotonic() + most_seconds
        while not is_there() and time.monotonic() < until:
            time.sleep(0.05)


def _service(resource: Any) -> str:
    return next(
        (each.value.string_value for each in resource.attributes if each.key == "service.name"), ""
    )


@contextmanager
def collecting() -> Generator[Collected]:
    """Collect until the block ends."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    collected = Collected()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path.endswith("/v1/traces"):
                for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
                    collected.spans += [
                        (_service(sent.resource), span)
                        for scope in sent.scope_spans
                        for span in scope.spans
                    ]
            elif self.path.endswith("/v1/metrics"):
                for sent in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                    collected.metrics += [
                        (_service(sent.resource), metric)
                        for scope in sent.scope_metrics
                        for metric in scope.metrics
                    ]
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collected.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collected
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
