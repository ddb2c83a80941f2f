"""training/evaluation/promises/species.py: each species by itself, pooled and by its own."""

from __future__ import annotations

from training.evaluation.promises.draws import PhotoSet
from training.evaluation.promises.species import compare_species


def test_a_species_whose_photos_differ_more_has_thresholds_of_its_own(make_herd) -> None:
    even = make_herd(100, 5, 0, spread=0.3, species="even")
    # Its photos lie in a narrow cone, as those of an animal that the checkpoint hardly knows do.
    odd = make_herd(100, 5, 0, spread=0.3, species="odd")
    narrow = odd.vectors * 0.5
    narrow[:, 0] += 1.0
    odd.vectors[:] = narrow / ((narrow**2).sum(axis=1, keepdims=True) ** 0.5)
    herd = even + odd
    rows = compare_species(PhotoSet.of(herd.vectors, herd.photos), 0)
    by = {(row["species"], row["catalogue"]): row for row in rows}
    assert list(by) == [
        (species, catalogue)
        for species in ("even", "odd")
        for catalogue in ("exclusive", "pooled", "own")
    ]
    # One threshold for both lets the narrow species' strangers pass, and too few of the other.
    assert by["odd", "pooled"]["absent"] > by["odd", "own"]["absent"]
    assert by["odd", "own"]["absent"] <= 0.1 and by["even", "own"]["absent"] <= 0.1
    assert by["even", "own"]["refused"] == by["even", "exclusive"]["refused"]
    assert {row["promised"] for row in rows} == {0.05}


def test_too_few_individuals_promise_nothing(make_herd) -> None:
    herd = make_herd(10, 4, 0, species="fin") + make_herd(10, 4, 0, species="sei")
    rows = compare_species(PhotoSet.of(herd.vectors, herd.photos), 0)
    assert len(rows) == 6
    assert {(row["absent"], row["refused"]) for row in rows} == {(None, None)}


def test_one_species_is_compared_with_nothing(make_herd) -> None:
    for species in (None, "fin"):
        herd = make_herd(30, 4, 0, species=species)
        assert compare_species(PhotoSet.of(herd.vectors, herd.photos), 0) == []
