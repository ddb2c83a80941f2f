"""The commands of the training wing: train, evaluate."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from index.commands.named_files import refuse_absent
from index.commands.options import (
    BoxesOption,
    PrecisionOption,
    RuntimeOption,
    SameAnimalsOption,
    parse_boxes,
)
from training.commands.cluster import (
    OnOption,
    ProcessesOption,
    enter_node,
    train_on,
)
from training.commands.options import (
    CsvOption,
    ExtraCsvOption,
    ExtraPhotosOption,
    OverridesOption,
    PhotosOption,
    SetCsvOption,
    SetPhotosOption,
    SplitOption,
    check_extra,
    overriding,
    printed_once,
    refuse_for_classes,
)


def register(app: typer.Typer) -> None:
    """Mount this wing's commands."""
    from training.commands.classify import register as register_classification
    from training.commands.data import register as register_data
    from training.commands.export import register as register_export
    from training.commands.localisation.aligner import register as register_aligning
    from training.commands.localisation.detector import register as register_detector
    from training.commands.screening import register as register_screening
    from training.commands.tuning import register as register_tuning

    app.command("train")(train)
    app.command("pseudo-label")(pseudo_label)
    app.command("evaluate")(evaluate)
    app.command("combine")(combine)
    register_aligning(app)
    register_detector(app)
    register_screening(app)
    register_export(app)
    register_data(app)
    register_classification(app)
    register_tuning(app)


@printed_once
def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name, or a TOML file.")],
    photos: SetPhotosOption,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the run; new or empty, unless --resume."),
    ] = None,
    csv: SetCsvOption = None,
    extra_photos: ExtraPhotosOption = None,
    extra_csv: ExtraCsvOption = None,
    split: SplitOption = None,
    overrides: OverridesOption = None,
    same_animals: SameAnimalsOption = None,
    boxes: BoxesOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run in --out where it stopped.")
    ] = False,
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache", help="Folder for decoded photos, or a pack (default: .cache beside --out)."
        ),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="The same as --board tensorboard.")
    ] = False,
    board: Annotated[
        list[str] | None,
        typer.Option(
            "--board",
            help="Also draw the metrics in tensorboard, wandb or mlflow. Repeatable.",
        ),
    ] = None,
    overfit: Annotated[
        int | None,
        typer.Option(
            "--overfit", help="Try whether so many photos can be memorised; exits with 1 if not."
        ),
    ] = None,
    find_rate: Annotated[
        Path | None,
        typer.Option(
            "--find-rate", help="Sweep the rate instead; the PNG to draw, with a CSV beside it."
        ),
    ] = None,
    show_augmentation: Annotated[
        Path | None,
        typer.Option(
            "--show-augmentation", help="Draw a few photos as batches show them; the PNG."
        ),
    ] = None,
    graphs: Annotated[
        bool,
        typer.Option(
            "--graphs/--no-graphs",
            help="Write the graphs of best.safetensors at the end, as `flukeprint export` does.",
        ),
    ] = True,
    on: OnOption = None,
    processes: ProcessesOption = None,
) -> None:
    """Train a network by a RECIPE on labelled photos.

    Without --csv the folder holds one sub-folder per individual. Several species are learned
    together by giving --csv and --photos once for each; each species is split and validated by
    itself. The run leaves best.safetensors (the checkpoint that the other commands take),
    metrics.csv, curves.png, split.csv and recipe.json in --out. The checkpoint's graphs, in
    best.graphs, answer without PyTorch. A run that was stopped, at any moment, continues with
    --resume. --photos may be a pack of `flukeprint data pack`. --overfit, --find-rate and
    --show-augmentation try what a run would do, and leave none. torchrun starts it on several GPUs,
    and --on on a Ray cluster.
    """
    options_of_all = dict(locals())
    from embedding.checkpoint import refuse_unwritable
    from training.commands.classify import train_by_kinds
    from training.commands.export import write_trained_graphs
    from training.commands.rehearsal import check_one_way, rehearse
    from training.distributed.world import is_first_process
    from training.pixels.packs import is_pack
    from training.recipes.checks import boxes_of
    from training.recipes.reading import read_recipe
    from training.run.boards import require_boards
    from training.run.loop import train as run_training
    from training.run.run import BEST, RunOptions
    from training.run.task import task_of
    from training.sets.extra import read_extra
    from training.sets.sets import read_sets

    is_rehearsed = check_one_way(out, overfit, find_rate, show_augmentation)
    check_extra(extra_csv, extra_photos)
    measured_on = parse_boxes(boxes)
    choices = read_recipe(recipe, overriding(overrides, split))
    boards = require_boards([*(board or ()), *(["tensorboard"] if tensorboard else [])])
    if cache is None and len(photos) == 1 and is_pack(photos[0]):
        cache = photos[0]
    if is_rehearsed:
        labelled, _ = read_sets(
            csv or (),
            photos,
            species_boxes=boxes_of(choices.data),
            same_animals=same_animals,
            boxes=measured_on,
        )
        rehearse(
            choices,
            labelled,
            overfit=overfit,
            find_rate=find_rate,
            show=show_augmentation,
            cache=cache,
        )
        return
    assert out is not None
    refuse_unwritable(out / "recipe.json")
    refuse_for_classes(choices, extra_photos, same_animals)
    if on is not None or processes is not None:
        train_on(on, processes, choices, out, options_of_all, train_on_node)
        return
    options = RunOptions(cache=cache or out.parent / ".cache", resume=resume, boards=boards)
    if task_of(choices).has_classes:
        train_by_kinds(choices, csv or (), photos, out, options, boxes=measured_on)
        if graphs and is_first_process():
            write_trained_graphs(out / BEST)
        return
    labelled, warnings = read_sets(
        csv or (),
        photos,
        species_boxes=boxes_of(choices.data),
        same_animals=same_animals,
        boxes=measured_on,
    )
    extra, more = [], []
    if extra_photos is not None:
        extra, more = read_extra(
            extra_csv,
            extra_photos,
            labelled,
            of_several_sets=len(photos) > 1,
            boxes=measured_on,
        )
    for warning in [*warnings, *more]:
        print(f"note: {warning}", file=sys.stderr)
    try:
        path = run_training(choices, labelled, out, options, extra=extra)
    except KeyboardInterrupt:
        if (out / "resume.safetensors").exists():
            print(
                f"\nstopped; the same command with --resume continues the run in {out}",
                file=sys.stderr,
            )
        raise
    print(f"best checkpoint: {path}")
    if graphs and is_first_process():
        write_trained_graphs(path)


