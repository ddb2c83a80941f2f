"""Every answer about photos x every carrier of a place: who may not see places finds none."""

from __future__ import annotations

import io
import logging
import struct
import time
import zipfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from index.storage.schema import writing
from service.serving.inference import Pair, Picture
from tests.service.conftest import curated_app
from tests.service.every_route import operations
from tests.service.http.key_headers import bearer
from tests.service.local_client import local_client

COVE = "Secret Cove"
_DEGREES = 6213607  # of the GPS position: found again wherever its bytes are
MARKS = (
    COVE.encode(),
    b"Secret%20Cove",
    COVE.encode("utf-16-le"),
    struct.pack("<I", _DEGREES),
    struct.pack(">I", _DEGREES),
    str(_DEGREES).encode(),
)
NAME = "sent.jpg"


class Site(NamedTuple):
    """A service whose every photo tells a place, and a key of each role."""

    client: TestClient
    folder: Path
    keys: dict[str, dict[str, str]]


def telling_jpeg() -> bytes:
    """A JPEG with a place in EXIF, XMP, IPTC and its comment."""
    exif = Image.Exif()
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "S", (_DEGREES, 4, 1)
    exif[0x010E] = COVE
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><City>{COVE}</City></x:xmpmeta>'.encode()
    data = io.BytesIO()
    image = Image.new("RGB", (300, 200), (10, 0, 0))
    image.save(data, "JPEG", exif=exif, comment=COVE)
    city = COVE.encode()
    record = b"\x1c\x02\x5a" + struct.pack(">H", len(city)) + city
    resource = b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(record)) + record
    segments = (
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp),
        (0xED, b"Photoshop 3.0\0" + resource + b"\0" * (len(resource) % 2)),
    )
    extra = b"".join(
        bytes([0xFF, kind]) + struct.pack(">H", len(body) + 2) + body for kind, body in segments
    )
    whole = data.getvalue()
    return whole[:2] + extra + whole[2:]


def telling_png(red: int) -> bytes:
    """A PNG with a place in EXIF and in its texts."""
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (_DEGREES, 4, 1)
    texts = PngInfo()
    texts.add_text("Location", COVE)
    texts.add_itxt("XML:com.adobe.xmp", f"<City>{COVE}</City>")
    data = io.BytesIO()
    Image.new("RGB", (200, 100), (red, 0, 0)).save(data, "PNG", exif=exif, pnginfo=texts)
    return data.getvalue()


def until_ended(client: TestClient, job: Any, headers: dict[str, str]) -> dict[str, Any]:
    assert job.status_code == 202, job.text
    deadline = time.monotonic() + 120
    while True:
        found = client.get(f"/v1/jobs/{job.json()['id']}", headers=headers).json()
        if found["state"] in ("succeeded", "failed"):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def draw(pair: Pair) -> Picture:
    """Both pictures as they came to the network, saved by Pillow with all that they carry."""
    data = io.BytesIO()
    for photo in (pair.query, pair.reference):
        photo.image.save(data, "PNG")
    return Picture(data.getvalue(), 0.1)


