"""A photo that shows no animal: answered so at every door, and never enrolled by one key."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import pytest

from embedding.screening import Screening
from index.identification.identifier import Identifier
from index.identification.screening import AnimalScreen
from service.serving.service import Serving

Photo = Callable[..., bytes]
Problem = Callable[..., Any]

# Animals are within 90 degrees of 45; the other photos show none.
_ANIMAL = ((np.array([[6.0, 6.0]], np.float32), np.zeros(1, np.float32)),)
_TURN = ((np.zeros((4, 2), np.float32), np.array([9, 0, 0, 0], np.float32)),)
HEAD = Screening(_ANIMAL, _TURN, 0.5, 0.9)


@pytest.fixture
def screened(serve_curated: Callable[..., Any]) -> Generator[Any]:
    """The curated whales, with a checkpoint that has a screening head."""
    with serve_curated() as curated:
        service = curated.client.app.state.service
        whole = service.serving.identifier
        curated.embedder.screening = HEAD
        screen = AnimalScreen(HEAD, whole.gallery)
        identifier = Identifier(
            curated.embedder, whole.gallery, whole.calibration, whole.species, screen=screen
        )
        service.serving = Serving(identifier, service.serving.photos)
        yield curated


def test_identify_answers_no_animal_with_its_score(screened: Any, photo: Photo) -> None:
    files = [("photos", (f"{at}.png", photo(at))) for at in (1, 200)]
    answer = screened.client.post("/v1/identify", files=files, data={"encounter": "true"}).json()
    animal, blank = answer["results"]
    assert animal["decision"] != "no_animal" and animal["animal"]["score"] > 0.99
    assert (blank["decision"], blank["probability"]) == ("no_animal", 0)
    assert blank["animal"]["score"] < blank["animal"]["threshold"] == 0.5
    assert (blank["quarter_turns"], set(blank["quality"])) == (
        0,
        {"score", "sharpness", "size", "light", "wholeness"},
    )
    assert answer["encounter"]["animal"] == animal["animal"]
    never = screened.client.post(
        "/v1/identify", files=files[1:], data={"animal_threshold": "0"}
    ).json()
    assert never["results"][0]["decision"] == "new_whale"
    wrong = screened.client.post("/v1/identify", files=files, data={"animal_threshold": "2"})
    assert wrong.status_code == 422


@pytest.mark.parametrize("individual", ["w_0", "w_new"])
def test_no_animal_is_enrolled_only_by_a_person_who_saw_it(
    screened: Any, photo: Photo, problem: Problem, individual: str
) -> None:
    client = screened.client
    sent = client.post("/v1/queue", files=[("photos", ("blank.png", photo(210)))])
    assert sent.json()["photos"][0]["answer"]["decision"] == "no_animal"
    refused = client.post("/v1/queue/blank.png/confirm", json={"individual": individual})
    assert "is_animal" in problem(refused, 409, "conflict")["detail"]
    assert client.get("/v1/queue").json()["waiting"] == 1
    done = client.post(
        "/v1/queue/blank.png/confirm", json={"individual": individual, "is_animal": True}
    )
    assert done.status_code == 200
    assert client.get(f"/v1/individuals/{individual}").status_code == 200


def test_the_screen_follows_the_catalogue_s_changes(screened: Any, photo: Photo) -> None:
    client = screened.client
    client.post("/v1/queue", files=[("photos", ("a.png", photo(60)))])
    assert client.post("/v1/queue/a.png/confirm", json={"individual": "w_60"}).status_code == 200
    answer = client.post("/v1/identify", files=[("photos", ("b.png", photo(210)))]).json()
    assert answer["catalogue_revision"] == 3
    assert answer["results"][0]["decision"] == "no_animal"


def test_photos_without_an_animal_are_in_no_cluster(screened: Any, photo: Photo) -> None:
    """Catalogued as `new_whale` or waiting, blank pictures resemble each other."""
    client = screened.client
    for at in (205, 206, 60, 61):
        client.post("/v1/queue", files=[("photos", (f"q_{at}.png", photo(at)))])
    (cluster,) = client.get("/v1/clusters").json()["clusters"]
    assert [one["name"] for one in cluster["photos"]] == ["q_60.png", "q_61.png"]


def test_a_catalogue_without_unknown_photos_has_no_clusters(screened: Any) -> None:
    client = screened.client
    for name in ("nobody_200.png", "nobody_201.png"):
        assert client.delete(f"/v1/catalogue/photos/{name}").status_code == 200
    assert client.get("/v1/clusters").json()["clusters"] == []


def test_metrics_and_jobs_count_it(screened: Any, photo: Photo) -> None:
    client = screened.client
    client.post("/v1/identify", files=[("photos", ("b.png", photo(210)))])
    assert 'flukeprint_decisions_total{decision="no_animal"} 1.0' in client.get("/metrics").text
