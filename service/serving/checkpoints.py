"""The checkpoints that a service may go over to, and the embedders that it keeps of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from embedding.checkpoint import (
    DEFAULT_CHECKPOINT,
    BadCheckpoint,
    CheckpointHeader,
    fingerprint_of,
    read_header,
)
from embedding.errors import FlukeprintError
from index.nodes.embedder import RayCluster, RayEmbedder
from index.nodes.places import PhotoPlaces
from index.photos.embed import FileEmbedder, PhotoEmbedder
from index.storage.originals import media_folder
from service.settings import Settings

SUFFIX = ".safetensors"
# What is served, and what was served before it: going back then takes no time.
_MOST_CACHED = 2


class NoCheckpoint(FlukeprintError):
    """A checkpoint that isn't where the service's operator lets them lie."""


@dataclass(frozen=True, slots=True)
class CheckpointFile:
    """A file of the folder.

    `title` is what the checkpoint calls itself; `fault`: why it can't be used.
    """

    name: str
    size_bytes: int
    title: str | None = None
    fingerprint: str | None = None
    fault: str | None = None


class Checkpoints:
    """Checkpoint files of one folder, by name and by fingerprint; safe from several threads.

    `load` makes an embedder of a file; what it raises is a FlukeprintError.
    """

    def __init__(
        self, settings: Settings, load: Callable[[Path], PhotoEmbedder] | None = None
    ) -> None:
        self.load: Callable[[Path], PhotoEmbedder] = load or (
            lambda path: load_embedder(path, settings)
        )
        self._settings = settings
        self._cache: dict[str, PhotoEmbedder] = {}
        self._fingerprints: dict[
            tuple[Path, int, int], str
        ] = {}  # by file, size and time: reading one takes a while
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """The files that may be named, sorted; none where no folder is set."""
        return [path.name for path in files_in(self._settings.checkpoints)]

    def files(self) -> list[CheckpointFile]:
        """Describe the files that may be named, sorted, also those that can't be used."""
        return [self._describe_file(path) for path in files_in(self._settings.checkpoints)]

    def path_of(self, name: str) -> Path:
        """The file of a name. Raises NoCheckpoint, and BadCheckpoint for a file that is none."""
        folder = self._settings.checkpoints
        if folder is None:
            raise NoCheckpoint(
                "no folder of checkpoints is set; the service's operator sets one with "
                "--checkpoints"
            )
        path = next((path for path in files_in(folder) if path.name == name), None)
        if path is None:
            there = ", ".join(self.names()[:10]) or "no checkpoint"
            raise NoCheckpoint(
                f"there is no {name} in the folder of checkpoints, which holds {there}"
            )
        _header_of(path)
        return path

    def _describe_file(self, path: Path) -> CheckpointFile:
        try:
            status = path.stat()
            title = _header_of(path).card.get("name")
            key = (path, status.st_size, status.st_mtime_ns)
            if key not in self._fingerprints:
                self._fingerprints[key] = fingerprint_of(path, self._settings.precision)
        except BadCheckpoint as error:
            return CheckpointFile(path.name, 0, fault=str(error))
        except OSError as error:
            return CheckpointFile(
                path.name, 0, fault=f"{path.name} can't be read ({error.strerror})"
            )
        return CheckpointFile(
            path.name,
            status.st_size,
            title if isinstance(title, str) else None,
            self._fingerprints[key],
        )

    def named(self, name: str) -> PhotoEmbedder:
        """The embedder of a file, loaded where it isn't kept.

        Raises NoCheckpoint, BadCheckpoint and others.
        """
        path = self.path_of(name)
        return self._cached_or_loaded(fingerprint_of(path, self._settings.precision), path)

    def of(self, fingerprint: str) -> PhotoEmbedder:
        """The embedder of a fingerprint, loaded where it isn't kept.

        Raises NoCheckpoint, BadCheckpoint and others.
        """
        cached = self._cache.get(fingerprint)
        if cached is not None:
            return cached
        path = find(self._settings, fingerprint)
        if path is None:
            raise NoCheckpoint(
                f"the checkpoint {fingerprint[:12]} is neither the one that the service was "
                "started with nor in the folder of checkpoints (--checkpoints); put its file "
                "there"
            )
        return self._cached_or_loaded(fingerprint, path)

    def for_job(self, embedder: PhotoEmbedder) -> FileEmbedder:
        """What embeds many photos as an embedder does: itself, or the cluster that is set.

        Raises BadRayCluster, BadStore and BadCheckpoint.
        """
        settings = self._settings
        if settings.embed_on is None:
            return embedder
        path = find(settings, embedder.fingerprint)
        if path is None:
            raise NoCheckpoint(
                f"the file of the checkpoint {embedder.fingerprint[:12]} is gone, so that no "
                "cluster can embed with it; put it back into the folder of checkpoints"
            )
        return RayEmbedder(
            RayCluster(
                settings.embed_on,
                PhotoPlaces.of(settings.nodes_read, media_folder(settings.address)),
            ),
            None if path == DEFAULT_CHECKPOINT else path,
            settings.runtime,
            settings.precision,
        )

    def keep(self, embedder: PhotoEmbedder) -> None:
        """Keep an embedder that may be needed again; the oldest of several is let go."""
        with self._lock:
            self._cache.pop(embedder.fingerprint, None)
            self._cache[embedder.fingerprint] = embedder
            for oldest in list(self._cache)[:-_MOST_CACHED]:
                del self._cache[oldest]

    def _cached_or_loaded(self, fingerprint: str, path: Path) -> PhotoEmbedder:
        cached = self._cache.get(fingerprint)
        embedder = self.load(path) if cached is None else cached
        if embedder.fingerprint != fingerprint:
            raise NoCheckpoint(f"the file {path.name} was changed while it was loaded; try again")
        self.keep(embedder)
        return embedder


def _header_of(path: Path) -> CheckpointHeader:
    """Read a header; an error names the file without its folder, as clients read it."""
    try:
        return read_header(path)
    except BadCheckpoint as error:
        raise BadCheckpoint(str(error).replace(str(path), path.name)) from error


def load_embedder(path: Path | None, settings: Settings) -> PhotoEmbedder:
    """Load a checkpoint (None: the one shipped with flukeprint); takes seconds through PyTorch.

    Raises BadCheckpoint, BadNetwork, BadGraphs, BadRuntime, and FlukeprintError for a device that
    isn't there.
    """
    from embedding.embedder import Embedder

    try:
        return Embedder.load(
            path,
            device=settings.device,
            runtime=settings.runtime,
            precision=settings.precision,
        )
    except RuntimeError as error:  # torch's error for a device that is unknown or absent
        raise FlukeprintError(
            f"the checkpoint can't be loaded on {settings.device or 'this device'}: {error}"
        ) from error


def files_in(folder: Path | None) -> list[Path]:
    """List the checkpoint files in a folder, sorted; links out of it are ignored."""
    if folder is None or not folder.is_dir():
        return []
    there = folder.resolve()
    return sorted(
        path
        for path in there.glob(f"*{SUFFIX}")
        if path.is_file() and path.resolve().parent == there
    )


def find(settings: Settings, fingerprint: str) -> Path | None:
    """Find the file of a fingerprint: the start's own, or one of the checkpoint folder."""
    started_with = settings.checkpoint or DEFAULT_CHECKPOINT
    paths = [path for path in (started_with, *files_in(settings.checkpoints)) if path.is_file()]
    return next(
        (path for path in paths if fingerprint_of(path, settings.precision) == fingerprint), None
    )
