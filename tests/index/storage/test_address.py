"""A file's path or a URL; as text a URL never has a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.storage.address import (
    BadCatalogue,
    PostgresAddress,
    address_of,
    files_folder,
    refuse_no_folder,
    resolve_links,
    sibling_folder,
    with_files_folder,
)


def test_a_path_is_a_file() -> None:
    assert address_of("whales/catalogue.db") == Path("whales/catalogue.db")
    assert address_of(Path("c.db")) == Path("c.db")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_url_is_a_database(scheme: str) -> None:
    found = address_of(f"{scheme}://ana:s%40l%2Ft@db.lab:5433/whales?schema=north&sslmode=require")
    assert found == PostgresAddress(
        "db.lab", 5433, "whales", "ana", "s@l/t", schema="north", options=(("sslmode", "require"),)
    )
    assert address_of(found) is found


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("postgresql://ana:secret@db.lab:5433/whales", "postgresql://ana@db.lab:5433/whales"),
        ("postgres:///whales", "postgresql:///whales"),
        (
            "postgresql://ana@/whales?host=/run/pg&password=secret",
            "postgresql://ana@/whales?host=/run/pg",
        ),
        ("postgresql://ana:secret@[::1]/whales?schema=n", "postgresql://ana@[::1]/whales?schema=n"),
    ],
)
def test_what_is_told_of_a_url_can_be_given_again_and_has_no_password(
    given: str, told: str
) -> None:
    assert str(address_of(given)) == told
    assert str(address_of(told)) == told
    assert "secret" not in repr(address_of(given))


@pytest.mark.parametrize(
    "given",
    [
        "postgresql://ana:se/cret@db/whales",
        "postgresql://ana:1/secret@db/whales",
        "postgresql://ana:se#cret@db/whales",
        "postgresql://ana:se?cret@db/whales",
        "postgresql://ana:secret@db:port/whales",
        "mysql://ana:secret@db/whales",
        "postgresql://ana:secret@db/whales?schema=No-Schema",
    ],
)
def test_a_url_that_cannot_be_is_refused_without_repeating_its_password(given: str) -> None:
    with pytest.raises(BadCatalogue) as raised:
        address_of(given)
    assert "cret" not in str(raised.value)


def test_where_files_lie(tmp_path: Path) -> None:
    file, url = tmp_path / "c.db", address_of("postgresql:///whales")
    assert files_folder(file) == tmp_path.resolve()
    assert sibling_folder(file, "media") == tmp_path.resolve() / "c.db.media"
    assert with_files_folder(file, tmp_path / "elsewhere") == file
    assert files_folder(with_files_folder(url, tmp_path)) == tmp_path.resolve()
    assert sibling_folder(with_files_folder(url, tmp_path), "jobs") == tmp_path.resolve() / "jobs"
    with pytest.raises(
        BadCatalogue,
        match=r"postgresql:///whales is a database.*--files FOLDER \(or FLUKEPRINT_FILES",
    ):
        files_folder(url)
    with pytest.raises(BadCatalogue, match="there is no folder"):
        refuse_no_folder(with_files_folder(url, tmp_path / "gone"))


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "c.db")
    assert resolve_links(tmp_path / "link.db") == (tmp_path / "c.db").resolve()
    assert resolve_links(PostgresAddress()) == PostgresAddress()
