"""Camtrap DP packages as R and other programs leave them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from embedding.photos.photo import Box
from index.labels.labelled_photo import BadLabels
from index.labels.reading.camtrap_rows import camtrap_rows

MEDIA = "mediaID,deploymentID,timestamp,filePath,fileName\n"
OBSERVATIONS = (
    "observationID,deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,"
    "individualID,bboxX,bboxY,bboxWidth,bboxHeight\n"
)


class Package:
    """A package of three photos, one a minute, each of another animal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "media").mkdir()
        for number in range(3):
            Image.new("RGB", (8, 8)).save(folder / "media" / f"{number}.jpg")
        self.media = [f"m{n},d1,2021-04-03T10:0{n}:00Z,media/{n}.jpg,{n}.jpg" for n in range(3)]
        self.observations = [f"o{n},d1,m{n},,,,media,w_{n},,,," for n in range(3)]
        self.resources = [
            {"name": name, "path": f"{name}.csv"} for name in ("media", "observations")
        ]

    def read(self, *, separator: str = ","):
        for name, header in (("media", MEDIA), ("observations", OBSERVATIONS)):
            text = header + "\n".join(getattr(self, name)) + "\n"
            (self.folder / f"{name}.csv").write_text(text.replace(",", separator))
        document = self.folder / "datapackage.json"
        document.write_text(json.dumps({"resources": self.resources}))
        rows, warnings = camtrap_rows(document, self.folder)
        assert all(row.path.is_file() for row in rows)
        return {row.name: row for row in rows}, warnings


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return Package(tmp_path)


def named(rows) -> dict[str, str | None]:
    return {name: row.individual for name, row in rows.items()}


THREE = {"0.jpg": "w_0", "1.jpg": "w_1", "2.jpg": "w_2"}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_any_separator_is_read(package, separator):
    assert named(package.read(separator=separator)[0]) == THREE


def test_a_separator_that_the_package_names(package):
    for one in package.resources:
        one["dialect"] = {"delimiter": "|"}
    assert named(package.read(separator="|")[0]) == THREE


@pytest.mark.parametrize("has_header", [True, False])
def test_a_table_in_several_files(package, has_header):
    package.resources[1]["path"] = ["observations.csv", "more.csv"]
    more = (OBSERVATIONS if has_header else "") + package.observations.pop() + "\n"
    (package.folder / "more.csv").write_text(more)
    assert named(package.read()[0]) == THREE


def test_a_table_within_the_package_and_columns_of_older_versions(package):
    package.resources[0] = {
        "name": "media",
        "data": [
            {"media_id": f"m{n}", "deployment_id": "d1", "file_path": f"media/{n}.jpg"}
            for n in range(3)
        ],
    }
    assert named(package.read()[0]) == THREE


@pytest.mark.parametrize("word", ["NA", "", "NaN", "null"])
def test_a_missing_individual_is_told(package, word):
    package.observations[1] = f"o1,d1,m1,,,,media,{word},,,,"
    rows, warnings = package.read()
    assert named(rows) == {"0.jpg": "w_0", "2.jpg": "w_2"}
    assert warnings == ["1 observation names no individual and is left out: o1"]


@pytest.mark.parametrize("word", ["NA", "0000-00-00", "soon"])
def test_a_time_that_can_not_be_read_is_none(package, word):
    package.media[0] = f"m0,d1,{word},media/0.jpg,0.jpg"
    rows, warnings = package.read()
    assert (rows["0.jpg"].taken_at, rows["1.jpg"].taken_at) == (None, "2021-04-03T10:01:00Z")
    is_told = ["1 times can't be read and count as none: " + repr(word) + " of 0.jpg"]
    assert warnings == ([] if word == "NA" else is_told)


def test_boxes_are_cut_at_the_edge(package):
    package.observations[0] = "o0,d1,m0,,,,media,w_0,-0.001,0.25,0.5,0.7500001"
    assert package.read()[0]["0.jpg"].box == Box(0.0, 0.25, 0.499, 1.0)


