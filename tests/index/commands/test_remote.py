"""The commands with --server: a running service answers, in the forms that a catalogue here is
answered in.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from client import Client
from client.errors import NotAllowed, ServiceUnreachable
from embedding.errors import FlukeprintError
from embedding.photos.photo_files import BadPhoto
from index.commands import index, remote
from index.commands.named_files import NamedFile
from index.commands.options import BadServerOptions
from index.messages import BadOut

ROOT = Path(__file__).resolve().parents[3]


def _service_tests() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "known_answers", ROOT / "tests" / "service" / "conftest.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


known_answers = _service_tests()
settings, photo, curated_url = (
    known_answers.settings,
    known_answers.photo,
    known_answers.curated_url,
)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command; the environment has a catalogue and a checkpoint, which contradicts
    nothing.
    """
    monkeypatch.setenv("FLUKEPRINT_CATALOGUE", "elsewhere.db")
    monkeypatch.setenv("FLUKEPRINT_CHECKPOINT", "elsewhere.safetensors")
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer()
    index.register(app)

    def _run(*arguments: object) -> Any:
        result = CliRunner().invoke(app, [str(each) for each in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return _run


@pytest.fixture
def photos(tmp_path: Path, photo: Callable[..., bytes]) -> Path:
    """Photos at 31 and 91 degrees, and a text that calls itself a photo."""
    folder = tmp_path / "may"
    folder.mkdir()
    (folder / "a31.png").write_bytes(photo(31))
    (folder / "b91.png").write_bytes(photo(91))
    (folder / "notes.png").write_text("words")
    return folder


def test_identify_answers_in_the_same_form(
    run: Callable[..., Any], curated_url: str, photos: Path
) -> None:
    result = run(
        "identify", photos, photos / "none.png", "--server", curated_url, "-k", "2", "--json"
    )
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert list(answer) == [
        *(
            "results",
            "errors",
            "catalogue_revision",
            "fingerprint",
            "individuals_searched",
            "thresholds",
        ),
    ]
    first, second = answer["results"]
    assert first["photo"] == str(photos / "a31.png")
    assert list(first["matches"][0]) == ["rank", "individual", "distance", "probability", "photo"]
    assert [each["individual"] for each in first["matches"]] == ["w_30", "w_0"]
    assert second["matches"][0]["individual"] == "w_90"
    assert [each["species"]["name"] for each in answer["results"]] == ["humpback", "fin whale"]
    assert first["species"]["probability"] is None
    assert "a probability needs 20" in first["species"]["reason"]
    assert [each["photo"] for each in answer["errors"]] == [
        str(photos / "notes.png"),
        str(photos / "none.png"),
    ]
    assert all(each["reason"].startswith(each["photo"]) for each in answer["errors"])
    assert (answer["catalogue_revision"], answer["individuals_searched"]) == (1, 3)
    assert "can't read" in result.stderr


def test_identify_for_people(run: Callable[..., Any], curated_url: str, photos: Path) -> None:
    shown = run(
        "identify", photos / "a31.png", "--server", curated_url, "--threshold", "0.01"
    ).stdout
    assert re.search(r"a31\.png: review", shown)
    assert re.search(r"1 │ w_30", shown)
    assert "Species: humpback." in shown


def test_a_question_that_makes_no_sense_ends_it(
    run: Callable[..., Any], curated_url: str, photos: Path
) -> None:
    with pytest.raises(FlukeprintError, match="max_fpir"):
        run("identify", photos, "--server", curated_url, "--max-fpir", "0.1", "--threshold", "0.2")
    nothing = run("identify", photos / "notes.png", "--server", curated_url, "--json")
    assert (nothing.exit_code, json.loads(nothing.stdout)["individuals_searched"]) == (1, 3)


def test_embed_writes_the_services_vectors(
    run: Callable[..., Any], curated_url: str, photos: Path, tmp_path: Path
) -> None:
    result = run("embed", photos, "--out", tmp_path / "v.npz", "--server", curated_url)
    assert result.exit_code == 1
    with np.load(tmp_path / "v.npz") as file:
        assert file["photo"].tolist() == ["a31.png", "b91.png"]
        assert file["embedding"].dtype == np.float32
        np.testing.assert_allclose(
            np.degrees(np.arccos(file["embedding"][:, 0])), [31, 91], atol=1e-3
        )
        assert str(file["fingerprint"]) == "f1" * 32
    with pytest.raises(BadPhoto, match="no photo could be read"):
        run("embed", photos / "notes.png", "--out", tmp_path / "none.npz", "--server", curated_url)
    assert not (tmp_path / "none.npz").exists()


def test_status_tells_of_the_services_catalogue(run: Callable[..., Any], curated_url: str) -> None:
    told = json.loads(run("index", "status", "--server", curated_url, "--json").stdout)
    assert (told["catalogue"], told["individuals"], told["photos"], told["new_whale_photos"]) == (
        curated_url,
        3,
        6,
        2,
    )
    assert (told["is_current"], told["history"][0]["revision"]) == (True, 1)
    shown = run("index", "status", "--server", curated_url).stdout
    assert re.search(r"individuals +3 ", shown)
    assert re.search(r"revision 1 .*: 6 added *$", shown, flags=re.MULTILINE)
    assert re.search(r"to do +nothing, all is up to date", shown)


def test_explain_writes_the_services_picture(
    run: Callable[..., Any], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    def play(request: httpx.Request) -> httpx.Response:
        asked.append(request.read())
        return httpx.Response(200, content=b"a picture", headers={"X-Distance": "0.25"})

    played = Client("http://flukes.test", transport=httpx.MockTransport(play))
    monkeypatch.setattr(remote, "service_at", lambda server, key: played)
    out = tmp_path / "heat.png"
    said = run(
        "explain",
        photos / "a31.png",
        photos / "b91.png",
        "--out",
        out,
        "--server",
        "http://flukes.test",
    )
    assert out.read_bytes() == b"a picture"
    assert said.stdout.endswith("distance 0.250\n")
    assert (
        b'name="photos"; filename="a31.png"' in asked[0]
        and b'name="reference"; filename="b91.png"' in asked[0]
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
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
    run: Callable[..., Any], arguments: tuple[str, ...], says: str
) -> None:
    with pytest.raises(BadServerOptions, match=says):
        run(*arguments)


def test_where_nobody_answers_it_is_told(
    run: Callable[..., Any], photos: Path, tmp_path: Path
) -> None:
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
        found, source = remote.identified(service, files[1:], k=1, max_fpir=None, threshold=None)
        assert [name for name, _ in found.answers] == ["a31.png", "notes.png"]
        assert found.unread[0].reason.startswith("b91.png: POST http://flukes.test/v1/identify: no")
        assert (source.revision, source.thresholds.known) == (4, 0.1)
        with pytest.raises(ServiceUnreachable):
            remote.identified(service, files[2:], k=1, max_fpir=None, threshold=None)


def test_a_key_that_is_not_known_ends_it(photos: Path) -> None:
    problem = {
        "type": "/docs#problem-unauthenticated",
        "title": "No valid key",
        "status": 401,
        "detail": "Unknown.",
    }
    transport = httpx.MockTransport(lambda request: httpx.Response(401, json=problem))
    with Client("http://flukes.test", transport=transport) as service, pytest.raises(NotAllowed):
        remote.embedded(service, [NamedFile("a31.png", photos / "a31.png")])


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
    asked = [
        sys.executable,
        "-c",
        WITHOUT,
        "identify",
        str(photos / "a31.png"),
        "--server",
        curated_url,
        "--json",
    ]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["results"][0]["matches"][0]["individual"] == "w_30"
