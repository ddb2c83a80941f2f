"""training/learning/batches.py: which photos a step sees is decided by seed, epoch and step
alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from training.learning.batches import Batch, Batches
from training.recipes.choices import BadRecipe, BatchChoices

# 20 individuals of 1 to 5 photos, then 15 new whales: 60 labelled photos.
LABELS: list[str | None] = [f"w{one:02}" for one in range(20) for _ in range(1 + one % 5)]
LABELS += [None] * 15
CHOICES = BatchChoices(individuals=8, photos_each=3, new_whale_share=0.25)


def batches_of(labels: Sequence[str | None] = LABELS, seed: int = 4, **changes: object) -> Batches:
    return Batches(labels, dataclasses.replace(CHOICES, **changes), seed)  # type: ignore[arg-type]


def same(left: Batch, right: Batch) -> bool:
    return all(
        np.array_equal(getattr(left, name), getattr(right, name)) for name in Batch.__slots__
    )


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
        for photo, identity, is_mirrored in zip(
            rows.photos, rows.identities, rows.is_mirrored, strict=True
        ):
            if identity < 0:
                assert LABELS[photo] is None
            else:
                assert LABELS[photo] == batches.names[identity % 20]
                assert is_mirrored == (identity >= 20)


def test_new_whales_are_nobody_s_positives_and_not_twice_in_a_batch() -> None:
    for rows in batches_of().epoch(0):
        negative = rows.identities < 0
        assert (
            len(set(rows.identities[negative])) == negative.sum() == len(set(rows.photos[negative]))
        )


def test_both_sides_come_equally_often() -> None:
    mirrored = np.concatenate(
        [rows.is_mirrored for epoch in range(60) for rows in batches_of().epoch(epoch)]
    )
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
def test_rare_individuals_are_drawn_as_the_exponent_says(
    oversampling: float, exponent: float
) -> None:
    labels = [f"w{one}" for one in range(3) for _ in range([1, 4, 16][one])]
    # One individual a batch, so that draws without replacement are plain draws.
    batches = batches_of(
        labels, individuals=1, photos_each=2, oversampling=oversampling, flips_as_individuals=False
    )
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
    assert all(
        len(rows) == 24 and (rows.identities >= 0).all()
        for rows in batches_of(LABELS[:60]).epoch(0)
    )


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
    assert np.array_equal(part.identities, rows.identities[1::2]) and np.array_equal(
        part.photos, rows.photos[1::2]
    )


def test_unlabelled_photos_are_their_own_positives_alone() -> None:
    batches = Batches(LABELS, dataclasses.replace(CHOICES, unlabelled_share=0.25), 4, unlabelled=9)
    for rows in batches.epoch(0):
        unlabelled = rows.photos >= len(LABELS)
        assert unlabelled.sum() == 2 * CHOICES.photos_each
        assert len(set(rows.photos[unlabelled])) == 2
        numbers = -1 - 2 * rows.photos - rows.is_mirrored
        assert np.array_equal(rows.identities[unlabelled], numbers[unlabelled])
        assert (rows.identities >= 0).sum() == 4 * CHOICES.photos_each


def test_a_new_whale_has_its_number_in_every_batch() -> None:
    for rows in batches_of().epoch(0):
        negative = rows.identities < 0
        assert np.array_equal(
            rows.identities[negative], (-1 - 2 * rows.photos - rows.is_mirrored)[negative]
        )


def test_without_individuals_every_photo_is_seen_once_an_epoch_on_average() -> None:
    batches = Batches([], CHOICES, 4, unlabelled=80)
    epoch = list(batches.epoch(0))
    assert len(epoch) == batches.steps == 10
    assert all(len(rows) == batches.size and (rows.identities < 0).all() for rows in epoch)


def test_few_unlabelled_photos_leave_their_place() -> None:
    rows = next(Batches(LABELS, CHOICES, 4, unlabelled=1).epoch(0))
    assert (rows.photos >= len(LABELS)).sum() == CHOICES.photos_each
    assert len(rows) == batches_of().size


SPECIES = ["minke" if name in {"w04", "w09"} else "humpback" for name in LABELS]


def drawn_of(shares: dict[str, float]) -> float:
    """The share of minkes, two of the twenty individuals, among those drawn one at a time."""
    choices = dataclasses.replace(
        CHOICES, individuals=1, new_whale_share=0.0, species_shares=shares
    )
    batches = Batches(LABELS, choices, 4, species=SPECIES)
    drawn = [SPECIES[rows.photos[0]] for epoch in range(60) for rows in batches.epoch(epoch)]
    return drawn.count("minke") / len(drawn)


@pytest.mark.parametrize(
    ("shares", "minkes"), [({"minke": 0.6}, 0.6), ({"humpback": 0.3}, 0.7), ({"minke": 1}, 1.0)]
)
def test_species_have_the_share_that_is_asked_for(shares: dict[str, float], minkes: float) -> None:
    assert drawn_of(shares) == pytest.approx(minkes, abs=0.05)


def test_a_species_without_a_share_is_never_drawn() -> None:
    choices = dataclasses.replace(CHOICES, species_shares={"minke": 1.0})
    rows = next(Batches(LABELS, choices, 4, species=SPECIES).epoch(0))
    assert {
        SPECIES[photo] for photo, who in zip(rows.photos, rows.identities, strict=True) if who >= 0
    } == {"minke"}


def test_a_share_for_a_species_that_is_not_there_is_refused() -> None:
    choices = dataclasses.replace(CHOICES, species_shares={"orca": 0.5})
    with pytest.raises(
        BadRecipe,
        match="names 'orca', of which nothing is learned; the species are humpback, minke",
    ):
        Batches(LABELS, choices, 4, species=SPECIES)


def test_batches_of_frequent_individuals_keep_everybody_s_number() -> None:
    labels = [f"w{one}" for one in range(6) for _ in range(one + 1)]  # 1 to 6 photos
    batches = batches_of(labels, individuals=2, photos_each=2)
    frequent = batches.frequent_only(4)
    drawn = {
        int(who) for epoch in range(40) for rows in frequent.epoch(epoch) for who in rows.identities
    }
    assert drawn == {3, 4, 5, 9, 10, 11}  # w3, w4, w5 and their mirror twins
    assert np.flatnonzero(frequent.is_drawn).tolist() == sorted(drawn)
    assert frequent.identity_count == batches.identity_count == 12
    assert (batches.steps, frequent.steps) == (5, 4)  # 21 and 15 photos, 4 a batch
    assert batches.is_drawn.all()
    with pytest.raises(
        BadRecipe,
        match=r"fewest_photos = 6 leaves 1 individuals .*of 6 \(the most photos of one are 6\)",
    ):
        batches.frequent_only(6)


@pytest.mark.parametrize("flips", [True, False])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_as_many_are_mirrored_as_asked_for(flips: bool, share: float) -> None:
    choices = dataclasses.replace(CHOICES, flips_as_individuals=flips)
    for rows in Batches(LABELS, choices, 4, flip_share=share).epoch(0):
        assert rows.is_mirrored.mean() == share
