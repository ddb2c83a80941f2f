"""OpenTelemetry: traces and figures to a collector, where the OTEL_ variables name one.

Nothing of the SDK is imported without them. What is sent holds no photo, place, key or name: of a
span's attributes only those in `ALLOWED` leave the process, so a path (which may name an
individual) stays here, and an SQL statement is told by its verb and table.

FastAPI makes the spans of requests itself. The OpenTelemetry project's instrumentation of
SQLAlchemy refuses 2.1 (its release 0.66), so queries are heard at `index.storage.connection`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from embedding.errors import FlukeprintError
from index.storage.connection import hear_queries
from service.telemetry.spans import JOB_ID, JOB_KIND, PHOTOS

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

ALLOWED = frozenset(
    {
        *("http.request.method", "http.route", "http.response.status_code", "url.scheme"),
        *("network.protocol.version", "error.type", "db.system.name", "db.query.summary"),
        *(PHOTOS, JOB_ID, JOB_KIND),
    }
)
_TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+(?:"?[a-z_0-9]+"?\.)?"?([a-z_]+)', re.IGNORECASE)
_VERB = re.compile(r"\s*([A-Za-z]+)")
_ENDPOINTS = {
    "traces": ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    "metrics": ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
}
_PROTOCOL = "http/protobuf"


class CannotTrace(FlukeprintError):
    """OTEL_ variables that can't be followed; the message says which and what to do."""


def is_needed(signal: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the variables ask for traces or metrics. Raises CannotTrace for what isn't done."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environment.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip() or "otlp"
    if exporter == "none" or not any(environment.get(name) for name in _ENDPOINTS[signal]):
        return False
    if exporter != "otlp":
        raise CannotTrace(
            f"OTEL_{signal.upper()}_EXPORTER={exporter} can't be followed: give otlp, or none"
        )
    names = (f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    protocol = next(filter(None, map(environment.get, names)), _PROTOCOL)
    if protocol != _PROTOCOL:
        raise CannotTrace(
            f"{names[0]}={protocol} can't be followed: give {_PROTOCOL}, which collectors take on "
            "port 4318"
        )
    return True


def start_tracing() -> Callable[[], None]:
    """Start to send what the OTEL_ variables ask for; the answer sends the rest and stops.

    Call it before a catalogue is opened. Raises CannotTrace, also where the extra is absent.
    """
    with_traces, with_metrics = is_needed("traces"), is_needed("metrics")
    if not with_traces and not with_metrics:
        return lambda: None
    os.environ.setdefault("OTEL_SERVICE_NAME", "flukeprint")
    stops = list[Callable[[], object]]()
    try:
        if with_traces:
            stops.append(_start_traces())
        if with_metrics:
            stops.append(_start_metrics())
    except ImportError as error:
        raise CannotTrace(
            f"the OTEL_ variables ask for telemetry, and {error.name} is not installed: install "
            "flukeprint with the extra `otel`, as in `pip install 'flukeprint[otel]'`, or unset "
            "OTEL_EXPORTER_OTLP_ENDPOINT"
        ) from error

    def stop() -> None:
        for each in stops:
            each()

    return stop


def _start_traces() -> Callable[[], object]:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    class _Sending(SpanProcessor):
        """Sends spans without what they must not tell."""

        def __init__(self) -> None:
            self._next = BatchSpanProcessor(OTLPSpanExporter())

        def on_end(self, span: ReadableSpan) -> None:
            self._next.on_end(without_names(span))

        def shutdown(self) -> None:
            self._next.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return self._next.force_flush(timeout_millis)

    provider = TracerProvider()
    provider.add_span_processor(_Sending())
    trace.set_tracer_provider(provider)
    hear_no_more = hear_queries(write_query)

    def stop() -> None:
        hear_no_more()
        provider.shutdown()

    return stop


def _start_metrics() -> Callable[[], object]:
    from opentelemetry import metrics
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
    metrics.set_meter_provider(provider)
    return provider.shutdown


def without_names(span: ReadableSpan) -> ReadableSpan:
    """The span with the attributes of ALLOWED alone."""
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Status

    return ReadableSpan(
        span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={key: value for key, value in (span.attributes or {}).items() if key in ALLOWED},
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),  # its description may quote an error
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def write_query(system: str, statement: str, began_ns: int, ended_ns: int) -> None:
    """Make a span of a query that something waits for.

    The database is also asked many times a second whether anything changed. That has no span.
    """
    from opentelemetry import trace

    if not trace.get_current_span().get_span_context().is_valid:
        return
    name = summary_of(statement)
    attributes = {"db.system.name": system, "db.query.summary": name}
    made = trace.get_tracer("flukeprint").start_span(
        name, kind=trace.SpanKind.CLIENT, start_time=began_ns, attributes=attributes
    )
    made.end(ended_ns)


def summary_of(statement: str) -> str:
    """`SELECT photos`: the verb and the first table of an SQL statement, and no value."""
    verb, table = _VERB.match(statement), _TABLE.search(statement)
    words = [verb[1].upper() if verb else "query", *([table[1].lower()] if table else [])]
    return " ".join(words)
