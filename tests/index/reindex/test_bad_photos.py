"""Photos that can't be read, and pictures that are there twice."""

from __future__ import annotations

import shutil

import pytest

from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.reindex.build import build_catalogue
from tests.index.reindex.states import on_both, rebuilt, state, update


def test_bad_photos_are_reported_and_the_rest_built(tmp_path, season, embedder):
    (season.folder / "a00_0.png").write_bytes(b"")
    whole = (season.folder / "a00_1.png").read_bytes()
    (season.folder / "a00_1.png").write_bytes(whole[: len(whole) // 2])
    report = build_catalogue(tmp_path / "c.db", season.labels(), embedder)
    assert report.added == 36
    assert [each.photo.name for each in report.unread] == ["a00_0.png", "a00_1.png"]
    assert "a00_0.png: the file is empty (0 bytes)" in report.unread[0].reason
    assert "a00_1.png: truncated" in report.unread[1].reason


def test_nothing_is_built_of_bad_photos_only(tmp_path, make_season, embedder):
    season = make_season(tmp_path / "photos")
    for name in ("a.png", "b.png"):
        season.draw(name, "w_1").write_text("text")
    with pytest.raises(
        BadCatalogue,
        match=r"none of the 2 photos could be read, .* the first: .*a\.png: not a photo",
    ):
        build_catalogue(tmp_path / "c.db", season.labels(), embedder)
    assert [each.name for each in tmp_path.iterdir()] == ["photos"]


def test_a_known_photo_that_went_bad_is_kept_with_its_new_label(path, season, embedder):
    before = state(path)
    (season.folder / "a00_0.png").write_bytes(b"")
    season.rows["a00_0.png"]["label"] = "w_05"
    report = update(path, season, embedder)
    assert [each.photo.name for each in report.unread] == ["a00_0.png"]
    assert (report.relabelled, report.reembedded) == (1, 0)
    after = state(path)
    assert after[0][0][3] == "w_05"
    assert after[0][0][-1] == before[0][0][-1]


def test_a_lost_disk_does_not_empty_the_catalogue(path, season, make_embedder):
    before = path.read_bytes()
    shutil.rmtree(season.folder)
    with pytest.raises(
        BadCatalogue, match="none of the 38 photos could be read, so nothing was changed"
    ):
        update(path, None, make_embedder("e" * 64))
    assert path.read_bytes() == before
    report = update(path, None, make_embedder())
    assert (len(report.unread), report.is_new_revision) == (38, False)


@on_both
def test_a_photo_unread_by_another_checkpoint_is_no_longer_searched_until_it_is_read(
    path, season, make_embedder
):
    other = make_embedder("e" * 64)
    whole = (season.folder / "a00_0.png").read_bytes()
    (season.folder / "a00_0.png").write_bytes(b"")
    assert len(update(path, season, other).unread) == 1
    with Catalogue.open(path) as catalogue:
        assert (catalogue.counts().photos, catalogue.counts().searchable) == (38, 37)
    (season.folder / "a00_0.png").write_bytes(whole)
    assert update(path, season, other).reembedded == 1
    assert state(path) == rebuilt(path, season, other)


def test_the_same_picture_under_two_labels_is_told(tmp_path, season, embedder):
    shutil.copy(season.folder / "a00_0.png", season.folder / "copy.png")
    season.rows["copy.png"] = {"label": "w_07"}
    shutil.copy(season.folder / "a00_1.png", season.folder / "same.png")
    season.rows["same.png"] = {"label": "w_00"}  # the same animal: nothing to tell
    report = build_catalogue(tmp_path / "c.db", season.labels(), embedder)
    assert report.warnings == (
        "a00_0.png (w_00) and copy.png (w_07) are the same picture: one label is probably wrong",
    )
    assert report.added == 40


def test_many_pairs_are_counted(path, season, embedder, monkeypatch):
    monkeypatch.setattr("index.reindex.report._MISLABELLED_TOLD", 1)
    for number in range(3):
        shutil.copy(season.folder / "a00_0.png", season.folder / f"copy{number}.png")
        season.rows[f"copy{number}.png"] = {"label": "new_whale"}
    warnings = update(path, season, embedder).warnings
    assert len(warnings) == 2
    assert "copy0.png (new_whale)" in warnings[0]
    assert warnings[1] == "2 more pairs of the same picture have different labels"
