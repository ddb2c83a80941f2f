"""The group `flukeprint data`: look at a labelled set before anything is trained on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from index.commands.options import BoxesOption, parse_boxes
from training.commands.pack import pack
from training.commands.split import split

LabelsArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="LABELS",
        help="Kaggle or generic CSV, or COCO JSON; without it --photos has a sub-folder for "
        "each label.",
    ),
]
PhotosOption = Annotated[Path, typer.Option("--photos", help="Folder of the photographs.")]


def register(app: typer.Typer) -> None:
    """Mount the group."""
    data = typer.Typer(
        no_args_is_help=True, help="Look at a labelled set, split it, and pack it for training."
    )
    data.command("check")(check)
    data.command("explore")(explore)
    data.command("split")(split)
    data.command("pack")(pack)
    app.add_typer(data, name="data")


def check(
    photos: PhotosOption,
    labels: LabelsArgument = None,
    boxes: BoxesOption = None,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", metavar="FILE", help="Also write every case as JSON; - for stdout, alone."
        ),
    ] = None,
    html_file: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Also write a page with thumbnails."),
    ] = None,
) -> None:
    """Report what is wrong with a labelled set, before anything is trained on it.

    It finds photos without a label, labels without a photo, and rows that can't be understood. It
    finds files that can't be read, and the same picture twice, also under different labels. It
    describes sizes, colour and what EXIF holds. It counts the photos with a place, and never shows
    which place. The exit code is 0 when nothing is wrong, 1 when something is, and 2 without a set.
    """
    import json
    import sys

    from embedding.checkpoint import refuse_unwritable, write_atomically
    from index.progress import progress
    from training.data.check import check_set
    from training.data.check_page import check_page
    from training.data.check_tables import print_check

    is_json_alone = json_file == Path("-")
    written = [None if is_json_alone else json_file, html_file]
    _refuse_folders(written)
    refuse_unwritable(*(file for file in written if file is not None))
    report = check_set(labels, photos, boxes=parse_boxes(boxes), progress=progress)
    if html_file is not None:
        write_atomically(html_file, check_page(report))
    document = json.dumps(report.to_json(), indent=2) if json_file is not None else ""
    if is_json_alone:
        print(document)
    else:
        print_check(report)
        if json_file is not None:
            write_atomically(json_file, document.encode("utf-8"))
    sys.exit(0 if report.is_clean else 1)


def explore(
    photos: PhotosOption,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for explore.html, explore.json and the pictures.")
    ],
    labels: LabelsArgument = None,
    boxes: BoxesOption = None,
    sheets: Annotated[
        int,
        typer.Option(
            "--sheets", min=0, help="Contact sheets of so many of the most photographed labels."
        ),
    ] = 6,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", help="A label to make a contact sheet of too. Repeatable."),
    ] = None,
) -> None:
    """Show what a labelled set holds: photos per label, species, times, tones, sizes, and who is
    who.

    Writes to --out: explore.html, which holds everything; photos-per-label.png, species.png,
    time.png, tones.png and sizes.png, as far as there is something to show; sheet-01.png and on,
    the contact sheets; explore.json. It counts the photos with a place, and never shows which
    place.
    """
    import json

    from embedding.checkpoint import refuse_unwritable, write_atomically
    from index.progress import progress
    from training.data.contact_sheets import draw_sheet, labels_for_sheets
    from training.data.explore import explore_set
    from training.data.explore_figures import draw_figures
    from training.data.explore_page import exploration_page, print_exploration
    from training.sets.labelled import read_labelled

    _refuse_file(out)
    refuse_unwritable(out / "explore.html")
    read = read_labelled(labels, photos, absent="skip", boxes=parse_boxes(boxes))
    chosen = labels_for_sheets(read.photos, sheets, label or ())
    found = explore_set(read, photos, progress=progress)
    figures = {
        name: (shows, (out / name).read_bytes()) for name, shows in draw_figures(found, out).items()
    }
    drawn = {
        name: draw_sheet(name, found.photos, out / f"sheet-{number:02}.png")
        for number, name in enumerate(chosen, 1)
    }
    write_atomically(out / "explore.json", json.dumps(found.to_json(), indent=2).encode("utf-8"))
    write_atomically(out / "explore.html", exploration_page(found, figures, drawn))
    print_exploration(found)
    print(
        f"{out / 'explore.html'} shows it, with {len(figures)} figures and {len(drawn)} contact "
        "sheets"
    )


def _refuse_folders(files: Sequence[Path | None]) -> None:
    """Refuse, before minutes are spent, to write a file where a folder is."""
    from index.messages import BadOut

    for file in files:
        if file is not None and file.is_dir():
            raise BadOut(f"{file}: is a folder; give the name of a file")


def _refuse_file(folder: Path) -> None:
    from index.messages import BadOut

    if folder.exists() and not folder.is_dir():
        raise BadOut(f"{folder}: is a file; give the name of a folder")
