"""A folder of files belongs to one catalogue of a database, and says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from index.storage.address import BadCatalogue, PostgresAddress
from index.storage.folder_owner import MARK, claim_files


def test_a_second_catalogue_is_refused_the_folder_of_the_first(
    tmp_path: Path, postgres: Callable[[Path], PostgresAddress]
) -> None:
    first = postgres(tmp_path / "first.db")
    second = replace(first, schema="another")
    claim_files(first)
    claim_files(first)
    mark = (tmp_path / MARK).read_bytes()
    with pytest.raises(
        BadCatalogue, match=rf"files of another catalogue \(postgres, schema {first.schema}\)"
    ):
        claim_files(second)
    assert (tmp_path / MARK).read_bytes() == mark
    (tmp_path / MARK).unlink()
    claim_files(second)
    with pytest.raises(BadCatalogue, match="schema another"):
        claim_files(first)
    assert [path.name for path in tmp_path.iterdir()] == [MARK]


def test_the_same_database_asked_for_otherwise_is_the_same_catalogue(
    tmp_path: Path, postgres: Callable[[Path], PostgresAddress]
) -> None:
    address = postgres(tmp_path / "first.db")
    claim_files(address)
    claim_files(replace(address, options=(*address.options, ("connect_timeout", "5"))))
    assert [path.name for path in tmp_path.iterdir()] == [MARK]


def test_a_mark_that_says_nothing_is_not_taken_for_ours(
    tmp_path: Path, postgres: Callable[[Path], PostgresAddress]
) -> None:
    (tmp_path / MARK).write_text("[]")
    with pytest.raises(BadCatalogue, match="something else"):
        claim_files(postgres(tmp_path / "first.db"))


def test_a_sqlite_catalogue_needs_no_mark(tmp_path: Path) -> None:
    claim_files(tmp_path / "catalogue.db")
    assert list(tmp_path.iterdir()) == []
