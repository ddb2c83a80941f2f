"""`flukeprint catalogue report` writes one file, or says in a line why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flukeprint import build_app
from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.reindex.build import build_catalogue


@pytest.fixture
def file(tmp_path: Path, season, embedder) -> Path:
    """A catalogue with one dated encounter at a place."""
    season.draw("met.png", "w_01", take=4, encounter="e1", taken_at="2026-05-01")
    path = tmp_path / "catalogue.db"
    build_catalogue(path, season.labels(), embedder)
    with Catalogue.open(path) as catalogue:
        Curator(catalogue, made_by="ada").edit_encounter(1, {"place": "Cove, 44.51, -68.21"})
    return path


def report(file: Path, *options: str):
    command = ["catalogue", "report", "--catalogue", str(file), *options]
    return CliRunner().invoke(build_app(), command)


@pytest.mark.parametrize("form", ["html", "csv", "darwin-core", "mark", "histories"])
def test_each_form_is_written(file: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / f"report.{form}"
    done = report(file, "--format", form, "--out", str(out), "--since", "2026", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"out": str(out), "sightings": 1, "revision": 2}
    assert out.stat().st_size > 20
    assert b"Cove" not in out.read_bytes()


def test_places_are_written_on_request(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "season.csv"
    for places, mark in (("coarse", "44.75,-68.25"), ("exact", "44.51,-68.21")):
        done = report(file, "--format", "csv", "--out", str(out), "--places", places, "--replace")
        assert done.exit_code == 0, done.output
        assert mark in out.read_text("utf-8-sig")
    assert "Wrote" in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "pdf"], "--format pdf isn't one of html, csv"),
        (["--format", "csv", "--places", "all"], "--places all isn't one of regions, coarse"),
        (["--format", "mark", "--occasions", "week"], "isn't one of year, month, day"),
        (["--format", "csv", "--since", "May"], "isn't a date such as 2026"),
        (["--format", "mark", "--since", "2030"], "no sighting of a known individual"),
    ],
)
def test_what_can_not_be_written_is_refused_in_a_line(
    file: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    out = tmp_path / "report"
    done = report(file, *options, "--out", str(out))
    assert done.exit_code != 0
    assert message in str(done.exception) + done.output
    assert not out.exists()
    out.write_text("mine")
    assert "there already" in str(report(file, "--format", "csv", "--out", str(out)).exception)
    assert out.read_text() == "mine"
