"""What is wrong with a labelled set: findings, each with its cases and what to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from index.curation.text_search import fold_text
from index.labels.near_names import without_zeros
from index.labels.reader import NEW_WHALE
from training.data.duplicates import DuplicateGroup
from training.data.file_facts import FileFacts
from training.sets.agreement import Agreement

_SMALLEST_PX = 64  # of the shorter side: below it marks on a fluke are gone
_LONGEST_ASPECT = 8.0
_SUFFIXES = {
    "JPEG": {"jpg", "jpeg", "jpe", "jfif", "jfi", "jif", "pjpeg", "pjp", "mpo"},
    "PNG": {"png", "apng"},
    "WebP": {"webp"},
    "TIFF": {"tif", "tiff"},
    "BMP": {"bmp", "dib"},
    "GIF": {"gif"},
    "HEIC": {"heic", "heif", "hif"},
    "AVIF": {"avif"},
}


@dataclass(frozen=True, slots=True)
class Case:
    """One photo, or one group of photos.

    `labels` belong to `photos` in their order; None: that photo has no label.
    """

    photos: tuple[str, ...]
    labels: tuple[str | None, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """All cases of one kind. `is_wrong` False: worth knowing, but no fault of the set."""

    kind: str
    title: str
    is_wrong: bool
    advice: str
    cases: tuple[Case, ...]


def findings_of(
    agreement: Agreement, files: Sequence[FileFacts], duplicates: Sequence[DuplicateGroup]
) -> list[Finding]:
    """Name everything that is wrong with a set, then what is worth knowing.

    Kinds without a case are left out.
    """
    labels = labels_of(agreement)
    readable = [file for file in files if file.fault is None]
    found = [
        *_label_findings(agreement),
        Finding(
            "unreadable",
            "photos that can't be read",
            True,
            "Copy or download them again; what can't be mended has to go, with its row.",
            tuple(
                Case((file.name,), (labels.get(file.name),), file.fault)
                for file in files
                if file.fault is not None
            ),
        ),
        *_duplicate_findings(duplicates, labels),
        _similar_label_finding(labels.values()),
        *_picture_findings(readable, labels),
        *_file_findings(readable, labels),
        Finding(
            "not_looked_at",
            "files that aren't looked at, having no photo's suffix",
            False,
            "Rename what is a photo; export raw files as JPEG. The rest may stay.",
            tuple(Case((name,)) for name in agreement.others),
        ),
    ]
    return [finding for finding in found if finding.cases]


def labels_of(agreement: Agreement) -> dict[str, str]:
    """Map every labelled photo to its label; several labels are joined by `or`."""
    once = {
        photo.name: photo.individual or NEW_WHALE
        for photo in (*agreement.labelled, *agreement.absent)
    }
    return once | {name: " or ".join(several) for name, several in agreement.disputed}


def _label_findings(agreement: Agreement) -> Iterable[Finding]:
    likely_files = {
        name: f"{file} differs by {how} alone" for name, file, how in agreement.likely_files
    }
    of_files = {
        file: f"{name} in the labels differs by {how} alone"
        for name, file, how in agreement.likely_files
    }
    yield Finding(
        "no_photo",
        "labels without a photo",
        True,
        _advice_for_absent(agreement),
        tuple(
            Case((photo.name,), (photo.individual or NEW_WHALE,), likely_files.get(photo.name, ""))
            for photo in agreement.absent
        ),
    )
    yield Finding(
        "no_label",
        "photos without a label",
        True,
        "Add a row for each (new_whale where nobody knows the animal), or move the files out of "
        "the folder.",
        tuple(Case((name,), (None,), of_files.get(name, "")) for name in agreement.unlabelled),
    )
    yield Finding(
        "bad_rows",
        "rows that can't be understood",
        True,
        "Mend these lines of the label file; until then their photos count as photos without a "
        "label.",
        tuple(Case((), (), detail) for detail in agreement.bad_rows),
    )
    yield Finding(
        "rows_disagree",
        "photos whose rows disagree",
        True,
        "Keep the right row: training refuses both. Where several animals are in one photo, cut "
        "it into one photo an "
        "animal.",
        tuple(
            Case(
                (name,),
                (" or ".join(labels),),
                "" if len(labels) > 1 else "one label, other details",
            )
            for name, labels in agreement.disputed
        ),
    )
    yield Finding(
        "repeated_rows",
        "photos named by several rows that agree",
        False,
        "One row is enough; nothing else has to be done.",
        tuple(Case((name,)) for name in agreement.repeated),
    )


def _advice_for_absent(agreement: Agreement) -> str:
    ways = Counter(how for _, _, how in agreement.likely_files)
    if not ways:
        return (
            "Find the files and copy them in, or take the rows out; training with them "
            "missing is refused."
        )
    detail = ", ".join(f"{count:,} by {how}" for how, count in ways.most_common())
    return (
        f"{sum(ways.values()):,} of them differ from a file without a label in one thing alone "
        f"({detail}): rename the "
        "files, or mend the names in the label file. The rest: find the files, or take the rows "
        "out."
    )


def _duplicate_findings(
    duplicates: Sequence[DuplicateGroup], labels: Mapping[str, str]
) -> Iterable[Finding]:
    kinds: dict[tuple[bool, bool], list[Case]] = {}
    for group in duplicates:
        own = tuple(labels.get(name) for name in group.photos)
        is_across = len({label for label in own if label is not None}) > 1
        detail = "" if group.is_exact else f"{max(group.bits)} of 255 bits differ"
        kinds.setdefault((group.is_exact, is_across), []).append(Case(group.photos, own, detail))
    across = (
        "One label is wrong, or one animal has two names, or a new_whale is known: compare "
        "them and keep one label."
    )
    within = (
        "Keep one of each: copies fall on both sides of a split, and then a measurement is "
        "of memory."
    )
    for is_exact, is_across, kind, title, advice in (
        (
            True,
            True,
            "same_file_across_labels",
            "files that are the same under different labels",
            across,
        ),
        (
            False,
            True,
            "near_across_labels",
            "pictures that are nearly the same under different labels",
            across,
        ),
        (True, False, "same_file", "files that are there more than once", within),
        (False, False, "near", "pictures that are there more than once in other bytes", within),
    ):
        yield Finding(kind, title, True, advice, tuple(kinds.get((is_exact, is_across), ())))


def _similar_label_finding(labels: Iterable[str]) -> Finding:
    spelt: dict[str, Counter[str]] = {}
    for label in labels:
        spelt.setdefault(_plain_label(label), Counter())[label] += 1
    cases = [
        Case(
            (),
            tuple(sorted(names)),
            ", ".join(f"{name}: {count:,}" for name, count in sorted(names.items())),
        )
        for names in spelt.values()
        if len(names) > 1
    ]
    return Finding(
        "like_labels",
        "labels that differ in case, accents, punctuation or zeros alone",
        True,
        "Spell them one way, if they are one: training takes them for different animals. "
        "Spreadsheets take leading zeros away.",
        tuple(cases),
    )


def _plain_label(label: str) -> str:
    """A label without what spelling it in another way may change.

    What stands between two digits stays as a dot: 1.0 is not 10.
    """
    dotted = re.sub(r"(?<=\d)[\W_]+(?=\d)", ".", without_zeros(fold_text(label)))
    return re.sub(r"(?!(?<=\d)\.(?=\d))[\W_]+", "", dotted)


def _picture_findings(files: Sequence[FileFacts], labels: Mapping[str, str]) -> Iterable[Finding]:
    yield Finding(
        "damaged",
        "photos with missing or damaged pixels",
        True,
        "Copy or download them again; what can't be mended has to go, with its row.",
        _cases(
            files,
            labels,
            lambda file: file.damage is not None and file.perceptual is not None,
            lambda file: file.damage or "",
        ),
    )
    yield Finding(
        "blank",
        "photos of one even colour",
        True,
        "Look at them: a blank sheet teaches nothing. Take them out.",
        _cases(files, labels, lambda file: file.perceptual is None, _size),
    )
    yield Finding(
        "small",
        f"photos whose shorter side is below {_SMALLEST_PX} px",
        False,
        "Ask for the originals; marks that a network could learn from are lost at this size.",
        _cases(
            files, labels, lambda file: min(file.width_px, file.height_px) < _SMALLEST_PX, _size
        ),
    )
    yield Finding(
        "long",
        f"photos more than {_LONGEST_ASPECT:.0f} times as long as wide",
        False,
        "Look at them: often it is a bad crop.",
        _cases(files, labels, _is_long, _size),
    )
    grey = _cases(files, labels, lambda file: file.tint != "colour", lambda file: file.tint)
    yield Finding(
        "grey_among_colour",
        "grey photos among coloured ones",
        False,
        "If some animals are mostly grey and others not, a network learns that instead: train "
        "all in grey, or add grey "
        "by augmentation.",
        grey if len(grey) < len(files) else (),
    )
    yield Finding(
        "alpha",
        "photos with transparency",
        False,
        "They are read before middle grey; nothing has to be done, unless a mask was meant to "
        "be kept.",
        _cases(files, labels, lambda file: file.has_alpha, lambda file: file.mode),
    )


def _file_findings(files: Sequence[FileFacts], labels: Mapping[str, str]) -> Iterable[Finding]:
    yield Finding(
        "place",
        "photos that tell where they were taken",
        False,
        "Where endangered animals are is a secret: take the places out before files leave your "
        "hands (`flukeprint "
        "catalogue export` does). Nothing here shows them.",
        _cases(files, labels, lambda file: file.has_place, lambda file: "has a place"),
    )
    yield Finding(
        "turned",
        "photos stored turned or mirrored, with an EXIF orientation",
        False,
        "flukeprint turns them upright. Other programs may not: boxes measured there are then "
        "wrong.",
        _cases(
            files,
            labels,
            lambda file: file.orientation != 1,
            lambda file: f"orientation {file.orientation}",
        ),
    )
    yield Finding(
        "suffix",
        "files that are another format than their name says",
        False,
        "flukeprint reads them as what they are. Rename them for other programs.",
        _cases(files, labels, _is_misnamed, lambda file: f"is {file.file_format}"),
    )


def _cases(
    files: Sequence[FileFacts],
    labels: Mapping[str, str],
    is_one: Callable[[FileFacts], bool],
    detail: Callable[[FileFacts], str],
) -> tuple[Case, ...]:
    return tuple(
        Case((file.name,), (labels.get(file.name),), detail(file)) for file in files if is_one(file)
    )


def _size(file: FileFacts) -> str:
    return f"{file.width_px:,} x {file.height_px:,} px"


def _is_long(file: FileFacts) -> bool:
    sides = sorted((file.width_px, file.height_px))
    return sides[1] > _LONGEST_ASPECT * sides[0]


def _is_misnamed(file: FileFacts) -> bool:
    return file.name.rpartition(".")[2].lower() not in _SUFFIXES.get(file.file_format, set())
