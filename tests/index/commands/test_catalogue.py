"""`flukeprint catalogue ...` as a user sees it: words, exit codes, reports."""

from __future__ import annotations

import json
import shutil
import sys
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from embedding.errors import FlukeprintError
from index.commands.catalogue import register
from index.messages import BadOut
from index.storage.address import BadCatalogue


@pytest.fixture
def catalogue(field_catalogue):
    return field_catalogue


@pytest.fixture
def run(monkeypatch, catalogue, embedder):
    app = typer.Typer()
    register(app)
    loads = SimpleNamespace(load=lambda checkpoint: embedder)
    monkeypatch.setitem(sys.modules, "embedding.embedder", SimpleNamespace(Embedder=loads))
    monkeypatch.setenv("FLUKEPRINT_CATALOGUE", str(catalogue))

    def _run(*arguments: object):
        result = CliRunner().invoke(app, ["catalogue", *map(str, arguments)])
        if isinstance(result.exception, FlukeprintError):
            raise result.exception  # what main() prints
        return result

    return _run


@pytest.fixture
def new_season(tmp_path, make_season, draw_pattern):
    season = make_season(tmp_path / "season")
    draw_pattern(season.folder / "new.jpg", 500)
    season.rows["new.jpg"] = {"label": "w_new"}
    shutil.copy(tmp_path / "photos/a1_0.jpg", season.folder / "again.jpg")
    season.rows["again.jpg"] = {"label": "w_1"}
    season.labels()
    return season


def test_import_dry_and_done(tmp_path, run, new_season, catalogue, monkeypatch):
    before = catalogue.read_bytes()
    dry = run("import", new_season.folder, "--dry-run", "--report", tmp_path / "dry.csv")
    assert dry.exit_code == 0
    assert (
        dry.stdout
        == "2 files and labels: 1 added, 1 skipped as duplicates. Nothing was changed: this was "
        "a dry run.\n"
    )
    assert "skipped again.jpg: the same file as a1_0.jpg" in dry.stderr
    assert catalogue.read_bytes() == before
    done = run("import", new_season.folder, "--report", tmp_path / "done.csv")
    assert (done.exit_code, done.stdout) == (
        0,
        "2 files and labels: 1 added, 1 skipped as duplicates.\n",
    )
    assert (tmp_path / "dry.csv").read_text() == (tmp_path / "done.csv").read_text()
    monkeypatch.setitem(
        sys.modules, "embedding.embedder", None
    )  # the network isn't loaded for nothing
    again = json.loads(run("import", new_season.folder, "--json").stdout)
    assert (again["counts"], again["is_dry_run"]) == ({"skipped": 1, "unchanged": 1}, False)
    assert sorted(path.name for path in catalogue.parent.iterdir()) == [
        "catalogue.db",
        "catalogue.db.media",
    ]


def test_import_says_what_it_could_not_do(run, new_season, draw_pattern):
    draw_pattern(new_season.folder / "a0_0.jpg", 501)
    new_season.rows["a0_0.jpg"] = {"label": "w_0"}
    new_season.labels()
    result = run("import", new_season.folder)
    assert result.exit_code == 1
    assert "refused a0_0.jpg: another file is catalogued under this name" in result.stderr
    assert run("import", new_season.folder, "--replace-photos").exit_code == 0


def test_import_of_a_zip_leaves_nothing_beside_the_catalogue(tmp_path, run, new_season, catalogue):
    shutil.make_archive(str(tmp_path / "season"), "zip", new_season.folder)
    report = json.loads(
        run("import", tmp_path / "season.zip", "--json", "--duplicates", "keep-all").stdout
    )
    assert (report["counts"], report["revision"]) == ({"added": 2}, 2)
    assert sorted(path.name for path in catalogue.parent.iterdir()) == [
        "catalogue.db",
        "catalogue.db.media",
    ]


def test_a_long_list_is_cut(run, new_season):
    for number in range(25):
        new_season.rows[f"gone{number:02}.jpg"] = {"label": "w_1"}
    new_season.labels(absent="skip")
    result = run("import", new_season.folder, "--dry-run")
    assert result.stderr.count("no_file gone") == 19
    assert "and 6 more; --report lists all" in result.stderr


def test_options_that_are_none(run, new_season, tmp_path):
    with pytest.raises(BadOut, match="--duplicates some isn't one of skip, keep-near, keep-all"):
        run("import", new_season.folder, "--duplicates", "some")
    with pytest.raises(
        BadOut, match="--format excel isn't one of csv, coco, camtrap-dp, kaggle, happywhale, wild"
    ):
        run("export", "--format", "excel", "--out", tmp_path / "x")
    with pytest.raises(BadOut, match=r"ends in \.zip, not x"):
        run("export", "--format", "zip", "--out", tmp_path / "x")
    with pytest.raises(BadOut, match="there is no folder"):
        run("import", new_season.folder, "--report", tmp_path / "nowhere/r.csv")


