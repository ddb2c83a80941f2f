"""GET /v1/calibration, /v1/stats and /v1/version: about the catalogue and the service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from starlette.requests import Request

from embedding.errors import FlukeprintError
from index.calibration.calibration import Calibration
from index.calibration.curves.histogram import BIN_COUNT, BIN_WIDTH
from index.calibration.error_rates import RatePoint, det_points, rates_at
from service.catalogue.derived import LastDerived
from service.catalogue.stats import stats_of
from service.catalogue.writer import has_writer, writer_of
from service.http.problems import INVALID, NOT_READY, Fault, invalid
from service.http.required_roles import requires
from service.schemas.about import (
    CalibrationAnswer,
    DefaultThresholds,
    GroupCalibration,
    HistogramBin,
    QueueShare,
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
    queued, is_pending = await _queue_share(request, fitted)
    try:
        asked = (
            None
            if max_fpir is None
            else rates_at(fitted, fitted.thresholds(max_fpir=max_fpir).known)
        )
    except FlukeprintError as error:
        raise invalid(Fault(field="max_fpir", reason=str(error))) from error
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
        thresholds=_defaults(fitted),
        smallest_rate=fitted.smallest_rate,
        groups=[_group(one) for one in _parts(fitted)],
        queue_share=queued,
        is_pending=is_pending,
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
    return RatesAt(
        distance=point.distance,
        fpir=point.fpir,
        promised=point.promised,
        fnir=point.fnir,
        error=point.error,
    )


def _defaults(fitted: Calibration) -> DefaultThresholds:
    defaults = fitted.thresholds()
    return DefaultThresholds(
        known=_rates(rates_at(fitted, defaults.known)),
        new_whale=_rates(rates_at(fitted, defaults.new_whale)),
    )


def _parts(fitted: Calibration) -> Iterator[Calibration]:
    yield from fitted.encounters.values()
    for group in fitted.groups.values():
        yield group
        yield from group.encounters.values()


def _group(fitted: Calibration) -> GroupCalibration:
    return GroupCalibration(
        name=fitted.name,
        known_trials=fitted.known_trials,
        unknown_trials=fitted.unknown_trials,
        smallest_rate=fitted.smallest_rate,
        thresholds=_defaults(fitted),
    )


async def _queue_share(request: Request, fitted: Calibration) -> tuple[QueueShare | None, bool]:
    """Estimate the share of new animals in the queue; and whether a calibration is pending."""
    if not has_writer(request):
        return None, False
    writer = writer_of(request)
    queued = await writer.read(lambda directory: directory.queued_distances())
    known = [fitted.known_probability(each) for each in queued if each]
    found = fitted.estimated_share(np.array(known))
    share = found and QueueShare(
        share=found.share, low=found.low, high=found.high, photos=found.queries
    )
    return share, not writer.calibrator.wait(0)


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
