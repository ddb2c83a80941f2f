"""Find the files of labelled photos, however either writes its accents.

macOS writes an accent as a sign of its own (NFD), most other programs as part of its letter (NFC).
Names are compared in NFC; a file keeps the name that it has on disk.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from unicodedata import normalize

from embedding.photos.photo import list_folder, photo_names
from index.labels.fields import in_nfc
from index.labels.labelled_photo import BadLabels, LabelledPhoto

LABEL_SUFFIXES = (".csv", ".json", ".xlsx", ".xlsm")


@dataclass(frozen=True, slots=True)
class MatchedPhotos:
    """Labelled photos that are there, the rest, and the photos of the folder without a label."""

    present: tuple[LabelledPhoto, ...]  # each with the path of its file
    absent: tuple[LabelledPhoto, ...]
    unlabelled: tuple[str, ...]  # sorted, in NFC
    there: frozenset[str]  # every photo of the folder, in NFC
    others: tuple[str, ...] = ()  # files that no label names and whose suffix is no photo's


def names_on_disk(folder: Path) -> dict[str, str]:
    """List the photos under a folder, sorted: names in NFC, with the names that files have.

    Raises BadLabels where two files differ only in how their accents are written.
    """
    found: dict[str, str] = {}
    for on_disk in photo_names(folder):
        if found.setdefault(in_nfc(on_disk), on_disk) != on_disk:
            raise BadLabels(
                f"{folder}: two files are called {in_nfc(on_disk)!r}; they differ only in how "
                "their accents are written (NFC and NFD); rename one of them"
            )
    return dict(sorted(found.items()))


def other_files(folder: Path) -> list[str]:
    """List what is under a folder and isn't looked at: neither photos nor label files by suffix."""
    others = (in_nfc(name) for name in list_folder(folder).others)
    return [name for name in others if not name.lower().endswith(LABEL_SUFFIXES)]


def match_photos(named: Iterable[LabelledPhoto], folder: Path) -> MatchedPhotos:
    """Find the files of labelled photos below a folder. Raises BadLabels, as `names_on_disk`."""
    there = names_on_disk(folder)
    present: list[LabelledPhoto] = []
    absent: list[LabelledPhoto] = []
    names: set[str] = set()
    for photo in named:
        names.add(photo.name)
        if photo.name in there:
            on_disk = there[photo.name]
            is_same = on_disk == photo.name
            present.append(photo if is_same else replace(photo, path=folder / on_disk))
            continue
        # Asked one by one only where the listing lacks them: links to folders, or suffixes that no
        # photo has.
        path = file_of(folder, photo.name)
        if path.is_file():
            present.append(photo if path == photo.path else replace(photo, path=path))
        else:
            absent.append(photo)
    unlabelled = tuple(name for name in there if name not in names)
    others = tuple(name for name in other_files(folder) if not _is_named(name, names))
    return MatchedPhotos(tuple(present), tuple(absent), unlabelled, frozenset(there), others)


def _is_named(other: str, names: Collection[str]) -> bool:
    """Whether labels name a file that is no photo by its suffix, or photos below a link."""
    is_link = other.endswith("/")
    return any(name.startswith(other) for name in names) if is_link else other in names


def file_of(folder: Path, name: str) -> Path:
    """The file of a photo's name, whose accents may be written in another way on disk."""
    path = folder / name
    if name.isascii() or path.exists():
        return path
    if (decomposed := folder / normalize("NFD", name)).exists():
        return decomposed
    found = folder
    for part in name.split("/"):
        inside = found.iterdir() if found.is_dir() else ()
        found = next((one for one in inside if in_nfc(one.name) == in_nfc(part)), found / part)
    return found


def catalogued_name(photo: LabelledPhoto, names: Mapping[str, str]) -> LabelledPhoto:
    """Give a photo the spelling that the catalogue knows it by; `names` is `names_by_nfc` of it.

    Catalogues made before names were normalised may hold the decomposed spelling of macOS.
    """
    known = names.get(in_nfc(photo.name))
    return photo if known is None or known == photo.name else replace(photo, name=known)


def names_by_nfc(names: Iterable[str]) -> dict[str, str]:
    """The spellings that a catalogue has, by their normal form; the normal one wins."""
    return {in_nfc(name): name for name in sorted(names, key=lambda name: name == in_nfc(name))}