def train_on_node(options: Mapping[str, Any]) -> None:
    """Run `train` in a process that a cluster started."""
    train(**enter_node(options))


def pseudo_label(
    photos: SetPhotosOption,
    unlabelled: Annotated[
        Path, typer.Option("--unlabelled", help="Folder of the photos to be labelled.")
    ],
    split: Annotated[
        Path,
        typer.Option(
            "--split", help="The run's split.csv: only its fit part may be compared with."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="The CSV to write: image,label,probability,distance.")
    ],
    csv: SetCsvOption = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            envvar="FLUKEPRINT_CHECKPOINT",
            help="Checkpoint (default: the shipped one).",
        ),
    ] = None,
    max_fpir: Annotated[
        float,
        typer.Option(
            "--max-fpir", help="Label only as sure as this share of new whales would be mistaken."
        ),
    ] = 0.01,
    boxes: BoxesOption = None,
) -> None:
    """Label the photos that a checkpoint is sure of, for train --extra-csv and --extra-photos.

    No photo of a split's test part is compared with, so its figures stay those of animals and
    photos never seen. If the unlabelled photos are themselves your queries, say so beside every
    figure.
    """
    from training.evaluation.pseudo_labels import PseudoLabelChoices, write_pseudo_labels

    choices = PseudoLabelChoices(
        csvs=csv or (),
        photos=photos,
        unlabelled=unlabelled,
        split=split,
        checkpoint=checkpoint,
        max_fpir=max_fpir,
        boxes=parse_boxes(boxes),
    )
    labelled, count = write_pseudo_labels(choices, out)
    print(
        f"{out}: {labelled} of {count} photos labelled; learn from them by train --extra-csv "
        f"{out} --extra-photos ..."
    )


