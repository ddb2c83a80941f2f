"""A Camtrap DP package as its standard says, and packages of other programs read."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from embedding.photos.photo import Box
from index.labels.camtrap import camtrap_texts
from index.labels.reader import BadLabels, LabelledPhoto
from index.labels.reading.camtrap_rows import camtrap_rows

PHOTOS = [
    LabelledPhoto(
        "a.jpg", Path("a.jpg"), "w_1", "Megaptera novaeangliae", "e1", "2018-06-01T12:30:00+02:00"
    ),
    LabelledPhoto(
        "sub/b.png", Path("b.png"), None, None, None, "2018-06", Box(0.25, 0.5, 0.75, 1.0)
    ),
    LabelledPhoto("c.jpg", Path("c.jpg"), "w_2"),
]


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


@pytest.fixture
def texts() -> dict[str, str]:
    places = {"a.jpg": "44.5, -68.25", "c.jpg": "the bay"}
    return camtrap_texts(PHOTOS, places, created="2026-01-02T03:04:05Z")


def test_the_package_has_all_that_its_profile_requires(texts):
    package = json.loads(texts["datapackage.json"])
    assert {
        "resources",
        "profile",
        "created",
        "contributors",
        "project",
        "spatial",
        "temporal",
        "taxonomic",
    } <= set(package)
    assert package["profile"].endswith("/1.0.2/camtrap-dp-profile.json")
    assert [one["name"] for one in package["resources"]] == ["deployments", "media", "observations"]
    assert {one["path"] for one in package["resources"]} == set(texts) - {"datapackage.json"}
    assert package["project"]["individualAnimals"] is True
    assert package["temporal"] == {"start": "2018-06-01", "end": "2018-06-01"}
    assert package["taxonomic"] == [{"scientificName": "Megaptera novaeangliae"}]


def test_the_tables(texts):
    deployments, media, observations = (
        table(texts[f"{name}.csv"]) for name in ("deployments", "media", "observations")
    )
    assert [
        (row["deploymentID"], row["latitude"], row["longitude"], row["locationName"])
        for row in deployments
    ] == [
        ("place-1", "44.5", "-68.25", "44.5, -68.25"),
        ("catalogue", "", "", ""),
        ("place-2", "", "", "the bay"),
    ]
    assert {row["deploymentID"] for row in media} <= {row["deploymentID"] for row in deployments}
    assert [row["filePath"] for row in media] == ["media/a.jpg", "media/sub/b.png", "media/c.jpg"]
    assert [row["fileMediatype"] for row in media] == ["image/jpeg", "image/png", "image/jpeg"]
    assert [row["timestamp"] for row in media] == [
        "2018-06-01T12:30:00+02:00",
        "2018-06-01T00:00:00Z",
        "",
    ]
    assert [row["individualID"] for row in observations] == ["w_1", "", "w_2"]
    assert [row["eventID"] for row in observations] == ["e1", "", ""]
    assert {row["observationLevel"] for row in observations} == {"media"}
    assert observations[1]["observationTags"] == "takenAt:2018-06 | label:new_whale"
    box = {
        name: float(observations[1][name]) for name in ("bboxX", "bboxY", "bboxWidth", "bboxHeight")
    }
    assert box == {"bboxX": 0.25, "bboxY": 0.5, "bboxWidth": 0.5, "bboxHeight": 0.5}


@pytest.mark.parametrize(
    ("taken_at", "timestamp"),
    [
        ("2018", "2018-01-01T00:00:00Z"),
        ("2018-06", "2018-06-01T00:00:00Z"),
        ("2018-06-02", "2018-06-02T00:00:00Z"),
        ("2018-06-02T12:30", "2018-06-02T12:30:00Z"),
        ("2018-06-02T12:30:15", "2018-06-02T12:30:15Z"),
        ("2018-06-02T12:30:15.250", "2018-06-02T12:30:15Z"),
        ("2018-06-02T12:30-05:00", "2018-06-02T12:30:00-05:00"),
        ("2018-06-02T12:30:15Z", "2018-06-02T12:30:15Z"),
    ],
)
def test_times_are_filled_up_and_read_back_as_they_were(tmp_path, taken_at, timestamp):
    made = camtrap_texts(
        [LabelledPhoto("a.jpg", Path("a.jpg"), "w", taken_at=taken_at)],
        {},
        created="2026-01-01T00:00:00Z",
    )
    assert table(made["media.csv"])[0]["timestamp"] == timestamp
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", timestamp)
    assert read(tmp_path, made)[0][0].taken_at == taken_at


def read(folder: Path, texts: dict[str, str]):
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return camtrap_rows(folder / "datapackage.json", folder)


def test_a_package_is_read_back(tmp_path, texts):
    rows, warnings = read(tmp_path, texts)
    assert warnings == []
    for row, photo in zip(rows, PHOTOS, strict=True):
        assert row.path == tmp_path / "media" / photo.name
        facts = ("name", "individual", "species", "encounter", "taken_at", "box")
        assert [getattr(row, fact) for fact in facts] == [getattr(photo, fact) for fact in facts]


def test_a_package_of_another_program(tmp_path):
    resources = [{"name": "media", "path": "m.csv"}, {"name": "observations", "path": "o.csv"}]
    media = (
        "mediaID,filePath,timestamp\nm1,site/1.jpg,2020-03-24T11:21:46Z\n"
        "m2,site/2.jpg,2020-03-24T11:21:50Z\n"
    )
    observations = (
        "observationID,mediaID,eventID,individualID,scientificName,bboxX,bboxY,bboxWidth,bboxHeight\n"
        "o1,m1,e1,RD213,Capreolus capreolus,,,,\no2,m2,e1,,Capreolus capreolus,,,,\n"
        "o3,,e1,RD213,,,,,\n"
    )
    texts = {
        "datapackage.json": json.dumps({"resources": resources}),
        "m.csv": media,
        "o.csv": observations,
    }
    rows, warnings = read(tmp_path, texts)
    assert rows == [
        LabelledPhoto(
            "site/1.jpg",
            tmp_path / "site/1.jpg",
            "RD213",
            "Capreolus capreolus",
            "e1",
            "2020-03-24T11:21:46Z",
        )
    ]
    assert warnings == [
        "1 observation names no individual and is left out: o2",
        "1 observation is left out, of an event without a photo: o3",
    ]


@pytest.mark.parametrize(
    "package",
    [
        "not json",
        "[]",
        '{"resources": []}',
        '{"resources": [{"name": "media", "path": "../m.csv"}]}',
        '{"resources": 3}',
    ],
)
def test_what_is_no_package(tmp_path, package):
    (tmp_path / "datapackage.json").write_text(package)
    with pytest.raises(BadLabels, match=r"datapackage\.json"):
        camtrap_rows(tmp_path / "datapackage.json", tmp_path)
