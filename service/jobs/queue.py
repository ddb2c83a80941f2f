"""The service's jobs: their record, thread and folder, and the kinds that there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from pydantic import BaseModel
from starlette.requests import Request

from index.access.roles import Role
from index.catalogue.catalogue import Catalogue
from index.exchange.importing.archive import ArchiveLimits
from index.jobs.records import Job, JobPage, JobState
from index.jobs.store import JobStore
from index.storage.address import sibling_folder
from service.http.problems import NOT_READY, ProblemError
from service.jobs.checks import ParameterChecks
from service.jobs.folder import ArrivingUpload, JobFolder
from service.jobs.kinds.export import ExportPlace, export
from service.jobs.kinds.identify import IdentifyPlace, identify_photos
from service.jobs.kinds.importing import ImportPlace, import_photos
from service.jobs.kinds.queue_intake import Act, QueuePlace
from service.jobs.kinds.reindex import ReindexPlace, reindex
from service.jobs.kinds.upgrade import UpgradePlace, upgrade
from service.jobs.runner import JobFunction, JobRunner
from service.schemas.jobs import ExportJob, IdentifyJob, ImportJob, ReindexJob, UpgradeJob
from service.serving.service import Service
from service.settings import Settings


class JobKind(NamedTuple):
    """What a client may send for one kind of job, and the role that it needs."""

    parameters: type[BaseModel]
    role: Role
    takes_zip: bool = False


# A further kind is a line here and one in `open_jobs`.
KINDS = {
    "identify": JobKind(IdentifyJob, "contribute", takes_zip=True),
    "reindex": JobKind(ReindexJob, "curate"),
    "upgrade": JobKind(UpgradeJob, "admin"),
    "import": JobKind(ImportJob, "curate", takes_zip=True),
    "export": JobKind(ExportJob, "contribute"),
}

# Younger files may belong to a job that is being queued just now, here or by another service.
_SETTLED = timedelta(hours=1)


class JobQueue:
    """Queues, lists and stops jobs.

    Start it once something is served.
    """

    def __init__(
        self,
        store: JobStore,
        kinds: Mapping[str, JobFunction],
        folder: JobFolder,
        checks: ParameterChecks,
        *,
        keep: timedelta = timedelta(days=30),
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.store = store
        self.folder = folder
        self.runner = JobRunner(store, kinds, tidy=self.tidy)
        self._checks = checks
        self._keep = keep
        self._close = close

    def start(self) -> None:
        """Run what waits."""
        self.runner.start()

    def stop(self) -> None:
        """Pause the running job, which goes on at the next start."""
        self.runner.stop()
        self._close()

    def submit(
        self,
        kind: str,
        parameters: BaseModel,
        *,
        archive: ArrivingUpload | None = None,
        asked_by: str | None = None,
    ) -> Job:
        """Queue a job, keeping the zip that came with it.

        Raises JobsBusy, BadJobFolder, and an `invalid` problem for a bad parameter.
        """
        stored = {**parameters.model_dump(exclude_none=True), **self._checks.complete(parameters)}
        if archive is not None:
            stored["upload"] = self.folder.keep(archive)
        try:
            job = self.store.create(kind, stored, asked_by=asked_by)
        except BaseException:
            if archive is not None:
                self.folder.forget(stored["upload"])
            raise
        self.runner.wake()
        return job

    def page(self, *, limit: int, cursor: int | None, state: JobState | None) -> JobPage:
        """Jobs, newest first, with the progress that this process knows of."""
        page = self.store.page(limit=limit, cursor=cursor, state=state)
        return JobPage(
            tuple(self.runner.with_live_progress(job) for job in page.jobs), page.next_cursor
        )

    def resume(self, job_id: int) -> Job:
        """Queue a job again, from its checkpoint. Raises NoSuchJob, WrongState and JobsBusy."""
        job = self.store.resume(job_id)
        self.runner.wake()
        return job

    def delete(self, job_id: int) -> None:
        """Remove a job that has ended, with its files.

        Raises NoSuchJob, WrongState and JobsBusy.
        """
        removed = self.store.delete(job_id)
        self.folder.forget_results(job_id)
        upload = removed.parameters.get("upload")
        if upload is not None and upload not in _uploads(
            self.store.in_use(self.store.time - self._keep)
        ):
            self.folder.forget(str(upload))

    def tidy(self) -> None:
        """Remove the files of jobs that ended too long ago, and of jobs that are no more."""
        needed = self.store.in_use(self.store.time - self._keep)
        settled = time.time() - _SETTLED.total_seconds()
        self.folder.forget_all_but(_uploads(needed), older_than=settled)
        self.folder.forget_all_results_but({job.id for job in needed}, older_than=settled)


def _uploads(jobs: Sequence[Job]) -> set[str]:
    """The uploads that may still be read: of jobs that didn't succeed, and of imports' dry runs."""
    return {
        str(job.parameters["upload"])
        for job in jobs
        if "upload" in job.parameters
        and (job.state != "succeeded" or (job.kind == "import" and "dry_run" not in job.parameters))
    }


def open_jobs(
    settings: Settings,
    service: Service,
    *,
    on_revision: Callable[[], None] = lambda: None,
    act: Act | None = None,
) -> JobQueue:
    """Open the jobs of the settings' catalogue, in whose database they are recorded.

    `on_revision` is called, in the jobs' thread, when a job has given the catalogue a new revision.
    `act` does an act on the served catalogue; None: no job puts photos into the queue. Raises
    BadJobs, BadCatalogue and BadJobFolder.
    """
    catalogue = Catalogue.open(settings.address)
    folder = JobFolder(sibling_folder(catalogue.address, "jobs"))
    photo_root = (settings.job_photos or catalogue.folder).resolve()
    # Photos hardly pack: what unpacks to more than twice its size is no season's photos.
    limits = ArchiveLimits(
        max_entry_bytes=settings.max_upload_bytes, max_total_bytes=2 * settings.max_archive_bytes
    )
    queue = None if act is None else QueuePlace(catalogue, act)
    identifying = IdentifyPlace(service.ready, folder, photo_root, service.limits, limits, queue)
    reindexing = ReindexPlace(
        service.ready, catalogue.address, on_revision, service.checkpoints.for_job
    )
    upgrading = UpgradePlace(service.ready, catalogue.address, service.checkpoints, on_revision)
    importing = ImportPlace(service.ready, catalogue.address, folder, limits, on_revision)
    kinds: dict[str, Callable[..., dict[str, Any]]] = {
        "identify": partial(identify_photos, identifying),
        "reindex": partial(reindex, reindexing),
        "upgrade": partial(upgrade, upgrading),
        "import": partial(import_photos, importing),
        "export": partial(export, ExportPlace(catalogue.address, folder)),
    }
    store = JobStore(catalogue.engine, lease=timedelta(seconds=settings.job_lease_seconds))
    return JobQueue(
        store,
        kinds,
        folder,
        ParameterChecks(store, folder, photo_root, service.checkpoints),
        keep=timedelta(days=settings.keep_jobs_days),
        close=catalogue.close,
    )


def job_queue_of(request: Request) -> JobQueue:
    """Find the jobs of the service. Raises ProblemError where it has none."""
    job_queue = request.app.state.jobs
    if job_queue is None:
        raise ProblemError(
            NOT_READY,
            "The jobs are not open: still being loaded, or the catalogue can't be written (see "
            "the log).",
        )
    assert isinstance(job_queue, JobQueue)
    return job_queue
