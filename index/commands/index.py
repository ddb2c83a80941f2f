"""The commands `index build`, `index update` and `index status`; all commands of this wing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from index.commands.accounts import register as register_accounts
from index.commands.identify import identify, submit
from index.commands.keys import register as register_keys
from index.commands.named_files import refuse_absent
from index.commands.options import (
    ApiKeyOption,
    BoxesOption,
    CatalogueOption,
    CheckpointOption,
    ColumnOption,
    FilesOption,
    JsonOption,
    NodesReadOption,
    OnOption,
    PrecisionOption,
    RuntimeOption,
    SameAnimalsOption,
    ServerOption,
    file_embedder,
    parse_boxes,
    refuse_mixture,
)
from index.commands.photos.embed import embed
from index.commands.photos.explain import explain
from index.commands.photos.locate import locate
from index.messages import photos_text, print_message, print_omitted, print_unread
from index.storage.address import CatalogueAddress, with_files_folder

if TYPE_CHECKING:
    from index.reindex.update import UpdateReport

CsvOption = Annotated[
    Path | None,
    typer.Option(
        "--csv",
        help="Who is in which photo: a table (CSV or .xlsx) with the columns "
        "image,label[,species,encounter,region,taken_at,box], of Kaggle (Image,Id), of "
        "wildlife-datasets or of Wildbook, or COCO .json. Unknown animals have the label "
        "new_whale.",
    ),
]
PhotosOption = Annotated[
    Path | None,
    typer.Option(
        "--photos",
        help="The folder that the names in --csv start from (default: the CSV's own). Without "
        "--csv: a folder with "
        "one sub-folder for each individual.",
    ),
]
SkipBadOption = Annotated[
    bool,
    typer.Option(
        "--skip-bad",
        help="Leave out photos that are absent or can't be read, and call it a success (exit "
        "code 0).",
    ),
]


def register(app: typer.Typer) -> None:
    """Mount this wing's commands."""
    catalogue = typer.Typer(
        help="Build, update and show the catalogue of known individuals.", no_args_is_help=True
    )
    catalogue.command("build")(build)
    catalogue.command("update")(update)
    catalogue.command("status")(status)
    catalogue.command("rebuild-vectors")(rebuild_vectors)
    app.add_typer(catalogue, name="index")
    app.command("identify")(identify)
    app.command("locate")(locate)
    app.command("embed")(embed)
    app.command("explain")(explain)
    app.command("submit")(submit)
    register_keys(app)
    register_accounts(app)


