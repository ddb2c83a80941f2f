"""Cards of review as JSON: what waits, encounter by encounter, and what is done to them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.convertors import Convertor, register_url_convertor

from index.search.matching import Decision
from service.schemas.curation import CataloguedPhoto, EventAnswer
from service.schemas.curation_requests import (
    LARGEST_KEY,
    MOST_PHOTOS,
    IndividualName,
    PhotoName,
    Reject,
    Word,
)
from service.schemas.identify import EncounterAnswer

MOST_LISTED = 200
_KEY = r"[ep][0-9]{1,10}"
CardSort = Literal["time", "probability", "decision", "size", "quality"]
_PHOTO: dict[str, Any] = {
    "name": "may/fluke.jpg",
    "url": "/v1/photos/may/fluke.jpg?content=" + "9e1a" * 8,
    "taken_at": "2026-05-28T09:41:12",
    "decision": "review",
    "quarter_turns": 0,
}
_CARD: dict[str, Any] = {
    "key": "e311",
    "encounter": "2026-05-28 09:40",
    "at": "2026-05-28T09:40:31",
    "region": "Gulf of Maine",
    "place": "Stellwagen Bank",
    "decision": "known",
    "probability": 0.97,
    "individual": "w_0007",
    "candidate_url": "/v1/photos/2018/0f3a.jpg",
    "species": "humpback_whale",
    "quality": 0.86,
    "reason": "3 photos together: w_0007 (distance 0.182; known up to 0.310). About 97 of 100 such "
    "answers are right.",
    "photos": [_PHOTO],
}


class _CardConvertor(Convertor[str]):
    """A card's key in a path, so that a photo in a folder `encounters` keeps its own paths."""

    regex = _KEY

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("card", _CardConvertor())

CardKey = Annotated[str, Field(pattern=f"^{_KEY}$")]
CardPath = Annotated[
    str, Path(description="The card's key: `e` with its encounter's number, or `p` with a photo's.")
]
Share = Annotated[float, Field(ge=0, le=1)]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CardFilter(_Sent):
    """Which cards; without a field, all of them."""

    decision: tuple[Decision, ...] = Field((), description="With one of these answers; repeat it.")
    min_probability: Share | None = Field(None, description="At least as probable a match.")
    max_probability: Share | None = Field(None, description="At most as probable a match.")
    min_quality: Share | None = Field(None, description="With a photo at least as good.")
    max_quality: Share | None = Field(None, description="With no better photo.")
    species: Word = Field(None, description="Of this species, as noted or answered.")
    region: Word = Field(
        None, description="Of an encounter whose region has this in it, in any case."
    )
    place: Word = Field(
        None,
        description="Of an encounter whose place has this in it, in any case; for curators only.",
    )
    individual: Word = Field(None, description="With this individual as the nearest.")
    upload: Word = Field(
        None,
        description="With a photo of this upload: the `upload` that was sent with it, or a job's "
        "`queue_upload`.",
    )
    since: Day | None = Field(None, description="Taken on this day or later, YYYY-MM-DD.")
    until: Day | None = Field(None, description="Taken on this day or earlier, YYYY-MM-DD.")


class CardQuery(CardFilter):
    """A page of cards."""

    sort: CardSort = Field("time", description="What the cards are sorted by.")
    descending: bool = Field(False, description="The greatest first.")
    limit: int = Field(50, ge=1, le=MOST_LISTED, description="How many to answer at most.")
    cursor: str | None = Field(
        None, max_length=4096, description="`next` of the page before; without it the first page."
    )

    @property
    def filter(self) -> CardFilter:
        """The filter alone."""
        return CardFilter.model_validate(self.model_dump(include=set(CardFilter.model_fields)))


class CardConfirm(_Sent):
    """Whose the photos of a card are."""

    individual: IndividualName = Field(
        description="An individual's id; one that nobody has makes a new individual."
    )
    is_animal: bool = Field(
        False,
        description="That a person sees an animal: needed where a photo was answered `no_animal`.",
    )
    photos: tuple[PhotoName, ...] | None = Field(
        None,
        max_length=MOST_PHOTOS,
        description="The photos that were looked at: 409 where the card has others by now.",
    )


class CardReject(Reject):
    """Why the photos of a card are of no use."""

    photos: tuple[PhotoName, ...] | None = Field(
        None,
        max_length=MOST_PHOTOS,
        description="The photos that were looked at: 409 where the card has others by now.",
    )


