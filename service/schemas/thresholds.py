"""The distances that decide a request, refused before any photo is decoded where they make no
sense.
"""

from __future__ import annotations

from embedding.errors import FlukeprintError
from index.search.matching import Thresholds
from service.http.multipart import invalid
from service.http.problems import Fault
from service.schemas.identify import DecidingForm
from service.serving.service import Serving


def chosen_thresholds(serving: Serving, form: DecidingForm) -> Thresholds:
    """What a form asks for; an `invalid` problem for a rate or distance that the calibration can't
    serve.
    """
    try:
        return serving.identifier.calibration.thresholds(
            max_fpir=form.max_fpir, threshold=form.threshold
        )
    except FlukeprintError as error:
        raise invalid(Fault(field="max_fpir, threshold", reason=str(error))) from error
