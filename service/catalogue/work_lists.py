"""Work lists for curators: similar individuals, and unknown photos that are similar."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, cast

from index.catalogue.catalogue import Catalogue
from index.catalogue.gallery_refresh import UnknownPhotos, unknown_photos
from index.curation.clusters import Cluster, clusters
from index.curation.photo_links import PhotoLinks, find_links, linked_clusters
from index.pairs.similar_individuals import SimilarIndividuals, find_similar_individuals
from service.http.problems import BUSY, NOT_READY, ProblemError
from service.serving.service import Serving

WAIT_SECONDS = 30.0
_ASK_AGAIN_SECONDS = 10


class _Stopped(Exception):
    """The service stops."""


class UnknownGroups(NamedTuple):
    """Photos of nobody known: groups of similar ones, and the names of those near no other."""

    similar: list[Cluster]
    single: list[str]


class WorkLists:
    """Computes the lists one at a time, and caches each until the next revision.

    Each takes minutes in a large catalogue. So a request waits WAIT_SECONDS at most, and then is
    told to ask again; the work goes on, once for all who ask.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._thread = ThreadPoolExecutor(1, "work lists")
        self._is_stopping = threading.Event()
        self._cache: dict[str, tuple[int, Any]] = {}
        self._similar: SimilarIndividuals | None = None
        self._unknown: UnknownPhotos | None = None
        self._links: PhotoLinks | None = None
        self._under_way: dict[str, tuple[int, asyncio.Future[Any]]] = {}

    def stop(self) -> None:
        """Give up what is being worked out."""
        self._is_stopping.set()
        self._thread.shutdown(cancel_futures=True)

    async def similar_individuals(
        self, serving: Serving, *, wait_seconds: float | None = None
    ) -> SimilarIndividuals:
        """The nearest pairs of individuals, and how probable it is that a pair is one animal.

        They are followed from one revision to the next. Raises the `busy` problem where they are
        not there after so many seconds (None: WAIT_SECONDS).
        """
        gallery = serving.identifier.gallery

        def work() -> SimilarIndividuals:
            self._similar = find_similar_individuals(
                self._catalogue, gallery, self._similar, between=self._raise_if_stopped
            )
            return self._similar

        found = await self._once("similar individuals", gallery.revision, work, wait_seconds)
        return cast("SimilarIndividuals", found)

    async def clusters(self, serving: Serving) -> list[Cluster]:
        """List groups of unknown photos that may be of one animal, nearest first."""
        return (await self.unknown(serving)).similar

    async def unknown(self, serving: Serving) -> UnknownGroups:
        """Group all unknown photos: those that may be of one animal, nearest first, and the rest.

        The distance within a group is that of a known match. Photos without an animal are left
        out: blank pictures are as near to each other as photos of one animal are.
        """
        screen = serving.identifier.screen
        gallery, thresholds = (
            serving.identifier.gallery,
            serving.identifier.calibration.thresholds(),
        )
        reach = thresholds.known if thresholds.known > 0 else thresholds.new_whale

        def work() -> UnknownGroups:
            # Of the checkpoint that is served: the catalogue may have gone over to another one just
            # now.
            unknown = unknown_photos(self._catalogue, gallery.fingerprint, self._unknown)
            self._unknown = unknown
            shown = [
                at
                for at, animal in enumerate(screen.scores(unknown.vectors))
                if animal is None or animal.is_animal
            ]
            names = [unknown.photo_names[at] for at in shown]
            similar = self._similar_photos(unknown, shown, reach)
            grouped = {name for each in similar for name in each.photos}
            return UnknownGroups(similar, [name for name in names if name not in grouped])

        return cast("UnknownGroups", await self._once("unknown", gallery.revision, work))

    def _similar_photos(
        self, unknown: UnknownPhotos, shown: Sequence[int], reach: float
    ) -> list[Cluster]:
        """Group some of the photos, following what was found of them before."""
        names, vectors = [unknown.photo_names[at] for at in shown], unknown.vectors[shown]
        keys = [(unknown.fingerprint, *unknown.keys[at]) for at in shown]
        between = self._raise_if_stopped
        self._links = find_links(keys, vectors, reach, self._links, between=between)
        if self._links is None:
            return clusters(names, vectors, reach, between=between)
        return linked_clusters(names, self._links, reach)

    async def _once(
        self,
        name: str,
        revision: int,
        work: Callable[[], Any],
        wait_seconds: float | None = None,
    ) -> Any:
        def cached() -> Any:
            if self._cache.get(name, (0, None))[0] != revision:
                self._cache[name] = (revision, work())
            return self._cache[name][1]

        try:
            work_under_way = self._start(name, revision, cached)
            seconds = WAIT_SECONDS if wait_seconds is None else wait_seconds
            return await asyncio.wait_for(asyncio.shield(work_under_way), seconds)
        except TimeoutError as error:
            raise ProblemError(
                BUSY,
                "This list is being worked out, which takes a while in a large catalogue; ask for "
                "it again in a moment.",
                headers={"Retry-After": str(_ASK_AGAIN_SECONDS)},
            ) from error
        except (_Stopped, asyncio.CancelledError, RuntimeError) as error:
            if isinstance(error, asyncio.CancelledError) and not self._is_stopping.is_set():
                raise
            raise ProblemError(NOT_READY, "The service is stopping.") from error

    def _start(self, name: str, revision: int, work: Callable[[], Any]) -> asyncio.Future[Any]:
        """Work for a revision that is under way already, or starts now."""
        started, under_way = self._under_way.get(name, (None, None))
        if started != revision or under_way is None or under_way.done():
            under_way = asyncio.get_running_loop().run_in_executor(self._thread, work)
            under_way.add_done_callback(_notice)
            self._under_way[name] = revision, under_way
        return under_way

    def _raise_if_stopped(self) -> None:
        if self._is_stopping.is_set():
            raise _Stopped


def _notice(done: asyncio.Future[Any]) -> None:
    """Note how work ended for which nobody waits any more, so that asyncio warns of nothing."""
    if not done.cancelled():
        done.exception()
