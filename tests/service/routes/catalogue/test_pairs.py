"""Two catalogue photos compared: distance, boxes, individuals, and what is known of these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import service.catalogue.work_lists
import service.routes.catalogue.pairs
from embedding.photos.photo import Box
from index.pairs import similar_individuals

Photo = Callable[..., bytes]
Problem = Callable[..., dict[str, Any]]


def pair(client: Any, one: str, other: str) -> dict[str, Any]:
    response = client.get("/v1/pairs", params={"one": one, "other": other})
    assert response.status_code == 200, response.text
    return response.json()


def test_two_individuals_are_compared_by_all_their_photos(curated: Any) -> None:
    found = pair(curated.client, "w_30_a.png", "w_0_a.png")
    assert found["distance"] == pytest.approx(1 - np.cos(np.radians(30)), abs=1e-5)
    assert (found["one"]["name"], found["one"]["individual"]) == ("w_30_a.png", "w_30")
    assert found["other"]["url"].startswith("/v1/photos/w_0_a.png?content=")
    whales = found["individuals"]
    assert (whales["one"], whales["other"]) == ("w_0", "w_30")
    assert (whales["photo_of_one"], whales["photo_of_other"]) == ("w_0_b.png", "w_30_a.png")
    assert whales["distance"] == pytest.approx(1 - np.cos(np.radians(27)), abs=1e-5)
    assert (whales["probability"], whales["is_marked_different"]) == (None, False)
    assert whales["fitted_to"].startswith("No probability: the catalogue has 3 individuals")


def test_a_decision_is_told(curated: Any) -> None:
    client = curated.client
    client.post("/v1/merge-suggestions/dismiss", json={"one": "w_0", "other": "w_30"})
    assert pair(client, "w_30_a.png", "w_0_a.png")["individuals"]["is_marked_different"]


def test_photos_of_one_individual_and_of_nobody_known_are_compared(
    curated: Any, photo: Photo
) -> None:
    client = curated.client
    own = pair(client, "w_0_a.png", "w_0_b.png")
    assert own["individuals"] is None
    assert own["distance"] == pytest.approx(1 - np.cos(np.radians(3)), abs=1e-5)
    client.post("/v1/queue", files=[("photos", ("q.png", photo(95)))])
    waiting = pair(client, "q.png", "nobody_200.png")
    assert (waiting["one"]["state"], waiting["other"]["state"]) == ("waiting", "catalogued")
    assert waiting["individuals"] is None
    assert waiting["distance"] == pytest.approx(1 - np.cos(np.radians(105)), abs=1e-5)


def test_a_box_is_the_catalogue_s_or_found_once(
    curated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder, located = curated.embedder, []
    found = Box(0.25, 0.25, 0.75, 1.0)

    def locate(images: Any, boxes: Any) -> Any:
        located.append(len(images))
        return [found if box is None else box for box in boxes]

    monkeypatch.setattr(embedder, "located", locate, raising=False)
    for _ in range(2):
        one = pair(curated.client, "w_30_a.png", "w_0_a.png")["one"]
        assert (one["box"], one["is_box_found"], one["quarter_turns"]) == ([*found], True, 0)
    assert located == [1, 1]  # each photo once


def test_a_probability_that_takes_long_is_told_later(
    curated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    go_on = threading.Event()

    def slow(*given: Any, **named: Any) -> Any:
        assert go_on.wait(60)
        return similar_individuals.find_similar_individuals(*given, **named)

    monkeypatch.setattr(service.catalogue.work_lists, "find_similar_individuals", slow)
    monkeypatch.setattr(service.routes.catalogue.pairs, "_WAIT_SECONDS", 0.01)
    pending = pair(curated.client, "w_30_a.png", "w_0_a.png")["individuals"]
    assert (pending["probability"], pending["fitted_to"]) == (
        None,
        "The catalogue's pairs are being compared; ask again in a moment.",
    )
    go_on.set()
    monkeypatch.setattr(service.routes.catalogue.pairs, "_WAIT_SECONDS", 60)
    later = pair(curated.client, "w_30_a.png", "w_0_a.png")["individuals"]
    assert later["fitted_to"].startswith("No probability")


@pytest.mark.parametrize("path", ["/v1/pairs", "/v1/pairs/heat"])
def test_what_can_t_be_compared_says_why(curated: Any, problem: Problem, path: str) -> None:
    client = curated.client
    for params, status, slug in [
        ({"one": "w_0_a.png", "other": "none.png"}, 404, "not-found"),
        ({"one": "w_0_a.png", "other": "w_0_a.png"}, 422, "invalid"),
        ({"one": "w_0_a.png"}, 422, "invalid"),
        ({"one": "", "other": "w_0_a.png"}, 422, "invalid"),
    ]:
        problem(client.get(path, params=params), status, slug)
    (curated.path.parent / "w_0_b.png").unlink()
    problem(client.get(path, params={"one": "w_0_b.png", "other": "w_30_a.png"}), 404, "not-found")
