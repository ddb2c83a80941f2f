"""Keys outlive a catalogue that is built anew or restored, and revoked ones stay revoked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from index.access.keys import Keys
from index.catalogue.catalogue import Catalogue
from index.exchange.backup.backup import make_backup, restore_backup
from index.reindex.build import build_catalogue


@pytest.fixture
def path(tmp_path: Path, season: Any, embedder: Any) -> Path:
    path = tmp_path / "catalogue.db"
    build_catalogue(path, season.labels(), embedder)
    return path


def roles(path: Path, *secrets: str) -> list[str | None]:
    """What each secret opens."""
    with Catalogue.open(path) as catalogue:
        found = [Keys(catalogue.engine).find(secret) for secret in secrets]
    return [None if key is None else key.role for key in found]


def test_a_catalogue_that_is_built_anew_keeps_its_keys(
    path: Path, season: Any, embedder: Any
) -> None:
    with Catalogue.open(path) as catalogue:
        keys = Keys(catalogue.engine)
        ana, bob = keys.create("Ana", "curate").secret, keys.create("Bob", "read").secret
        keys.revoke("Bob")
        before = keys.all()
    build_catalogue(path, season.labels(), embedder, overwrite=True)
    assert roles(path, ana, bob) == ["curate", None]
    with Catalogue.open(path) as catalogue:
        assert Keys(catalogue.engine).all() == before


def test_one_without_keys_stays_open(path: Path, season: Any, embedder: Any) -> None:
    build_catalogue(path, season.labels(), embedder, overwrite=True)
    with Catalogue.open(path) as catalogue:
        assert not Keys(catalogue.engine).has_any()


def test_a_backup_brings_back_no_key_that_was_revoked_since(path: Path) -> None:
    with Catalogue.open(path) as catalogue:
        ana = Keys(catalogue.engine).create("Ana", "curate").secret
    make_backup(path, path.with_name("backup"))
    with Catalogue.open(path) as catalogue:
        Keys(catalogue.engine).revoke("Ana")
        cora = Keys(catalogue.engine).create("Cora", "admin").secret
    restore_backup(path.with_name("backup"), path, is_replacing=True)
    assert roles(path, ana, cora) == [None, "admin"]
    path.unlink()
    restore_backup(path.with_name("backup"), path)
    assert roles(path, ana, cora) == ["curate", None]  # nothing was there to be kept
