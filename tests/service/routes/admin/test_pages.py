"""The page's files: served whole, kept by browsers, allowed nothing from elsewhere."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from embedding.photos.photo_files import PHOTO_SUFFIXES, RAW_SUFFIXES
from service.routes.admin.pages import FOLDER, page

MODULES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.js"))
# What would turn text into markup or code, or fetch from another host.
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://(?!www\.w3\.org/2000/svg)"
)


def test_the_front_page_names_files_of_one_version_that_are_all_there(client: TestClient) -> None:
    front = client.get("/")
    assert front.status_code == 200
    assert front.headers["content-type"] == "text/html; charset=utf-8"
    assert front.headers["cache-control"] == "no-cache"
    named = re.findall(r'(?:href|src)="(/page/[^"]+)"', front.text)
    assert {f"/page/{page().version}/{name}" for name in MODULES} < set(named)
    for path in named:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_the_page_takes_the_kinds_of_photos_that_the_service_reads() -> None:
    text = (FOLDER / "dropped_files.js").read_text("utf-8")
    written = text.partition("SUFFIXES =")[2].partition(";")[0]
    suffixes = " ".join(re.findall(r'"([^"]*)"', written)).split()
    assert {f".{suffix}" for suffix in suffixes} == PHOTO_SUFFIXES | RAW_SUFFIXES


def test_a_file_of_another_version_is_asked_for_each_time(client: TestClient) -> None:
    answer = client.get("/page/000000000000/main.js")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("path", ["/", "/page/x/theme.css", "/page/x/main.js", "/page/x/fluke.svg"])
def test_every_file_allows_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    policy = client.get(path).headers["content-security-policy"].split("; ")
    assert policy[:2] == ["default-src 'self'", "img-src 'self' blob:"]
    assert {"frame-ancestors 'none'", "require-trusted-types-for 'script'"} <= set(policy)
    assert client.get(path).headers["x-content-type-options"] == "nosniff"


def test_who_has_the_file_already_is_sent_nothing(client: TestClient) -> None:
    etag = client.get("/").headers["etag"]
    again = client.get("/", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/", headers={"If-None-Match": '"other"'}).status_code == 200


def test_files_come_compressed_to_who_can_read_that(client: TestClient) -> None:
    plain = client.get("/page/x/main.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with client.stream("GET", "/page/x/main.js", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == plain.content == (FOLDER / "main.js").read_bytes()


@pytest.mark.parametrize(
    "path", ["nothing.js", "../routes/pages.py", "..%2Froutes%2Fpages.py", "screens", ""]
)
def test_nothing_but_the_page_is_served(client: TestClient, problem: object, path: str) -> None:
    answer = client.get(f"/page/x/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", MODULES)
def test_no_module_makes_markup_of_text_or_names_another_host(name: str) -> None:
    assert FORBIDDEN.findall((FOLDER / name).read_text("utf-8")) == []


@pytest.mark.parametrize("name", MODULES)
def test_every_import_is_of_a_file_that_is_there(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    imported = re.findall(r'^import\s[^;]*?from "([^"]+)";$', text, re.MULTILINE)
    assert all(target.startswith(("./", "../")) for target in imported)
    folder: Path = (FOLDER / name).parent
    assert [target for target in imported if not (folder / target).is_file()] == []


def test_the_guard_sees_markup_made_of_text() -> None:
    assert FORBIDDEN.search("node.innerHTML = name")
    assert FORBIDDEN.search('fetch("https://elsewhere.example/a.js")')
    assert not FORBIDDEN.search('const SVG = "http://www.w3.org/2000/svg";')
