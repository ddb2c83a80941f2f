"""What goes in and out about jobs as JSON, with the examples that /docs shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from index.exchange.exporting.formats import Format
from index.exchange.importing.plan import Duplicates, Status
from index.jobs.records import FaultPage, JobPage
from index.jobs.records import Job as StoredJob
from index.labels.forms.columns import check_columns
from index.labels.labelled_photo import BadLabels, BoxOrientation
from index.sightings.selection import BadSelection, Selection
from service.schemas.identify import ANIMAL_THRESHOLD_DESCRIPTION, DEFAULT_K, MAX_K

JobStateName = Literal["queued", "running", "succeeded", "failed", "cancelled", "interrupted"]


ColumnField = Annotated[str, StringConstraints(max_length=20)]
ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=500)]

_JOB_EXAMPLE: dict[str, Any] = {
    "id": 12,
    "kind": "identify",
    "parameters": {"folder": "2026/may", "k": 5},
    "state": "running",
    "asked_by": None,
    "asked_at": "2026-05-30T18:02:11.520Z",
    "started_at": "2026-05-30T18:02:11.544Z",
    "ended_at": None,
    "done": 320,
    "total": 1200,
    "rate": 21.4,
    "eta_seconds": 41.1,
    "error_count": 2,
    "is_cancel_requested": False,
    "reason": None,
    "result": None,
    "queue_upload": None,
}
_JOBS_EXAMPLE: dict[str, Any] = {"jobs": [_JOB_EXAMPLE], "next_cursor": "12"}
_JOB_ERRORS_EXAMPLE: dict[str, Any] = {
    "errors": [
        {
            "file": "may/notes.jpg",
            "reason": "may/notes.jpg: not a photo, whatever its name says: it holds text",
        }
    ],
    "next_cursor": None,
}


_REPORT_EXAMPLE: dict[str, Any] = {
    "rows": [
        {
            "photo": "may/IMG_0412.jpg",
            "status": "skipped",
            "reason": "the same file as 2025/fluke_12.jpg",
            "individual": "w_0012",
            "like": "2025/fluke_12.jpg",
            "like_individual": "w_0012",
        }
    ],
    "next_cursor": None,
}


class IdentifyJob(BaseModel):
    """The parameters of an `identify` job."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    folder: str | None = Field(
        None,
        min_length=1,
        max_length=4096,
        description="A folder of the service's machine, from `--job-photos` on.",
    )
    upload: str | None = Field(
        None, pattern="^[0-9a-f]{32}$", description="The zip that was sent; set by the service."
    )
    k: int = Field(
        DEFAULT_K, ge=1, le=MAX_K, description="How many individuals to rank for each photo."
    )
    max_fpir: float | None = Field(
        None, gt=0, lt=1, description="The share of unknown animals that may pass as `known`."
    )
    threshold: float | None = Field(
        None,
        ge=0,
        le=2,
        description="The distance beyond which the answer is `new_whale`. Not together with "
        "max_fpir.",
    )
    animal_threshold: float | None = Field(
        None, ge=0, le=1, description=ANIMAL_THRESHOLD_DESCRIPTION
    )
    review: bool = Field(
        False,
        description="Take the photos into the catalogue, as `POST /v1/queue` does, and put them "
        "into the review queue with their answers. Not together with thresholds of your own.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> IdentifyJob:
        if self.max_fpir is not None and self.threshold is not None:
            raise ValueError(
                "give either max_fpir or threshold, not both: each sets the distance that decides"
            )
        if (self.folder is None) == (self.upload is None):
            raise ValueError(
                "give either folder (parameters) or archive (a zip, as multipart/form-data)"
            )
        if self.review and (self.max_fpir, self.threshold, self.animal_threshold) != (None,) * 3:
            raise ValueError(
                "give no max_fpir, threshold or animal_threshold together with review: the queue "
                "answers by the catalogue's own thresholds"
            )
        return self


class ReindexJob(BaseModel):
    """The parameters of a `reindex` job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rehash: bool = Field(
        False,
        description="Compare every file's content, also where size and time are as they were.",
    )


class UpgradeJob(BaseModel):
    """The parameters of an `upgrade` job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    checkpoint: str = Field(
        min_length=1,
        max_length=255,
        description="A file's name in the folder of `--checkpoints`; never a path.",
    )


class ImportJob(BaseModel):
    """The parameters of an `import` job: of a dry run with its zip, or of the import."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    upload: str | None = Field(
        None, pattern="^[0-9a-f]{32}$", description="The zip that was sent; set by the service."
    )
    dry_run: int | None = Field(
        None,
        ge=1,
        lt=2**31,
        description="The dry run's job; what it planned is now carried out.",
    )
    duplicates: Duplicates = Field(
        "skip",
        description="Photos that are there already under another name: `skip` the same files and "
        "nearly the same pictures, `keep-near` (skip the same files only) or `keep-all`.",
    )
    replace_photos: bool = Field(
        False,
        description="Let a new file take the place of another one of the same name; without it, "
        "it is refused.",
    )

    again: int | None = Field(
        None,
        ge=1,
        lt=2**31,
        description="A dry run's job whose zip is read again with these parameters, such as "
        "`columns`; that is a dry run, too.",
    )
    columns: dict[ColumnField, ColumnName] | None = Field(
        None,
        description="Which column of the zip's table is what: `photo`, `individual`, `date`, "
        "`place`, `side`, `species`, `encounter`, `region`, `sex` or `box`, with the column's "
        "name. Without it, as the columns are called.",
        examples=[{"photo": "File", "individual": "Whale"}],
    )
    boxes: BoxOrientation | None = Field(
        None,
        description="Which pictures the boxes in the labels were measured on: `upright`, or "
        "`stored`, before EXIF turns them; without it, as the label file tells.",
    )

    @model_validator(mode="after")
    def _follows_dry_run(self) -> ImportJob:
        if self.upload is None and self.dry_run is None and self.again is None:
            raise ValueError(
                "send a zip (archive, as multipart/form-data) for a dry run; then send that "
                "job's number as dry_run"
            )
        if self.columns is not None:
            try:
                check_columns(self.columns)
            except BadLabels as error:
                raise ValueError(str(error)) from None
        if self.dry_run is not None and self.upload is None and self.model_fields_set - {"dry_run"}:
            raise ValueError(
                "send nothing beside dry_run: the import does what the dry run planned"
            )
        return self


class TablePreview(BaseModel):
    """The head of a table whose columns aren't known, and what a column can be."""

    file: str = Field(description="The table's name in the zip.")
    columns: list[str]
    rows: list[list[str]] = Field(description="The first rows, each as wide as the columns.")
    fields: list[str] = Field(description="What a column can be; a photo and an individual must.")


class ExportJob(BaseModel):
    """The parameters of an `export` job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Format = Field(
        description="`csv`, `coco`, `camtrap-dp`, `kaggle`, `happywhale`, `wildlife-datasets`, "
        "`wildbook`, or `zip`: one folder an individual, and a spreadsheet."
    )
    with_photos: bool = Field(False, description="Write the photos too; `zip` always has them.")
    with_places: bool = Field(
        False,
        description="Write where encounters were; needs the role `curate`. Without it, places "
        "are left out, and removed from the photos' files.",
    )
    since: str | None = Field(
        None, max_length=40, description="Only photos from then on: a year, a month or a day."
    )
    until: str | None = Field(
        None, max_length=40, description="Only photos up to the end of that time."
    )
    species: str | None = Field(None, max_length=200, description="Only of this species.")
    region: str | None = Field(None, max_length=200, description="Only in this region.")

    @model_validator(mode="after")
    def _is_selection(self) -> ExportJob:
        try:
            _ = self.selection
        except BadSelection as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def selection(self) -> Selection:
        """Which photos are exported."""
        return Selection.checked(
            since=self.since, until=self.until, species=self.species, region=self.region
        )


class JobRequest(BaseModel):
    """What to do, and with what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(
        max_length=64, description="`identify`, `reindex`, `upgrade`, `import` or `export`."
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="For `identify`: `folder`, `k`, `max_fpir`, `threshold`, `review`. For "
        "`reindex`: `rehash`. For `upgrade`: `checkpoint`. For `import`: `dry_run`, or with a zip "
        "`duplicates`, `replace_photos`, `boxes` and `columns`. For `export`: `format`, "
        "`with_photos`, `with_places`, `since`, `until`, `species`, `region`.",
    )


class Job(BaseModel):
    """One job as it is now. Times are UTC, ISO 8601."""

    model_config = ConfigDict(json_schema_extra={"example": _JOB_EXAMPLE})

    id: int = Field(description="Its number; a later job has a higher one.")
    kind: str = Field(description="What it does.")
    parameters: dict[str, Any] = Field(description="The parameters that were sent.")
    state: JobStateName = Field(
        description="`queued`, `running`; ended for good: `succeeded`, `failed`, `cancelled`; "
        "`interrupted`: the service stopped, and the job goes on with its next start."
    )
    asked_by: str | None = Field(description="Who started it, where that is known.")
    asked_at: str = Field(description="When it was sent.")
    started_at: str | None = Field(description="When it was started, the last time.")
    ended_at: str | None = Field(description="When it ended.")
    done: int = Field(description="Files dealt with, the unreadable ones included.")
    total: int | None = Field(description="All files; null while that isn't known.")
    rate: float | None = Field(
        description="Files a second since it was last started; null before there is one."
    )
    eta_seconds: float | None = Field(description="How long it still takes at that rate.")
    error_count: int = Field(
        description="Files that were not used; `/v1/jobs/{id}/errors` lists them."
    )
    is_cancel_requested: bool = Field(
        description="It ends as `cancelled` when it comes to its next checkpoint."
    )
    reason: str | None = Field(description="Why it failed or was interrupted.")
    result: dict[str, Any] | None = Field(
        description="What came out, in figures, once it has succeeded."
    )
    queue_upload: str | None = Field(
        description="The `upload` under which its photos are in the review queue, for "
        "`/v1/queue/encounters`; null for a job without `review`."
    )


class Jobs(BaseModel):
    """A page of jobs, newest first."""

    model_config = ConfigDict(json_schema_extra={"example": _JOBS_EXAMPLE})

    jobs: list[Job] = Field(description="The jobs.")
    next_cursor: str | None = Field(
        description="Give it as `cursor` to get the older ones; null at the end."
    )


class JobError(BaseModel):
    """A file that a job could not use."""

    file: str = Field(description="Its name within the folder, zip or catalogue.")
    reason: str = Field(description="What is wrong with it, in a sentence.")


class ReportRow(BaseModel):
    """What happens to one file or label of an import."""

    photo: str = Field(description="Its name within the zip.")
    status: Status = Field(description="What becomes of it.")
    reason: str = Field(description="Why, in words.")
    individual: str | None = Field(description="The individual of its label.")
    like: str | None = Field(description="The photo that it is the same picture as.")
    like_individual: str | None = Field(description="Whose that one is.")


class ImportReport(BaseModel):
    """A page of an import's report, by the files' names."""

    model_config = ConfigDict(json_schema_extra={"example": _REPORT_EXAMPLE})

    rows: list[ReportRow] = Field(description="The files and labels.")
    next_cursor: str | None = Field(
        description="Give it as `cursor` to get the following ones; null at the end."
    )


class JobErrors(BaseModel):
    """A page of the files that a job could not use, in the order in which it met them."""

    model_config = ConfigDict(json_schema_extra={"example": _JOB_ERRORS_EXAMPLE})

    errors: list[JobError] = Field(description="The files, with reasons.")
    next_cursor: str | None = Field(
        description="Give it as `cursor` to get the following ones; null at the end."
    )


def queue_upload(job: StoredJob) -> str | None:
    """The `upload` of a job's photos in the review queue; None for a job that puts none there.

    A number alone could be of an earlier job that was deleted.
    """
    if job.kind != "identify" or not job.parameters.get("review"):
        return None
    asked_at = "".join(sign for sign in job.asked_at if sign.isalnum())
    return f"job-{job.id}-{asked_at}"


def _as_it_is(value: Any) -> Any:
    return value


def job_answer(job: StoredJob, hide: Callable[[Any], Any] = _as_it_is) -> Job:
    """Put a job into the words of the API; `hide` takes the service's own paths out of texts."""
    made: dict[str, Any] = {"error_count": job.faults, "queue_upload": queue_upload(job)}
    fields = {name: getattr(job, name) for name in Job.model_fields if name not in made}
    fields["rate"] = None if job.rate is None else round(job.rate, 2)
    fields["eta_seconds"] = None if job.eta_seconds is None else round(job.eta_seconds, 1)
    fields |= {name: hide(fields[name]) for name in ("reason", "result")}
    return Job(**fields, **made)


def jobs_answer(page: JobPage, hide: Callable[[Any], Any] = _as_it_is) -> Jobs:
    """Put a page of jobs into the words of the API."""
    return Jobs(
        jobs=[job_answer(job, hide) for job in page.jobs],
        next_cursor=_cursor_text(page.next_cursor),
    )


def errors_answer(page: FaultPage, hide: Callable[[Any], Any] = _as_it_is) -> JobErrors:
    """Put a page of faults into the words of the API."""
    errors = [JobError(file=fault.file, reason=hide(fault.reason)) for fault in page.faults]
    return JobErrors(errors=errors, next_cursor=_cursor_text(page.next_cursor))


def _cursor_text(cursor: int | None) -> str | None:
    return None if cursor is None else str(cursor)
