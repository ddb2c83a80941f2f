"""Tables with a column a fact: of wildlife-datasets, and with columns that a person names."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from embedding.photos.photo import Box
from index.labels.forms.columns import UnknownColumns, parse_columns
from index.labels.labelled_photo import BadLabels
from index.labels.reader import read_labels
from tests.index.labels.forms.conftest import WriteTable

SAID = ["photo=File", "individual=whale", "date=When", "place=Where", "side=Flank"]
HEADER = ["File", "Whale", "When", "Where", "Flank", "Boat"]


def test_a_table_of_wildlife_datasets(photos: Path):
    (photos / "metadata.csv").write_text(
        "image_id,identity,path,date,species,orientation,bbox,split\n"
        '1,001,a.jpg,2020-01-02 10:00:00,dolphin,left,"[24.0, 16, 120, 80.0]",train\n'
        "2,,b.jpg,,,,,query\n"
        "3,unknown,sub/d.jpg,nonsense,,,,train\n"
    )
    labels = read_labels(photos / "metadata.csv", None)
    first, second = labels.photos
    assert (first.name, first.individual, first.species) == ("a.jpg", "001", "dolphin")
    assert (first.taken_at, first.viewpoint) == ("2020-01-02T10:00:00", "left")
    assert first.box == Box(0.1, 0.1, 0.6, 0.6)
    assert (second.name, second.individual, second.taken_at) == ("sub/d.jpg", None, None)
    told = "\n".join(labels.warnings)
    assert "path -> photo" in told
    assert "not read: image_id, split" in told
    # A row without an identity is of a test set: it says nothing about the animal.
    assert "left out, as their rows name no individual: 1 photo, b.jpg" in told


def test_a_box_that_is_none_is_refused(photos: Path):
    (photos / "metadata.csv").write_text("identity,path,bbox\nw,a.jpg,1 2 3\n")
    with pytest.raises(BadLabels, match="the bbox '1 2 3' must be four numbers"):
        read_labels(photos / "metadata.csv", None)


def test_a_strangers_table_is_read_as_its_columns_are_said(workbook: WriteTable):
    rows = [
        ["a.jpg", "Scar", date(2021, 4, 3), "Cove", "left", "x"],
        ["b.jpg", None, date(2021, 4, 3), None, "right", "x"],
        ["c.jpg", "Scar", date(2021, 4, 3), "Bay", None, "x"],
    ]
    labels = read_labels(workbook(HEADER, rows), None, columns=parse_columns(SAID))
    found = {one.name: one for one in labels.photos}
    assert (found["a.jpg"].individual, found["b.jpg"].individual) == ("Scar", None)
    assert (found["a.jpg"].place, found["a.jpg"].viewpoint) == ("Cove", "left")
    assert found["a.jpg"].taken_at == "2021-04-03"
    # A place is noted of an encounter: one is made of each day and place of an animal.
    assert [found[name].encounter for name in ("a.jpg", "b.jpg", "c.jpg")] == [
        "2021-04-03",
        None,
        "2021-04-03 (2)",
    ]
    told = "\n".join(labels.warnings)
    assert "File -> photo, Whale -> individual, When -> date" in told
    assert "not read: Boat" in told
    assert "2 photos with a place and no encounter" in told


def test_columns_that_nobody_knows_are_shown_with_what_they_hold(workbook: WriteTable):
    table = workbook(HEADER, [["a.jpg", "Scar", date(2021, 4, 3), "Cove", "left", None]] * 9)
    with pytest.raises(UnknownColumns, match=r"--column photo=COLUMN .*Whale \('Scar'\)") as caught:
        read_labels(table, None)
    preview = caught.value.preview
    assert (preview.file, list(preview.columns)) == ("table.xlsx", HEADER)
    assert len(preview.rows) == 5
    assert preview.rows[0] == ("a.jpg", "Scar", "2021-04-03", "Cove", "left", "")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (["photo"], "write FIELD=COLUMN, such as individual=Whale"),
        (["photo=File", "animal=Whale"], "can't be 'animal'; it can be photo, individual, date"),
        (["photo=File"], "which column is the individual isn't said"),
        (["photo=File", "photo=Whale"], "photo is said to be 'File' and 'Whale'"),
        (["photo=File", "individual=File"], "the column 'File' can't be photo and individual"),
        (["photo=File", "individual=Name"], "the column 'Name', .* is not there; its columns are"),
    ],
)
def test_a_wrong_mapping_is_refused_with_what_is_allowed(
    workbook: WriteTable, said: list[str], reason: str
):
    table = workbook(HEADER, [["a.jpg", "Scar", None, None, None, None]])
    with pytest.raises(BadLabels, match=reason):
        read_labels(table, None, columns=parse_columns(said))


def test_columns_are_those_of_a_table(photos: Path):
    (photos / "coco.json").write_text("{}")
    columns = parse_columns(["photo=a", "individual=b"])
    with pytest.raises(BadLabels, match="is no table, so it has no columns to name"):
        read_labels(photos / "coco.json", None, columns=columns)
    with pytest.raises(BadLabels, match="columns are those of a label file"):
        read_labels(None, photos, columns=columns)


def test_a_date_that_is_none_is_refused_where_a_person_says_that_it_is_one(workbook: WriteTable):
    table = workbook(HEADER, [["a.jpg", "Scar", "03/04/2021", None, None, None]])
    with pytest.raises(BadLabels, match=r"row 2: taken_at '03/04/2021' isn't an ISO 8601 date"):
        read_labels(table, None, columns=parse_columns(SAID))


def test_a_workbook_with_flukeprints_own_columns_below_a_title(workbook: WriteTable):
    with pytest.raises(BadLabels, match="the header 'image, label' stands in row 2"):
        read_labels(workbook(["Season 2021"], [["image", "label"], ["a.jpg", "w"]]), None)
    labels = read_labels(workbook(["Image", "Id"], [["a.jpg", "001"]]), None)
    assert labels.photos[0].individual == "001"
