"""Keys and accounts outlive a catalogue that is built anew or restored; revoked ones stay so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from index.access.keys import Keys
from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from index.exchange.backup.backup import make_backup, restore_backup
from index.reindex.build import build_catalogue
from tests.cheap_passwords import hash_cheaply


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, season: Any, embedder: Any) -> Path:
    hash_cheaply(monkeypatch)
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


PASSWORD = "kelp tide lantern"


def test_a_catalogue_that_is_built_anew_keeps_its_accounts_and_who_is_signed_in(
    path: Path, season: Any, embedder: Any
) -> None:
    with Catalogue.open(path) as catalogue:
        access = AccessStore.of(catalogue.engine)
        link = access.invitations.invite("admin", made_by="local").token
        session = access.sessions.begin(access.invitations.accept(link, "Ana", PASSWORD))
        link = access.invitations.invite("read", made_by="Ana").token
    build_catalogue(path, season.labels(), embedder, overwrite=True)
    with Catalogue.open(path) as catalogue:
        access = AccessStore.of(catalogue.engine)
        assert access.sessions.find(session.token) is not None
        assert access.invitations.accept(link, "Ben", PASSWORD).role == "read"


def test_a_backup_has_accounts_but_neither_sessions_nor_invitations(path: Path) -> None:
    with Catalogue.open(path) as catalogue:
        access = AccessStore.of(catalogue.engine)
        link = access.invitations.invite("admin", made_by="local").token
        session = access.sessions.begin(access.invitations.accept(link, "Ana", PASSWORD))
        access.invitations.invite("read", made_by="Ana")
    make_backup(path, path.with_name("backup"))
    with Catalogue.open(path) as catalogue:
        assert AccessStore.of(catalogue.engine).sessions.find(session.token) is not None
    path.unlink()
    restore_backup(path.with_name("backup"), path)
    with Catalogue.open(path) as catalogue:
        access = AccessStore.of(catalogue.engine)
        assert access.accounts.check("Ana", PASSWORD) is not None
        assert access.sessions.find(session.token) is None
        assert access.invitations.all() == []


def test_a_backup_brings_back_no_account_that_was_deactivated_since(path: Path) -> None:
    with Catalogue.open(path) as catalogue:
        access = AccessStore.of(catalogue.engine)
        for name in ("Ana", "Ben"):
            link = access.invitations.invite("admin", made_by="local").token
            access.invitations.accept(link, name, PASSWORD)
    make_backup(path, path.with_name("backup"))
    with Catalogue.open(path) as catalogue:
        AccessStore.of(catalogue.engine).accounts.deactivate("Ben")
    restore_backup(path.with_name("backup"), path, is_replacing=True)
    with Catalogue.open(path) as catalogue:
        assert AccessStore.of(catalogue.engine).accounts.check("Ben", PASSWORD) is None
