"""Another animal in a photo becomes a photo of its own: the same file, with another box.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import select

from embedding.photos.box import Box
from index.catalogue.catalogue import Catalogue
from index.catalogue.revision import Revision, open_revision
from index.curation.curator import (
    BadCuration,
    CurationConflict,
    Event,
    PhotoInBox,
    check_fits,
    finish_event,
    photo_of,
)
from index.curation.review.card_acts import new_encounter
from index.labels.labelled_photo import LabelledPhoto
from index.photos.embed import EmbeddedPhoto, PhotoFile
from index.storage.address import files_folder
from index.storage.schema import DELETED, WAITING, EncounterRow, PhotoRow


def add_animal(
    catalogue: Catalogue, photo: str, box: Box, seen: PhotoInBox, *, made_by: str
) -> Event:
    """Let another animal of a photo wait for review, as a photo of its own.

    It has the same file, time and species, and an encounter of its own with the same notes: an
    encounter is with one animal. Its name is the photo's with `#2` or the next number. The first
    photo keeps its individual and its vector; where its box was found by the checkpoint, it is
    noted now, so that another checkpoint embeds the same animal. Raises CurationConflict where the
    photo has an animal in that box already.
    """
    with open_revision(catalogue, kind="take in", made_by=made_by) as act:
        row = photo_of(act, photo)
        check_fits(act, row, seen)
        _note_box(act, row)
        same = select(PhotoRow).where(
            PhotoRow.content_hash == row.content_hash, PhotoRow.state != DELETED
        )
        if any(other.box == [*box] for other in act.session.scalars(same)):
            raise CurationConflict(f"the animal in this box of {photo} has a photo already")
        old = act.session.get(EncounterRow, row.encounter_id) if row.encounter_id else None
        encounter = None if old is None else new_encounter(act, [row], old).name
        name = next(one for one in _names(row.name) if not _is_taken(act, one))
        label = LabelledPhoto(
            name=name,
            path=files_folder(catalogue.address) / row.path,
            individual=None,
            species=row.species,
            encounter=encounter,
            taken_at=row.taken_at,
            box=box,
        )
        hashed = row.perceptual_hash
        file = PhotoFile(
            row.content_hash,
            row.size_bytes,
            row.mtime_ns,
            None if hashed is None else bytes.fromhex(hashed),
        )
        new = EmbeddedPhoto(label, file, seen.vector)
        more: dict[str, Any] = {"answer": seen.answer}
        act.add(new, seen.fingerprint, state=WAITING, **more)
        return finish_event(act, detail={"animal_of": row.name})


def _note_box(act: Revision, row: PhotoRow) -> None:
    """Note the box that the photo's vector is of, where the checkpoint found it."""
    found = (row.answer or {}).get("box")
    if row.box is None and found is None:
        raise BadCuration(
            f"the box of {row.name} isn't known; say which animal of it is meant before another "
            "one gets a photo"
        )
    if row.box is None:
        act.update(PhotoRow, row.id, {"box": found})
        act.log("edit", row.name, {"box": None}, {"box": found})


def _names(name: str) -> Iterator[str]:
    path = PurePosixPath(name)
    stem, mark, number = path.stem.rpartition("#")
    stem = stem if mark and number.isdigit() else path.stem
    for at in range(2, 2**31):
        yield str(path.with_name(f"{stem}#{at}{path.suffix}"))


def _is_taken(act: Revision, name: str) -> bool:
    return act.session.scalar(select(PhotoRow.id).where(PhotoRow.name == name)) is not None
