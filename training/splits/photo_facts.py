"""What labels tell of photos that were taken together: encounters, times, pictures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.calibration.bursts import PhotoFacts, find_bursts
from index.labels.reader import LabelledPhoto
from index.search.vectors import FloatArray


def species_of(photos: Sequence[LabelledPhoto]) -> dict[str, str]:
    """Find the species of every photo by name, "" where the labels have none.

    An individual has one: the one that most of its photos tell, so that a cell left empty, or
    misspelt, doesn't make two animals of it.
    """
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for photo in photos:
        if photo.individual is not None and photo.species:
            counted[photo.individual][photo.species] += 1
    of_individual = {
        one: min(counts, key=lambda each: (-counts[each], each)) for one, counts in counted.items()
    }
    return {
        photo.name: of_individual.get(photo.individual or "", photo.species or "")
        for photo in photos
    }


def facts_of(photos: Sequence[LabelledPhoto], hashes: Sequence[bytes | None] = ()) -> PhotoFacts:
    """The encounters, times and species that labels know, with the photos' perceptual hashes."""
    species = species_of(photos)
    return PhotoFacts(
        encounters=[photo.encounter for photo in photos],
        taken_at=[photo.taken_at for photo in photos],
        hashes=hashes,
        species={
            photo.individual: species[photo.name]
            for photo in photos
            if photo.individual is not None and species[photo.name]
        },
    )


def bursts_of(
    photos: Sequence[LabelledPhoto],
    vectors: FloatArray | None = None,
    hashes: Sequence[bytes | None] = (),
) -> NDArray[np.int64]:
    """Number what was taken together: (n,) from 0, by encounter, time and, with hashes, picture.

    Hashes need `vectors` (n, d) beside them.
    """
    own = np.zeros((len(photos), 1), np.float32) if vectors is None else vectors
    individuals = [photo.individual for photo in photos]
    return find_bursts(range(len(photos)), individuals, own, facts_of(photos, hashes))
