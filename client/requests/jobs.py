"""The requests about jobs, calibration, counts and the service's state."""

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
    TablePreview,
    Version,
)
from client.requests.request import (
    ServiceRequest,
    get,
    page_of,
    post,
    record_of,
    rows_of,
    without_empty,
)
from client.requests.uploads import PhotoSource, archive_upload

PAGE_ROWS = 100


def start_job(
    kind: str, parameters: Mapping[str, object] | None = None, *, archive: PhotoSource | None = None
) -> ServiceRequest[Job]:
    """Queue a job, such as `reindex` or `identify`.

    `identify` takes a folder of the service (`{"folder": "2026/may"}`), or a zip as `archive`. With
    `{"review": True}` the photos and answers come into the review queue as well.
    """
    values = dict(parameters or {})
    if archive is None:
        return post("/v1/jobs", record_of(Job), {"kind": kind, "parameters": values})
    form = {"kind": kind, "parameters": json.dumps(values)}
    files = (archive_upload(archive, "archive"),)
    return ServiceRequest("POST", "/v1/jobs", record_of(Job), "keyed", form=form, files=files)


def jobs(
    cursor: str | None, *, state: str | None = None, page_rows: int = PAGE_ROWS
) -> ServiceRequest[Page[Job]]:
    """List the jobs with their progress, the newest first."""
    return get(
        "/v1/jobs", page_of(Job, "jobs", "next_cursor"), state=state, limit=page_rows, cursor=cursor
    )


def job(id: int) -> ServiceRequest[Job]:
    """Read a job's state, progress, rate and remaining time. Raises NotFound."""
    return get(f"/v1/jobs/{id}", record_of(Job))


def job_faults(
    cursor: str | None, id: int, *, page_rows: int = PAGE_ROWS
) -> ServiceRequest[Page[JobFault]]:
    """List the files that a job did not use, each with the reason."""
    return get(
        f"/v1/jobs/{id}/errors",
        page_of(JobFault, "errors", "next_cursor"),
        limit=page_rows,
        cursor=cursor,
    )


def job_result(id: int) -> ServiceRequest[bytes]:
    """Read a job's result as bytes; that of `identify` is a CSV.

    Raises Conflict where the job has not succeeded.
    """
    return get(f"/v1/jobs/{id}/result", _content)


def job_report(
    cursor: str | None, id: int, *, status: str | None = None, page_rows: int = PAGE_ROWS
) -> ServiceRequest[Page[ReportRow]]:
    """List what an import did with each file and label, or would do, after a dry run."""
    read = page_of(ReportRow, "rows", "next_cursor")
    return get(f"/v1/jobs/{id}/report", read, status=status, limit=page_rows, cursor=cursor)


def job_table(id: int) -> ServiceRequest[TablePreview]:
    """Read the head of a table whose columns an import's dry run didn't know.

    Then start a job `import` with `again`, the job's number, and `columns`. Raises NotFound.
    """
    return get(f"/v1/jobs/{id}/table", record_of(TablePreview))


def delete_job(id: int) -> ServiceRequest[None]:
    """Remove a job that has ended, with its zip and its result.

    Its changes to the catalogue stay.
    """
    return ServiceRequest("DELETE", f"/v1/jobs/{id}", lambda response: None, "never")


def cancel_job(id: int) -> ServiceRequest[Job]:
    """Cancel a job: a queued one at once, a running one at its next safe point."""
    return post(f"/v1/jobs/{id}/cancel", record_of(Job))


def resume_job(id: int) -> ServiceRequest[Job]:
    """Queue a failed, cancelled or interrupted job again; it goes on where it stopped."""
    return post(f"/v1/jobs/{id}/resume", record_of(Job))


def job_events(id: int) -> ServiceRequest[str]:
    """Describe the request for a job's stream of events."""
    return get(f"/v1/jobs/{id}/events", lambda response: response.text)


def checkpoints() -> ServiceRequest[tuple[CheckpointFile, ...]]:
    """List the checkpoint files that the job `upgrade` may name; needs the role admin."""
    return get("/v1/checkpoints", rows_of(CheckpointFile, "checkpoints"))


def calibration(*, max_fpir: float | None = None) -> ServiceRequest[Calibration]:
    """Read the thresholds and the error rates of others.

    With `max_fpir`, the answer's `asked` is the threshold for that false-positive rate.
    """
    return get("/v1/calibration", record_of(Calibration), **without_empty(max_fpir=max_fpir))


def stats() -> ServiceRequest[Stats]:
    """Count what the catalogue holds."""
    return get("/v1/stats", record_of(Stats))


def version() -> ServiceRequest[Version]:
    """Read the service's version and which checkpoint and catalogue revision it has loaded."""
    return get("/v1/version", record_of(Version))


def ready() -> ServiceRequest[Ready]:
    """Read what is loaded. Raises ServerBusy while the service can't answer about photos yet."""
    return get("/readyz", record_of(Ready))


def healthy() -> ServiceRequest[bool]:
    """Check that the service's process is alive; it may still be loading."""
    return get("/healthz", lambda response: response.is_success)


def _content(response: httpx.Response) -> bytes:
    return response.content
