"""POST /v1/identify with `encounter`: all photos of the request answered for together, beside each
on its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient


def distance(degrees: float) -> float:
    return 1 - float(np.cos(np.radians(degrees)))


def ask(client: TestClient, photo: Callable[..., bytes], *degrees: int, **asked: Any) -> Any:
    files = [("photos", (f"{each}.png", photo(each))) for each in degrees]
    return client.post("/v1/identify", files=files, data={"encounter": "true", **asked})


def test_the_photos_are_answered_together_and_each_on_its_own(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    answer = ask(client, photo, 14, 26, 20, k="2").json()
    assert [each["matches"][0]["individual"] for each in answer["results"]] == [
        "w_0",
        "w_30",
        "w_30",
    ]
    together = answer["encounter"]
    assert (together["photos"], together["decision"]) == (3, "known")
    assert [match["individual"] for match in together["matches"]] == ["w_30", "w_0"]
    assert together["matches"][0]["distance"] == pytest.approx(
        (distance(16) + distance(4) + distance(10)) / 3, abs=1e-6
    )
    assert together["matches"][0]["photo"] == "2018/w_30.jpg"
    assert together["probability"] == together["matches"][0]["probability"]
    assert together["reason"].startswith("3 photos together: w_30")


def test_without_the_field_nobody_answers_for_them_together(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    assert ask(client, photo, 0, 30, encounter="false").json()["encounter"] is None
    files = [("photos", ("a.png", photo(0)))]
    assert client.post("/v1/identify", files=files).json()["encounter"] is None


def test_one_photo_is_an_encounter_too(client: TestClient, photo: Callable[..., bytes]) -> None:
    answer = ask(client, photo, 60).json()
    assert answer["encounter"]["matches"] == answer["results"][0]["matches"]
    assert answer["encounter"]["decision"] == answer["results"][0]["decision"] == "review"


@pytest.mark.parametrize(
    ("asked", "decision"),
    [({"threshold": "0.05"}, "new_whale"), ({"max_fpir": "0.3"}, "known"), ({}, "review")],
)
def test_the_thresholds_of_the_request_decide_together_too(
    client: TestClient, photo: Callable[..., bytes], asked: dict[str, str], decision: str
) -> None:
    together = ask(client, photo, 58, 62, **asked).json()["encounter"]
    assert together["decision"] == decision


def test_the_scope_of_the_request_holds_together_too(
    client: TestClient, photo: Callable[..., bytes]
) -> None:
    answer = ask(client, photo, 1, 2, exclude=["w_0"]).json()
    assert [match["individual"] for match in answer["encounter"]["matches"]] == ["w_30", "w_90"]
    assert answer["individuals_searched"] == 2


def test_a_word_that_is_neither_yes_nor_no(
    client: TestClient, photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    document = problem(ask(client, photo, 0, encounter="perhaps"), 422, "invalid")
    assert document["errors"][0]["field"] == "encounter"


def test_photos_of_requests_in_other_words_go_through_the_network_together(
    serve: Callable[..., Any], embedder: Any, photo: Callable[..., bytes]
) -> None:
    with serve(max_wait_ms=500, max_batch=3) as client:
        ask(client, photo, 0, 30, 90, k="1")
    assert embedder.batch_sizes == [3]
