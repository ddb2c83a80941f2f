"""Traces and metrics go to a collector where the OTEL_ variables name one, and tell no names."""

from __future__ import annotations

import os
import subprocess
import sys

import httpx
import pytest

from service.telemetry.tracing import ALLOWED, CannotTrace, is_needed, summary_of
from tests.faults.load import photo
from tests.faults.scene import sqlite_scene
from tests.faults.served import serving
from tests.faults.two_services import wait_until_ready
from tests.service.telemetry.collector import Collected, collecting

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
_SENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


@pytest.mark.parametrize(
    ("variables", "is_on"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c:4318/v1/metrics"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_traces_are_sent_where_the_variables_name_a_collector(
    variables: dict[str, str], is_on: bool
) -> None:
    assert is_needed("traces", variables) is is_on


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "OTEL_TRACES_EXPORTER=zipkin can't be followed"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "give http/protobuf, which collectors take"),
    ],
)
def test_what_is_not_done_is_refused(name: str, value: str, said: str) -> None:
    with pytest.raises(CannotTrace, match=said):
        is_needed("traces", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", name: value})


@pytest.mark.parametrize(
    ("statement", "summary"),
    [
        ("SELECT photos.name FROM photos WHERE photos.name = ?", "SELECT photos"),
        ('\n  INSERT INTO "individuals" (name) VALUES (?)', "INSERT individuals"),
        ("UPDATE flukeprint.keys SET x = 'Ana'", "UPDATE keys"),
        ("SELECT 1", "SELECT"),
        ("", "query"),
    ],
)
def test_a_query_is_told_by_its_verb_and_table(statement: str, summary: str) -> None:
    assert summary_of(statement) == summary


def test_the_sdk_is_not_imported_without_the_variables() -> None:
    code = (
        "import sys, service.server as s; s.start_tracing()(); "
        "sys.exit(any(n.startswith(('opentelemetry.sdk', 'opentelemetry.exporter')) "
        "for n in sys.modules))"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    assert subprocess.run([sys.executable, "-c", code], env=clean, check=False).returncode == 0


def test_without_the_extra_the_message_names_it() -> None:
    code = (
        "import sys; sys.modules['opentelemetry.sdk'] = None\n"
        "import service.server as s\n"
        "try: s.start_tracing()\n"
        "except s.FlukeprintError as error: print(error)"
    )
    asking = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    said = subprocess.run(
        [sys.executable, "-c", code], env=asking, check=True, capture_output=True, text=True
    ).stdout
    assert "pip install 'flukeprint[otel]'" in said


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Collected:
    """What a service sent that was asked for one individual and to identify one photo."""
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
    folder = tmp_path_factory.mktemp("traced")
    scene = sqlite_scene(folder / "scene")
    with collecting() as collected, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collected.url)
        with serving(scene.address, folder / "log") as server:
            wait_until_ready(server)
            with httpx.Client(base_url=server.url, trust_env=False, headers=_SENT) as client:
                assert client.get("/v1/individuals/w_five?note=zanzibar").status_code == 200
                sent = {"photos": ("secret-cove.png", photo(77), "image/png")}
                assert client.post("/v1/identify", files=sent).status_code == 200
                assert client.get("/v1/individuals/nobody-of-that-name").status_code == 404
                queued = client.post("/v1/queue", files=sent)
                assert queued.status_code in (200, 201), queued.text
                confirmed = client.post(
                    f"/v1/queue/{queued.json()['photos'][0]['name']}/confirm",
                    json={"individual": "w_1"},
                )
                assert confirmed.status_code == 200, confirmed.text
                assert client.post("/v1/jobs", json={"kind": "reindex"}).status_code == 202
                for name in ("calibrate", "job"):
                    collected.wait(lambda name=name: name in {s.name for _, s in collected.spans})
            assert server.stop() == 0
    return collected


def test_spans_arrive_with_the_trace_of_the_caller(collected: Collected) -> None:
    spans = {span.name: span for _, span in collected.of_trace(TRACE)}
    assert {"GET /v1/individuals/{name}", "POST /v1/identify"} <= set(spans)
    asked = spans["POST /v1/identify"]
    assert asked.parent_span_id.hex() == PARENT
    steps = {
        span.name: span
        for _, span in collected.of_trace(TRACE)
        if span.parent_span_id == asked.span_id
    }
    assert {"decode", "embed", "search"} <= set(steps)
    for step in ("decode", "embed", "search"):
        assert asked.start_time_unix_nano <= steps[step].start_time_unix_nano
        assert steps[step].end_time_unix_nano <= asked.end_time_unix_nano
    assert any(name.startswith("SELECT") for name in spans)
    assert {sender for sender, _ in collected.spans} == {"flukeprint"}


def test_fits_and_jobs_have_a_span_and_polling_has_none(collected: Collected) -> None:
    alone = {span.name for _, span in collected.spans if not span.parent_span_id}
    assert {"calibrate", "job"} <= alone
    assert not [name for name in alone if name.startswith(("SELECT", "connect"))]


def test_figures_arrive(collected: Collected) -> None:
    names = {metric.name for _, metric in collected.metrics}
    assert {"http.server.request.duration", "flukeprint.decisions"} <= names


def test_no_photo_place_key_or_name_leaves(collected: Collected) -> None:
    said = "".join(str(span) for _, span in collected.spans)
    said += "".join(str(metric) for _, metric in collected.metrics)
    for word in ("w_five", "w_1", "secret-cove", "zanzibar", "nobody-of-that-name", "flk_", ".png"):
        assert word not in said
    told = {attribute.key for _, span in collected.spans for attribute in span.attributes}
    assert "http.route" in told
    assert told <= ALLOWED
