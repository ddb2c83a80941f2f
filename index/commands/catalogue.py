"""The commands of `flukeprint catalogue`: import, export, backup, restore, verify, move."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from index.commands.named_files import refuse_absent
from index.commands.options import (
    BoxesOption,
    CatalogueOption,
    CheckpointOption,
    ColumnOption,
    FilesOption,
    JsonOption,
    PrecisionOption,
    RuntimeOption,
    is_on_command_line,
    load_embedder,
    parse_boxes,
    refuse_out,
)
from index.commands.season.report import (
    RegionOption,
    SinceOption,
    SpeciesOption,
    UntilOption,
    report,
)
from index.messages import BadOut, photos_text, print_message, print_omitted
from index.storage.address import files_folder, with_files_folder

if TYPE_CHECKING:
    from index.exchange.importing.plan import Duplicates, ImportPlan

_TOLD = 20
_ZIP_KINDS = (
    "csv, coco, camtrap-dp (Camtrap DP 1.0.2), kaggle, happywhale (Kaggle's second "
    "competition), wildlife-datasets, wildbook (its bulk-import workbook), or zip (one folder an "
    "individual, and a spreadsheet)"
)


def register(app: typer.Typer) -> None:
    """Mount this group's commands."""
    group = typer.Typer(
        help="Import, export, back up, restore and verify a catalogue.", no_args_is_help=True
    )
    group.command("import")(import_)
    group.command("export")(export)
    group.command("report")(report)
    group.command("backup")(backup)
    group.command("restore")(restore)
    group.command("verify")(verify)
    group.command("move-photos")(move_photos)
    app.add_typer(group, name="catalogue")


