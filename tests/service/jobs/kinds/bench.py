"""A store, a folder of photos and what is served, put together for one kind of job."""

from __future__ import annotations

import csv
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embedding.photos.photo import PhotoLimits
from index.catalogue.catalogue import Catalogue
from index.exchange.importing.archive import ArchiveLimits
from index.identification.identifier import Identifier
from index.jobs.records import Job
from index.jobs.store import JobStore
from index.storage.connection import open_engine
from service.jobs.folder import JobFolder
from service.jobs.kinds.identify import IdentifyPlace, identify_photos
from service.jobs.runner import JobRunner
from service.serving.service import Serving


class JobBench:
    """A store, a folder of photos and what is served, put together for one kind of job."""

    def __init__(self, tmp_path: Path, serving: Serving, photo: Callable[..., bytes]) -> None:
        self.photos = tmp_path / "photos"
        self.photos.mkdir()
        self.photo = photo
        self.folder = JobFolder(tmp_path / "catalogue.jobs")
        Catalogue.open(tmp_path / "catalogue.db", create=True).close()
        self.store = JobStore(open_engine(tmp_path / "catalogue.db"))
        self.serving = serving
        self.place = IdentifyPlace(
            lambda: self.serving,
            self.folder,
            tmp_path,
            PhotoLimits(100_000),
            ArchiveLimits(max_entries=50),
        )

    def serve(self, identifier: Identifier) -> None:
        self.serving = Serving(identifier, self.serving.photos)

    def draw(self, *angles: int) -> None:
        for number, angle in enumerate(angles):
            (self.photos / f"{number:03}.png").write_bytes(self.photo(angle))

    def zipped(self, entries: dict[str, bytes]) -> str:
        path = self.photos.parent / "sent.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in entries.items():
                archive.writestr(name, data)
        with path.open("rb") as file:
            return self.folder.copy(file)

    def run(self, **parameters: Any) -> Job:
        job = self.store.create("identify", parameters)
        self.go_on(job.id)
        return self.store.get(job.id)

    def go_on(
        self, job_id: int, *, is_over: Callable[[Job], bool] = lambda job: job.has_ended
    ) -> None:
        runner = JobRunner(
            self.store,
            {"identify": lambda context: identify_photos(self.place, context)},
            poll_seconds=0.01,
        )
        runner.start()
        deadline = time.monotonic() + 120
        while not is_over(self.store.get(job_id)):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        runner.stop()

    def rows(self, job: Job) -> list[dict[str, str]]:
        with self.folder.result(job.id).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def faults(self, job: Job) -> dict[str, str]:
        return {fault.file: fault.reason for fault in self.store.faults(job.id).faults}
