"""GET / and /page/...: the page for curators, static files that need no other host."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from index.places.coastline import COASTLINE_FILE
from service.http.etags import is_unchanged
from service.http.problems import NOT_FOUND, ProblemError
from service.http.required_roles import open_to_all

FOLDER = Path(__file__).resolve().parents[2] / "pages"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
# In index.html; the files' own links are relative, so that one page never mixes files of two
# versions.
_VERSION_MARK = b"{version}"
_MODULES_MARK = b"<!-- modules -->"
# blob: photos that were fetched with a key, which <img> cannot send. No text ever becomes markup or
# code.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_GUARDS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
}
_ONE_YEAR = "public, max-age=31536000, immutable"
_ASK_EACH_TIME = "no-cache"

router = APIRouter(include_in_schema=False, dependencies=[open_to_all()])


class PageFile(NamedTuple):
    """A file of the page as it goes out."""

    content: bytes
    compressed: bytes
    media_type: str
    etag: str


class Page(NamedTuple):
    """All files of the page by their paths within it, and the version that all of them make."""

    files: dict[str, PageFile]
    version: str


@router.get("/")
async def front(request: Request) -> Response:
    """Answer the page."""
    return _answer(request, page().files["index.html"], _ASK_EACH_TIME)


@router.get("/page/{version}/{path:path}")
async def part(request: Request, version: str, path: str) -> Response:
    """Answer a file of the page, to be kept for good where it is of the present version."""
    whole = page()
    found = whole.files.get(path)
    if found is None:
        raise ProblemError(NOT_FOUND, f"The page has no file {path!r}; load / again.")
    return _answer(request, found, _ONE_YEAR if version == whole.version else _ASK_EACH_TIME)


@cache
def page() -> Page:
    """Read the page's files, once."""
    paths = sorted(path for path in FOLDER.rglob("*") if path.suffix in _TYPES)
    contents = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in paths}
    contents[COASTLINE_FILE.name] = COASTLINE_FILE.read_bytes()  # the index wing's, for its reports
    version = hashlib.sha256(
        b"\0".join(name.encode() + b"\0" + data for name, data in contents.items())
    ).hexdigest()
    contents["index.html"] = _complete(contents["index.html"], list(contents), version[:12])
    return Page({name: _file(name, data) for name, data in contents.items()}, version[:12])


def _complete(index: bytes, names: list[str], version: str) -> bytes:
    """Name every module in the page's head, so that a slow link loads them together."""
    links = [
        f'<link rel="modulepreload" href="/page/{version}/{name}">'
        for name in names
        if name.endswith(".js")
    ]
    return index.replace(_MODULES_MARK, "\n".join(links).encode()).replace(
        _VERSION_MARK, version.encode()
    )


def _file(name: str, content: bytes) -> PageFile:
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return PageFile(content, gzip.compress(content, mtime=0), _TYPES[Path(name).suffix], etag)


def _answer(request: Request, file: PageFile, cache_control: str) -> Response:
    headers = {
        **_GUARDS,
        "ETag": file.etag,
        "Cache-Control": cache_control,
        "Vary": "Accept-Encoding",
    }
    if is_unchanged(request, file.etag):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            file.compressed,
            headers={**headers, "Content-Encoding": "gzip"},
            media_type=file.media_type,
        )
    return Response(file.content, headers=headers, media_type=file.media_type)
