"""training/splits/checks.py: a split that breaks a promise is seen, whoever wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.labels.reader import LabelledPhoto
from training.splits.assignment import Kind, SplitChoices, make_parts
from training.splits.checks import run_checks
from training.splits.parts_file import parted_bytes
from training.splits.protocol import BadSplit


def photo(at: int, time: int, one: int) -> LabelledPhoto:
    taken_at = f"2020-{1 + time:02}-{1 + at:02}"
    return LabelledPhoto(
        f"w{at:02}_{time}_{one}", Path(), f"w{at:02}", None, f"e{at:02}_{time}", taken_at
    )


PHOTOS = [photo(at, time, one) for at in range(20) for time in range(5) for one in range(2)]
PHOTOS += [LabelledPhoto("single", Path(), "single", None, None, "2020-01-01")]


def split_text(**choices: object) -> tuple[str, SplitChoices]:
    chosen = SplitChoices(**choices)  # type: ignore[arg-type]
    return parted_bytes(make_parts(PHOTOS, chosen)).decode(), chosen


def moved(text: str, name: str, part: str) -> str:
    role = "fit" if part in {"train", "gallery"} else "known_query"
    return "\n".join(
        f"{name},{part},{role}" if line.startswith(name + ",") else line
        for line in text.splitlines()
    )


def first_in(text: str, part: str) -> str:
    return next(line.partition(",")[0] for line in text.splitlines() if f",{part}," in line)


def test_what_holds_is_told_with_its_counts() -> None:
    text, choices = split_text(by_time=True)
    assert run_checks(text.encode(), PHOTOS, choices) == [
        "every photo is in one part, and none in two",
        "no encounter straddles (100 encounters)",
        "individuals of a single photo or encounter are in train or gallery (1 individuals)",
        "train holds every individual that is asked about",
        "the test begins 2020-05-01, and train ends 2020-03-20",
    ]


def test_a_photo_twice_or_nowhere_is_seen() -> None:
    text, choices = split_text()
    for wrong in (text + text.splitlines()[1], "\n".join(text.splitlines()[:-1])):
        with pytest.raises(BadSplit, match="missing or there twice"):
            run_checks(wrong.encode(), PHOTOS, choices)


def test_an_encounter_in_two_parts_is_seen() -> None:
    text, choices = split_text()
    name = first_in(text, "test")
    with pytest.raises(BadSplit, match=f"no encounter straddles .*e{name[1:5]}"):
        run_checks(moved(text, name, "train").encode(), PHOTOS, choices)


def test_an_individual_seen_once_that_is_asked_about_is_seen() -> None:
    text, choices = split_text()
    with pytest.raises(BadSplit, match=r"single photo or encounter are in train .*: single"):
        run_checks(moved(text, "single", "test").encode(), PHOTOS, choices)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("closed-set", "train holds every individual.*: w"),
        ("identity-disjoint", "no individual of one part is in another: w"),
    ],
)
def test_an_individual_in_the_wrong_part_is_seen(kind: Kind, said: str) -> None:
    text, choices = split_text(kind=kind, by_encounter=False)
    one = first_in(text, "test").partition("_")[0]
    for photo in PHOTOS:
        if photo.individual == one:
            text = moved(text, photo.name, "test")
    if kind == "identity-disjoint":
        text = moved(text, f"{one}_0_0", "train")
    with pytest.raises(BadSplit, match=said):
        run_checks(text.encode(), PHOTOS, choices)


def test_a_test_photo_from_before_train_is_seen() -> None:
    text, choices = split_text(by_time=True, by_encounter=False)
    with pytest.raises(BadSplit, match="the test isn't later"):
        run_checks(moved(text, "w03_0_0", "test").encode(), PHOTOS, choices)
