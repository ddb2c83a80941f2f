"""The requests about jobs, and what the service says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx

from client.records.photos import Page
from client.records.service import (
    Calibration,
    CheckpointFile,
    Job,
    JobFault,
    Ready,
    ReportRow,
    Stats,
    Version,
)
from client.requests.request import Ask, act, get, given, page_of, record_of, rows_of
from client.requests.uploads import PhotoSource, sent_archive

PAGE_ROWS = 100


def start_job(
    kind: str, parameters: Mapping[str, object] | None = None, *, archive: PhotoSource | None = None
) -> Ask[Job]:
    """Queue a job, such as `identify` of a folder (`{"folder": "2026/may"}`) or of a zip
    (`archive`), or `reindex`.
    """
    given_parameters = dict(parameters or {})
    if archive is None:
        return act("/v1/jobs", record_of(Job), {"kind": kind, "parameters": given_parameters})
    form = {"kind": kind, "parameters": json.dumps(given_parameters)}
    files = (sent_archive(archive, "archive"),)
    return Ask("POST", "/v1/jobs", record_of(Job), "kept", form=form, files=files)


def jobs(
    cursor: str | None, *, state: str | None = None, page_rows: int = PAGE_ROWS
) -> Ask[Page[Job]]:
    """List jobs with their progress, the newest first."""
    return get(
        "/v1/jobs", page_of(Job, "jobs", "next_cursor"), state=state, limit=page_rows, cursor=cursor
    )


def job(id: int) -> Ask[Job]:
    """Tell a job's state, progress, rate and the time it still needs. Raises NotFound."""
    return get(f"/v1/jobs/{id}", record_of(Job))


def job_faults(cursor: str | None, id: int, *, page_rows: int = PAGE_ROWS) -> Ask[Page[JobFault]]:
    """List every file that a job could not use."""
    return get(
        f"/v1/jobs/{id}/errors",
        page_of(JobFault, "errors", "next_cursor"),
        limit=page_rows,
        cursor=cursor,
    )


def job_result(id: int) -> Ask[bytes]:
    """Give what a job made, as bytes: of `identify` a CSV.

    Raises Conflict where it has not succeeded.
    """
    return get(f"/v1/jobs/{id}/result", _content)


def job_report(
    cursor: str | None, id: int, *, status: str | None = None, page_rows: int = PAGE_ROWS
) -> Ask[Page[ReportRow]]:
    """List what an import did with each file and label or, of a dry run, what it would do."""
    read = page_of(ReportRow, "rows", "next_cursor")
    return get(f"/v1/jobs/{id}/report", read, status=status, limit=page_rows, cursor=cursor)


def delete_job(id: int) -> Ask[None]:
    """Remove a job that has ended, with its zip and its result; what it did to the catalogue
    stays.
    """
    return Ask("DELETE", f"/v1/jobs/{id}", lambda response: None, "once")


def cancel_job(id: int) -> Ask[Job]:
    """End a job: at once where it waits, at its next checkpoint where it runs."""
    return act(f"/v1/jobs/{id}/cancel", record_of(Job))


def resume_job(id: int) -> Ask[Job]:
    """Queue a failed, cancelled or interrupted job again; it goes on from its last checkpoint."""
    return act(f"/v1/jobs/{id}/resume", record_of(Job))


def job_events(id: int) -> Ask[str]:
    """Describe a job's stream of events, which is read line by line and not as a whole."""
    return get(f"/v1/jobs/{id}/events", lambda response: response.text)


def checkpoints() -> Ask[tuple[CheckpointFile, ...]]:
    """List the checkpoint files that the job `upgrade` may name.

    It needs a key with the role admin.
    """
    return get("/v1/checkpoints", rows_of(CheckpointFile, "checkpoints"))


def calibration(*, max_fpir: float | None = None) -> Ask[Calibration]:
    """Tell the thresholds and what others would cost; `asked` is the one for a wanted
    false-positive rate.
    """
    return get("/v1/calibration", record_of(Calibration), **given(max_fpir=max_fpir))


def stats() -> Ask[Stats]:
    """Count what the catalogue holds."""
    return get("/v1/stats", record_of(Stats))


def version() -> Ask[Version]:
    """Name the service's version and what it has loaded."""
    return get("/v1/version", record_of(Version))


def ready() -> Ask[Ready]:
    """Tell what is loaded. Raises ServerBusy while photos can't be sent yet."""
    return get("/readyz", record_of(Ready))


def healthy() -> Ask[bool]:
    """Claim that the service's process lives; it may still be loading."""
    return get("/healthz", lambda response: response.is_success)


def _content(response: httpx.Response) -> bytes:
    return response.content
