"""Merge suggestions that a curator dismissed are not made again, and cost no second look at all
photos.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import service.catalogue.work_lists
from index.catalogue.catalogue import Catalogue
from index.pairs import similar_individuals
from index.pairs.near_pairs import find_near_pairs
from index.reindex.update import update_catalogue
from index.search.gallery import Gallery
from tests.service.conftest import RedEmbedder

Photo = Callable[..., bytes]
Problem = Callable[..., dict[str, Any]]


def suggested(client: Any) -> list[tuple[str, str]]:
    response = client.get("/v1/merge-suggestions")
    assert response.status_code == 200, response.text
    return [(one["one"], one["other"]) for one in response.json()["suggestions"]]


def dismiss(client: Any, one: str, other: str, **more: Any) -> Any:
    return client.post("/v1/merge-suggestions/dismiss", json={"one": one, "other": other}, **more)


def test_a_dismissed_pair_is_not_suggested_again_until_that_is_undone(curated: Any) -> None:
    client = curated.client
    assert suggested(client) == [("w_0", "w_30"), ("w_30", "w_90")]
    event = dismiss(client, "w_30", "w_0").json()
    assert event == {"revision": 2, "kind": "tell apart", "photos": []}
    assert suggested(client) == [("w_30", "w_90")]
    (change,) = client.get("/v1/changes", params={"subject": "w_0", "limit": 1}).json()["changes"]
    assert (change["kind"], change["detail"]) == (
        "tell apart",
        {"individual": "w_30", "other": "w_0"},
    )
    client.post("/v1/individuals/w_30/rename", json={"new": "Salt"})
    assert suggested(client) == [("Salt", "w_90")]
    assert client.post("/v1/changes/2/undo").json()["revision"] == 4
    assert suggested(client) == [("Salt", "w_0"), ("Salt", "w_90")]


def test_a_repeated_request_is_answered_as_before_and_done_once(
    serve_curated: Callable[..., Any], problem: Problem
) -> None:
    with serve_curated(has_keys=True) as curated:
        client = curated.client
        first = dismiss(client, "w_30", "w_0", headers={"Idempotency-Key": "k" * 16})
        assert (first.status_code, first.json()["revision"]) == (200, 2)
        assert (
            dismiss(client, "w_30", "w_0", headers={"Idempotency-Key": "k" * 16}).json()
            == first.json()
        )
        assert client.get("/v1/stats").json()["catalogue_revision"] == 2
        problem(dismiss(client, "w_0", "w_30"), 409, "conflict")


def test_what_can_t_be_dismissed_says_why(curated: Any, problem: Problem) -> None:
    client = curated.client
    for one, other, status, slug in [
        ("w_0", "nobody", 404, "not-found"),
        ("w_0", "w_0", 422, "invalid"),
    ]:
        problem(dismiss(client, one, other), status, slug)
    problem(client.post("/v1/merge-suggestions/dismiss", json={"one": "w_0"}), 422, "invalid")
    assert client.get("/v1/stats").json()["catalogue_revision"] == 1


def test_dismissing_looks_through_the_photos_no_second_time(
    curated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, looked = curated.client, []

    def counted(gallery: Gallery, most: int, **more: Any) -> Any:
        looked.append(most)
        return find_near_pairs(gallery, most, **more)

    monkeypatch.setattr(similar_individuals, "find_near_pairs", counted)
    assert suggested(client) == [("w_0", "w_30"), ("w_30", "w_90")]
    dismiss(client, "w_0", "w_30")
    assert suggested(client) == [("w_30", "w_90")]
    dismiss(client, "w_90", "w_30")
    assert suggested(client) == []
    client.patch("/v1/individuals/w_0", json={"notes": "seen"})
    assert suggested(client) == []
    assert len(looked) == 1
    client.post("/v1/individuals/w_90/merge", json={"into": "w_30"})
    assert suggested(client) == []
    assert len(looked) == 2


def test_a_catalogue_too_small_for_probabilities_says_so(curated: Any) -> None:
    answer = curated.client.get("/v1/merge-suggestions").json()
    assert {one["probability"] for one in answer["suggestions"]} == {None}
    assert (answer["duplicates"], answer["duplicates_low"], answer["duplicates_high"]) == (
        None,
        None,
        None,
    )
    assert answer["fitted_to"].startswith("No probability: the catalogue has 3 individuals")


class Scattering(RedEmbedder):
    """Another checkpoint, to which the two unknown photos are as unlike as can be."""

    fingerprint = "f2" * 32

    def embed(self, images: Any, boxes: Any = None) -> Any:
        angles = [image.getpixel((0, 0))[0] for image in images]
        return np.array(
            [[-1.0, 0.0] if angle == 201 else [1.0, 0.0] for angle in angles], np.float32
        )


def test_clusters_are_of_the_checkpoint_that_is_served(curated: Any) -> None:
    """The catalogue goes over to another one first, and the service follows, if it finds that
    checkpoint.
    """
    with Catalogue.open(curated.path) as catalogue:
        update_catalogue(catalogue, None, Scattering())
    answer = curated.client.get("/v1/clusters").json()
    found = [[photo["name"] for photo in cluster["photos"]] for cluster in answer["clusters"]]
    assert found == [["nobody_200.png", "nobody_201.png"]]


def test_who_asks_for_a_list_that_takes_long_is_told_to_ask_again_and_it_is_made_once(
    curated: Any, monkeypatch: pytest.MonkeyPatch, problem: Problem
) -> None:
    go_on, calls = threading.Event(), []

    def slow(*given: Any, **named: Any) -> Any:
        calls.append(given)
        assert go_on.wait(60)
        return similar_individuals.find_similar_individuals(*given, **named)

    monkeypatch.setattr(service.catalogue.work_lists, "find_similar_individuals", slow)
    monkeypatch.setattr(service.catalogue.work_lists, "WAIT_SECONDS", 0.01)
    for _ in range(3):
        response = curated.client.get("/v1/merge-suggestions")
        problem(response, 503, "busy")
        assert response.headers["retry-after"] == "10"
    go_on.set()
    monkeypatch.setattr(service.catalogue.work_lists, "WAIT_SECONDS", 60)
    assert suggested(curated.client) == [("w_0", "w_30"), ("w_30", "w_90")]
    assert len(calls) == 1
