"""The split file that a recipe names (`data.split`), instead of the protocol's own split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embedding.checkpoint import write_atomically
from index.labels.reader import LabelledPhoto
from training.recipes.choices import DataChoices
from training.splits.parts_file import read_parted
from training.splits.protocol import BadSplit, Split, read_split


@dataclass(frozen=True, slots=True)
class RecipeSplit:
    """A split file's photos to learn from, and the split that chooses the best epoch.

    `inner` parts `learnt_from` into fit and validation; None where the file leaves that to
    `data.validation_share`.
    """

    path: Path
    learnt_from: list[LabelledPhoto]
    inner: Split | None

    def copy_to(self, path: Path) -> None:
        """Leave the file in the run, as evaluate --split wants it."""
        write_atomically(path, self.path.read_bytes())


def recipe_split(choices: DataChoices, photos: Sequence[LabelledPhoto]) -> RecipeSplit | None:
    """Read the recipe's split file, None where it names none. Raises BadSplit.

    Of a split in parts train and validation are learned from, and validation chooses the best epoch
    unless `data.validation_share` is 0. Of the protocol's the fit part is learned from.
    """
    if not choices.split:
        return None
    if not choices.hold_out_test:
        raise BadSplit(
            "the split file (--split, data.split) holds a test part out, and data.hold_out_test "
            "= false wants none; "
            "give one of the two"
        )
    path = Path(choices.split)
    parted = read_parted(path, photos)
    if parted is None:
        roles = read_split(path, photos).roles
        return RecipeSplit(path, [photo for photo in photos if roles[photo.name] == "fit"], None)
    learnt_from = [photo for photo in photos if parted.parts[photo.name] in {"train", "validation"}]
    chooses = choices.validation_share > 0 and "validation" in parted.parts.values()
    return RecipeSplit(path, learnt_from, parted.for_training() if chooses else None)
