"""training/rehearsal/overfit.py: which photos, and yes or no for models of which the answer is
known.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from index.labels.reader import LabelledPhoto
from training.recipes.choices import BadRecipe, Recipe
from training.rehearsal.overfit import Memorised, bare, chosen_photos, overfit, with_full_batches
from training.rehearsal.overfit_report import advice, figures
from training.rehearsal.rehearsal import learned_from
from training.run.run import BadRun
from training.splits.protocol import make_split

Fast = Callable[..., Recipe]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where what is tried has its folder."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    return tmp_path / "scratch"


def test_labels_without_any_sense_are_memorised(
    fast: Fast, whales: list[LabelledPhoto], scratch: Path
) -> None:
    # Dealt out in turns, so that colours lead astray: what is right in the end has been learned by
    # heart.
    dealt = [LabelledPhoto(photo.name, photo.path, f"w{at % 4}") for at, photo in enumerate(whales)]
    found = overfit(
        fast("optimiser.rate=0.003", "network.dropout=0.5", "data.hold_out_test=false"), dealt, 12
    )
    assert found.is_yes and found.top1 == 1.0 and found.mistakes == ()
    assert (
        found.top1_before < 0.5
        and 10 < found.steps <= 200
        and found.loss_last < 0.5 * found.loss_first
    )
    assert len(found.photos) == 12
    assert list(scratch.iterdir()) == []
    assert figures(found).startswith("yes: memorised 12 photos of ")


def test_a_model_that_does_not_move_memorises_nothing(
    fast: Fast, whales: list[LabelledPhoto], scratch: Path
) -> None:
    # One colour for all: nothing that a network could tell them apart by.
    alike = [LabelledPhoto(photo.name, whales[0].path, photo.individual) for photo in whales]
    found = overfit(fast(), alike, 12, most_steps=20)
    assert not found.is_yes and found.steps == 20 and 0 < len(found.mistakes) <= 12
    said = advice(found, fast())
    assert "--find-rate" in said and "is nearest to" in said and "data check" in said
    assert figures(found).startswith("no: not memorised 11 photos")  # a twelfth would stand alone
    assert list(scratch.iterdir()) == []


def test_first_weights_that_are_right_must_learn_too(
    fast: Fast, whales: list[LabelledPhoto]
) -> None:
    found = overfit(fast(), whales, 12)
    assert found.top1_before == 1.0 and found.is_yes and found.steps == 10


def test_the_same_photos_and_steps_every_time(fast: Fast, whales: list[LabelledPhoto]) -> None:
    first, second = (
        overfit(fast("optimiser.rate=0.0001"), order, 8, most_steps=10)
        for order in (whales, whales[::-1])
    )
    assert first.photos == second.photos
    assert (first.loss_first, first.top1) == (second.loss_first, second.top1)


def test_nothing_is_learned_from_what_a_run_holds_out(
    fast: Fast, whales: list[LabelledPhoto]
) -> None:
    split = make_split(sorted(whales, key=lambda photo: photo.name), 0)
    assert {photo.name for photo in learned_from(fast(), whales)} == set(split.names("fit"))
    assert len(learned_from(fast("data.hold_out_test=false"), whales)) == len(whales)


def named(*counts: int) -> list[LabelledPhoto]:
    return [
        LabelledPhoto(f"{who}{at}", Path("x"), f"w{who}")
        for who, count in enumerate(counts)
        for at in range(count)
    ]


@pytest.mark.parametrize(
    ("counts", "wanted", "each"),
    [
        ((8, 8, 1), 8, [4, 4]),  # nobody with one photo
        ((50, 50), 20, [8, 12]),  # four each in turns
        ((2, 2, 2), 5, [2, 2]),  # a fifth would stand alone
        ((3, 9), 5, [2, 3]),
        ((2, 2), 90, [2, 2]),  # all there are
    ],
)
def test_photos_are_chosen_so_that_each_has_another(
    counts: tuple[int, ...], wanted: int, each: list[int]
) -> None:
    chosen = chosen_photos(named(*counts), wanted, seed=0)
    assert sorted(Counter(photo.individual for photo in chosen).values()) == each
    assert len({photo.name for photo in chosen}) == len(chosen)


@pytest.mark.parametrize(
    ("places", "photos_each", "counts", "each"),
    [
        (64, 1, (20, 20), 20),  # all 40 in a batch
        (8, 2, (20, 20), 8),  # as many as the recipe's batch has
        (64, 2, (4, 4, 4, 1), 4),
        (4, 1, (4, 4, 4, 4, 4, 4), 2),  # a pair at least, whatever the recipe draws
    ],
)
def test_few_individuals_fill_a_batch_with_their_photos(
    fast: Fast, places: int, photos_each: int, counts: tuple[int, ...], each: int
) -> None:
    recipe = fast(f"batches.individuals={places}", f"batches.photos_each={photos_each}")
    assert with_full_batches(recipe, named(*counts)).batches.photos_each == each


def test_too_little_to_memorise_is_refused(fast: Fast, whales: list[LabelledPhoto]) -> None:
    with pytest.raises(BadRun, match="1 individuals have two photos or more"):
        chosen_photos(named(5, 1, 1), 4, seed=0)
    for count in (3, 2001, -1):
        with pytest.raises(BadRecipe, match=rf"--overfit {count}; allowed are 4 to 2,000"):
            overfit(fast(), whales, count)


def test_all_that_makes_memorising_hard_is_off(fast: Fast) -> None:
    made = bare(
        fast(
            "network.dropout=0.4",
            "schedule.epochs=9",
            "schedule.freeze_epochs=4",
            "augmentation.preset=strong",
        )
    )
    assert (made.network.dropout, made.optimiser.weight_decay, made.schedule.freeze_epochs) == (
        0.0,
        0.0,
        0,
    )
    assert (
        made.augmentation.preset == "none"
        and made.augmentation.rotation_degrees == made.augmentation.flip_share == 0
    )


def test_the_advice_goes_by_what_was_measured(fast: Fast) -> None:
    def said(**values: float) -> str:
        known = {
            "top1_before": 0.1,
            "top1": 0.2,
            "top1_by_batch": 0.3,
            "loss_first": 2.0,
            "loss_last": 0.5,
            **values,
        }
        return advice(Memorised((), 2, 40, 1.0, is_finite=True, mistakes=(), **known), fast())

    assert "batch norms lag" in said(top1_by_batch=1.0) and "batch norms lag" not in said()
    assert "1. the loss hardly fell" in said(loss_last=1.95) and "hardly fell" not in said()
