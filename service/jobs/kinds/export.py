"""The job `export`: a zip with the catalogue's labels, and its photos where requested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from index.catalogue.catalogue import Catalogue
from index.catalogue.raw_rows import read_export_rows
from index.exchange.exporting.formats import MEASURED, make_export
from index.exchange.exporting.writing import write_export
from index.storage.address import CatalogueAddress
from index.storage.originals import fetch_originals
from service.jobs.context import JobContext
from service.jobs.folder import JobFolder
from service.schemas.jobs import ExportJob


@dataclass(frozen=True)
class ExportPlace:
    """What an export works with: the catalogue, and where its zip is to lie."""

    catalogue: CatalogueAddress
    folder: JobFolder


def export(place: ExportPlace, context: JobContext) -> dict[str, Any]:
    """Write `results/NUMBER.zip`; it appears complete, and a start after a stop writes it anew.

    Without `with_places`, places are left out, and removed from the photos' files. Photos that are
    absent, that have changed, or whose place can't be taken out are left out and listed as faults.
    """
    parameters = ExportJob.model_validate(context.parameters)
    with Catalogue.open(place.catalogue) as catalogue:
        rows = read_export_rows(catalogue)
    has_photos = parameters.with_photos or parameters.format == "zip"
    if has_photos or parameters.format in MEASURED:
        fetch_originals(place.catalogue, lambda: (photo.path for photo in rows.photos))
    made = make_export(
        parameters.format,
        rows.photos,
        places=rows.places if parameters.with_places else {},
        created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        selection=parameters.selection,
    )
    place.folder.forget_unfinished(context.job.id)
    out = place.folder.result(context.job.id, ".zip")
    written = write_export(
        made,
        out,
        has_photos=has_photos,
        has_places=parameters.with_places,
        is_replacing=True,
        progress=context.steps,
    )
    place.folder.seal_result(context.job.id, ".zip")
    _report_omitted(written.left_out, context)
    return {
        "labels": len(made.photos),
        "photos": written.photos,
        "without_place": written.without_place,
        "left_out": len(written.left_out),
        "bytes": out.stat().st_size,
        "revision": rows.revision,
    }


def _report_omitted(left_out: Sequence[tuple[str, str]], context: JobContext) -> None:
    for name, reason in left_out:
        context.error(name, reason)
