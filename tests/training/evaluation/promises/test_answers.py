"""training/evaluation/promises/answers.py: a drawn catalogue answers by its own calibration."""

from __future__ import annotations

import numpy as np
import pytest

from index.calibration.bursts import PhotoFacts
from index.calibration.calibration import BadCalibration
from index.search.matching import BadQuery
from training.evaluation.promises.answers import (
    answers_of,
    identifier_of,
    share_known,
    share_missed,
)
from training.evaluation.promises.draws import PhotoSet, draw_catalogue


def test_an_identifier_answers_by_its_own_calibration(make_herd) -> None:
    herd = make_herd(60, 4, 0, spread=0.2)
    photos = PhotoSet.of(herd.vectors, herd.photos)
    draw = draw_catalogue(photos, 0)
    identifier = identifier_of(photos, draw.gallery, draw.nobody)
    known = answers_of(identifier, photos, draw.known[:, 0], 0.2)
    labels = photos.individuals[draw.known[:, 0]].tolist()
    assert share_missed(known, labels) == 0.0 and share_missed(known, labels[::-1]) == 1.0
    absent = answers_of(identifier, photos, draw.absent, 0.2)
    threshold = identifier.calibration.thresholds(max_fpir=0.2).known
    nearest = 1 - (photos.vectors[draw.absent] @ photos.vectors[draw.gallery].T).max(axis=1)
    assert share_known(absent) == (nearest <= threshold).mean()
    assert share_known([]) is share_missed([], []) is None
    with pytest.raises(BadQuery):
        answers_of(identifier, photos, draw.absent, 2.0)


def test_a_rate_is_refused_whether_or_not_anything_is_a_query(make_herd) -> None:
    herd = make_herd(20, 4, 0)
    photos = PhotoSet.of(herd.vectors, herd.photos)
    draw = draw_catalogue(photos, 0)
    identifier = identifier_of(photos, draw.gallery, draw.nobody)
    for rows in (draw.absent, draw.absent[:0]):
        with pytest.raises(BadCalibration, match="can't be promised by 16 individuals"):
            answers_of(identifier, photos, rows, 0.001)


def test_repeated_rows_with_noise_are_a_burst_where_the_facts_say_so(make_herd) -> None:
    herd = make_herd(30, 4, 0, spread=0.6)
    photos = PhotoSet.of(herd.vectors, herd.photos)
    gallery = np.repeat(draw_catalogue(photos, 0).gallery, 2)
    noise = np.full((len(gallery), 16), 1e-3, np.float32)
    facts = PhotoFacts(encounters=[str(row) for row in gallery])
    nobody = gallery[:0]
    informed = identifier_of(photos, gallery, nobody, facts=facts, noise=noise)
    blind = identifier_of(photos, gallery, nobody, facts=PhotoFacts(), noise=noise)
    # A photo's other frame lies at no distance, and blind trials find nothing else.
    assert max(blind.calibration.right.distances) < 1e-3 < max(informed.calibration.right.distances)
    lengths = np.linalg.norm(informed.gallery.vectors, axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)
