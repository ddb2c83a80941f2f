"""One picture of two animals is two photos with a box each, which go out and come in again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding.photos.box import Box
from embedding.photos.photo import read_photo
from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator, PhotoInBox
from index.curation.review.other_animals import add_animal
from tests.index.exchange.importing.statuses import export, statuses

LEFT, RIGHT = Box(0.0, 0.0, 0.5, 1.0), Box(0.5, 0.0, 1.0, 1.0)
NAME = "a1_0.jpg"


def in_box(photo: Any, embedder: Any, box: Box) -> PhotoInBox:
    vector = embedder.embed([read_photo(photo.path, at_least_px=8)], [box])[0]
    return PhotoInBox(photo.content_hash, embedder.fingerprint, vector)


@pytest.fixture
def pair(catalogue: Path, embedder: Any) -> Path:
    """A catalogue whose photo a1_0.jpg also shows w_0."""
    with Catalogue.open(catalogue) as opened:
        (photo,) = [one for one in opened.photos() if one.name == NAME]
        curator = Curator(opened, made_by="ada")
        curator.edit_photo(NAME, {"box": LEFT}, seen=in_box(photo, embedder, LEFT))
        added = add_animal(opened, NAME, RIGHT, in_box(photo, embedder, RIGHT), made_by="ada")
        assert added.photos == ("a1_0#2.jpg",)
        curator.confirm("a1_0#2.jpg", "w_0")
    return catalogue


@pytest.mark.parametrize("form", ["csv", "zip"])
def test_two_animals_go_out_and_come_in_again(
    pair: Path, embedder: Any, tmp_path: Path, bring: Any, form: str
) -> None:
    out = export(pair, form, tmp_path / "export")
    new = tmp_path / "new.db"
    assert set(statuses(bring(out, new)).values()) == {"added"}
    with Catalogue.open(pair) as opened, Catalogue.open(new) as read:
        (content,) = {one.content_hash for one in opened.photos() if one.name == NAME}
        whose = {one.name: one.individual for one in opened.photos()}
        animals = [one for one in read.photos() if one.content_hash == content]
        assert {(one.individual, one.box) for one in animals} == {
            (whose[NAME], LEFT),
            ("w_0", RIGHT),
        }
        gallery = read.gallery()
        for photo in animals:
            vector = embedder.embed([read_photo(photo.path, at_least_px=8)], [photo.box])[0]
            row = gallery.photo_names.index(photo.name)
            assert np.allclose(gallery.vectors[row], vector)
    # And into the catalogue itself it changes nothing.
    told = set(statuses(bring(out, pair)).values())
    assert told == ({"unchanged"} if form == "csv" else {"skipped"})
