"""Imports read words that mean nobody, and accents in either form, as every other door does."""

from __future__ import annotations

import shutil
from unicodedata import normalize

from index.catalogue.catalogue import Catalogue
from index.exchange.importing.sources import read_source

NFC = normalize("NFC", "Baléna")
NFD = normalize("NFD", "Baléna")


def test_unknown_in_a_label_file_is_nobody_and_told(tmp_path, field_season, bring) -> None:
    names = [path.name for path in sorted(field_season.folder.iterdir()) if path.suffix == ".jpg"]
    folder = tmp_path / "offer"
    folder.mkdir()
    for name in names[:3]:
        shutil.copy(field_season.folder / name, folder / name)
    rows = "".join(f"{name},unknown\n" for name in names[:2]) + f"{names[2]},w_1\n"
    (folder / "labels.csv").write_text("image,label\n" + rows)
    assert read_source(folder, None, tmp_path / "s").warnings == (
        "read as new_whale, an animal that nobody knows: 'unknown' (2 photos)",
    )
    bring(folder, tmp_path / "new.db", duplicates="keep-all")
    with Catalogue.open(tmp_path / "new.db") as opened:
        assert {photo.individual for photo in opened.photos()} == {None, "w_1"}


def test_a_folder_called_unknown_is_nobody_and_told(tmp_path) -> None:
    for name in ("Unknown/a.jpg", "w_1/b.jpg"):
        (tmp_path / "offer" / name).parent.mkdir(parents=True)
        (tmp_path / "offer" / name).touch()
    offer = read_source(tmp_path / "offer", None, tmp_path / "s")
    assert [photo.individual for photo in offer.photos] == [None, "w_1"]
    assert offer.warnings == (
        "read as new_whale, an animal that nobody knows: 'Unknown' (1 photo)",
    )


def test_labels_in_nfc_meet_files_in_nfd(tmp_path) -> None:
    (tmp_path / f"{NFD}.jpg").touch()
    (tmp_path / "labels.csv").write_text(f"image,label\n{NFC}.jpg,{NFD}\n", encoding="utf-8")
    offer = read_source(tmp_path, None, tmp_path / "s")
    assert (offer.no_file, offer.no_label) == ((), ())
    (photo,) = offer.photos
    assert (photo.name, photo.individual) == (f"{NFC}.jpg", NFC)
    assert photo.path == tmp_path / f"{NFD}.jpg"