def build(
    csv: CsvOption = None,
    photos: PhotosOption = None,
    catalogue: CatalogueOption = Path("catalogue.db"),
    files: FilesOption = None,
    checkpoint: CheckpointOption = None,
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "float32",
    on: OnOption = None,
    nodes_read: NodesReadOption = None,
    same_animals: SameAnimalsOption = None,
    boxes: BoxesOption = None,
    column: ColumnOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the catalogue that is there.")
    ] = False,
    skip_bad: SkipBadOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a catalogue from labelled photos.

    Every photo is embedded, and the answers are calibrated on them. The catalogue appears when it
    is complete: after Ctrl-C or on a full disk, what was there before is still there. Photos that
    can't be read, or whose labels disagree, are listed and left out. The exit code is then 1 unless
    --skip-bad is given.
    """
    from index.labels.forms.columns import parse_columns
    from index.labels.reader import read_labels
    from index.labels.synonyms import with_one_id
    from index.progress import progress, spinner
    from index.reindex.build import build_catalogue, refuse_target
    from index.storage.folder_owner import claim_files

    refuse_absent(csv, photos, checkpoint, same_animals)
    columns = parse_columns(column or ())
    catalogue = with_files_folder(catalogue, files)
    refuse_target(catalogue, replace)
    claim_files(catalogue)
    with spinner("Reading the labels"):
        labels = with_one_id(
            read_labels(
                csv,
                photos,
                absent="skip" if skip_bad else "refuse",
                disputed="skip",
                boxes=parse_boxes(boxes),
                columns=columns,
            ),
            same_animals,
        )
    print_message(
        f"Building {catalogue} from {photos_text(len(labels.photos))} named by {labels.source}"
    )
    embedder = file_embedder(checkpoint, runtime, precision, (on, nodes_read), catalogue)
    report = build_catalogue(catalogue, labels, embedder, overwrite=replace, progress=progress)
    _refresh_snapshot(catalogue)
    _print_report(report, catalogue, skip_bad=skip_bad, as_json=as_json)


def update(
    csv: CsvOption = None,
    photos: PhotosOption = None,
    catalogue: CatalogueOption = Path("catalogue.db"),
    files: FilesOption = None,
    checkpoint: CheckpointOption = None,
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "float32",
    on: OnOption = None,
    nodes_read: NodesReadOption = None,
    same_animals: SameAnimalsOption = None,
    boxes: BoxesOption = None,
    column: ColumnOption = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove the photos that the labels no longer name.")
    ] = False,
    rehash: Annotated[
        bool,
        typer.Option(
            "--rehash", help="Read every file again, even where its size and time are as they were."
        ),
    ] = False,
    bring_back: Annotated[
        bool,
        typer.Option(
            "--bring-back", help="Add photos again that a curator deleted and the labels name."
        ),
    ] = False,
    labels_win: Annotated[
        bool,
        typer.Option(
            "--labels-win", help="Let labels change back what a curator moved, split off or edited."
        ),
    ] = False,
    skip_bad: SkipBadOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a catalogue up to date with labelled photos.

    New and changed photos are embedded, new labels are read, and the answers are calibrated again,
    all in one new revision. The result is the same as building anew.

    Photos in the catalogue only are kept unless --prune is given. Photos that a curator deleted
    stay out unless --bring-back is given. Photos that one moved, split off or edited stay so unless
    --labels-win is given, where the labels say what was before. Labels may use an individual's
    former names.

    Without --csv and --photos the catalogue's own photos are read again. This also brings a
    catalogue to another checkpoint; after an interruption it goes on where it was. A service goes
    on answering meanwhile, and its curators go on working.

    Photos that can't be read, or whose labels disagree, are listed, and what the catalogue knew of
    them stays. The exit code is then 1 unless --skip-bad is given.
    """
    from index.catalogue.catalogue import Catalogue
    from index.labels.forms.columns import parse_columns
    from index.labels.reader import BadLabels, read_labels
    from index.labels.synonyms import with_one_id
    from index.progress import progress, spinner
    from index.reindex.options import UpdateOptions
    from index.reindex.update import update_catalogue
    from index.storage.folder_owner import claim_files

    refuse_absent(csv, photos, checkpoint, same_animals)
    columns = parse_columns(column or ())
    catalogue = with_files_folder(catalogue, files)
    claim_files(catalogue)
    with Catalogue.open(catalogue) as opened:
        has_labels = csv is not None or photos is not None
        if prune and not has_labels:
            raise BadLabels("--prune compares with labels; give --csv or --photos too")
        labels = None
        if has_labels:
            with spinner("Reading the labels"):
                labels = with_one_id(
                    read_labels(
                        csv,
                        photos,
                        absent="skip" if skip_bad else "refuse",
                        disputed="skip",
                        boxes=parse_boxes(boxes),
                        columns=columns,
                    ),
                    same_animals,
                )
        named = (
            f"{photos_text(len(labels.photos))} named by {labels.source}"
            if labels
            else "its own photos"
        )
        print_message(f"Updating {catalogue} from {named}")
        embedder = file_embedder(checkpoint, runtime, precision, (on, nodes_read), catalogue)
        report = update_catalogue(
            opened,
            labels,
            embedder,
            UpdateOptions(prune=prune, rehash=rehash, bring_back=bring_back, labels_win=labels_win),
            progress=progress,
        )
    _refresh_snapshot(catalogue)
    _print_report(report, catalogue, skip_bad=skip_bad, as_json=as_json)


