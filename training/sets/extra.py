"""Photos that are only learned from: unlabelled and pseudo-labelled ones."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from embedding.photos.photo import describe_others, photo_names
from index.labels.labelled_photo import BoxOrientation
from index.labels.photo_files import other_files
from index.labels.reader import BadLabels, LabelledPhoto, list_some
from training.sets.labelled import read_labelled
from training.sets.same_pictures import without_pictures_of


def read_extra(
    csv: Path | None,
    folder: Path,
    labelled: Sequence[LabelledPhoto],
    *,
    of_several_sets: bool = False,
    boxes: BoxOrientation | None = None,
) -> tuple[list[LabelledPhoto], list[str]]:
    """Read extra photos: pseudo-labelled by a CSV, or all photos of a folder, unlabelled.

    Photos that show the picture of one in `labelled`, in whatever bytes, are left out with a
    warning: some of those are queries. The rest are named `extra/photo`, so that they meet no
    labelled photo's name. `boxes`: which picture the CSV's boxes were measured on; None: as it
    tells. Raises BadLabels, also where `labelled` are `of_several_sets` (`training.sets.sets`) and
    an individual isn't among theirs: it would be taken for another animal.
    """
    if csv is not None and not csv.exists():
        raise BadLabels(
            f"--extra-csv {csv}: there is no such file; give what `flukeprint pseudo-label` "
            "wrote, or any other label "
            "file of the extra photos, or leave it out, and they are learned from without labels"
        )
    if not folder.is_dir():
        raise BadLabels(
            f"{folder}: there is no such folder of extra photos; give another --extra-photos"
        )
    if csv is not None:
        labels = read_labelled(csv, folder, boxes=boxes)
        photos, warnings = list(labels.photos), list(labels.warnings)
    else:
        photos, warnings = (
            [LabelledPhoto(name, folder / name, None) for name in photo_names(folder)],
            describe_others(other_files(folder), folder),
        )
    if of_several_sets:
        _check_names(photos, labelled)
    remaining = without_copies(photos, labelled)
    if len(remaining) < len(photos):
        warnings.append(
            f"{len(photos) - len(remaining):,} of the {len(photos):,} extra photos show the "
            "picture of a labelled one and are left out"
        )
    if not remaining:
        raise BadLabels(
            f"{folder}: holds no photo that isn't a labelled one; give a folder with extra photos"
        )
    return [dataclasses.replace(photo, name=f"extra/{photo.name}") for photo in remaining], warnings


def without_copies(
    photos: Sequence[LabelledPhoto], others: Sequence[LabelledPhoto]
) -> list[LabelledPhoto]:
    """Those of `photos` that are no copy of one in `others`: other bytes, and another picture."""
    of_size: defaultdict[int, list[Path]] = defaultdict(list)
    for other in others:
        of_size[other.path.stat().st_size].append(other.path)
    hashes: dict[int, set[str]] = {}
    remaining: list[LabelledPhoto] = []
    for photo in photos:
        size = photo.path.stat().st_size
        if size not in hashes:  # only files of a size that both have are read
            hashes[size] = {_content_hash(path) for path in of_size.get(size, ())}
        if not hashes[size] or _content_hash(photo.path) not in hashes[size]:
            remaining.append(photo)
    return without_pictures_of(remaining, others)


def _content_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_names(photos: Sequence[LabelledPhoto], labelled: Sequence[LabelledPhoto]) -> None:
    """Refuse individuals that several sets would name otherwise, as SPECIES/id."""
    known = {photo.individual for photo in labelled if photo.individual is not None}
    strange = sorted({photo.individual for photo in photos if photo.individual is not None} - known)
    if strange:
        raise BadLabels(
            f"{len(strange)} individuals of the extra photos are not among the labelled sets': "
            f"{list_some(strange)}. With "
            f"several sets individuals are named SPECIES/id, as in {min(known)}; pseudo-label "
            "with the same sets does"
        )
