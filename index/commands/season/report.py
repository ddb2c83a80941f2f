"""`flukeprint catalogue report`: what a team sends at the end of a season."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, cast

import typer

from index.commands.options import CatalogueOption, FilesOption, JsonOption, refuse_out
from index.messages import BadOut
from index.storage.address import with_files_folder

SinceOption = Annotated[
    str | None,
    typer.Option("--since", help="Only from then on: a year, a month or a day."),
]
UntilOption = Annotated[
    str | None, typer.Option("--until", help="Only up to the end of that time.")
]
SpeciesOption = Annotated[str | None, typer.Option("--species", help="Only of this species.")]
RegionOption = Annotated[str | None, typer.Option("--region", help="Only in this region.")]


def report(
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="html (a page with figures, discovery curve, map and tables), csv (a row a "
            "sighting), darwin-core (an archive for GBIF and OBIS), mark (capture histories for "
            "Program MARK) or histories (the same as a table).",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The file to write; it appears complete.")],
    catalogue: CatalogueOption = Path("catalogue.db"),
    files: FilesOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    species: SpeciesOption = None,
    region: RegionOption = None,
    individual: Annotated[
        str | None, typer.Option("--individual", help="Only of this individual.")
    ] = None,
    places: Annotated[
        str,
        typer.Option(
            "--places",
            help="How much of places to write: `regions`, `coarse` (positions moved to the middle "
            "of a grid cell of half a degree) or `exact`.",
        ),
    ] = "regions",
    occasions: Annotated[
        str,
        typer.Option("--occasions", help="Occasions of capture histories: year, month or day."),
    ] = "year",
    title: Annotated[
        str, typer.Option("--title", help="What the report is called.")
    ] = "Season report",
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the file that is there.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a season's report: who was met, who is new, who came again.

    A sighting is an encounter with its photos, or a day's photos that name no encounter. An
    individual is new where none of its sightings is before the selected ones.
    """
    from datetime import UTC, datetime

    from index.catalogue.catalogue import Catalogue
    from index.reports.capture_histories import OCCASIONS, Occasions
    from index.reports.documents import REPORT_KINDS, ReportKind, ReportOptions, make_report
    from index.sightings.disclosure import PLACES, Places
    from index.sightings.reading import read_sightings
    from index.sightings.selection import Selection
    from index.storage.originals import write_whole

    for flag, value, allowed in (
        ("--format", form, REPORT_KINDS),
        ("--places", places, PLACES),
        ("--occasions", occasions, OCCASIONS),
    ):
        if value not in allowed:
            raise BadOut(f"{flag} {value} isn't one of {', '.join(allowed)}")
    if out.exists() and not replace:
        raise BadOut(f"{out} is there already; give another --out, or --replace")
    refuse_out(out)
    selection = Selection.checked(
        since=since, until=until, species=species, region=region, individual=individual
    )
    with Catalogue.open(with_files_folder(catalogue, files)) as opened:
        read = read_sightings(opened)
    options = ReportOptions(
        selection,
        datetime.now(UTC).strftime("%Y-%m-%d"),
        cast("Places", places),
        cast("Occasions", occasions),
        title,
    )
    made = make_report(cast("ReportKind", form), read, options)
    write_whole(out, made.data)
    if as_json:
        print(json.dumps({"out": str(out), "sightings": made.sightings, "revision": read.revision}))
    else:
        print(f"Wrote {out}: {made.sightings:,} sightings of catalogue revision {read.revision}.")
