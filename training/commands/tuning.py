"""Choosing by measuring: `flukeprint model summary`, `sweep` and `runs`."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from index.commands.options import BoxesOption, parse_boxes
from training.commands.options import (
    ExtraCsvOption,
    ExtraPhotosOption,
    OverridesOption,
    SetCsvOption,
    SetPhotosOption,
    SplitOption,
    check_extra,
    overriding,
    refuse_for_classes,
)

_JSON = typer.Option("--json", help="Print JSON instead of text.")


def register(app: typer.Typer) -> None:
    """Mount these commands."""
    app.command("sweep")(sweep)
    runs = typer.Typer(
        cls=_ListsByDefault,
        no_args_is_help=True,
        help="Runs as a table (`flukeprint runs DIR...`), and two side by side.",
    )
    runs.command("list")(list_runs)
    runs.command("compare")(compare)
    app.add_typer(runs, name="runs")
    model = typer.Typer(no_args_is_help=True, help="What a model is and costs.")
    model.command("summary")(summary)
    app.add_typer(model, name="model")


def sweep(
    recipe: Annotated[
        str, typer.Argument(help="The recipe that is varied: a shipped one's name, or a TOML file.")
    ],
    photos: SetPhotosOption,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the sweep; new or empty, unless --resume.")
    ],
    csv: SetCsvOption = None,
    extra_photos: ExtraPhotosOption = None,
    boxes: BoxesOption = None,
    extra_csv: ExtraCsvOption = None,
    split: SplitOption = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            help="What is varied: KEY=log(LOW,HIGH), KEY=uniform(LOW,HIGH), "
            "KEY=int(LOW,HIGH,STEP) or KEY=A|B|C. KEY "
            "is a recipe's, or several that get one value "
            "(input.width_px,input.height_px=64|96). Repeatable.",
        ),
    ] = None,
    space: Annotated[
        Path | None,
        typer.Option(
            "--space",
            help="A TOML file with a [space]: lists of values, or {low, high, log, step}.",
        ),
    ] = None,
    overrides: OverridesOption = None,
    trials: Annotated[
        int, typer.Option("--trials", min=1, help="How many trials there are in all.")
    ] = 20,
    workers: Annotated[
        int, typer.Option("--workers", min=1, help="How many trials train side by side.")
    ] = 1,
    threads: Annotated[
        int,
        typer.Option(
            "--threads",
            min=0,
            help="Threads of each trial, where the recipe gives none (0: cores / workers).",
        ),
    ] = 0,
    sampler: Annotated[
        Literal["tpe", "random", "grid"],
        typer.Option(
            "--sampler",
            help="How values are chosen: by what was good (tpe), at random, or all of them (grid).",
        ),
    ] = "tpe",
    pruner: Annotated[
        Literal["median", "halving", "none"],
        typer.Option(
            "--pruner",
            help="Give up trials below the median of the others, all but the best third, or none.",
        ),
    ] = "median",
    prune_after: Annotated[
        int, typer.Option("--prune-after", min=1, help="Give up no trial before so many epochs.")
    ] = 1,
    metric: Annotated[
        str,
        typer.Option(
            "--metric",
            help="The validation figure to improve: a column of a run's metrics.csv.",
        ),
    ] = "score",
    seed: Annotated[
        int,
        typer.Option(
            "--seed", min=0, help="Seed of choosing values (trainings have the recipe's)."
        ),
    ] = 0,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", help="Folder for decoded photos (default: .cache beside --out)."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the sweep in --out.")
    ] = False,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Search for the choices of a RECIPE that validate best, by trial trainings.

    Every trial is a run of `flukeprint train` in a process of its own. It is judged by its
    validation photos alone: test photos decide nothing. A trial that breaks is noted with its
    error, and the sweep goes on. Leaves in --out: study.db, trials.csv, best.toml (a recipe for
    `flukeprint train`), history.png, slices.png, importance.png, and a run for each trial in
    trials/. A sweep that was stopped, at any moment, goes on with --resume, also within its trials.
    """
    from training.recipes.checks import boxes_of
    from training.recipes.reading import read_recipe
    from training.run.task import task_of
    from training.sets.extra import read_extra
    from training.sets.sets import read_sets
    from training.tuning.sweep.report import trials_table
    from training.tuning.sweep.space import read_space
    from training.tuning.sweep.study import Plan, best_of
    from training.tuning.sweep.sweep import SweepChoices, run_sweep, train_arguments

    check_extra(extra_csv, extra_photos)
    measured_on = parse_boxes(boxes)
    varied = read_space(space, vary or ())
    overrides = overriding(overrides, split)  # with the split, which becomes part of best.toml so
    base = read_recipe(recipe, overrides)
    refuse_for_classes(base, extra_photos)
    labelled, warnings = read_sets(
        csv or (), photos, species_boxes=boxes_of(base.data), boxes=measured_on
    )
    task = task_of(base)
    task.select(*task.prepare(base, labelled))  # a fault of the split is reported once, and now
    extra = {"--extra-photos": extra_photos, "--extra-csv": extra_csv, "--boxes": boxes}
    if extra_photos is not None:
        warnings += read_extra(
            extra_csv,
            extra_photos,
            labelled,
            of_several_sets=len(photos) > 1,
            boxes=measured_on,
        )[1]
    for warning in warnings:
        print(f"note: {warning}", file=sys.stderr)
    choices = SweepChoices(
        recipe=recipe,
        overrides=tuple(overrides),
        space=varied,
        plan=Plan(sampler, pruner, trials, prune_after, seed),
        arguments=train_arguments(csv or (), photos, cache or out.parent / ".cache", extra),
        read=tuple(
            path
            for path in (Path(base.data.split or "."), extra_csv)
            if path is not None and path.is_file()
        ),
        out=out,
        metric=metric,
        workers=workers,
        threads=threads or max(1, (os.cpu_count() or 1) // workers),
        resume=resume,
    )
    try:
        results = run_sweep(choices)
    except KeyboardInterrupt:
        print(
            f"\nstopped; the same command with --resume goes on with the sweep in {out}",
            file=sys.stderr,
        )
        raise
    if as_json:
        _print_json([asdict(each) for each in results])
        return
    _print(trials_table(results, varied, metric, most=20))
    best = best_of(results)
    if best is not None:
        print(
            f"best: trial {best.number}, {metric} {best.value:.4f}; train it by: flukeprint "
            f"train {out / 'best.toml'}"
        )


def _print_json(document: Any) -> None:
    print(json.dumps(document, indent=2))


def _print(table: Any) -> None:
    from rich.console import Console

    # A table that goes to a file is as wide as it wants to be.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


class _ListsByDefault(TyperGroup):
    """`flukeprint runs DIR` is `flukeprint runs list DIR`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def list_runs(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Runs, or folders that hold some.")
    ],
    sort: Annotated[
        str,
        typer.Option(
            "--sort",
            help="A metric, a recipe's key or a column; with - before it the least comes first.",
        ),
    ] = "score",
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            help="Only runs with this: recipe=tiny, optimiser.kind=sgd, score>0.4. Repeatable.",
        ),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", help="Show this column of metrics.csv. Repeatable."),
    ] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Show runs as a table: recipe, seed, metrics of the best epoch, time, commit, spread by seed.

    `flukeprint runs DIR...` does the same. Runs whose recipes differ by the seed alone, on the same
    photos, are one line of the second table. What a run of an earlier version doesn't hold is left
    blank.
    """
    from training.tuning.runs.filters import select_runs
    from training.tuning.runs.runs import find_runs, over_seeds
    from training.tuning.runs.tables import run_dict, runs_table, seeds_table, shown_metrics

    runs = select_runs(find_runs(folders), filters or (), sort)
    groups = over_seeds(runs)
    if as_json:
        _print_json(
            {
                "runs": [run_dict(run) for run in runs],
                "over_seeds": [asdict(group) for group in groups],
            }
        )
        return
    shown = shown_metrics(runs, metrics or ())
    _print(runs_table(runs, shown))
    if groups:
        _print(seeds_table(groups, shown))


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="A run's folder.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another's.")],
    curves: Annotated[
        Path | None, typer.Option("--curves", help="Write the curves of both to this PNG.")
    ] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Compare two runs: choices that differ, metrics, and whether one repeats the other."""
    from training.tuning.runs.compare import compare_runs, draw_comparison, run_labels
    from training.tuning.runs.runs import read_run
    from training.tuning.runs.tables import choices_table, metrics_table, verdicts

    one, other = read_run(first), read_run(second)
    found = compare_runs(one, other)
    if curves is not None:
        draw_comparison(curves, one, other)
        print(f"curves: {curves}", file=sys.stderr)
    if as_json:
        _print_json(asdict(found))
        return
    labels = run_labels(one, other)
    if found.choices:
        _print(choices_table(found, labels))
    else:
        print("choices: identical")
    if found.metrics:
        _print(metrics_table(found, labels))
    print("\n".join(verdicts(found)))


def summary(
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            envvar="FLUKEPRINT_CHECKPOINT",
            help="Checkpoint (default: the shipped one).",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe", help="Instead: what this recipe (a name, or a TOML file) would train."
        ),
    ] = None,
    overrides: OverridesOption = None,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth", min=1, help="How deep layers are listed one by one (3, or 2 of an ensemble)."
        ),
    ] = None,
    batch: Annotated[
        int, typer.Option("--batch", min=2, help="The larger of both batches that are timed.")
    ] = 32,
    skips_speed: Annotated[bool, typer.Option("--no-speed", help="Time nothing.")] = False,
    device: Annotated[
        str | None, typer.Option("--device", help="cpu or cuda (default: cuda where there is one).")
    ] = None,
    threads: Annotated[
        int, typer.Option("--threads", min=0, help="Threads on the CPU (0: PyTorch's own number).")
    ] = 0,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Show what a model is and costs: layers, parameters, GFLOPs, file, input, photos a second.

    A multiply and an add are two operations. Photos a second are of decoded pixels to vectors,
    mirror image included, at batch 1 and at --batch, for a few seconds each; --no-speed leaves them
    out.
    """
    import torch

    from embedding.checkpoint import DEFAULT_CHECKPOINT
    from index.progress import progress
    from training.recipes.reading import read_recipe
    from training.tuning.model.speed import measure_speed
    from training.tuning.model.summary import checkpoint_model, recipe_model, summarise
    from training.tuning.model.tables import facts_table, part_table, speed_table

    if recipe is None and overrides:
        raise typer.BadParameter("--set changes a recipe; give --recipe too")
    if threads:
        torch.set_num_threads(threads)
    if recipe is not None:
        choices = read_recipe(recipe, overrides or ())
        name, embedder, file_bytes = f"recipe {choices.name}", recipe_model(choices, device), None
    else:
        path = checkpoint or DEFAULT_CHECKPOINT
        name, embedder = checkpoint_model(path, device)
        file_bytes = path.stat().st_size
    told = summarise(name, embedder, file_bytes, depth=depth)
    if not as_json:  # before it is timed: that takes a while
        for table in (facts_table(told), *(part_table(part) for part in told.parts)):
            _print(table)
        sys.stdout.flush()
    measured = None
    if not skips_speed:
        print(
            f"timing photos a second in batches of 1 and {batch}; --no-speed leaves it out",
            file=sys.stderr,
        )
        measured = measure_speed(embedder.fuse_batch_norms(), (1, batch), progress=progress)
    if as_json:
        _print_json({**asdict(told), "measured": None if measured is None else asdict(measured)})
    elif measured is not None:
        _print(speed_table(measured))
