"""Plan an import, file by file: a source's photos compared with the catalogue's.

Pure: nothing is changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from embedding.photos.photo import Box
from index.catalogue.catalogue import CataloguePhoto
from index.curation.corrections import Corrections
from index.exchange.importing.archive import SkippedEntry
from index.exchange.importing.sources import ImportSource, SourcePhoto
from index.labels.forms.columns import ColumnUse
from index.labels.labelled_photo import DisputedPhoto
from index.labels.near_names import (
    LikelyFile,
    by_number,
    describe_new_numbers,
    describe_new_spellings,
)
from index.labels.photo_files import catalogued_name, names_by_nfc
from index.labels.reader import NEW_WHALE, LabelledPhoto
from index.photos.embed import describe_damage
from index.photos.perceptual_hash import NearDuplicates
from index.reindex.plan import (
    count_other_names,
    describe_other_names,
    filled_facts,
    with_known_encounter,
)

Status = Literal[
    "added",
    "changed",
    "unchanged",
    "skipped",
    "refused",
    "unreadable",
    "no_file",
    "no_label",
    "left_out",
]
Duplicates = Literal["skip", "keep-near", "keep-all"]
NOT_DONE: frozenset[Status] = frozenset({"refused", "unreadable", "no_file"})

_FACTS = ("individual", "species", "encounter", "region", "taken_at", "box")
_SAME_BOX = 1e-6  # shares of a side: what writing a box in pixels costs is no other box


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The choices of one import.

    `duplicates`: which photos that are in the catalogue under another name are skipped.
    `is_replacing`: a new file replaces another one of its name. `stores_hashes`: the perceptual
    hashes of the catalogue's photos are stored beside it.
    """

    duplicates: Duplicates = "skip"
    is_replacing: bool = False
    stores_hashes: bool = True


@dataclass(frozen=True, slots=True)
class ImportRow:
    """What happens to one file or label, and why.

    `like` is the photo that it is the same picture as.
    """

    photo: str
    status: Status
    reason: str
    individual: str | None = None
    like: str | None = None
    like_individual: str | None = None
    content_hash: str | None = None


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """Every file's row, sorted by name.

    `store`: photos to be copied in. `relabel`: known photos with new facts.
    """

    source: Path
    rows: tuple[ImportRow, ...]
    store: tuple[LabelledPhoto, ...]
    relabel: tuple[LabelledPhoto, ...]
    warnings: tuple[str, ...] = ()
    columns: tuple[ColumnUse, ...] = ()  # of a table, and what each became

    @property
    def counts(self) -> dict[Status, int]:
        """How many rows each status has."""
        return dict(Counter(row.status for row in self.rows))


def make_import_plan(
    source: ImportSource,
    photos: Sequence[SourcePhoto],
    known: Sequence[CataloguePhoto],
    *,
    known_perceptual: Mapping[str, bytes | None],
    corrections: Corrections = Corrections(),
    options: ImportOptions = ImportOptions(),
) -> ImportPlan:
    """Compare a source's `photos`, as read, with the catalogue's `known` ones.

    A photo is known by its name. It is a duplicate by its content hash or, unless the options keep
    such photos, by its perceptual hash (`known_perceptual`: content hash to perceptual hash). What
    a label doesn't say of a known photo stays as it was. What curators did stands, as
    `index.reindex.plan.make_update_plan` describes; photos of names that they deleted are refused.
    """
    labels = [photo.individual for photo in (*(each.photo for each in photos), *source.no_file)]
    names = names_by_nfc(photo.name for photo in known)
    photos = [
        replace(each, photo=_with_name_now(catalogued_name(each.photo, names), corrections))
        for each in photos
    ]
    sorting = _Sorting(known, photos, known_perceptual, corrections, options)
    for at, each in enumerate(photos):
        sorting.sort(at, each)
    likely = {each.name: each for each in source.likely_files}
    for photo in source.no_file:
        named = _with_name_now(catalogued_name(photo, names), corrections)
        sorting.sort_label(named, likely.get(photo.name))
    rows = [*sorting.rows, *_unmatched_rows(source)]
    rows += [_disputed_row(one, names) for one in source.disputed]
    return ImportPlan(
        source.source,
        tuple(sorted(rows, key=lambda row: row.photo)),
        tuple(sorting.store),
        tuple(sorting.relabel),
        (
            *source.warnings,
            *describe_damage({each.photo.name: each.damage for each in photos if each.damage}),
            *describe_new_numbers(labels, by_number(one.individual or "" for one in known)),
            *describe_new_spellings(labels, (one.individual for one in known if one.individual)),
            *describe_other_names(count_other_names(labels, corrections)),
        ),
        source.columns,
    )


