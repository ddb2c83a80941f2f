"""POST /v1/locate, and the animals and boxes of POST /v1/identify."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient

from embedding.photos.box import Animal
from embedding.photos.photo import Box
from service.schemas.verify import LOCATE_EXAMPLE, LocateAnswer
from tests.service.routes.identification.photo_files import files_of

TWO = (Animal(Box(0.0, 0.0, 0.5, 1.0), 0.9), Animal(Box(0.5, 0.0, 1.0, 1.0), 0.4))


class SeeingTwo:
    """Finds two animals in each image but a black one, and notes by which boxes images are cut."""

    def __init__(self, embedder: Any) -> None:
        self._embed = embedder.embed
        self.boxes: list[Box | None] = []
        embedder.find_animals = self.find_animals
        embedder.embed = self.embed

    def find_animals(self, images: Sequence[Any]) -> list[tuple[Animal, ...]]:
        return [TWO if image.getpixel((0, 0))[0] else () for image in images]

    def embed(self, images: Sequence[Any], boxes: Sequence[Box | None] | None = None) -> Any:
        self.boxes += boxes or []
        return self._embed(images, boxes)


def test_each_photo_has_its_animals_surest_first(
    client: TestClient, photo: Callable[..., bytes], embedder: Any
) -> None:
    SeeingTwo(embedder)
    sent = [("photos", ("two.png", photo(30))), ("photos", ("none.png", photo(0)))]
    answer = client.post("/v1/locate", files=sent).json()
    assert answer["results"] == [
        {
            "photo": "two.png",
            "animals": [
                {"box": [0.0, 0.0, 0.5, 1.0], "score": 0.9},
                {"box": [0.5, 0.0, 1.0, 1.0], "score": 0.4},
            ],
        },
        {"photo": "none.png", "animals": []},
    ]
    assert answer["fingerprint"] == "f1" * 32 and answer["timings_ms"]["total"] > 0


def test_an_embedder_that_finds_nothing_sees_one_animal_that_fills_the_photo(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    (result,) = client.post("/v1/locate", files=files_of(a=photo(30))).json()["results"]
    assert result["animals"] == [{"box": [0.0, 0.0, 1.0, 1.0], "score": 1.0}]


def test_a_bad_photo_is_named(
    client: TestClient, photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    sent = [("photos", ("good.png", photo(0))), ("photos", ("bad.png", b"text"))]
    (fault,) = problem(client.post("/v1/locate", files=sent), 422, "bad-photos")["errors"]
    assert (fault["photo"], fault["position"]) == ("bad.png", 1)


def test_only_photos_are_taken(
    client: TestClient, photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    answer = client.post("/v1/locate", files=files_of(a=photo(0)), data={"k": "1"})
    (fault,) = problem(answer, 422, "invalid")["errors"]
    assert fault["field"] == "k"
    problem(client.post("/v1/locate", json={}), 415, "not-multipart")


def test_identify_looks_in_the_box_that_is_sent(
    client: TestClient, photo: Callable[..., bytes], embedder: Any
) -> None:
    seen = SeeingTwo(embedder)
    sent = [("photos", (f"{degrees}.png", photo(degrees))) for degrees in (30, 90)]
    data = {"box": ["0.5 0 1 1", ""]}
    results = client.post("/v1/identify", files=sent, data=data).json()["results"]
    assert sorted(seen.boxes, key=str) == [None, Box(0.5, 0, 1, 1)] or seen.boxes == [
        Box(0.5, 0, 1, 1),
        None,
    ]
    assert [each["matches"][0]["individual"] for each in results] == ["w_30", "w_90"]


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        (["0 0 1"], "four numbers"),
        (["0 0 1 1", "0 0 1 1"], "2 boxes for 1 photos"),
        (["0.5 0 0.2 1"], "0.5 0 0.2 1"),
    ],
)
def test_boxes_that_are_none_are_refused(
    client: TestClient,
    photo: Callable[..., bytes],
    problem: Callable[..., Any],
    box: list[str],
    reason: str,
) -> None:
    answer = client.post("/v1/identify", files=files_of(a=photo(30)), data={"box": box})
    (fault,) = problem(answer, 422, "invalid")["errors"]
    assert fault["field"].startswith("box") and reason in fault["reason"]


def test_the_example_is_what_the_service_would_answer() -> None:
    assert LocateAnswer.model_validate(LOCATE_EXAMPLE).model_dump() == LOCATE_EXAMPLE
