"""Keys: a secret is told once, found by its hash, and opens nothing once revoked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, ExceptionContext, event, text

from index.access.keys import BadKey, Keys
from index.access.tables import AccessUnavailable
from index.catalogue.catalogue import Catalogue
from index.storage.address import CatalogueAddress
from index.storage.schema import writing


@pytest.fixture
def engine(tmp_path: Path, place: Callable[[Path], CatalogueAddress]) -> Generator[Engine]:
    with Catalogue.open(place(tmp_path / "catalogue.db"), create=True) as catalogue:
        yield catalogue.engine


@pytest.fixture
def keys(engine: Engine) -> Keys:
    return Keys(engine)


def test_a_catalogue_without_keys_has_none_and_finds_none(keys: Keys) -> None:
    assert (keys.has_any(), keys.all(), keys.find("flk_0000_x")) == (False, [], None)


def test_a_reader_may_come_while_another_makes_the_tables(keys: Keys, engine: Engine) -> None:
    failures: list[ExceptionContext] = []

    def make_tables(failure: ExceptionContext) -> None:
        failures.append(failure)
        if len(failures) == 1:
            assert failure.connection is not None
            failure.connection.rollback()
            Keys(engine).create("Ana", "read")

    event.listen(engine, "handle_error", make_tables)
    assert [key.name for key in keys.all()] == ["Ana"]
    assert len(failures) == 1


def test_a_key_is_found_by_its_secret(keys: Keys) -> None:
    new = keys.create("Ana", "curate")
    assert new.secret.startswith(f"flk_{new.key.id}_")
    assert len(new.secret) == len("flk_01234567_") + 43  # 256 bits in base64
    assert keys.find(new.secret) == new.key
    assert (keys.has_any(), keys.all()) == (True, [new.key])


def test_only_a_hash_of_the_secret_is_stored(keys: Keys, engine: Engine) -> None:
    new = keys.create("Ana", "read")
    own = new.secret.split("_", 2)[2]
    with engine.connect() as connection:
        (row,) = connection.execute(text("SELECT * FROM api_keys")).all()
    assert row.secret_hash == hashlib.sha256(own.encode()).hexdigest()
    assert not [cell for cell in row if cell is not None and own in str(cell)]


@pytest.mark.parametrize(
    "spoil", [lambda s: s[:-1], lambda s: s + "x", lambda s: "abc" + s[3:], str.upper, lambda s: ""]
)
def test_another_secret_finds_nothing(keys: Keys, spoil: object) -> None:
    secret = keys.create("Ana", "read").secret
    assert keys.find(spoil(secret)) is None


def test_the_secret_of_one_key_does_not_open_another(keys: Keys) -> None:
    ana, ben = keys.create("Ana", "read"), keys.create("Ben", "admin")
    assert keys.find(f"flk_{ben.key.id}_{ana.secret.split('_', 2)[2]}") is None


def test_a_secret_of_any_text_is_only_wrong(keys: Keys) -> None:
    keys.create("Ana", "read")
    assert [keys.find(each) for each in ("flk_é_ü", "flk", "_", "flk_\udcff_\udcff")] == [None] * 4


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_revoked_key_opens_nothing_and_stays_in_the_list(keys: Keys, by: str) -> None:
    new = keys.create("Ana", "admin")
    revoked = keys.revoke(getattr(new.key, by))
    assert revoked.is_revoked
    assert keys.find(new.secret) is None
    assert keys.all() == [revoked]
    assert keys.has_any()  # locked, not open
    with pytest.raises(BadKey, match="no key in use has the id or name 'Ana'"):
        keys.revoke("Ana")


def test_a_name_is_free_again_once_its_key_is_revoked(keys: Keys) -> None:
    first = keys.create("Ana", "read")
    with pytest.raises(BadKey, match=f"'Ana' is in use already .{first.key.id}."):
        keys.create("Ana", "admin")
    keys.revoke("Ana")
    assert keys.create("Ana", "admin").key.id != first.key.id


@pytest.mark.parametrize(
    ("name", "role", "says"),
    [
        ("Ana", "owner", "'owner' is no role; the roles are read, contribute, curate, admin"),
        ("", "read", "1 to 64 letters"),
        ("a\nb", "read", "can't be a name"),
        ("local", "read", "choose another name"),
        ("x" * 65, "read", "can't be a name"),
    ],
)
def test_a_bad_name_or_role_is_named(keys: Keys, name: str, role: str, says: str) -> None:
    with pytest.raises(BadKey, match=says):
        keys.create(name, role)
    assert not keys.has_any()


def test_use_is_noted_at_most_once_a_minute(keys: Keys, engine: Engine) -> None:
    key = keys.create("Ana", "read").key
    keys.note_use(key)
    (used,) = keys.all()
    assert used.last_used_at is not None
    with writing(engine.connect()) as connection, connection.begin():
        connection.execute(text("UPDATE api_keys SET last_used_at = '2020-01-01T00:00:00Z'"))
    keys.note_use(used)
    assert keys.all()[0].last_used_at == "2020-01-01T00:00:00Z"
    keys.note_use(replace(used, last_used_at="2020-01-01T00:00:00Z"))
    assert keys.all()[0].last_used_at != "2020-01-01T00:00:00Z"


def test_a_database_that_is_being_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    Catalogue.open(path, create=True).close()
    keys = Keys(Catalogue.open(path, wait_seconds=0.05).engine)
    with Catalogue.open(path).engine.connect() as other:
        other.exec_driver_sql("CREATE TABLE held (x)")
        with pytest.raises(AccessUnavailable, match=r"locked.*try again"):
            keys.create("Ana", "read")
    assert keys.create("Ana", "read").key.name == "Ana"
