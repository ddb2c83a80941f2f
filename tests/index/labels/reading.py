"""Photos with no content, and label files for them."""

from __future__ import annotations

from pathlib import Path

from index.labels.reader import Labels, read_labels


def read(photos: Path, text: str | bytes, **options: str) -> Labels:
    path = photos.parent / "labels.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_labels(path, photos, **options)  # pyright: ignore[reportArgumentType]


def individuals(labels: Labels) -> dict[str, str | None]:
    return {photo.name: photo.individual for photo in labels.photos}
