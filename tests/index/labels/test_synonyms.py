"""Ids of one animal: lists in both forms, chains of them, and the id that most photos have."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.labels.reader import BadLabels, LabelledPhoto, Labels
from index.labels.synonyms import read_same_animals, with_one_id

LABELS = Labels(
    tuple(
        LabelledPhoto(f"{at}.jpg", Path(f"{at}.jpg"), individual)
        for at, individual in enumerate(["w_2", "w_2", "w_1", "w_3", None, "w_9"])
    ),
    Path("labels.csv"),
    ("a warning",),
)


def _list(folder: Path, text: str) -> Path:
    path = folder / "same.csv"
    path.write_text(text, newline="")
    return path


def test_kaggles_list_and_chains_of_pairs(tmp_path: Path) -> None:
    assert read_same_animals(
        _list(tmp_path, "Id,SubId\ngroup_0,w_1 w_2\ngroup_1,w_7 w_8 w_9\n")
    ) == [
        {"w_1", "w_2"},
        {"w_7", "w_8", "w_9"},
    ]
    chained = read_same_animals(
        _list(tmp_path, "one,other\nw_1,w_2\nw_5,w_6\n\nw_3, w_4\nw_2,w_3\n")
    )
    assert chained == [{"w_5", "w_6"}, {"w_1", "w_2", "w_3", "w_4"}]
    assert read_same_animals(_list(tmp_path, "one,other\rw_1,w_2\r")) == [{"w_1", "w_2"}]


@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["commas", "semicolons", "tabs"])
def test_columns_are_separated_as_in_label_files(tmp_path: Path, separator: str) -> None:
    def separated(text: str) -> Path:
        return _list(tmp_path, text.replace("|", separator))

    assert read_same_animals(separated("Id|SubId\ngroup_0|w_1 w_2\n")) == [{"w_1", "w_2"}]
    assert read_same_animals(separated("\ufeff\none|other\r\nw_1|w_2\r\n|\r\nw_2| w_3\r\n")) == [
        {"w_1", "w_2", "w_3"}
    ]
    other = "," if separator == ";" else ";"  # no separator here, so that it may stand in an id
    assert read_same_animals(separated(f"one|other\nw{other}1|w_2\n")) == [{f"w{other}1", "w_2"}]
    with pytest.raises(
        BadLabels, match=r"line 3: 'w_3.+w_4.+w_5' doesn't say .*commas, semicolons or tabs"
    ):
        read_same_animals(separated("one|other\nw_1|w_2\nw_3|w_4|w_5\n"))


def test_photos_get_the_id_that_most_have_and_ids_nobody_has_are_passed_over(
    tmp_path: Path,
) -> None:
    joined = with_one_id(
        LABELS, _list(tmp_path, "one,other\nw_1,w_2\nw_9,w_3\nw_7,w_8\nw_3,w_70\n")
    )
    assert [photo.individual for photo in joined.photos] == [
        "w_2",
        "w_2",
        "w_2",
        "w_3",
        None,
        "w_3",
    ]
    assert joined.warnings[0] == "a warning"
    assert "ids replaced by another of the same animal: w_1, w_9" in joined.warnings[1]
    assert with_one_id(LABELS, None) is LABELS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty and names no two ids"),
        (" \n,;\n", "is empty and names no two ids"),
        (
            "one|other\nw_1|w_2\n",
            r"line 2: 'w_1\|w_2' doesn't say which two ids are one; .*semicolons or tabs",
        ),
        ("Id,SubId\n", "names no two ids"),
        ("Id,SubId\ngroup_0,w_1\n", "line 2: 'group_0,w_1' doesn't say which two ids are one"),
        ("one,other\nw_1,w_1\n", "line 2: 'w_1,w_1' doesn't say"),
        ("one,other,third\nw_1,w_2,w_3\n", "or two ids a row"),
        (
            "one,other\nw_1," + "w" * 200_000 + "\n",
            "same.csv: not readable as CSV .*; allowed is a header line",
        ),
    ],
)
def test_lists_that_say_nothing_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadLabels, match=message):
        read_same_animals(_list(tmp_path, text))