class CardSplit(_Sent):
    """Photos that become a card of their own."""

    photos: tuple[PhotoName, ...] = Field(
        min_length=1, max_length=MOST_PHOTOS, description="Some of the card's photos, not all."
    )


class CardJoin(_Sent):
    """Another card of the same encounter."""

    other: CardKey = Field(description="The key of the card whose photos come to this one.")


class ConfirmMany(_Sent):
    """Cards to confirm together, each as the individual that its answer names.

    All are confirmed or none: where the catalogue or the number of cards is another than stated,
    nothing is done.
    """

    filter: CardFilter = Field(description="Which cards, as in the list.")
    revision: int = Field(ge=0, le=LARGEST_KEY, description="The list's `revision`.")
    count: int = Field(ge=1, description="How many cards that are, `left_out` not counted.")
    left_out: tuple[CardKey, ...] = Field(
        (), max_length=MOST_PHOTOS, description="Keys of cards that are not to be confirmed."
    )
    named: tuple[CardKey, ...] = Field(
        (),
        max_length=MOST_PHOTOS,
        description="Keys of cards to confirm although their decision is `review` or `new_whale`.",
    )


class CardPhotoAnswer(BaseModel):
    """A photo of a card, as a list shows it."""

    name: str = Field(description="Its name in the catalogue.")
    url: str = Field(description="Where its thumbnail is, on this service.")
    taken_at: str | None = Field(description="When it was taken, ISO 8601.")
    decision: str | None = Field(description="The decision about it alone, when it came.")
    quarter_turns: int = Field(description="How many quarter turns to the left put it upright.")


class WaitingEncounter(BaseModel):
    """A card of review: the waiting photos of one encounter, or one photo without an encounter."""

    model_config = ConfigDict(json_schema_extra={"example": _CARD})

    key: str = Field(description="`e` with its encounter's number, or `p` with its photo's.")
    encounter: str | None = Field(description="The encounter's name.")
    at: str | None = Field(description="When its first photo was taken, ISO 8601.")
    region: str | None = Field(description="The encounter's region.")
    place: str | None = Field(
        None, description="Where it was; only curators see it, it is absent for others."
    )
    decision: Decision = Field(description="What its photos show together.")
    probability: float = Field(description="The nearest individual's probability.")
    individual: str | None = Field(description="The nearest individual.")
    candidate_url: str | None = Field(description="Where the nearest photo of that one is.")
    species: str | None = Field(description="As noted, or else as answered.")
    quality: float | None = Field(description="How good its best photo is, 0 to 1.")
    reason: str = Field(description="Why this decision.")
    photos: list[CardPhotoAnswer] = Field(description="Its photos, the first taken first.")


class WaitingEncounters(BaseModel):
    """A page of cards."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "encounters": [_CARD],
                "total": 1240,
                "photos": 3712,
                "counts": {"known": 1240, "review": 300, "new_whale": 120, "no_animal": 40},
                "waiting": 1700,
                "compared": 1700,
                "revision": 41,
                "next": None,
            }
        }
    )

    encounters: list[WaitingEncounter] = Field(description="The cards.")
    total: int = Field(description="How many cards the filter finds.")
    photos: int = Field(description="How many photos are on these.")
    counts: dict[str, int] = Field(
        description="How many cards there are of each decision, by the other filters."
    )
    waiting: int = Field(description="How many cards wait altogether.")
    compared: int = Field(
        description="How many of all cards are compared with the catalogue of `revision`; the "
        "others follow in the background."
    )
    revision: int = Field(description="The catalogue's revision that answers are of.")
    next: str | None = Field(
        description="Give it as `cursor` to get the following ones; null at the end."
    )


class WaitingEncounterDetail(WaitingEncounter):
    """A card, answered by the catalogue as it is now."""

    model_config = ConfigDict(json_schema_extra={"example": None})

    cards: list[CataloguedPhoto] = Field(
        description="Its photos in full, each with the `answer` of when it came."
    )
    answer: EncounterAnswer | None = Field(
        description="Whom all its photos show together; null where no photo can be compared."
    )
    revision: int = Field(description="The catalogue's revision that the answer is of.")


class CardEvent(EventAnswer):
    """What was done to cards."""

    encounters: list[str] = Field(description="The keys of the cards that its photos are on now.")
