"""The served gallery made whole again after many acts, beside the writer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from embedding.errors import FlukeprintError
from index.catalogue.catalogue import Catalogue
from index.catalogue.gallery_refresh import read_photo_states, refresh_gallery
from index.search.gallery import Gallery

_log = logging.getLogger("flukeprint.service")


class Compactor:
    """Compacts a gallery in a thread of its own, and brings it up to the acts done meanwhile."""

    def __init__(self, catalogue: Catalogue, publish: Callable[[Gallery], None]) -> None:
        """`publish` has later answers use a gallery; it is called with `exchange` held."""
        self._catalogue = catalogue
        self._publish = publish
        self._thread = ThreadPoolExecutor(1, "compaction")
        self._meanwhile: set[str] | None = None  # photos changed since it began; None: at rest

    def follow(self, gallery: Gallery, photos: Iterable[str], exchange: threading.Lock) -> None:
        """Note an act, whose lock is held; begin to compact where that is worth its time."""
        if self._meanwhile is not None:
            self._meanwhile.update(photos)
        elif gallery.is_worth_compacting:
            self._meanwhile = set()
            self._thread.submit(self._compact, gallery, exchange)

    def stop(self) -> None:
        """Finish what is under way."""
        self._thread.shutdown()

    def _compact(self, gallery: Gallery, exchange: threading.Lock) -> None:
        try:
            compact = gallery.compacted()
            with exchange:
                names = sorted(self._meanwhile or ())
                now = read_photo_states(self._catalogue, names)
                if now.fingerprint == compact.fingerprint:
                    self._publish(refresh_gallery(compact, names, now))
        except FlukeprintError as error:
            _log.error("The gallery could not be compacted: %s. The next act tries again", error)
        finally:
            self._meanwhile = None
