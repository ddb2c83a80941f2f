"""POST /v1/jobs: folders and zips are queued, and what makes no sense is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.service.routes.admin.job_site import identify, until, zipped


def test_a_folder_is_identified_and_its_csv_fetched(
    jobs_client: TestClient, may_photos: Path
) -> None:
    asked = identify(jobs_client, k=2)
    assert asked.status_code == 202, asked.json()
    assert asked.headers["location"] == "/v1/jobs/1"
    assert asked.json()["parameters"] == {"folder": "may", "k": 2, "review": False}
    assert asked.json()["asked_by"] == "local"
    job = until(jobs_client, 1, "succeeded")
    assert (job["done"], job["total"], job["error_count"], job["result"]["answered"]) == (
        11,
        11,
        1,
        10,
    )
    errors = jobs_client.get("/v1/jobs/1/errors").json()
    assert [error["file"] for error in errors["errors"]] == ["notes.txt"]
    assert errors["next_cursor"] is None
    result = jobs_client.get("/v1/jobs/1/result")
    assert result.headers["content-type"].startswith("text/csv")
    assert len(result.text.splitlines()) == 11
    assert int(result.headers["content-length"]) == len(result.content)


def test_a_zip_is_identified(jobs_client: TestClient, photo: Callable[..., bytes]) -> None:
    sent = {"archive": ("may.zip", zipped(**{"a.png": photo(0), "b.txt": b"text"}))}
    asked = jobs_client.post(
        "/v1/jobs", data={"kind": "identify", "parameters": '{"k": 1}'}, files=sent
    )
    assert asked.status_code == 202, asked.json()
    job = until(jobs_client, asked.json()["id"], "succeeded")
    assert (job["result"]["known"], job["error_count"]) == (1, 1)


def test_a_zip_of_no_bytes_is_refused_at_once(
    jobs_client: TestClient, problem: Callable[..., Any]
) -> None:
    sent = jobs_client.post(
        "/v1/jobs", data={"kind": "identify"}, files={"archive": ("a.zip", b"")}
    )
    refused = problem(sent, 422, "invalid")
    assert (refused["errors"][0]["field"], refused["errors"][0]["reason"][:22]) == (
        "archive",
        "the zip has 0 bytes; l",
    )
    assert jobs_client.get("/v1/jobs").json()["jobs"] == []


def test_a_file_that_is_no_zip_fails_the_job_with_its_reason(jobs_client: TestClient) -> None:
    asked = jobs_client.post(
        "/v1/jobs", data={"kind": "identify"}, files={"archive": ("a.zip", b"not a zip")}
    )
    job = until(jobs_client, asked.json()["id"], "failed")
    assert job["reason"].startswith("the zip: not a zip")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "dance"}, "kind"),
        ({"parameters": {}}, "kind"),
        ({"kind": "identify", "speed": 1}, "speed"),
        ({"kind": "identify", "parameters": {"folder": "may", "k": 0}}, "k"),
        ({"kind": "identify", "parameters": {"folder": "may", "size": 3}}, "size"),
        ({"kind": "identify", "parameters": {"folder": "../../etc"}}, "folder"),
        ({"kind": "identify", "parameters": {"folder": "/"}}, "folder"),
        ({"kind": "identify", "parameters": {"folder": "june"}}, "folder"),
        ({"kind": "identify", "parameters": {"upload": "0" * 32}}, "upload"),
        ({"kind": "reindex", "parameters": {"rehash": "perhaps"}}, "rehash"),
        ([], None),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    jobs_client: TestClient,
    may_photos: Path,
    problem: Callable[..., Any],
    body: object,
    field: str | None,
) -> None:
    document = problem(jobs_client.post("/v1/jobs", json=body), 422, "invalid")
    assert document["errors"][0].get("field") == field
    assert jobs_client.get("/v1/jobs").json()["jobs"] == []


def test_two_ways_at_once_and_none_are_refused(
    jobs_client: TestClient, may_photos: Path, problem: Callable[..., Any]
) -> None:
    for parameters in ({}, {"folder": "may", "max_fpir": 0.1, "threshold": 0.3}):
        document = problem(
            jobs_client.post("/v1/jobs", json={"kind": "identify", "parameters": parameters}),
            422,
            "invalid",
        )
        assert "give either" in document["detail"]


def test_bodies_that_cannot_be_read_are_refused(
    jobs_client: TestClient, problem: Callable[..., Any]
) -> None:
    problem(
        jobs_client.post("/v1/jobs", content=b"{", headers={"content-type": "application/json"}),
        400,
        "bad-request",
    )
    problem(
        jobs_client.post("/v1/jobs", content=b"kind", headers={"content-type": "text/plain"}),
        415,
        "not-multipart",
    )
    twice = jobs_client.post(
        "/v1/jobs",
        data={"kind": ["identify", "reindex"]},
        files={"archive": ("a.zip", zipped(a=b""))},
    )
    assert "more than once" in problem(twice, 422, "invalid")["detail"]
    nothing = jobs_client.post(
        "/v1/jobs", data={"kind": "identify"}, files={"other": ("a.zip", b"")}
    )
    assert "archive" in problem(nothing, 422, "invalid")["detail"]


def test_every_route_is_documented(jobs_client: TestClient) -> None:
    document = jobs_client.get("/openapi.json").json()
    routes = {
        path: set(operations) for path, operations in document["paths"].items() if "/jobs" in path
    }
    assert routes == {
        "/v1/jobs": {"get", "post"},
        "/v1/jobs/{id}": {"delete", "get"},
        "/v1/jobs/{id}/report": {"get"},
        "/v1/jobs/{id}/table": {"get"},
        "/v1/jobs/{id}/errors": {"get"},
        "/v1/jobs/{id}/result": {"get"},
        "/v1/jobs/{id}/events": {"get"},
        "/v1/jobs/{id}/cancel": {"post"},
        "/v1/jobs/{id}/resume": {"post"},
    }
    body = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "multipart/form-data"}
    for name in ("Job", "Jobs", "JobErrors"):
        assert "example" in document["components"]["schemas"][name]
