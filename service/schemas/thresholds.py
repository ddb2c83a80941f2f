"""The distances that decide a request, checked before any photo is decoded."""

from __future__ import annotations

from embedding.errors import FlukeprintError
from index.search.matching import Thresholds
from service.http.problems import Fault, invalid
from service.schemas.identify import DecidingForm
from service.serving.service import Serving


def chosen_thresholds(serving: Serving, form: DecidingForm) -> Thresholds:
    """Choose a form's thresholds; raise `invalid` where the calibration can't serve it."""
    try:
        return serving.identifier.calibration.thresholds(
            max_fpir=form.max_fpir, threshold=form.threshold
        )
    except FlukeprintError as error:
        raise invalid(Fault(field="max_fpir, threshold", reason=str(error))) from error