class _Sorting:
    """Decides about one photo after the other; an accepted one counts as known for the next."""

    def __init__(
        self,
        known: Sequence[CataloguePhoto],
        photos: Sequence[SourcePhoto],
        known_perceptual: Mapping[str, bytes | None],
        corrections: Corrections,
        options: ImportOptions,
    ) -> None:
        self.rows: list[ImportRow] = []
        self.store: list[LabelledPhoto] = []
        self.relabel: list[LabelledPhoto] = []
        self._corrections = corrections
        self._options = options
        self._by_name = {photo.name: photo for photo in known}
        self._matched: set[str] = set()  # the known photos that an export's photos are of
        # A picture of several animals is several photos, which their boxes tell apart.
        self._by_hash: dict[str, list[LabelledPhoto | CataloguePhoto]] = {}
        for photo in known:
            self._by_hash.setdefault(photo.content_hash, []).append(photo)
        self._first_new = len(known)
        self._accepted: dict[int, LabelledPhoto | CataloguePhoto] = dict(enumerate(known))
        hashes = [known_perceptual.get(photo.content_hash) for photo in known]
        self._near = NearDuplicates([*hashes, *(each.perceptual for each in photos)])

    def sort(self, at: int, each: SourcePhoto) -> None:
        """Decide about the `at`-th photo of the source."""
        photo = each.photo
        old = self._by_name.get(photo.name)
        original = self._original_of(each)
        if each.fault is not None:
            remark = "; the catalogue keeps the photo that it has of this name" if old else ""
            self._add_photo(each, "unreadable", each.fault + remark)
        elif original is not None:
            self._sort_known(photo, original, each.taken_at)
        elif old is None and self._corrections.is_deleted(photo):
            reason = (
                "a curator deleted the photo of this name; undo that, or give this file a "
                "name of its own"
            )
            self._add_photo(each, "refused", reason)
        elif old is None:
            self._sort_new(at, each)
        elif old.content_hash == each.content_hash:
            self._sort_known(photo, old, each.taken_at)
        elif self._options.is_replacing:
            self._add_photo(each, "changed", "the new file takes the place of the old one", old)
            self.store.append(complete_label(replace(photo, taken_at=_own_time(each)), old))
        else:
            self._add_photo(
                each,
                "refused",
                "another file is catalogued under this name; give this one a name of its own, "
                "or give "
                "--replace-photos to put it in the old one's place",
                old,
            )

    def sort_label(self, photo: LabelledPhoto, likely: LikelyFile | None = None) -> None:
        """Decide about a label without a file: of a known photo it is as good as with one.

        `likely`: the file that it may mean.
        """
        old = self._by_name.get(photo.name) or self._named_by_export(photo)
        if old is not None:
            self._sort_known(photo, old)
        else:
            reason = "the label names a photo that is neither here nor in the catalogue"
            if likely is not None:
                reason += f"; {likely.file} is here and differs in {likely.way} alone"
            self._add_row(photo, "no_file", reason)

    def _original_of(self, each: SourcePhoto) -> CataloguePhoto | None:
        """The photo that an export made this one of, once in an import."""
        if each.original is None or each.original in self._matched:
            return None
        self._matched.add(each.original)
        return self._by_name[each.original]

    def _named_by_export(self, photo: LabelledPhoto) -> CataloguePhoto | None:
        like = next(iter(self._by_hash.get(photo.content_hash or "", ())), None)
        if not isinstance(like, CataloguePhoto) or like.name in self._matched:
            return None
        self._matched.add(like.name)
        return like

    def _sort_new(self, at: int, each: SourcePhoto) -> None:
        same = self._by_hash.get(each.content_hash, [])
        alike = [one for one in same if not _is_other_animal(each.photo, one)]
        like = alike[0] if alike and self._options.duplicates != "keep-all" else None
        if like is not None:
            self._add_photo(
                each,
                "skipped",
                f"the same file as {like.name}{_not_taken(each.photo, like)}",
                like,
            )
            return
        is_compared = self._options.duplicates == "skip" and not same
        near = self._nearest(at) if is_compared else None
        if near is not None:
            like, bits = near
            reason = (
                f"nearly the same picture as {like.name} ({bits} of 255 bits "
                f"differ){_not_taken(each.photo, like)}"
            )
            self._add_photo(each, "skipped", reason, like)
            return
        photo = replace(each.photo, taken_at=_own_time(each))
        self._add_photo(each, "added", f"new; {each.damage}" if each.damage else "new")
        self.store.append(photo)
        self._by_hash.setdefault(each.content_hash, []).append(photo)
        self._accepted[self._first_new + at] = photo

    def _nearest(self, at: int) -> tuple[LabelledPhoto | CataloguePhoto, int] | None:
        places = self._near.before(self._first_new + at)
        return next(
            ((self._accepted[place], bits) for place, bits in places if place in self._accepted),
            None,
        )

    def _sort_known(
        self, photo: LabelledPhoto, old: CataloguePhoto, own_time: str | None = None
    ) -> None:
        """Decide about a photo that the catalogue has; `own_time` is the one that its file says."""
        said = replace(complete_label(photo, old), name=old.name)
        said = replace(said, taken_at=said.taken_at or own_time)
        new = replace(self._corrections.apply_to(said, old), path=old.path)
        like = None if photo.name == old.name else old
        whose = "" if like is None else f"{old.name}: "
        differences = [*_describe_changes(old, new), *_describe_filled(new, old)]
        # What a curator corrected and the label says as it was before.
        standing = "".join(
            f"; a curator changed {change}, which stands" for change in _describe_changes(said, new)
        )
        status, reason = "changed", f"{whose}{'; '.join(differences)}{standing}"
        if not differences and like is None:
            status, reason = "unchanged", f"known already{standing}"
        elif not differences:
            status, reason = "skipped", f"the same photo as {old.name}{standing}"
        elif old.state != "catalogued":
            reason = f"in the catalogue this photo is {old.state}; decide about it there first"
            status = "refused"
        else:
            self.relabel.append(new)
        self._add_row(photo, status, reason, like=like, content_hash=old.content_hash)

    def _add_photo(
        self,
        each: SourcePhoto,
        status: Status,
        reason: str,
        like: LabelledPhoto | CataloguePhoto | None = None,
    ) -> None:
        self._add_row(each.photo, status, reason, like=like, content_hash=each.content_hash or None)

    def _add_row(
        self,
        photo: LabelledPhoto,
        status: Status,
        reason: str,
        *,
        like: LabelledPhoto | CataloguePhoto | None = None,
        content_hash: str | None = None,
    ) -> None:
        self.rows.append(
            ImportRow(
                photo.name,
                status,
                reason,
                individual=photo.individual or NEW_WHALE,
                like=like.name if like else None,
                like_individual=(like.individual or NEW_WHALE) if like else None,
                content_hash=content_hash,
            )
        )


