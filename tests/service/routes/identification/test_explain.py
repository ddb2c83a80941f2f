"""POST /v1/explain: with a real, tiny network, the picture that `flukeprint explain` draws."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image

from embedding.embedder import Embedder
from embedding.explanation.heatmap import png_bytes
from embedding.explanation.overlays import heat_overlays
from embedding.explanation.side_by_side import ComparedPhoto, compare
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import Box, read_photo
from embedding.photos.preprocessing import Preprocessing
from index.identification.identifier import Identifier
from index.search.gallery import Gallery
from index.snapshots.served_photo import ServedPhoto
from service.serving.service import Serving

BOX = Box(0.25, 0.0, 1.0, 0.5)


def drawn(rng: np.random.Generator) -> bytes:
    data = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (40, 80, 3), dtype=np.uint8)).save(data, "PNG")
    return data.getvalue()


def network_embedder(**config: Any) -> Embedder:
    torch.manual_seed(6)
    return Embedder(
        Network(NetworkConfig("test_resnet", 8, **config)),
        Preprocessing(32, 32, crop="box"),
        "f" * 64,
    )


def serving_of(embedder: Embedder, path: Path, calibration: Any) -> Serving:
    vectors = embedder.embed([read_photo(path)], [BOX])
    gallery = Gallery.build(
        ["2018/a.png"], ["w_a"], vectors, fingerprint=embedder.fingerprint, revision=1
    )
    photos = {"2018/a.png": ServedPhoto(path, "0" * 64, "w_a", box=BOX)}
    return Serving(Identifier(embedder, gallery, calibration), photos, decode_px=embedder.input_px)


@pytest.fixture
def embedder() -> Embedder:
    return network_embedder()


@pytest.fixture
def catalogue_photo(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "a.png"
    path.write_bytes(drawn(rng))
    return path


@pytest.fixture
def query(catalogue_photo: Path, rng: np.random.Generator) -> bytes:
    return drawn(rng)


@pytest.fixture
def serving(embedder: Embedder, catalogue_photo: Path, fitted: Any) -> Serving:
    return serving_of(embedder, catalogue_photo, fitted)


def test_a_catalogue_photo_is_drawn_in_its_box(
    client: TestClient, embedder: Embedder, query: bytes, catalogue_photo: Path
) -> None:
    sent = [("photos", ("fluke.png", query))]
    response = client.post("/v1/explain", files=sent, data={"catalogue_photo": "2018/a.png"})
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
    expected = compare(
        embedder,
        ComparedPhoto("fluke.png", read_photo(query)),
        ComparedPhoto("2018/a.png", read_photo(catalogue_photo), BOX),
    )
    assert response.content == png_bytes(expected.picture)
    assert float(response.headers["x-distance"]) == pytest.approx(expected.heat.distance, abs=1e-6)


def test_the_distance_is_the_one_that_identify_tells(client: TestClient, query: bytes) -> None:
    sent = [("photos", ("fluke.png", query))]
    (match,) = client.post("/v1/identify", files=sent).json()["results"][0]["matches"]
    response = client.post("/v1/explain", files=sent, data={"catalogue_photo": match["photo"]})
    assert float(response.headers["x-distance"]) == pytest.approx(match["distance"], abs=1e-4)


def test_heat_lies_over_two_catalogue_photos(
    client: TestClient, serving: Serving, embedder: Embedder, catalogue_photo: Path
) -> None:
    sent = {"one": "2018/a.png", "other": "2018/b.png"}
    assert client.get("/v1/pairs/heat", params=sent).status_code == 404
    another = ServedPhoto(catalogue_photo, "1" * 64, "w_b")
    object.__setattr__(serving, "photos", {**serving.photos, "2018/b.png": another})
    found = client.get("/v1/pairs/heat", params=sent).json()
    expected = heat_overlays(
        embedder,
        ComparedPhoto("a", read_photo(catalogue_photo), BOX),
        ComparedPhoto("b", read_photo(catalogue_photo)),
    )
    assert found["distance"] == pytest.approx(expected.distance, abs=1e-6)
    for heat, own in ((found["one"], expected.query), (found["other"], expected.reference)):
        assert np.array(heat["values"]) == pytest.approx(own.values, abs=1e-4)
        assert heat["region"] == pytest.approx([*own.region])
    assert max(abs(one) for row in found["one"]["values"] for one in row) <= 1


def test_two_files_are_drawn(client: TestClient, query: bytes) -> None:
    sent = [("photos", ("fluke.png", query)), ("reference", ("again.png", query))]
    response = client.post("/v1/explain", files=sent)
    assert float(response.headers["x-distance"]) == pytest.approx(0, abs=1e-5)
    with Image.open(io.BytesIO(response.content)) as picture:
        assert picture.size == (750, 2 * (180 + 27) + 37)


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({}, "catalogue_photo, reference", "one of them"),
        ({"catalogue_photo": "2018/b.png"}, "catalogue_photo", "similar names are 2018/a.png"),
        ({"photo": "2018/a.png"}, "photo", "the fields are photos, reference, catalogue_photo"),
    ],
)
def test_what_names_no_pair(
    client: TestClient,
    problem: Callable[..., Any],
    query: bytes,
    asked: dict[str, str],
    field: str,
    said: str,
) -> None:
    response = client.post("/v1/explain", files=[("photos", ("fluke.png", query))], data=asked)
    (fault,) = problem(response, 422, "invalid")["errors"]
    assert fault["field"] == field
    assert said in fault["reason"]


def test_one_photo_is_explained_at_a_time(
    client: TestClient, problem: Callable[..., Any], query: bytes
) -> None:
    sent = [
        ("photos", ("one.png", query)),
        ("photos", ("two.png", query)),
        ("reference", ("three.png", query)),
    ]
    assert "at most 1" in problem(client.post("/v1/explain", files=sent), 422, "invalid")["detail"]


def test_bad_photos_are_named(
    client: TestClient, problem: Callable[..., Any], query: bytes
) -> None:
    sent = [("photos", ("fluke.png", query)), ("reference", ("words.png", b"words"))]
    (fault,) = problem(client.post("/v1/explain", files=sent), 422, "bad-photos")["errors"]
    assert (fault["photo"], fault["field"]) == ("words.png", "reference")


def test_a_catalogue_photo_whose_file_is_gone(
    client: TestClient, problem: Callable[..., Any], query: bytes, catalogue_photo: Path
) -> None:
    catalogue_photo.unlink()
    sent = [("photos", ("fluke.png", query))]
    response = client.post("/v1/explain", files=sent, data={"catalogue_photo": "2018/a.png"})
    assert "can't be read any more" in problem(response, 404, "not-found")["detail"]
    assert str(catalogue_photo) not in response.text


def test_a_network_of_several_maps_draws_no_heat(
    serve: Callable[..., Any],
    problem: Callable[..., Any],
    query: bytes,
    catalogue_photo: Path,
    fitted: Any,
) -> None:
    pooled = serving_of(network_embedder(stages=2), catalogue_photo, fitted)
    with serve(lambda: pooled) as client:
        while client.get("/readyz").status_code != 200:
            pass
        sent = [("photos", ("fluke.png", query)), ("reference", ("other.png", query))]
        assert "stages" in problem(client.post("/v1/explain", files=sent), 409, "no-heat")["detail"]
        assert client.post("/v1/identify", files=sent[:1]).status_code == 200
