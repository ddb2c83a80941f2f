"""GET /v1/calibration, /v1/stats and /v1/version: about the catalogue and the service."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from embedding.errors import FlukeprintError
from index.calibration.calibration import Calibration
from index.calibration.error_rates import RatePoint, det_points, rates_at
from index.calibration.histogram import BIN_COUNT, BIN_WIDTH
from service.catalogue.derived import LastDerived
from service.catalogue.stats import stats_of
from service.http.problems import INVALID, NOT_READY, Fault, invalid
from service.http.required_roles import requires
from service.schemas.about import (
    CalibrationAnswer,
    DefaultThresholds,
    HistogramBin,
    RatesAt,
    Stats,
    Version,
)
from service.schemas.openapi import flukeprint_version, problem_responses
from service.serving.service import Serving, service_of

MaxFpir = Annotated[
    float | None,
    Query(
        gt=0,
        lt=1,
        description="The share of unknown animals that may pass; `asked` is the distance for it.",
    ),
]

router = APIRouter(tags=["about"], dependencies=[requires("read")])


@router.get(
    "/v1/calibration",
    summary="What is a distance worth?",
    response_description="Thresholds, the trade-off between them, and the trials.",
    responses=problem_responses(INVALID, NOT_READY),
)
async def calibration(request: Request, max_fpir: MaxFpir = None) -> CalibrationAnswer:
    """Describe the calibration: thresholds, the cost of others, and the trials.

    `max_fpir` adds the threshold for a false-positive rate, as `identify` uses it.
    """
    service = service_of(request)
    serving = service.ready()
    fitted, gallery = serving.identifier.calibration, serving.identifier.gallery
    det, histogram = await service.searched(lambda: _TRIALS.of(serving))
    try:
        asked = (
            None
            if max_fpir is None
            else rates_at(fitted, fitted.thresholds(max_fpir=max_fpir).known)
        )
    except FlukeprintError as error:
        raise invalid(Fault(field="max_fpir", reason=str(error))) from error
    defaults = fitted.thresholds()
    return CalibrationAnswer(
        catalogue_revision=gallery.revision,
        fingerprint=gallery.fingerprint,
        is_calibrated=fitted.is_fitted,
        description=fitted.description,
        score=fitted.score,
        new_whale_share=fitted.new_whale_share,
        unknown_source=fitted.unknown_source,
        known_trials=fitted.known_trials,
        unknown_trials=fitted.unknown_trials,
        thresholds=DefaultThresholds(
            known=_rates(rates_at(fitted, defaults.known)),
            new_whale=_rates(rates_at(fitted, defaults.new_whale)),
        ),
        asked=None if asked is None else _rates(asked),
        det=det,
        histogram=histogram,
    )


@router.get(
    "/v1/stats",
    summary="What does the catalogue hold?",
    response_description="Counts.",
    responses=problem_responses(NOT_READY),
)
async def stats(request: Request) -> Stats:
    """Count individuals and photos, by species, by year, and how well individuals are covered."""
    service = service_of(request)
    serving = service.ready()
    return await service.searched(lambda: _STATS.of(serving))


@router.get(
    "/v1/version",
    summary="Which flukeprint is this?",
    response_description="It is.",
    responses=problem_responses(),
)
async def version(request: Request) -> Version:
    """Name the version, and what is loaded; answers while that is going on, too."""
    serving = service_of(request).serving
    identifier = None if serving is None else serving.identifier
    return Version(
        flukeprint=flukeprint_version(),
        fingerprint=identifier.embedder.fingerprint if identifier else None,
        dimension=identifier.embedder.dimension if identifier else None,
        catalogue_revision=identifier.gallery.revision if identifier else None,
    )


def _rates(point: RatePoint) -> RatesAt:
    return RatesAt(distance=point.distance, fpir=point.fpir, fnir=point.fnir)


def _trials(serving: Serving) -> tuple[list[RatesAt], list[HistogramBin]]:
    fitted = serving.identifier.calibration
    return [_rates(point) for point in det_points(fitted)], _bins(fitted)


def _bins(fitted: Calibration) -> list[HistogramBin]:
    """The histogram without its empty ends."""
    counted = fitted.histogram
    bins = [
        HistogramBin(
            start=round(at * BIN_WIDTH, 6),
            end=round((at + 1) * BIN_WIDTH, 6),
            known=counted.known[at],
            mistaken=counted.mistaken[at],
            unknown=counted.unknown[at],
        )
        for at in range(BIN_COUNT if counted.is_counted else 0)
    ]
    holding = [at for at, each in enumerate(bins) if each.known or each.mistaken or each.unknown]
    return bins[holding[0] : holding[-1] + 1] if holding else []


_STATS = LastDerived(stats_of)
_TRIALS = LastDerived(_trials)
