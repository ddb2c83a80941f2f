"""From a recipe and labelled photos to a run that is ready for its first step."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file as load_tensors  # pyright: ignore[reportUnknownVariableType]
from safetensors.torch import save as save_tensors

from embedding.checkpoint import fingerprint_of, write_atomically
from embedding.networks.backbone import thin_strides
from embedding.networks.locator import LOCATOR_PX, AnyLocator, locate, locator_of
from embedding.photos.photo import read_photo
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from index.progress import progress
from training.learning.augmentation import Augmentation
from training.learning.batches import Batches
from training.learning.distillation import Teacher, teacher_path
from training.learning.distributed import World
from training.learning.first_weights import (
    aligner_path,
    inherited_locator,
    start_locator,
    start_network,
)
from training.learning.losses import WeightedLosses
from training.learning.optimisation import build_optimiser, moving_average, plain_average
from training.learning.vlad_centres import begin_clusters
from training.localisation.train_locator import FEWEST_BOXES, train_locator
from training.pixels.cache import PixelArray, cached_pixels
from training.recipes.checks import boxes_of
from training.recipes.choices import InputChoices, Recipe
from training.run.run import RECIPE, STATE, BadRun, Run, recipe_json
from training.splits.by_class import validation_of_kinds
from training.splits.given_split import given_split
from training.splits.protocol import Split, make_split, species_of, write_split

LOCATOR = "locator.safetensors"


def prepare_run(
    recipe: Recipe,
    photos: list[LabelledPhoto],
    extra: list[LabelledPhoto],
    out: Path,
    cache: Path,
    world: World,
) -> Run:
    """Split, decode, train the locator where one is wanted, and build all that the loop needs.

    `extra` photos are learned from beside the fit part and have no part in the split.

    Writes recipe.json and split.csv into `out`. Raises BadRun for data that leaves nothing to learn
    from.
    """
    torch.manual_seed(recipe.seed)
    network = start_network(recipe.network).to(
        world.device
    )  # first: weights that can't be had cost nobody an hour
    after_network = torch.get_rng_state()
    if _has_boxes(recipe, photos) and not (out / LOCATOR).exists():
        start_locator(recipe.locator.weights)
    is_held_out = (
        recipe.data.hold_out_test and recipe.data.task == "individuals"
    )  # of kinds the caller holds it out
    given = given_split(recipe.data, photos) if recipe.data.task == "individuals" else None
    split = make_split(photos, recipe.data.split_seed) if is_held_out and given is None else None
    learnt_from = photos if split is None else [p for p in photos if split.roles[p.name] == "fit"]
    learnt_from = learnt_from if given is None else given.learnt_from
    inner = (given and given.inner) or _inner_split(recipe, learnt_from)
    is_fit = np.array([inner.roles[photo.name] == "fit" for photo in learnt_from])
    rows = np.flatnonzero(is_fit)  # of `learnt_from`, and of its pixels
    fit = [learnt_from[row] for row in rows]
    locator, overlap = _locator(recipe, fit, out, cache, world)
    if recipe.input.crop == "box" and not _has_boxes(recipe, fit):  # the same in every process
        locator = inherited_locator(recipe.network)
        learnt_from = learnt_from if locator is None else _with_boxes(learnt_from, locator)
    digest = _digest(
        recipe, [*photos, *extra]
    )  # of what was given: found boxes may differ in their last bits
    extra = _usable(extra, photos, fit, world)
    if recipe.input.crop == "box" and locator is not None:
        extra = _with_boxes(extra, locator)
    elif (
        recipe.input.crop == "box"
        and any(photo.box is None for photo in extra)
        and fit[0].box is not None
    ):
        raise BadRun(
            "the labelled photos are cropped by their boxes, but the extra ones come without, "
            "and there is no locator "
            "to find them; give --set locator.epochs=15, or first weights with a locator"
        )
    preprocessing = preprocessing_of(recipe.input)
    pixels = _pixels([*learnt_from, *extra], preprocessing, cache, world)
    rows, batches = _batches(recipe, learnt_from, rows, extra)
    if batches.shown < 2 * world.size:
        raise BadRun(
            f"batches of {batches.shown} photos leave less than 2 to each of {world.size} "
            "processes; raise "
            "batches.individuals or batches.photos_each"
        )
    torch.set_rng_state(
        after_network
    )  # whether a locator was trained in between or found in the run's folder
    begin_clusters(network, pixels, rows, preprocessing, recipe.seed)
    if world.device.type == "cpu" and recipe.compute.precision == "bf16":
        thin_strides(network)
    if recipe.compute.channels_last:
        network = network.to(memory_format=torch.channels_last)
    first_batches = (
        batches.of_frequent(recipe.first_stage.fewest_photos) if recipe.first_stage.epochs else None
    )
    losses = WeightedLosses(
        recipe.loss,
        dimension=network.view_dim,
        photos_of_identity=batches.photos_of_identity,
        twin_shift=batches.individual_count if recipe.batches.flips_as_individuals else 0,
    ).to(world.device)
    if world.is_first and not (out / STATE).exists():
        write_atomically(out / RECIPE, recipe_json(recipe))
        write_split(split or Split({photo.name: "fit" for photo in photos}), out / "split.csv")
        if given is not None:
            given.copy_to(out / "split.csv")
    return Run(
        recipe=recipe,
        photos=learnt_from,
        out=out,
        world=world,
        preprocessing=preprocessing,
        pixels=pixels,
        split=inner,
        batches=batches,
        rows=rows,
        network=network,
        average=moving_average(network, recipe.compute.ema_decay),
        losses=losses,
        teacher=Teacher(recipe.distillation, preprocessing, world.device)
        if recipe.distillation.teacher
        else None,
        optimiser=build_optimiser(
            network, losses, recipe.optimiser, has_frozen_epochs=recipe.schedule.freeze_epochs > 0
        ),
        augmentation=Augmentation(recipe.augmentation, preprocessing, recipe.network.mirror),
        locator=locator,
        locator_overlap=overlap,
        digest=digest,
        first_batches=first_batches,
        plain_average=plain_average(network)
        if recipe.schedule.swa_epochs and recipe.schedule.epochs
        else None,
    )


def preprocessing_of(choices: InputChoices) -> Preprocessing:
    """How photos become the network's input."""
    return Preprocessing(
        choices.width_px,
        choices.height_px,
        choices.mean,
        choices.std,
        choices.crop,
        choices.fit,
        grey=choices.grey,
    )