def complete_label(photo: LabelledPhoto, old: CataloguePhoto) -> LabelledPhoto:
    """Complete a label by what is known of the photo.

    A box that differs from the known one by rounding only is the known one.
    """
    photo = with_known_encounter(photo, old)
    box = photo.box
    if box is None or (old.box is not None and _is_same_box(box, old.box)):
        box = old.box
    encounter = photo.encounter or old.encounter
    return replace(
        photo,
        species=photo.species or old.species,
        encounter=encounter,
        taken_at=photo.taken_at or old.taken_at,
        box=box,
        region=encounter and (photo.region or (old.region if encounter == old.encounter else None)),
    )


def _own_time(each: SourcePhoto) -> str | None:
    """When a photo was taken by its label, else by its file."""
    return each.photo.taken_at or each.taken_at


def _with_name_now(photo: LabelledPhoto, corrections: Corrections) -> LabelledPhoto:
    return replace(photo, individual=corrections.name_now(photo.individual))


def _describe_changes(before: LabelledPhoto | CataloguePhoto, after: LabelledPhoto) -> list[str]:
    return [
        f"{fact} {_word(getattr(before, fact), fact)} -> {_word(getattr(after, fact), fact)}"
        for fact in _FACTS
        if getattr(before, fact) != getattr(after, fact)
        and (fact != "region" or after.region is not None)
    ]


