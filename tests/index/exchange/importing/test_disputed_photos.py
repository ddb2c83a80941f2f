"""Two animals in one photo, or labels that disagree: the rest comes in, and the photo is listed."""

from __future__ import annotations

import json

import pytest

from index.catalogue.catalogue import Catalogue
from index.exchange.importing.run import known_photos
from index.labels.reader import read_labels
from index.reindex.build import build_catalogue
from index.reindex.options import UpdateOptions
from index.reindex.update import update_catalogue
from tests.index.exchange.importing.statuses import statuses

TWO = "has two labels, w_1 and w_2; keep the right one, or cut the photo into one photo an animal"


@pytest.fixture
def folder(tmp_path, draw_pattern):
    folder = tmp_path / "set"
    for number in range(4):
        draw_pattern(folder / f"{number}.jpg", 50 + number)
    return folder


def write(folder, form: str) -> None:
    """Labels by which 0.jpg is of w_1 and of w_2, and each other photo of one animal."""
    rows = [("0.jpg", "w_1"), ("0.jpg", "w_2"), *((f"{at}.jpg", f"w_{at}") for at in (1, 2, 3))]
    if form == "csv":
        lines = ["image,label", *(",".join(row) for row in rows)]
        (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    elif form == "coco":
        images = [{"id": at, "file_name": f"{at}.jpg"} for at in range(4)]
        annotations = [{"image_id": int(name[0]), "individual_id": who} for name, who in rows]
        document = {"images": images, "annotations": annotations}
        (folder / "annotations.json").write_text(json.dumps(document))
    else:
        resources = [{"name": name, "path": f"{name}.csv"} for name in ("media", "observations")]
        (folder / "datapackage.json").write_text(json.dumps({"resources": resources}))
        media = "".join(f"m{at},{at}.jpg\n" for at in range(4))
        (folder / "media.csv").write_text(f"mediaID,filePath\n{media}")
        seen = "".join(f"o{at},m{name[0]},{who}\n" for at, (name, who) in enumerate(rows))
        (folder / "observations.csv").write_text(f"observationID,mediaID,individualID\n{seen}")


FORMS = {"csv": "labels.csv", "coco": "annotations.json", "camtrap-dp": "datapackage.json"}


@pytest.mark.parametrize("form", FORMS)
def test_an_import_takes_the_rest_and_refuses_the_one(tmp_path, folder, bring, form):
    write(folder, form)
    rows = bring(folder, tmp_path / "new.db")
    assert (rows["0.jpg"].status, rows["0.jpg"].reason) == ("refused", TWO)
    assert statuses(rows) == {
        "0.jpg": "refused",
        **dict.fromkeys(["1.jpg", "2.jpg", "3.jpg"], "added"),
    }
    assert [photo.name for photo in known_photos(tmp_path / "new.db")] == [
        "1.jpg",
        "2.jpg",
        "3.jpg",
    ]


@pytest.mark.parametrize("form", FORMS)
def test_a_build_and_an_update_take_the_rest_too(tmp_path, folder, embedder, form):
    write(folder, form)
    path = tmp_path / "new.db"
    labels = read_labels(folder / FORMS[form], folder, disputed="skip")
    built = build_catalogue(path, labels, embedder)
    assert built.added == 3
    assert [(one.photo.name, one.reason) for one in built.disputed] == [("0.jpg", TWO)]
    assert not any("0.jpg" in warning for warning in built.warnings)
    with Catalogue.open(path) as catalogue:
        again = update_catalogue(catalogue, labels, embedder)
    assert (again.is_new_revision, len(again.disputed)) == (False, 1)


def test_a_known_photo_whose_labels_disagree_stays_as_it_is(tmp_path, folder, embedder, bring):
    path = tmp_path / "new.db"
    (folder / "labels.csv").write_text(
        "image,label\n" + "".join(f"{at}.jpg,w_{at}\n" for at in range(4))
    )
    bring(folder, path)
    before = [(photo.name, photo.individual, photo.path) for photo in known_photos(path)]
    write(folder, "csv")
    labels = read_labels(folder / "labels.csv", folder, disputed="skip")
    with Catalogue.open(path) as catalogue:
        report = update_catalogue(catalogue, labels, embedder, UpdateOptions(prune=True))
    assert (report.removed, report.relabelled) == (0, 0)
    reason = bring(folder, path)["0.jpg"].reason
    assert reason == f"{TWO}; the catalogue keeps what it has of this photo"
    assert [(photo.name, photo.individual, photo.path) for photo in known_photos(path)] == before


def test_nobody_beside_somebody_and_other_details_disagree_too(tmp_path, folder, bring):
    (folder / "labels.csv").write_text(
        "image,label,species\n0.jpg,w_1,\n0.jpg,new_whale,\n1.jpg,w_1,humpback\n1.jpg,w_1,fin\n"
        "2.jpg,w_2,\n2.jpg,w_2,\n3.jpg,a,\n3.jpg,b,\n3.jpg,c,\n"
    )
    rows = bring(folder, tmp_path / "new.db")
    assert {name: row.reason.split(";")[0] for name, row in rows.items()} == {
        "0.jpg": "has two labels, w_1 and new_whale",
        "1.jpg": "is there twice with different details",
        "2.jpg": "new",
        "3.jpg": "has 3 labels, a, b and c",
    }
