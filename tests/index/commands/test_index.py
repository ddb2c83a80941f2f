"""What a user sees: the index wing's commands from end to end, with a network's stand-in."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from embedding.errors import FlukeprintError
from embedding.photos.photo import BadPhoto, read_photo
from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.commands import index
from index.identification.identifier import WrongFingerprint
from index.identification.submission import BadSubmission
from index.labels.reader import BadLabels
from index.messages import BadOut
from index.search.matching import BadQuery


@pytest.fixture
def checkpoints(tmp_path, monkeypatch, make_embedder):
    """Two checkpoint files, and an Embedder.load that knows their fingerprints; no torch."""
    for name in ("old", "new"):
        (tmp_path / f"{name}.safetensors").write_text(name)

    def load(path):
        return make_embedder(hashlib.sha256(path.read_bytes()).hexdigest())

    monkeypatch.setitem(
        sys.modules, "embedding.embedder", SimpleNamespace(Embedder=SimpleNamespace(load=load))
    )
    monkeypatch.setenv("FLUKEPRINT_CHECKPOINT", str(tmp_path / "old.safetensors"))
    monkeypatch.setenv("FLUKEPRINT_CATALOGUE", str(tmp_path / "c.db"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture
def run(checkpoints):
    app = typer.Typer()
    index.register(app)

    def _run(*arguments: object):
        result = CliRunner().invoke(app, [str(each) for each in arguments])
        if isinstance(result.exception, FlukeprintError):
            raise result.exception  # what main() prints
        return result

    return _run


@pytest.fixture
def built(run, season):
    season.labels()
    assert run("index", "build", "--csv", season.csv).exit_code == 0
    return season


def test_build_says_what_it_does_and_did(run, season, tmp_path):
    season.labels()
    result = run("index", "build", "--csv", season.csv, "--photos", season.folder)
    assert result.exit_code == 0
    assert result.stdout == (
        f"{tmp_path}/c.db is now at revision 1: 38 photos added, 0 embedded again, 0 relabelled "
        "or moved, 0 removed, "
        "0 unchanged.\n"
    )
    assert f"Building {tmp_path}/c.db from 38 photos named by {season.csv}" in result.stderr
    assert "Embedding photos: 38 of 38" in result.stderr
    assert "Calibrating on the catalogue's own photos: 38 of 38" in result.stderr


def test_build_twice_needs_replace(run, built):
    with pytest.raises(
        BadCatalogue, match=r"already; bring it up to date .* or give --replace to build it anew"
    ):
        run("index", "build", "--csv", built.csv)
    assert run("index", "build", "--csv", built.csv, "--replace").exit_code == 0


def test_build_of_a_folder_for_each_individual(run, make_season, tmp_path):
    season = make_season(tmp_path / "dogs")
    for name in ("rex/1.png", "rex/2.png", "ada/1.png"):
        season.draw(name, name[:3])
    report = json.loads(run("index", "build", "--photos", season.folder, "--json").stdout)
    assert (report["added"], report["unread"]) == (3, [])
    with Catalogue.open(tmp_path / "c.db") as catalogue:
        assert catalogue.gallery().individual_ids == ["ada", "rex"]


def test_bad_photos_make_exit_code_1_unless_skipped(run, season, tmp_path):
    (season.folder / "a00_0.png").write_bytes(b"")
    season.labels()
    result = run("index", "build", "--csv", season.csv)
    assert result.exit_code == 1
    assert f"can't read {season.folder}/a00_0.png: the file is empty (0 bytes)" in result.stderr
    assert "37 photos added" in result.stdout
    (season.folder / "a00_1.png").unlink()
    with pytest.raises(BadLabels, match=r"a00_1\.png"):
        run("index", "update", "--csv", season.csv)
    skipped = run("index", "update", "--csv", season.csv, "--skip-bad")
    assert skipped.exit_code == 0
    assert "note: 1 of the 38 photos" in skipped.stderr


def test_a_long_list_of_bad_photos_is_cut(run, season):
    for name in list(season.rows)[:25]:
        (season.folder / name).write_bytes(b"")
    season.labels()
    result = run("index", "build", "--csv", season.csv, "--json")
    assert result.stderr.count("can't read") == 20
    assert "and 5 more; --json lists all" in result.stderr
    assert len(json.loads(result.stdout)["unread"]) == 25


def test_update_brings_in_a_new_season(run, built):
    built.draw("new.png", "w_new")
    built.rows.pop("a00_0.png")
    built.labels()
    result = run("index", "update", "--csv", built.csv)
    assert "is now at revision 2: 1 photo added" in result.stdout
    assert (
        "1 photo in the catalogue only, kept as before; --prune takes such photos out"
        in result.stdout
    )
    report = json.loads(
        run("index", "update", "--csv", built.csv, "--prune", "--rehash", "--json").stdout
    )
    assert (report["removed"], report["left"], report["revision"]) == (1, 0, 3)
    again = run("index", "update", "--csv", built.csv)
    assert "is still at revision 3" in again.stdout


def test_prune_needs_labels(run, built):
    with pytest.raises(BadLabels, match="--prune compares with labels: give --csv or --photos too"):
        run("index", "update", "--prune")


def test_update_without_a_catalogue(run, season, tmp_path):
    season.labels()
    with pytest.raises(
        BadCatalogue, match=r"there is no catalogue at .*c\.db.*flukeprint index build"
    ):
        run("index", "update", "--csv", season.csv)


def test_another_checkpoint_is_told_with_the_command_that_mends_it(run, built, checkpoints):
    new = checkpoints / "new.safetensors"
    mend = f"flukeprint index update --catalogue {checkpoints}/c.db --checkpoint {new}"
    with pytest.raises(WrongFingerprint) as caught:
        run("identify", built.folder / "a00_0.png", "--checkpoint", new)
    assert f"Mend it with `{mend}`" in str(caught.value)
    status = json.loads(run("index", "status", "--checkpoint", new, "--json").stdout)
    assert (status["is_current"], status["mend"]) == (False, mend)
    assert run(*mend.split()[1:]).exit_code == 0
    assert json.loads(run("index", "status", "--checkpoint", new, "--json").stdout)["is_current"]
    assert run("identify", built.folder / "a00_0.png", "--checkpoint", new).exit_code == 0


def test_status_in_json(run, built, checkpoints):
    status = json.loads(run("index", "status", "--json").stdout)
    fingerprint = hashlib.sha256(b"old").hexdigest()
    assert status["revision"] == 1
    assert (
        status["individuals"],
        status["photos"],
        status["new_whale_photos"],
        status["searchable"],
    ) == (
        12,
        38,
        2,
        38,
    )
    assert status["fingerprint"] == status["checkpoint_fingerprint"] == fingerprint
    assert (status["is_current"], status["mend"], status["is_calibrated"]) == (True, None, True)
    assert 0 < status["thresholds"]["known"] <= status["thresholds"]["new_whale"]
    assert status["history"][0]["changes"] == {"add": 38}


def test_status_for_people(run, built, checkpoints):
    shown = run("index", "status").stdout
    for words in (
        "38, of which 2 of new whales",
        "Calibrated on 36 known",
        "revision 1",
        "38 added",
        "nothing, all is up to date",
        f"{hashlib.sha256(b'old').hexdigest()[:12]}, the one that would search it",
    ):
        assert words in shown
    other = run("index", "status", "--checkpoint", checkpoints / "new.safetensors").stdout
    assert "not comparable" in other
    assert f"run `flukeprint index update --catalogue {checkpoints}/c.db" in other
    absent = run("index", "status", "--checkpoint", checkpoints / "none.safetensors")
    assert absent.exit_code == 0
    assert "the one given can't be read" in absent.stdout


def test_status_of_an_empty_catalogue(run, checkpoints):
    Catalogue.open(checkpoints / "c.db", create=True).close()
    status = json.loads(run("index", "status", "--json").stdout)
    assert (status["revision"], status["thresholds"], status["is_current"]) == (0, None, False)
    assert "none that can be read" in run("index", "status").stdout


def test_status_of_a_catalogue_too_small_to_calibrate_says_what_to_do(run, make_season, tmp_path):
    small = make_season(tmp_path / "small")
    small.draw("a.png", "w_a")
    small.draw("b.png", "w_b")
    small.labels()
    assert run("index", "build", "--csv", small.csv, "--photos", small.folder).exit_code == 0
    shown = run("index", "status").stdout
    assert "not calibrated, so nothing is known without review: review up to 0.500" in shown
    assert "add photos of more individuals" in shown
    assert "-1.000" not in shown


def test_status_of_a_catalogue_with_an_unreadable_calibration(run, built, checkpoints):
    import sqlite3

    raw = sqlite3.connect(checkpoints / "c.db")
    raw.execute("DROP TRIGGER revisions_refuse_update")
    raw.execute("UPDATE revisions SET calibration = '{}'")
    raw.commit()
    raw.close()
    assert json.loads(run("index", "status", "--json").stdout)["mend"]
    assert run("index", "update").exit_code == 0
    assert json.loads(run("index", "status", "--json").stdout)["is_current"]


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
    }
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
    assert result["reason"].startswith("Very likely w_03 (distance 0.")
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
    only_bad = run("identify", tmp_path / "none.jpg")
    assert (only_bad.exit_code, only_bad.stdout) == (1, "")


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
    strict = json.loads(run("identify", photo, "--max-fpir", "0.05", "--json").stdout)
    assert loose["thresholds"]["known"] > strict["thresholds"]["known"]


def test_embed_writes_names_and_vectors(run, season, tmp_path, embedder):
    out = tmp_path / "v.npz"
    result = run("embed", season.folder, "--out", out)
    assert result.exit_code == 0
    assert "38 photos, dimension 24" in result.stdout
    with np.load(out) as written:
        assert list(written["photo"]) == sorted(season.rows)
        assert written["embedding"].dtype == np.float32
        for name, vector in zip(written["photo"], written["embedding"], strict=True):
            np.testing.assert_array_equal(
                vector, embedder.embed([read_photo(season.folder / name)])[0]
            )
        assert str(written["fingerprint"]) == hashlib.sha256(b"old").hexdigest()


def test_embed_with_boxes(run, season, tmp_path, embedder):
    from embedding.photos.photo import Box

    season.rows = {"a00_0.png": {"label": "w_00", "box": "0 0 0.5 1"}}
    season.labels()
    result = run("embed", season.folder, "--csv", season.csv, "--out", tmp_path / "v.npz")
    assert "note: 37 photos in" in result.stderr
    with np.load(tmp_path / "v.npz") as written:
        assert list(written["photo"]) == ["a00_0.png"]
        expected = embedder.embed([read_photo(season.folder / "a00_0.png")], [Box(0, 0, 0.5, 1)])
        np.testing.assert_array_equal(written["embedding"], expected)
    with pytest.raises(BadLabels, match="with --csv give one folder of photos, not 2 paths"):
        run("embed", season.folder, season.folder, "--csv", season.csv, "--out", tmp_path / "v.npz")


def test_embed_leaves_bad_photos_out(run, season, tmp_path):
    (season.folder / "a00_0.png").write_bytes(b"")
    result = run("embed", season.folder, "--out", tmp_path / "v.npz")
    assert result.exit_code == 1
    assert "a00_0.png: the file is empty" in result.stderr
    with np.load(tmp_path / "v.npz") as written:
        assert len(written["photo"]) == len(written["embedding"]) == 37


def test_embed_writes_nothing_where_no_photo_can_be_read(run, season, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"")
    with pytest.raises(
        BadPhoto, match=r"no photo could be read \(1 photo given\), so .*v\.npz is not written"
    ):
        run("embed", tmp_path / "bad.png", "--out", tmp_path / "v.npz")
    assert not (tmp_path / "v.npz").exists()


def test_embed_refuses_what_cannot_come_out_right(run, season, tmp_path):
    with pytest.raises(BadPhoto, match=r"2 of the photos are called a00_0\.png; give one folder"):
        run("embed", season.folder, season.folder / "a00_0.png", "--out", tmp_path / "v.npz")
    with pytest.raises(BadOut, match="is a folder; give the name of the file to write"):
        run("embed", season.folder, "--out", tmp_path)
    with pytest.raises(
        BadOut, match=r"there is no folder .*nowhere to write v\.npz into; make it first"
    ):
        run("embed", season.folder, "--out", tmp_path / "nowhere" / "v.npz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadPhoto, match="there is no photo in"):
        run("embed", tmp_path / "empty", "--out", tmp_path / "v.npz")
    assert not (tmp_path / "v.npz").exists()


def submission_rows(path):
    with path.open(newline="") as file:
        return {row["Image"]: row["Id"].split() for row in csv.DictReader(file)}


@pytest.fixture
def competition(built, make_season, tmp_path):
    season = make_season(tmp_path / "test")
    for animal in range(6):
        season.draw(f"q{animal}.png", f"w_{animal:02}", take=50)
    season.draw("unknown.png", "somebody else")
    return season


def test_submit_writes_five_labels_a_photo(run, competition, tmp_path):
    out = tmp_path / "submission.csv"
    result = run("submit", "--photos", competition.folder, "--out", out, "--threshold", "0.35")
    assert result.exit_code == 0
    rows = submission_rows(out)
    assert list(rows) == sorted(competition.rows)
    for animal in range(6):
        labels = rows[f"q{animal}.png"]
        assert labels[:2] == [f"w_{animal:02}", "new_whale"]
        assert len(set(labels)) == 5
    assert rows["unknown.png"][0] == "new_whale"
    assert (
        run("submit", "--photos", competition.folder, "--out", out, "--score", "blend").exit_code
        == 0
    )


def test_submit_agrees_with_identify(run, competition, tmp_path):
    out = tmp_path / "submission.csv"
    run("submit", "--photos", competition.folder, "--out", out, "--threshold", "0")
    answer = json.loads(run("identify", competition.folder, "--json").stdout)
    ranked = [[match["individual"] for match in each["matches"][:4]] for each in answer["results"]]
    assert list(submission_rows(out).values()) == [["new_whale", *each] for each in ranked]


def test_submit_gives_unread_photos_a_row(run, competition, tmp_path):
    (competition.folder / "q0.png").write_bytes(b"")
    out = tmp_path / "submission.csv"
    result = run("submit", "--photos", competition.folder, "--out", out)
    assert result.exit_code == 1
    assert "1 of them unread" in result.stdout
    assert submission_rows(out)["q0.png"] == ["new_whale", "w_00", "w_01", "w_02", "w_03"]


def test_submit_is_checked_against_the_sample(run, competition, tmp_path):
    sample = tmp_path / "sample.csv"
    labels = "new_whale w_1 w_2 w_3 w_4"
    sample.write_text("Image,Id\n" + "".join(f"{name},{labels}\n" for name in competition.rows))
    arguments = (
        "submit",
        "--photos",
        competition.folder,
        "--out",
        tmp_path / "s.csv",
        "--sample",
        sample,
    )
    assert run(*arguments).exit_code == 0
    sample.write_text(sample.read_text() + f"another.png,{labels}\n")
    (tmp_path / "s.csv").unlink()
    with pytest.raises(BadSubmission, match=r"test lacks 1 of the photos, such as another\.png"):
        run(*arguments)
    assert not (tmp_path / "s.csv").exists()  # found out before anything was identified


def test_submit_in_happywhales_form_with_a_threshold_for_each_species(
    run, competition, make_season, tmp_path
):
    season = make_season(tmp_path / "two species")
    lines = ["image,species,individual_id"]
    for animal in range(24):
        for take in range(3):
            season.draw(f"a{animal:02}_{take}.png", f"w_{animal:02}", take=take)
            lines.append(
                f"a{animal:02}_{take}.png,{'orca' if animal % 2 else 'beluga'},w_{animal:02}"
            )
    labels = tmp_path / "two.csv"
    labels.write_text("\n".join(lines))
    where = ("--catalogue", tmp_path / "two.db")
    assert run("index", "build", "--csv", labels, "--photos", season.folder, *where).exit_code == 0
    out = tmp_path / "submission.csv"
    result = run(
        "submit",
        "--photos",
        competition.folder,
        "--out",
        out,
        *where,
        "--form",
        "happywhale",
        "--per-species",
    )
    assert result.exit_code == 0
    assert "new_individual comes first beyond distance" in result.stderr
    assert re.findall(r"^  (\w+): beyond \d", result.stderr, re.MULTILINE) == ["beluga", "orca"]
    header, *rows = out.read_text().splitlines()
    assert header == "image,predictions"
    assert all("new_individual" in row and "new_whale" not in row for row in rows)


def test_submit_refuses_what_does_not_go_together(run, competition, tmp_path):
    arguments = ("submit", "--photos", competition.folder, "--out", tmp_path / "s.csv")
    with pytest.raises(BadSubmission, match="no individual of the catalogue has a species"):
        run(*arguments, "--per-species")
    assert run(*arguments, "--per-species", "--threshold", "0.3").exit_code == 2
    with pytest.raises(BadSubmission, match="the form is 'orca'"):
        run(*arguments, "--form", "orca")


def test_ids_of_one_animal_become_one_individual(run, season, tmp_path):
    same = tmp_path / "same.csv"
    season.labels()
    same.write_text("Id,SubId\ngroup_0,w_00 w_01\n")
    where = ("--catalogue", tmp_path / "joined.db")
    result = run(
        "index",
        "build",
        "--csv",
        season.csv,
        "--photos",
        season.folder,
        *where,
        "--same-animals",
        same,
    )
    assert "ids replaced by another of the same animal: w_01" in result.stderr
    told = json.loads(run("index", "status", *where, "--json").stdout)
    assert told["individuals"] == 11


def test_an_unreadable_sample_is_refused_before_the_catalogue_is_opened(run, competition, tmp_path):
    with pytest.raises(BadSubmission, match=r"absent\.csv cannot be read"):
        run(
            *("submit", "--photos", competition.folder, "--out", tmp_path / "s.csv"),
            *("--sample", tmp_path / "absent.csv", "--catalogue", tmp_path / "no.db"),
        )


def test_every_command_has_a_plain_help(run):
    for command in (("index",), ("index", "build"), ("index", "update"), ("index", "status")):
        assert run(*command, "--help").exit_code == 0
    for command in ("identify", "embed", "submit"):
        shown = run(command, "--help").stdout
        assert "--checkpoint" in shown
        assert "can't be read" in shown


def test_commands_import_nothing_heavy():
    heavy = {"torch", "faiss", "sqlalchemy", "numpy", "scipy", "PIL", "matplotlib"}
    code = f"import sys, index.commands.index; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
