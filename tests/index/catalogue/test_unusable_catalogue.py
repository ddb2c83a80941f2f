"""Catalogues that are damaged, of another format, or can't be written."""

from __future__ import annotations

import errno
import os
import sqlite3

import pytest

from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.catalogue.revision import open_revision
from index.storage import connection, sqlite


def test_a_cut_vector_is_named_and_the_others_are_searched(path):
    raw = sqlite3.connect(path)
    raw.execute("UPDATE vectors SET embedding = substr(embedding, 1, 40) WHERE photo_id = 1")
    raw.commit()
    raw.close()
    with Catalogue.open(path) as catalogue:
        found = catalogue.read_searchable()
    assert found.damaged == {"a00_0.png": "has 40 bytes and not 96"}
    assert found.gallery.size == 35
    assert "a00_0.png" not in found.gallery.photo_names


def test_a_damaged_file_says_so(path):
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x55" * (len(content) - 4096)
    path.write_bytes(content)
    with (
        Catalogue.open(path) as catalogue,
        pytest.raises(BadCatalogue, match=r"is damaged .* restore a copy"),
    ):
        catalogue.photos()


def test_paths_that_are_no_catalogue(tmp_path):
    with pytest.raises(BadCatalogue, match="is a folder; give the catalogue's file"):
        Catalogue.open(tmp_path)
    with pytest.raises(BadCatalogue, match=r"there is no catalogue at .* `flukeprint index build`"):
        Catalogue.open(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("Image,Id\n")
    with pytest.raises(BadCatalogue, match=r"text.db is not a flukeprint catalogue"):
        Catalogue.open(tmp_path / "text.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(BadCatalogue, match=r"empty.db is not a flukeprint catalogue"):
        Catalogue.open(tmp_path / "empty.db")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE photos (name TEXT)")
    other.close()
    with pytest.raises(BadCatalogue, match=r"other.db is not a flukeprint catalogue"):
        Catalogue.open(tmp_path / "other.db")


def test_a_newer_format_asks_for_a_newer_flukeprint(path):
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version = 6")
    raw.close()
    with pytest.raises(
        BadCatalogue, match=r"newer flukeprint \(format 6; this one reads up to 5\)"
    ):
        Catalogue.open(path)


def test_a_folder_that_cannot_be_written_is_read_and_not_changed(path, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(sqlite.os, "access", lambda given, mode: mode != os.W_OK)
    with Catalogue.open(path) as catalogue:
        assert catalogue.gallery().size == 36
        with (
            pytest.raises(BadCatalogue, match="can't be written: ask for write permission"),
            open_revision(catalogue),
        ):
            pass
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir() if each.name.startswith(path.name)] == [
        path.name
    ]


def test_other_errors_of_the_system_are_not_called_a_full_disk(tmp_path):
    with (
        pytest.raises(OSError, match="Input/output error"),
        connection.translating_errors(tmp_path / "c.db"),
    ):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_damaged_name_in_the_schema_is_told(tmp_path):
    """A flipped bit there gave an error whose own text can't be decoded: a traceback."""
    path = tmp_path / "catalogue.db"
    Catalogue.open(path, create=True).close()
    data = path.read_bytes()
    assert data.count(b"CREATE TABLE individuals") == 1
    path.write_bytes(data.replace(b"CREATE TABLE individuals", b"CREATE TA\xc2LE individuals"))
    with pytest.raises(BadCatalogue, match="is damaged"), Catalogue.open(path) as catalogue:
        catalogue.photos()
    assert connection.database_faults(path)
