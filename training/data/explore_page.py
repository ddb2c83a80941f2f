"""An exploration in words for the terminal, and as one HTML page with figures and sheets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from html import escape

from rich.console import Console
from rich.table import Table
from rich.text import Text

from embedding.photos.photo import Image
from index.labels.reader import NEW_WHALE
from training.data.check_tables import file_lines
from training.data.explore import Exploration
from training.data.html import data_picture, html_page, html_table, jpeg_bytes, name_of, paragraph

_MOST_LABELS = 20


def exploration_lines(found: Exploration) -> list[tuple[str, str]]:
    """What a set holds, a name and a sentence each."""
    counts = list(found.per_label.values())
    labelled = sum(counts)
    lines = [("photos", f"{len(found.photos):,}: {labelled:,} of {len(counts):,} labels")]
    if found.new_whale:
        lines[0] = (
            "photos",
            f"{lines[0][1]}, and {found.new_whale:,} of {NEW_WHALE}, which counts in no label",
        )
    if counts:
        share = f"{found.single_photo_labels / len(counts):.0%}"
        lines.append(
            (
                "seen once",
                f"{found.single_photo_labels:,} of {len(counts):,} labels ({share}) have one "
                "photo: nothing can be asked of them",
            )
        )
        middle = counts[len(counts) // 2]
        lines.append(
            (
                "per label",
                f"{counts[-1]:,} to {counts[0]:,} photos, median {middle:,}, mean "
                f"{labelled / len(counts):,.1f}",
            )
        )
    if len(counts) >= _MOST_LABELS:
        tenth = round(len(counts) / 10)
        held = sum(counts[:tenth]) / labelled
        lines.append(
            (
                "skew",
                f"the most photographed {tenth:,} labels (a tenth) hold {held:.0%} of the "
                "labelled photos",
            )
        )
    lines.append(("species", _species(found.species)))
    lines += _time_lines(found)
    places = (
        f"{found.files['with_place']:,} of {len(found.photos):,} photos tell a place in their file"
    )
    lines.append(
        ("place", f"{places}, of {found.labels_with_place:,} labels; where is never shown")
    )
    if found.photos_with_region:
        lines.append(
            (
                "region",
                f"{found.photos_with_region:,} photos, by their labels, of {found.regions:,} "
                "regions",
            )
        )
    lines.append(("mean", _channels(found.channel_means.tolist())))
    lines.append(("deviation", _channels(found.channel_deviations.tolist())))
    if found.unread:
        lines.append(
            ("unreadable", f"{len(found.unread):,} photos; `flukeprint data check` lists them")
        )
    return lines + [line for line in file_lines(found.files) if line[0] != "EXIF"]


def print_exploration(found: Exploration) -> None:
    """Print the lines, and how many labels have how many photos, on stdout."""
    console = Console()
    for warning in found.warnings:
        console.print(Text(f"note: {warning}"), soft_wrap=True)
    lines = Table(show_header=False, box=None, pad_edge=False)
    for name, text in exploration_lines(found):
        lines.add_row(name, Text(text))
    console.print(lines)
    if found.per_label:
        console.print(_distribution(found.per_label))


def exploration_page(
    found: Exploration, figures: Mapping[str, tuple[str, bytes]], sheets: Mapping[str, Image]
) -> bytes:
    """The page as a file's content.

    `figures`: what each shows and its PNG, by name; `sheets`: by label.
    """
    parts = [
        paragraph(f"Labels {found.source}, photos {found.folder}", "soft"),
        *(paragraph(f"note: {warning}", "soft") for warning in found.warnings),
        html_table((), exploration_lines(found)),
    ]
    for shows, drawn in figures.values():
        parts += [f"<h2>{escape(shows)}</h2>", data_picture(drawn, shows, style="plot")]
    if found.per_label:
        most = list(found.per_label.items())[:_MOST_LABELS]
        heading = (
            "Photos by label"
            if len(most) == len(found.per_label)
            else f"The {len(most)} most photographed labels"
        )
        parts += [f"<h2>{heading}</h2>", html_table(("label", "photos"), most)]
    if found.species:
        rows = [(name, photos, labels) for name, (photos, labels) in found.species.items()]
        parts += ["<h2>Species</h2>", html_table(("species", "photos", "labels"), rows)]
    for label, sheet in sheets.items():
        parts += [
            f"<h2>{escape(label)}</h2>",
            data_picture(jpeg_bytes(sheet), f"Photos of {label}", kind="jpeg"),
        ]
    return html_page(f"flukeprint data explore: {name_of(found.source)}", parts)


def _distribution(per_label: Mapping[str, int]) -> Table:
    table = Table()
    for heading in ("photos of a label", "labels", "photos together"):
        table.add_column(heading, justify="right")
    labels = Counter((count - 1).bit_length() for count in per_label.values())
    photos: Counter[int] = Counter()
    for count in per_label.values():
        photos[(count - 1).bit_length()] += count
    for power in sorted(labels):
        low, high = 2**power // 2 + 1, 2**power
        text = f"{high:,}" if low >= high else f"{low:,} to {high:,}"
        table.add_row(text, f"{labels[power]:,}", f"{photos[power]:,}")
    return table


def _species(species: Mapping[str, tuple[int, int]]) -> str:
    if not species:
        return "the labels name none"
    text = [
        f"{name} ({photos:,} photos of {labels:,} labels)"
        for name, (photos, labels) in list(species.items())[:5]
    ]
    return f"{len(species):,}: " + ", ".join(text) + (" and more" if len(species) > 5 else "")


def _time_lines(found: Exploration) -> list[tuple[str, str]]:
    time = found.time
    if time is None:
        return [("time", "no label and no file tells when a photo was taken")]
    dated = time.by_label + time.by_file
    lines = [
        (
            "time",
            f"{dated:,} of {len(found.photos):,} photos ({time.by_label:,} by label, "
            f"{time.by_file:,} by file alone), "
            f"{time.first} to {time.last}",
        ),
        ("seen again", f"{time.labels_on_several_days:,} labels on more than one day"),
    ]
    return [*lines, ("encounters", f"{found.encounters:,}")] if found.encounters else lines


def _channels(values: list[float]) -> str:
    red, green, blue = values
    return f"red {red:.3f}, green {green:.3f}, blue {blue:.3f} (0 to 1)"
