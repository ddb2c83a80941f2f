"""`flukeprint identify` as a user sees it."""

from __future__ import annotations

import csv
import json

import pytest

from embedding.checkpoint import BadCheckpoint
from embedding.errors import FlukeprintError
from embedding.photos.photo import BadPhoto
from index.calibration.calibration import BadCalibration
from index.commands import identify as commands
from index.commands.named_files import AbsentPath
from index.messages import BadOut
from index.search.matching import BadQuery
from index.storage.address import BadCatalogue


def test_identify_in_json_answers_as_the_service_does(run, built, tmp_path):
    query = built.draw("query.png", "w_03", take=7)
    answer = json.loads(run("identify", query, "--json", "-k", "3").stdout)
    assert set(answer) == {
        "results",
        "errors",
        "catalogue_revision",
        "fingerprint",
        "individuals_searched",
        "thresholds",
        "new_share",
    }
    assert answer["new_share"] == {"set": 0.3, "estimate": None}
    assert (answer["catalogue_revision"], answer["individuals_searched"], answer["errors"]) == (
        1,
        12,
        [],
    )
    (result,) = answer["results"]
    assert result["photo"] == str(query)
    assert result["decision"] == "known"
    assert [match["rank"] for match in result["matches"]] == [1, 2, 3]
    assert result["matches"][0]["individual"] == "w_03"
    assert result["matches"][0]["photo"].startswith("a03_")
    assert result["probability"] == result["matches"][0]["probability"] > 0.5
    assert result["reason"].startswith("w_03 (distance 0.")
    assert set(result["species"]) == {"name", "probability", "reason"}


def test_identify_for_people(run, built):
    stranger = built.draw("query.png", "nobody known", take=1)
    shown = run(
        "identify", built.folder / "a03_1.png", stranger, "-k", "2", "--threshold", "0.01"
    ).stdout
    assert f"{built.folder}/a03_1.png: known" in shown
    assert f"{stranger}: new_whale" in shown
    assert "Probably a new animal." in shown
    for column in ("rank", "individual", "distance", "probability", "nearest photo"):
        assert column in shown
    assert "w_03" in shown
    assert "0.000" in shown


def test_bad_photos_are_told_and_the_rest_answered(run, built, tmp_path):
    (tmp_path / "text.jpg").write_text("not a photo")
    result = run(
        "identify",
        tmp_path / "text.jpg",
        built.folder / "a00_0.png",
        tmp_path / "none.jpg",
        "--json",
    )
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert [each["photo"] for each in answer["results"]] == [f"{built.folder}/a00_0.png"]
    assert [each["photo"] for each in answer["errors"]] == [
        f"{tmp_path}/text.jpg",
        f"{tmp_path}/none.jpg",
    ]
    assert "there is no such file" in result.stderr
    # Told at once, before anything is loaded for the others.
    assert result.stderr.startswith(f"note: there is no file or folder {tmp_path}/none.jpg;")
    only_bad = run("identify", tmp_path / "text.jpg")
    assert (only_bad.exit_code, only_bad.stdout) == (1, "")


def test_paths_and_choices_are_looked_at_before_the_model_is_loaded(
    run, built, tmp_path, monkeypatch
):
    def load(*given):
        raise AssertionError(f"the model was loaded for {given}")

    monkeypatch.setattr(commands, "load_embedder", load)
    photo, nowhere = built.folder / "a00_0.png", tmp_path / "nowhere"
    with pytest.raises(AbsentPath, match=f"{nowhere}, b: there is no such file or folder; look"):
        run("identify", nowhere, "b")
    with pytest.raises(BadOut, match=f"there is no folder {nowhere} to write answers.csv into"):
        run("identify", photo, "--csv", nowhere / "answers.csv")
    with pytest.raises(BadCatalogue, match="no catalogue"):
        run("identify", photo, "--catalogue", tmp_path / "none.db")
    with pytest.raises(BadCheckpoint, match="there is no checkpoint at"):
        run("identify", photo, "--checkpoint", nowhere)
    with pytest.raises(BadQuery, match="give a share between 0 and 1"):
        run("identify", photo, "--max-fpir", "2")
    with pytest.raises(FlukeprintError, match=r"animal_threshold is 2\.0; give a score from 0"):
        run("identify", photo, "--animal-threshold", "2")
    with pytest.raises(BadCalibration, match="between 0 and 1"):
        run("identify", photo, "--new-share", "2")


def test_a_folders_answers_as_csv(run, built, tmp_path):
    out = tmp_path / "answers.csv"
    done = run("identify", built.folder, "--csv", out, "-k", "2")
    assert done.stdout.startswith(f"{out}: 38 photos, ")
    assert "distance" not in done.stdout  # no tables of a folder's hundreds of photos
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["photo"] for row in rows] == [
        f"{built.folder}/{name}"
        for name in sorted(path.name for path in built.folder.iterdir())
        if name.endswith(".png")
    ]
    both = run("identify", built.folder, "--csv", out, "-k", "2", "--json")
    answer = json.loads(both.stdout)["results"][3]
    assert (rows[3]["photo"], rows[3]["decision"]) == (answer["photo"], answer["decision"])
    assert rows[3]["individual_2"] == answer["matches"][1]["individual"]
    assert "individual_3" not in rows[3]
    assert float(rows[3]["probability"]) == pytest.approx(answer["probability"], abs=1e-6)


def test_identify_a_folder(run, built, tmp_path):
    answer = json.loads(run("identify", built.folder, built.folder / "a00_0.png", "--json").stdout)
    assert len(answer["results"]) == 38
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadPhoto, match="there is no photo in the folder"):
        run("identify", tmp_path / "empty")


def test_identify_by_another_score(run, built):
    for score in ("nearest", "centre", "blend"):
        answer = json.loads(
            run("identify", built.folder / "a03_1.png", "--score", score, "--json").stdout
        )
        assert answer["results"][0]["matches"][0]["individual"] == "w_03"
    with pytest.raises(BadQuery, match="--score is 'best'; the scores are nearest, centre, blend"):
        run("identify", built.folder / "a03_1.png", "--score", "best")


def test_wrong_questions_end_before_photos_are_read(run, built):
    photo = built.folder / "a00_0.png"
    with pytest.raises(BadQuery, match="both max_fpir and threshold were given"):
        run("identify", photo, "--max-fpir", "0.1", "--threshold", "0.2")
    with pytest.raises(BadQuery, match="give a share between 0 and 1"):
        run("identify", photo, "--max-fpir", "2")
    assert run("identify", photo, "-k", "0").exit_code == 2
    loose = json.loads(run("identify", photo, "--max-fpir", "0.5", "--json").stdout)
    strict = json.loads(run("identify", photo, "--max-fpir", "0.12", "--json").stdout)
    assert loose["thresholds"]["known"] > strict["thresholds"]["known"]
