"""The part of an update before its transaction: compare files and embed photos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from embedding.photos.photo import BadPhoto
from index.catalogue.catalogue import CataloguePhoto
from index.curation.corrections import Corrections
from index.labels.photo_files import catalogued_name, names_by_nfc
from index.labels.reader import LabelledPhoto, Labels
from index.photos.embed import (
    BATCH_PHOTOS,
    EmbeddedPhoto,
    FileEmbedder,
    PhotoFile,
    UnreadPhoto,
    embed_photos,
    photo_file,
    with_file_time,
)
from index.photos.pending_vectors import PendingVectors
from index.prefetch import decoding_threads, prefetch
from index.progress import Progress, no_progress
from index.reindex.options import UpdateOptions
from index.reindex.plan import UpdatePlan, as_labelled, make_update_plan, needs_vector
from index.reindex.stored_copies import StoredCopies, choose_files, known_by_content

_FileKey = tuple[str, Path, str]


@dataclass(frozen=True, slots=True)
class CatalogueUpdate:
    """What is to be done to a catalogue that holds the photos `known`, by name.

    `moved_files`: photos with the content they had, in files of another size or time. `copies`:
    the originals beside the catalogue.
    """

    known: dict[str, CataloguePhoto]
    plan: UpdatePlan
    moved_files: tuple[tuple[CataloguePhoto, PhotoFile], ...] = ()
    copies: StoredCopies = field(default_factory=lambda: StoredCopies(None))


def _stage_none(_: Mapping[int, EmbeddedPhoto]) -> Set[str]:
    return frozenset()


class UpdatePreparation:
    """The files and photos read for one update, each once, however often the catalogue is compared.

    `embedded`: vectors by photo name that must wait for the update's transaction, of new and of
    changed photos. `staged`: photos whose vectors lie beside the searched ones already. `unread`:
    why others have none. `damaged`: what is missing in photos that were read all the same.
    """

    def __init__(
        self,
        labels: Labels | None,
        embedder: FileEmbedder,
        options: UpdateOptions = UpdateOptions(),
        *,
        progress: Progress = no_progress,
        pending: PendingVectors | None = None,
        media: Path | None = None,
    ) -> None:
        """Prepare an update to `labels`; None: the catalogue's own photos.

        `pending`: where vectors that must wait for the transaction survive a kill. `media`: the
        folder of the catalogue's copies of originals.
        """
        self.options = options
        self.progress = progress
        self.fingerprint = embedder.fingerprint
        self.embedded: dict[str, EmbeddedPhoto] = {}
        self.staged: set[str] = set()
        self.unread: dict[str, UnreadPhoto] = {}
        self.damaged: dict[str, str] = {}
        self._labels = labels
        self._embedder = embedder
        self._pending = pending
        self._media = media
        self._files: dict[_FileKey, PhotoFile | UnreadPhoto] = {}

    def make_update(
        self, photos: Sequence[CataloguePhoto], corrections: Corrections
    ) -> CatalogueUpdate:
        """Compare with what a catalogue holds now; a file is read once only."""
        if self.options.bring_back:
            corrections = replace(corrections, deleted=frozenset(), deleted_contents=frozenset())
        if self.options.labels_win:
            corrections = replace(corrections, replaced={})
        known = {photo.name: photo for photo in photos}
        names = names_by_nfc(known)
        named = [catalogued_name(photo, names) for photo in self._labelled_photos(known)]
        copies = (
            StoredCopies(None)
            if self._media is None
            else StoredCopies.next_to_catalogue(self._media)
        )
        named = known_by_content(named, known)
        changed, moved_files = self._compare_files(named, known, copies)
        # Before files are chosen: times are looked up by the files that the labels lead to.
        named = [self._dated(photo, known.get(photo.name)) for photo in named]
        labelled, unchanged = choose_files(named, known, self._read_before, copies)
        if self._labels is None:
            self._forget_unread(labelled)
        plan = make_update_plan(
            labelled,
            photos,
            changed=changed - unchanged,
            fingerprint=self.fingerprint,
            prune=self.options.prune,
            corrections=corrections,
        )
        moved = ((old, file) for old, file in moved_files if old.name not in unchanged)
        return CatalogueUpdate(known, plan, tuple(moved), copies)

    def embed(
        self,
        update: CatalogueUpdate,
        stage: Callable[[Mapping[int, EmbeddedPhoto]], Set[str]] = _stage_none,
    ) -> None:
        """Embed what a plan needs and has no vector for yet, in batches.

        `stage` gets each batch's known photos by their keys, and returns the names of those that it
        has stored.
        """
        lacking = [
            photo for photo in (*update.plan.add, *update.plan.reembed) if not self._is_done(photo)
        ]
        if not lacking:
            return
        with self.progress(len(lacking), "Embedding photos") as advance:
            again = self._read_pending(lacking)
            for start in range(0, len(again), BATCH_PHOTOS):
                batch = again[start : start + BATCH_PHOTOS]
                self._take(batch, update.known, stage, is_pending=True)
                advance(len(batch))
            names = {each.photo.name for each in again}
            rest = [photo for photo in lacking if photo.name not in names]
            with closing(embed_photos(rest, self._embedder)) as batches:
                for batch in batches:
                    # What is made in a moment needn't survive anything.
                    self._take(batch, update.known, stage, is_pending=len(rest) <= BATCH_PHOTOS)
                    advance(len(batch))

    def _read_pending(self, lacking: Sequence[LabelledPhoto]) -> list[EmbeddedPhoto]:
        """Find the photos whose vectors a killed update has written to disk."""
        if not self._pending:
            return []
        found: list[EmbeddedPhoto] = []
        files = prefetch(lacking, _read_file, threads=decoding_threads(), most=BATCH_PHOTOS)
        for photo, file in zip(lacking, files, strict=True):
            made = (
                None
                if isinstance(file, UnreadPhoto)
                else self._pending.get(file.content_hash, photo.box)
            )
            if made is not None and isinstance(file, PhotoFile):
                known = replace(file, perceptual_hash=made.perceptual_hash)
                found.append(EmbeddedPhoto(photo, known, made.vector))
        return found

    def embedded_photo(self, photo: LabelledPhoto) -> EmbeddedPhoto | None:
        """A photo's vector with its present label, where there is one that waits for the update."""
        found = self.embedded.get(photo.name)
        if found is None or not _is_of(found, photo):
            return None
        return replace(found, photo=with_file_time(photo, found.file))

    def _take(
        self,
        batch: Sequence[EmbeddedPhoto | UnreadPhoto],
        known: Mapping[str, CataloguePhoto],
        stage: Callable[[Mapping[int, EmbeddedPhoto]], Set[str]],
        *,
        is_pending: bool,
    ) -> None:
        self.unread |= {each.photo.name: each for each in batch if isinstance(each, UnreadPhoto)}
        made = {each.photo.name: each for each in batch if isinstance(each, EmbeddedPhoto)}
        self.damaged |= {name: each.damage for name, each in made.items() if each.damage}
        stored = stage({known[name].id: each for name, each in made.items() if name in known})
        for name in stored:
            self._files[_file_key(known[name], made[name].photo.path)] = made[name].file
        self.staged |= stored
        waiting = {name: each for name, each in made.items() if name not in stored}
        self.embedded |= waiting
        if self._pending is not None and not is_pending:
            self._pending.append(list(waiting.values()))

    def _dated(self, photo: LabelledPhoto, old: CataloguePhoto | None) -> LabelledPhoto:
        """A known photo with the time that it has, where its label says none.

        A file that was read has a say: of another content before what is known, else after it.
        """
        if photo.taken_at is not None or old is None:
            return photo
        read = self._files.get(_file_key(old, photo.path))
        own = read.taken_at if isinstance(read, PhotoFile) else None
        is_other = isinstance(read, PhotoFile) and read.content_hash != old.content_hash
        taken_at = (own or old.taken_at) if is_other else (old.taken_at or own)
        return photo if taken_at is None else replace(photo, taken_at=taken_at)

    def _is_done(self, photo: LabelledPhoto) -> bool:
        return photo.name in self.unread or self.embedded_photo(photo) is not None

    def _labelled_photos(self, known: Mapping[str, CataloguePhoto]) -> list[LabelledPhoto]:
        if self._labels is None:
            return [as_labelled(photo) for photo in known.values()]
        # The catalogue must find its photos from any working folder.
        labelled = [replace(photo, path=photo.path.resolve()) for photo in self._labels.photos]
        # Whose labels disagree stays as it is known, and is not pruned.
        names = {one.photo.name for one in self._labels.disputed}
        return [*labelled, *(as_labelled(old) for name, old in known.items() if name in names)]

    def _forget_unread(self, photos: Sequence[LabelledPhoto]) -> None:
        """Take back that photos couldn't be read of which a copy was found."""
        for photo in photos:
            unread = self.unread.get(photo.name)
            if unread is not None and unread.photo.path != photo.path:
                del self.unread[photo.name]

    def _read_before(
        self, photo: LabelledPhoto, old: CataloguePhoto
    ) -> PhotoFile | UnreadPhoto | None:
        return self._files.get(_file_key(old, photo.path))

    def _compare_files(
        self,
        labelled: Sequence[LabelledPhoto],
        known: Mapping[str, CataloguePhoto],
        copies: StoredCopies,
    ) -> tuple[set[str], list[tuple[CataloguePhoto, PhotoFile]]]:
        """Find the known photos of another content, and those of the same in a file of other facts.

        Photos that are embedded again anyway aren't read, unless there may be a copy that stays.
        """
        doubtful = [
            (photo, old)
            for photo in labelled
            if (old := known.get(photo.name)) is not None
            and (
                not needs_vector(photo, old, self.fingerprint)
                or (photo.path != old.path and copies.copy_of_known(old) is not None)
            )
            and (
                _file_key(old, photo.path) in self._files
                or self.options.rehash
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
        files = prefetch(photos, _read_file, threads=decoding_threads(), most=BATCH_PHOTOS)
        with self.progress(len(photos), "Comparing files with the catalogue") as advance:
            for photo, read in zip(photos, files, strict=True):
                self._files[_file_key(known[photo.name], photo.path)] = read
                if isinstance(read, UnreadPhoto):
                    self.unread[photo.name] = read
                advance(1)


def _file_key(old: CataloguePhoto, path: Path) -> _FileKey:
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
