"""PostgreSQL's errors, and schemas that can't be used."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.reindex.build import build_catalogue
from index.storage import postgres as door
from index.storage.address import BadCatalogue, PostgresAddress
from index.storage.connection import database_faults, exists
from index.storage.schema import SCHEMA_VERSION, writing


def test_a_schema_that_holds_only_functions_is_not_dropped(address: PostgresAddress) -> None:
    """As `public` does where an extension was installed and nothing else."""
    other = replace(address, schema=f"{address.schema}_functions")
    with (
        Catalogue.open(address) as catalogue,
        writing(catalogue.engine.connect()) as connection,
        connection.begin(),
    ):
        connection.exec_driver_sql(f"CREATE SCHEMA {other.schema}")
        connection.exec_driver_sql(
            f"CREATE FUNCTION {other.schema}.theirs() RETURNS int LANGUAGE sql AS 'SELECT 1'"
        )
    for ask in (exists, door.remove):
        with pytest.raises(BadCatalogue, match="holds something else"):
            ask(other)


def test_what_is_not_there_or_not_ours_is_told(
    address: PostgresAddress, season: Any, embedder: Any
) -> None:
    absent = replace(address, schema=f"{address.schema}_absent")
    assert not exists(absent)
    with pytest.raises(
        BadCatalogue, match=r"there is no catalogue at postgresql://.*schema=test_\d+_absent"
    ):
        Catalogue.open(absent)
    with (
        Catalogue.open(address) as catalogue,
        writing(catalogue.engine.connect()) as connection,
        connection.begin(),
    ):
        connection.exec_driver_sql(f"CREATE SCHEMA {absent.schema}")
        connection.exec_driver_sql(f"CREATE TABLE {absent.schema}.diary (entry text)")
    with pytest.raises(BadCatalogue, match="holds something else than a flukeprint catalogue"):
        Catalogue.open(absent)
    with pytest.raises(BadCatalogue, match="holds something else"):
        build_catalogue(absent, season.labels(), embedder, overwrite=True)
    with pytest.raises(BadCatalogue, match="holds something else"):
        door.remove(absent)
    with pytest.raises(BadCatalogue, match="already"):
        Catalogue.open(address, create=True)


def test_another_format_is_refused(
    tmp_path: Path, postgres: Callable[[Path], PostgresAddress]
) -> None:
    address = postgres(tmp_path / "empty")
    with Catalogue.open(address, create=True) as catalogue:
        for version, says in (
            (99, r"made by a newer flukeprint \(format 99"),
            (1, "has format 1, which there never"),
        ):
            with writing(catalogue.engine.connect()) as connection, connection.begin():
                connection.exec_driver_sql(f"UPDATE flukeprint_format SET version = {version}")
            with pytest.raises(BadCatalogue, match=says):
                Catalogue.open(address)


def test_an_older_format_is_upgraded_in_place(
    tmp_path: Path, postgres: Callable[[Path], PostgresAddress]
) -> None:
    address = postgres(tmp_path / "empty")
    with Catalogue.open(address, create=True) as catalogue:
        with writing(catalogue.engine.connect()) as connection, connection.begin():
            connection.exec_driver_sql("ALTER TABLE encounters DROP COLUMN region")
            connection.exec_driver_sql("UPDATE flukeprint_format SET version = 2")
        Catalogue.open(address).close()
        with catalogue.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT version FROM flukeprint_format").all() == [
                (SCHEMA_VERSION,)
            ]
            connection.exec_driver_sql("SELECT region FROM encounters")
    assert database_faults(address) == []


def test_faults_of_the_database_are_listed(address: PostgresAddress) -> None:
    with (
        Catalogue.open(address) as catalogue,
        writing(catalogue.engine.connect()) as connection,
        connection.begin(),
    ):
        connection.exec_driver_sql("ALTER TABLE changes DISABLE TRIGGER changes_refuse_change")
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(
            "UPDATE photos SET encounter_id = 999 WHERE name = 'stranger_1.png'"
        )
    assert database_faults(address) == [
        "the trigger that keeps the table changes append-only is gone or off",
        "1 rows of photos refer to encounters, which are not there",
    ]


def test_a_server_that_cannot_be_reached_is_told_without_the_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    nowhere = PostgresAddress(str(tmp_path), None, "whales", "ana", "hush-hush")
    with pytest.raises(BadCatalogue, match=r"can't be reached .*PGPASSWORD") as raised:
        Catalogue.open(nowhere)
    assert "hush" not in str(raised.value)
    with pytest.raises(BadCatalogue, match="invalid connection option"):
        Catalogue.open(replace(nowhere, options=(("colour", "blue"),)))


def test_who_may_only_read_is_told_when_writing(address: PostgresAddress) -> None:
    reader = f"reader_{address.schema}"
    with (
        Catalogue.open(address) as catalogue,
        writing(catalogue.engine.connect()) as connection,
        connection.begin(),
    ):
        connection.exec_driver_sql(f"CREATE ROLE {reader} LOGIN")
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {address.schema} TO {reader}")
        connection.exec_driver_sql(
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {address.schema} TO {reader}"
        )
    with Catalogue.open(replace(address, user=reader)) as catalogue:
        assert catalogue.gallery().size == 36
        with pytest.raises(BadCatalogue, match="ask for the right to change"):
            Curator(catalogue, made_by="ana").rename("w_00", "Salt")


def test_a_missing_driver_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without(name: str, *more: Any, **named: Any) -> Any:
        if name == "psycopg":
            raise ImportError
        return whole(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BadCatalogue, match=r"pip install 'flukeprint\[postgres\]'"):
        door.open_engine(PostgresAddress())
