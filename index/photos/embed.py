"""From photo files to vectors, in bounded memory: a few threads decode ahead of the embedder."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from embedding.photos.box import Animal
from embedding.photos.damage import read_checked
from embedding.photos.exif import taken_at
from embedding.photos.photo import (
    BadPhoto,
    Image,
    PhotoLimits,
    content_hash,
    photo_bytes,
)
from embedding.photos.quality import PhotoQuality
from index.labels.fields import list_some
from index.labels.reader import LabelledPhoto
from index.photos.perceptual_hash import perceptual_hash
from index.prefetch import decoding_threads, prefetch
from index.search.embedded_images import EmbeddedImage, embed_images
from index.search.vectors import Embedder, check_vectors

BATCH_PHOTOS = 64
# Decoded pixels: a quarter ahead, a quarter in the batch that fills, half in those under way. A
# quarter is 30 photos of 1000 x 700, or one of 22 MP; a larger photo goes alone.
HELD_BYTES = 256 * 2**20
_SETTLED_NS = 2 * 10**9  # FAT counts file times in steps of two seconds
# While the network computes one batch, the next one's images are cut and scaled, and the last one's
# quality is measured; that takes about as long.
_EMBEDDING_THREADS = 2


class PhotoEmbedder(Embedder, Protocol):
    """An embedder that also says at what size photos need to be decoded."""

    @property
    def input_px(self) -> int:
        """The smallest side, in pixels, at which decoding loses nothing."""
        ...


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """What a file was when it was read: enough to see later whether it has changed.

    `mtime_ns` None: it was written so shortly before that another writing might leave it the same
    time. `perceptual_hash` None: nobody has looked at the picture, or it has no pattern.
    """

    content_hash: str
    size_bytes: int
    mtime_ns: int | None
    perceptual_hash: bytes | None = None
    taken_at: str | None = None  # as the file itself says (EXIF)


@dataclass(frozen=True, slots=True)
class EmbeddedPhoto:
    """A photo with its embedding, (d,) float32, and how it was turned and how good it is.

    `quarter_turns` to the left put it upright. `quality` is None where only the vector came, and
    `animals` where none were looked for.
    """

    photo: LabelledPhoto
    file: PhotoFile
    vector: NDArray[np.float32]
    damage: str | None = None  # which pixels are missing or damaged, though it could be read
    quarter_turns: int = 0
    quality: PhotoQuality | None = None
    animals: tuple[Animal, ...] | None = None


@dataclass(frozen=True, slots=True)
class UnreadPhoto:
    """A photo that couldn't be read, and why: one sentence that names it."""

    photo: LabelledPhoto
    reason: str


@runtime_checkable
class DistantEmbedder(Protocol):
    """An embedder whose networks are elsewhere: photos are read and embedded there."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the checkpoint's content."""
        ...

    def embed_files(
        self, photos: Iterable[LabelledPhoto]
    ) -> Generator[list[EmbeddedPhoto | UnreadPhoto]]:
        """Embed photos, each once, in any order; empty lists come while it waits."""
        ...


FileEmbedder = PhotoEmbedder | DistantEmbedder
ReadPhoto = Callable[[Path, PhotoLimits], tuple["PhotoFile", bytes]]


@dataclass(frozen=True, slots=True)
class _DecodedPhoto:
    photo: LabelledPhoto
    file: PhotoFile
    image: Image
    damage: str | None

    @property
    def held_bytes(self) -> int:
        return 3 * self.image.width * self.image.height


def photo_file(path: Path, limits: PhotoLimits = PhotoLimits()) -> tuple[PhotoFile, bytes]:
    """Read a file's bytes and what tells them from others. Raises BadPhoto."""
    # Asked before reading: a file that changes meanwhile then looks changed at the next update.
    _, settled_ns = settled_time(path)
    data = photo_bytes(path, limits)
    return (
        PhotoFile(content_hash(data), len(data), settled_ns, taken_at=taken_at(data)),
        data,
    )


def settled_time(path: Path) -> tuple[int, int | None]:
    """A file's size and time; no time where another writing might leave it the same one."""
    try:
        status = path.stat()
    except OSError:
        return 0, None  # whoever reads it says what is wrong
    is_settled = time.time_ns() - status.st_mtime_ns > _SETTLED_NS
    return status.st_size, status.st_mtime_ns if is_settled else None


