"""Calibrations of a served catalogue, fitted after changes in a thread of their own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from embedding.errors import FlukeprintError
from index.calibration.calibration import Calibration
from index.catalogue.calibrating import refit
from index.catalogue.catalogue import Catalogue
from service.http.problems import ProblemError
from service.telemetry.spans import span

_REST = 4.0  # times the last fit's duration: fitting takes a fifth of one core at most
_log = logging.getLogger("flukeprint.service")


class Calibrator:
    """Fits the calibration that changes have left pending; acts and answers don't wait for it.

    Many changes shortly after each other are fitted once.
    """

    def __init__(self, catalogue: Catalogue, publish: Callable[[Calibration], None]) -> None:
        """`publish` has later answers use a calibration that was fitted."""
        self._catalogue = catalogue
        self._publish = publish
        self._thread = ThreadPoolExecutor(1, "calibration")
        self._lock = threading.Lock()
        self._is_asked = False
        self._is_stopping = threading.Event()
        self._settled = threading.Event()
        self._settled.set()

    def wake(self) -> None:
        """Have a pending calibration fitted soon; return at once."""
        with self._lock:
            if self._is_asked or self._is_stopping.is_set():
                return
            self._is_asked = True
            self._settled.clear()
        self._thread.submit(self._fit)

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is to be fitted; returns whether that came."""
        return self._settled.wait(seconds)

    def stop(self) -> None:
        """Finish a running fit and begin no other."""
        self._is_stopping.set()
        self._thread.shutdown()

    def _fit(self) -> None:
        with self._lock:
            self._is_asked = False
        start = time.monotonic()
        try:
            with span("calibrate"):
                fitted = None if self._is_stopping.is_set() else refit(self._catalogue)
                if fitted is not None:
                    self._publish(fitted)
        except (FlukeprintError, ProblemError) as error:
            _log.error("The calibration could not be fitted: %s. The last one stays in use", error)
        finally:
            with self._lock:
                if not self._is_asked:
                    self._settled.set()
        self._is_stopping.wait(_REST * (time.monotonic() - start))
