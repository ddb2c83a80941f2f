"""One damaged vector is named and embedded again, and everything else goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from index.catalogue.catalogue import Catalogue
from index.catalogue.gallery_refresh import read_photo_states, refresh_gallery, unknown_photos
from index.catalogue.status import catalogue_status
from index.exchange.backup.verify import verify_catalogue
from index.storage.connection import open_engine
from index.storage.schema import writing
from tests.index.reindex.states import state, update

NAME = "a00_0.png"
UNIT = np.ones(24) / np.sqrt(24)
SHORT = np.ones(8) / np.sqrt(8)
LONG = np.ones(32) / np.sqrt(32)
NAN, INFINITE = UNIT.copy(), UNIT.copy()
NAN[3], INFINITE[3] = np.nan, np.inf
DAMAGE: dict[str, tuple[np.ndarray, int, str]] = {
    "not a number": (NAN, 24, "holds NaN or infinity"),
    "infinite": (INFINITE, 24, "holds NaN or infinity"),
    "too long a vector": (2 * UNIT, 24, "has the length 2 and not 1"),
    "nothing but zeros": (0 * UNIT, 24, "has the length 0 and not 1"),
    "cut": (UNIT[:10], 24, "has 40 bytes and not 96"),
    "gone": (UNIT[:0], 24, "has 0 bytes and not 96"),
    "of fewer numbers": (SHORT, 8, "has 32 bytes and not 96"),
    "another unit vector": (
        -UNIT,
        24,
        "is not what was stored: its bytes differ from their checksum",
    ),
    "of more numbers": (LONG, 32, "has 128 bytes and not 96"),
}


@pytest.fixture(params=DAMAGE.values(), ids=DAMAGE)
def damage(request: pytest.FixtureRequest) -> tuple[np.ndarray, int, str]:
    return request.param


def put(address: Any, damage: tuple[np.ndarray, int, str], name: str = NAME) -> None:
    vector, dimension, _ = damage
    engine = open_engine(address)
    statement = text(
        "UPDATE vectors SET embedding = :embedding, dimension = :dimension "
        "WHERE photo_id = (SELECT id FROM photos WHERE name = :name)"
    )
    values = {
        "embedding": vector.astype("<f4").tobytes(),
        "dimension": dimension,
        "name": name,
    }
    with writing(engine.connect()) as connection, connection.begin():
        connection.execute(statement, values)
    engine.dispose()


def test_it_is_named_and_embedded_again(path, place, season, embedder, damage):
    before = state(path)
    put(path, damage)
    with Catalogue.open(path) as catalogue:
        found = catalogue.read_searchable()
        assert found.damaged == catalogue.damaged_vectors() == {NAME: damage[2]}
    assert (found.gallery.size, NAME in found.gallery.photo_names) == (35, False)
    assert found.calibration.is_fitted == catalogue_status(path, None).calibration.is_fitted
    (fault,) = [each for each in verify_catalogue(path).faults if each.kind == "vector"]
    assert (fault.photo, damage[2] in fault.reason) == (NAME, True)
    assert "flukeprint index update" in fault.reason
    status = catalogue_status(path, None)
    assert (status.damaged, status.to_json()["damaged_vectors"]) == ((NAME,), [NAME])
    assert "flukeprint index update" in str(status.mend)
    report = update(path, season, embedder)
    assert (report.reembedded, report.unchanged) == (1, 37)
    assert [row[-1] for row in state(path)[0]] == [row[-1] for row in before[0]]
    assert not [each for each in verify_catalogue(path).faults if each.kind == "vector"]
    assert update(path, season, embedder).reembedded == 0


def test_without_labels_too(path, place, embedder):
    put(path, DAMAGE["cut"])
    assert update(path, None, embedder).reembedded == 1
    with Catalogue.open(path) as catalogue:
        assert catalogue.damaged_vectors() == {}


def test_a_gallery_in_memory_follows_without_it(path, place, damage):
    with Catalogue.open(path) as catalogue:
        whole = catalogue.gallery()
        put(path, damage)
        now = read_photo_states(catalogue, [NAME, "a00_1.png"])
        after = refresh_gallery(whole, [NAME, "a00_1.png"], now)
    assert now.damaged == {NAME: damage[2]}
    assert set(whole.photo_names) - set(after.photo_names) == {NAME}


def test_a_damaged_unknown_photo_is_no_candidate(path, place, season, embedder, damage):
    with Catalogue.open(path) as catalogue:
        names = unknown_photos(catalogue, embedder.fingerprint).photo_names
        put(path, damage, names[0])
        found = unknown_photos(catalogue, embedder.fingerprint)
    assert (found.photo_names, found.vectors.shape) == (names[1:], (len(names) - 1, 24))
