"""What `flukeprint train` tries before a run is begun: --overfit, --find-rate,
--show-augmentation.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from embedding.checkpoint import refuse_unwritable
from index.labels.reader import LabelledPhoto
from training.recipes.choices import Recipe


def check_one_way(
    out: Path | None, overfit: int | None, find_rate: Path | None, show: Path | None
) -> bool:
    """Whether something is tried instead of a run; raises BadParameter for two at once, none, or no
    PNG.
    """
    tried = {"--overfit": overfit, "--find-rate": find_rate, "--show-augmentation": show}
    given = [name for name, value in tried.items() if value is not None]
    if len(given) > 1 or (given and out is not None):
        raise typer.BadParameter(
            f"{' and '.join([*given, *(['--out'] if out is not None else [])])} exclude each "
            "other: what is tried "
            "leaves no run. Give one of them"
        )
    for name, path in (("--find-rate", find_rate), ("--show-augmentation", show)):
        if path is not None and path.suffix.lower() != ".png":
            raise typer.BadParameter(
                f"{name} {path}: give the picture to write, a file that ends in .png"
            )
        if path is not None:
            refuse_unwritable(path)
    if not given and out is None:
        raise typer.BadParameter(
            "give --out, the folder for the run (or --overfit, --find-rate, --show-augmentation)"
        )
    return bool(given)


def rehearse(
    recipe: Recipe,
    photos: Sequence[LabelledPhoto],
    *,
    overfit: int | None,
    find_rate: Path | None,
    show: Path | None,
    cache: Path | None,
) -> None:
    """Try what was asked for, and print what came of it. Exits with 1 where the answer is no."""
    from training.run.task import task_of

    recipe, photos = task_of(recipe).prepare(recipe, photos)
    if overfit is not None:
        _overfit(recipe, photos, overfit, cache)
    elif find_rate is not None:
        _find_rate(recipe, photos, find_rate, cache)
    elif show is not None:
        from training.rehearsal.augmentation_sheet import draw_augmentation

        chosen = draw_augmentation(recipe, photos, show, cache=cache)
        print(
            f"{show}: {', '.join(photo.name for photo in chosen)}, each as it is and in seven draws"
        )


def _overfit(
    recipe: Recipe, photos: Sequence[LabelledPhoto], count: int, cache: Path | None
) -> None:
    from training.rehearsal.overfit import overfit
    from training.rehearsal.overfit_report import advice, figures

    found = overfit(recipe, photos, count, cache=cache)
    if len(found.photos) < count:
        note = (
            f"note: {len(found.photos)} photos instead of {count}, as each needs another one "
            "of its individual"
        )
        print(note, file=sys.stderr)
    print(figures(found))
    if not found.is_yes:
        print(advice(found, recipe))
        raise typer.Exit(1)


def _find_rate(
    recipe: Recipe, photos: Sequence[LabelledPhoto], path: Path, cache: Path | None
) -> None:
    from training.rehearsal.rate_search import find_rate, write_rate_search

    sweep = find_rate(recipe, photos, cache=cache or path.parent / ".cache")
    table = write_rate_search(sweep, path, recipe.name)
    print(
        f"{path}, {table}: {len(sweep.rates)} steps, rates from {sweep.rates[0]:.0e} to "
        f"{sweep.rates[-1]:.1e}"
    )
    if sweep.suggestion is None:
        print(
            "no rate is suggested: the loss fell at none of them. Look at the picture, and try "
            "train --overfit 20, "
            "which says whether the model can learn at all"
        )
        raise typer.Exit(1)
    print(
        f"suggested: --set optimiser.rate={sweep.suggestion:.1e} (the steepest fall; the recipe "
        "has "
        f"{recipe.optimiser.rate:.1e}; from {sweep.of_least_loss:.1e} on the loss rises again)"
    )
