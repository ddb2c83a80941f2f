"""What a user sees: the index wing's commands from end to end, with a network's stand-in."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import pytest

from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.identification.identifier import WrongFingerprint
from index.labels.reader import BadLabels
from index.messages import BadOut


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
    with pytest.raises(BadLabels, match="--prune compares with labels; give --csv or --photos too"):
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
    rates = status["known_rates"]
    assert 0 <= rates["fpir"] <= rates["promised"] < 1 and 0 < rates["error"] < 0.2


def test_status_for_people(run, built, checkpoints):
    shown = run("index", "status").stdout
    for words in (
        "38, of which 2 of new whales",
        "Calibrated on 33 known",  # three more are pictures of a burst
        "(one standard error); at most",
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
    raw.execute("UPDATE calibrations SET calibration = '{}'")
    raw.commit()
    raw.close()
    assert json.loads(run("index", "status", "--json").stdout)["mend"]
    assert run("index", "update").exit_code == 0
    assert json.loads(run("index", "status", "--json").stdout)["is_current"]


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


def test_a_photo_of_two_animals_is_listed_and_the_rest_is_built(run, season):
    season.labels()
    with season.csv.open("a") as file:
        file.write("a00_0.png,w_11\n")
    built = run("index", "build", "--csv", season.csv)
    assert built.exit_code == 1
    assert "left out a00_0.png: has two labels, w_00 and w_11; keep the right one" in built.stderr
    assert "37 photos added" in built.stdout
    updated = run("index", "update", "--csv", season.csv, "--skip-bad", "--json")
    assert updated.exit_code == 0
    (left_out,) = json.loads(updated.stdout)["left_out"]
    assert left_out["photo"] == "a00_0.png"
    with pytest.raises(BadOut, match="--boxes lying isn't one of upright, stored"):
        run("index", "build", "--csv", season.csv, "--replace", "--boxes", "lying")
