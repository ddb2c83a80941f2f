"""/metrics: what was asked and answered is counted, what is served is told, and two applications
don't mix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from service.app import create_app
from service.settings import Settings
from service.telemetry.prometheus import Measures, ServingFigures
from tests.service.local_client import local_client


def figures(client: TestClient) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_what_was_asked_and_answered_is_counted(
    serve: Callable[..., Any], photo: Callable[..., bytes]
) -> None:
    with serve() as client:
        files = [("photos", ("a.png", photo(degrees))) for degrees in (30, 0, 180)]
        client.post("/v1/identify", files=files)
        client.post("/v1/identify", files=[("photos", ("a.png", b"no photo"))])
        client.get("/v1/photos/none.jpg")
        client.get("/nothing/w_1")
        client.request("BREW", "/v1/identify")
        told = figures(client)
    assert told["flukeprint_requests_total", "POST", "/v1/identify", "200"] == 1
    assert told["flukeprint_requests_total", "POST", "/v1/identify", "422"] == 1
    assert told["flukeprint_requests_total", "GET", "/v1/photos/{name}", "404"] == 1
    assert told["flukeprint_requests_total", "GET", "none", "404"] == 1
    assert told["flukeprint_requests_total", "other", "none", "405"] == 1
    assert told["flukeprint_request_seconds_count", "/v1/identify"] == 2
    assert [
        told["flukeprint_decisions_total", one] for one in ("known", "review", "new_whale")
    ] == [2, 0, 1]
    assert told["flukeprint_nearest_distance_count",] == 3
    assert told["flukeprint_nearest_distance_bucket", "0.05"] == 2
    assert told["flukeprint_nearest_distance_bucket", "1.0"] == 3  # 180 degrees is 90 from w_90
    assert told["flukeprint_batch_photos_sum",] == 3


def test_what_is_served_is_told(client: TestClient) -> None:
    told = figures(client)
    assert told["flukeprint_is_ready",] == 1
    assert (told["flukeprint_individuals",], told["flukeprint_gallery_photos",]) == (3, 3)
    assert told["flukeprint_catalogue_revision",] == 7
    assert told["flukeprint_waiting_photos",] == 0


def test_before_anything_is_served_it_says_so(settings: Settings) -> None:
    client = local_client(create_app(settings, lambda: 1 / 0))  # never started
    assert figures(client)["flukeprint_is_ready",] == 0


def test_two_applications_count_apart() -> None:
    one, other = (Measures(lambda: ServingFigures(True, 1, 1, 1, 0)) for _ in range(2))
    one.batch(3)
    assert b"flukeprint_batch_photos_sum 3.0" in one.text()
    assert b"flukeprint_batch_photos_sum 0.0" in other.text()
