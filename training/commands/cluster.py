"""`flukeprint train --on ray://...`: the same command, in processes on a cluster's nodes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from index.messages import print_message

if TYPE_CHECKING:
    from training.distributed.ray_cluster import Work
    from training.recipes.choices import Recipe

OnOption = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="ray://HOST:PORT",
        help="Train on the nodes of a Ray cluster. They have the same flukeprint, and the folders "
        "of this command at the same paths.",
        show_default=False,
    ),
]
ProcessesOption = Annotated[
    str | None,
    typer.Option(
        "--processes",
        metavar="N or N-M",
        help="With --on: how many processes train together, one on each GPU or core. With 2-8 as "
        "many of 8 as there is room for, and 2 at least.",
        show_default=False,
    ),
]


def train_on(
    on: str | None,
    processes: str | None,
    recipe: Recipe,
    out: Path,
    options: Mapping[str, Any],
    work: Work,
) -> None:
    """Give a command's options to processes on a cluster, which do the work, and wait for them.

    They go on with the run's own state after one of them died, so all of them resume. Raises
    BadRayCluster and what a training raises.
    """
    from training.distributed.ray_cluster import RayTraining, train_on_cluster
    from training.run.loop import refuse_occupied
    from training.run.record import library_versions
    from training.run.run import STATE

    if on is None or processes is None:
        raise typer.BadParameter(
            "--on says on which cluster and --processes in how many processes; give both or none"
        )
    fewest, most = _range(processes)
    if not options["resume"]:
        refuse_occupied(out)
    training = RayTraining(
        work,
        {
            "folder": str(Path.cwd()),
            "versions": library_versions(),
            "command": {**options, "on": None, "processes": None, "resume": True},
        },
        fewest,
        most,
        takes_gpus=recipe.compute.device != "cpu",
        scratch=out.resolve().with_name(f".{out.name}.ray"),
    )
    try:
        train_on_cluster(on, training)
    except KeyboardInterrupt:
        if (out / STATE).exists():
            print_message(f"\nstopped; the same command with --resume continues the run in {out}")
        raise


def enter_node(options: Mapping[str, Any]) -> dict[str, Any]:
    """Enter the command's folder in a process on a node; returns the command's own options.

    Raises BadRun for another node than the command was given on in versions or folders.
    """
    from training.run.record import library_versions
    from training.run.run import BadRun

    own, folder = library_versions(), Path(options["folder"])
    if own != options["versions"]:
        raise BadRun(
            f"a node has {own} and not {options['versions']}: install the same on all nodes"
        )
    if not folder.is_dir():
        raise BadRun(
            f"a node doesn't see the folder {folder}: give the command in one that all nodes have "
            "at the same path"
        )
    os.chdir(folder)
    return dict(options["command"])


def _range(processes: str) -> tuple[int, int]:
    fewest, _, most = processes.partition("-")
    numbers = [fewest, most or fewest]
    if all(one.isdecimal() and len(one) < 6 for one in numbers):
        first, last = (int(one) for one in numbers)
        if 1 <= first <= last:
            return first, last
    raise typer.BadParameter(
        f"--processes {processes}: give a number, or the fewest and the most, such as 4 or 2-8"
    )