def evaluate(
    photos: PhotosOption,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for report.json, curves and contact sheets.")
    ],
    csv: CsvOption = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            envvar="FLUKEPRINT_CHECKPOINT",
            help="Checkpoint (default: the shipped one).",
        ),
    ] = None,
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "float32",
    split: Annotated[
        Path | None,
        typer.Option(
            "--split",
            help="A run's split.csv, or a file of `data split` (default: the protocol's, from "
            "--seed).",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", help="Seed of the split, where none is given.")
    ] = 0,
    score: Annotated[str, typer.Option("--score", help="nearest, centre or blend.")] = "nearest",
    same_animals: SameAnimalsOption = None,
    boxes: BoxesOption = None,
    ignore_boxes: Annotated[
        bool,
        typer.Option(
            "--ignore-boxes",
            help="Measure as if no box were known: the checkpoint's locator finds it.",
        ),
    ] = False,
    compares: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Also compare scores, fusions, open-set scores and thresholds of a growing "
            "gallery.",
        ),
    ] = False,
    promises: Annotated[
        bool,
        typer.Option(
            "--promises",
            help="Also measure whether promised rates and stated probabilities hold, on "
            "catalogues drawn from the photos.",
        ),
    ] = False,
    vectors: Annotated[
        Path | None,
        typer.Option(
            "--vectors",
            help="vectors.npz of an earlier evaluation, or of `flukeprint embed`: photos are not "
            "embedded again.",
        ),
    ] = None,
    every_miss: Annotated[
        bool,
        typer.Option(
            "--every-miss", help="Also draw all missed queries, on numbered sheets of 20."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure a checkpoint by the protocol of docs/benchmarks.md: known, disjoint and open queries.

    Where the labels have encounters or times, no query is compared with photos of its own burst.
    Writes to --out: report.json; det.png and cmc.png; hits.png and misses.png, with heat maps.
    misses.csv and failures.md describe what missed queries have in common (of the disjoint ones in
    disjoint/). vectors.npz, gallery.csv, queries.csv and disjoint.csv are for scoring the vectors
    with any other program. With --compare also compare.md and growth.png. With --promises also
    promises.md and promises.png. Their catalogues are drawn from all photos. With --split no photo
    that was learned from is a query of theirs.
    """
    from training.evaluation.measure import EvaluationChoices, measure

    refuse_absent(csv, photos, checkpoint, split, same_animals, vectors)
    choices = EvaluationChoices(
        csv=csv,
        photos=photos,
        out=out,
        checkpoint=checkpoint,
        split=split,
        seed=seed,
        runtime=runtime,
        precision=precision,
        score=score,
        with_boxes=not ignore_boxes,
        same_animals=same_animals,
        boxes=parse_boxes(boxes),
        compares=compares,
        checks_promises=promises,
        vectors=vectors,
        draws_every_miss=every_miss,
    )
    measure(choices, as_json=as_json)


def combine(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(
            help="Two or more checkpoints, with the same [input] but for its size. FILE@2 is an "
            "ensemble's second member."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The ensemble's file.")],
    name: Annotated[str, typer.Option("--name", help="What its card calls it.")] = "ensemble",
    locator: Annotated[
        Path | None,
        typer.Option(
            "--locator", help="The checkpoint whose locator is taken (default: the first's)."
        ),
    ] = None,
    expert: Annotated[
        list[str] | None,
        typer.Option(
            "--expert",
            help="SPECIES=1,2: the members (from 1) for a species. Repeatable.",
        ),
    ] = None,
    dimensions: Annotated[
        str | None,
        typer.Option(
            "--dimensions",
            help="How many numbers of a member's embedding are kept: 112, or 96,128 for each.",
        ),
    ] = None,
    apart: Annotated[
        str | None,
        typer.Option(
            "--apart",
            help="1,2: members (from 1) that keep photos and their mirror images separate.",
        ),
    ] = None,
    photos: Annotated[
        list[Path] | None,
        typer.Option(
            "--photos",
            help="With --expert or --dimensions: folder of a species' photos; repeatable.",
        ),
    ] = None,
    csv: SetCsvOption = None,
    boxes: BoxesOption = None,
) -> None:
    """Make one checkpoint of several: an ensemble whose embedding is made of every member's.

    With --expert, each species has its own members. A gate, fitted to the photos given, chooses
    them by what a photo shows. A photo's species is what the label file's column
    `species` says, else the name of that file's folder, as in `flukeprint train`. With --dimensions
    embeddings are brought down to their principal axes, for a smaller file and a faster search.
    With --apart, photos are compared with photos and mirror images with mirror images, as after
    training with network.mirror_fusion = "separate". That is better where one animal may look like
    another's mirror image.

    A member of an ensemble is exchanged by naming the others: new.safetensors default@2 default@3,
    where default is the shipped checkpoint.
    """
    from training.ensembles.combine import EnsembleOptions
    from training.ensembles.combine import combine as write_ensemble
    from training.sets.sets import read_sets

    experts = _experts(expert) if expert else None
    if (experts is None and dimensions is None) != (not photos):
        raise typer.BadParameter(
            "--expert and --dimensions need --photos (and --csv), and these are for them alone"
        )
    measured_on = parse_boxes(boxes)
    labelled, _ = read_sets(csv or (), photos, boxes=measured_on) if photos else ([], [])
    fingerprint = write_ensemble(
        checkpoints,
        out,
        name,
        EnsembleOptions(
            locator=locator,
            experts=experts,
            dimensions=_numbers("--dimensions", dimensions) if dimensions is not None else (),
            separate_mirrors=_numbers("--apart", apart) if apart is not None else (),
            photos=labelled,
        ),
    )
    print(
        f"{out}: {len(checkpoints)} members, {out.stat().st_size / 1e6:.1f} MB, {fingerprint[:12]}"
    )


def _experts(given: list[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for one in given:
        species, sign, numbers = one.partition("=")
        if not sign or not species:
            raise typer.BadParameter(
                f"--expert {one}: give SPECIES=1,2 with the members' numbers from 1"
            )
        found[species] = _numbers(f"--expert {one}", numbers)
    return found


def _numbers(option: str, numbers: str) -> list[int]:
    if not all(number.strip().isdecimal() and len(number) < 9 for number in numbers.split(",")):
        raise typer.BadParameter(f"{option}: give whole numbers, as in 1,2")
    return [int(number) for number in numbers.split(",")]
