"""POST /v1/embed: the vectors, and who made them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from service.schemas.verify import EMBED_EXAMPLE, EmbedAnswer


def test_vectors_come_in_order_with_dimension_and_fingerprint(
    client: TestClient, photo: Callable[..., bytes], at: Callable[..., np.ndarray], embedder: Any
) -> None:
    sent = [("photos", (f"{degrees}.png", photo(degrees))) for degrees in (90, 0, 60)]
    answer = client.post("/v1/embed", files=sent).json()
    assert [each["photo"] for each in answer["results"]] == ["90.png", "0.png", "60.png"]
    np.testing.assert_array_equal(
        np.float32([each["vector"] for each in answer["results"]]), at(90, 0, 60)
    )
    assert (answer["dimension"], answer["fingerprint"]) == (2, "f1" * 32)
    assert sum(embedder.batch_sizes) == 3


def test_a_bad_photo_is_named(
    client: TestClient, photo: Callable[..., bytes], problem: Callable[..., Any]
) -> None:
    sent = [("photos", ("good.png", photo(0))), ("photos", ("bad.png", b"text"))]
    (fault,) = problem(client.post("/v1/embed", files=sent), 422, "bad-photos")["errors"]
    assert (fault["photo"], fault["position"]) == ("bad.png", 1)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"files": [("photos", ("a.png", b""))], "data": {"k": "1"}}, "k"),
        ({"files": [("a", ("a", b""))]}, "photos"),
    ],
)
def test_fields_that_make_no_sense(
    client: TestClient, problem: Callable[..., Any], sent: Any, field: str
) -> None:
    (fault,) = problem(client.post("/v1/embed", **sent), 422, "invalid")["errors"]
    assert fault["field"] == field


def test_nothing_but_a_form_is_taken(client: TestClient, problem: Callable[..., Any]) -> None:
    problem(client.post("/v1/embed", json={}), 415, "not-multipart")


def test_the_example_is_what_the_service_would_answer() -> None:
    assert EmbedAnswer.model_validate(EMBED_EXAMPLE).model_dump() == EMBED_EXAMPLE
