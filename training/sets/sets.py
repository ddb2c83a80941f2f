"""Several labelled sets learned from together, each its own species."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from embedding.photos.box import WHOLE, Box
from index.labels.labelled_photo import BoxOrientation
from index.labels.reader import BadLabels, LabelledPhoto, Labels
from index.labels.synonyms import with_one_id
from training.pixels.packs import is_pack, packed_labels
from training.sets.labelled import read_labelled


def read_sets(
    csvs: Sequence[Path],
    folders: Sequence[Path],
    *,
    species_boxes: Mapping[str, Box] | None = None,
    same_animals: Path | None = None,
    absent: Literal["refuse", "skip"] = "refuse",
    boxes: BoxOrientation | None = None,
) -> tuple[list[LabelledPhoto], list[str]]:
    """Read one labelled set, or several; returns the photos and warnings.

    One set is taken as it is. Of several, each is named by its label file's folder, or by the
    folder of photos without a label file. That name is the species where the file names none.
    Photos are named `SET/photo` and individuals `SPECIES/individual`: equal ids of two species stay
    two animals, those of one species stay one.

    A set without any box next to a set with boxes is one of ready crops. Its photos count as filled
    by the animal, and the locator learns to take such photos whole. `species_boxes` says where the
    animal is in a species' photos that were aligned and have no box of their own. A pack
    (`training.pixels.packs`) is a set that brings its labels. `absent` photos are refused, or left
    out with a warning. `boxes` says which picture the labels' boxes were measured on; None: as
    they tell. Raises BadLabels.
    """
    known_boxes = species_boxes or {}
    if csvs and len(csvs) != len(folders):
        raise BadLabels(
            f"{len(csvs)} label files (--csv) and {len(folders)} folders (--photos); give as "
            "many of each"
        )
    pairs = list(zip(csvs or [None] * len(folders), folders, strict=True))
    read = [_read(csv, folder, absent, same_animals, boxes) for csv, folder in pairs]
    warnings = [warning for labels in read for warning in labels.warnings]
    names = [_name_of(csv, folder) for csv, folder in pairs]
    known = {
        photo.species or name
        for name, labels in zip(names, read, strict=True)
        for photo in labels.photos
    }
    warnings += [
        f"data.species_boxes names {species!r}, of which there is no photo; the species are "
        f"{', '.join(sorted(known))}"
        for species in sorted(set(known_boxes) - known)
    ]
    read = [
        _with_boxes(labels, name, known_boxes) for name, labels in zip(names, read, strict=True)
    ]
    if len(read) == 1:
        return list(read[0].photos), warnings
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadLabels(
            f"two of the sets are named {twice[0]!r}, after the folder of their labels; name "
            "the folders differently"
        )
    has_boxes = [any(photo.box is not None for photo in labels.photos) for labels in read]
    photos: list[LabelledPhoto] = []
    for name, labels, boxed in zip(names, read, has_boxes, strict=True):
        is_whole = any(has_boxes) and not boxed
        if is_whole:
            warnings.append(
                f"{name}: no photo has a box, so its photos are taken whole, and the locator "
                "learns that"
            )
        photos += [_of_set(photo, name, is_whole=is_whole) for photo in labels.photos]
    of_species: dict[str, set[str]] = {}
    for photo in photos:
        of_species.setdefault(photo.species or "", set()).add(photo.name.partition("/")[0])
    for species, members in of_species.items():
        if len(members) > 1:
            warnings.append(
                f"{', '.join(sorted(members))} are one species, {species}: split together, so "
                "measure with this run's "
                "split.csv (evaluate --split)"
            )
    return photos, warnings


def _read(
    csv: Path | None,
    folder: Path,
    absent: Literal["refuse", "skip"],
    same_animals: Path | None,
    boxes: BoxOrientation | None,
) -> Labels:
    if csv is None and is_pack(folder):
        if boxes is not None:
            raise BadLabels(
                f"{folder}: is a pack, whose pictures and boxes are upright already; give --boxes "
                "to `flukeprint data pack`, and leave it out here"
            )
        return with_one_id(packed_labels(folder), same_animals)
    return read_labelled(csv, folder, absent=absent, same_animals=same_animals, boxes=boxes)


def _name_of(csv: Path | None, folder: Path) -> str:
    return (folder if csv is None else csv.parent).resolve().name


def _with_boxes(labels: Labels, name: str, boxes: Mapping[str, Box]) -> Labels:
    boxed = (
        photo
        if photo.box is not None
        else dataclasses.replace(photo, box=boxes.get(photo.species or name))
        for photo in labels.photos
    )
    return dataclasses.replace(labels, photos=tuple(boxed))


def _of_set(photo: LabelledPhoto, name: str, *, is_whole: bool) -> LabelledPhoto:
    species = photo.species or name
    return dataclasses.replace(
        photo,
        name=f"{name}/{photo.name}",
        individual=None if photo.individual is None else f"{species}/{photo.individual}",
        species=species,
        box=WHOLE if is_whole else photo.box,
    )
