"""Suggestions of individuals that may be one, in a catalogue with decisions in its log."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.curation.not_same import mark_not_same
from index.curation.undo import undo
from index.labels.reader import read_labels
from index.pairs.similar_individuals import (
    LEAST_PROBABILITY,
    SimilarIndividuals,
    find_similar_individuals,
)
from index.reindex.build import build_catalogue

ANIMALS = 60
DIMENSION = 24


class DrawnEmbedder:
    """Embeds a picture as the direction that its two numbers draw: an animal, and a photo of it."""

    fingerprint = "d1" * 32
    dimension = DIMENSION
    input_px = 4

    def embed(self, images: list[Image.Image], boxes: object = None) -> np.ndarray:
        rows = []
        for image in images:
            animal, photo = image.getpixel((0, 0))[:2]
            own = np.random.default_rng(animal).normal(size=DIMENSION)
            rows.append(own + 0.35 * np.random.default_rng((animal, photo)).normal(size=DIMENSION))
        made = np.stack(rows)
        return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty animals with three photos each; the first two have two ids."""
    path = tmp_path_factory.mktemp("pairs")
    lines = ["Image,Id"]
    for animal in range(ANIMALS):
        for photo in range(3):
            name = f"{animal:02}_{photo}.png"
            Image.new("RGB", (4, 4), (animal, photo, 0)).save(path / name)
            again = "b" if animal < 2 and photo == 2 else ""
            lines.append(f"{name},w_{animal:02}{again}")
    (path / "labels.csv").write_text("\n".join(lines))
    return path


@pytest.fixture
def catalogue(folder: Path, tmp_path: Path) -> Generator[Catalogue]:
    path = tmp_path / "catalogue.db"
    build_catalogue(path, read_labels(folder / "labels.csv", folder), DrawnEmbedder())
    with Catalogue.open(path) as opened:
        yield opened


def found(
    catalogue: Catalogue, before: SimilarIndividuals | None = None, *, is_changed: bool = True
) -> SimilarIndividuals:
    gallery = before.near.gallery if before and not is_changed else catalogue.searchable()[0]
    return find_similar_individuals(catalogue, gallery, before)


def pairs_of(similar: SimilarIndividuals) -> list[tuple[str, str]]:
    return [(one.one, one.other) for one in similar.suggestions(50, 0.5)]


def test_animals_with_two_ids_come_first_and_are_probable(catalogue: Catalogue) -> None:
    similar = found(catalogue)
    first, second, *rest = similar.suggestions(50, 0.5)
    assert {(one.one, one.other) for one in (first, second)} == {
        ("w_00", "w_00b"),
        ("w_01", "w_01b"),
    }
    assert first.chance is not None
    assert second.chance is not None
    assert first.chance.probability > 0.8
    assert first.chance.probability >= second.chance.probability
    assert first.chance.low <= first.chance.probability <= first.chance.high
    assert all(one.chance and one.chance.probability >= LEAST_PROBABILITY for one in rest)
    assert all(one.chance and one.chance.probability < 0.5 for one in rest)


def test_decisions_in_the_log_move_the_curve_and_undone_they_do_not(catalogue: Catalogue) -> None:
    before = found(catalogue)
    mark_not_same(catalogue, "w_00", "w_00b", made_by="ada")
    mark_not_same(catalogue, "w_01", "w_01b", made_by="ada")
    refused = found(catalogue, before, is_changed=False)
    assert refused.near is before.near
    assert not {("w_00", "w_00b"), ("w_01", "w_01b")} & set(pairs_of(refused))
    assert "2 are different" in refused.curve.fitted_to
    far = before.suggestions(50, 0.5)[1].distance
    was, now = before.curve.at(far), refused.curve.at(far)
    assert was is not None
    assert now is not None
    assert now.probability < was.probability
    undo(catalogue, 2, made_by="ada")
    undo(catalogue, 3, made_by="ada")
    assert found(catalogue, refused, is_changed=False).curve == before.curve


def test_merges_count_until_they_are_undone(catalogue: Catalogue) -> None:
    before = found(catalogue)
    merge = Curator(catalogue, made_by="ada").merge("w_00b", "w_00")
    after = found(catalogue, before)
    assert ("w_00", "w_00b") not in pairs_of(after)
    assert "1 were merged" in after.curve.fitted_to
    undo(catalogue, merge.revision, made_by="ada")
    assert "0 were merged" in found(catalogue, after).curve.fitted_to


def test_the_curve_is_kept_until_enough_has_changed(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.pairs.similar_individuals._FOLLOWED", 1.5 / ANIMALS)
    gallery, _ = catalogue.searchable()
    first = find_similar_individuals(catalogue, gallery)
    vector = gallery.vectors_at(np.array([0]))
    more = gallery.replace_photos([], ["one.png"], ["n_1"], vector, revision=2)
    second = find_similar_individuals(catalogue, more, first)
    assert second.since == 1
    assert second.curve is first.curve
    assert pairs_of(second) == pairs_of(find_similar_individuals(catalogue, more))
    again = more.replace_photos([], ["two.png"], ["n_2"], vector, revision=3)
    third = find_similar_individuals(catalogue, again, second)
    assert third.since == 0
    assert third.curve is not first.curve


def test_without_probabilities_pairs_are_listed_by_distance(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "labels.csv").read_text().splitlines()
    (tmp_path / "few.csv").write_text("\n".join(lines[:31]))
    path = tmp_path / "few.db"
    build_catalogue(path, read_labels(tmp_path / "few.csv", folder), DrawnEmbedder())
    with Catalogue.open(path) as catalogue:
        similar = found(catalogue)
    listed = similar.suggestions(50, 0.3)
    assert {one.chance for one in listed} == {None}
    assert max(one.distance for one in listed) <= 0.3
    assert ("w_00", "w_00b") in pairs_of(similar)
