"""What curators send: the bodies of their requests, and the parameters of lists."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header, Path, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from starlette.requests import Request

from embedding.errors import FlukeprintError
from embedding.photos.box import Box
from index.access.roles import allows
from index.labels.fields import in_nfc, make_box, parse_time
from index.labels.labelled_photo import BadLabels
from service.http.multipart import Form
from service.http.paging import Position, decode_cursor

MOST_PHOTOS = 1000  # in one act
LARGEST_KEY = 2**31 - 1


def _time(value: str) -> str | None:
    try:
        return parse_time(value, "the field")
    except FlukeprintError as error:
        raise ValueError(str(error)) from error


def _or_none(value: Any) -> Any:
    """Read an empty text as None, and any other in NFC, the form in which names are compared."""
    if isinstance(value, str):
        return in_nfc(value.strip()) or None
    return value


IndividualName = Annotated[
    str, Field(min_length=1, max_length=200, description="An individual's id.")
]
NameInNfc = Annotated[IndividualName, AfterValidator(in_nfc)]
PhotoName = Annotated[str, Field(min_length=1, max_length=1000)]
Word = Annotated[Annotated[str, Field(max_length=200)] | None, BeforeValidator(_or_none)]
Notes = Annotated[Annotated[str, Field(max_length=10_000)] | None, BeforeValidator(_or_none)]
Time = Annotated[
    Annotated[str, Field(max_length=40), AfterValidator(_time)] | None, BeforeValidator(_or_none)
]

IndividualPath = Annotated[str, Path(description="The individual's id.")]
PhotoPath = Annotated[str, Path(description="The photo's name as answers give it.")]
KeyPath = Annotated[int, Path(ge=1, le=LARGEST_KEY, description="The encounter's number.")]
RevisionPath = Annotated[int, Path(ge=1, le=LARGEST_KEY, description="The event's revision.")]
IfMatch = Annotated[
    # `service.http.etags` reads it; it is declared here for the reference.
    str | None, Header(max_length=1000, description="The ETag of the state that is to be changed.")
]
ListLimit = Annotated[int, Query(ge=1, le=200, description="How many to answer at most.")]
ListCursor = Annotated[
    str | None,
    Query(max_length=4096, description="`next` of the page before; without it the first page."),
]


def _make_box(sides: tuple[float, float, float, float]) -> Box:
    try:
        return make_box(sides, "box", " ".join(map(str, sides)))
    except BadLabels as error:
        raise ValueError(str(error)) from error


PhotoBox = Annotated[tuple[float, float, float, float], AfterValidator(_make_box)]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rename(_Sent):
    """Another id for an individual."""

    new: IndividualName = Field(
        description="The new id; the old one is kept among the other names."
    )


class Merge(_Sent):
    """Whom an individual turned out to be."""

    into: IndividualName = Field(description="The id of the individual that stays.")


class NotSame(_Sent):
    """Two individuals that are not the same."""

    one: IndividualName
    other: IndividualName = Field(description="Another one's id; the order doesn't matter.")


class Split(_Sent):
    """Which photos are of another animal."""

    photos: list[PhotoName] = Field(
        min_length=1, max_length=MOST_PHOTOS, description="Photos of this individual."
    )
    new: IndividualName = Field(
        description="An id that nobody has yet, for the individual on them."
    )


class Confirm(_Sent):
    """Whose a photo is."""

    individual: IndividualName = Field(
        description="An individual's id; one that nobody has makes a new individual."
    )
    is_animal: bool = Field(
        False,
        description="That a person sees an animal: needed for a photo that was answered "
        "`no_animal`.",
    )


class Reject(_Sent):
    """Why a photo is of no use."""

    reason: Word = Field(None, description="Why, for the history.")


class Move(_Sent):
    """Whose some photos are instead."""

    photos: list[PhotoName] = Field(
        min_length=1, max_length=MOST_PHOTOS, description="Catalogued photos."
    )
    individual: IndividualName | None = Field(
        description="An individual's id; one that nobody has makes a new individual; null: "
        "nobody known."
    )


class Assign(_Sent):
    """Photos that become one individual's."""

    photos: list[PhotoName] = Field(
        min_length=1, max_length=MOST_PHOTOS, description="Waiting or catalogued photos."
    )
    individual: IndividualName = Field(
        description="An individual's id; one that nobody has makes a new individual."
    )
    is_animal: bool = Field(
        False,
        description="That a person sees an animal on all of them: needed for photos that were "
        "answered `no_animal`.",
    )


