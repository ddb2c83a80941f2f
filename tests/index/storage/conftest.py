"""A catalogue in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from index.reindex.build import build_catalogue
from index.storage.address import PostgresAddress


@pytest.fixture
def address(
    tmp_path: Path, postgres: Callable[[Path], PostgresAddress], season: Any, embedder: Any
) -> PostgresAddress:
    address = postgres(tmp_path / "catalogue")
    build_catalogue(address, season.labels(), embedder)
    return address
