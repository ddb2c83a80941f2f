"""The doors by which photos and labels come in and go out, each as a function of a case."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedding.errors import FlukeprintError
from index.catalogue.catalogue import Catalogue
from index.exchange.exporting.formats import make_export
from index.exchange.exporting.writing import write_export
from index.exchange.importing.run import apply_import, known_photos, plan_import
from index.exchange.importing.sources import read_source
from index.labels.forms.columns import ColumnUse, describe_use
from index.labels.reader import Labels, read_labels
from index.reindex.build import build_catalogue
from index.reindex.report import UpdateReport
from index.reindex.update import update_catalogue
from tests.flows.doors.cases import Case, Outcome, lay_out, pattern, zipped
from tests.index.conftest import ColourEmbedder
from tests.service.jobs.kinds.season import carry_out, ended, report, send_zip
from training.data.check import check_set
from training.sets.agreement import compare_with_files


@dataclass
class Bench:
    """Where a case is tried; `serve` runs a service with another catalogue."""

    folder: Path
    serve: Callable[[], AbstractContextManager[Any]]

    @property
    def catalogue(self) -> Path:
        return self.folder / "catalogue.db"

    @property
    def photos(self) -> Path:
        return self.folder / "photos"


def index_build(case: Case, bench: Bench) -> Outcome:
    def build(labels: Labels) -> UpdateReport:
        return build_catalogue(bench.catalogue, labels, ColourEmbedder(), overwrite=True)

    return _indexed(case, bench, build)


def index_update(case: Case, bench: Bench) -> Outcome:
    if not bench.catalogue.exists():
        other = bench.folder / "other"
        (other / "w_other").mkdir(parents=True)
        (other / "w_other" / "other.jpg").write_bytes(pattern(9999))
        build_catalogue(bench.catalogue, read_labels(None, other), ColourEmbedder())

    def update(labels: Labels) -> UpdateReport:
        with Catalogue.open(bench.catalogue) as catalogue:
            return update_catalogue(catalogue, labels, ColourEmbedder())

    return _indexed(case, bench, update)


def _indexed(case: Case, bench: Bench, make: Callable[[Labels], UpdateReport]) -> Outcome:
    labels = lay_out(case, bench.photos, case.options.get("form", "csv"))
    try:
        read = read_labels(labels, bench.photos, absent="skip", disputed="skip")
        done = make(read)
    except FlukeprintError as error:
        return Outcome(refusal=str(error))
    told = [
        *done.warnings,
        *(each.reason for each in done.unread),
        *(f"{each.photo.name} {each.reason}" for each in done.disputed),
    ]
    return Outcome(_known(bench.catalogue), "\n".join(told))


def import_csv(case: Case, bench: Bench) -> Outcome:
    return _imported(case, bench, "csv")


def import_folder(case: Case, bench: Bench) -> Outcome:
    return _imported(case, bench, "folders")


def import_zip(case: Case, bench: Bench) -> Outcome:
    archive = bench.folder / "season.zip"
    archive.write_bytes(_archive(case, bench))
    return _import(archive, bench)


def import_coco(case: Case, bench: Bench) -> Outcome:
    return _imported(case, bench, "coco")


def import_camtrap(case: Case, bench: Bench) -> Outcome:
    return _imported(case, bench, "camtrap")


def _archive(case: Case, bench: Bench) -> bytes:
    if case.archive is not None:
        return case.archive
    lay_out(case, bench.photos, case.options.get("form", "csv"))
    files = (path for path in sorted(bench.photos.rglob("*")) if path.is_file())
    return zipped({path.relative_to(bench.photos).as_posix(): path.read_bytes() for path in files})


def _imported(case: Case, bench: Bench, form: str) -> Outcome:
    lay_out(case, bench.photos, form)
    return _import(bench.photos, bench)


def _import(source: Path, bench: Bench) -> Outcome:
    shutil.rmtree(bench.folder / "staging", ignore_errors=True)
    try:
        offer = read_source(source, None, bench.folder / "staging")
        plan = plan_import(offer, known_photos(bench.catalogue), bench.catalogue)
        done = apply_import(plan, bench.catalogue, ColourEmbedder())
    except FlukeprintError as error:
        return Outcome(refusal=str(error))
    told = [describe_use(done.plan.columns), *done.plan.warnings]
    told += [*(f"{row.photo}: {row.reason}" for row in done.plan.rows)]
    return Outcome(_known(bench.catalogue), "\n".join(told))


def http_job(case: Case, bench: Bench) -> Outcome:
    with bench.serve() as (client, path, _):
        make = case.options.get("archive_of")
        sent = send_zip(client, make(client) if make else _archive(case, bench), "{}")
        if sent.status_code >= 400:
            return Outcome(refusal=sent.text)
        dry = ended(client, sent.json()["id"])
        if dry["state"] != "succeeded":
            return Outcome(refusal=str(dry))
        if table := dry["result"].get("table"):
            return Outcome(refusal=f"{table}: its columns aren't known")
        done = carry_out(client, dry["id"])
        columns = [ColumnUse(**one) for one in done["result"]["columns"]]
        told = [describe_use(columns), *done["result"]["warnings"]]
        told += [f"{name}: {reason}" for name, (_, reason) in report(client, done["id"]).items()]
        return Outcome(_known(path), "\n".join(told))


def http_upload(case: Case, bench: Bench) -> Outcome:
    """Each photo is sent by itself, and then confirmed as whose it is."""
    told: list[str] = []
    refused: list[str] = []
    with bench.serve() as (client, path, _):
        for name, data in case.photos.items():
            row = next((row for row in case.rows if row["image"] == name), {"label": ""})
            facts = {key: row[key] for key in ("taken_at", "species", "encounter") if key in row}
            sent = client.post("/v1/queue", files=[("photos", (name, data))], data=facts)
            answers = [sent]
            if sent.status_code == 200 and row["label"] and sent.json()["photos"]:
                named = sent.json()["photos"][0]["name"]
                confirmed = {"individual": row["label"]}
                answers.append(client.post(f"/v1/queue/{named}/confirm", json=confirmed))
            told += [json.dumps(one.json(), ensure_ascii=False) for one in answers]
            refused += [one.text for one in answers if one.status_code >= 400]
        return Outcome(_known(path), "\n".join(told), "\n".join(refused))


def export(case: Case, bench: Bench) -> Outcome:
    lay_out(case, bench.photos, "csv")
    labels = read_labels(bench.photos / "labels.csv", None)
    build_catalogue(bench.catalogue, labels, ColourEmbedder())
    form = case.options.get("export", "csv")
    with Catalogue.open(bench.catalogue) as opened:
        made = make_export(form, opened.photos(), places={}, created="2026-01-02T03:04:05Z")
    written = write_export(made, bench.folder / "out", has_photos=True, has_places=False)
    out = bench.folder / "out"
    files = {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file()
    }
    told = [f"{name}: {reason}" for name, reason in written.left_out]
    return Outcome(text="\n".join(told), files=files)


def data_check(case: Case, bench: Bench) -> Outcome:
    labels = lay_out(case, bench.photos, case.options.get("form", "csv"))
    try:
        checked = check_set(labels, bench.photos)
        agreement = compare_with_files(labels, bench.photos)
    except FlukeprintError as error:
        return Outcome(refusal=str(error))
    told = [json.dumps(checked.to_json(), ensure_ascii=False)]
    return Outcome({photo.name: photo for photo in agreement.labelled}, "\n".join(told))


def _known(catalogue: Path) -> dict[str, Any]:
    return {photo.name: photo for photo in known_photos(catalogue)}


DOORS: dict[str, Callable[[Case, Bench], Outcome]] = {
    "index build": index_build,
    "index update": index_update,
    "import: CSV": import_csv,
    "import: folder": import_folder,
    "import: zip": import_zip,
    "COCO": import_coco,
    "Camtrap DP": import_camtrap,
    "HTTP job": http_job,
    "HTTP upload": http_upload,
    "export": export,
    "data check": data_check,
}
