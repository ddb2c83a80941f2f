"""What curators are answered as JSON, with the examples that /docs shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from index.curation.curator import Event
from index.curation.listings import Act, Encounter, Individual, PhotoCard
from service.schemas.identify import IDENTIFY_EXAMPLE, photo_url

_RESULTS: Any = IDENTIFY_EXAMPLE["results"]
_EVENT: dict[str, Any] = {
    "revision": 42,
    "kind": "confirm",
    "photos": ["may/fluke.jpg"],
}
_INDIVIDUAL: dict[str, Any] = {
    "name": "w_0007",
    "display_name": "Salt",
    "other_names": ["GOM-0104"],
    "species": "humpback_whale",
    "sex": "f",
    "notes": "Scar on the left lobe.",
    "photos": 12,
    "first_seen": "2011-06-03",
    "last_seen": "2026-05-28",
    "cover": "2018/0f3a.jpg",
    "cover_url": "/v1/photos/2018/0f3a.jpg",
    "merged_into": None,
    "mother": "w_0002",
    "born": "2011",
    "age_class": "adult",
    "calves": ["w_0114"],
    "notes_by": "Ana",
    "notes_at": "2026-05-30T18:02:11Z",
}
_ENCOUNTER: dict[str, Any] = {
    "key": 311,
    "name": "2026-05-28 a",
    "individual": "w_0007",
    "at": "2026-05-28T09:40:00",
    "place": "Stellwagen Bank",
    "region": "Gulf of Maine",
    "observer": "Ana",
    "notes": None,
    "photos": 3,
}
_BOX = [0.21, 0.3, 0.83, 0.71]
_ANSWER: dict[str, Any] = {
    **_RESULTS[0],
    "box": _BOX,
    "photo_taken_at": "2026-05-28T09:41:12",
    "revision": 41,
    "fingerprint": "5f0c" * 16,
}
_PHOTO: dict[str, Any] = {
    "name": "may/fluke.jpg",
    "individual": None,
    "state": "waiting",
    "encounter": "2026-05-28 a",
    "encounter_key": 311,
    "species": "humpback_whale",
    "taken_at": "2026-05-28T09:41:12",
    "is_dated_by_photo": True,
    "box": _BOX,
    "is_box_found": True,
    "viewpoint": None,
    "quality": None,
    "answer": _ANSWER,
    "url": "/v1/photos/may/fluke.jpg?content=" + "9e1a" * 8,
}
_CHANGE: dict[str, Any] = {
    "revision": 42,
    "at": "2026-05-30T18:02:11Z",
    "kind": "confirm",
    "made_by": "Ana",
    "detail": {"individual": "w_0007", "answer": _ANSWER},
    "fingerprint": "5f0c" * 16,
    "undoes": None,
    "is_undone": False,
    "changes": 1,
    "subjects": ["may/fluke.jpg"],
    "counts": {"confirm": 1},
}


def _showing(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": example})


class EventAnswer(BaseModel):
    """What was done: it can be taken back by its revision."""

    model_config = _showing(_EVENT)

    revision: int = Field(
        description="The revision that it gave the catalogue; POST /v1/changes/REVISION/undo "
        "undoes it."
    )
    kind: str = Field(
        description="`take in`, `confirm`, `reject`, `assign`, `move`, `delete`, `edit`, `merge`, "
        "`tell apart`, ... or `undo`."
    )
    photos: list[str] = Field(
        description="The photos that are other than before, or are called otherwise, by name."
    )
    warnings: list[str] = Field(
        [],
        exclude_if=lambda warnings: not warnings,
        description="What is doubtful: an id that looks like a word for an animal that nobody "
        "knows (`unknown 3`), or a new one that differs from another by letter case, blanks, "
        "invisible signs or zeros alone. Absent where nothing is.",
    )


class AnimalAdded(EventAnswer):
    """Another animal of a photo that waits for review now."""

    photo: str = Field(description="The new photo's name.")
    encounter: str = Field(description="The key of its card.")


class IndividualAnswer(BaseModel):
    """A known animal. Its first and last sighting are those of its catalogued photos."""

    model_config = _showing(_INDIVIDUAL)

    name: str = Field(description="Its id.")
    display_name: str | None = Field(description="What people call it.")
    other_names: list[str] = Field(description="Ids that it had before, or has elsewhere.")
    species: str | None = Field(description="Its species.")
    sex: str | None = Field(description="Its sex, where that is known.")
    notes: str | None = Field(description="What is noted of it.")
    photos: int = Field(description="How many catalogued photos it has.")
    first_seen: str | None = Field(description="When the first of them was taken, ISO 8601.")
    last_seen: str | None = Field(description="When the last of them was taken, ISO 8601.")
    cover: str | None = Field(description="The name of one of its photos.")
    cover_url: str | None = Field(description="Where that photo's thumbnail is, on this service.")
    merged_into: str | None = Field(description="Who it turned out to be: its photos went there.")
    mother: str | None = Field(description="Its mother's id.")
    born: str | None = Field(description="When it was born: a year, a month or a day.")
    age_class: str | None = Field(description="Its age class, such as `calf` or `adult`.")
    calves: list[str] = Field(description="Whose mother it is, by id.")
    notes_by: str | None = Field(
        description="Who wrote the notes, where one individual is read and the history has it."
    )
    notes_at: str | None = Field(description="When they were written, UTC.")


class Individuals(BaseModel):
    """A page of individuals, by id."""

    model_config = _showing({"individuals": [_INDIVIDUAL], "next": None})

    individuals: list[IndividualAnswer] = Field(
        description="Those that are not merged into others."
    )
    next: str | None = Field(
        description="Give it as `cursor` to get the following ones; null at the end."
    )


class NextId(BaseModel):
    """An id that nobody has or had."""

    model_config = _showing({"name": "w_0042"})

    name: str = Field(description="The id.")


class EncounterCard(BaseModel):
    """One meeting with one animal."""

    model_config = _showing(_ENCOUNTER)

    key: int = Field(description="Its number: names are not unique.")
    name: str = Field(description="What it is called.")
    individual: str | None = Field(description="Whom it was with; null where that isn't known.")
    at: str | None = Field(description="When it was, ISO 8601.")
    place: str | None = Field(
        None, description="Where it was; only curators see it, it is absent for others."
    )
    region: str | None = Field(
        description="The wide stretch of sea that it was in, which everybody may know."
    )
    observer: str | None = Field(description="Who saw it.")
    notes: str | None = Field(description="What is noted of it.")
    photos: int = Field(description="How many photos it has.")


class Encounters(BaseModel):
    """A page of encounters that have photos, by key."""

    model_config = _showing({"encounters": [_ENCOUNTER], "next": None})

    encounters: list[EncounterCard] = Field(description="The encounters.")
    next: str | None = Field(
        description="Give it as `cursor` to get the following ones; null at the end."
    )


class CataloguedPhoto(BaseModel):
    """A photo of the catalogue as people work with it."""

    model_config = _showing(_PHOTO)

    name: str = Field(description="Its name in the catalogue.")
    individual: str | None = Field(
        description="The individual on it; null: nobody known, or not reviewed yet."
    )
    state: str = Field(description="`catalogued`, `waiting` for review, `rejected` or `deleted`.")
    encounter: str | None = Field(description="The name of its encounter.")
    encounter_key: int | None = Field(description="That encounter's number.")
    species: str | None = Field(description="The species on it.")
    taken_at: str | None = Field(description="When it was taken, ISO 8601.")
    is_dated_by_photo: bool = Field(
        description="Whether that time comes from the photo's own file (EXIF)."
    )
    box: list[float] | None = Field(
        description="Where the fluke is: left, top, right, bottom as shares 0 to 1. It comes "
        "from the labels, or was found when the photo came to the queue."
    )
    is_box_found: bool = Field(
        description="Whether that box was found by the checkpoint, nobody having given one."
    )
    viewpoint: str | None = Field(description="From where it shows the animal.")
    quality: str | None = Field(description="How good it is, in the catalogue's own words.")
    answer: dict[str, Any] | None = Field(
        description="The answer when it came to the queue, as a result of POST /v1/identify. It "
        "also has the `revision` and `fingerprint` it came from, the `box` of the fluke, and "
        "`photo_taken_at`, the file's own time."
    )
    url: str = Field(description="Where its thumbnail is, on this service.")


class CataloguedPhotos(BaseModel):
    """A page of photos, by name."""

    model_config = _showing(
        {"photos": [{**_PHOTO, "state": "catalogued", "individual": "w_0007"}], "next": None}
    )

    photos: list[CataloguedPhoto] = Field(
        description="The photos; deleted ones only with that `state`."
    )
    next: str | None = Field(
        description="Give it as `cursor` to get the following ones; null at the end."
    )


class Queue(BaseModel):
    """A page of the photos that wait for review, the oldest first."""

    model_config = _showing({"photos": [_PHOTO], "waiting": 1, "next": None})

    photos: list[CataloguedPhoto] = Field(description="The photos, each with its `answer`.")
    waiting: int = Field(description="How many wait altogether.")
    next: str | None = Field(
        description="Give it as `cursor` to get the following ones; null at the end."
    )


class SkippedPhoto(BaseModel):
    """A photo that was sent and not taken in, because its content is there already."""

    photo: str = Field(description="The file name as it was sent.")
    reason: str = Field(description="Why, in a sentence.")
    known_as: str = Field(description="The photo of the same content: its name in the catalogue.")


class TakenIn(BaseModel):
    """What became of the photos that were sent to the queue."""

    model_config = _showing(
        {
            "event": {**_EVENT, "kind": "take in"},
            "photos": [_PHOTO],
            "encounter_keys": ["e311"],
            "skipped": [],
        }
    )

    event: EventAnswer | None = Field(
        description="What was done; null where every photo was there already."
    )
    photos: list[CataloguedPhoto] = Field(description="Those taken in, each with its `answer`.")
    encounter_keys: list[str] = Field(
        description="For each of `photos` the key of its card in GET /v1/queue/encounters."
    )
    skipped: list[SkippedPhoto] = Field(description="Those that are there already.")


class ChangeAnswer(BaseModel):
    """One event of the catalogue's history."""

    model_config = _showing(_CHANGE)

    revision: int = Field(description="Its number: later events have higher ones.")
    at: str = Field(description="When it was, UTC.")
    kind: str = Field(description="What was done.")
    made_by: str | None = Field(description="By whom, where that is known.")
    detail: dict[str, Any] = Field(
        description="More about it; `answer` is the answer that a person decided by."
    )
    fingerprint: str = Field(
        description="The checkpoint that the catalogue was searched with from then on."
    )
    undoes: int | None = Field(description="The revision that it took back.")
    is_undone: bool = Field(description="Whether a later event took it back.")
    changes: int = Field(description="How many photos, individuals or encounters it changed.")
    subjects: list[str] = Field(description="The names of the first few of them.")
    counts: dict[str, int] = Field(description="How many changes there were of each kind.")


