"""Changes of a served catalogue: one act at a time, and the next answer knows of it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeVar, cast

from fastapi import FastAPI
from starlette.requests import Request

from embedding.errors import FlukeprintError
from index.calibration.calibration import Calibration
from index.catalogue.catalogue import Catalogue
from index.catalogue.revision import keeping_others_out
from index.curation.curator import CurationConflict, Curator, Event
from index.curation.listings import Directory
from index.curation.undo import OtherCheckpoint, undo
from index.photos.embed import PhotoEmbedder
from index.search.gallery import Gallery
from index.sightings.reading import Sightings, read_sightings
from index.snapshots.later_changes import CatalogueState, read_calibration, read_later
from index.snapshots.served_photo import ServedPhoto
from index.snapshots.snapshot import read_served
from index.storage.address import BadCatalogue
from index.storage.serving_marker import ServedMark
from service.catalogue.calibrator import Calibrator
from service.catalogue.compactor import Compactor
from service.catalogue.derived import LastDerived
from service.catalogue.review_queue import ReviewQueue
from service.catalogue.work_lists import WorkLists
from service.following.changes import with_changes
from service.following.follower import Follower
from service.http.authorization import principal_of
from service.http.problems import NOT_READY, ProblemError
from service.notices.notifier import Notifier
from service.schemas.curation import EventAnswer, event_answer
from service.serving.loading import log_damaged, serving_of
from service.serving.past_revisions import PastRevisions
from service.serving.service import Service, Serving
from service.settings import Settings
from service.telemetry.spans import in_this_trace

_LIST_THREADS = 4
_FEWEST_LINES = 4096  # of the log that are followed rather than reading all again
_ACT_SECONDS = 0.02  # after which an act may have followed what was to be followed
_RELOAD_AGAIN_SECONDS = 30.0  # where the catalogue's checkpoint isn't to be found
_LEFT_PENDING_SECONDS = 30.0  # after which another service's calibration is fitted here
_Found = TypeVar("_Found")
_log = logging.getLogger("flukeprint.service")


class CatalogueWriter:
    """The one way in which a running service changes its catalogue.

    Acts are done one after the other in a thread of their own. Each keeps all other writers out,
    brings what is served up to what they did, and then acts: so nobody acts on what isn't so any
    more. `Service.serving` is replaced whole after each, before its request is answered. Later
    requests are answered from the new state, running ones from the old.
    """

    def __init__(self, service: Service, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.directory = Directory(catalogue)
        self.work_lists = WorkLists(catalogue)
        self.past = PastRevisions(catalogue)
        self.sightings = LastDerived[Serving, Sightings](lambda _: read_sightings(catalogue))
        self.notifier = Notifier(catalogue, service.settings)
        self._service = service
        self._thread = ThreadPoolExecutor(1, "catalogue writer")
        # Lists take a while in a large catalogue. With threads of their own they keep only lists.
        self._readers = ThreadPoolExecutor(_LIST_THREADS, "lists")
        self._exchange = threading.Lock()
        self._mark = ServedMark(catalogue.address)
        self._reload_after = 0.0
        self._calibrated: int | None = None  # the revision of the calibration in use, where known
        self._pending_since: tuple[int, float] | None = None
        self.follower = Follower(self)
        self.calibrator = Calibrator(catalogue, self._publish)
        self.compactor = Compactor(catalogue, self._exchange, self._exchange_compacted)
        self.review_queue = ReviewQueue(catalogue, lambda: service.ready().identifier)

    def stop(self) -> None:
        """Finish the running acts and close the catalogue."""
        self.follower.stop()
        self.work_lists.stop()
        self.review_queue.stop()
        self._thread.shutdown()
        self.notifier.stop()
        self.calibrator.stop()
        self.compactor.stop()
        self._readers.shutdown(cancel_futures=True)
        self.catalogue.close()
        self._mark.remove()

    async def act(self, do: Callable[[Catalogue], Event | None]) -> Event | None:
        """Do one act, which gives None where there was nothing to do.

        `do` gets the catalogue to change, which nobody else changes meanwhile, and what is served
        is of its last revision. Raises ProblemError, having done nothing.
        """
        acting = in_this_trace(lambda: self._act(do))
        return await asyncio.get_running_loop().run_in_executor(self._thread, acting)

    def act_now(self, do: Callable[[Catalogue], Event | None]) -> Event | None:
        """The same for a thread of its own, such as that of the jobs, which waits for the act."""
        return self._thread.submit(self._act, do).result()

    async def undo(self, revision: int, *, made_by: str) -> Event:
        """Undo an event.

        Where it went over to another checkpoint, the one before is loaded first.

        Raises ProblemError, having done nothing.
        """

        def going_back(catalogue: Catalogue) -> Event:
            loaded = self._service.ready().identifier.embedder.fingerprint
            return undo(catalogue, revision, made_by=made_by, loaded=loaded)

        try:
            return await self.done(going_back)
        except OtherCheckpoint as error:
            fingerprint = error.fingerprint
        try:
            await asyncio.to_thread(self._service.checkpoints.of, fingerprint)
        except FlukeprintError as absent:
            raise CurationConflict(f"revision {revision} can't be undone: {absent}") from absent
        return await self.done(
            lambda catalogue: undo(catalogue, revision, made_by=made_by, loaded=fingerprint)
        )

    async def done(self, do: Callable[[Catalogue], Event]) -> Event:
        """Do one act that always has something to do."""
        event = await self.act(do)
        assert event is not None
        return event

    async def read(self, query: Callable[[Directory], _Found]) -> _Found:
        """Read the catalogue's lists in one of a few threads. Raises BadCatalogue."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._readers, in_this_trace(lambda: query(self.directory))
        )

    @property
    def served_revision(self) -> int:
        """The revision that answers come from."""
        return self._service.ready().identifier.gallery.revision

    def catch_up(self, revision: int) -> None:
        """Serve this revision of the catalogue or a later one, whoever made it.

        Doesn't wait for an act of this service, which has followed it already.
        """
        while not self._exchange.acquire(timeout=_ACT_SECONDS):
            if self.served_revision >= revision:
                return
        try:
            self._catch_up()
        finally:
            self._exchange.release()

    def follow_job(self) -> None:
        """Serve what a job of this service has made of the catalogue."""
        self.catch_up(self.catalogue.revision)
        self.calibrator.wake()

    def follow_calibration(self, state: CatalogueState) -> None:
        """Answer by a calibration that another service has fitted.

        One that is left pending is fitted here: its service may have died.
        """
        # While an act is under way, the next time: requests wait for who calls this.
        if state.calibrated != self._calibrated and not self._exchange.locked():
            fitted = read_calibration(self.catalogue)
            if fitted is not None:
                self._publish(fitted)
            self._calibrated = state.calibrated
        if not state.is_calibrating:
            self._pending_since = None
        elif self._pending_since is None or self._pending_since[0] != state.calibrated:
            self._pending_since = state.calibrated, time.monotonic()
        elif time.monotonic() - self._pending_since[1] > _LEFT_PENDING_SECONDS:
            self.calibrator.wake()
            self._pending_since = None

    def _publish(self, fitted: Calibration) -> None:
        """Answer by a calibration that was fitted after a change."""
        with self._exchange:
            serving = self._service.ready()
            now = serving.identifier
            calibration = fitted.with_new_share(self._service.settings.new_share)
            is_other = calibration != now.calibration
            if is_other and now.gallery.fingerprint == self.catalogue.fingerprint:
                self._service.serving = replace(
                    serving, identifier=now.with_calibration(calibration)
                )
        if is_other:
            self.review_queue.recalibrate()

    def _act(self, do: Callable[[Catalogue], Event | None]) -> Event | None:
        self._service.ready()
        with ExitStack() as until_served:
            with keeping_others_out(self.catalogue) as catalogue:
                until_served.enter_context(self._exchange)
                self._catch_up()
                event = do(catalogue)
            if event is not None:
                self._serve(event)
        if event is not None:
            self.calibrator.wake()
            self.notifier.follow(event)
        return event

    def _serve(self, event: Event) -> None:
        """Serve an act that is done: its request succeeds even if this fails."""
        try:
            self._catch_up()
        except FlukeprintError as error:
            _log.error(
                "Revision %d is in the catalogue, but could not be read back: %s. Reading it whole",
                event.revision,
                error,
            )
            try:
                self._reload()
            except FlukeprintError as again:
                _log.error(
                    "Answers come from revision %d until then: %s", self.served_revision, again
                )

    def _catch_up(self) -> None:
        """Follow all revisions since the one that is served; `exchange` is held."""
        serving = self._service.ready()
        gallery = serving.identifier.gallery
        if self.catalogue.revision == gallery.revision:
            return
        most_lines = max(_FEWEST_LINES, len(serving.photos) // 8)
        later = read_later(
            self.catalogue,
            gallery.revision,
            gallery.fingerprint,
            serving.photos,
            most_lines=most_lines,
        )
        if later is None:
            self._reload()
            return
        log_damaged(later.states.damaged)
        self._service.serving = with_changes(serving, later)
        self.compactor.follow(self._service.serving, later.photos)
        self.review_queue.follow(later.kinds, later.photos, later.individuals)

    def _exchange_compacted(self, gallery: Gallery, photos: Mapping[str, ServedPhoto]) -> None:
        """Answer by what was compacted, where it is of the revision that is served."""
        serving = self._service.ready()
        now = serving.identifier
        if (now.gallery.revision, now.gallery.size) == (gallery.revision, gallery.size):
            identifier = now.following(
                gallery, now.species, now.viewpoints, individuals=(), photos=0
            )
            self._service.serving = replace(serving, identifier=identifier, photos=photos)

    def _reload(self) -> None:
        if time.monotonic() < self._reload_after:
            return
        serving = self._service.ready()
        served = read_served(self.catalogue, self._service.settings.engine)
        gallery = served.gallery
        embedder = cast("PhotoEmbedder", serving.identifier.embedder)
        if gallery.fingerprint != embedder.fingerprint:
            try:
                another = self._service.checkpoints.of(gallery.fingerprint)
            except FlukeprintError as error:
                _log.error(
                    "The catalogue has gone over to the checkpoint %s; answers come from "
                    "revision %d until the service finds that checkpoint: %s",
                    gallery.fingerprint[:12],
                    serving.identifier.gallery.revision,
                    error,
                )
                self._reload_after = time.monotonic() + _RELOAD_AGAIN_SECONDS
                return
            self._service.checkpoints.keep(embedder)  # the way back
            embedder = another
        log_damaged(served.damaged)
        # Embedder and gallery are exchanged as one: nobody compares one checkpoint's vectors with
        # another's.
        self._service.serving = serving_of(served, embedder, self._service.settings)
        self.compactor.start(self._service.serving)
        self.review_queue.forget()


def open_writer(settings: Settings, service: Service) -> CatalogueWriter:
    """Open the settings' catalogue for curators. Raises BadCatalogue."""
    return CatalogueWriter(service, Catalogue.open(settings.address))


def follow_job(app: FastAPI) -> None:
    """Have an application serve what a job has made; do nothing where it has no writer."""
    writer = getattr(app.state, "writer", None)
    if isinstance(writer, CatalogueWriter):
        writer.follow_job()


def act_now(app: FastAPI, do: Callable[[Catalogue], Event | None]) -> Event | None:
    """Do one act on an application's catalogue, and wait for it. Raises BadCatalogue."""
    writer = getattr(app.state, "writer", None)
    if not isinstance(writer, CatalogueWriter):
        raise BadCatalogue("this service's catalogue can't be changed; its log says why")
    return writer.act_now(do)


def has_writer(request: Request) -> bool:
    """Whether the request's service can change its catalogue."""
    return isinstance(getattr(request.app.state, "writer", None), CatalogueWriter)


def writer_of(request: Request) -> CatalogueWriter:
    """Find the writer of the request's service. Raises ProblemError where it has none."""
    writer = getattr(request.app.state, "writer", None)
    if not isinstance(writer, CatalogueWriter):
        raise ProblemError(
            NOT_READY, "This service's catalogue can't be changed; its log says why."
        )
    return writer


async def acted(
    request: Request, act: Callable[[Curator], Event], *, new_name: str | None = None
) -> EventAnswer:
    """Do one act in the name of the request's key, and answer what was done.

    `new_name`: an individual's name in the act, which is warned of where it is doubtful. Raises
    ProblemError, having done nothing.
    """
    made_by = principal_of(request)
    warnings = await doubts_of(request, new_name)
    event = await writer_of(request).done(
        lambda catalogue: act(Curator(catalogue, made_by=made_by))
    )
    return event_answer(event, warnings)


async def doubts_of(request: Request, name: str | None) -> list[str]:
    """Write what is doubtful in an individual's name before the act that gives it."""
    if name is None:
        return []
    return await writer_of(request).read(lambda directory: directory.describe_new_name(name))
