"""Changes of a served catalogue: one act at a time, and the next answer knows of it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar, cast

from fastapi import FastAPI
from starlette.requests import Request

from embedding.errors import FlukeprintError
from index.calibration.calibration import Calibration
from index.catalogue.catalogue import Catalogue
from index.catalogue.gallery_refresh import (
    read_photo_states,
    read_some_species,
    refresh_gallery,
)
from index.curation.curator import CurationConflict, Curator, Event
from index.curation.listings import Directory
from index.curation.undo import OtherCheckpoint, undo
from index.identification.identifier import Identifier
from index.labels.nobody import describe_resembling
from index.photos.embed import PhotoEmbedder
from index.search.gallery import Gallery
from index.sightings.reading import Sightings, read_sightings
from index.snapshots.changed_mapping import change_mapping
from index.snapshots.served_photo import ServedPhoto
from index.snapshots.snapshot import read_served
from index.storage.address import BadCatalogue
from index.storage.serving_marker import ServedMark
from service.catalogue.calibrator import Calibrator
from service.catalogue.compactor import Compactor
from service.catalogue.derived import LastDerived
from service.catalogue.review_queue import ReviewQueue
from service.catalogue.work_lists import WorkLists
from service.http.authorization import principal_of
from service.http.problems import NOT_READY, ProblemError
from service.notices.notifier import Notifier
from service.schemas.curation import EventAnswer, event_answer
from service.serving.loading import log_damaged, serving_of
from service.serving.past_revisions import PastRevisions
from service.serving.service import Service, Serving
from service.settings import Settings

_LIST_THREADS = 4
_Found = TypeVar("_Found")
_log = logging.getLogger("flukeprint.service")


class CatalogueWriter:
    """The one way in which a running service changes its catalogue.

    Acts are done one after the other in a thread of their own. `Service.serving` is replaced whole
    after each, before its request is answered. Later requests are answered from the new state,
    running ones from the old.
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
        self.calibrator = Calibrator(catalogue, self._publish)
        self.compactor = Compactor(catalogue, self._exchange, self._exchange_compacted)
        self.review_queue = ReviewQueue(catalogue, lambda: service.ready().identifier)

    def stop(self) -> None:
        """Finish the running acts and close the catalogue."""
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

        Raises ProblemError, having done nothing.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._act, do)

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
            try:
                return undo(catalogue, revision, made_by=made_by, loaded=loaded)
            except OtherCheckpoint as error:
                try:
                    self._service.checkpoints.of(error.fingerprint)
                except FlukeprintError as absent:
                    raise CurationConflict(
                        f"revision {revision} can't be undone: {absent}"
                    ) from absent
                return undo(catalogue, revision, made_by=made_by, loaded=error.fingerprint)

        return await self.done(going_back)

    async def done(self, do: Callable[[Catalogue], Event]) -> Event:
        """Do one act that always has something to do."""
        event = await self.act(do)
        assert event is not None
        return event

    async def read(self, query: Callable[[Directory], _Found]) -> _Found:
        """Read the catalogue's lists in one of a few threads. Raises BadCatalogue."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, query, self.directory)

    def reload(self) -> None:
        """Read the whole catalogue again, after a job or another process has changed it."""
        with self._exchange:
            self._reload()
        self.calibrator.wake()

    def _publish(self, fitted: Calibration) -> None:
        """Answer by a calibration that was fitted after a change."""
        with self._exchange:
            serving = self._service.ready()
            now = serving.identifier
            if now.gallery.fingerprint == self.catalogue.fingerprint:
                calibration = fitted.with_new_share(self._service.settings.new_share)
                self._service.serving = replace(
                    serving, identifier=now.with_calibration(calibration)
                )
        self.review_queue.recalibrate()

    def _act(self, do: Callable[[Catalogue], Event | None]) -> Event | None:
        with self._exchange:
            self._service.ready()
            event = do(self.catalogue)
            if event is not None:
                self._follow_or_reload(event)
                self.calibrator.wake()
                self.notifier.follow(event)
        return event

    def _follow_or_reload(self, event: Event) -> None:
        """Follow an act that is done: its request succeeds even if this fails."""
        try:
            self._follow(event)
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
                    "Answers come from revision %d until the next act: %s",
                    event.revision - 1,
                    again,
                )

    def _follow(self, event: Event) -> None:
        serving = self._service.ready()
        gallery = serving.identifier.gallery
        now = read_photo_states(self.catalogue, event.photos)
        if now.revision != gallery.revision + 1 or now.fingerprint != gallery.fingerprint:
            self._reload()
            return
        before = serving.identifier
        after = refresh_gallery(gallery, event.photos, now)
        served = {name: ServedPhoto.of(photo) for name, photo in now.photos.items()}
        viewpoints = change_mapping(before.viewpoints, event.photos, now.viewpoints)
        concerned = _individuals_of(event, serving.photos, served)
        if concerned is None:
            identifier = Identifier(
                before.embedder,
                after,
                before.calibration,
                self.catalogue.species(),
                viewpoints,
                screen=before.screen.of(after),
            )
        else:
            species = read_some_species(self.catalogue, concerned)
            identifier = before.following(
                after,
                change_mapping(before.species, concerned, species),
                viewpoints,
                individuals=concerned,
                photos=len(event.photos),
            )
        photos = change_mapping(serving.photos, event.photos, served)
        damaged = {name: why for name, why in serving.damaged.items() if name not in event.photos}
        log_damaged(now.damaged)
        self._service.serving = replace(
            serving, identifier=identifier, photos=photos, damaged=damaged | now.damaged
        )
        self.compactor.follow(self._service.serving, event.photos)
        self.review_queue.follow(event.kind, event.photos, concerned)

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
                return
            self._service.checkpoints.keep(embedder)  # the way back
            embedder = another
        log_damaged(served.damaged)
        # Embedder and gallery are exchanged as one: nobody compares one checkpoint's vectors with
        # another's.
        self._service.serving = serving_of(served, embedder, self._service.settings)
        self.compactor.start(self._service.serving)
        self.review_queue.forget()


def _individuals_of(
    event: Event, before: Mapping[str, ServedPhoto], after: Mapping[str, ServedPhoto]
) -> list[str] | None:
    """Whom an event concerns: whose photos changed, and who did; None where it doesn't say."""
    if event.individuals is None:
        return None
    of_photos = (each.get(name) for name in event.photos for each in (before, after))
    names = {photo.individual for photo in of_photos if photo and photo.individual is not None}
    return sorted(names.union(event.individuals))


def open_writer(settings: Settings, service: Service) -> CatalogueWriter:
    """Open the settings' catalogue for curators. Raises BadCatalogue."""
    return CatalogueWriter(service, Catalogue.open(settings.address))


def reload(app: FastAPI) -> None:
    """Have an application serve the present catalogue; do nothing where it has no writer."""
    writer = getattr(app.state, "writer", None)
    if isinstance(writer, CatalogueWriter):
        writer.reload()


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

    `new_name`: an individual's name in the act, which is warned of where it looks like a word for
    nobody. Raises ProblemError, having done nothing.
    """
    made_by = principal_of(request)
    event = await writer_of(request).done(
        lambda catalogue: act(Curator(catalogue, made_by=made_by))
    )
    return event_answer(event, describe_resembling(new_name))
