"""Catalogues so small that a snapshot of them is only written where a test wants it."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from index.snapshots import snapshot


@pytest.fixture(autouse=True)
def small_catalogues_have_snapshots(monkeypatch):
    monkeypatch.setattr(snapshot, "FEWEST_PHOTOS", 1)


@pytest.fixture
def assert_same():
    """Whether two ways of reading a catalogue gave the same, bit for bit."""

    def _assert_same(found, anew):
        one, other = found.gallery, anew.gallery
        assert list(one.photo_names) == list(other.photo_names)
        assert list(one.individuals) == list(other.individuals)
        assert (one.revision, one.fingerprint) == (other.revision, other.fingerprint)
        assert np.array_equal(one.vectors, other.vectors)
        assert np.array_equal(one.centres, other.centres)
        assert one.rank(other.vectors, 5) == other.rank(other.vectors, 5)
        assert [(name, _plain(photo)) for name, photo in sorted(found.photos.items())] == [
            (name, _plain(photo)) for name, photo in sorted(anew.photos.items())
        ]
        assert len(found.photos) == len(anew.photos)
        assert dict(found.species) == dict(anew.species)
        assert dict(found.viewpoints) == dict(anew.viewpoints)
        assert dict(found.damaged) == dict(anew.damaged)
        assert asdict(found.calibration) == asdict(anew.calibration)

    return _assert_same


def _plain(photo):
    return photo._replace(path=str(photo.path))