def status(
    context: typer.Context,
    catalogue: CatalogueOption = Path("catalogue.db"),
    checkpoint: CheckpointOption = None,
    precision: PrecisionOption = "float32",
    server: ServerOption = None,
    api_key: ApiKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a catalogue holds, which checkpoint made it, its calibration and its last changes.

    With --server it is the catalogue of a running service.
    """
    refuse_mixture(context, server, ("catalogue", "checkpoint", "precision"))
    if server is not None:
        from index.commands.remote import open_client, read_status

        with open_client(server, api_key) as service:
            state = read_status(service)
    else:
        from index.catalogue.status import catalogue_status

        state = catalogue_status(catalogue, checkpoint, precision).to_json()
    if as_json:
        print(json.dumps(state, indent=2))
        return
    from rich.console import Console

    from index.commands.tables import status_table

    Console().print(status_table(state))


def rebuild_vectors(
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            envvar="FLUKEPRINT_ENGINE",
            help="What to build anew: `milvus://HOST:PORT`, `pgvector` or `pgvector-hnsw`.",
        ),
    ],
    catalogue: CatalogueOption = Path("catalogue.db"),
) -> None:
    """Build anew, from the catalogue, the vectors that an engine holds outside a service.

    On a Milvus server that is a second collection, which takes the place of the first when it is
    complete. Services go on answering meanwhile. Needed after vectors were removed there by hand,
    and of use where many photos were removed from the catalogue.
    """
    from index.catalogue.catalogue import Catalogue
    from index.engines.reading import rebuild_vectors as rebuild
    from index.progress import spinner
    from index.stored.engine_names import checked_engine

    checked_engine(engine)
    with Catalogue.open(catalogue) as opened, spinner("Building the vectors"):
        count = rebuild(opened.engine, opened.address, engine)
    print(f"{engine} holds {count:,} vectors of {catalogue}")


def _refresh_snapshot(address: CatalogueAddress) -> None:
    """Write what the next start goes on from; where that fails it reads the whole catalogue."""
    from index.catalogue.catalogue import BadCatalogue, Catalogue
    from index.snapshots.snapshot import refresh_snapshot

    try:
        with Catalogue.open(address) as opened:
            refresh_snapshot(opened)
    except (OSError, BadCatalogue) as error:
        print_message(f"note: no snapshot was written, so that starts take longer: {error}")


def _print_report(
    report: UpdateReport, catalogue: CatalogueAddress, *, skip_bad: bool, as_json: bool
) -> None:
    for warning in report.warnings:
        print_message(f"note: {warning}")
    print_unread(report.unread)
    print_omitted([(one.photo.name, one.reason) for one in report.disputed])
    if as_json:
        print(json.dumps(_as_json(report), indent=2))
    else:
        print(_sentence(report, catalogue))
    if (report.unread or report.disputed) and not skip_bad:
        sys.exit(1)


def _sentence(report: UpdateReport, catalogue: CatalogueAddress) -> str:
    state = (
        f"{catalogue} is {'now' if report.is_new_revision else 'still'} at revision "
        f"{report.revision}"
    )
    done = (
        f"{photos_text(report.added)} added, {report.reembedded:,} embedded again, "
        f"{report.relabelled:,} relabelled or "
        f"moved, {report.removed:,} removed, {report.unchanged:,} unchanged"
    )
    unchanged = (
        f"\n{photos_text(report.left)} in the catalogue only, kept as before; --prune takes such "
        "photos out"
        if report.left
        else ""
    )
    deleted = (
        f"\n{photos_text(report.kept_away)} that a curator deleted, kept away; --bring-back adds "
        "such photos again"
        if report.kept_away
        else ""
    )
    curated = (
        f"\n{photos_text(report.kept_curated)} that a curator moved or edited, kept so; "
        "--labels-win changes them back"
        if report.kept_curated
        else ""
    )
    return f"{state}: {done}.{unchanged}{deleted}{curated}"


def _as_json(report: UpdateReport) -> dict[str, object]:
    return {
        "revision": report.revision,
        "is_new_revision": report.is_new_revision,
        "added": report.added,
        "reembedded": report.reembedded,
        "relabelled": report.relabelled,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "left": report.left,
        "kept_away": report.kept_away,
        "kept_curated": report.kept_curated,
        "unread": [{"photo": each.photo.name, "reason": each.reason} for each in report.unread],
        "left_out": [{"photo": each.photo.name, "reason": each.reason} for each in report.disputed],
        "warnings": list(report.warnings),
    }
