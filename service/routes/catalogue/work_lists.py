"""/v1/merge-suggestions and /v1/clusters: what curators might review next."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from index.curation.not_same import mark_not_same
from service.catalogue.writer import writer_of
from service.http.authorization import principal_of
from service.http.problems import BUSY, CONFLICT, INVALID, NOT_FOUND, NOT_READY, NOT_WRITABLE
from service.http.required_roles import requires
from service.schemas.curation import EventAnswer, event_answer
from service.schemas.curation_requests import ListLimit, NotSame
from service.schemas.openapi import problem_responses
from service.schemas.pairs.individuals import MergeSuggestions, suggestions_answer
from service.schemas.work_lists import Clusters, cluster_answer
from service.serving.service import service_of

router = APIRouter(tags=["work lists"], dependencies=[requires("read")])


@router.get(
    "/v1/merge-suggestions",
    summary="Which individuals are similar?",
    response_description="Pairs, nearest first.",
    responses=problem_responses(INVALID, BUSY, NOT_READY),
)
async def merge_suggestions(request: Request, limit: ListLimit = 50) -> MergeSuggestions:
    """List different individuals whose photos are near each other: they may be one.

    The probability is fitted to the catalogue's own pairs: to individuals that were split in two,
    to all near pairs, and to what was merged or marked as different. A catalogue with too few
    individuals has none, and `fitted_to` says why.

    Pairs that somebody marked as different are left out, unless that is undone. All photos are
    compared with all others once, and after a change only those that it concerns; in a large
    catalogue the first takes minutes. After half a minute of it the answer is the `busy` problem:
    ask again.
    """
    lists = writer_of(request).work_lists
    serving = service_of(request).ready()
    similar = await lists.similar_individuals(serving)
    reach = serving.identifier.calibration.thresholds().new_whale
    return suggestions_answer(similar.suggestions(limit, reach), similar.curve)


@router.post(
    "/v1/merge-suggestions/dismiss",
    dependencies=[requires("curate")],
    summary="Two individuals are not the same.",
    response_description="What was done.",
    responses=problem_responses(NOT_FOUND, CONFLICT, INVALID, BUSY, NOT_WRITABLE, NOT_READY),
)
async def dismiss_suggestion(request: Request, body: NotSame) -> EventAnswer:
    """Record that two individuals were reviewed and are different; they are not listed again.

    It is an event as every other: /v1/changes lists and undoes it. It follows both through
    renaming and merging.
    """
    made_by = principal_of(request)
    event = await writer_of(request).done(
        lambda catalogue: mark_not_same(catalogue, body.one, body.other, made_by=made_by)
    )
    return event_answer(event)


@router.get(
    "/v1/clusters",
    summary="Which unknown photos look like each other?",
    response_description="Groups of photos, nearest first.",
    responses=problem_responses(INVALID, BUSY, NOT_READY),
)
async def clusters(request: Request, limit: ListLimit = 50) -> Clusters:
    """List groups of unknown photos that are near each other.

    They are catalogued or waiting, and may be of one animal. Photos that show no animal are left
    out (`no_animal`).
    """
    found = await writer_of(request).work_lists.clusters(service_of(request).ready())
    return Clusters(clusters=[cluster_answer(one) for one in found[:limit]])
