"""training/splits/recipe_split.py: a split file gives photos to learn from, to choose the epoch by
and to ask about.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from index.calibration.fitting import calibrate
from index.labels.reader import LabelledPhoto
from training.distributed.world import World
from training.evaluation.protocol import answers_of
from training.evaluation.queries import LabelledVectors
from training.evaluation.report import figures_of, table_of
from training.recipes.choices import DataChoices, Recipe
from training.run.loop import train
from training.run.preparation import prepare_run
from training.run.run import RunOptions, RunPlace
from training.splits.assignment import Kind, SplitChoices, make_parts
from training.splits.parts_file import write_parted
from training.splits.protocol import BadSplit, make_split, read_split, write_split
from training.splits.recipe_split import recipe_split
from training.splits.stratified import Shares

ONE = World(0, 1, torch.device("cpu"))


@pytest.fixture
def parted(whales: list[LabelledPhoto], tmp_path: Path) -> Path:
    path = tmp_path / "split.csv"
    write_parted(make_parts(whales, SplitChoices(kind="open-set", shares=Shares(0.25, 0.25))), path)
    return path


def test_without_a_file_nothing_is_given(whales: list[LabelledPhoto]) -> None:
    assert recipe_split(DataChoices(), whales) is None


def test_train_and_validation_are_learned_from_and_validation_chooses(
    whales: list[LabelledPhoto], parted: Path
) -> None:
    parts = dict(line.split(",")[:2] for line in parted.read_text().splitlines()[1:])
    given = recipe_split(DataChoices(split=str(parted)), whales)
    assert given is not None and given.inner is not None
    assert {photo.name: parts[photo.name] for photo in given.learnt_from} == {
        name: part for name, part in parts.items() if part != "test"
    }
    assert set(given.inner.names("fit")) == {
        name for name, part in parts.items() if part == "train"
    }
    assert given.inner.names("known_query") and given.inner.names("unknown_query")


def test_without_a_validation_share_both_parts_are_fit(
    whales: list[LabelledPhoto], parted: Path
) -> None:
    given = recipe_split(DataChoices(split=str(parted), validation_share=0), whales)
    assert given is not None and given.inner is None


def test_a_protocol_file_leaves_validation_to_the_recipe(
    whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    write_split(make_split(whales, 5), tmp_path / "split.csv")
    given = recipe_split(DataChoices(split=str(tmp_path / "split.csv")), whales)
    assert given is not None and given.inner is None
    assert [photo.name for photo in given.learnt_from] == make_split(whales, 5).names("fit")


def test_a_file_and_no_test_part_contradict_each_other(
    whales: list[LabelledPhoto], parted: Path
) -> None:
    with pytest.raises(BadSplit, match=r"hold_out_test = false wants none; give one of the two"):
        recipe_split(DataChoices(split=str(parted), hold_out_test=False), whales)


def test_a_run_by_a_file_leaves_it_and_evaluate_reads_it(
    whales: list[LabelledPhoto],
    parted: Path,
    fast: Callable[..., Recipe],
    pixel_cache: Path,
    tmp_path: Path,
) -> None:
    recipe = fast("schedule.epochs=1", f'data.split="{parted}"')
    train(recipe, whales, tmp_path / "run", RunOptions(cache=pixel_cache))
    assert (tmp_path / "run" / "split.csv").read_bytes() == parted.read_bytes()
    assert "known_top1" in (tmp_path / "run" / "metrics.csv").read_text().splitlines()[0]
    asked = read_split(tmp_path / "run" / "split.csv", whales)
    parts = dict(line.split(",")[:2] for line in parted.read_text().splitlines()[1:])
    assert {name for name, role in asked.roles.items() if role != "fit"} == {
        name for name, part in parts.items() if part == "test"
    }


def test_another_file_is_another_run(
    whales: list[LabelledPhoto],
    parted: Path,
    fast: Callable[..., Recipe],
    pixel_cache: Path,
    tmp_path: Path,
) -> None:
    recipe = fast(f'data.split="{parted}"')
    digests: list[str] = []
    for seed in (0, 1):
        write_parted(make_parts(whales, SplitChoices(seed=seed)), parted)
        digests.append(
            prepare_run(
                recipe, whales, [], RunPlace(tmp_path / f"run{seed}", pixel_cache, ONE)
            ).digest
        )
    assert digests[0] != digests[1]


@pytest.mark.parametrize("kind", ["closed-set", "open-set", "identity-disjoint"])
def test_every_kind_can_be_measured(kind: Kind, herd: LabelledVectors) -> None:
    names = [f"w{row // 4:02}_{row % 4}" for row in range(240)] + [
        f"new_{row:03}" for row in range(150)
    ]
    photos = [
        LabelledPhoto(name, Path(name), None if name[0] == "n" else name[:3]) for name in names
    ]
    split = make_parts(photos, SplitChoices(kind=kind)).for_test()
    answers = answers_of(herd.vectors, photos, split)
    learned = [
        at for at, photo in enumerate(photos) if split.roles[photo.name] in ("fit", "disjoint")
    ]
    figures = figures_of(
        answers, calibrate(herd.vectors[learned], [photos[at].individual for at in learned])
    )
    assert ("known" in figures, "open" in figures, "disjoint" in figures) == {
        "closed-set": (True, False, False),
        "open-set": (True, True, False),
        "identity-disjoint": (False, False, True),
    }[kind]
    assert table_of(figures, kind).row_count > 0