@pytest.fixture
def site(
    settings: Any, tmp_path: Path, photo: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> Generator[Site]:
    monkeypatch.setattr("service.serving.inference._draw", draw)
    folder = tmp_path / COVE / "catalogue"
    folder.parent.mkdir()
    app, _, embedder = curated_app(settings, folder, has_keys=True)
    embedder.input_px = 8
    with local_client(app, raise_server_exceptions=False) as client:
        while client.get("/readyz").status_code != 200:
            pass
        made = app.state.access.keys
        keys = {
            role: bearer(made.create(f"the {role}", role).secret)
            for role in ("admin", "curate", "contribute", "read")
        }
        tell_the_place(client, keys["curate"], folder)
        yield Site(client, folder, keys)


def tell_the_place(client: TestClient, curator: dict[str, str], folder: Path) -> None:
    """Have curators note the place wherever it can be noted, and photos tell it."""
    sent = client.post(
        "/v1/queue",
        files={"photos": (NAME, telling_jpeg(), "image/jpeg")},
        data={"encounter": "e9", "place": COVE, "region": "a wide sea"},
        headers=curator,
    )
    assert sent.status_code == 200, sent.text
    confirmed = client.post(
        f"/v1/queue/{NAME}/confirm", json={"individual": "w_9"}, headers=curator
    )
    assert confirmed.status_code == 200, confirmed.text
    for one in client.get("/v1/encounters", headers=curator).json()["encounters"]:
        edited = client.patch(
            f"/v1/encounters/{one['key']}", json={"place": f"{COVE}, {one['key']}"}, headers=curator
        )
        assert edited.status_code == 200, edited.text
    revision = client.get("/v1/changes", headers=curator).json()["changes"][0]["revision"]
    assert client.post(f"/v1/changes/{revision}/undo", headers=curator).status_code == 200
    (folder / "w_0_a.png").write_bytes(telling_png(0))
    (folder / "w_30_a.png").write_bytes(b"no photo any more")
    (folder / "nobody_200.png").unlink()
    until_ended(client, client.post("/v1/jobs", json={"kind": "reindex"}, headers=curator), curator)


def refuse_place(response: Any, what: object) -> None:
    """Look for the place in an answer, and in the files of a zip."""
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    parts = {"": response.content, "headers": headers.encode()}
    if response.content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            parts |= {one: archive.read(one) for one in archive.namelist()}
    for name, part in parts.items():
        for mark in MARKS:
            assert mark not in part, (what, name, mark)


def asked_by(site: Site, role: str) -> Generator[tuple[str, Any]]:
    """Everything that somebody of this role may be answered, with what was asked."""
    client, headers = site.client, site.keys[role]
    photos = client.get("/v1/catalogue/photos", headers=headers).json()["photos"]
    names = [one["name"] for one in photos]
    for operation in operations(client.app):
        yield str(operation), operation.send(client, **headers)
    for path in ("", "?limit=1", "?subject=e9", f"?subject={NAME}"):
        yield path, client.get(f"/v1/changes{path}", headers=headers)
    for name in names:
        for size_px in (100, 2048):
            yield name, client.get(f"/v1/photos/{name}?size_px={size_px}", headers=headers)
    for path in ("w_9", "w_0"):
        yield path, client.get(f"/v1/individuals/{path}", headers=headers)
    files = {"photos": (NAME, telling_jpeg(), "image/jpeg")}
    reference = {"photos": files["photos"], "reference": ("r.png", telling_png(3), "image/png")}
    yield "identify", client.post("/v1/identify", files=files, headers=headers)
    yield "as_of", client.post("/v1/identify", files=files, data={"as_of": "2"}, headers=headers)
    yield "locate", client.post("/v1/locate", files=files, headers=headers)
    yield "embed", client.post("/v1/embed", files=files, headers=headers)
    yield "verify", client.post("/v1/verify", files=reference, headers=headers)
    yield "explain", client.post("/v1/explain", files=reference, headers=headers)
    for kept in ("w_0_a.png", "w_30_a.png"):
        sent = {"reference_photo": kept}
        yield kept, client.post("/v1/explain", files=files, data=sent, headers=headers)
    if role == "contribute":
        yield from (("job", one) for one in jobs_of(client, headers))
    for number in range(1, 9):
        for part in ("", "/errors", "/report", "/result", "/events"):
            yield f"job {number}{part}", client.get(f"/v1/jobs/{number}{part}", headers=headers)


def jobs_of(client: TestClient, headers: dict[str, str]) -> Generator[Any]:
    """Start every kind of job that a contributor may start."""
    for form in ("csv", "coco", "camtrap-dp", "zip"):
        sent = {"kind": "export", "parameters": {"format": form, "with_photos": True}}
        job = client.post("/v1/jobs", json=sent, headers=headers)
        yield job
        until_ended(client, job, headers)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a.jpg", telling_jpeg())
        archive.writestr("b.jpg", b"no photo")
    for sent in ({"kind": "identify"}, {"kind": "identify", "parameters": '{"k": 1}'}):
        files = {"archive": ("a.zip", zipped.getvalue())}
        job = client.post("/v1/jobs", data=sent, files=files, headers=headers)
        yield job
        until_ended(client, job, headers)


@pytest.mark.parametrize("role", ["read", "contribute"])
def test_nobody_below_a_curator_is_told_a_place(
    site: Site, role: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    answers = 0
    for what, response in asked_by(site, role):
        refuse_place(response, (role, what, response.status_code))
        assert response.status_code < 500 or response.status_code == 503, (what, response.text)
        answers += 1
    assert answers > 100
    assert COVE not in caplog.text, "the log"


def test_a_curator_is_told_it_so_the_marks_are_found_where_they_are(site: Site) -> None:
    headers = site.keys["curate"]
    assert COVE in site.client.get("/v1/encounters", headers=headers).text
    assert COVE in site.client.get("/v1/changes", headers=headers).text
    sent = {
        "kind": "export",
        "parameters": {"format": "csv", "with_photos": True, "with_places": True},
    }
    job = site.client.post("/v1/jobs", json=sent, headers=headers)
    found = until_ended(site.client, job, headers)
    path = f"/v1/jobs/{found['id']}/result"
    with pytest.raises(AssertionError):
        refuse_place(site.client.get(path, headers=headers), "an export with places")
    for role in ("read", "contribute"):
        assert site.client.get(path, headers=site.keys[role]).status_code == 403


def test_a_region_is_for_everybody(site: Site) -> None:
    answer = site.client.get("/v1/encounters", headers=site.keys["read"]).json()
    assert "a wide sea" in {one["region"] for one in answer["encounters"]}


def test_a_catalogue_that_is_kept_does_not_tell_where_it_lies(
    site: Site, problem: Callable[..., Any]
) -> None:
    catalogue = site.client.app.state.writer.catalogue
    with writing(catalogue.engine.connect()) as other, other.begin():
        other.exec_driver_sql("UPDATE photos SET quality = quality")
        response = site.client.post(
            "/v1/catalogue/photos/move",
            json={"photos": ["w_0_a.png"], "individual": "w_30"},
            headers=site.keys["curate"],
        )
    refuse_place(response, problem(response, 503, "busy"))
