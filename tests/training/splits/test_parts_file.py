"""training/splits/parts_file.py: parts and roles through their file and back, as training and as
the test see them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from index.labels.reader import LabelledPhoto
from training.splits.parts_file import (
    PartedSplit,
    parted_bytes,
    read_class_parts,
    read_parted,
    roles_of,
    write_parted,
)
from training.splits.protocol import BadSplit, make_split, read_split, write_split

PHOTOS = [
    LabelledPhoto(name, Path(name), one)
    for name, one in [("a", "w"), ("b", "w"), ("c", "w"), ("d", None), ("e", "v")]
]
SPLIT = PartedSplit(
    {"a": "train", "b": "validation", "c": "test", "d": "test", "e": "gallery"},
    {"a": "fit", "b": "known_query", "c": "known_query", "d": "unknown_query", "e": "fit"},
)


def test_the_file_is_three_columns_sorted_by_name_and_comes_back(tmp_path: Path) -> None:
    write_parted(SPLIT, tmp_path / "split.csv")
    assert (tmp_path / "split.csv").read_text().splitlines()[:3] == [
        "image,part,role",
        "a,train,fit",
        "b,validation,known_query",
    ]
    assert read_parted(tmp_path / "split.csv", PHOTOS) == SPLIT
    assert (tmp_path / "split.csv").read_bytes() == parted_bytes(SPLIT)


def test_training_sees_train_and_validation_alone() -> None:
    assert SPLIT.for_training().roles == {"a": "fit", "b": "known_query"}


def test_the_test_has_all_others_in_its_gallery(tmp_path: Path) -> None:
    write_parted(SPLIT, tmp_path / "split.csv")
    assert SPLIT.for_test().roles == {
        "a": "fit",
        "b": "fit",
        "c": "known_query",
        "d": "unknown_query",
        "e": "fit",
    }
    assert read_split(tmp_path / "split.csv", PHOTOS) == SPLIT.for_test()


def test_roles_follow_from_who_stands_in_the_gallery() -> None:
    assert roles_of(SPLIT.parts, PHOTOS, is_disjoint=False) == SPLIT.roles
    parts = {**SPLIT.parts, "a": "test", "b": "test"}
    assert roles_of(parts, PHOTOS, is_disjoint=True)["c"] == "disjoint"  # type: ignore[arg-type]
    assert roles_of(parts, PHOTOS, is_disjoint=False)["c"] == "unknown_query"  # type: ignore[arg-type]
    assert roles_of(parts, PHOTOS, is_disjoint=True)["d"] == "unknown_query"  # type: ignore[arg-type]


def test_a_file_of_roles_alone_has_no_parts(tmp_path: Path) -> None:
    photos = [LabelledPhoto(f"{one}{at}", Path(), one) for one in "stuvwxyz" for at in range(3)]
    write_split(make_split(photos), tmp_path / "split.csv")
    assert read_parted(tmp_path / "split.csv", photos) is None
    with pytest.raises(BadSplit, match="has no column part"):
        read_class_parts(tmp_path / "split.csv", photos)


def test_kinds_have_no_gallery(tmp_path: Path) -> None:
    write_parted(SPLIT, tmp_path / "split.csv")
    assert read_class_parts(tmp_path / "split.csv", PHOTOS)["e"] == "train"


def test_a_part_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("image,part,role\na,trial,fit\n")
    with pytest.raises(
        BadSplit, match=r"part 'trial'; allowed are train, validation, test, gallery"
    ):
        read_parted(tmp_path / "split.csv", PHOTOS[:1])
