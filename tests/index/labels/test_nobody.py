"""index/labels/nobody.py: words that mean nobody, and how every label format reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from index.labels.nobody import means_missing, means_nobody, resembles_nobody
from index.labels.reader import read_labels, read_rows
from index.labels.reading.camtrap_rows import camtrap_rows
from tests.index.labels.reading import individuals, read

WORDS = [
    *("unknown", "Unknown", "UNK", "unidentified", "not identified", "Not-Identified"),
    *("NA", "N/A", "n.a.", "#N/A", "<NA>", "none", "None", "null", "NaN", "?", "???", "-", "____"),
    *("new_individual", "New_Whale", "new whale", "NEW-WHALE", "NewWhale", "new_whale"),
    *("unknown whale", "unknown?", "(unknown)", "Desconocido", "sin identificar"),
    *("não identificado", "nao_identificado", "DESCONHECIDA", "inconnu", "non identifié"),
    *("Unbekannt", "nicht identifiziert", "onbekend", "неизвестно", "不明"),
    *("indet.", "Undet", "not yet identified", "to be determined", "UnID", "no ID yet", "no label"),
    *("individual unknown", "ID_unknown", "Unknown calf", "unknown male", "not in catalogue"),
    *("new calf", "Nouveau dauphin", "neues Tier", "nuovo individuo", "individu inconnu"),
    *("inconnu(e)", "indéterminée", "neznámý", "nepoznata", "ismeretlen", "ΆΓΝΩΣΤΟ", "bilinmiyor"),
    *("невідомо", "не определён", "未確認", "미상", "غير معروف", "לא ידוע", "không xác định"),
    *("#N/D", "#NV", "#REF!", "(blank)", "\\N", "nil", "NaT", "undefined"),
]


@pytest.mark.parametrize("word", WORDS)
def test_words_that_mean_nobody(word: str) -> None:
    assert means_nobody(word)
    assert not resembles_nobody(word)


@pytest.mark.parametrize(
    "name",
    [
        *("w_1", "A", "0", "12", "Nat", "Nova", "new", "Baléna", "Ná", "Nadia", "w_1?", "no 7"),
        *("New York", "Neu", "Ny", "Adult Male", "male 3", "Ray", "Whale", "ID", "Unka"),
    ],
)
def test_names_are_names(name: str) -> None:
    assert not means_nobody(name)
    assert not resembles_nobody(name)


@pytest.mark.parametrize(
    "name",
    [
        *("unknown 3", "Unknown_12", "UNK01", "new_whale_2", "unknown-b", "inconnue 4", "-1"),
        *("unknown left side", "Unidentified near the buoy", "unkown", "other", "TBA", "nn"),
    ],
)
def test_such_names_only_look_like_nobody(name: str) -> None:
    assert resembles_nobody(name)
    assert not means_nobody(name)


def test_only_programs_spellings_are_missing_values() -> None:
    assert means_missing("NA") and means_missing("null") and means_missing(" ")
    assert not means_missing("unknown")


def test_a_csv_with_such_words_names_nobody_and_tells_each_spelling(photos: Path) -> None:
    labels = read(photos, "image,label\na.jpg,unknown\nb.jpg,NA\nsub/c.jpg,unknown\n")
    assert set(individuals(labels).values()) == {None}
    assert labels.warnings == (
        "read as new_whale, an animal that nobody knows: 'unknown' (2 photos), 'NA' (1 photo)",
    )


@pytest.mark.parametrize("word", ["unknown", "NA", "sconosciuto"])
def test_such_words_leave_the_other_fields_empty(photos: Path, word: str) -> None:
    """Photos whose encounter is `unknown` were not taken together."""
    columns = "image,label,species,encounter,taken_at,region"
    labels = read(photos, f"{columns}\na.jpg,w_1,{word},{word},{word},{word}\n")
    one = labels.photos[0]
    assert (one.species, one.encounter, one.taken_at, one.region) == (None,) * 4


def test_rows_as_they_are_tell_it_too(photos: Path) -> None:
    path = photos.parent / "labels.csv"
    path.write_text("image,label\na.jpg,New_Whale\nb.jpg,unknown 3\n")
    rows = read_rows(path, photos)
    assert [row.individual for row in rows.rows] == [None, "unknown 3"]
    assert rows.warnings[0].endswith("'New_Whale' (1 photo)")
    assert rows.warnings[1] == (
        "look like words for an animal that nobody knows, but count as individuals' names: "
        "'unknown 3' (1 photo); write new_whale where nobody knows the animal"
    )


def test_two_spellings_of_nobody_are_no_contradiction(photos: Path) -> None:
    labels = read(photos, "image,label\na.jpg,unknown\na.jpg,new_whale\nb.jpg,w\nsub/c.jpg,w\n")
    assert individuals(labels)["a.jpg"] is None


def test_what_r_writes_for_missing_values_leaves_optional_fields_empty(photos: Path) -> None:
    header = "image,label,species,encounter,taken_at,box,region\n"
    labels = read(photos, header + "a.jpg,w,NA,NA,NA,NA,NA\nb.jpg,NA,,,,,\nsub/c.jpg,w,,,,,\n")
    photo = labels.photos[0]
    facts = (photo.species, photo.encounter, photo.taken_at, photo.box, photo.region)
    assert facts == (None,) * 5
    assert photo.individual == "w"


@pytest.mark.parametrize("folder", ["Unknown", "new_individual", "não identificado", "-"])
def test_a_folder_of_such_a_name_is_nobody(tmp_path: Path, folder: str) -> None:
    for name in (f"{folder}/a.jpg", f"{folder}/b.jpg", "w_1/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    labels = read_labels(None, tmp_path)
    assert sorted(map(str, individuals(labels).values())) == ["None", "None", "w_1"]
    assert labels.warnings == (
        f"read as new_whale, an animal that nobody knows: {folder!r} (2 photos)",
    )


def test_coco_ids_that_are_missing_are_left_out_and_words_are_nobody(photos: Path) -> None:
    ids = [float("nan"), "null", "NaN", None, "", "____", "unknown", "New_Whale", 12.0, 12, -1]
    images = [{"id": at, "file_name": f"{at}.jpg"} for at in range(len(ids))]
    annotations = [{"image_id": at, "individual_id": one} for at, one in enumerate(ids)]
    for image in images:
        (photos / image["file_name"]).touch()
    path = photos.parent / "labels.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    labels = read_labels(path, photos)
    expected = {"6.jpg": None, "7.jpg": None, "8.jpg": "12", "9.jpg": "12", "10.jpg": "-1"}
    assert individuals(labels) == expected
    told = "\n".join(labels.warnings)
    assert "6 annotations name no individual" in told
    assert "'New_Whale' (1 photo), 'unknown' (1 photo)" in told
    assert "'-1' (1 photo)" in told


def test_camtrap_individuals(tmp_path: Path) -> None:
    resources = [{"name": name, "path": f"{name}.csv"} for name in ("media", "observations")]
    (tmp_path / "datapackage.json").write_text(json.dumps({"resources": resources}))
    (tmp_path / "media.csv").write_text(
        "mediaID,filePath,timestamp\n" + "".join(f"m{at},{at}.jpg,NA\n" for at in range(4))
    )
    (tmp_path / "observations.csv").write_text(
        "observationID,mediaID,individualID,scientificName,eventID,bboxX,bboxY,bboxWidth,bboxHeight"
        "\no0,m0,Unknown,NA,NA,NA,NA,NA,NA\no1,m1,NA,,,,,,\no2,m2,,,,,,,\no3,m3,w_1,,,,,,\n"
    )
    rows, warnings = camtrap_rows(tmp_path / "datapackage.json", tmp_path)
    assert [(row.name, row.individual) for row in rows] == [("0.jpg", None), ("3.jpg", "w_1")]
    assert (rows[0].species, rows[0].encounter, rows[0].taken_at, rows[0].box) == (None,) * 4
    assert rows[0].nobody == "Unknown"
    assert warnings[0].startswith("2 observations name no individual")
