"""What a detector learns from: sets of labelled photos, scenes, and photos without an animal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from embedding.networks.detection.detector import DETECTOR_PX
from embedding.photos.box import WHOLE, Box
from index.labels.fields import make_box
from index.labels.labelled_photo import BadLabels
from index.labels.reader import LabelledPhoto
from training.localisation.pictures import boxed_pictures, other_pictures
from training.localisation.scenes import SceneComposer
from training.localisation.train_locator import HELD_OUT_EVERY
from training.sets.sets import read_sets
from training.splits.protocol import make_split


def parsed_boxes(texts: Sequence[str]) -> dict[str, Box]:
    """Read SPECIES=left,top,right,bottom. Raises BadLabels."""
    boxes: dict[str, Box] = {}
    for text in texts:
        name, _, sides = text.partition("=")
        try:
            left, top, right, bottom = map(float, sides.split(","))
        except ValueError as error:
            raise BadLabels(
                f"--box {text!r} must be SPECIES=left,top,right,bottom, shares between 0 and 1"
            ) from error
        boxes[name] = make_box((left, top, right, bottom), "--box", text)
    return boxes


def read_fit_parts(
    csvs: Sequence[Path], folders: Sequence[Path], split_seed: int | None
) -> dict[str, list[LabelledPhoto]]:
    """Read each set's fit part, without every tenth photo of it; None: all of its photos.

    By the set's name, that of the folder around its photos. Raises BadLabels.
    """
    sets: dict[str, list[LabelledPhoto]] = {}
    for at, folder in enumerate(folders):
        photos, _ = read_sets(csvs[at : at + 1], [folder], absent="skip")
        if split_seed is not None:
            roles = make_split(photos, split_seed).roles
            fit = [photo for photo in photos if roles[photo.name] == "fit"]
            photos = [one for number, one in enumerate(fit) if number % HELD_OUT_EVERY]
        sets[folder.resolve().parent.name] = photos
    return sets


def composer_of(
    sets: Mapping[str, Sequence[LabelledPhoto]],
    species_boxes: Mapping[str, Box],
    others: Sequence[Sequence[Path]],
) -> SceneComposer:
    """Read the photos and make their composer.

    A set without any box has the one of `species_boxes` by its name; else its photos are taken
    whole. Raises BadPhoto.
    """
    aligned = set(species_boxes.values())
    pictures = [
        boxed_pictures(
            photos,
            aligned,
            None if any(one.box for one in photos) else species_boxes.get(name, WHOLE),
        )
        for name, photos in sets.items()
    ]
    return SceneComposer(
        pictures, [one for own in others for one in other_pictures(own)], DETECTOR_PX
    )
