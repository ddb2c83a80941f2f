"""What was served at an earlier revision, so that a past answer can be repeated."""

from __future__ import annotations

import threading
from pathlib import Path

from embedding.errors import FlukeprintError
from index.catalogue.catalogue import Catalogue
from index.curation.past_revision import past_catalogue
from index.identification.identifier import Identifier
from index.snapshots.served_photo import ServedPhoto
from service.http.problems import Fault, invalid
from service.serving.service import Serving


class PastRevisions:
    """Reads earlier revisions of one catalogue, and caches the last one.

    It needs as much memory as the present one.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._lock = threading.Lock()
        self._cached: Serving | None = None

    def at(self, revision: int, now: Serving) -> Serving:
        """The catalogue as it was, with the embedder that is served now.

        Takes time in proportion to the catalogue. Raises an `invalid` problem for a
        revision that can't be read.
        """
        if revision == now.identifier.gallery.revision:
            return now
        with self._lock:
            if self._cached is None or not _is_of(self._cached, revision, now):
                self._cached = None  # before the next is read, so that there are never two
                self._cached = self._read(revision, now)
            return self._cached

    def _read(self, revision: int, now: Serving) -> Serving:
        try:
            past = past_catalogue(self._catalogue, revision)
            identifier = Identifier(
                now.identifier.embedder,
                past.gallery,
                past.calibration,
                past.species,
                past.viewpoints,
                screen=now.identifier.screen.of(past.gallery),
            )
        except FlukeprintError as error:
            raise invalid(Fault(field="as_of", reason=str(error))) from error
        photos = {
            name: ServedPhoto(
                Path(), "", one.individual, one.species, None, one.taken_at, region=one.region
            )
            for name, one in past.photos.items()
        }
        return Serving(identifier, photos, now.decode_px)


def _is_of(cached: Serving, revision: int, now: Serving) -> bool:
    return (
        cached.identifier.gallery.revision == revision
        and cached.identifier.embedder is now.identifier.embedder
    )
