"""What an update or a build of a catalogue did, and what in its labels is doubtful."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from index.catalogue.catalogue import Catalogue, CataloguePhoto
from index.labels.labelled_photo import DisputedPhoto
from index.labels.reader import NEW_WHALE, Labels
from index.photos.embed import UnreadPhoto
from index.storage.schema import CATALOGUED

_MISLABELLED_TOLD = 20


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What an update or a build did.

    `left`: photos that only the catalogue names, kept as they were.

    `kept_away`: photos that the labels name and a curator deleted; `kept_curated`: of which they
    say what a curator corrected. `disputed`: photos that were left out because their labels
    disagree.
    """

    revision: int
    is_new_revision: bool
    added: int
    reembedded: int
    relabelled: int
    removed: int
    unchanged: int
    left: int
    unread: tuple[UnreadPhoto, ...]
    warnings: tuple[str, ...]
    kept_away: int = 0
    kept_curated: int = 0
    disputed: tuple[DisputedPhoto, ...] = ()


def add_warnings(report: UpdateReport, labels: Labels | None, catalogue: Catalogue) -> UpdateReport:
    """The report with what the labels make doubtful, looked for once nobody waits any more."""
    of_labels = labels.warnings if labels else ()
    return replace(
        report,
        warnings=(*of_labels, *report.warnings, *_mislabelled(catalogue.photos())),
        disputed=labels.disputed if labels else (),
    )


def _mislabelled(photos: Sequence[CataloguePhoto]) -> list[str]:
    first: dict[str, CataloguePhoto] = {}
    pairs: list[tuple[CataloguePhoto, CataloguePhoto]] = []
    for photo in photos:
        other = first.setdefault(photo.content_hash, photo)
        if other.box is not None and photo.box is not None and other.box != photo.box:
            continue  # two animals in one picture
        if photo.state == other.state == CATALOGUED and other.individual != photo.individual:
            pairs.append((other, photo))
    warnings = [
        f"{one.name} ({one.individual or NEW_WHALE}) and {other.name} "
        f"({other.individual or NEW_WHALE}) are the same "
        "picture: one label is probably wrong"
        for one, other in pairs[:_MISLABELLED_TOLD]
    ]
    if len(pairs) > _MISLABELLED_TOLD:
        warnings.append(
            f"{len(pairs) - _MISLABELLED_TOLD:,} more pairs of the same picture have different "
            "labels"
        )
    return warnings
