"""From selected photos to the pixels that a run learns from: cropped, decoded once, and cached."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass

import torch
from safetensors.torch import load_file as load_tensors  # pyright: ignore[reportUnknownVariableType]
from safetensors.torch import save as save_tensors

from embedding.checkpoint import write_atomically
from embedding.networks.detection.detector import (
    DETECTOR_PX,
    Detector,
    detector_of,
    weights_of,
)
from embedding.networks.locator import LOCATOR_PX, AnyLocator, locate, locator_of
from embedding.photos.photo import read_photo
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from index.progress import progress
from training.learning.first_weights import inherited_locator, start_detector
from training.localisation.pictures import boxed_pictures
from training.localisation.scenes import SceneComposer
from training.localisation.train_detector import DetectorSteps, train_detector
from training.localisation.train_locator import FEWEST_BOXES, Compute, train_locator
from training.pixels.cache import PixelArray, cached_pixels
from training.recipes.checks import boxes_of
from training.recipes.choices import InputChoices, Recipe
from training.run.run import BadRun, RunPlace
from training.run.selection import SelectedPhotos

LOCATOR = "locator.safetensors"
DETECTOR, DETECTOR_STATE = "detector.safetensors", "detector.state"


@dataclass(frozen=True, slots=True)
class DecodedPhotos:
    """The selected photos as the network's input: `pixels` (n, h, w, 3) uint8.

    Rows are `learnt_from`, whose boxes are known by now, then the extra photos. `locator_overlap`
    is the mean IoU on boxes that a trained locator didn't learn from; 0 of an inherited one.
    """

    learnt_from: list[LabelledPhoto]
    pixels: PixelArray
    preprocessing: Preprocessing
    locator: AnyLocator | None
    locator_overlap: float
    detector: Detector | None = None


def decode_photos(recipe: Recipe, selected: SelectedPhotos, place: RunPlace) -> DecodedPhotos:
    """Train the locator where the recipe wants one, crop by it, and decode all photos.

    Raises BadRun for extra photos that can't be cropped as the others are.
    """
    learnt_from, extra, fit = selected.learnt_from, selected.extra, selected.fit
    locator, overlap = _locator(recipe, fit, place)
    if recipe.input.crop == "box":
        if not has_boxes(recipe, fit):  # the same in every process
            locator = inherited_locator(recipe.network)
            learnt_from = learnt_from if locator is None else _with_boxes(learnt_from, locator)
        if locator is not None:
            extra = _with_boxes(extra, locator)
        elif any(photo.box is None for photo in extra) and selected.fit[0].box is not None:
            raise BadRun(
                "the labelled photos are cropped by their boxes, but the extra ones come without, "
                "and there is no locator to find them. Give --set locator.epochs=15, or first "
                "weights with a locator"
            )
    preprocessing = preprocessing_of(recipe.input)
    pixels = _pixels([*learnt_from, *extra], preprocessing, place)
    detector = _detector(recipe, fit, place)
    return DecodedPhotos(learnt_from, pixels, preprocessing, locator, overlap, detector)


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


def has_boxes(recipe: Recipe, photos: list[LabelledPhoto]) -> bool:
    """Whether the recipe wants a locator trained and the photos have boxes enough for it."""
    return (
        recipe.locator.epochs > 0 and sum(photo.box is not None for photo in photos) >= FEWEST_BOXES
    )


def _locator(
    recipe: Recipe, photos: list[LabelledPhoto], place: RunPlace
) -> tuple[AnyLocator | None, float]:
    """Train the locator that the recipe wants, or read the one that this run trained before."""
    if not recipe.locator.epochs:
        return None, 0.0
    if not has_boxes(recipe, photos):
        if place.world.is_first:
            boxes = sum(photo.box is not None for photo in photos)
            print(
                f"note: {boxes} of {len(photos)} photos come with a box, too few to train the "
                f"locator ({FEWEST_BOXES}). Photos without a box are cropped by the first weights' "
                "own locator, or taken whole where they have none",
                file=sys.stderr,
            )
        return None, 0.0
    path = place.out / LOCATOR
    if place.world.is_first and not path.exists():
        aligned = set(boxes_of(recipe.data).values())
        locator, overlap = train_locator(
            photos,
            recipe.locator,
            recipe.seed,
            place.cache,
            aligned=aligned,
            # bf16's short mantissa does for all of it; fp16 would need a scaled loss here too.
            compute=Compute(
                place.world.device,
                "float32" if recipe.compute.precision == "float32" else "bf16",
            ),
        )
        write_atomically(
            path, save_tensors({**locator.state_dict(), "overlap": torch.tensor(overlap)})
        )
    place.world.wait()
    # Read by all, as photos without a box are cropped by it in every process.
    with_overlap = load_tensors(path)
    overlap = float(with_overlap.pop("overlap"))
    return locator_of(with_overlap), overlap


def _detector(recipe: Recipe, photos: list[LabelledPhoto], place: RunPlace) -> Detector | None:
    """Train the detector that the recipe wants, or read the one that this run trained before."""
    boxed = [photo for photo in photos if photo.box is not None]
    if not recipe.locator.detector_steps or len(boxed) < FEWEST_BOXES or not place.world.is_first:
        return None  # one process writes the checkpoints
    path, state = place.out / DETECTOR, place.out / DETECTOR_STATE
    if not path.exists():
        pictures = boxed_pictures(boxed, set(boxes_of(recipe.data).values()))
        detector = train_detector(
            start_detector("default"),
            SceneComposer([pictures], [], DETECTOR_PX),
            DetectorSteps(recipe.locator.detector_steps, seed=recipe.seed),
            state,
        )
        weights = {name: torch.from_numpy(one) for name, one in weights_of(detector).items()}
        write_atomically(path, save_tensors(weights))
        state.unlink(missing_ok=True)
    return detector_of({name: value.numpy() for name, value in load_tensors(path).items()})


def _with_boxes(photos: list[LabelledPhoto], locator: AnyLocator) -> list[LabelledPhoto]:
    """Give photos without a box the locator's, as queries will have it."""
    found: list[LabelledPhoto] = []
    with progress(len(photos), "locating flukes") as advance:
        for photo in photos:
            if photo.box is None:
                image = read_photo(photo.path, name=photo.name, at_least_px=LOCATOR_PX)
                photo = dataclasses.replace(photo, box=locate(locator, [image])[0])  # noqa: PLW2901
            found.append(photo)
            advance(1)
    return found


def _pixels(
    photos: list[LabelledPhoto], preprocessing: Preprocessing, place: RunPlace
) -> PixelArray:
    """Rank 0 decodes, then all map the same file."""
    if place.world.is_first:
        cached_pixels(photos, preprocessing, place.cache)
    place.world.wait()
    return cached_pixels(photos, preprocessing, place.cache)
