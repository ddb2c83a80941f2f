"""The object store of a media folder: what is kept there is kept in the store first.

The door of fsspec, an optional extra. Which store it is stands in the folder itself, so that every
command and service finds it. What lacks in the folder is fetched when it is needed.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

from embedding.errors import FlukeprintError
from index.prefetch import prefetch
from index.progress import Progress, no_progress

MARK = "store.json"
_THREADS = 8  # a store answers slowly, and many at once
_AT_ONCE = 64


class BadStore(FlukeprintError):
    """An object store that can't be reached, or that isn't the folder's."""


class PhotoStore:
    """The objects below a URL, such as `s3://whales/photos`. Safe from several threads."""

    def __init__(self, url: str) -> None:
        """Find the store; nothing is asked of it yet. Raises BadStore."""
        try:
            import fsspec
        except ImportError as error:
            raise BadStore(_install(url)) from error
        self.url = url.rstrip("/")
        try:
            self._files, self._root = fsspec.url_to_fs(self.url)
        except ImportError as error:
            raise BadStore(_install(url)) from error
        except ValueError as error:
            raise BadStore(f"{url} names no object store: {error}") from error

    def put(self, name: str, data: bytes) -> None:
        """Keep an object. Raises BadStore."""
        with self._translating(f"{name} can't be kept in"):
            if "://" not in self.url or self.url.startswith("file:"):
                self._files.makedirs(f"{self._root}/{name}".rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(f"{self._root}/{name}", data)

    def get(self, name: str) -> bytes | None:
        """An object's bytes; None where there is none. Raises BadStore."""
        with (
            self._translating(f"{name} can't be read from"),
            contextlib.suppress(FileNotFoundError),
        ):
            return bytes(self._files.cat_file(f"{self._root}/{name}"))
        return None

    def names(self) -> set[str]:
        """The names of all objects. Raises BadStore."""
        with (
            self._translating("nothing can be listed in"),
            contextlib.suppress(FileNotFoundError),
        ):
            found: list[Any] = self._files.find(self._root)
            return {str(each).removeprefix(f"{self._root}/") for each in found}
        return set()

    @contextlib.contextmanager
    def _translating(self, what: str) -> Generator[None]:
        try:
            yield
        except Exception as error:
            # Each store raises errors of its own libraries.
            raise BadStore(
                f"{what} {self.url} ({type(error).__name__}: {error}): see that the store runs, "
                "and that address, bucket and credentials are right"
            ) from error


def choose_store(folder: Path, url: str, *, progress: Progress = no_progress) -> None:
    """Make a media folder the cache of a store, and bring there what lies in the folder already.

    Raises BadStore where the folder is another store's, and where the store can't be written.
    """
    there = store_of(folder)
    if there is not None and there.url != url.rstrip("/"):
        raise BadStore(
            f"the photos of {folder} are kept in {there.url}: give that as --media, or copy all "
            f"objects to {url} and write its URL into {folder / MARK}"
        )
    store = PhotoStore(url)
    store.put(MARK, json.dumps({"url": store.url}).encode())
    kept = store.names()
    left = [path for path in _photos_in(folder) if _name(folder, path) not in kept]

    def put(path: Path) -> None:
        store.put(_name(folder, path), path.read_bytes())

    with progress(len(left), "Copying photos to the store") as advance:
        for _ in prefetch(left, put, threads=_THREADS, most=_AT_ONCE):
            advance(1)
    if there is None:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".{MARK}.{os.getpid()}"
        unfinished.write_text(json.dumps({"url": store.url}) + "\n", "utf-8")
        unfinished.replace(folder / MARK)


def store_of(folder: Path) -> PhotoStore | None:
    """The store that a media folder is the cache of; None where it is none. Raises BadStore."""
    try:
        mark = json.loads((folder / MARK).read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadStore(f"{folder / MARK} can't be read ({error}); write the URL again") from error
    return PhotoStore(mark["url"])


def keep_in_store(folder: Path, path: Path, data: bytes) -> None:
    """Keep a photo in the folder's store, where it has one. Raises BadStore."""
    store = store_of(folder)
    if store is not None:
        store.put(_name(folder, path), data)


def fetch_photos(
    folder: Path, paths: Callable[[], Iterable[Path]], *, progress: Progress = no_progress
) -> None:
    """Fetch those of some photos that lack in the folder, and that its store has.

    Nothing is asked of a folder that is no store's cache. Raises BadStore.
    """
    store = store_of(folder)
    if store is None:
        return
    lacking = [path for path in paths() if path.is_relative_to(folder) and not path.exists()]

    def fetch(path: Path) -> None:
        data = store.get(_name(folder, path))
        if data is not None:
            _write(path, data)

    if lacking:
        with progress(len(lacking), "Fetching photos") as advance:
            for _ in prefetch(lacking, fetch, threads=_THREADS, most=_AT_ONCE):
                advance(1)


def _photos_in(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*/*") if path.is_file() and not path.name.startswith(".")]


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _write(path: Path, data: bytes) -> None:
    """Write a cached file whole; it can be fetched again, so nothing is flushed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(data)
    unfinished.replace(path)


def _install(url: str) -> str:
    return (
        f"photos in {url} need fsspec and what it needs for such URLs, which are not installed: "
        "install flukeprint with the extra `s3`, as in `pip install 'flukeprint[s3]'`"
    )
