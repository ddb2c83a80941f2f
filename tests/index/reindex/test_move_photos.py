"""A moved folder of photos: its files are compared, and the catalogue is led to them."""

from __future__ import annotations

import pytest

from index.catalogue.catalogue import Catalogue
from index.curation.undo import undo
from index.reindex.move_photos import BadMove, move_photos
from tests.index.reindex.states import on_both

pytestmark = on_both


@pytest.fixture
def moved(season, tmp_path):
    new = tmp_path / "card" / "photos"
    new.parent.mkdir()
    season.folder.rename(new)
    return new


def paths(catalogue: Catalogue) -> dict:
    return {photo.name: photo.path for photo in catalogue.photos()}


def test_all_photos_are_led_to_the_new_folder(path, season, moved):
    with Catalogue.open(path) as catalogue:
        before = paths(catalogue)
        dry = move_photos(catalogue, season.folder, moved, is_dry_run=True)
        assert (len(dry.moved), dry.not_moved, dry.revision) == (38, (), None)
        assert paths(catalogue) == before
        done = move_photos(catalogue, season.folder, moved, made_by="ada")
        assert (len(done.moved), done.not_moved, done.revision) == (38, (), 2)
        assert paths(catalogue) == {name: moved / name for name in before}
        undo(catalogue, 2, made_by="ada")
        assert paths(catalogue) == before


def test_what_is_absent_or_other_keeps_its_path(path, season, moved):
    (moved / "a00_0.png").unlink()
    (moved / "a00_1.png").write_bytes(b"something else")
    with Catalogue.open(path) as catalogue:
        done = move_photos(catalogue, season.folder, moved)
        assert len(done.moved) == 36
        (absent, _), (other, reason) = done.not_moved
        assert (absent, other) == ("a00_0.png", "a00_1.png")
        assert reason == f"{moved / 'a00_1.png'} holds something else than what was catalogued"
        assert paths(catalogue)["a00_0.png"] == season.folder / "a00_0.png"
        assert paths(catalogue)["a00_2.png"] == moved / "a00_2.png"


def test_folders_that_lead_nowhere_are_refused(path, season, moved, tmp_path):
    with Catalogue.open(path) as catalogue:
        with pytest.raises(BadMove, match=r"no photo of .* lies below .*elsewhere"):
            move_photos(catalogue, tmp_path / "elsewhere", moved)
        with pytest.raises(BadMove, match=r"gone: there is no such folder"):
            move_photos(catalogue, season.folder, tmp_path / "gone")
        with pytest.raises(BadMove, match=r"is given twice"):
            move_photos(catalogue, moved, moved)
        assert catalogue.revision == 1
