"""Take new photos into the catalogue.

Originals are stored by their content, under names that nobody has, with their answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from embedding.photos.exif import camera_of, taken_at
from embedding.photos.photo import content_hash
from index.catalogue.catalogue import Catalogue
from index.catalogue.revision import TransactionCheck, check_nothing
from index.curation.curator import Curator, Event
from index.curation.listings import Directory, PhotoCard
from index.curation.review.grouping import (
    NewSighting,
    ProposedEncounter,
    free_names,
    parse_clock,
    propose_encounters,
    spans_around,
)
from index.curation.review.waiting_photos import encounter_names, uploaded_photos
from index.labels.fields import in_nfc, parse_photo_name
from index.labels.labelled_photo import BadLabels, LabelledPhoto
from index.photos.embed import EmbeddedPhoto, PhotoFile
from index.photos.perceptual_hash import hash_photo
from index.search.vectors import FloatArray
from index.storage.originals import media_folder, store_photo
from service.schemas.curation_requests import QueueForm
from service.schemas.identify import photo_answer
from service.serving.inference import InferenceResult

_MOST_LETTERS = 150  # of a name: file systems and URLs have bounds, too


class NewPhoto(NamedTuple):
    """A photo that was sent: its name as it came, its bytes, its vector (d,) and what was answered.

    The answer also has the fluke's box (`box`), the file's own time (`photo_taken_at`) and its
    camera (`camera`, a digest).
    """

    name: str
    data: bytes
    vector: FloatArray
    answer: dict[str, Any]
    perceptual_hash: bytes | None = None

    @classmethod
    def of(cls, name: str, data: bytes, result: InferenceResult) -> NewPhoto:
        """What was sent, with what was found: takes long where EXIF was made to mislead."""
        found = result.identification
        assert found is not None
        answer = {
            **photo_answer(name, found).model_dump(mode="json"),
            "box": None if result.box is None else [*result.box],
            "photo_taken_at": taken_at(data),
            "camera": camera_of(data),
            "revision": found.revision,
            "fingerprint": found.fingerprint,
        }
        return cls(name, data, result.vector, answer, hash_photo(data, name))

    @property
    def content(self) -> SentContent:
        """Its name and the hash of its content."""
        return SentContent(self.name, content_hash(self.data))


class SentContent(NamedTuple):
    """The content of a photo that was sent, before anything is known of it."""

    name: str
    content_hash: str


class KnownPhoto(NamedTuple):
    """A photo that isn't taken in, and that of the same content."""

    name: str
    known_as: str
    reason: str


def sort_out(
    directory: Directory, contents: Sequence[SentContent]
) -> tuple[list[int], list[KnownPhoto]]:
    """Return the positions of new contents, and the photos that are known or were sent twice."""
    there = directory.with_content([each.content_hash for each in contents])
    first: dict[str, str] = {}
    new: list[int] = []
    known: list[KnownPhoto] = []
    for at, each in enumerate(contents):
        card = there.get(each.content_hash)
        if card is not None:
            known.append(KnownPhoto(each.name, card.name, _where(card)))
        elif each.content_hash in first:
            other = first[each.content_hash]
            known.append(
                KnownPhoto(each.name, other, f"the same photo was sent twice, also as {other}")
            )
        else:
            first[each.content_hash] = each.name
            new.append(at)
    return new, known


def take_in(
    catalogue: Catalogue,
    photos: Sequence[NewPhoto],
    fingerprint: str,
    form: QueueForm,
    *,
    made_by: str,
    check: TransactionCheck = check_nothing,
) -> tuple[Event | None, list[KnownPhoto]]:
    """Take photos in as waiting, and return those whose content has come meanwhile.

    Raises BadMedia where an original can't be kept, BadCuration and BadCatalogue as
    `Curator.take_in`.
    """
    directory = Directory(catalogue)
    new, known = sort_out(directory, [each.content for each in photos])
    if not new:
        return None, known
    taken = [photos[at] for at in new]
    encounters = _encounters(catalogue, taken, form)
    used: set[str] = set()
    embedded: list[EmbeddedPhoto] = []
    for photo, encounter in zip(taken, encounters.of_photos, strict=True):
        name = _free_name(directory, photo, used)
        used.add(name)
        embedded.append(_stored_photo(catalogue, photo, name, form, encounter))
    event = Curator(catalogue, made_by=made_by, check=check).take_in(
        embedded,
        fingerprint,
        answers=[{**photo.answer, "upload": form.upload} for photo in taken],
        encounters=encounters.notes,
    )
    return event, known


class _Encounters(NamedTuple):
    """The encounter of each photo by name, and what is noted of each."""

    of_photos: list[str | None]
    notes: dict[str, dict[str, str | None]]