def import_(
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder of photos, a zip, a label file (.csv, .xlsx, .json), or what "
            "`catalogue export` wrote."
        ),
    ],
    catalogue: CatalogueOption = Path("catalogue.db"),
    files: FilesOption = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            help="Who is in which photo: a table (CSV or .xlsx) of flukeprint, Kaggle, "
            "wildlife-datasets or Wildbook, COCO .json or a Camtrap DP datapackage.json "
            "(default: the label file in SOURCE; without one, every sub-folder is an individual).",
        ),
    ] = None,
    checkpoint: CheckpointOption = None,
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "float32",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Write what happens to each file: a .csv, or a .json file."),
    ] = None,
    duplicates: Annotated[
        str,
        typer.Option(
            "--duplicates",
            help="What to do with photos that are there under another name. `skip` leaves out the "
            "same files and nearly the same pictures, `keep-near` the same files only, "
            "`keep-all` none.",
        ),
    ] = "skip",
    boxes: BoxesOption = None,
    column: ColumnOption = None,
    replace_photos: Annotated[
        bool,
        typer.Option(
            "--replace-photos",
            help="Let a new file replace another one of the same name.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Import photos and labels into a catalogue.

    New photos are embedded, and copied under their content hash into a folder beside the catalogue.
    New facts about known photos replace the old ones; what a label doesn't say stays as it was. The
    whole import is one revision, and the same import again changes nothing. Each file that isn't
    imported is listed with its reason. The exit code is 1 where a file was refused, is absent or
    can't be read. A catalogue that isn't there is made.
    """
    import tempfile

    from index.exchange.importing.plan import NOT_DONE, ImportOptions
    from index.exchange.importing.report import report_json, summary, write_report
    from index.exchange.importing.run import apply_import, known_photos, plan_import
    from index.exchange.importing.sources import Saying, read_source
    from index.labels.forms.columns import parse_columns
    from index.progress import progress
    from index.storage.folder_owner import claim_files
    from index.storage.originals import media_folder
    from index.storage.partial_files import remove_unfinished, unfinished_suffix

    _refuse_duplicates(duplicates)
    refuse_absent(source, csv, checkpoint)
    if report is not None:
        refuse_out(report)
    saying = Saying(parse_boxes(boxes), parse_columns(column or ()))
    catalogue = with_files_folder(catalogue, files)
    known = known_photos(catalogue)
    if not dry_run:
        claim_files(catalogue)
    # Beside the catalogue, where there is room for the photos anyway.
    folder = files_folder(catalogue)
    if not dry_run:
        remove_unfinished([folder])
    with tempfile.TemporaryDirectory(unfinished_suffix(), ".importing-", folder) as staging:
        offer = read_source(source, csv, Path(staging), progress=progress, saying=saying)
        plan = plan_import(
            offer,
            known,
            catalogue,
            ImportOptions(
                duplicates=cast("Duplicates", duplicates),
                is_replacing=replace_photos,
                stores_hashes=not dry_run or media_folder(catalogue).is_dir(),
            ),
            progress=progress,
        )
        whole: dict[str, Any] = {
            "source": str(source),
            "catalogue": str(catalogue),
            "is_dry_run": dry_run,
        }
        if not dry_run and (plan.store or plan.relabel):
            done = apply_import(
                plan, catalogue, load_embedder(checkpoint, runtime, precision), progress=progress
            )
            plan, whole["revision"] = done.plan, done.revision
    if report is not None:
        write_report(plan, report, **whole)
    if as_json:
        print(json.dumps(report_json(plan, **whole), indent=2))
    else:
        _print_rows(plan, is_dry_run=dry_run)
        print(summary(plan, is_dry_run=dry_run))
    if any(row.status in NOT_DONE for row in plan.rows):
        sys.exit(1)


def export(
    form: Annotated[str, typer.Option("--format", help=f"How to write it: {_ZIP_KINDS}.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="What to write: a file, a new folder or, where it ends in .zip, a zip; it "
            "appears complete.",
        ),
    ],
    catalogue: CatalogueOption = Path("catalogue.db"),
    files: FilesOption = None,
    with_photos: Annotated[
        bool, typer.Option("--with-photos", help="Write the photos too.")
    ] = False,
    with_places: Annotated[
        bool,
        typer.Option(
            "--with-places",
            help="Write where encounters were. Without it places are left out, and are removed "
            "from the photos' files.",
        ),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the file that is there.")
    ] = False,
    since: SinceOption = None,
    until: UntilOption = None,
    species: SpeciesOption = None,
    region: RegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a catalogue's labels, and its photos, for other programs and people.

    `flukeprint catalogue import` reads each format back. Photos that are absent, or changed since
    they were catalogued, are listed and left out. The exit code is then 1.
    """
    from datetime import UTC, datetime

    from index.catalogue.catalogue import Catalogue
    from index.catalogue.raw_rows import read_export_rows
    from index.exchange.exporting.formats import FORMATS, MEASURED, make_export
    from index.exchange.exporting.writing import refuse_taken, write_export
    from index.progress import progress, spinner
    from index.sightings.selection import Selection
    from index.storage.originals import fetch_originals

    if form not in FORMATS:
        raise BadOut(f"--format {form} isn't one of {', '.join(FORMATS)}")
    if form == "zip" and out.suffix.lower() != ".zip":
        raise BadOut(
            f"--format zip writes a zip: give --out a name that ends in .zip, not {out.name}"
        )
    selection = Selection.checked(since=since, until=until, species=species, region=region)
    refuse_taken(out, is_replacing=replace)
    catalogue = with_files_folder(catalogue, files)
    with spinner("Reading the labels"), Catalogue.open(catalogue) as opened:
        rows = read_export_rows(opened)
    if with_photos or form == "zip" or form in MEASURED:
        originals = [photo.path for photo in rows.photos]
        fetch_originals(catalogue, lambda: originals, progress=progress)
    with spinner("Writing the labels"):
        made = make_export(
            form,
            rows.photos,
            places=rows.places if with_places else {},
            created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            selection=selection,
        )
    written = write_export(
        made,
        out,
        has_photos=with_photos or form == "zip",
        has_places=with_places,
        is_replacing=replace,
        progress=progress,
    )
    if as_json:
        document = {
            "out": str(out),
            "labels": len(made.photos),
            "photos": written.photos,
            "without_place": written.without_place,
            "left_out": [{"photo": name, "reason": reason} for name, reason in written.left_out],
        }
        print(json.dumps(document, indent=2))
    else:
        print_omitted(written.left_out)
        place = (
            f", {written.without_place:,} of them without the place in their file"
            if written.without_place
            else ""
        )
        print(
            f"Wrote {out}: labels of {photos_text(len(made.photos))}, and "
            f"{photos_text(written.photos)}{place}."
        )
    if written.left_out:
        sys.exit(1)


def backup(
    out: Annotated[
        Path,
        typer.Option("--out", help="The new folder to write or, where it ends in .tar, the file."),
    ],
    catalogue: CatalogueOption = Path("catalogue.db"),
    files: FilesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a catalogue with its photos, while a service uses it.

    The copy is the catalogue at one moment, and can be used where it is. Photos that are absent or
    changed are listed and left out. The exit code is then 1.
    """
    from index.exchange.backup.backup import make_backup
    from index.progress import progress

    done = make_backup(with_files_folder(catalogue, files), out, progress=progress)
    manifest = done.manifest
    if as_json:
        document = {
            "out": str(out),
            "revision": manifest.revision,
            "files": len(manifest.files),
            "left_out": [{"photo": name, "reason": reason} for name, reason in done.left_out],
        }
        print(json.dumps(document, indent=2))
    else:
        print_omitted(done.left_out)
        print(
            f"Backed up {catalogue} at revision {manifest.revision} with "
            f"{len(manifest.files) - 1:,} files to {out}."
        )
    if done.left_out:
        sys.exit(1)


def restore(
    context: typer.Context,
    source: Annotated[
        Path, typer.Argument(metavar="BACKUP", help="What `catalogue backup` wrote.")
    ],
    catalogue: CatalogueOption = Path("catalogue.db"),
    files: FilesOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the catalogue that is there.")
    ] = False,
) -> None:
    """Put a backup's catalogue and photos back.

    Every file is checked before the first one is written. A service that uses the catalogue must be
    stopped first.
    """
    from index.exchange.backup.backup import restore_backup
    from index.progress import progress
    from index.storage.folder_owner import claim_files

    if isinstance(catalogue, Path) and is_on_command_line(context, "files"):
        raise BadOut(
            f"--files is for a catalogue in PostgreSQL: the photos of {catalogue} are restored "
            "beside it; leave "
            "--files out, or give another --catalogue"
        )
    catalogue = with_files_folder(catalogue, files)
    claim_files(catalogue)
    manifest = restore_backup(source, catalogue, is_replacing=replace, progress=progress)
    print(
        f"Restored {catalogue} to revision {manifest.revision}, as it was backed up at "
        f"{manifest.made_at}."
    )


def verify(
    catalogue: CatalogueOption = Path("catalogue.db"),
    files: FilesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read every photo and vector of a catalogue, and list every fault.

    Content hashes are computed again, vectors are measured, and the database is checked. The exit
    code is 0 when all is well and 1 when there are faults.
    """
    from index.exchange.backup.verify import verify_catalogue
    from index.progress import progress

    found = verify_catalogue(with_files_folder(catalogue, files), progress=progress)
    if as_json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        for fault in found.faults:
            print(f"{fault.photo or catalogue}: {fault.reason}")
        if found.stray:
            print_message(
                f"note: {photos_text(len(found.stray))} in the media folder belong to nothing: "
                f"{', '.join(found.stray[:3])}"
            )
        for each in found.waiting:
            fate = (
                "the interrupted command goes on from them"
                if each.is_of_use
                else "the catalogue has no vector of that checkpoint; the next build, update or "
                "import removes them"
            )
            print_message(
                f"note: vectors of the checkpoint {each.fingerprint[:12]} wait in {each.file}: "
                f"{fate}"
            )
        verdict = (
            f"{len(found.faults):,} fault{'' if len(found.faults) == 1 else 's'}"
            if found.faults
            else "all is well"
        )
        print(
            f"{catalogue} at revision {found.revision}: {photos_text(found.photos)}, "
            f"{found.vectors:,} vectors, {verdict}."
        )
    if found.faults:
        sys.exit(1)


def move_photos(
    old: Annotated[Path, typer.Argument(help="The folder that the photos were in.")],
    new: Annotated[Path, typer.Argument(help="The folder that the same files are in now.")],
    catalogue: CatalogueOption = Path("catalogue.db"),
    files: FilesOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Lead a catalogue to photos whose folder has been moved or renamed.

    Every file below NEW is compared with what was catalogued. Files that are absent, or hold
    something else, are listed, and their photos keep their paths. The exit code is then 1. No file
    is moved or changed, and the whole move is one revision.
    """
    from index.catalogue.catalogue import Catalogue
    from index.progress import progress
    from index.reindex.move_photos import move_photos as lead_to_photos

    catalogue = with_files_folder(catalogue, files)
    with Catalogue.open(catalogue) as opened:
        done = lead_to_photos(opened, old, new, is_dry_run=dry_run, progress=progress)
    if as_json:
        document = {
            "old": str(old),
            "new": str(new),
            "catalogue": str(catalogue),
            "is_dry_run": dry_run,
            "moved": list(done.moved),
            "not_moved": [{"photo": name, "reason": reason} for name, reason in done.not_moved],
            "revision": done.revision,
        }
        print(json.dumps(document, indent=2))
    else:
        for name, reason in done.not_moved[:_TOLD]:
            print_message(f"not moved {name}: {reason}")
        if len(done.not_moved) > _TOLD:
            print_message(f"and {len(done.not_moved) - _TOLD:,} more; --json lists all")
        dry = " Nothing was changed: this was a dry run." if dry_run else ""
        print(
            f"{photos_text(len(done.moved))} led from {old} to {new}, {len(done.not_moved):,} "
            f"not.{dry}"
        )
    if done.not_moved:
        sys.exit(1)


def _refuse_duplicates(duplicates: str) -> None:
    from typing import get_args

    from index.exchange.importing.plan import Duplicates

    if duplicates not in get_args(Duplicates):
        raise BadOut(f"--duplicates {duplicates} isn't one of {', '.join(get_args(Duplicates))}")


def _print_rows(plan: ImportPlan, *, is_dry_run: bool) -> None:
    if plan.columns and (is_dry_run or any(use.became is None for use in plan.columns)):
        from index.labels.forms.columns import describe_use

        print_message(f"note: columns: {describe_use(plan.columns)}")
    for warning in plan.warnings:
        print_message(f"note: {warning}")
    listed = [row for row in plan.rows if row.status not in ("added", "unchanged")]
    for row in listed[:_TOLD]:
        print_message(f"{row.status} {row.photo}: {row.reason}")
    if len(listed) > _TOLD:
        print_message(f"and {len(listed) - _TOLD:,} more; --report lists all")
