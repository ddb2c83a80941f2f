"""A split in parts (train, validation, test, gallery) and its file: `image,part,role`."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from embedding.checkpoint import write_atomically
from index.labels.reader import LabelledPhoto
from training.splits.protocol import BadSplit, Part, Role, Split, split_rows
from training.splits.stratified import Subset


@dataclass(frozen=True, slots=True)
class PartedSplit:
    """A part for every photo by name, and its role within that part.

    train: learned from.

    validation, test: queries, in the roles of `training.splits.protocol.Split`.

    gallery: only in the gallery that is searched; a new_whale there has no use.
    """

    parts: Mapping[str, Part]
    roles: Mapping[str, Role]

    def for_training(self) -> Split:
        """The split that chooses the best epoch: train and validation alone."""
        return Split(
            {
                name: role
                for name, role in self.roles.items()
                if self.parts[name] in {"train", "validation"}
            }
        )

    def for_test(self) -> Split:
        """The split that is measured at the end: all photos but the test's are in the gallery."""
        return Split(
            {
                name: role if self.parts[name] == "test" else "fit"
                for name, role in self.roles.items()
            }
        )


def roles_of(
    parts: Mapping[str, Part], photos: Sequence[LabelledPhoto], *, is_disjoint: bool
) -> dict[str, Role]:
    """Give each photo its role: whether its part's gallery holds its individual.

    The validation's gallery is train, the test's all but test. `is_disjoint`: individuals that the
    gallery doesn't hold are queried among themselves, instead of as unknown ones.
    """
    learned = {photo.individual for photo in photos if parts[photo.name] == "train"} - {None}
    held = {photo.individual for photo in photos if parts[photo.name] != "test"} - {None}

    def role(photo: LabelledPhoto) -> Role:
        part = parts[photo.name]
        if part in {"train", "gallery"}:
            return "fit"
        if photo.individual in (learned if part == "validation" else held):
            return "known_query"
        return "disjoint" if is_disjoint and photo.individual is not None else "unknown_query"

    return {photo.name: role(photo) for photo in photos}


def parted_bytes(split: PartedSplit) -> bytes:
    """The split's file: `image,part,role` rows, sorted by name."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "part", "role"])
    writer.writerows((name, split.parts[name], split.roles[name]) for name in sorted(split.parts))
    return text.getvalue().encode()


def write_parted(split: PartedSplit, path: Path) -> None:
    """Write the split's file."""
    write_atomically(path, parted_bytes(split))


def read_parted(path: Path, photos: Sequence[LabelledPhoto]) -> PartedSplit | None:
    """Read the parts of these photos; None of a file without parts, as the protocol's are.

    Raises BadSplit.
    """
    rows = split_rows(path, photos)
    parts: dict[str, Part] = {name: part for name, (_, part) in rows.items() if part is not None}
    return (
        PartedSplit(parts, {name: role for name, (role, _) in rows.items()})
        if len(parts) == len(rows)
        else None
    )


def read_class_parts(path: Path, photos: Sequence[LabelledPhoto]) -> dict[str, Subset]:
    """Read the parts for labels that are kinds.

    Kinds have no gallery: what stands there is learned from.
    """
    parted = read_parted(path, photos)
    if parted is None:
        raise BadSplit(
            f"{path} has no column part; labels that are kinds want a file of `flukeprint data "
            "split`"
        )
    return {name: "train" if part == "gallery" else part for name, part in parted.parts.items()}
