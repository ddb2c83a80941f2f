"""Work lists for curators, worked out once for each revision: animals that look alike, unknown photos that do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from index.catalogue import Catalogue
from index.following import unknown_photos
from index.resemblance import Cluster, Resemblance, clusters, resemblances
from service.problems import NOT_READY, ProblemError
from service.serving import Serving

MOST_LISTED = 200


class _Stopped(Exception):
    """The service stops."""


class WorkLists:
    """Worked out one at a time, as each takes minutes in a large catalogue, and kept until there is a new revision."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._thread = ThreadPoolExecutor(1, "work lists")
        self._is_stopping = threading.Event()
        self._kept: dict[str, tuple[int, Any]] = {}

    def stop(self) -> None:
        """Give up what is being worked out."""
        self._is_stopping.set()
        self._thread.shutdown(cancel_futures=True)

    async def resemblances(self, serving: Serving) -> list[Resemblance]:
        """Individuals that may be one, nearest first: those as near as a photo that a person should look at."""
        gallery, calibration = serving.identifier.gallery, serving.identifier.calibration
        reach = calibration.thresholds().new_whale

        def work() -> list[Resemblance]:
            return resemblances(gallery, MOST_LISTED, max_distance=reach, between=self._raise_if_stopped)

        return cast("list[Resemblance]", await self._once("resemblances", gallery.revision, work))

    async def clusters(self, serving: Serving) -> list[Cluster]:
        """Unknown photos that may be of one animal, nearest first: those as near as a match that is sure."""
        thresholds = serving.identifier.calibration.thresholds()
        reach = thresholds.known if thresholds.known > 0 else thresholds.new_whale

        def work() -> list[Cluster]:
            unknown = unknown_photos(self._catalogue)
            return clusters(unknown.photo_names, unknown.vectors, reach, between=self._raise_if_stopped)

        return cast("list[Cluster]", await self._once("clusters", serving.identifier.gallery.revision, work))

    async def _once(self, name: str, revision: int, work: Callable[[], Any]) -> Any:
        def kept() -> Any:
            if self._kept.get(name, (0, None))[0] != revision:
                self._kept[name] = (revision, work())
            return self._kept[name][1]

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, kept)
        except (_Stopped, asyncio.CancelledError, RuntimeError) as error:
            if isinstance(error, asyncio.CancelledError) and not self._is_stopping.is_set():
                raise
            raise ProblemError(NOT_READY, "The service is stopping.") from error

    def _raise_if_stopped(self) -> None:
        if self._is_stopping.is_set():
            raise _Stopped
