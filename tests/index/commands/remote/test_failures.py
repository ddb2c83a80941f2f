"""The commands with --server: wrong options, services that fail, and what they load."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from client import Client
from client.errors import NotAllowed, ServiceUnreachable
from embedding.errors import FlukeprintError
from index.commands import remote
from index.commands.named_files import NamedFile
from index.commands.options import BadServerOptions
from index.messages import BadOut

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("identify", "a.jpg", "--server", "http://x", "--catalogue", "c.db"),
            "leave out --catalogue",
        ),
        (("identify", "a.jpg", "--server", "http://x", "--score", "centre"), "leave out --score"),
        (("identify", "a.jpg", "--api-key", "fp_1_s"), "give its address with --server"),
        (
            ("index", "status", "--server", "http://x", "--checkpoint", "c"),
            "leave out --checkpoint",
        ),
        (
            ("embed", "a.jpg", "--out", "v.npz", "--server", "http://x", "--csv", "l.csv"),
            "leave out --csv",
        ),
        (
            (
                "explain",
                "a",
                "b",
                "--out",
                "h.png",
                "--server",
                "http://x",
                "--query-box",
                "0 0 1 1",
            ),
            "--query-box",
        ),
    ],
)
def test_options_that_contradict_each_other(
    run: Callable[..., Any], arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(BadServerOptions, match=message):
        run(*arguments)


def test_a_service_that_is_not_there(run: Callable[..., Any], photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ServiceUnreachable, match="is the service running there"):
        run("identify", photos, "--server", "http://127.0.0.1:9")
    with pytest.raises(FlukeprintError, match="no address of a service"):
        run("identify", photos, "--server", "127.0.0.1:9")
    with pytest.raises(BadOut):
        run(
            "explain",
            photos / "a31.png",
            photos / "b91.png",
            "--out",
            tmp_path / "h.jpg",
            "--server",
            "http://x",
        )


def test_a_service_that_goes_away_loses_no_answer_that_was_had(photos: Path) -> None:
    def play(request: httpx.Request) -> httpx.Response:
        if b"b91.png" in request.read():
            raise httpx.ConnectError("refused")
        answer = {
            "results": [
                {"photo": "a", "decision": "known", "probability": 1, "reason": "r", "matches": []}
            ],
            "catalogue_revision": 4,
            "fingerprint": "f",
            "individuals_searched": 2,
            "photos_searched": 2,
            "thresholds": {"known": 0.1, "new_whale": 0.2},
            "timings_ms": {"decode": 1, "identify": 1, "total": 1},
        }
        return httpx.Response(200, json=answer)

    files = [
        NamedFile(name, photos / name) for name in ("notes.png", "a31.png", "b91.png", "notes.png")
    ]
    with Client("http://flukes.test", transport=httpx.MockTransport(play)) as service:
        found, source = remote.identify_photos(service, files[1:], remote.IdentifyChoices(1))
        assert [name for name, _ in found.answers] == ["a31.png", "notes.png"]
        assert found.failures[0].reason.startswith(
            "b91.png: POST http://flukes.test/v1/identify: no"
        )
        assert (source.revision, source.thresholds.known) == (4, 0.1)
        with pytest.raises(ServiceUnreachable):
            remote.identify_photos(service, files[2:], remote.IdentifyChoices(1))


def test_a_key_that_is_not_known_ends_it(photos: Path) -> None:
    problem = {
        "type": "/docs#problem-unauthenticated",
        "title": "No valid key",
        "status": 401,
        "detail": "Unknown.",
    }
    transport = httpx.MockTransport(lambda request: httpx.Response(401, json=problem))
    with Client("http://flukes.test", transport=transport) as service, pytest.raises(NotAllowed):
        remote.embed_photos(service, [NamedFile("a31.png", photos / "a31.png")])


# The console command in a process in which nothing heavy can be imported.
WITHOUT = """
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        heavy = ("torch", "timm", "faiss", "sqlalchemy", "scipy", "numpy", "PIL", "fastapi")
        is_heavy = name.partition(".")[0] in heavy
        return None if is_heavy else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
from flukeprint import main
main()
"""


def test_another_process_asks_without_anything_heavy(curated_url: str, photos: Path) -> None:
    command = [
        sys.executable,
        "-c",
        WITHOUT,
        "identify",
        str(photos / "a31.png"),
        "--server",
        curated_url,
        "--json",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["results"][0]["matches"][0]["individual"] == "w_30"