def test_a_file_is_restored_beside_itself_and_not_where_files_says(
    tmp_path, run, catalogue, monkeypatch
):
    run("backup", "--catalogue", catalogue, "--out", tmp_path / "copy")
    (tmp_path / "new").mkdir()
    there = ("restore", tmp_path / "copy", "--catalogue", tmp_path / "new/c.db")
    with pytest.raises(BadOut, match="--files is for a catalogue in PostgreSQL"):
        run(*there, "--files", tmp_path)
    assert list((tmp_path / "new").iterdir()) == []
    monkeypatch.setenv("FLUKEPRINT_FILES", str(tmp_path))  # meant for another catalogue
    assert run(*there).exit_code == 0


def test_verify_notes_the_vectors_that_wait(tmp_path, run, catalogue, embedder):
    folder = catalogue.with_name("catalogue.db.embedded")
    folder.mkdir()
    for name, fingerprint in (("1-a", embedder.fingerprint), ("2-b", "e" * 64)):
        header = {"format": "flukeprint-embedded-1", "fingerprint": fingerprint, "dimension": 24}
        (folder / f"{name}.vectors").write_text(json.dumps(header) + "\n")
    found = run("verify")
    assert found.exit_code == 0
    of_use, other = [line for line in found.stderr.splitlines() if line.startswith("note: ")]
    assert (
        "ffffffffffff wait in catalogue.db.embedded/1-a.vectors: the interrupted command "
        "goes on" in of_use
    )
    assert (
        "eeeeeeeeeeee wait in catalogue.db.embedded/2-b.vectors: the catalogue has no vector "
        "of that" in other
    )


def test_backup_restore_and_verify(tmp_path, run, catalogue):
    assert run("backup", "--out", tmp_path / "copy").stdout == (
        f"Backed up {catalogue} at revision 1 with 9 files to {tmp_path}/copy.\n"
    )
    assert json.loads(run("backup", "--out", tmp_path / "copy.tar", "--json").stdout)["files"] == 10
    (tmp_path / "new").mkdir()
    restored = run("restore", tmp_path / "copy", "--catalogue", tmp_path / "new/c.db")
    assert restored.stdout.startswith(
        f"Restored {tmp_path}/new/c.db to revision 1, as it was backed up at 2"
    )
    found = run("verify", "--catalogue", tmp_path / "new/c.db")
    assert (found.exit_code, found.stdout) == (
        0,
        f"{tmp_path}/new/c.db at revision 1: 9 photos, 9 vectors, all is well.\n",
    )
    (tmp_path / "photos/a0_0.jpg").unlink()
    broken = run("verify")
    assert broken.exit_code == 1
    assert "a0_0.jpg: there is no such file; restore" in broken.stdout
    assert broken.stdout.endswith("9 photos, 9 vectors, 1 fault.\n")
    document = json.loads(run("verify", "--json").stdout)
    assert (document["is_whole"], document["faults"][0]["kind"]) == (False, "photo_absent")
    partly = run("backup", "--out", tmp_path / "copy2")
    assert partly.exit_code == 1
    assert "left out a0_0.jpg" in partly.stderr


def test_every_command_takes_a_url(tmp_path, run, new_season, postgres, monkeypatch):
    """What is told of it has no password; the folder of files is asked for by name."""
    url = str(postgres(tmp_path / "server")).replace("flukeprint@", "flukeprint:hush@")
    monkeypatch.setenv("FLUKEPRINT_CATALOGUE", url)
    with pytest.raises(BadCatalogue, match=r"its photos are files.*--files FOLDER"):
        run("import", new_season.folder)
    (tmp_path / "server").mkdir()
    monkeypatch.setenv("FLUKEPRINT_FILES", str(tmp_path / "server"))
    told = [
        run("import", new_season.folder),
        run("export", "--format", "csv", "--out", tmp_path / "labels.csv"),
        run("backup", "--out", tmp_path / "copy"),
        run("restore", tmp_path / "copy", "--replace"),
        run("verify"),
    ]
    assert [result.exit_code for result in told] == [0] * 5, [result.output for result in told]
    assert "hush" not in "".join(result.output for result in told)
    assert "at revision 1: 2 photos, 2 vectors, all is well" in told[-1].stdout
    assert sorted(path.name for path in (tmp_path / "server").iterdir()) == [
        "flukeprint-files.json",
        "media",
    ]
    with pytest.raises(BadCatalogue, match=r"there is no catalogue at postgresql://") as absent:
        run("verify", "--catalogue", url.replace("schema=", "schema=absent_"))
    assert "hush" not in str(absent.value)


def test_moved_photos(run, field_season, tmp_path):
    new = tmp_path / "elsewhere"
    field_season.folder.rename(new)
    dry = run("move-photos", field_season.folder, new, "--dry-run")
    assert dry.exit_code == 0
    assert dry.stdout.endswith("0 not. Nothing was changed: this was a dry run.\n")
    (new / "a0_0.jpg").unlink()
    done = run("move-photos", field_season.folder, new)
    assert done.exit_code == 1
    assert done.stdout == f"8 photos led from {field_season.folder} to {new}, 1 not.\n"
    assert "not moved a0_0.jpg: " in done.stderr
    nothing = run("move-photos", new, field_season.folder.parent, "--json")
    assert json.loads(nothing.stdout)["moved"] == []
