"""Imports and then updates by labels: the copies beside the catalogue stay its photos' files."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image

from index.catalogue.catalogue import Catalogue
from index.exchange.backup.verify import verify_catalogue
from index.exchange.importing.run import known_photos
from index.labels.reader import read_labels
from index.reindex.build import build_catalogue
from index.reindex.options import UpdateOptions
from index.reindex.update import update_catalogue
from index.storage.originals import media_folder
from tests.index.exchange.importing.statuses import export


@pytest.fixture
def imported(tmp_path, field_season, bring):
    """A catalogue that copied the season's photos beside it."""
    field_season.labels()
    new = tmp_path / "new.db"
    bring(field_season.folder, new)
    return new


def update(path, season, embedder, **options):
    with Catalogue.open(path) as catalogue:
        labels = season.labels() if season else None
        return update_catalogue(catalogue, labels, embedder, UpdateOptions(**options))


def are_managed(path) -> set[bool]:
    return {photo.path.is_relative_to(media_folder(path)) for photo in known_photos(path)}


def test_an_update_by_labels_keeps_the_copies(tmp_path, imported, field_season, embedder):
    done = update(imported, field_season, embedder)
    assert (done.relabelled, done.unchanged, done.is_new_revision) == (0, 9, False)
    assert are_managed(imported) == {True}
    shutil.rmtree(field_season.folder)
    verified = verify_catalogue(imported)
    assert (verified.faults, verified.stray) == ((), ())


@pytest.mark.parametrize("fact", ["label", "box"])
def test_new_facts_come_in_and_the_copy_stays(imported, field_season, embedder, fact):
    field_season.rows["a0_0.jpg"][fact] = {"label": "w_9", "box": "0.1 0.1 0.6 0.6"}[fact]
    done = update(imported, field_season, embedder)
    assert (done.relabelled, done.reembedded) == ((1, 0) if fact == "label" else (0, 1))
    assert are_managed(imported) == {True}
    assert verify_catalogue(imported).stray == ()


def test_a_file_of_other_content_is_copied_too(imported, field_season, embedder, draw_pattern):
    data = draw_pattern(field_season.folder / "a0_0.jpg", 700)
    assert update(imported, field_season, embedder).reembedded == 1
    (photo,) = (each for each in known_photos(imported) if each.name == "a0_0.jpg")
    assert photo.path.read_bytes() == data
    assert are_managed(imported) == {True}
    assert verify_catalogue(imported).faults == ()


def test_a_file_that_can_not_be_read_leaves_the_copy(imported, field_season, embedder):
    (field_season.folder / "a0_0.jpg").write_bytes(b"not a photo")
    done = update(imported, field_season, embedder)
    assert [each.photo.name for each in done.unread] == ["a0_0.jpg"]
    assert are_managed(imported) == {True}
    assert verify_catalogue(imported).faults == ()


def test_another_checkpoint_reads_the_copies(imported, field_season, make_embedder):
    done = update(imported, field_season, make_embedder("e" * 64))
    assert (done.reembedded, done.relabelled) == (9, 0)
    assert are_managed(imported) == {True}


def test_copies_that_an_older_version_abandoned_are_found_again(imported, field_season, embedder):
    with Catalogue.open(imported) as catalogue, catalogue.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE photos SET path = '{field_season.folder}/' || name")
    shutil.rmtree(field_season.folder)
    fault = verify_catalogue(imported).faults[0]
    assert "a copy lies beside the catalogue" in fault.reason
    assert "`flukeprint index update` leads to it" in fault.reason
    assert update(imported, None, embedder).unread == ()
    assert are_managed(imported) == {True}
    verified = verify_catalogue(imported)
    assert (verified.faults, verified.stray) == ((), ())


def test_a_catalogue_built_anew_and_a_photo_brought_back_find_their_copies(
    imported, field_season, embedder
):
    build_catalogue(imported, field_season.labels(), embedder, overwrite=True)
    assert are_managed(imported) == {True}
    row = field_season.rows.pop("a0_0.jpg")
    assert update(imported, field_season, embedder, prune=True).removed == 1
    field_season.rows["a0_0.jpg"] = row
    assert update(imported, field_season, embedder).added == 1
    assert are_managed(imported) == {True}


def test_an_exports_files_never_take_the_place_of_originals(
    tmp_path, imported, field_season, embedder, bring
):
    """An export has no places in its photos, so its files are others than the originals."""
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (44.0, 30.0, 1.0)}
    for number, name in enumerate(("b_0.jpg", "b_1.jpg")):
        cells = Image.effect_noise((96, 64), 80 + 40 * number).convert("RGB")
        cells.save(field_season.folder / name, exif=exif)
        field_season.rows[name] = {"label": "w_b"}
    field_season.labels()
    bring(field_season.folder, imported)
    before = [(each.name, each.path, each.content_hash) for each in known_photos(imported)]
    for form in ("csv", "zip"):
        out = export(imported, form, tmp_path / f"{form}.zip")
        shutil.unpack_archive(out, tmp_path / form)
        table = tmp_path / form / "labels.csv"
        table.write_text(table.read_text("utf-8-sig").replace("w_b,", "w_c,"))
        with Catalogue.open(imported) as catalogue:
            labels = read_labels(table, tmp_path / form)
            done = update_catalogue(catalogue, labels, embedder)
        assert (done.added, done.reembedded) == (0, 0)
        now = known_photos(imported)
        assert [(each.name, each.path, each.content_hash) for each in now] == before
        assert {each.individual for each in now if each.name.startswith("b_")} == {"w_c"}
        update(imported, field_season, embedder)  # and back to w_b


def test_another_picture_with_an_exports_hash_is_a_photo_of_its_own(
    tmp_path, imported, field_season, embedder, draw_pattern
):
    out = export(imported, "zip", tmp_path / "export.zip")
    shutil.unpack_archive(out, tmp_path / "sent")
    draw_pattern(tmp_path / "sent" / "w_0" / "a0_0.jpg", 800)
    before = [(each.name, each.content_hash) for each in known_photos(imported)]
    with Catalogue.open(imported) as catalogue:
        labels = read_labels(tmp_path / "sent" / "labels.csv", tmp_path / "sent")
        done = update_catalogue(catalogue, labels, embedder)
    assert (done.added, done.reembedded) == (1, 0)
    now = [(each.name, each.content_hash) for each in known_photos(imported)]
    assert [one for one in now if one[0] != "w_0/a0_0.jpg"] == before