class _Edit(_Sent):
    @model_validator(mode="after")
    def _has_changes(self) -> _Edit:
        if not self.model_fields_set:
            raise ValueError(f"nothing to change; give one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def columns(self) -> dict[str, Any]:
        """What was sent, and nothing else."""
        return self.model_dump(exclude_unset=True)


class IndividualEdit(_Edit):
    """What is noted of an individual; what is not sent stays, null takes out."""

    display_name: Word = Field(None, description="What people call it.")
    species: Word = Field(None, description="Its species.")
    sex: Word = Field(None, description="Its sex.")
    notes: Notes = Field(None, description="Anything else.")
    other_names: list[NameInNfc] = Field(
        [], max_length=100, description="All of its other ids, in place of those."
    )
    mother: Word = Field(None, description="Its mother's id.")
    born: Time = Field(None, description="When it was born: a year, a month or a day, ISO 8601.")
    age_class: Word = Field(None, description="Its age class, such as `calf` or `adult`.")


class EncounterEdit(_Edit):
    """What is noted of an encounter; what is not sent stays, null takes out."""

    name: NameInNfc = Field("", description="What it is called.")
    at: Time = Field(None, description="When it was, ISO 8601.")
    place: Word = Field(None, description="Where it was; only curators see it.")
    region: Word = Field(
        None, description="The wide stretch of sea that it was in; everybody sees it."
    )
    observer: Word = Field(None, description="Who saw it.")
    notes: Notes = Field(None, description="Anything else.")


class PhotoEdit(_Edit):
    """What is noted of a photo; what is not sent stays, null takes out."""

    species: Word = Field(None, description="The species on it.")
    taken_at: Time = Field(None, description="When it was taken, ISO 8601.")
    viewpoint: Word = Field(None, description="From where it shows the animal.")
    quality: Word = Field(None, description="How good it is.")
    box: PhotoBox | None = Field(
        None,
        description="Where the animal is: left, top, right, bottom as shares 0 to 1 of the upright "
        "photo. The photo is embedded anew there; one that waits is also identified. Null: the "
        "checkpoint finds it.",
    )


class AnotherAnimal(_Sent):
    """Where another animal is in a photo."""

    box: PhotoBox = Field(
        description="Left, top, right, bottom as shares 0 to 1 of the upright photo."
    )


class QueueForm(Form):
    """What is known of the photos that are sent, of all of them; an unknown field is an error."""

    encounter: Word = Field(
        None,
        description="The name of the encounter that they are all of. Without it, photos of one "
        "folder and camera that were taken within a quarter of an hour form one encounter; photos "
        "that are surely of different individuals don't.",
    )
    upload: Word = Field(
        None,
        description="An id of your own for photos that belong together but are sent by several "
        "requests: their encounters are formed across these.",
    )
    taken_at: Time = Field(None, description="When they were taken, ISO 8601.")
    place: Word = Field(None, description="Where the encounter was; only curators see it.")
    region: Word = Field(
        None, description="The wide stretch of sea that the encounter was in; everybody sees it."
    )
    observer: Word = Field(None, description="Who saw the animal.")
    species: Word = Field(None, description="The species on them.")


def may_see_places(request: Request) -> bool:
    """Whether the request's key may see places."""
    return allows(request.scope["state"]["principal"].role, "curate")


def text_after(cursor: str | None, listing: str) -> str:
    """The name after which a list goes on; empty at its start. Raises an `invalid` problem."""
    position = decode_cursor(cursor, listing=listing, like=("",))
    after = "" if position is None else str(position[0] or "")
    return after.encode("utf-8", "replace").decode()


def number_after(cursor: str | None, listing: str) -> int | None:
    """The number after which a list goes on; None at its start. Raises an `invalid` problem."""
    like: Position = (0,)
    position = decode_cursor(cursor, listing=listing, like=like)
    if position is None or not isinstance(position[0], int):
        return None
    return max(0, min(position[0], LARGEST_KEY))
