"""The command that gives a checkpoint a detector."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.commands.options import SetCsvOption, SetPhotosOption


def register(app: typer.Typer) -> None:
    """Mount this command."""
    app.command("train-detector")(train_detector)


def train_detector(
    photos: SetPhotosOption,
    out: Annotated[
        Path, typer.Option("--out", help="The checkpoint with its detector; may be --checkpoint.")
    ],
    csv: SetCsvOption = None,
    box: Annotated[
        list[str] | None,
        typer.Option(
            "--box",
            help="SPECIES=left,top,right,bottom: where the animal is in photos without a box that "
            "are aligned alike; repeatable.",
        ),
    ] = None,
    scenes: Annotated[
        list[Path] | None,
        typer.Option(
            "--scenes", help="Boxes of whole scenes, all of which are learned from; repeatable."
        ),
    ] = None,
    scene_photos: Annotated[
        list[Path] | None,
        typer.Option("--scene-photos", help="Their folder; repeatable, one for each --scenes."),
    ] = None,
    others: Annotated[
        list[Path] | None,
        typer.Option("--others", help="Folder of photos without an animal; repeatable."),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="The checkpoint that gets it (default: the shipped)."),
    ] = None,
    weights: Annotated[
        str,
        typer.Option(
            "--weights",
            help="What it begins with: `default` (the shipped checkpoint's detector), a checkpoint "
            "that has one, or a timm state dict of mobilenetv2_100.",
        ),
    ] = "default",
    steps: Annotated[
        int, typer.Option("--steps", min=0, help="Batches; 0 takes --weights as they are.")
    ] = 1800,
    batch: Annotated[int, typer.Option("--batch", min=2, help="Scenes a batch.")] = 12,
    rate: Annotated[float, typer.Option("--rate", min=1e-6, help="The highest rate.")] = 1.5e-3,
    split_seed: Annotated[
        int, typer.Option("--split-seed", help="Of the protocol's split of each set.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Of what is drawn at random.")] = 0,
) -> None:
    """Train a checkpoint's detector: it finds any number of animals in whole scenes.

    It learns from scenes that are composed of labelled photos with boxes: windows of photos,
    animals put into other seas, and seas without any. Of each set the fit part of the protocol's
    split is learned from, and every tenth photo of it is left out. The vectors of ordinary photos
    stay as they are, and so does the checkpoint's fingerprint. Training goes on after an
    interruption. Where the checkpoint has graphs, the detector is written among them.
    """
    from embedding.checkpoint import (
        DEFAULT_CHECKPOINT,
        fingerprint_of,
        refuse_unwritable,
        with_detector,
        write_atomically,
    )
    from embedding.exporting.export import export_detector
    from embedding.networks.detection.detector import weights_of
    from embedding.photos.photo_files import find_photos
    from training.commands.export import comparison_pictures
    from training.learning.first_weights import start_detector
    from training.localisation.detector_sets import composer_of, parsed_boxes, read_fit_parts
    from training.localisation.train_detector import DetectorSteps
    from training.localisation.train_detector import train_detector as run_training

    refuse_unwritable(out)
    path = checkpoint or DEFAULT_CHECKPOINT
    species_boxes = parsed_boxes(box or ())
    detector = start_detector(weights)
    if steps:
        sets = read_fit_parts(csv or (), photos, split_seed)
        sets |= read_fit_parts(scenes or (), scene_photos or (), None)
        paths = [find_photos([one]) for one in others or ()]
        composer = composer_of(sets, species_boxes, paths)
        state = out.with_suffix(".detector-state")
        choices = DetectorSteps(steps, batch, rate, seed)
        detector = run_training(detector, composer, choices, state)
        state.unlink(missing_ok=True)
    write_atomically(out, with_detector(path, {"steps": steps, "seed": seed}, weights_of(detector)))
    export_detector(out, comparison_pictures(None))
    print(f"{out}: the checkpoint {fingerprint_of(out)[:12]} with a detector")
