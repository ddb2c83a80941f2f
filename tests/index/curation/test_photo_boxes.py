"""Another box of a photo: its vector follows, and all of it can be taken back and asked again."""

from __future__ import annotations

from typing import Any

import pytest

from embedding.photos.box import Box
from embedding.photos.photo import read_photo
from index.catalogue.catalogue import Catalogue
from index.curation.corrections import read_corrections
from index.curation.curator import BadCuration, CurationConflict, Curator, PhotoInBox
from index.curation.past_revision import searchable_as_of
from index.curation.review.other_animals import add_animal
from index.curation.undo import undo
from index.exchange.backup.log_check import record_faults
from index.reindex.update import update_catalogue

LEFT, RIGHT = Box(0.0, 0.0, 0.5, 1.0), Box(0.5, 0.0, 1.0, 1.0)
NAME = "a00_0.png"


def known(catalogue: Catalogue, name: str) -> Any:
    return next(photo for photo in catalogue.photos() if photo.name == name)


def seen(catalogue: Catalogue, season: Any, embedder: Any, name: str, box: Box) -> PhotoInBox:
    vector = embedder.embed([read_photo(season.folder / name)], [box])[0]
    return PhotoInBox(known(catalogue, name).content_hash, embedder.fingerprint, vector)


def stored(catalogue: Catalogue, name: str) -> list[float]:
    gallery = catalogue.gallery()
    return gallery.vectors[gallery.photo_names.index(name)].tolist()


def test_a_box_brings_its_vector_and_undoing_it_the_one_before(
    catalogue: Catalogue, curator: Curator, season: Any, embedder: Any
) -> None:
    whole = stored(catalogue, NAME)
    now = seen(catalogue, season, embedder, NAME, LEFT)
    edited = curator.edit_photo(NAME, {"box": LEFT, "quality": "good"}, seen=now)
    assert edited.photos == (NAME,)
    assert (stored(catalogue, NAME), known(catalogue, NAME).box) == (now.vector.tolist(), LEFT)
    again = seen(catalogue, season, embedder, NAME, RIGHT)
    later = curator.edit_photo(NAME, {"box": RIGHT}, seen=again)
    with pytest.raises(CurationConflict, match=rf"newest first: {later.revision} \(edit\)"):
        undo(catalogue, edited.revision, made_by="ada")
    for revision, vector in ((1, whole), (edited.revision, now.vector.tolist())):
        gallery, _ = searchable_as_of(catalogue, revision)
        assert gallery.vectors[gallery.photo_names.index(NAME)].tolist() == vector
    undo(catalogue, later.revision, made_by="ada")
    back = undo(catalogue, edited.revision, made_by="ada")
    assert (stored(catalogue, NAME), known(catalogue, NAME).box) == (whole, None)
    undo(catalogue, back.revision, made_by="ada")
    assert (stored(catalogue, NAME), known(catalogue, NAME).box) == (now.vector.tolist(), LEFT)
    gallery, _ = searchable_as_of(catalogue, back.revision)
    assert gallery.vectors[gallery.photo_names.index(NAME)].tolist() == whole
    assert record_faults(catalogue.address) == []
    with pytest.raises(CurationConflict, match="nothing to change"):
        curator.edit_photo(NAME, {"box": LEFT}, seen=now)


def test_a_box_is_not_taken_back_over_another_checkpoint(
    catalogue: Catalogue, curator: Curator, season: Any, embedder: Any, make_embedder: Any
) -> None:
    now = seen(catalogue, season, embedder, NAME, LEFT)
    edited = curator.edit_photo(NAME, {"box": LEFT}, seen=now)
    swapped = update_catalogue(catalogue, None, make_embedder("e" * 64, shift=100))
    with pytest.raises(CurationConflict, match="without a vector of the checkpoint eeee"):
        undo(catalogue, edited.revision, made_by="ada")
    with pytest.raises(CurationConflict, match="these photos' of ffff"):
        curator.edit_photo(NAME, {"box": RIGHT}, seen=now)
    assert swapped.revision is not None
    undo(catalogue, swapped.revision, made_by="ada")
    undo(catalogue, edited.revision, made_by="ada")
    assert known(catalogue, NAME).box is None