def test_an_event_with_one_photo_is_read_and_one_with_several_is_told(package):
    package.observations = [
        "o0,d1,,e1,2021-04-03T10:00:00Z,2021-04-03T10:00:30Z,event,w_0,,,,",
        "o1,d1,,e2,2021-04-03T12:01:00+02:00,2021-04-03T12:02:00+02:00,event,w_1,,,,",
        "o2,d1,,e3,2021-04-04T10:00:00Z,2021-04-04T10:00:00Z,event,w_2,,,,",
        "o3,d2,NA,e4,2021-04-03T10:00:00Z,2021-04-03T10:00:30Z,event,w_3,,,,",
    ]
    rows, warnings = package.read()
    assert named(rows) == {"0.jpg": "w_0"}
    assert warnings == [
        "1 observation is left out, of an event with several photos, and nothing says which of "
        "them shows the animal: o1",
        "2 observations are left out, of an event without a photo: o2, o3",
    ]


def test_events_by_the_name_that_photos_have(package):
    package.media = [f"{row},{'e1' if at else 'e0'}" for at, row in enumerate(package.media)]
    global_header = MEDIA.strip() + ",sequenceID\n"
    text = global_header + "\n".join(package.media) + "\n"
    package.resources[0]["path"] = "media_events.csv"
    (package.folder / "media_events.csv").write_text(text)
    package.resources[1]["path"] = "events.csv"
    (package.folder / "events.csv").write_text(
        "observation_id,sequence_id,individual_id\no0,e0,w_0\no1,e1,w_1\n"
    )
    rows, warnings = package.read()
    assert named(rows) == {"0.jpg": "w_0"}
    assert len(warnings) == 1


@pytest.mark.parametrize(
    "path",
    [
        "https://example.org/d1/{}.jpg",
        "/pictures/{}.jpg",
        "C:\\photos\\{}.jpg",
        "s3://b/{}.jpg",
    ],
)
@pytest.mark.parametrize("has_name", [True, False])
def test_files_of_another_place_are_found_by_their_name(package, path, has_name):
    package.media = [
        f"m{n},d1,,{path.format(n)},{f'{n}.jpg' if has_name else ''}" for n in range(3)
    ]
    assert named(package.read()[0]) == THREE


def test_files_that_are_elsewhere_alone_are_told(package):
    package.media[0] = "m0,d1,,https://example.org/gone.jpg,gone.jpg"
    rows, warnings = package.read()
    assert named(rows) == {"1.jpg": "w_1", "2.jpg": "w_2"}
    assert warnings == [
        "1 observation is left out, of a photo that isn't in the package: put the files into its "
        "folder media: o0"
    ]


def test_photos_of_one_name_are_not_taken_for_each_other(package):
    package.media = [f"m{n},d1,,https://example.org/{n}/0.jpg,0.jpg" for n in range(3)]
    rows, warnings = package.read()
    assert rows == {}
    assert "of one of several photos called media/0.jpg: o0, o1, o2" in warnings[0]


@pytest.mark.parametrize(
    ("resource", "told"),
    [
        ({"name": "media", "path": "https://example.org/media.csv"}, "download it into the"),
        ({"name": "media", "path": []}, "names no file"),
        ({"name": "media", "path": "../media.csv"}, "leads out"),
        ({"name": "media", "data": 3}, "must be a list of rows"),
        ({"name": "pictures", "path": "media.csv"}, "needs the resources media and observations"),
        ({"name": "media", "path": "observations.csv"}, "has no column mediaID|names no labelled"),
    ],
)
def test_packages_that_can_not_be_read_are_refused(package, resource, told):
    package.resources[0] = resource
    if resource.get("path") == "observations.csv":
        package.observations = []
        (package.folder / "other.csv").write_text("a,b\n1,2\n")
        package.resources[0] = {"name": "media", "path": "other.csv"}
    with pytest.raises(BadLabels, match=told):
        package.read()
