"""Services of one PostgreSQL catalogue count requests together, and a minute fills a bucket."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text

from index.access.shared_buckets import BucketRow, SharedBuckets
from index.access.store import AccessStore
from index.access.tables import AccessUnavailable
from index.catalogue.catalogue import Catalogue
from index.storage.address import PostgresAddress
from index.storage.schema import writing


@pytest.fixture
def engines(
    tmp_path: Path, postgres: Callable[[Path], PostgresAddress]
) -> Generator[tuple[Engine, Engine]]:
    address = postgres(tmp_path / "catalogue")
    with Catalogue.open(address, create=True) as one, Catalogue.open(address) as other:
        yield one.engine, other.engine


def let_pass(engine: Engine, seconds: float) -> None:
    with writing(engine.connect()) as connection, connection.begin():
        connection.execute(text("UPDATE request_buckets SET at = at - :s"), {"s": seconds})


def test_two_services_take_from_one_bucket_and_it_flows_back(
    engines: tuple[Engine, Engine],
) -> None:
    one, other = map(SharedBuckets, engines)
    taken = [each.take("requests", "ana", 3) for each in (one, other, one, other)]
    assert [each.is_allowed for each in taken] == [True, True, True, False]
    assert taken[0].tokens == pytest.approx(2)
    assert taken[3].tokens == pytest.approx(0, abs=0.2)
    assert other.take("requests", "ben", 3).is_allowed
    assert other.take("tries of a name", "ana", 3).is_allowed
    let_pass(engines[0], 20)
    assert [other.take("requests", "ana", 3).is_allowed for _ in range(2)] == [True, False]
    let_pass(engines[0], 600)
    assert one.take("requests", "ana", 3).tokens == pytest.approx(2)


def test_many_at_once_get_no_more_than_there_is(engines: tuple[Engine, Engine]) -> None:
    both = [SharedBuckets(engine) for engine in engines]
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda at: both[at % 2].take("requests", "ana", 10), range(40)))
    # Hardly anything flows back meanwhile: one token each six seconds.
    assert sum(each.is_allowed for each in taken) in (10, 11)


def test_full_buckets_are_forgotten(engines: tuple[Engine, Engine]) -> None:
    now = [0.0]
    buckets = SharedBuckets(engines[0], clock=lambda: now[0])
    for caller in "abc":
        buckets.take("requests", caller, 3)
    let_pass(engines[0], 61)
    now[0] = 601.0
    buckets.take("requests", "d", 3)
    with engines[0].connect() as connection:
        assert connection.scalar(select(func.count(BucketRow.id))) == 1


def test_sqlite_has_none_and_a_database_that_is_away_says_so(
    tmp_path: Path, engines: tuple[Engine, Engine]
) -> None:
    with Catalogue.open(tmp_path / "catalogue.db", create=True) as catalogue:
        assert AccessStore.of(catalogue.engine).buckets is None
    assert AccessStore.of(engines[0]).buckets is not None
    buckets = SharedBuckets(engines[0])
    buckets.take("requests", "ana", 3)
    with writing(engines[1].connect()) as connection, connection.begin():
        connection.execute(text("DROP TABLE request_buckets"))
    with pytest.raises(AccessUnavailable, match="requests can't be counted"):
        buckets.take("requests", "ana", 3)
