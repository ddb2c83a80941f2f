"""What an update has to do, as a comparison of labels with a catalogue.

Pure: nothing is read, nothing changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from index.catalogue.catalogue import CataloguePhoto
from index.curation.corrections import Corrections
from index.labels.reader import LabelledPhoto
from index.storage.schema import CATALOGUED

_CALLED_TOLD = 20


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """What an update has to do. A photo may be both in `reembed` and in `relabel`.

    `catalogue_only`: photos that the labels don't name. `deleted_by_curator`: photos that the
    labels name and a curator deleted. `corrected_by_curator`: known photos whose labels say what
    was before a curator's correction. `other_names`: how many labels use another name of an
    individual, by that name and its present one.
    """

    add: tuple[LabelledPhoto, ...]
    reembed: tuple[LabelledPhoto, ...]
    relabel: tuple[LabelledPhoto, ...]
    remove: tuple[CataloguePhoto, ...]
    catalogue_only: tuple[CataloguePhoto, ...]
    unchanged: int
    deleted_by_curator: tuple[LabelledPhoto, ...] = ()
    corrected_by_curator: tuple[LabelledPhoto, ...] = ()
    other_names: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])


def make_update_plan(
    labelled: Sequence[LabelledPhoto],
    known: Sequence[CataloguePhoto],
    *,
    changed: Set[str],
    fingerprint: str,
    prune: bool,
    corrections: Corrections = Corrections(),
) -> UpdatePlan:
    """Compare labelled photos with the `known` ones of a catalogue, by photo name.

    `changed` names the known photos of another content. A photo is embedded again after a change of
    content or box, and when its vector isn't of `fingerprint`. Photos that the labels no longer
    name are removed with `prune`. Without it they stay, and are embedded again for another
    fingerprint: half a catalogue can't be searched.

    What curators did stands. A label's individual is the one that it was merged into or renamed to,
    and a deleted photo isn't added again. A photo that was moved, split off or edited stays so
    where its label says what was before; where it says a third thing, the label is newer.
    """
    by_name = {photo.name: photo for photo in known}
    labels = [photo.individual for photo in labelled]
    renamed = [
        replace(photo, individual=corrections.name_now(photo.individual)) for photo in labelled
    ]
    renamed = [
        with_known_encounter(photo, by_name[photo.name]) if photo.name in by_name else photo
        for photo in renamed
    ]
    labelled = [
        corrections.apply_to(photo, by_name[photo.name]) if photo.name in by_name else photo
        for photo in renamed
    ]
    names = {photo.name for photo in labelled}
    both = [(photo, by_name[photo.name]) for photo in labelled if photo.name in by_name]
    stale = [
        photo
        for photo, old in both
        if photo.name in changed or needs_vector(photo, old, fingerprint)
    ]
    relabelled = [photo for photo, old in both if is_relabelled(photo, old)]
    unnamed = tuple(old for old in known if old.name not in names)
    # What waits for a person, or was rejected by one, no label file names.
    pruned = tuple(old for old in unnamed if old.state == CATALOGUED) if prune else ()
    remaining = tuple(old for old in unnamed if old not in pruned) if pruned else unnamed
    touched = {photo.name for photo in (*stale, *relabelled)}
    return UpdatePlan(
        add=tuple(
            photo
            for photo in labelled
            if photo.name not in by_name and not corrections.is_deleted(photo)
        ),
        reembed=(
            *stale,
            *(as_labelled(old) for old in remaining if old.fingerprint != fingerprint),
        ),
        relabel=tuple(relabelled),
        remove=pruned,
        catalogue_only=remaining,
        unchanged=len(both) - len(touched),
        deleted_by_curator=tuple(
            photo
            for photo in labelled
            if photo.name not in by_name and corrections.is_deleted(photo)
        ),
        other_names=count_other_names(labels, corrections),
        corrected_by_curator=tuple(
            now for now, label in zip(labelled, renamed, strict=True) if now != label
        ),
    )


def count_other_names(
    labels: Iterable[str | None], corrections: Corrections
) -> dict[tuple[str, str], int]:
    """Count the labels that use another name of an individual, by that and its present name."""
    pairs = ((label, corrections.name_now(label)) for label in labels)
    return dict(
        Counter(
            (label, now)
            for label, now in pairs
            if label is not None and now is not None and label != now
        )
    )


def describe_other_names(other_names: Mapping[tuple[str, str], int]) -> list[str]:
    """Write a warning for each of the first twenty other names.

    A name that was typed as another one's may mean somebody else.
    """
    lines = [
        f"{count:,} photo{'' if count == 1 else 's'} labelled {label} count as {now}'s, who has "
        "or had that name too"
        for (label, now), count in list(other_names.items())[:_CALLED_TOLD]
    ]
    more = len(other_names) - _CALLED_TOLD
    return [*lines, f"{more:,} more names are another one's"] if more > 0 else lines


def needs_vector(photo: LabelledPhoto, old: CataloguePhoto, fingerprint: str) -> bool:
    """Whether a photo's vector is of no use any more, whatever its file holds."""
    return old.fingerprint != fingerprint or old.box != photo.box


def is_relabelled(photo: LabelledPhoto, old: CataloguePhoto) -> bool:
    """Whether anything that is known of the photo, apart from its pixels, differs."""
    new_facts = (photo.individual, photo.species, photo.encounter, photo.taken_at, photo.path)
    if new_facts != (old.individual, old.species, old.encounter, old.taken_at, old.path):
        return True
    return photo.region not in (None, old.region) or bool(filled_facts(photo, old))


def with_known_encounter(photo: LabelledPhoto, old: CataloguePhoto) -> LabelledPhoto:
    """Keep a known photo's encounter where its label has none, and one was made.

    Where none is known either, one is made for a place alone, which is noted of an encounter.
    """
    if not photo.is_encounter_made or (old.encounter is None and photo.place is not None):
        return photo
    return replace(photo, encounter=old.encounter, region=old.encounter and photo.region)


def filled_facts(photo: LabelledPhoto, old: CataloguePhoto) -> list[str]:
    """The facts that a label says and the catalogue lacks, of those that it never replaces."""
    return [
        fact
        for fact in ("place", "viewpoint", "sex")
        if getattr(photo, fact) is not None
        and getattr(old, fact) is None
        and not (fact == "sex" and photo.individual is None)
    ]


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
        region=known.region,
        content_hash=known.content_hash,
        viewpoint=known.viewpoint,
        sex=known.sex,
    )