def embed_photos(
    photos: Iterable[LabelledPhoto],
    embedder: FileEmbedder,
    *,
    limits: PhotoLimits = PhotoLimits(),
    read: ReadPhoto = photo_file,
) -> Generator[list[EmbeddedPhoto | UnreadPhoto]]:
    """Embed photos in their order, a batch at a time; a distant embedder's come as they are done.

    A batch ends at BATCH_PHOTOS or a quarter of HELD_BYTES. Two are under way at a time, so the
    embedder is called from two threads. `read` gets the bytes of a photo.

    A photo that can't be read comes as an UnreadPhoto and stops nobody else's.
    """
    if isinstance(embedder, DistantEmbedder):
        return embedder.embed_files(photos)
    return prefetch(
        _batches(_decoded(photos, embedder.input_px, limits, read)),
        lambda batch: _embedded(batch, embedder),
        threads=_EMBEDDING_THREADS,
        most=_EMBEDDING_THREADS,
    )


def _batches(
    photos: Generator[_DecodedPhoto | UnreadPhoto],
) -> Generator[list[_DecodedPhoto | UnreadPhoto]]:
    batch: list[_DecodedPhoto | UnreadPhoto] = []
    held = 0
    with closing(photos):
        for read in photos:
            batch.append(read)
            held += read.held_bytes if isinstance(read, _DecodedPhoto) else 0
            if len(batch) >= BATCH_PHOTOS or held >= HELD_BYTES // 4:
                yield batch
                batch, held = [], 0
    if batch:
        yield batch


def with_file_time(photo: LabelledPhoto, file: PhotoFile) -> LabelledPhoto:
    """The photo with the time that its file says, where its label has none."""
    if photo.taken_at is not None or file.taken_at is None:
        return photo
    return replace(photo, taken_at=file.taken_at)


def describe_damage(damaged: Mapping[str, str]) -> list[str]:
    """Write which photos can be read but are damaged; `damaged` is by the photo's name."""
    if not damaged:
        return []
    told = [f"{name}: {damaged[name]}" for name in sorted(damaged)]
    what = (
        "1 photo can be read but is"
        if len(told) == 1
        else (f"{len(told):,} photos can be read but are")
    )
    return [f"{what} damaged: {list_some(told)}"]


def _decoded(
    photos: Iterable[LabelledPhoto], input_px: int, limits: PhotoLimits, read: ReadPhoto
) -> Generator[_DecodedPhoto | UnreadPhoto]:
    def decode(photo: LabelledPhoto) -> _DecodedPhoto | UnreadPhoto:
        try:
            str(photo.path).encode()
        except UnicodeEncodeError:
            return UnreadPhoto(
                photo, f"{str(photo.path)!a}: the file's name is not UTF-8; rename it"
            )
        try:
            file, data = read(photo.path, limits)
            image, damage = read_checked(
                data, name=str(photo.path), limits=limits, at_least_px=input_px
            )
        except BadPhoto as error:
            return UnreadPhoto(photo, str(error))
        known = replace(file, perceptual_hash=perceptual_hash(image))
        return _DecodedPhoto(photo, known, image, damage)

    def holds(made: _DecodedPhoto | UnreadPhoto) -> int:
        return made.held_bytes if isinstance(made, _DecodedPhoto) else 0

    return prefetch(
        photos,
        decode,
        threads=decoding_threads(),
        most=2 * BATCH_PHOTOS,
        holds=holds,
        most_held=HELD_BYTES // 4,
    )


def _embedded(
    batch: Sequence[_DecodedPhoto | UnreadPhoto], embedder: PhotoEmbedder
) -> list[EmbeddedPhoto | UnreadPhoto]:
    decoded = [read for read in batch if isinstance(read, _DecodedPhoto)]
    if not decoded:
        return [read for read in batch if isinstance(read, UnreadPhoto)]
    images = embed_images(
        embedder, [read.image for read in decoded], [read.photo.box for read in decoded]
    )
    vectors = np.stack([each.vector for each in images])
    check_vectors(vectors, named="vectors that the checkpoint gave")
    embedded = iter(images)
    return [
        _embedded_photo(read, next(embedded)) if isinstance(read, _DecodedPhoto) else read
        for read in batch
    ]


def _embedded_photo(read: _DecodedPhoto, image: EmbeddedImage) -> EmbeddedPhoto:
    seen = (image.quarter_turns, image.quality, image.animals)
    return EmbeddedPhoto(read.photo, read.file, image.vector, read.damage, *seen)
