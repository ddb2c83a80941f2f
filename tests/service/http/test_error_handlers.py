"""Which problem answers which error of the index."""

from __future__ import annotations

import errno
import os

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from embedding.errors import FlukeprintError
from index.access.tables import AccessUnavailable
from index.catalogue.catalogue import BadCatalogue
from index.curation.curator import BadCuration, CurationConflict, UnknownSubject
from index.jobs.records import BadJobs, JobsBusy, NoSuchJob, WrongState
from index.objects.photo_store import BadStore
from index.storage.address import CatalogueAway, CatalogueBusy
from index.storage.originals import BadMedia
from service.http.error_handlers import PROBLEM_KINDS, install_error_handlers, problem_of
from service.http.request_envelope import RequestEnvelope
from service.jobs.folder import BadJobFolder
from tests.service.local_client import local_client

ANSWERS: dict[type[FlukeprintError], tuple[int, str]] = {
    AccessUnavailable: (503, "busy"),
    BadCatalogue: (503, "not-writable"),
    BadCuration: (422, "invalid"),
    BadJobFolder: (503, "not-writable"),
    BadJobs: (503, "not-ready"),
    BadMedia: (503, "not-writable"),
    BadStore: (503, "not-writable"),
    CatalogueAway: (503, "busy"),
    CatalogueBusy: (503, "busy"),
    CurationConflict: (409, "conflict"),
    JobsBusy: (503, "busy"),
    NoSuchJob: (404, "not-found"),
    UnknownSubject: (404, "not-found"),
    WrongState: (409, "wrong-state"),
}


class DamagedCatalogue(BadCatalogue):
    """A kind of bad catalogue without a row of its own."""


def client_of(error: Exception) -> TestClient:
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    app.add_middleware(RequestEnvelope, max_upload_bytes=1024)
    return local_client(app, raise_server_exceptions=False)


def test_every_row_of_the_table_is_in_the_test() -> None:
    assert set(PROBLEM_KINDS) == set(ANSWERS)


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_an_error_is_answered_with_its_problem(kind: type[FlukeprintError]) -> None:
    answer = client_of(kind("what is wrong")).get("/")
    status, slug = ANSWERS[kind]
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"/docs#problem-{slug}"
    assert answer.json()["detail"].startswith("what is wrong")
    assert answer.headers.get("retry-after") == ("1" if slug in ("busy", "not-ready") else None)


def test_a_subclass_is_answered_as_its_nearest_base() -> None:
    assert problem_of(DamagedCatalogue("torn")).kind.slug == "not-writable"


def test_an_error_without_a_row_is_a_fault_of_ours() -> None:
    answer = client_of(FlukeprintError("a secret path")).get("/")
    assert (answer.status_code, answer.json()["type"]) == (500, "/docs#problem-internal")
    assert "secret" not in answer.text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_a_disk_that_fails_is_a_deliberate_503(number: int) -> None:
    answer = client_of(OSError(number, os.strerror(number))).get("/")
    assert (answer.status_code, answer.json()["type"]) == (503, "/docs#problem-not-writable")
    assert os.strerror(number) in answer.json()["detail"]


def test_another_error_of_the_system_is_a_fault_of_ours() -> None:
    answer = client_of(OSError(errno.ENOENT, os.strerror(errno.ENOENT))).get("/")
    assert (answer.status_code, answer.json()["type"]) == (500, "/docs#problem-internal")
