"""The commands with --server print a service's answers in the form of those from a catalogue."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from client import Client
from embedding.errors import FlukeprintError
from embedding.photos.photo_files import BadPhoto
from index.commands import remote


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


def test_status_describes_the_services_catalogue(run: Callable[..., Any], curated_url: str) -> None:
    status = json.loads(run("index", "status", "--server", curated_url, "--json").stdout)
    assert (
        status["catalogue"],
        status["individuals"],
        status["photos"],
        status["new_whale_photos"],
    ) == (
        curated_url,
        3,
        6,
        2,
    )
    assert (status["is_current"], status["history"][0]["revision"]) == (True, 1)
    shown = run("index", "status", "--server", curated_url).stdout
    assert re.search(r"individuals +3 ", shown)
    assert re.search(r"revision 1 .*: 6 added *$", shown, flags=re.MULTILINE)
    assert re.search(r"to do +nothing, all is up to date", shown)


def test_explain_writes_the_services_picture(
    run: Callable[..., Any], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[bytes] = []

    def play(request: httpx.Request) -> httpx.Response:
        requests.append(request.read())
        return httpx.Response(200, content=b"a picture", headers={"X-Distance": "0.25"})

    played = Client("http://flukes.test", transport=httpx.MockTransport(play))
    monkeypatch.setattr(remote, "open_client", lambda server, key: played)
    out = tmp_path / "heat.png"
    result = run(
        "explain",
        photos / "a31.png",
        photos / "b91.png",
        "--out",
        out,
        "--server",
        "http://flukes.test",
    )
    assert out.read_bytes() == b"a picture"
    assert result.stdout.endswith("distance 0.250\n")
    assert (
        b'name="photos"; filename="a31.png"' in requests[0]
        and b'name="reference"; filename="b91.png"' in requests[0]
    )
