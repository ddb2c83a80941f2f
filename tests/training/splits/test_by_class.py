from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from index.labels.reader import LabelledPhoto
from training.recipes.choices import DataChoices
from training.splits.by_class import split_kinds, validation_of_kinds, write_parts
from training.splits.protocol import BadSplit

CHOICES = DataChoices(task="classes", validation_share=0.25, test_share=0.2)


def photos_of(**counts: int) -> list[LabelledPhoto]:
    return [
        LabelledPhoto(f"{kind}{at}.jpg", Path(f"{kind}{at}.jpg"), kind)
        for kind, count in counts.items()
        for at in range(count)
    ]


def test_each_kind_is_divided_in_the_same_shares() -> None:
    photos = photos_of(cat=100, dog=20)
    counts = Counter(
        (photo.individual, split_kinds(photos, CHOICES)[photo.name]) for photo in photos
    )
    assert counts == {
        ("cat", "train"): 60,
        ("cat", "validation"): 20,
        ("cat", "test"): 20,
        ("dog", "train"): 12,
        ("dog", "validation"): 4,
        ("dog", "test"): 4,
    }


def test_the_same_seed_gives_the_same_parts_and_another_seed_others() -> None:
    photos = photos_of(cat=40, dog=40)
    assert split_kinds(photos, CHOICES) == split_kinds(photos[::-1], CHOICES)
    assert split_kinds(photos, CHOICES) != split_kinds(
        photos, dataclasses.replace(CHOICES, split_seed=1)
    )


def test_the_loop_chooses_by_the_very_photos_that_are_told_to_be_validation() -> None:
    photos = photos_of(cat=40, dog=40)
    parts = split_kinds(photos, CHOICES)
    left = [photo for photo in photos if parts[photo.name] != "test"]
    seen = validation_of_kinds(left, CHOICES)
    assert seen.names("known_query") == sorted(
        name for name, part in parts.items() if part == "validation"
    )
    assert seen.names("fit") == sorted(name for name, part in parts.items() if part == "train")


def test_photos_of_one_encounter_are_never_in_two_parts() -> None:
    photos = [
        dataclasses.replace(photo, encounter=f"{photo.individual}{at // 4}")
        for at, photo in enumerate(photos_of(a=40, b=40))
    ]
    parts = split_kinds(photos, CHOICES)
    of_encounter = {(photo.encounter, parts[photo.name]) for photo in photos}
    assert len(of_encounter) == len({photo.encounter for photo in photos}) == 20
    assert set(parts.values()) == {"train", "validation", "test"}


@pytest.mark.parametrize(
    ("photos", "changed", "said"),
    [
        (photos_of(cat=9), {}, "the one label 'cat' leaves nothing to tell apart"),
        (photos_of(cat=1, dog=1), {}, "2 photos of 2 labels leave none for validation and test"),
        (
            photos_of(cat=9, dog=9),
            {"validation_share": 0.0},
            "data.validation_share = 0 leaves nothing to choose",
        ),
    ],
)
def test_what_cannot_be_split_is_told(
    photos: list[LabelledPhoto], changed: dict[str, float], said: str
) -> None:
    with pytest.raises(BadSplit, match=said):
        split_kinds(photos, dataclasses.replace(CHOICES, **changed))


def test_validation_photos_of_a_file_are_never_learned_from(tmp_path: Path) -> None:
    photos = photos_of(cat=10, dog=10)
    write_parts(split_kinds(photos, CHOICES), tmp_path / "split.csv")
    with pytest.raises(
        BadSplit, match=r"data.validation_share = 0 leaves nothing to choose and calibrate"
    ):
        split_kinds(
            photos,
            dataclasses.replace(CHOICES, split=str(tmp_path / "split.csv"), validation_share=0.0),
        )


def test_the_file_has_a_row_for_each_photo_and_makes_the_same_parts_again(tmp_path: Path) -> None:
    photos = photos_of(cat=10, dog=10)
    parts = split_kinds(photos, CHOICES)
    path = tmp_path / "split.csv"
    write_parts(parts, path)
    lines = path.read_text().splitlines()
    assert (lines[0], len(lines)) == ("image,part,role", 21)
    again = dataclasses.replace(CHOICES, split=str(path), split_seed=9)
    assert split_kinds(photos, again) == parts
    seen = validation_of_kinds([photo for photo in photos if parts[photo.name] != "test"], again)
    assert seen.names("known_query") == sorted(
        name for name, part in parts.items() if part == "validation"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,role\ncat0.jpg,fit\ncat1.jpg,fit\ndog0.jpg,known_query\n", "has no column part"),
        (
            "image,part,role\ncat0.jpg,train,fit\ncat1.jpg,validation,known_query\ndog0.jpg,test,unknown_query\n",
            "leaves no photo of 'dog' to learn from",
        ),
        (
            "image,part,role\ncat0.jpg,train,fit\ncat1.jpg,test,known_query\ndog0.jpg,train,fit\n",
            "leave none for validation",
        ),
    ],
)
def test_a_file_that_does_not_part_the_kinds_is_refused(
    text: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(BadSplit, match=said):
        split_kinds(
            photos_of(cat=2, dog=1), dataclasses.replace(CHOICES, split=str(tmp_path / "split.csv"))
        )
