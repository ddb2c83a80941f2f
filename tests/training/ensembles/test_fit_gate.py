"""training/ensembles/fit_gate.py: which members answer for which species.

The fit itself is tried in test_combine.py.
"""

from pathlib import Path

import pytest

from index.labels.reader import LabelledPhoto
from training.ensembles.fit_gate import (
    PHOTOS_OF_SPECIES,
    BadExperts,
    sample_by_species,
    shares_of_species,
)
from training.splits.protocol import make_split


def test_a_species_without_experts_is_everybody_s() -> None:
    assert shares_of_species({"orca": [3], "minke": [1, 2]}, ["orca", "minke", "sei"], 3) == {
        "minke": (0.5, 0.5, 0.0),
        "orca": (0.0, 0.0, 1.0),
        "sei": (1 / 3, 1 / 3, 1 / 3),
    }


def test_experts_are_members_of_known_species() -> None:
    with pytest.raises(BadExperts, match=r"the experts for orca are \[0\]; the members are 1 to 2"):
        shares_of_species({"orca": [0]}, ["orca"], 2)
    with pytest.raises(BadExperts, match=r"the experts for orca are \[\]"):
        shares_of_species({"orca": []}, ["orca"], 2)
    with pytest.raises(BadExperts, match="no photo was given; the species are orca"):
        shares_of_species({"sei": [1]}, ["orca"], 2)


def test_the_gate_sees_nothing_that_is_held_out() -> None:
    photos = [
        LabelledPhoto(
            f"{species}/{at}", Path("x"), f"{species}/{at % 40}", species, None, None, None
        )
        for species in ("orca", "minke")
        for at in range(2 * PHOTOS_OF_SPECIES)
    ]
    found = sample_by_species(photos)
    fit = set(make_split(photos).names("fit"))
    assert list(found) == ["minke", "orca"]
    assert {photo.species for photo in found["orca"]} == {"orca"}
    assert all(photo.name in fit for some in found.values() for photo in some)
    assert [len(some) for some in found.values()] == [PHOTOS_OF_SPECIES] * 2
    assert found == sample_by_species(photos)