def _batches(
    recipe: Recipe,
    learnt_from: list[LabelledPhoto],
    rows: NDArray[np.int64],
    extra: list[LabelledPhoto],
) -> tuple[NDArray[np.int64], Batches]:
    """The rows of pixels that the batches count in, `rows` and then those of `extra`, and the
    batches.
    """
    last = len(learnt_from)
    named = [last + at for at, photo in enumerate(extra) if photo.individual is not None]
    unnamed = [last + at for at, photo in enumerate(extra) if photo.individual is None]
    photos = [*learnt_from, *extra]
    labelled = [] if recipe.data.labels == "ignore" else [*rows.tolist(), *named]
    unlabelled = [*rows.tolist(), *named, *unnamed][len(labelled) :]
    individuals = [photos[row].individual for row in labelled]
    told = species_of(photos)
    species = [told[photos[row].name] for row in labelled]
    batches = Batches(
        individuals,
        recipe.batches,
        recipe.seed,
        unlabelled=len(unlabelled),
        species=species,
        flip_share=recipe.augmentation.flip_share,
    )
    if batches.individual_count < 2 and recipe.data.labels == "use":
        raise BadRun(
            f"{batches.individual_count} individuals are left to learn from; at least 2 are needed"
        )
    if unlabelled and not batches.unlabelled_count:
        raise BadRun(
            f"batches.unlabelled_share = {recipe.batches.unlabelled_share} of "
            f"{recipe.batches.individuals} individuals "
            f"leaves the {len(unlabelled)} unlabelled photos no place in a batch; raise it, or "
            "lower new_whale_share"
        )
    return np.array([*labelled, *unlabelled], np.int64), batches


def _usable(
    extra: list[LabelledPhoto], photos: list[LabelledPhoto], fit: list[LabelledPhoto], world: World
) -> list[LabelledPhoto]:
    """Leave out what would show the run an individual that it is asked about as never seen."""
    held_out = {photo.individual for photo in photos} - {photo.individual for photo in fit} - {None}
    usable = [photo for photo in extra if photo.individual not in held_out]
    if len(usable) < len(extra) and world.is_first:
        print(
            f"note: {len(extra) - len(usable)} of {len(extra)} extra photos are of individuals "
            "that are held out; "
            "they are left out too",
            file=sys.stderr,
        )
    return usable


