"""Where the nodes of a cluster read a photo: at its own path, below another folder, or by a URL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from embedding.errors import FlukeprintError
from index.objects.photo_store import store_of


class BadRayCluster(FlukeprintError):
    """A cluster that can't be used: not reached, other software on its nodes, or gone."""


class PhotoPlace(NamedTuple):
    """Where nodes read a photo: a path of theirs, or a name below the URL of a store or server."""

    path: str
    url: str | None = None

    @property
    def whole(self) -> Path:
        """What errors of the node call the photo."""
        return Path(self.path if self.url is None else f"{self.url}/{self.path}")


@dataclass(frozen=True, slots=True)
class PhotoPlaces:
    """Where the nodes find photos: those below `folder` at `place`, all others at their own paths.

    Those of `media`, a folder that is an object store's cache, are read from that store.
    """

    folder: Path | None = None
    place: str | None = None
    media: Path | None = None
    store_url: str | None = None

    @classmethod
    def of(cls, nodes_read: str | None, media: Path) -> PhotoPlaces:
        """Read `FOLDER=PLACE`, and look whether the media folder is the cache of a store.

        Raises BadRayCluster, and BadStore for a mark of a store that can't be read.
        """
        folder, _, place = (nodes_read or "").rpartition("=")
        if nodes_read is not None and not (folder and place):
            raise BadRayCluster(
                f"{nodes_read!r} doesn't say where the nodes read photos: give FOLDER=PLACE, a "
                "folder here and where the nodes find it: another folder, s3://BUCKET/PREFIX or "
                "http://HOST/PATH"
            )
        store = store_of(media)
        return cls(
            Path(folder).resolve() if folder else None,
            place.rstrip("/") if place else None,
            media.resolve() if store is not None else None,
            store.url if store is not None else None,
        )

    def of_photo(self, path: Path) -> PhotoPlace:
        """Where the nodes read the photo that is at a path here."""
        for folder, place in ((self.folder, self.place), (self.media, self.store_url)):
            if folder is not None and place is not None and path.is_relative_to(folder):
                name = path.relative_to(folder).as_posix()
                is_url = "://" in place
                return PhotoPlace(name, place) if is_url else PhotoPlace(f"{place}/{name}")
        return PhotoPlace(str(path))
