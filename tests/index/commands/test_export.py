"""`flukeprint catalogue export` as a user sees it."""

from __future__ import annotations

import csv
import json
import sys
import zipfile
from types import SimpleNamespace

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from embedding.errors import FlukeprintError
from index.catalogue.catalogue import Catalogue
from index.commands.catalogue import register
from index.exchange.exporting import formats
from index.exchange.exporting.formats import BadExport


@pytest.fixture
def catalogue(field_catalogue):
    return field_catalogue


@pytest.fixture
def run(monkeypatch, catalogue, embedder):
    app = typer.Typer()
    register(app)
    loads = SimpleNamespace(load=lambda checkpoint: embedder)
    monkeypatch.setitem(sys.modules, "embedding.embedder", SimpleNamespace(Embedder=loads))
    monkeypatch.setenv("FLUKEPRINT_CATALOGUE", str(catalogue))

    def _run(*arguments: object):
        result = CliRunner().invoke(app, ["catalogue", *map(str, arguments)])
        if isinstance(result.exception, FlukeprintError):
            raise result.exception  # what main() prints
        return result

    return _run


def test_export_of_labels(tmp_path, run):
    result = run("export", "--format", "csv", "--out", tmp_path / "labels.csv")
    assert (result.exit_code, result.stdout) == (
        0,
        f"Wrote {tmp_path}/labels.csv: labels of 9 photos, and 0 photos.\n",
    )
    rows = list(csv.DictReader((tmp_path / "labels.csv").read_text().splitlines()))
    assert [rows[2]["label"], rows[2]["box"], rows[2]["encounter"]] == ["w_2", "", "e2"]
    assert [rows[1]["label"], rows[1]["box"]] == ["w_1", "0.125 0.1 0.9 0.8"]
    with pytest.raises(BadExport, match="is there already; give another --out, or --replace"):
        run("export", "--format", "csv", "--out", tmp_path / "labels.csv")
    assert (
        run("export", "--format", "csv", "--out", tmp_path / "labels.csv", "--replace").exit_code
        == 0
    )
    with pytest.raises(BadExport, match="holds files already"):
        run("export", "--format", "csv", "--out", tmp_path / "photos")
    with pytest.raises(BadExport, match="there is no folder"):
        run("export", "--format", "csv", "--out", tmp_path / "nowhere/labels.csv")


def test_export_with_photos_that_are_gone(tmp_path, run):
    (tmp_path / "photos/a0_0.jpg").unlink()
    (tmp_path / "photos/a1_0.jpg").write_bytes(b"other")
    result = run("export", "--format", "zip", "--out", tmp_path / "x.zip", "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert (said["labels"], said["photos"]) == (9, 7)
    assert [each["photo"] for each in said["left_out"]] == ["w_0/a0_0.jpg", "w_1/a1_0.jpg"]
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("labels.csv").startswith(b"\xef\xbb\xbfimage,label")
    plain = run("export", "--format", "zip", "--out", tmp_path / "y.zip")
    assert "left out w_1/a1_0.jpg: the file changed since it was catalogued" in plain.stderr
    coco = run("export", "--format", "coco", "--out", tmp_path / "c.json")
    assert coco.exit_code == 1  # of a0_0 the size isn't known, of a1_0 with its box that is needed
    document = json.loads((tmp_path / "c.json").read_text())
    assert [image["file_name"] for image in document["images"]][:2] == ["a0_0.jpg", "a2_0.jpg"]


def with_place(catalogue, photo) -> None:
    """Make the first photo one that says where it was taken, in its file and in its encounter."""
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 42.0, 16.0), 3: "E", 4: (23.0, 50.0, 59.0)})
    with Image.open(photo) as image:
        image.load()
        image.save(photo, exif=exif)
    import hashlib
    import sqlite3

    raw = sqlite3.connect(catalogue)
    raw.execute(
        "UPDATE photos SET content_hash = ? WHERE name = ?",
        (hashlib.sha256(photo.read_bytes()).hexdigest(), photo.name),
    )
    raw.execute("UPDATE encounters SET place = '44.5, -68.25' WHERE name = 'e0'")
    raw.commit()
    raw.close()


@pytest.mark.parametrize("form", ["csv", "coco", "camtrap-dp"])
def test_places_are_private_unless_asked_for(tmp_path, run, catalogue, form):
    photo = tmp_path / "photos/a0_0.jpg"
    with_place(catalogue, photo)
    result = run("export", "--format", form, "--out", tmp_path / "private", "--with-photos")
    assert "9 photos, 1 of them without the place in their file" in result.stdout
    given = b"".join(
        path.read_bytes()
        for path in (tmp_path / "private").rglob("*")
        if path.suffix in (".csv", ".json")
    )
    assert b"44.5" not in given
    copy = next((tmp_path / "private").rglob("a0_0.jpg"))
    with Image.open(copy) as image:
        assert not image.getexif().get_ifd(0x8825)
    run("export", "--format", form, "--out", tmp_path / "open", "--with-photos", "--with-places")
    given = b"".join(
        path.read_bytes()
        for path in (tmp_path / "open").rglob("*")
        if path.suffix in (".csv", ".json")
    )
    assert b"44.5" in given
    assert next((tmp_path / "open").rglob("a0_0.jpg")).read_bytes() == photo.read_bytes()


def test_kaggles_form_has_no_room_for_spaces(tmp_path, run, catalogue, field_season, embedder):
    from index.reindex.update import update_catalogue

    field_season.rows["a0_0.jpg"]["label"] = "two words"
    with Catalogue.open(catalogue) as opened:
        update_catalogue(opened, field_season.labels(), embedder)
    with pytest.raises(BadExport, match="the individual 'two words' has a space in its name"):
        run("export", "--format", "kaggle", "--out", tmp_path / "train.csv")


def test_an_empty_catalogue_has_nothing_to_export(tmp_path, run):
    Catalogue.open(tmp_path / "empty.db", create=True).close()
    with pytest.raises(BadExport, match="no catalogued photo to export"):
        run(
            "export",
            "--format",
            "csv",
            "--out",
            tmp_path / "x.csv",
            "--catalogue",
            tmp_path / "empty.db",
        )


def test_a_name_that_is_taken_is_refused_before_the_photos_are_read(run, tmp_path, monkeypatch):
    def make(*given, **more):
        raise AssertionError("the export was made")

    monkeypatch.setattr(formats, "make_export", make)
    (tmp_path / "there.json").write_text("{}")
    with pytest.raises(BadExport, match="is there already; give another --out, or --replace"):
        run("export", "--format", "coco", "--out", tmp_path / "there.json")
