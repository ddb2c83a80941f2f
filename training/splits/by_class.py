"""Split photos of kinds into those to learn from, to choose models by, and to test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from index.labels.reader import LabelledPhoto
from training.recipes.choices import DataChoices
from training.splits.parts_file import PartedSplit, read_class_parts, write_parted
from training.splits.protocol import BadSplit, Split
from training.splits.stratified import Shares, Subset, stratified_parts


def split_kinds(photos: Sequence[LabelledPhoto], choices: DataChoices) -> dict[str, Subset]:
    """Give every labelled photo its part, each kind in the same shares.

    `test_share` of the photos are test, and of the others `validation_share` are validation. Photos
    of one encounter stay together. `split` names a file of `flukeprint data split` to go by
    instead. Raises BadSplit where a part would be empty, one kind be all there is, or one have no
    photo to learn from.
    """
    kinds = sorted({photo.individual for photo in photos if photo.individual is not None})
    if len(kinds) < 2:
        labels_found = f"the one label {kinds[0]!r}" if kinds else "no label"
        raise BadSplit(
            f"{labels_found} leaves nothing to tell apart; give photos of at least two labels"
        )
    if not choices.validation_share:  # the loop would learn from a file's validation photos too
        raise BadSplit(
            "data.validation_share = 0 leaves nothing to choose and calibrate kinds by; give a "
            "share such as 0.2"
        )
    if choices.split:
        parts = read_class_parts(Path(choices.split), photos)
    else:
        parts = _parts(photos, Shares(validation=0.0, test=choices.test_share), choices.split_seed)
        parts |= _validation([photo for photo in photos if parts[photo.name] == "train"], choices)
    unlearned = sorted(
        set(kinds) - {photo.individual for photo in photos if parts[photo.name] == "train"}
    )
    if unlearned:
        raise BadSplit(
            f"{choices.split} leaves no photo of {unlearned[0]!r} to learn from; give another split"
        )
    empty = [part for part in ("validation", "test") if part not in parts.values()]
    if empty:
        raise BadSplit(
            f"{len(photos)} photos of {len(kinds)} labels leave none for {' and '.join(empty)}; "
            "give more photos, or "
            "greater shares: --set data.validation_share=0.3 --set data.test_share=0.3"
        )
    return parts


def validation_of_kinds(photos: Sequence[LabelledPhoto], choices: DataChoices) -> Split:
    """Split what `split_kinds` left beside the test: fit, and validation as known queries."""
    parts = (
        read_class_parts(Path(choices.split), photos)
        if choices.split
        else _validation(photos, choices)
    )
    return Split(
        {name: "known_query" if part == "validation" else "fit" for name, part in parts.items()}
    )


def write_parts(parts: Mapping[str, Subset], path: Path) -> None:
    """Write a split file as `flukeprint data split` does, to be given to `--split` again."""
    roles = Split(
        {name: "fit" if part == "train" else "known_query" for name, part in parts.items()}
    ).roles
    write_parted(PartedSplit(dict(parts), roles), path)


def _validation(photos: Sequence[LabelledPhoto], choices: DataChoices) -> dict[str, Subset]:
    return _parts(
        photos, Shares(validation=choices.validation_share, test=0.0), choices.split_seed + 1
    )


def _parts(photos: Sequence[LabelledPhoto], shares: Shares, seed: int) -> dict[str, Subset]:
    labels = {photo.name: photo.individual or "" for photo in photos}
    groups = {photo.name: photo.encounter for photo in photos if photo.encounter is not None}
    return stratified_parts(labels, shares, seed, group_of=groups)
