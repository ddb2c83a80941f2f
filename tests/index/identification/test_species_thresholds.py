"""A threshold for each species that has photos enough, and none for the others."""

from __future__ import annotations

import numpy as np

from index.calibration.fitting import calibrate
from index.identification.submission import submission_thresholds
from index.search.gallery import Gallery


def _gallery() -> tuple[Gallery, dict[str, str]]:
    """Orcas whose photos lie close together, belugas whose photos lie wide apart, and one
    porpoise.
    """
    rng = np.random.default_rng(11)
    vectors, individuals, species = [], [], {}
    for name, count, spread in (("orca", 20, 0.05), ("beluga", 20, 0.6), ("porpoise", 1, 0.1)):
        for number in range(count):
            individual = f"{name}_{number:02}"
            species[individual] = name
            centre = rng.normal(size=16)
            for _ in range(3):
                vectors.append(centre + spread * np.linalg.norm(centre) / 4 * rng.normal(size=16))
                individuals.append(individual)
    unit = np.array(vectors, np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    names = [f"{at:03}.jpg" for at in range(len(individuals))]
    return Gallery.build(names, individuals, unit, fingerprint="f", revision=1), species


def test_each_species_gets_the_threshold_of_its_own_photos() -> None:
    gallery, species = _gallery()
    found = submission_thresholds(gallery, species, "nearest")
    assert list(found) == ["beluga", "orca"]
    assert found["orca"] < found["beluga"]
    own = [
        row for row, individual in enumerate(gallery.individuals) if species[individual] == "orca"
    ]
    alone = calibrate(gallery.vectors[own], [gallery.individuals[row] for row in own])
    assert found["orca"] == alone.submission_threshold


def test_individuals_without_a_species_have_no_threshold() -> None:
    gallery, _ = _gallery()
    assert submission_thresholds(gallery, {}, "nearest") == {}
