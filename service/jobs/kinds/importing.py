"""The job `import`: a dry run lists what a zip would change; a second job does it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from embedding.errors import FlukeprintError
from index.exchange.importing.archive import ArchiveLimits
from index.exchange.importing.plan import NOT_DONE, ImportOptions, ImportPlan
from index.exchange.importing.report import report_csv
from index.exchange.importing.run import apply_import, known_photos, plan_import
from index.exchange.importing.sources import Saying, read_source
from index.jobs.records import JobLost
from index.labels.forms.columns import FIELDS, Preview, UnknownColumns
from index.photos.embed import PhotoEmbedder
from index.reindex.options import UpdateOptions
from index.storage.address import CatalogueAddress
from index.storage.originals import write_whole
from service.jobs.context import JobContext, JobPaused
from service.jobs.folder import BadJobFolder, JobFolder
from service.schemas.jobs import ImportJob
from service.serving.service import Serving

PREVIEW = ".json"
"""The suffix of the file that holds the head of a table whose columns aren't known."""
_MOST_WARNINGS = 20


class BadImport(FlukeprintError):
    """A zip that can't be imported, in words that name no file of the service's own."""


@dataclass(frozen=True)
class ImportPlace:
    """What an import works with: what is served now, the catalogue, and the jobs' folder.

    `on_revision` is called when the catalogue has a new revision.
    """

    serving: Callable[[], Serving]
    catalogue: CatalogueAddress
    folder: JobFolder
    limits: ArchiveLimits
    on_revision: Callable[[], None]


def import_photos(place: ImportPlace, context: JobContext) -> dict[str, Any]:
    """Read an uploaded zip and, for a job that names its dry run, carry out its plan.

    Leaves `results/NUMBER.csv`, a row for each file and label. Originals that were copied before a
    stop are not copied again; all that changes is one revision. The zip is kept after a dry run,
    and forgotten once it is imported.
    """
    parameters = ImportJob.model_validate(context.parameters)
    assert parameters.upload is not None
    archive, staging = (
        place.folder.upload(parameters.upload),
        place.folder.unpacked(parameters.upload),
    )
    if not archive.is_file():
        raise BadImport("the zip is no longer kept; send it again")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        result = _run_import(place, context, parameters, archive, staging)
    except JobLost:
        raise  # the folder is used by the process that has the job now
    except FlukeprintError as error:
        _remove_staging(context, staging)
        reason = str(error).replace(str(archive), "the zip").replace(str(staging), "the zip")
        raise BadImport(reason) from error
    except BaseException:
        _remove_staging(context, staging)
        raise
    _remove_staging(context, staging)
    if parameters.dry_run is not None:
        context.afterwards(partial(place.folder.forget, parameters.upload))
    return result


def _remove_staging(context: JobContext, staging: Path) -> None:
    """Remove what was unpacked, where it is still ours. Raises JobLost."""
    with suppress(JobPaused):  # the database is busy; the next start removes it
        context.confirm_claim()
        shutil.rmtree(staging, ignore_errors=True)


def _run_import(
    place: ImportPlace, context: JobContext, parameters: ImportJob, archive: Path, staging: Path
) -> dict[str, Any]:
    try:
        offer = read_source(
            archive,
            None,
            staging,
            limits=place.limits,
            progress=context.steps,
            saying=Saying(parameters.boxes, parameters.columns),
        )
    except UnknownColumns as error:
        if parameters.dry_run is not None:
            raise BadImport("what the columns of its table are isn't said") from None
        return _write_preview(place, context, error.preview)
    plan = plan_import(
        offer,
        known_photos(place.catalogue),
        place.catalogue,
        ImportOptions(duplicates=parameters.duplicates, is_replacing=parameters.replace_photos),
        progress=context.steps,
    )
    more: dict[str, Any] = {"is_dry_run": parameters.dry_run is None}
    if parameters.dry_run is not None:
        done = apply_import(
            plan,
            place.catalogue,
            cast("PhotoEmbedder", place.serving().identifier.embedder),
            UpdateOptions(
                kind="import",
                made_by=context.job.asked_by,
                may_change_checkpoint=False,
                check=context.hold_claim_within,
            ),
            around_commit=context.keeping_the_database,
            progress=context.steps,
        )
        plan, more["revision"], more["is_new_revision"] = (
            done.plan,
            done.revision,
            done.is_new_revision,
        )
        if done.revision != place.serving().identifier.gallery.revision:
            place.on_revision()
    _report(place, context, plan)
    return {
        **more,
        "files": len(plan.rows),
        "counts": dict(plan.counts),
        "columns": [use._asdict() for use in plan.columns],
        "warnings": [
            warning.replace(str(archive), "the zip") for warning in plan.warnings[:_MOST_WARNINGS]
        ],
    }


def _write_preview(place: ImportPlace, context: JobContext, preview: Preview) -> dict[str, Any]:
    """Leave the head of a table for a curator, who says which column is what."""
    context.confirm_claim()
    document = json.dumps({**preview._asdict(), "fields": FIELDS})
    _write(place.folder.result(context.job.id, PREVIEW), document)
    place.folder.seal_result(context.job.id, PREVIEW)
    _write(place.folder.result(context.job.id), report_csv(()))
    place.folder.seal_result(context.job.id)
    return {"is_dry_run": True, "files": 0, "counts": {}, "warnings": [], "table": preview.file}


def _report(place: ImportPlace, context: JobContext, plan: ImportPlan) -> None:
    context.confirm_claim()
    _write(place.folder.result(context.job.id), report_csv(plan.rows))
    place.folder.seal_result(context.job.id)
    for row in plan.rows:
        if row.status in NOT_DONE or row.status == "left_out":
            context.error(row.photo, row.reason)
    context.progress(len(plan.rows), len(plan.rows))


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise BadJobFolder(
            f"the report {path} can't be written ({error.strerror}); free some space there"
        ) from error
