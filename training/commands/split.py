"""The command `flukeprint data split`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from index.commands.options import BoxesOption, parse_boxes

SetLabelsArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="LABELS",
        help="Kaggle or generic CSV, or COCO JSON; repeatable, one for each --photos; without "
        "it --photos has a "
        "sub-folder for each label.",
    ),
]
SetPhotosOption = Annotated[
    list[Path],
    typer.Option("--photos", help="Folder of the photographs; repeatable, one for each LABELS."),
]


def split(
    photos: SetPhotosOption,
    out: Annotated[Path, typer.Option("--out", help="The CSV to write: image,part,role.")],
    labels: SetLabelsArgument = None,
    boxes: BoxesOption = None,
    kind: Annotated[
        str, typer.Option("--kind", help="closed-set, open-set, identity-disjoint, or protocol.")
    ] = "closed-set",
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same bytes.")] = 0,
    validation: Annotated[
        float | None,
        typer.Option("--validation", help="Share of the validation part (default: 0.2)."),
    ] = None,
    test: Annotated[
        float | None, typer.Option("--test", help="Share of the test part (default: 0.2).")
    ] = None,
    unknown: Annotated[
        float | None,
        typer.Option(
            "--unknown",
            help="open-set: share of the individuals that are in no gallery (default: 0.15).",
        ),
    ] = None,
    encounters: Annotated[
        bool | None,
        typer.Option(
            "--encounters/--no-encounters",
            help="Keep an encounter's photos together (default: where encounters are known).",
        ),
    ] = None,
    time: Annotated[
        bool | None,
        typer.Option(
            "--time/--no-time",
            help="Test later than train (default: where most photos have taken_at).",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Split a labelled set into train, validation and test.

    closed-set: every individual (or species, or class) in validation or test is in train too. Each
    is divided by the shares. open-set: besides, some individuals and new_whale photos are in no
    gallery, as strangers will be. identity-disjoint: no individual is in two parts. Individuals
    with one photo are learned from, or stand in the gallery, and are never a query. protocol: the
    split of docs/benchmarks.md, the same file that train leaves and evaluate makes.

    Shares are of the photos of individuals that can be divided. Give the file to train --split and
    evaluate --split.
    """
    from training.splits.split_set import SplitRequest
    from training.splits.split_set import split as write_split

    request = SplitRequest(
        kind=kind,
        seed=seed,
        validation=validation,
        test=test,
        unknown=unknown,
        by_encounter=encounters,
        by_time=time,
        boxes=parse_boxes(boxes),
    )
    write_split(labels or (), photos, out, request, as_json=as_json)