def test_labels_from_before_leave_the_box_of_a_curator(
    catalogue: Catalogue, curator: Curator, season: Any, embedder: Any
) -> None:
    now = seen(catalogue, season, embedder, NAME, LEFT)
    curator.edit_photo(NAME, {"box": LEFT}, seen=now)
    report = update_catalogue(catalogue, season.labels(), embedder)
    assert (report.is_new_revision, report.kept_curated) == (False, 1)
    season.rows[NAME]["box"] = "0.5 0 1 1"  # newer than the curator's
    assert update_catalogue(catalogue, season.labels(), embedder).reembedded == 1
    assert known(catalogue, NAME).box == RIGHT


def test_what_was_seen_of_another_picture_is_refused(
    catalogue: Catalogue, curator: Curator, season: Any, embedder: Any
) -> None:
    other = seen(catalogue, season, embedder, "a01_0.png", LEFT)
    with pytest.raises(CurationConflict, match="holds another picture"):
        curator.edit_photo(NAME, {"box": LEFT}, seen=other)


@pytest.fixture
def two_animals(catalogue: Catalogue, curator: Curator, season: Any, embedder: Any) -> Catalogue:
    """A photo of w_00 that also shows w_05."""
    now = seen(catalogue, season, embedder, NAME, LEFT)
    curator.edit_photo(NAME, {"box": LEFT}, seen=now)
    other = seen(catalogue, season, embedder, NAME, RIGHT)
    add_animal(catalogue, NAME, RIGHT, other, made_by="ada")
    curator.confirm("a00_0#2.png", "w_05")
    return catalogue


def test_another_animal_is_a_photo_of_the_same_file(
    two_animals: Catalogue, season: Any, embedder: Any
) -> None:
    first, second = (known(two_animals, name) for name in (NAME, "a00_0#2.png"))
    assert (first.path, first.content_hash) == (second.path, second.content_hash)
    assert (first.individual, second.individual) == ("w_00", "w_05")
    assert (first.box, second.box) == (LEFT, RIGHT)
    assert stored(two_animals, NAME) != stored(two_animals, "a00_0#2.png")
    third = seen(two_animals, season, embedder, NAME, Box(0.2, 0.0, 0.8, 1.0))
    added = add_animal(two_animals, "a00_0#2.png", Box(0.2, 0, 0.8, 1), third, made_by="ada")
    assert "a00_0#3.png" in added.photos
    with pytest.raises(CurationConflict, match="has a photo already"):
        add_animal(two_animals, NAME, RIGHT, third, made_by="ada")
    # A label file that doesn't name it leaves it, and warns of nothing.
    report = update_catalogue(two_animals, season.labels(), embedder)
    assert not [each for each in report.warnings if "same picture" in each]
    assert record_faults(two_animals.address) == []


def test_a_photo_of_an_unknown_box_gets_no_second_animal(
    catalogue: Catalogue, season: Any, embedder: Any
) -> None:
    other = seen(catalogue, season, embedder, NAME, RIGHT)
    with pytest.raises(BadCuration, match="say which animal of it is meant"):
        add_animal(catalogue, NAME, RIGHT, other, made_by="ada")


def test_deleting_one_animal_leaves_the_other(two_animals: Catalogue, curator: Curator) -> None:
    deleted = curator.delete("a00_0#2.png")
    assert read_corrections(two_animals).deleted == {"a00_0#2.png"}
    assert read_corrections(two_animals).deleted_contents == frozenset()
    undo(two_animals, deleted.revision, made_by="ada")
    assert known(two_animals, "a00_0#2.png").individual == "w_05"
