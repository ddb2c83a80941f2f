"""A catalogue with a media folder, and all that its tables hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.exchange.importing.run import apply_import, plan_import
from index.exchange.importing.sources import read_source


@pytest.fixture
def living(tmp_path, field_season, embedder) -> Path:
    """A catalogue with a media folder of its own."""
    field_season.labels()
    path = tmp_path / "living" / "catalogue.db"
    path.parent.mkdir()
    apply_import(
        plan_import(read_source(field_season.folder, None, tmp_path / "s"), [], path),
        path,
        embedder,
    )
    return path
