"""Imports of a folder, and what became of each file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from index.exchange.importing.plan import ImportOptions
from index.exchange.importing.report import report_csv
from index.exchange.importing.run import apply_import, known_photos, plan_import
from index.exchange.importing.sources import read_source


@pytest.fixture
def bring(tmp_path, embedder):
    """Plan and carry out; returns the rows of the plan by photo, having checked that both reports
    are one.
    """

    def _bring(
        source: Path, catalogue: Path, csv: Path | None = None, *, is_dry: bool = False, **options
    ):
        staging = tmp_path / "staging"
        shutil.rmtree(staging, ignore_errors=True)
        offer = read_source(source, csv, staging)
        plan = plan_import(offer, known_photos(catalogue), catalogue, ImportOptions(**options))
        if not is_dry:
            done = apply_import(plan, catalogue, embedder)
            assert report_csv(done.plan.rows) == report_csv(plan.rows)
        return {row.photo: row for row in plan.rows}

    return _bring