def _describe_filled(photo: LabelledPhoto, old: CataloguePhoto) -> list[str]:
    """What a label adds to what is noted; a place isn't written, as reports are shown to many."""
    return [
        "its place, which was none" if fact == "place" else f"{fact} none -> {getattr(photo, fact)}"
        for fact in filled_facts(photo, old)
    ]


def _is_same_box(one: Box, other: Box) -> bool:
    return all(
        abs(side - other_side) <= _SAME_BOX for side, other_side in zip(one, other, strict=True)
    )


def _other_label(photo: LabelledPhoto, like: LabelledPhoto | CataloguePhoto) -> str:
    if photo.individual == like.individual:
        return ""
    return (
        f", which is {like.individual or NEW_WHALE} and not {photo.individual or NEW_WHALE}: "
        "one label is wrong"
    )


def _not_taken(photo: LabelledPhoto, like: LabelledPhoto | CataloguePhoto) -> str:
    """What a duplicate's label says otherwise than its picture's, which nobody takes."""
    other = _other_label(photo, like)
    encounter = photo.encounter or like.encounter
    completed = replace(
        photo,
        individual=like.individual,
        species=photo.species or like.species,
        encounter=encounter,
        taken_at=photo.taken_at or like.taken_at,
        box=like.box,
        region=None,
    )
    facts = _describe_changes(like, completed)
    return f"{other}; not taken: {'; '.join(facts)}" if facts else other


def _word(fact: object, name: str) -> str:
    if fact is None:
        return NEW_WHALE if name == "individual" else "none"
    return " ".join(f"{side:.4g}" for side in fact) if isinstance(fact, Box) else str(fact)


def _unmatched_rows(source: ImportSource) -> list[ImportRow]:
    rows = [ImportRow(name, "no_label", "no label names this photo") for name in source.no_label]
    return rows + [_skipped_row(one) for one in source.left_out]


def _disputed_row(one: DisputedPhoto, known: Mapping[str, str]) -> ImportRow:
    """The row of a photo whose labels disagree: nobody but a person can tell who is right."""
    remark = "; the catalogue keeps what it has of this photo" if one.photo.name in known else ""
    return ImportRow(one.photo.name, "refused", f"{one.reason}{remark}")


def _skipped_row(one: SkippedEntry) -> ImportRow:
    return ImportRow(one.name, "unreadable" if one.is_damaged else "left_out", one.reason)


def _is_other_animal(photo: LabelledPhoto, like: LabelledPhoto | CataloguePhoto) -> bool:
    """Whether two photos of one picture show different animals, by their boxes."""
    return photo.box is not None and like.box is not None and photo.box != like.box
