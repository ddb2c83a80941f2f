"""/v1/merge-suggestions and /v1/clusters: what curators might look at next."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from service.curating import curating_of
from service.curation_requests import ListLimit
from service.curation_schemas import Clusters, MergeSuggestions, cluster_answer, suggestion_answer
from service.declared import requires
from service.openapi import problem_responses
from service.problems import BUSY, INVALID, NOT_READY
from service.serving import service_of

router = APIRouter(tags=["work lists"], dependencies=[requires("read")])


@router.get(
    "/v1/merge-suggestions",
    summary="Which individuals look alike?",
    response_description="Pairs, nearest first.",
    responses=problem_responses(INVALID, BUSY, NOT_READY),
)
async def merge_suggestions(request: Request, limit: ListLimit = 50) -> MergeSuggestions:
    """List different individuals whose photos are near each other: they may be one.

    Every photo is compared with every other, once for each revision; in a large catalogue that takes minutes.
    """
    serving = service_of(request).ready()
    found = await curating_of(request).work_lists.resemblances(serving)
    probability = serving.identifier.calibration.probability
    return MergeSuggestions(suggestions=[suggestion_answer(one, probability(one.distance, 1)) for one in found[:limit]])


@router.get(
    "/v1/clusters",
    summary="Which unknown photos look like each other?",
    response_description="Groups of photos, nearest first.",
    responses=problem_responses(INVALID, BUSY, NOT_READY),
)
async def clusters(request: Request, limit: ListLimit = 50) -> Clusters:
    """Gather photos of nobody known, catalogued or waiting, that are near each other: they may be of one animal."""
    found = await curating_of(request).work_lists.clusters(service_of(request).ready())
    return Clusters(clusters=[cluster_answer(one) for one in found[:limit]])
