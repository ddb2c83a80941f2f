"""What a job's parameters name is checked when the job is sent, before it waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from embedding.checkpoint import BadCheckpoint
from index.jobs.records import Job, NoSuchJob
from index.jobs.store import JobStore
from service.http.problems import Fault, ProblemError, invalid
from service.jobs.folder import JobFolder
from service.jobs.kinds.photos import BadSource, allowed_folder
from service.schemas.jobs import IdentifyJob, ImportJob, UpgradeJob
from service.serving.checkpoints import Checkpoints, NoCheckpoint


class ParameterChecks:
    """Looks up the folders, checkpoints and dry runs that parameters name."""

    def __init__(
        self, store: JobStore, folder: JobFolder, photo_root: Path, checkpoints: Checkpoints
    ) -> None:
        self._store = store
        self._folder = folder
        self._photo_root = photo_root
        self._checkpoints = checkpoints

    def complete(self, parameters: BaseModel) -> dict[str, Any]:
        """Return the parameters that follow from those that were sent.

        Raises an `invalid` problem for a parameter that names nothing.
        """
        if isinstance(parameters, IdentifyJob) and parameters.folder is not None:
            self._check_folder(parameters.folder)
        if isinstance(parameters, UpgradeJob):
            self._check_checkpoint(parameters.checkpoint)
        if isinstance(parameters, ImportJob) and parameters.dry_run is not None:
            job = self._dry_run("dry_run", parameters.dry_run)
            if (job.result or {}).get("table"):
                raise _bad(
                    "dry_run",
                    f"job {job.id} has a table whose columns aren't known; send `again` with "
                    f"{job.id}, and `columns`",
                )
            return {name: value for name, value in job.parameters.items() if name != "again"}
        if isinstance(parameters, ImportJob) and parameters.again is not None:
            return {"upload": self._dry_run("again", parameters.again).parameters["upload"]}
        return {}

    def _check_folder(self, name: str) -> None:
        try:
            allowed_folder(name, self._photo_root)
        except BadSource as error:
            raise _bad("folder", str(error)) from error

    def _check_checkpoint(self, name: str) -> None:
        try:
            self._checkpoints.path_of(name)
        except (NoCheckpoint, BadCheckpoint) as error:
            raise _bad("checkpoint", str(error)) from error

    def _dry_run(self, field: str, dry_run: int) -> Job:
        """The job of a dry run whose zip is still there."""
        try:
            job = self._store.get(dry_run)
        except NoSuchJob as error:
            raise _bad(field, f"there is no job {dry_run}") from error
        if job.kind != "import" or "dry_run" in job.parameters or job.state != "succeeded":
            raise _bad(field, f"job {dry_run} is no dry run of an import that has succeeded")
        if not self._folder.upload(str(job.parameters["upload"])).is_file():
            raise _bad(field, f"the zip of job {dry_run} is no longer kept; send it again")
        return job


def _bad(field: str, reason: str) -> ProblemError:
    return invalid(Fault(field=field, reason=reason))
