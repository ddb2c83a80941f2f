"""A catalogue of the season, by its path."""

from __future__ import annotations

import pytest

from index.reindex.build import build_catalogue


@pytest.fixture
def path(tmp_path, season, embedder):
    season.rows["a00_0.png"] |= {"species": "humpback", "encounter": "e1", "taken_at": "2018-06-01"}
    season.rows["a00_1.png"] |= {"encounter": "e1", "box": "0 0 0.5 1"}
    season.rows["a01_0.png"] |= {"encounter": "e1"}  # another animal: another encounter
    path = tmp_path / "catalogue.db"
    build_catalogue(path, season.labels(), embedder)
    return path