def _with_boxes(photos: list[LabelledPhoto], locator: AnyLocator) -> list[LabelledPhoto]:
    """Photos without a box get the locator's, so that they are learned from as queries will be
    asked about.
    """
    found: list[LabelledPhoto] = []
    with progress(len(photos), "locating flukes") as advance:
        for photo in photos:
            if photo.box is None:
                image = read_photo(photo.path, name=photo.name, at_least_px=LOCATOR_PX)
                photo = dataclasses.replace(photo, box=locate(locator, [image])[0])  # noqa: PLW2901
            found.append(photo)
            advance(1)
    return found


def _digest(recipe: Recipe, photos: list[LabelledPhoto]) -> str:
    content = hashlib.sha256(recipe.digest.encode())
    if recipe.distillation.teacher:
        content.update(fingerprint_of(teacher_path(recipe.distillation)).encode())
    aligner = aligner_path(recipe.network)
    if aligner is not None:
        content.update(fingerprint_of(aligner).encode())
    if recipe.data.split:
        content.update(fingerprint_of(Path(recipe.data.split)).encode())
    for photo in photos:
        content.update(f"{photo.name}|{photo.individual}|{photo.species}|{photo.box}\n".encode())
    return content.hexdigest()


def _inner_split(recipe: Recipe, photos: list[LabelledPhoto]) -> Split:
    """Split what may be learned from once more, by the same rules, for choosing the best epoch."""
    if recipe.data.validation_share == 0:
        return Split({photo.name: "fit" for photo in photos})
    if recipe.data.task == "classes":
        return validation_of_kinds(photos, recipe.data)
    split = make_split(photos, recipe.data.split_seed + 1, recipe.data.validation_share)
    disjoint = Counter(
        photo.individual for photo in photos if split.roles[photo.name] == "disjoint"
    )
    if recipe.schedule.epochs and not split.names("known_query") and max(disjoint.values()) < 2:
        raise BadRun(
            "no photo is left to choose the best epoch by: too few individuals have several "
            "photos. Give "
            "--set data.validation_share=0 to keep the last epoch, or a greater share"
        )
    return split


def _pixels(
    photos: list[LabelledPhoto], preprocessing: Preprocessing, cache: Path, world: World
) -> PixelArray:
    """Rank 0 decodes, then all map the same file."""
    if world.is_first:
        cached_pixels(photos, preprocessing, cache)
    world.wait()
    return cached_pixels(photos, preprocessing, cache)


def _has_boxes(recipe: Recipe, photos: list[LabelledPhoto]) -> bool:
    """Whether the recipe wants a locator trained and the photos have boxes enough for it."""
    return (
        recipe.locator.epochs > 0 and sum(photo.box is not None for photo in photos) >= FEWEST_BOXES
    )


def _locator(
    recipe: Recipe, photos: list[LabelledPhoto], out: Path, cache: Path, world: World
) -> tuple[AnyLocator | None, float]:
    """Train the locator, where the recipe wants one, or take the one that an earlier part of the
    run left.
    """
    if not recipe.locator.epochs:
        return None, 0.0
    if not _has_boxes(recipe, photos):
        if world.is_first:
            boxes = sum(photo.box is not None for photo in photos)
            print(
                f"note: {boxes} of {len(photos)} photos come with a box, too few to train the "
                "locator "
                f"({FEWEST_BOXES}); photos without a box are cropped by the first weights' own "
                "locator, or taken whole "
                "where they have none",
                file=sys.stderr,
            )
        return None, 0.0
    path = out / LOCATOR
    if world.is_first and not path.exists():
        aligned = set(boxes_of(recipe.data).values())
        locator, overlap = train_locator(
            photos,
            recipe.locator,
            recipe.seed,
            cache,
            aligned=aligned,
            device=world.device,
            precision=recipe.compute.precision,
        )
        write_atomically(
            path, save_tensors({**locator.state_dict(), "overlap": torch.tensor(overlap)})
        )
    world.wait()
    # Read by all, as photos without a box are cropped by it in every process.
    with_overlap = load_tensors(path)
    overlap = float(with_overlap.pop("overlap"))
    return locator_of(with_overlap), overlap
