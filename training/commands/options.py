"""Options that several training commands share.

A module of its own, so that commands can be registered without importing one another.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec

import typer

if TYPE_CHECKING:
    from training.recipes.choices import Recipe

Parameters = ParamSpec("Parameters")

CsvOption = Annotated[
    Path | None, typer.Option("--csv", help="Labels: Kaggle or generic CSV, or COCO JSON.")
]
PhotosOption = Annotated[Path, typer.Option("--photos", help="Folder of the photographs.")]

SetCsvOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--csv",
        help="Labels: Kaggle or generic CSV, or COCO JSON; repeatable, one for each species.",
    ),
]
SetPhotosOption = Annotated[
    list[Path],
    typer.Option("--photos", help="Folder of the photographs; repeatable, one for each --csv."),
]
ExtraPhotosOption = Annotated[
    Path | None,
    typer.Option("--extra-photos", help="Folder of more photos, learned from and never queried."),
]
ExtraCsvOption = Annotated[
    Path | None,
    typer.Option("--extra-csv", help="Their labels (see pseudo-label); without it they have none."),
]
SplitOption = Annotated[
    Path | None,
    typer.Option(
        "--split",
        help="A file of `data split`, or a run's split.csv (default: the protocol's split).",
    ),
]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change one choice: section.key=value. Repeatable."),
]


def check_extra(extra_csv: Path | None, extra_photos: Path | None) -> None:
    """Refuse labels of photos that were not given."""
    if extra_csv is not None and extra_photos is None:
        raise typer.BadParameter(
            "--extra-csv labels the photos of --extra-photos; give that folder too"
        )


def refuse_for_classes(
    recipe: Recipe, extra_photos: Path | None, same_animals: Path | None = None
) -> None:
    """Refuse options that are for individuals where the recipe's labels are classes."""
    from training.run.task import task_of

    if not task_of(recipe).has_classes:
        return
    if extra_photos is not None:
        raise typer.BadParameter(
            "--extra-photos is for recipes of individuals; put all labelled photos into --csv"
        )
    if same_animals is not None:
        raise typer.BadParameter(
            "--same-animals is for recipes of individuals; the labels here are classes"
        )


def overriding(overrides: Sequence[str] | None, split: Path | None) -> list[str]:
    """The --set options, and --split as one of them, so that the run's recipe holds it."""
    by_file = [] if split is None else [f"data.split={json.dumps(str(split), ensure_ascii=False)}"]
    return [*(overrides or ()), *by_file]


def printed_once(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Let only the first of several processes print what a command does, and an error that all
    have.
    """

    @functools.wraps(command)
    def run_command(*arguments: Parameters.args, **options: Parameters.kwargs) -> None:
        from training.distributed.messages import first_prints

        with first_prints():
            command(*arguments, **options)

    return run_command
