"""A labelled photo, as every format of labels gives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from embedding.errors import FlukeprintError
from embedding.photos.photo import Box

NEW_WHALE = "new_whale"

# The picture that a box was measured on: upright, or as it is stored, turned or mirrored.
BoxOrientation = Literal["upright", "stored"]


class BadLabels(FlukeprintError):
    """A label file or folder that can't be used.

    The message says where, what is allowed and what to do.
    """


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """One photo and what is known of it."""

    name: str  # as the label file gives it, below the folder of photos; unique
    path: Path
    individual: str | None  # None: a new_whale, nobody in the catalogue
    species: str | None = None
    encounter: str | None = None
    taken_at: str | None = None  # ISO 8601
    box: Box | None = None
    region: str | None = None  # its encounter's; None: the label says none, and what is noted stays
    # What the label says instead of new_whale, such as `unknown`; it is told and not kept.
    nobody: str | None = field(default=None, compare=False)
    # Of the original that an export was made of; its own file may lack the place.
    content_hash: str | None = field(default=None, compare=False)
    # What the label says of the picture that its box was measured on.
    box_orientation: BoxOrientation | None = field(default=None, compare=False)
    box_size_px: tuple[float, float] | None = field(default=None, compare=False)
    # Left, top, width and height in pixels of a picture whose size the label doesn't say.
    box_px: tuple[float, float, float, float] | None = None
    # These fill in what the catalogue lacks, and never replace what it has.
    place: str | None = None  # private: its encounter's
    viewpoint: str | None = None  # from which side the animal is seen
    sex: str | None = None  # its individual's
    # Whether the encounter's name was made here, as the label has none; another one stands.
    is_encounter_made: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class DisputedPhoto:
    """A photo that is left out because its labels disagree, and how; one of them is `photo`."""

    photo: LabelledPhoto
    reason: str
