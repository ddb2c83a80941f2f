"""/v1/reports: files to be saved, with places for curators only."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from tests.service.http.key_headers import bearer

Problem = Callable[..., Any]
KINDS = ("html", "csv", "darwin-core", "mark", "histories")


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_of_each_kind_is_a_file(curated: Any, kind: str) -> None:
    answer = curated.client.get(f"/v1/reports/{kind}", params={"since": "2016", "title": "<S>"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith('attachment; filename="')
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    data = answer.content
    if kind == "darwin-core":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            data = archive.read("occurrence.csv")
    assert b"w_30" in data
    assert b"w_90" not in data  # it has no date
    assert b"<S>" not in data.replace(b",<S>", b"")


def test_what_can_not_be_reported_is_refused(curated: Any, problem: Problem) -> None:
    client = curated.client
    problem(client.get("/v1/reports/pdf"), 422, "invalid")
    for asked in (
        {"since": "May"},
        {"places": "all"},
        {"occasions": "week"},
        {"since": "2030", "title": ""},
    ):
        problem(client.get("/v1/reports/csv", params=asked), 422, "invalid")
    problem(client.get("/v1/reports/mark", params={"since": "2030"}), 422, "invalid")


def test_below_a_curator_reports_have_regions_only(
    serve_curated: Callable[..., Any], problem: Problem
) -> None:
    with serve_curated(has_keys=True) as curated:
        client, keys = curated.client, curated.client.app.state.access.keys
        curator, reader = (
            bearer(keys.create(role, role).secret) for role in ("curate", "contribute")
        )
        key = client.get("/v1/encounters", headers=curator).json()["encounters"][0]["key"]
        sent = {"place": "Secret Cove, 44.51, -68.21", "region": "the gulf"}
        assert client.patch(f"/v1/encounters/{key}", json=sent, headers=curator).is_success
        for places in ("coarse", "exact"):
            asked = {"places": places}
            problem(client.get("/v1/reports/csv", params=asked, headers=reader), 403, "forbidden")
            assert client.get("/v1/reports/csv", params=asked, headers=curator).is_success
        for kind in KINDS:
            answer = client.get(f"/v1/reports/{kind}", headers=reader)
            assert answer.status_code == 200
            assert b"Secret" not in answer.content
            assert b"44.5" not in answer.content
        whole = client.get("/v1/reports/csv", params={"places": "exact"}, headers=curator)
        assert "Secret Cove" in whole.text
