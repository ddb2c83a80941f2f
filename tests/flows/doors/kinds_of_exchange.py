"""Kinds of exchange: places in exported photos, exports that come back, copies of originals."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from typing import Any

from embedding.photos.photo import read_photo
from index.catalogue.catalogue import Catalogue
from index.exchange.exporting.formats import make_export
from index.exchange.exporting.writing import write_export
from index.exchange.importing.run import known_photos
from index.photos.location import has_place
from index.storage.originals import media_folder
from tests.flows.doors.cases import Case, Outcome, exif, pattern, zipped
from tests.flows.doors.doors import Bench, import_csv
from tests.flows.doors.registry import LABELS, kind
from tests.index.photos.photos_with_places import MP4, XYZ, iptc, jpeg, photo, photoshop
from tests.index.photos.test_location_damage import DAMAGED
from tests.service.jobs.kinds.season import carry_out, ended, send_zip

A = "a.jpg"
GOES_OUT = ("export", "data check")
COMES_BACK = {
    "index update": "csv",
    "import: CSV": "csv",
    "import: zip": "zip",
    "COCO": "coco",
    "Camtrap DP": "camtrap-dp",
    "HTTP job": "zip",
}


@kind("01 a place in a damaged GPS directory", GOES_OUT)
def damaged_places(door: str) -> Case:
    return _place(A, DAMAGED["20 entries"])


@kind("02 a place in XMP that ends with its segment", GOES_OUT)
def places_in_xmp(door: str) -> Case:
    return _place(A, photo(has_place=True, xmp=b"<exif:GPSLatitude>44,30.0N</exif:GPSLatitude>"))


@kind("03 a place in IPTC, or in the film of a motion photo", GOES_OUT)
def other_carriers(door: str) -> Case:
    return _place(A, jpeg(photoshop((0x0404, iptc(90))), after=MP4 + XYZ))


@kind("03 a place in a PNG, which is never changed", GOES_OUT)
def places_in_png(door: str) -> Case:
    return _place("a.png", photo("PNG", has_place=True))


@kind("21 photos whose originals were copied beside the catalogue", (*LABELS[:-1], "HTTP upload"))
def stored_originals(door: str) -> Case:
    case = Case({A: pattern(1)}, _is_stored).label(A)
    if door == "HTTP job":
        case.options["archive_of"] = _imported_over_http
    elif door != "HTTP upload":
        case.prepare = lambda bench: _import_first(case, bench)
    return case


@kind("an export that was edited and comes back", tuple(COMES_BACK))
def edited_exports(door: str) -> Case:
    data = pattern(1, exif=exif(has_place=True))
    first = Case({"sub/a.jpg": data}, lambda found: True).label("sub/a.jpg", species="fin")

    def is_right(found: Outcome) -> bool:
        return set(found.individuals().values()) == {"w_7"} and len(found.photos) == 1

    case = Case({}, is_right)
    if door == "HTTP job":
        case.is_right = lambda found: list(found.individuals().values()).count("w_7") == 2
        case.options["archive_of"] = _edited_over_http
        return case

    def prepare(bench: Bench) -> None:
        _import_first(first, bench)
        _lay_out_export(bench, COMES_BACK[door])

    case.prepare = prepare
    return case


def _place(name: str, data: bytes) -> Case:
    """A photo that says where it was taken: exported without that, or left out and told."""

    def is_right(found: Outcome) -> bool:
        if found.photos:
            return found.of(name) is not None
        exported = found.files.get(name)
        if exported is None or has_place(exported):
            return False
        return read_photo(exported).tobytes() == read_photo(data).tobytes()

    told = "photos that tell where they were taken|where it was taken, and that can't be taken out"
    return Case({name: data}, is_right, told).label(name)


def _is_stored(found: Outcome) -> bool:
    return ".media/" in str(found.of(A).path)


def _import_first(case: Case, bench: Bench) -> None:
    assert import_csv(case, bench).refusal == ""
    assert all(one.path.is_relative_to(media_folder(bench.catalogue)) for one in _known(bench))
    shutil.rmtree(bench.photos)


def _known(bench: Bench) -> list[Any]:
    return known_photos(bench.catalogue)


def _lay_out_export(bench: Bench, form: str) -> None:
    """Export the catalogue without places, give its animal another name, and lay that out."""
    with Catalogue.open(bench.catalogue) as opened:
        made = make_export(form, opened.photos(), places={}, created="2026-01-02T03:04:05Z")
    written = write_export(made, bench.photos, has_photos=True, has_places=False)
    assert written.left_out == ()
    for path in (*bench.photos.glob("*.csv"), *bench.photos.glob("*.json")):
        path.write_bytes(_edited(path.read_bytes(), b"w_1"))


def _edited(table: bytes, individual: bytes) -> bytes:
    """Name the animal otherwise, but not the folder that its photos are in."""
    return table.replace(b"," + individual + b",", b",w_7,").replace(
        b'"' + individual + b'"', b'"w_7"'
    )


def _imported_over_http(client: Any) -> bytes:
    """Import a zip over HTTP, and give it again."""
    archive = zipped({"labels.csv": b"image,label\na.jpg,w_1\n", A: pattern(1)})
    carry_out(client, ended(client, send_zip(client, archive, "{}").json()["id"])["id"])
    return archive


def _edited_over_http(client: Any) -> bytes:
    """Export the service's season as a zip over HTTP, and name one animal otherwise."""
    parameters = {"format": "zip", "with_photos": True}
    sent = client.post("/v1/jobs", json={"kind": "export", "parameters": parameters})
    job = ended(client, sent.json()["id"])
    whole = client.get(f"/v1/jobs/{job['id']}/result")
    assert whole.status_code == 200, json.dumps(job)
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole.content)) as old, zipfile.ZipFile(kept, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, _edited(data, b"w_0") if name == "labels.csv" else data)
    return kept.getvalue()
