"""kill -9 while an older catalogue is upgraded: the old format or the new one, nothing between."""

from __future__ import annotations

import random
from pathlib import Path

from sqlalchemy import func, select

from index.catalogue.catalogue import Catalogue
from index.storage.address import CatalogueAddress
from index.storage.connection import check_catalogue, open_engine
from index.storage.schema import SCHEMA_VERSION, VectorRow, writing
from tests.faults.copies import postgres_copies, sqlite_copies
from tests.faults.forks import moment, run_forked
from tests.faults.scene import Acknowledger, check_whole, snapshot
from tests.index.storage.older_formats import take_back

SHORT = 4  # kills on each database
STAGED = 3000
"""Vectors of another checkpoint, so that there is something to be killed in."""


def _stage(address: CatalogueAddress) -> None:
    engine = open_engine(address)
    rows = [
        {"photo_id": 1, "fingerprint": f"{at:064}", "dimension": 24, "embedding": bytes(96)}
        for at in range(STAGED)
    ]
    with writing(engine.connect()) as connection, connection.begin():
        connection.execute(VectorRow.__table__.insert(), rows)
    engine.dispose()


def _unstage(address: CatalogueAddress) -> None:
    engine = open_engine(address)
    with writing(engine.connect()) as connection, connection.begin():
        connection.execute(VectorRow.__table__.delete().where(VectorRow.embedding == bytes(96)))
    engine.dispose()


def _counts(address: CatalogueAddress) -> tuple[int, int]:
    """How many vectors there are, and how many of them have a checksum."""
    engine = open_engine(address)
    with engine.connect() as connection:
        row = connection.execute(select(func.count(), func.count(VectorRow.checksum))).one()
    engine.dispose()
    return row[0], row[1]


def _kill_upgrades(address: CatalogueAddress, rng: random.Random, count: int) -> list[int]:
    """Kill so many upgrades of one catalogue; the format that each of them left.

    The staged vectors are nothing but zeros, so that they are taken away at the end.
    """
    before = snapshot(address)
    _stage(address)
    whole = _counts(address)[0]

    def upgrade(acknowledge: Acknowledger) -> None:
        Catalogue.open(address).close()
        acknowledge(revision=before["revision"])

    left, seconds = list[int](), 0.0
    for at in range(count + 1):
        take_back(address, 4)
        is_measured = at == 0
        outcome = run_forked(upgrade, kill_after=None if is_measured else moment(rng, seconds))
        seconds = outcome.seconds if is_measured else seconds
        assert outcome.is_killed or outcome.code == 0, outcome.error
        left += [] if is_measured else [check_catalogue(address)]
        assert not outcome.revisions or check_catalogue(address) == SCHEMA_VERSION
        if check_catalogue(address) == SCHEMA_VERSION:
            assert _counts(address) == (whole, whole)
        Catalogue.open(address).close()
        assert snapshot(address) == before
        assert _counts(address) == (whole, whole)
    _unstage(address)
    return left


def test_a_killed_upgrade_leaves_the_old_format_or_the_new_one(tmp_path: Path) -> None:
    _, copies = sqlite_copies(tmp_path)
    with copies() as scene:
        left = _kill_upgrades(scene.address, random.Random(5), SHORT)
        check_whole(scene.address)
    assert len(left) == SHORT


def test_in_postgresql_too(tmp_path: Path, postgres_server: Path) -> None:
    with postgres_copies(postgres_server, tmp_path) as (_, copies), copies() as scene:
        left = _kill_upgrades(scene.address, random.Random(5), SHORT)
    assert len(left) == SHORT
