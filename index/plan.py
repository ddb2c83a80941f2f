"""What an update has to do, as a comparison of labels with a catalogue. Pure: nothing is read, nothing changed."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from index.catalogue import CataloguePhoto
from index.decided import Decided
from index.labels import LabelledPhoto
from index.schema import CATALOGUED


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do. A photo may be both in `reembed` and in `relabel`; `left` is what only the catalogue names.

    `kept_away`: named by the labels, and deleted by a curator.
    """

    add: tuple[LabelledPhoto, ...]
    reembed: tuple[LabelledPhoto, ...]
    relabel: tuple[LabelledPhoto, ...]
    remove: tuple[CataloguePhoto, ...]
    left: tuple[CataloguePhoto, ...]
    unchanged: int
    kept_away: tuple[LabelledPhoto, ...] = ()


def make_plan(
    wanted: Sequence[LabelledPhoto],
    known: Sequence[CataloguePhoto],
    *,
    changed: Set[str],
    fingerprint: str,
    prune: bool,
    decided: Decided = Decided(),
) -> Plan:
    """Compare labels (`wanted`) with what is catalogued (`known`), both by photo name.

    `changed` names the known photos whose content is another. A photo is embedded again after a change of content
    or box, and when its vector isn't of `fingerprint`. What the labels no longer name is removed with `prune`, and
    otherwise left, though embedded again for another fingerprint: half a catalogue can't be searched.

    What curators `decided` stands: a label's individual is who it was merged into or is called now, and a photo that
    was deleted isn't added again.
    """
    wanted = [replace(photo, individual=decided.name_now(photo.individual)) for photo in wanted]
    by_name = {photo.name: photo for photo in known}
    named = {photo.name for photo in wanted}
    both = [(photo, by_name[photo.name]) for photo in wanted if photo.name in by_name]
    stale = [photo for photo, old in both if photo.name in changed or needs_vector(photo, old, fingerprint)]
    relabelled = [photo for photo, old in both if is_relabelled(photo, old)]
    unnamed = tuple(old for old in known if old.name not in named)
    # What waits for a person, or was rejected by one, no label file names.
    pruned = tuple(old for old in unnamed if old.state == CATALOGUED) if prune else ()
    left = tuple(old for old in unnamed if old not in pruned) if pruned else unnamed
    touched = {photo.name for photo in (*stale, *relabelled)}
    return Plan(
        add=tuple(photo for photo in wanted if photo.name not in by_name and photo.name not in decided.away),
        reembed=(*stale, *(as_labelled(old) for old in left if old.fingerprint != fingerprint)),
        relabel=tuple(relabelled),
        remove=pruned,
        left=left,
        unchanged=len(both) - len(touched),
        kept_away=tuple(photo for photo in wanted if photo.name not in by_name and photo.name in decided.away),
    )


def needs_vector(photo: LabelledPhoto, old: CataloguePhoto, fingerprint: str) -> bool:
    """Whether a photo's vector is of no use any more, whatever its file holds."""
    return old.fingerprint != fingerprint or old.box != photo.box


def is_relabelled(photo: LabelledPhoto, old: CataloguePhoto) -> bool:
    """Whether anything that is known of the photo, apart from its pixels, differs."""
    new_facts = (photo.individual, photo.species, photo.encounter, photo.taken_at, photo.path)
    return new_facts != (old.individual, old.species, old.encounter, old.taken_at, old.path)


def as_labelled(known: CataloguePhoto) -> LabelledPhoto:
    """A catalogued photo as a label file would name it."""
    return LabelledPhoto(
        name=known.name,
        path=known.path,
        individual=known.individual,
        species=known.species,
        encounter=known.encounter,
        taken_at=known.taken_at,
        box=known.box,
    )
