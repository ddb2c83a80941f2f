"""Calibrations are fitted after acts, in a thread of their own, and answers go by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from index.catalogue.calibrating import refit
from index.catalogue.catalogue import Catalogue
from index.storage.address import BadCatalogue
from service.catalogue.calibrator import Calibrator
from service.http.problems import NOT_READY, ProblemError

Photo = Callable[..., bytes]
SECONDS = 30.0


def enrol(curated: Any, photo: Photo) -> None:
    curated.client.post("/v1/queue", files=[("photos", ("new.png", photo(140)))])
    curated.client.post("/v1/queue/new.png/confirm", json={"individual": "w_140"})


def calibrator_of(curated: Any) -> Calibrator:
    return curated.client.app.state.writer.calibrator


def test_an_act_that_moves_a_distance_is_followed_and_a_note_is_not(
    curated: Any, photo: Photo
) -> None:
    calibrator = calibrator_of(curated)
    served = curated.client.app.state.service
    assert calibrator.wait(SECONDS)
    before = served.serving.identifier.calibration
    curated.client.patch("/v1/individuals/w_0", json={"notes": "seen twice"})
    assert calibrator.wait(SECONDS)
    assert served.serving.identifier.calibration is before
    enrol(curated, photo)
    assert calibrator.wait(SECONDS)
    after = served.serving.identifier.calibration
    assert after.unknown_animals == before.unknown_animals + 1
    assert curated.client.get("/v1/calibration").json()["is_pending"] is False


@pytest.mark.parametrize(
    "error", [BadCatalogue("the disk is gone"), ProblemError(NOT_READY, "still starting")]
)
def test_a_fit_that_fails_leaves_the_calibration_and_the_next_change_tries_again(
    curated: Any,
    photo: Photo,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    tried: list[Catalogue] = []

    def fail_once(catalogue: Catalogue) -> Any:
        tried.append(catalogue)
        if len(tried) == 1:
            raise error
        return refit(catalogue)

    calibrator = calibrator_of(curated)
    assert calibrator.wait(SECONDS)
    monkeypatch.setattr("service.catalogue.calibrator.refit", fail_once)
    calibrator.wake()
    assert calibrator.wait(SECONDS)
    (said,) = (each for each in caplog.records if "could not be fitted" in each.message)
    assert str(error) in said.message
    assert said.exc_info is None  # a line for whoever runs the service, no traceback
    enrol(curated, photo)
    assert calibrator.wait(SECONDS)
    assert len(tried) >= 2
    identifier = curated.client.app.state.service.serving.identifier
    assert identifier.calibration.unknown_animals == identifier.gallery.individual_count
