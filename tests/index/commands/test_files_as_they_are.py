"""Commands on folders and files as people have them: each says what it doesn't look at."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from embedding.photos.photo import BadPhoto
from index.labels.reader import BadLabels
from tests.index.camera_files import camera_photo, cut_scan, put

NOTE = "1 file is not looked at, having no photo's suffix: .nef 1; export raw files as JPEG"


@pytest.mark.parametrize("command", ["identify", "embed", "submit"])
def test_what_is_not_looked_at_in_a_folder_is_told(run, built, tmp_path, command) -> None:
    put(tmp_path / "queries/a.jfif", camera_photo(1))
    put(tmp_path / "queries/b.NEF", b"x")
    folder, out = tmp_path / "queries", tmp_path / "out"
    arguments = {
        "identify": [folder],
        "embed": [folder, "--out", f"{out}.npz"],
        "submit": ["--photos", folder, "--out", f"{out}.csv"],
    }[command]
    done = run(command, *arguments)
    assert done.exit_code == 0
    assert f"note: {folder}: {NOTE}" in done.stderr


def test_a_folder_of_raw_files_alone_says_so(run, built, tmp_path) -> None:
    put(tmp_path / "queries/b.NEF", b"x")
    with pytest.raises(BadPhoto, match="there is no photo in the folder"):
        run("identify", tmp_path / "queries")


def test_identify_tells_damage_beside_the_answer(run, built, tmp_path) -> None:
    whole = put(tmp_path / "whole.jpg", camera_photo(1)[:-2])
    cut = put(tmp_path / "cut.jpg", cut_scan(camera_photo(1)))
    first, second = json.loads(run("identify", whole, cut, "--json").stdout)["results"]
    assert "damaged" not in first["reason"]
    assert "The photo is damaged: pixels are missing or damaged" in second["reason"]
    assert "The photo is damaged" in run("identify", cut).stdout


def test_a_raw_file_is_refused_with_what_to_do(run, built, tmp_path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (160, 80), (1, 2, 3)).save(file, "TIFF")
    done = run("identify", put(tmp_path / "raw.NEF", file.getvalue()))
    assert done.exit_code == 1
    assert "only a preview of 160 x 80 px could be read; export the photo as JPEG" in done.stderr


@pytest.mark.parametrize("command", ["build", "update"])
def test_near_misses_and_lost_zeros_are_told(run, built, command) -> None:
    other = ["--replace"] if command == "build" else []
    put(built.folder / "film.mov", b"x")
    labels = built.folder / "zeros.csv"
    labels.write_text("image,label\na00_0.png,001\na00_1.png,1\na01_0.png,w_1\n")
    done = run("index", command, "--csv", labels, *other)
    assert "001 (1 photo) and 1 (1 photo)" in done.stderr
    assert "1 file is not looked at" in done.stderr
    labels.write_text("image,label\nA00_0.PNG,w_1\n")
    with pytest.raises(BadLabels, match="1 in letter case"):
        run("index", command, "--csv", labels, *other)