class Changes(BaseModel):
    """A page of the history, the newest first."""

    model_config = _showing({"changes": [_CHANGE], "next": None})

    changes: list[ChangeAnswer] = Field(description="The events.")
    next: str | None = Field(
        description="Give it as `cursor` to get the older ones; null at the end."
    )


class ChangeChoices(BaseModel):
    """Whom and what the history can be narrowed to."""

    model_config = _showing({"people": ["Ana", "Ben"], "kinds": ["confirm", "take in"]})

    people: list[str] = Field(description="Who made an event: people, keys, `local`. Sorted.")
    kinds: list[str] = Field(description="The kinds that there are, sorted.")


def event_answer(event: Event, warnings: Sequence[str] = ()) -> EventAnswer:
    """Put an event into the words of the API."""
    return EventAnswer(
        revision=event.revision,
        kind=event.kind,
        photos=list(event.photos),
        warnings=list(warnings),
    )


def individual_answer(one: Individual) -> IndividualAnswer:
    """Put an individual into the words of the API."""
    cover_url = None if one.cover is None else photo_url(one.cover)
    return IndividualAnswer.model_validate(
        {
            **asdict(one),
            "other_names": [*one.other_names],
            "calves": [*one.calves],
            "cover_url": cover_url,
        }
    )


def encounter_card(encounter: Encounter, *, is_place_told: bool) -> EncounterCard:
    """Put an encounter into the words of the API; the place only where allowed."""
    fields = asdict(encounter)
    if not is_place_told:
        del fields["place"]
    return EncounterCard.model_validate(fields)


def photo_card(card: PhotoCard) -> CataloguedPhoto:
    """Put a photo into the words of the API."""
    answer, own = card.answer or {}, (*PhotoCard.__dataclass_fields__,)
    fields = {
        name: getattr(card, name)
        for name in CataloguedPhoto.model_fields
        if name in own and name != "box"
    }
    found = answer.get("box")
    return CataloguedPhoto(
        **fields,
        is_dated_by_photo=card.taken_at is not None
        and card.taken_at == answer.get("photo_taken_at"),
        box=found if card.box is None else [*card.box],
        is_box_found=card.box is None and found is not None,
        url=photo_url(card.name, card.content_hash),
    )


def change_answer(act: Act, *, is_place_told: bool) -> ChangeAnswer:
    """Put an event of the history into the words of the API; the place only where allowed."""
    detail = {name: value for name, value in act.detail.items() if is_place_told or name != "place"}
    return ChangeAnswer.model_validate(
        {**asdict(act), "detail": detail, "subjects": [*act.subjects]}
    )
