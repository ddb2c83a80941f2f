"""GET /healthz and /readyz, before and after the catalogue is loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.jobs.runner import JobRunner


def test_ready_says_what_is_served(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {
        "status": "ready",
        "catalogue_revision": 7,
        "individuals": 3,
        "photos": 3,
        "fingerprint": "f1" * 32,
        "is_calibrated": True,
    }


def test_alive_but_not_ready_while_starting(
    serve: Callable[..., Any], serving: Any, problem: Callable[..., Any]
) -> None:
    released = threading.Event()

    def load() -> Any:
        assert released.wait(30)
        return serving

    with serve(load, retry_after_seconds=2) as client:
        assert client.get("/healthz").status_code == 200
        waiting = client.get("/readyz")
        assert "still being loaded" in problem(waiting, 503, "not-ready")["detail"]
        assert waiting.headers["retry-after"] == "2"
        released.set()
        while (ready := client.get("/readyz")).status_code == 503:
            pass
        assert ready.status_code == 200


def test_dead_jobs_are_told(
    jobs_client: TestClient, problem: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "flukeprint_has_dead_jobs 0.0" in jobs_client.get("/metrics").text
    monkeypatch.setattr(JobRunner, "has_died", True)
    told = problem(jobs_client.get("/readyz"), 503, "not-ready")["detail"]
    assert "restart the service" in told
    assert "flukeprint_has_dead_jobs 1.0" in jobs_client.get("/metrics").text
