"""Updates of a catalogue, and all that it knows."""

from __future__ import annotations

import pytest

from index.reindex.build import build_catalogue
from tests.index.reindex.states import settle_files


@pytest.fixture
def path(tmp_path, season, embedder, request):
    settle_files(season.folder)
    path = tmp_path / "catalogue.db"
    if "place" in request.fixturenames:
        path = request.getfixturevalue("place")(path)
    build_catalogue(path, season.labels(), embedder)
    embedder.embedded = 0
    return path
