"""/v1/pairs: any two photos of the catalogue compared."""

from __future__ import annotations

from typing import NamedTuple

from fastapi import APIRouter
from starlette.requests import Request

from embedding.photos.photo import Box
from index.calibration.curves.pair_curve import PairProbability
from index.catalogue.gallery_refresh import read_photo_states
from index.curation.listings import PhotoCard
from index.pairs.similar_individuals import Resemblance, nearest_photos
from index.search.engine import exact_distances
from service.catalogue.work_lists import WorkLists
from service.catalogue.writer import writer_of
from service.http.problems import (
    BUSY,
    INVALID,
    NO_HEAT,
    NOT_FOUND,
    NOT_READY,
    Fault,
    ProblemError,
    invalid,
)
from service.http.required_roles import requires
from service.schemas.openapi import problem_responses
from service.schemas.pairs.individuals import pair_fields
from service.schemas.pairs.photos import (
    PairedIndividuals,
    PairHeatAnswer,
    PhotoName,
    PhotoPair,
    heat_answer,
    paired_photo,
)
from service.serving.service import PhotoView, Serving, service_of

_WAIT_SECONDS = 1.0
_PENDING = "The catalogue's pairs are being compared; ask again in a moment."

router = APIRouter(tags=["photos"], dependencies=[requires("read")])


@router.get(
    "/v1/pairs",
    summary="How alike are these two photos?",
    response_description="The two photos.",
    responses=problem_responses(NOT_FOUND, INVALID, BUSY, NOT_READY),
)
async def photo_pair(request: Request, one: PhotoName, other: PhotoName) -> PhotoPair:
    """Compare two photos of the catalogue, whatever their state.

    Where their individuals are two, the answer also has how near these come by all their photos,
    and how probable it is that they are one animal. A box that the catalogue lacks is found by the
    locator, once for each photo and checkpoint.
    """
    service, writer = service_of(request), writer_of(request)
    serving = service.ready()
    _check(serving, one, other)
    names, fingerprint = (one, other), serving.identifier.gallery.fingerprint
    vectors, cards = await writer.read(
        lambda directory: (
            read_photo_states(directory.catalogue, names),
            directory.named(names),
        )
    )
    views = [
        _view_at_intake(cards.get(name)) or await service.photo_view(serving, name)
        for name in names
    ]
    rows = [vectors.vectors[name] for name in names if name in vectors.vectors]
    distance = None
    if len(rows) == len(names) and vectors.fingerprint == fingerprint:
        distance = float(exact_distances(rows[0][None], rows[1][None])[0, 0])
    found = await service.searched(lambda: _individuals(serving, one, other))
    individuals = None
    if found is not None:
        worth = await _worth(writer.work_lists, serving, found)
        individuals = PairedIndividuals(
            **pair_fields(found, worth.chance),
            is_marked_different=worth.is_marked_different,
            fitted_to=worth.fitted_to,
        )
    return PhotoPair(
        one=paired_photo(one, serving.photos[one], views[0]),
        other=paired_photo(other, serving.photos[other], views[1]),
        distance=distance,
        individuals=individuals,
    )


@router.get(
    "/v1/pairs/heat",
    summary="Which regions make these two photos alike?",
    response_description="The heat over both.",
    responses=problem_responses(NOT_FOUND, NO_HEAT, INVALID, BUSY, NOT_READY),
)
async def pair_heat(request: Request, one: PhotoName, other: PhotoName) -> PairHeatAnswer:
    """Take the distance of two catalogue photos apart, region by region.

    POST /v1/explain draws the same for a photo that is sent.
    """
    service = service_of(request)
    serving = service.ready()
    _check(serving, one, other)
    return heat_answer(await service.heat(serving, one, other))


def _check(serving: Serving, one: str, other: str) -> None:
    for name in (one, other):
        if name not in serving.photos:
            raise ProblemError(
                NOT_FOUND, f"The catalogue has no photo {name!r}; answers name photos as `photo`."
            )
    if one == other:
        raise invalid(Fault(field="one, other", reason="name two different photos"))


def _view_at_intake(card: PhotoCard | None) -> PhotoView | None:
    """What was found in a photo when it came to the queue; None for one that came otherwise."""
    answer = (card and card.answer) or {}
    if card is None or card.box is not None or "quarter_turns" not in answer:
        return None
    box = answer.get("box")
    return PhotoView(box and Box(*box), box is not None, answer["quarter_turns"] or 0)


def _individuals(serving: Serving, one: str, other: str) -> Resemblance | None:
    """The individuals of two photos and their nearest photos; None where they aren't two."""
    gallery = serving.identifier.gallery
    names = [serving.photos[name].individual for name in (one, other)]
    known = sorted({name for name in names if name and gallery.has_individual(name)})
    return nearest_photos(gallery, known[0], known[1]) if len(known) == 2 else None


class _Worth(NamedTuple):
    chance: PairProbability | None
    is_marked_different: bool
    fitted_to: str


async def _worth(lists: WorkLists, serving: Serving, found: Resemblance) -> _Worth:
    """How probable it is that two individuals are one, as far as that is known by now."""
    try:
        similar = await lists.similar_individuals(serving, wait_seconds=_WAIT_SECONDS)
    except ProblemError as error:
        if error.kind is not BUSY:
            raise
        return _Worth(None, False, _PENDING)
    is_different = (found.one, found.other) in similar.reviewed.different
    return _Worth(similar.curve.at(found.distance), is_different, similar.curve.fitted_to)
