"""A service with a damaged vector answers, and says which photo it can't find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from index.catalogue.catalogue import Catalogue
from index.reindex.update import update_catalogue
from index.storage.address import CatalogueAddress
from index.storage.schema import writing
from service.serving.loading import log_damaged


def damage(address: CatalogueAddress, name: str) -> None:
    nan = np.full(2, np.nan, "<f4").tobytes()
    statement = text(
        "UPDATE vectors SET embedding = :nan WHERE photo_id = "
        "(SELECT id FROM photos WHERE name = :name)"
    )
    with (
        Catalogue.open(address) as catalogue,
        writing(catalogue.engine.connect()) as connection,
        connection.begin(),
    ):
        connection.execute(statement, {"nan": nan, "name": name})


def test_the_rest_is_served_and_the_photo_is_named(
    serve_curated: Callable[..., Any],
    photo: Callable[..., bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serve_curated() as (client, path, embedder):
        damage(path, "w_30_a.png")
        client.app.state.writer._reload()
        ready, stats = client.get("/readyz").json(), client.get("/v1/stats").json()
        assert (ready["photos"], ready["damaged_vectors"]) == (3, 1)
        assert stats["damaged_vectors"] == [
            {"photo": "w_30_a.png", "reason": "the vector holds NaN or infinity"}
        ]
        assert "The vector of w_30_a.png holds NaN or infinity" in caplog.text
        answer = client.post("/v1/identify", files={"photos": ("q.png", photo(1))})
        assert answer.json()["results"][0]["matches"][0]["individual"] == "w_0"
        # A curator's act elsewhere leaves it named, and the job that mends it ends that.
        edit = client.patch("/v1/catalogue/photos/w_0_a.png", json={"taken_at": "2016-07-02"})
        assert edit.status_code == 200, edit.text
        assert client.get("/readyz").json()["damaged_vectors"] == 1
        embedder.input_px = 8
        with Catalogue.open(path) as catalogue:
            assert update_catalogue(catalogue, None, embedder).reembedded == 1
        client.app.state.writer._reload()
        ready = client.get("/readyz").json()
        assert (ready["photos"], "damaged_vectors" in ready) == (4, False)


def test_of_many_only_the_first_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    log_damaged({f"{at}.jpg": "is cut" for at in range(1000)})
    assert len(caplog.records) == 21
    assert "1000 photos are not searched" in caplog.text
