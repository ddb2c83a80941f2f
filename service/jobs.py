"""The service's jobs put together: the record, the thread, the folder, and the kinds of job there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel

from index.access.roles import Role
from index.catalogue import Catalogue
from index.exchange.archive import ArchiveLimits
from index.jobs.records import STATES, Job, JobPage, JobState
from index.jobs.store import JobStore
from service.job_folder import JobFolder
from service.job_identify import IdentifyPlace, identify_photos
from service.job_photos import allowed_folder
from service.job_reindex import ReindexPlace, reindex
from service.job_runner import JobFunction, JobRunner
from service.job_schemas import IdentifyJob, ReindexJob
from service.serving import Service
from service.settings import Settings

ROLES: dict[str, Role] = {"identify": "contribute", "reindex": "curate"}
PARAMETERS: dict[str, type[BaseModel]] = {"identify": IdentifyJob, "reindex": ReindexJob}
"""What may be asked for by kind. A further kind is a line in each of the two and one in `open_jobs`."""


class JobDesk:
    """What the routes ask: jobs are queued, watched and stopped here. Start it once something is served.

    Made, it tidies up after a service that died: uploads that no job needs are removed.
    """

    def __init__(
        self,
        store: JobStore,
        kinds: Mapping[str, JobFunction],
        folder: JobFolder,
        photo_root: Path,
        *,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.store = store
        self.folder = folder
        self.photo_root = photo_root
        self.runner = JobRunner(store, kinds)
        self._close = close
        # Here and not at the start: from now on an upload may be kept whose job is queued a moment later.
        folder.forget_all_but(self._uploads_in_use())

    def start(self) -> None:
        """Run what waits."""
        self.runner.start()

    def stop(self) -> None:
        """Pause the running job, which goes on at the next start."""
        self.runner.stop()
        self._close()

    def ask(
        self, kind: str, parameters: BaseModel, *, archive: BinaryIO | None = None, asked_by: str | None = None
    ) -> Job:
        """Queue a job, keeping the zip that came with it.

        Raises JobsBusy, BadJobFolder, and BadSource for a folder that may not be read.
        """
        given = parameters.model_dump(exclude_none=True)
        if isinstance(parameters, IdentifyJob) and parameters.folder is not None:
            allowed_folder(parameters.folder, self.photo_root)
        if archive is not None:
            given["upload"] = self.folder.keep(archive)
        try:
            job = self.store.create(kind, given, asked_by=asked_by)
        except BaseException:
            if archive is not None:
                self.folder.forget(given["upload"])
            raise
        self.runner.wake()
        return job

    def page(self, *, limit: int, cursor: int | None, state: JobState | None) -> JobPage:
        """Jobs, newest first, with the progress that this process knows of."""
        page = self.store.page(limit=limit, cursor=cursor, state=state)
        return JobPage(tuple(self.runner.seen(job) for job in page.jobs), page.next_cursor)

    def resume(self, job_id: int) -> Job:
        """Queue a job again, from its checkpoint. Raises NoSuchJob, WrongState and JobsBusy."""
        job = self.store.resume(job_id)
        self.runner.wake()
        return job

    def _uploads_in_use(self) -> set[str]:
        """The uploads of every job that may still be resumed."""
        used: set[str] = set()
        for state in STATES:
            cursor: int | None = None
            while state != "succeeded":
                page = self.store.page(limit=500, cursor=cursor, state=state)
                used |= {str(job.parameters["upload"]) for job in page.jobs if "upload" in job.parameters}
                cursor = page.next_cursor
                if cursor is None:
                    break
        return used


def open_jobs(settings: Settings, service: Service, *, on_revision: Callable[[], None] = lambda: None) -> JobDesk:
    """Open the jobs of the settings' catalogue, in whose database they are recorded.

    `on_revision` is called, in the jobs' thread, when a job has given the catalogue a new revision. Raises BadJobs,
    BadCatalogue and BadJobFolder.
    """
    catalogue = Catalogue.open(settings.catalogue)
    folder = JobFolder(catalogue.path.with_name(f"{catalogue.path.name}.jobs"))
    photo_root = (settings.job_photos or catalogue.path.parent).resolve()
    # Photos hardly pack: what unpacks to twenty times its size is no season's photos.
    limits = ArchiveLimits(max_entry_bytes=settings.max_upload_bytes, max_total_bytes=20 * settings.max_upload_bytes)
    identifying = IdentifyPlace(service.ready, folder, photo_root, service.limits, limits)
    reindexing = ReindexPlace(service.ready, catalogue.path, on_revision)
    kinds: dict[str, Callable[..., dict[str, Any]]] = {
        "identify": partial(identify_photos, identifying),
        "reindex": partial(reindex, reindexing),
    }
    return JobDesk(JobStore(catalogue.engine), kinds, folder, photo_root, close=catalogue.close)
