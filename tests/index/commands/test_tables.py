"""Other programs' tables as a user of the command line meets them: dry runs, options, errors."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from embedding.errors import FlukeprintError
from index.catalogue.catalogue import Catalogue
from index.commands.catalogue import register
from index.commands.index import register as register_index
from index.labels.labelled_photo import BadLabels
from index.tables.workbooks import write_workbook

HEADER = ["File", "Whale", "When", "Where", "Flank", "Sea"]
SAID = [
    *("--column", "photo=File", "--column", "individual=Whale", "--column", "date=When"),
    *("--column", "place=Where", "--column", "side=Flank"),
]


@pytest.fixture
def run(monkeypatch, tmp_path, embedder):
    app = typer.Typer()
    register(app)
    register_index(app)
    loads = SimpleNamespace(load=lambda checkpoint: embedder)
    monkeypatch.setitem(sys.modules, "embedding.embedder", SimpleNamespace(Embedder=loads))
    monkeypatch.setenv("FLUKEPRINT_CATALOGUE", str(tmp_path / "catalogue.db"))

    def _run(*arguments: object):
        result = CliRunner().invoke(app, [*map(str, arguments)])
        if isinstance(result.exception, FlukeprintError):
            raise result.exception  # what main() prints
        return result

    return _run


@pytest.fixture
def season(tmp_path, draw_pattern):
    """A stranger's season: two photos of Scar and a table that says so in their own words."""
    for number in range(2):
        draw_pattern(tmp_path / f"season/{number}.jpg", number)
    rows = [["0.jpg", "Scar", "2021-04-03", "Cove", "left", 2], ["1.jpg", "Scar", *[None] * 4]]
    (tmp_path / "season/notes.xlsx").write_bytes(write_workbook(HEADER, rows))
    return tmp_path / "season"


def test_a_dry_run_names_what_each_column_became(run, season):
    done = run("catalogue", "import", season, "--dry-run", *SAID)
    assert (done.exit_code, done.stdout.partition(".")[0]) == (0, "2 files and labels: 2 added")
    assert (
        "note: columns: File -> photo, Whale -> individual, When -> date, Where -> place, "
        "Flank -> side; not read: Sea\n"
    ) in done.stderr
    told = json.loads(run("catalogue", "import", season, "--dry-run", "--json", *SAID).stdout)
    assert told["columns"][1] == {"column": "Whale", "became": "individual"}


@pytest.mark.parametrize("door", ["import", "build"])
def test_a_strangers_table_is_read_as_its_columns_are_said(run, season, tmp_path, door):
    if door == "import":
        assert run("catalogue", "import", season, *SAID).exit_code == 0
    else:
        assert run("index", "build", "--csv", season / "notes.xlsx", *SAID).exit_code == 0
    with Catalogue.open(tmp_path / "catalogue.db") as opened:
        first, second = opened.photos()
    assert (first.individual, first.taken_at, first.place) == ("Scar", "2021-04-03", "Cove")
    assert (first.viewpoint, second.viewpoint) == ("left", None)


def test_columns_that_nobody_knows_are_shown_and_a_wrong_one_is_refused(run, season):
    with pytest.raises(BadLabels, match=r"--column photo=COLUMN.*Whale \('Scar'\)"):
        run("catalogue", "import", season)
    with pytest.raises(BadLabels, match=r"'Who', .* is not there; its columns are File, Whale"):
        run("catalogue", "import", season, "--column", "photo=File", "--column", "individual=Who")
    with pytest.raises(BadLabels, match="can't be 'animal'; it can be photo, individual, date"):
        run("catalogue", "import", season, "--column", "animal=Whale")


def test_wildbooks_workbook_comes_in_and_goes_out(run, season, tmp_path):
    run("catalogue", "import", season, *SAID)
    out = tmp_path / "wildbook.xlsx"
    sent = run("catalogue", "export", "--format", "wildbook", "--with-places", "--out", out)
    assert sent.exit_code == 0, sent.output
    (season / "notes.xlsx").write_bytes(out.read_bytes())
    done = run("catalogue", "import", season, "--dry-run")
    assert "Encounter.mediaAsset0 -> photo, " in done.stderr
    assert "Encounter.verbatimLocality -> place" in done.stderr
    assert "2 unchanged" in done.stdout