def _encounters(catalogue: Catalogue, photos: Sequence[NewPhoto], form: QueueForm) -> _Encounters:
    """The encounter that was sent, or those that time and camera propose.

    A photo in which no animal was seen stays alone.
    """
    noted = {"place": form.place, "region": form.region, "observer": form.observer}
    if form.encounter is not None:
        notes = {form.encounter: {"at": form.taken_at, **noted}}
        return _Encounters([form.encounter] * len(photos), notes)
    sightings = [_sighting(photo.name, photo.answer, form) for photo in photos]
    times = [one.at for one in sightings if one is not None]
    there = _there(catalogue, form.upload, times) if form.upload and times else []
    of_photos: list[str | None] = [None] * len(photos)
    notes: dict[str, dict[str, str | None]] = {}
    for proposed in propose_encounters(sightings, there):
        name = proposed.name
        if name is None:
            minute = proposed.first.isoformat(sep=" ", timespec="minutes")
            name = next(free_names(minute, encounter_names(catalogue, minute) | notes.keys()))
            first = min(proposed.photos, key=lambda at: _taken_at(photos[at].answer, form) or "")
            notes[name] = {"at": _taken_at(photos[first].answer, form), **noted}
        for at in proposed.photos:
            of_photos[at] = name
    return _Encounters(of_photos, notes)


def _there(catalogue: Catalogue, upload: str, times: Sequence[datetime]) -> list[ProposedEncounter]:
    """The encounters about these times that earlier photos of the same upload are in."""
    found: dict[str, ProposedEncounter] = {}
    for photo in uploaded_photos(catalogue, upload, spans_around(times)):
        one = _sighting_of(
            photo.sent_as or photo.name,
            photo.taken_at,
            camera=photo.camera,
            decision=photo.decision,
            nearest=photo.nearest,
        )
        if one is not None:
            encounter = found.setdefault(
                photo.encounter, ProposedEncounter(one.series, one.at, one.at, photo.encounter)
            )
            encounter.add(one)
    return list(found.values())


def _sighting(name: str, answer: Mapping[str, Any], form: QueueForm) -> NewSighting | None:
    """What is known of a new photo for its encounter; None for one that stays alone."""
    return _sighting_of(
        answer.get("photo") or name,
        _taken_at(answer, form),
        camera=answer.get("camera"),
        decision=answer.get("decision"),
        nearest=next((match["individual"] for match in answer.get("matches") or ()), None),
    )


def _sighting_of(
    sent_as: str,
    clock: str | None,
    *,
    camera: str | None,
    decision: str | None,
    nearest: str | None,
) -> NewSighting | None:
    at = parse_clock(clock)
    if at is None or decision == "no_animal":
        return None
    series = (str(PurePosixPath(_tidied(sent_as)).parent), camera or "")
    return NewSighting(series, at, nearest, is_known=decision == "known")


def _taken_at(answer: Mapping[str, Any], form: QueueForm) -> str | None:
    """When a photo was taken, by its own clock before what was sent for all of them."""
    own = answer.get("photo_taken_at")
    return own if form.taken_at is None or parse_clock(form.taken_at) is None else form.taken_at


def _free_name(directory: Directory, photo: NewPhoto, used: Collection[str]) -> str:
    names = _names(photo.name, content_hash(photo.data))
    return next(name for name in names if name not in used and not directory.named([name]))


def _stored_photo(
    catalogue: Catalogue, photo: NewPhoto, name: str, form: QueueForm, encounter: str | None
) -> EmbeddedPhoto:
    """Keep the original under a name. Raises BadMedia."""
    label = LabelledPhoto(
        name=name,
        path=store_photo(photo.data, media_folder(catalogue.address), name),
        individual=None,
        species=form.species,
        encounter=encounter,
        taken_at=form.taken_at or photo.answer.get("photo_taken_at"),
        box=None,
    )
    file = PhotoFile(content_hash(photo.data), len(photo.data), None, photo.perceptual_hash)
    return EmbeddedPhoto(label, file, photo.vector)


def _names(sent_name: str, hashed: str) -> Iterator[str]:
    """The name that was sent, tidied, and then others that are like it."""
    path = PurePosixPath(_tidied(sent_name))
    yield str(path)
    yield str(path.with_name(f"{path.stem}-{hashed[:8]}{path.suffix}"))
    for number in range(2, 2**31):
        yield str(path.with_name(f"{path.stem}-{hashed[:8]}-{number}{path.suffix}"))


def _tidied(sent_name: str) -> str:
    printable = "".join(sign for sign in sent_name if sign.isprintable())
    shown = in_nfc(printable.encode("utf-8", "ignore").decode())
    try:
        name = parse_photo_name(shown, "the photo")
    except BadLabels:
        name = Path(shown.replace("\\", "/")).name or "photo"
    path = PurePosixPath(name if name.strip(". ") else "photo")
    if len(str(path)) <= _MOST_LETTERS:
        return str(path)
    return path.stem[: _MOST_LETTERS - len(path.suffix[:10])] + path.suffix[:10]


def _where(card: PhotoCard) -> str:
    if card.state == "waiting":
        return f"this photo waits in the queue already, as {card.name}"
    if card.state == "rejected":
        return f"this photo was reviewed already and rejected, as {card.name}"
    whose = f"{card.individual}'s" if card.individual else "a photo of nobody known"
    return f"this photo is in the catalogue already, as {card.name}, {whose}"
