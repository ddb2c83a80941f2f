"""Five different labels, new_whale first beyond the threshold and second within it, and a file
whole or absent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.identification.submission import (
    FORMS,
    BadSubmission,
    check_against_sample,
    find_form,
    rank_labels,
    write_submission,
)
from index.search.matching import Candidate

RANKED = [Candidate(f"w_{rank}", 0.1 * rank, "a.jpg") for rank in range(1, 7)]
LABELS = ("w_1", "new_whale", "w_2", "w_3", "w_4")


def test_new_whale_is_second_within_the_threshold_and_first_beyond_it() -> None:
    assert rank_labels(RANKED, 0.1) == LABELS
    assert rank_labels(RANKED, math.nextafter(0.1, 0)) == ("new_whale", "w_1", "w_2", "w_3", "w_4")
    assert rank_labels(RANKED, 2.0) == LABELS
    assert rank_labels(RANKED, -1.0)[0] == "new_whale"


def test_four_individuals_are_enough_and_three_are_not() -> None:
    assert rank_labels(RANKED[:4], 0.5) == LABELS
    with pytest.raises(
        BadSubmission, match="needs 4 ranked individuals beside new_whale, and there are 3"
    ):
        rank_labels(RANKED[:3], 0.5)


def test_the_file_is_as_kaggle_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    write_submission([("b.jpg", LABELS), ("a,b.jpg", LABELS)], path)
    assert path.read_bytes() == (
        b'Image,Id\nb.jpg,w_1 new_whale w_2 w_3 w_4\n"a,b.jpg",w_1 new_whale w_2 w_3 w_4\n'
    )
    assert [each.name for each in tmp_path.iterdir()] == ["submission.csv"]


def test_a_failure_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    path.write_text("old")

    def rows() -> Iterator[tuple[str, tuple[str, ...]]]:
        yield "a.jpg", LABELS
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_submission(rows(), path)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["submission.csv"]


def test_a_folder_that_is_absent_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadSubmission, match=r"cannot write submission\.csv"):
        write_submission([], tmp_path / "absent" / "submission.csv")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS[:4], "photo a.jpg has the labels w_1 new_whale w_2 w_3; give 5 different ones"),
        ((*LABELS[:4], "w_1"), "give 5 different ones"),
        ((), r"\(none\)"),
        ((*LABELS[:4], "w 5"), "the label 'w 5'; labels are separated by spaces"),
        ((*LABELS[:4], ""), "the label ''"),
    ],
)
def test_rows_that_kaggle_would_refuse(
    tmp_path: Path, labels: tuple[str, ...], message: str
) -> None:
    with pytest.raises(BadSubmission, match=message):
        write_submission([("a.jpg", labels)], tmp_path / "submission.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_photo_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSubmission, match=r"photo a\.jpg has two rows"):
        write_submission([("a.jpg", LABELS), ("a.jpg", LABELS)], tmp_path / "submission.csv")


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.csv"
    path.write_text(
        "Image,Id\n" + "".join(f"{name}.jpg,new_whale w_1 w_2 w_3 w_4\n" for name in "abc")
    )
    return path


def test_a_submission_with_the_samples_photos_in_any_order_passes(
    tmp_path: Path, sample: Path
) -> None:
    path = tmp_path / "submission.csv"
    write_submission([(f"{name}.jpg", LABELS) for name in "cab"], path)
    check_against_sample(path, sample)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            "ab",
            r"submission\.csv lacks 1 of the photos, such as c\.jpg; sample\.csv names 3 photos",
        ),
        ("abcde", r"has, unlike the sample, 2 of the photos, such as d\.jpg, e\.jpg"),
    ],
)
def test_photos_missing_or_too_many_are_named(
    tmp_path: Path, sample: Path, names: str, message: str
) -> None:
    path = tmp_path / "submission.csv"
    write_submission([(f"{name}.jpg", LABELS) for name in names], path)
    with pytest.raises(BadSubmission, match=message):
        check_against_sample(path, sample)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "begins with an empty file; a submission begins with Image,Id"),
        ("image,label\na.jpg,w_1\n", "begins with image,label"),
        ("Image,Id\na.jpg\n", r"has the row 'a\.jpg'"),
        ("Image,Id\na.jpg,w_1 w_2\n", r"photo a\.jpg has the labels w_1 w_2; give 5"),
    ],
)
def test_a_file_that_is_no_submission(
    tmp_path: Path, sample: Path, text: str, message: str
) -> None:
    path = tmp_path / "submission.csv"
    path.write_text(text)
    with pytest.raises(BadSubmission, match=message):
        check_against_sample(path, sample)


def test_a_sample_that_is_absent_is_said(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    write_submission([], path)
    with pytest.raises(BadSubmission, match=r"sample\.csv cannot be read"):
        check_against_sample(path, tmp_path / "sample.csv")


@pytest.mark.shared
def test_the_competitions_own_sample_is_a_sample(shared: Path, tmp_path: Path) -> None:
    sample = shared / "data" / "kaggle" / "humpback2019_sample_submission.csv"
    photos = [row.split(",")[0] for row in sample.read_text().splitlines()[1:]]
    assert len(photos) > 1000
    path = tmp_path / "submission.csv"
    write_submission([(photo, LABELS) for photo in photos], path)
    check_against_sample(path, sample)


def test_happywhales_form_has_its_own_header_and_label(tmp_path: Path) -> None:
    form = find_form("happywhale")
    labels = rank_labels(RANKED, 0.05, form)
    assert labels == ("new_individual", "w_1", "w_2", "w_3", "w_4")
    path = tmp_path / "submission.csv"
    write_submission([("a.jpg", labels)], path, form)
    assert path.read_text() == "image,predictions\na.jpg,new_individual w_1 w_2 w_3 w_4\n"
    check_against_sample(path, path, form)
    with pytest.raises(
        BadSubmission,
        match=r"begins with image,predictions; .* Image,Id; that is --form happywhale",
    ):
        check_against_sample(path, path)


def test_a_form_that_nobody_knows_is_refused() -> None:
    with pytest.raises(BadSubmission, match="the form is 'orca'; allowed are humpback, happywhale"):
        find_form("orca")
    assert list(FORMS) == ["humpback", "happywhale"]
