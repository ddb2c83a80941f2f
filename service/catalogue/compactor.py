"""What is served made whole again after many acts, and its snapshot written, beside the writer."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from embedding.errors import FlukeprintError
from index.catalogue.catalogue import Catalogue
from index.catalogue.gallery_refresh import read_photo_states, refresh_gallery
from index.search.gallery import Gallery
from index.search.species import SpeciesFit
from index.snapshots.changed_mapping import change_mapping
from index.snapshots.served_catalogue import ServedCatalogue
from index.snapshots.served_photo import ServedPhoto
from index.snapshots.snapshot import is_snapshot_due, write_snapshot
from service.serving.service import Serving

_SMALL_CHANGE = 1024  # photos that have changed before a snapshot is worth its time
_log = logging.getLogger("flukeprint.service")


class Compactor:
    """Compacts in a thread of its own, and brings the result up to the acts done meanwhile.

    What is compact is written to a snapshot, from which the next start goes on.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        exchange: threading.Lock,
        publish: Callable[[Gallery, Mapping[str, ServedPhoto]], None],
    ) -> None:
        """`publish` has later answers use what it is called with; `exchange` is held meanwhile."""
        self._catalogue = catalogue
        self._exchange = exchange
        self._publish = publish
        self._thread = ThreadPoolExecutor(1, "compaction")
        self._meanwhile: set[str] | None = None  # photos changed since it began; None: at rest
        self._changed = 0  # photos, since the last one

    def start(self, serving: Serving) -> None:
        """Begin with what was read, where a snapshot is due."""
        if self._meanwhile is None:
            self._begin(
                serving, lambda: not serving.has_snapshot or is_snapshot_due(self._catalogue)
            )

    def follow(self, serving: Serving, photos: Collection[str]) -> None:
        """Note an act, while `exchange` is held; begin where that is worth its time."""
        self._changed += len(photos)
        most = _SMALL_CHANGE + 2 * math.isqrt(len(serving.photos))
        if self._meanwhile is not None:
            self._meanwhile.update(photos)
        elif serving.identifier.gallery.is_worth_compacting or self._changed > most:
            self._begin(serving, lambda: True)

    def stop(self) -> None:
        """Finish what is under way."""
        self._thread.shutdown()

    def _begin(self, serving: Serving, is_due: Callable[[], bool]) -> None:
        self._meanwhile, self._changed = set(), 0
        self._thread.submit(self._compact, serving, is_due)

    def _compact(self, serving: Serving, is_due: Callable[[], bool]) -> None:
        try:
            # What the first answers would else wait for.
            fit = serving.identifier.species_predictor.prepare()
            serving.facts.of(serving.identifier.gallery.photos, serving.photos)
            if is_due():
                compact = _served_catalogue(serving, fit).compacted()
                self._bring_up(compact, serving)
                if write_snapshot(self._catalogue, compact) is not None:
                    _log.info("A snapshot of revision %d was written", compact.gallery.revision)
        except FlukeprintError as error:
            _log.error("The gallery could not be compacted: %s. A later act tries again", error)
        except OSError as error:
            _log.warning(
                "The snapshot could not be written: %s. The next start reads the whole catalogue",
                error,
            )
        finally:
            self._meanwhile = None

    def _bring_up(self, compact: ServedCatalogue, before: Serving) -> None:
        """Have answers use what is compact, brought up to the acts done meanwhile."""
        is_same_gallery = compact.gallery.has_rows_of(before.identifier.gallery)
        if is_same_gallery and compact.photos is before.photos:
            return
        with self._exchange:
            names = sorted(self._meanwhile or ())
            now = read_photo_states(self._catalogue, names)
            if now.fingerprint == compact.gallery.fingerprint:
                states = {name: ServedPhoto.of(photo) for name, photo in now.photos.items()}
                photos = change_mapping(compact.photos, names, states)
                self._publish(refresh_gallery(compact.gallery, names, now), photos)


def _served_catalogue(serving: Serving, fit: SpeciesFit | None) -> ServedCatalogue:
    identifier = serving.identifier
    return ServedCatalogue(
        identifier.gallery,
        identifier.calibration,
        serving.photos,
        identifier.species,
        identifier.viewpoints,
        serving.log,
        serving.damaged,
        fit,
        identifier.species_predictor.changed_photos,
    )
