"""training/batches.py: which photos a step sees is decided by seed, epoch and step alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from training.batches import Batches, Rows
from training.recipe import BatchChoices

# 20 individuals of 1 to 5 photos, then 15 new whales: 60 labelled photos.
LABELS: list[str | None] = [f"w{one:02}" for one in range(20) for _ in range(1 + one % 5)]
LABELS += [None] * 15
CHOICES = BatchChoices(individuals=8, photos_each=3, new_whale_share=0.25)


def batches_of(labels: Sequence[str | None] = LABELS, seed: int = 4, **changes: object) -> Batches:
    return Batches(labels, dataclasses.replace(CHOICES, **changes), seed)  # type: ignore[arg-type]


def same(left: Rows, right: Rows) -> bool:
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in Rows.__slots__)


def test_an_epoch_depends_on_seed_and_number_alone() -> None:
    batches, again = batches_of(), batches_of()
    list(again.epoch(0))  # what was drawn before doesn't matter
    for left, right in zip(batches.epoch(3), again.epoch(3), strict=True):
        assert same(left, right)
    first = next(batches.epoch(3))
    assert not same(first, next(batches.epoch(4)))
    assert not same(first, next(batches_of(seed=5).epoch(3)))


def test_a_start_in_the_middle_gives_the_tail_of_the_epoch() -> None:
    batches = batches_of()
    full = list(batches.epoch(7))
    for start in range(batches.steps + 1):
        tail = list(batches.epoch(7, start))
        assert len(tail) == batches.steps - start
        assert all(same(left, right) for left, right in zip(full[start:], tail, strict=True))


def test_a_batch_is_individuals_times_photos_and_a_share_of_new_whales() -> None:
    batches = batches_of()
    for rows in batches.epoch(0):
        positive = rows.identities >= 0
        assert len(rows) == 24 and (~positive).sum() == 6  # a quarter of 8 individuals times 3
        identities, counts = np.unique(rows.identities[positive], return_counts=True)
        assert len(identities) == 6 and (counts == 3).all()
        assert len(set(identities % 20)) == 6  # never an individual beside its own mirror twin


def test_rows_carry_the_identity_of_their_individual() -> None:
    batches = batches_of()
    assert batches.names == sorted(set(LABELS) - {None})
    for rows in batches.epoch(1):
        for photo, identity, is_mirrored in zip(rows.photos, rows.identities, rows.is_mirrored, strict=True):
            if identity < 0:
                assert LABELS[photo] is None
            else:
                assert LABELS[photo] == batches.names[identity % 20]
                assert is_mirrored == (identity >= 20)


def test_new_whales_are_nobody_s_positives_and_not_twice_in_a_batch() -> None:
    for rows in batches_of().epoch(0):
        negative = rows.identities < 0
        assert len(set(rows.identities[negative])) == negative.sum() == len(set(rows.photos[negative]))


def test_both_sides_come_equally_often() -> None:
    mirrored = np.concatenate([rows.is_mirrored for epoch in range(60) for rows in batches_of().epoch(epoch)])
    assert abs(mirrored.mean() - 0.5) < 0.05


def test_without_flips_as_individuals_each_photo_is_mirrored_by_itself() -> None:
    batches = batches_of(flips_as_individuals=False)
    assert batches.identity_count == 20 and batches_of().identity_count == 40
    assert batches.photos_of_identity.tolist() == [1, 2, 3, 4, 5] * 4
    assert batches_of().photos_of_identity.tolist() == [1, 2, 3, 4, 5] * 8
    rows = [rows for epoch in range(20) for rows in batches.epoch(epoch)]
    assert all(each.identities.max() < 20 for each in rows)
    of_one = [each.is_mirrored[each.identities == each.identities.max()] for each in rows]
    assert any(0 < mirrored.sum() < len(mirrored) for mirrored in of_one)


def test_every_photo_comes_once_before_any_comes_twice() -> None:
    batches = batches_of(photos_each=7)
    seen = 0
    for epoch in range(10):
        for rows in batches.epoch(epoch):
            for identity in set(rows.identities[rows.identities >= 0]):
                photos = rows.photos[rows.identities == identity]
                counts = np.bincount(photos, minlength=len(LABELS))[batches.members[identity % 20]]
                assert counts.max() - counts.min() <= 1 and counts.sum() == 7
                seen += 1
    assert seen > 50


@pytest.mark.parametrize(("oversampling", "exponent"), [(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)])
def test_rare_individuals_are_drawn_as_the_exponent_says(oversampling: float, exponent: float) -> None:
    labels = [f"w{one}" for one in range(3) for _ in range([1, 4, 16][one])]
    # One individual a batch, so that draws without replacement are plain draws.
    batches = batches_of(labels, individuals=1, photos_each=2, oversampling=oversampling, flips_as_individuals=False)
    drawn = [int(rows.identities[0]) for epoch in range(300) for rows in batches.epoch(epoch)]
    wanted = np.array([1.0, 4.0, 16.0]) ** exponent
    share = np.bincount(drawn, minlength=3) / len(drawn)
    assert len(drawn) == 3000
    np.testing.assert_allclose(share, wanted / wanted.sum(), atol=0.03)


def test_new_whales_as_individuals_have_an_identity_each() -> None:
    batches = batches_of(new_whales="individuals")
    assert batches.individual_count == 35 and batches.negative_size == 0
    assert all((rows.identities >= 0).all() and len(rows) == 24 for rows in batches.epoch(0))


def test_unused_new_whales_are_never_seen() -> None:
    batches = batches_of(new_whales="unused")
    assert batches.individual_count == 20
    assert all(LABELS[photo] is not None for rows in batches.epoch(0) for photo in rows.photos)


def test_few_new_whales_come_again_and_no_new_whales_leave_their_place() -> None:
    few = batches_of([*LABELS[:60], None, None])
    assert all((rows.identities < 0).sum() == 6 for rows in few.epoch(0))
    assert all(len(rows) == 24 and (rows.identities >= 0).all() for rows in batches_of(LABELS[:60]).epoch(0))


def test_an_epoch_shows_each_labelled_photo_once_on_average() -> None:
    assert batches_of().steps == 3  # 60 photos, 18 a batch
    assert batches_of(LABELS[:60]).steps == 2  # 24 a batch
    assert batches_of(individuals=64, new_whale_share=0.0).steps == 1
    # Two individuals fill no batch of eight: they show 6 photos a step, not 24.
    assert batches_of(["a"] * 15 + ["b"] * 15).steps == 5


def test_a_part_of_a_batch_keeps_its_columns_together() -> None:
    rows = next(batches_of().epoch(0))
    part = rows[1::2]
    assert len(part) == 12
    assert np.array_equal(part.identities, rows.identities[1::2]) and np.array_equal(part.photos, rows.photos[1::2])
