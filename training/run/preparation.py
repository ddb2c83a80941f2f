"""From a recipe and labelled photos to a run that is ready for its first step."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from embedding.checkpoint import write_atomically
from embedding.networks.backbone import thin_strides
from embedding.networks.network import Network
from index.labels.reader import LabelledPhoto
from training.distributed.batch_statistics import share_batch_statistics
from training.distributed.world import World
from training.learning.augmentation import Augmentation
from training.learning.batches import Batches
from training.learning.distillation import Teacher
from training.learning.first_weights import start_locator, start_network
from training.learning.losses import WeightedLosses
from training.learning.optimisation import build_optimiser, moving_average, plain_average
from training.learning.sharded_head import shard_classes
from training.learning.vlad_centres import fit_vlad
from training.recipes.choices import Recipe
from training.run.decoding import LOCATOR, DecodedPhotos, decode_photos, has_boxes
from training.run.run import RECIPE, BadRun, Run, RunPlace, recipe_json
from training.run.selection import SelectedPhotos, select_photos
from training.splits.photo_facts import species_of


def prepare_run(
    recipe: Recipe, photos: list[LabelledPhoto], extra: list[LabelledPhoto], place: RunPlace
) -> Run:
    """Select photos, decode them, and build all that the loop needs.

    `extra` photos are learned from beside the fit part and have no part in the split.

    Writes recipe.json and split.csv into the run's folder. Raises BadRun for data that leaves
    nothing to learn from.
    """
    torch.manual_seed(recipe.seed)
    # First: weights that can't be had cost nobody an hour.
    network = start_network(recipe.network).to(place.world.device)
    after_network = torch.get_rng_state()
    if has_boxes(recipe, photos) and not (place.out / LOCATOR).exists():
        start_locator(recipe.locator.weights)
    selected = select_photos(recipe, photos, extra, place.world)
    decoded = decode_photos(recipe, selected, place)
    # The same whether a locator was trained in between or found in the run's folder.
    torch.set_rng_state(after_network)
    run = build_run(recipe, network, selected, decoded, place)
    if place.world.is_first and not run.state_path.exists():
        write_atomically(place.out / RECIPE, recipe_json(recipe))
        selected.write_split(place.out / "split.csv")
    return run


def build_run(
    recipe: Recipe,
    network: Network,
    selected: SelectedPhotos,
    decoded: DecodedPhotos,
    place: RunPlace,
) -> Run:
    """Build batches, losses, optimiser and averages around a network and decoded photos."""
    world, schedule = place.world, recipe.schedule
    rows, batches = _batches(recipe, selected, world)
    fit_vlad(network, decoded.pixels, rows, decoded.preprocessing, recipe.seed)
    if world.device.type == "cpu" and recipe.compute.precision == "bf16":
        thin_strides(network)
    if recipe.compute.checkpointing:
        _recompute_activations(network)
    if recipe.compute.channels_last:
        network = network.to(memory_format=torch.channels_last)
    losses = WeightedLosses(
        recipe.loss,
        dimension=network.view_dim,
        photos_of_identity=batches.photos_of_identity,
        twin_shift=batches.individual_count if recipe.batches.flips_as_individuals else 0,
    ).to(world.device)
    has_shards = shard_classes(losses, world, recipe.compute.shard_classes_above)
    if has_shards and recipe.compute.precision == "fp16":
        raise BadRun(
            'compute.precision = "fp16": class weights that are divided among processes can\'t '
            'have a scaled loss; set "bf16" or "float32", or a greater compute.shard_classes_above'
        )
    average = moving_average(network, recipe.compute.ema_decay)
    plain = plain_average(network) if schedule.swa_epochs and schedule.epochs else None
    if world.size > 1:  # the averages, which one process measures, stay as they are
        share_batch_statistics(network)
    first, fewest = recipe.first_stage, recipe.first_stage.fewest_photos
    return Run(
        recipe=recipe,
        photos=decoded.learnt_from,
        out=place.out,
        world=world,
        preprocessing=decoded.preprocessing,
        pixels=decoded.pixels,
        split=selected.inner,
        batches=batches,
        rows=rows,
        network=network,
        average=average,
        losses=losses,
        teacher=_teacher(recipe, decoded, world),
        optimiser=build_optimiser(
            network, losses, recipe.optimiser, has_frozen_epochs=schedule.freeze_epochs > 0
        ),
        augmentation=Augmentation(
            recipe.augmentation, decoded.preprocessing, recipe.network.mirror
        ),
        locator=decoded.locator,
        locator_overlap=decoded.locator_overlap,
        detector=decoded.detector,
        digest=selected.digest,
        first_batches=batches.frequent_only(fewest) if first.epochs else None,
        plain_average=plain,
        has_shards=has_shards,
        scaler=torch.amp.GradScaler(world.device.type, enabled=recipe.compute.precision == "fp16"),
    )


def _recompute_activations(network: Network) -> None:
    """Have the backbone keep the inputs of its blocks alone. Raises BadRun where it can't."""
    try:
        network.backbone.set_grad_checkpointing(True)
    except (AssertionError, AttributeError, NotImplementedError) as error:
        raise BadRun(
            f"compute.checkpointing: the backbone {network.config.backbone} can't; set it to "
            "false, and lower compute.micro_batch instead"
        ) from error


def _teacher(recipe: Recipe, decoded: DecodedPhotos, world: World) -> Teacher | None:
    if not recipe.distillation.teacher:
        return None
    return Teacher(recipe.distillation, decoded.preprocessing, world.device)


def _batches(
    recipe: Recipe, selected: SelectedPhotos, world: World
) -> tuple[NDArray[np.int64], Batches]:
    """Make the batches, and the rows of pixels that they draw from: fit photos, then extra ones."""
    learnt_from, extra, last = selected.learnt_from, selected.extra, len(selected.learnt_from)
    is_fit = [selected.inner.roles[photo.name] == "fit" for photo in learnt_from]
    rows = np.flatnonzero(is_fit)
    named = [last + at for at, photo in enumerate(extra) if photo.individual is not None]
    unnamed = [last + at for at, photo in enumerate(extra) if photo.individual is None]
    photos = [*learnt_from, *extra]
    labelled = [] if recipe.data.labels == "ignore" else [*rows.tolist(), *named]
    unlabelled = [*rows.tolist(), *named, *unnamed][len(labelled) :]
    individuals = [photos[row].individual for row in labelled]
    species_by_name = species_of(photos)
    species = [species_by_name[photos[row].name] for row in labelled]
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
            f"{recipe.batches.individuals} individuals leaves the {len(unlabelled)} unlabelled "
            "photos no place in a batch; raise it, or lower new_whale_share"
        )
    if batches.photos_per_batch < 2 * world.size:
        raise BadRun(
            f"batches of {batches.photos_per_batch} photos leave less than 2 to each of "
            f"{world.size} processes; raise batches.individuals or batches.photos_each"
        )
    return np.array([*labelled, *unlabelled], np.int64), batches
