"""The photos that a command line names: which they are, what they are called, and their
embeddings.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from index.commands.named_files import files_by_path, files_by_unique_name
from index.labels.reader import BadLabels, LabelledPhoto, read_labels
from index.messages import print_message
from index.photos.embed import EmbeddedPhoto, PhotoEmbedder, UnreadPhoto, embed_photos
from index.progress import no_progress, progress

_BAR_FROM_PHOTOS = 20  # fewer are done before a bar has said anything


def photos_of_paths(paths: Sequence[Path]) -> list[LabelledPhoto]:
    """Files as they are, also absent ones, and all photos of folders; each is called by its
    path.
    """
    return [LabelledPhoto(name, path, None) for name, path in files_by_path(paths)]


def uniquely_named_photos(paths: Sequence[Path]) -> list[LabelledPhoto]:
    """Photos of files and folders, called by file name or by their path below the folder given.

    Raises BadPhoto when there is none, and for two of one name.
    """
    return [LabelledPhoto(name, path, None) for name, path in files_by_unique_name(paths)]


def photos_of_labels(csv: Path, paths: Sequence[Path]) -> list[LabelledPhoto]:
    """The photos that a label file names, with their boxes; `paths` is the one folder its names
    start from.
    """
    if len(paths) != 1:
        raise BadLabels(f"with --csv give one folder of photos, not {len(paths)} paths")
    labels = read_labels(csv, paths[0])
    for warning in labels.warnings:
        print_message(f"note: {warning}")
    return list(labels.photos)


def embed_with_progress(
    photos: Sequence[LabelledPhoto], embedder: PhotoEmbedder, description: str
) -> tuple[list[EmbeddedPhoto], list[UnreadPhoto]]:
    """Embed photos under a progress bar: those that could be read, and those that couldn't, in
    their order.
    """
    read: list[EmbeddedPhoto] = []
    unread: list[UnreadPhoto] = []
    shown = progress if len(photos) >= _BAR_FROM_PHOTOS else no_progress
    with shown(len(photos), description) as advance:
        for batch in embed_photos(photos, embedder):
            read += [each for each in batch if isinstance(each, EmbeddedPhoto)]
            unread += [each for each in batch if isinstance(each, UnreadPhoto)]
            advance(len(batch))
    return read, unread
