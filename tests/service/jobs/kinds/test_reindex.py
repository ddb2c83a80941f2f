"""The re-index job: the catalogue is brought up to date while the service answers, and the swap is
called for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from index.catalogue.catalogue import Catalogue
from index.jobs.records import Job
from index.jobs.store import JobStore
from index.labels.labelled_photo import LabelledPhoto
from index.labels.reader import read_labels
from index.photos.embed import EmbeddedPhoto, UnreadPhoto, embed_photos
from index.reindex.build import build_catalogue
from index.storage.connection import open_engine
from service.jobs.kinds.reindex import ReindexPlace, reindex
from service.jobs.runner import JobRunner
from service.serving.service import Serving


class Season:
    """A catalogue of two whales with two photos each, and the service's view of it."""

    def __init__(
        self, folder: Path, embedder: Any, serving: Serving, photo: Callable[..., bytes]
    ) -> None:
        embedder.input_px = 8
        self.photos = folder / "season"
        for whale, angles in {"w_1": (0, 10), "w_2": (80, 90)}.items():
            (self.photos / whale).mkdir(parents=True)
            for angle in angles:
                (self.photos / whale / f"{angle}.png").write_bytes(photo(angle))
        self.catalogue = folder / "season.db"
        build_catalogue(self.catalogue, read_labels(None, self.photos), embedder)
        self.serving, self.embedder = serving, embedder
        self.swaps: list[int] = []
        self.elsewhere: Callable[[Any], Any] = lambda embedder: embedder
        self.swap()
        self.swaps.clear()
        self.store = JobStore(open_engine(self.catalogue))

    def swap(self) -> None:
        with Catalogue.open(self.catalogue) as catalogue:
            gallery, calibration = catalogue.searchable()
        identifier = type(self.serving.identifier)(self.embedder, gallery, calibration)
        self.serving = replace(self.serving, identifier=identifier)
        self.swaps.append(gallery.revision)

    def runner(self) -> JobRunner:
        place = ReindexPlace(lambda: self.serving, self.catalogue, self.swap, self.elsewhere)
        return JobRunner(
            self.store, {"reindex": lambda context: reindex(place, context)}, poll_seconds=0.01
        )

    def run(self, **parameters: Any) -> Job:
        job = self.store.create("reindex", parameters)
        runner = self.runner()
        runner.start()
        deadline = time.monotonic() + 120
        while not self.store.get(job.id).has_ended:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        runner.stop()
        return self.store.get(job.id)


@pytest.fixture
def season(tmp_path: Path, embedder: Any, serving: Serving, photo: Callable[..., bytes]) -> Season:
    return Season(tmp_path, embedder, serving, photo)


def test_changed_photos_are_embedded_and_the_new_revision_is_called_for(
    season: Season, photo: Callable[..., bytes]
) -> None:
    before = season.serving.identifier.gallery.revision
    (season.photos / "w_1" / "0.png").write_bytes(photo(5, (16, 16)))
    job = season.run()
    assert job.state == "succeeded", job.reason
    assert job.result is not None
    assert (job.result["reembedded"], job.result["unchanged"], job.result["is_new_revision"]) == (
        1,
        3,
        True,
    )
    assert season.swaps == [job.result["revision"]]
    assert job.result["revision"] > before


def test_nothing_to_do_swaps_nothing(season: Season) -> None:
    job = season.run(rehash=True)
    assert job.result is not None
    assert (job.result["is_new_revision"], job.result["unchanged"], season.swaps) == (False, 4, [])


def test_a_revision_that_a_killed_start_has_committed_is_still_called_for(
    season: Season, photo: Callable[..., bytes]
) -> None:
    season.serving.identifier.gallery.revision -= 1
    job = season.run()
    assert job.result is not None
    assert (job.result["is_new_revision"], season.swaps) == (False, [job.result["revision"]])


class Distant:
    """Embeds elsewhere, as a cluster does, and counts."""

    def __init__(self, embedder: Any) -> None:
        self.fingerprint = embedder.fingerprint
        self.embedder = embedder
        self.embedded = 0

    def embed_files(
        self, photos: Iterable[LabelledPhoto]
    ) -> Generator[list[EmbeddedPhoto | UnreadPhoto]]:
        yield []  # nothing has come yet
        for batch in embed_photos(list(photos), self.embedder):
            self.embedded += len(batch)
            yield batch


def test_changed_photos_are_embedded_elsewhere_where_that_is_set(
    season: Season, photo: Callable[..., bytes]
) -> None:
    distant = Distant(season.embedder)
    season.elsewhere = lambda embedder: distant
    (season.photos / "w_1" / "0.png").write_bytes(photo(5, (16, 16)))
    (season.photos / "w_2" / "80.png").write_bytes(b"torn")
    job = season.run()
    assert job.result is not None
    assert (job.result["reembedded"], job.result["unreadable"], distant.embedded) == (1, 1, 2)


def test_an_unreadable_photo_is_told_and_kept(season: Season) -> None:
    (season.photos / "w_2" / "80.png").write_bytes(b"torn")
    job = season.run()
    assert job.state == "succeeded", job.reason
    (fault,) = season.store.faults(job.id).faults
    assert fault.file == "w_2/80.png"
    with Catalogue.open(season.catalogue) as catalogue:
        assert len(catalogue.photos()) == 4


def test_cancelling_in_the_middle_changes_nothing(
    season: Season, photo: Callable[..., bytes]
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        assert go_on.wait(60)

    (season.photos / "w_1" / "0.png").write_bytes(photo(5, (16, 16)))
    season.embedder.before_embedding = wait
    job = season.store.create("reindex", {})
    runner = season.runner()
    runner.start()
    assert reached.wait(60)
    # SQLite's one writer is the job itself, so that the wish is known in memory alone until it lets
    # go.
    wish = threading.Thread(target=runner.cancel, args=(job.id,))
    wish.start()
    until_wished = time.monotonic() + 60
    while not runner.get(job.id).is_cancel_requested:
        assert time.monotonic() < until_wished
        time.sleep(0.005)
    go_on.set()
    wish.join()
    while not season.store.get(job.id).has_ended:
        assert time.monotonic() < until_wished
        time.sleep(0.005)
    runner.stop()
    assert season.store.get(job.id).state == "cancelled"
    assert season.swaps == []
    with Catalogue.open(season.catalogue) as catalogue:
        assert catalogue.revision == season.serving.identifier.gallery.revision
