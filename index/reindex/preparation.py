"""What an update does before its transaction, so that nobody waits for it: files compared, photos
embedded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from embedding.photos.photo import BadPhoto
from index.catalogue.catalogue import CataloguePhoto
from index.curation.corrections import Corrections
from index.labels.reader import LabelledPhoto, Labels
from index.photos.embed import (
    BATCH_PHOTOS,
    DECODING_THREADS,
    EmbeddedPhoto,
    PhotoEmbedder,
    PhotoFile,
    UnreadPhoto,
    embed_photos,
    photo_file,
)
from index.photos.pending_vectors import PendingVectors
from index.prefetch import prefetch
from index.progress import Progress
from index.reindex.plan import UpdatePlan, as_labelled, make_update_plan, needs_vector

_Look = tuple[str, Path, str]


@dataclass(frozen=True, slots=True)
class CatalogueUpdate:
    """What is to be done to a catalogue that holds these photos, by name.

    `noted`: photos with the content they had, in files that have another size or time.
    """

    known: dict[str, CataloguePhoto]
    plan: UpdatePlan
    moved_files: tuple[tuple[CataloguePhoto, PhotoFile], ...] = ()


def _keep_none(_: Mapping[int, EmbeddedPhoto]) -> Set[str]:
    return frozenset()


class UpdatePreparation:
    """Files and photos looked at for one update: each once, however often the catalogue is compared
    anew.

    `embedded` holds, by name, vectors that must wait for the update's own transaction (new photos'
    and changed ones'); `beside` names the photos whose vectors lie beside the searched ones
    already; `unread` tells why others have none.
    """

    def __init__(
        self,
        labels: Labels | None,
        embedder: PhotoEmbedder,
        *,
        prune: bool,
        rehash: bool,
        progress: Progress,
        bring_back: bool = False,
        labels_win: bool = False,
        pending: PendingVectors | None = None,
    ) -> None:
        """Prepare an update to `labels` (None: the catalogue's own photos), options as
        `index.reindex.update` has them.

        `kept`: where vectors that must wait for the transaction survive a kill.
        """
        self.embedded: dict[str, EmbeddedPhoto] = {}
        self.staged: set[str] = set()
        self.unread: dict[str, UnreadPhoto] = {}
        self._labels = labels
        self._embedder = embedder
        self._prune, self._rehash = prune, rehash
        self._bring_back, self._labels_win = bring_back, labels_win
        self._progress = progress
        self._pending = pending
        self._files: dict[_Look, PhotoFile | UnreadPhoto] = {}

    def make_update(
        self, photos: Sequence[CataloguePhoto], corrections: Corrections
    ) -> CatalogueUpdate:
        """Compare with what a catalogue holds now; files that were looked at before are not read
        again.
        """
        if self._bring_back:
            corrections = replace(corrections, away=frozenset())
        if self._labels_win:
            corrections = replace(corrections, exchanged={})
        known = {photo.name: photo for photo in photos}
        labelled = self._labelled_photos(known)
        changed, moved_files = self._compare_files(labelled, known)
        fingerprint = self._embedder.fingerprint
        plan = make_update_plan(
            labelled,
            photos,
            changed=changed,
            fingerprint=fingerprint,
            prune=self._prune,
            corrections=corrections,
        )
        return CatalogueUpdate(known, plan, tuple(moved_files))

    def embed(
        self,
        planned: CatalogueUpdate,
        keep: Callable[[Mapping[int, EmbeddedPhoto]], Set[str]] = _keep_none,
    ) -> None:
        """Embed what a plan needs and has no vector for yet, in batches.

        `keep` gets each batch's known photos by their keys, and returns the names of those that it
        has stored.
        """
        lacking = [
            photo
            for photo in (*planned.plan.add, *planned.plan.reembed)
            if not self._is_done(photo)
        ]
        if not lacking:
            return
        with self._progress(len(lacking), "Embedding photos") as advance:
            again = self._read_pending(lacking)
            for start in range(0, len(again), BATCH_PHOTOS):
                batch = again[start : start + BATCH_PHOTOS]
                self._take(batch, planned.known, keep, is_pending=True)
                advance(len(batch))
            names = {each.photo.name for each in again}
            rest = [photo for photo in lacking if photo.name not in names]
            for batch in embed_photos(rest, self._embedder):
                # What is made in a moment needn't survive anything.
                self._take(batch, planned.known, keep, is_pending=len(rest) <= BATCH_PHOTOS)
                advance(len(batch))

    def _read_pending(self, lacking: Sequence[LabelledPhoto]) -> list[EmbeddedPhoto]:
        """Those photos whose vectors an update that was killed has left."""
        if not self._pending:
            return []
        found: list[EmbeddedPhoto] = []
        files = prefetch(lacking, _read_file, threads=DECODING_THREADS, most=BATCH_PHOTOS)
        for photo, file in zip(lacking, files, strict=True):
            vector = (
                None
                if isinstance(file, UnreadPhoto)
                else self._pending.get(file.content_hash, photo.box)
            )
            if vector is not None and isinstance(file, PhotoFile):
                found.append(EmbeddedPhoto(photo, file, vector))
        return found

    def embedded_photo(self, photo: LabelledPhoto) -> EmbeddedPhoto | None:
        """A photo's vector with its present label, where there is one that waits for the update."""
        found = self.embedded.get(photo.name)
        return None if found is None or not _is_of(found, photo) else replace(found, photo=photo)

    def _take(
        self,
        batch: Sequence[EmbeddedPhoto | UnreadPhoto],
        known: Mapping[str, CataloguePhoto],
        keep: Callable[[Mapping[int, EmbeddedPhoto]], Set[str]],
        *,
        is_pending: bool,
    ) -> None:
        self.unread |= {each.photo.name: each for each in batch if isinstance(each, UnreadPhoto)}
        made = {each.photo.name: each for each in batch if isinstance(each, EmbeddedPhoto)}
        stored = keep({known[name].id: each for name, each in made.items() if name in known})
        for name in stored:
            self._files[_file_key(known[name], made[name].photo.path)] = made[name].file
        self.staged |= stored
        waiting = {name: each for name, each in made.items() if name not in stored}
        self.embedded |= waiting
        if self._pending is not None and not is_pending:
            self._pending.append(list(waiting.values()))

    def _is_done(self, photo: LabelledPhoto) -> bool:
        return photo.name in self.unread or self.embedded_photo(photo) is not None

    def _labelled_photos(self, known: Mapping[str, CataloguePhoto]) -> list[LabelledPhoto]:
        if self._labels is None:
            return [as_labelled(photo) for photo in known.values()]
        # The catalogue must find its photos from any working folder.
        return [replace(photo, path=photo.path.resolve()) for photo in self._labels.photos]

    def _compare_files(
        self, labelled: Sequence[LabelledPhoto], known: Mapping[str, CataloguePhoto]
    ) -> tuple[set[str], list[tuple[CataloguePhoto, PhotoFile]]]:
        """Which known photos hold another content than catalogued, and which the same in a file
        that looks otherwise.

        Those that are embedded again anyway aren't looked at.
        """
        doubtful = [
            (photo, old)
            for photo in labelled
            if (old := known.get(photo.name)) is not None
            and not needs_vector(photo, old, self._embedder.fingerprint)
            and (
                _file_key(old, photo.path) in self._files
                or self._rehash
                or not _has_same_file(photo, old)
            )
        ]
        self._read(
            [photo for photo, old in doubtful if _file_key(old, photo.path) not in self._files],
            known,
        )
        changed: set[str] = set()
        moved_files: list[tuple[CataloguePhoto, PhotoFile]] = []
        for photo, old in doubtful:
            read = self._files[_file_key(old, photo.path)]
            if isinstance(read, UnreadPhoto):
                continue
            if read.content_hash != old.content_hash:
                changed.add(photo.name)
            elif (read.size_bytes, read.mtime_ns) != (old.size_bytes, old.mtime_ns):
                moved_files.append((old, read))
        return changed, moved_files

    def _read(self, photos: Sequence[LabelledPhoto], known: Mapping[str, CataloguePhoto]) -> None:
        if not photos:
            return
        files = prefetch(photos, _read_file, threads=DECODING_THREADS, most=BATCH_PHOTOS)
        with self._progress(len(photos), "Comparing files with the catalogue") as advance:
            for photo, read in zip(photos, files, strict=True):
                self._files[_file_key(known[photo.name], photo.path)] = read
                if isinstance(read, UnreadPhoto):
                    self.unread[photo.name] = read
                advance(1)


def _file_key(old: CataloguePhoto, path: Path) -> _Look:
    return old.name, path, old.content_hash


def _is_of(made: EmbeddedPhoto, photo: LabelledPhoto) -> bool:
    return (made.photo.path, made.photo.box) == (photo.path, photo.box)


def _has_same_file(photo: LabelledPhoto, old: CataloguePhoto) -> bool:
    try:
        status = photo.path.stat()
    except OSError:
        return False
    return photo.path == old.path and (status.st_size, status.st_mtime_ns) == (
        old.size_bytes,
        old.mtime_ns,
    )


def _read_file(photo: LabelledPhoto) -> PhotoFile | UnreadPhoto:
    try:
        return photo_file(photo.path)[0]
    except BadPhoto as error:
        return UnreadPhoto(photo, str(error))
