"""Which checkpoints an upgrade may name, and who may start, cancel and resume one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.service.jobs.kinds.two_models import TwoModels, checkpoint

Problem = Callable[..., Any]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "other.safetensors",
            "there is no other.safetensors in the folder of checkpoints, which holds new.safe",
        ),
        ("../models/new.safetensors", "there is no ../models/new.safetensors"),
        ("/etc/passwd", "there is no /etc/passwd"),
        ("link.safetensors", "there is no link.safetensors"),
        ("torn.safetensors", "is not a safetensors file"),
    ],
)
def test_only_files_of_the_operators_folder_can_be_named(
    models: TwoModels, problem: Problem, tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "models" / "torn.safetensors").write_bytes(b"torn")
    checkpoint(tmp_path, "outside")
    (tmp_path / "models" / "link.safetensors").symlink_to(tmp_path / "outside.safetensors")
    asked = {"kind": "upgrade", "parameters": {"checkpoint": name}}
    refused = problem(models.client.post("/v1/jobs", json=asked), 422, "invalid")
    assert refused["errors"][0]["field"] == "checkpoint"
    assert said in refused["detail"]


def test_the_checkpoints_that_can_be_gone_over_to_are_listed(
    models: TwoModels, tmp_path: Path, problem: Problem
) -> None:
    (tmp_path / "models" / "torn.safetensors").write_bytes(b"torn")
    (tmp_path / "models" / "notes.txt").write_text("none")
    answer = models.client.get("/v1/checkpoints").json()
    assert answer["has_folder"] is True
    new, old, torn = answer["checkpoints"]
    size = (tmp_path / "models" / "new.safetensors").stat().st_size
    assert new == {
        "name": "new.safetensors",
        "title": "new",
        "fingerprint": models.new.fingerprint,
        "size_bytes": size,
        "is_served": False,
        "fault": None,
    }
    assert (old["title"], old["is_served"]) == ("old", True)
    assert torn["fingerprint"] is None
    assert torn["fault"].startswith("torn.safetensors is not a safetensors file")
    asked = {"kind": "upgrade", "parameters": {"checkpoint": "torn.safetensors"}}
    refused = problem(models.client.post("/v1/jobs", json=asked), 422, "invalid")
    assert all(str(tmp_path) not in text for text in (str(answer), str(refused)))
    models.ended(models.start())
    served = [
        one["name"]
        for one in models.client.get("/v1/checkpoints").json()["checkpoints"]
        if one["is_served"]
    ]
    assert served == ["new.safetensors"]


def test_a_service_without_a_folder_says_so(serve_two: Callable[..., Any]) -> None:
    with serve_two(checkpoints=None) as models:
        assert models.client.get("/v1/checkpoints").json() == {
            "has_folder": False,
            "checkpoints": [],
        }


def test_without_a_folder_and_without_the_role_nothing_is_upgraded(
    serve_two: Callable[..., Any], problem: Problem
) -> None:
    asked = {"kind": "upgrade", "parameters": {"checkpoint": "new.safetensors"}}
    with serve_two(has_keys=True, checkpoints=None) as models:
        admin = models.client.post("/v1/keys", json={"name": "A", "role": "admin"}).json()["secret"]
        made = models.client.post(
            "/v1/keys", json={"name": "C", "role": "curate"}, headers={"X-API-Key": admin}
        )
        curator = {"X-API-Key": made.json()["secret"]}
        problem(models.client.post("/v1/jobs", json=asked, headers=curator), 403, "forbidden")
        refused = problem(
            models.client.post("/v1/jobs", json=asked, headers={"X-API-Key": admin}), 422, "invalid"
        )
        assert "no folder of checkpoints is set" in refused["detail"]


def test_who_may_not_start_an_upgrade_neither_resumes_nor_cancels_one(
    serve_two: Callable[..., Any], problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.photos.embed.BATCH_PHOTOS", 2)
    asked = {"kind": "upgrade", "parameters": {"checkpoint": "new.safetensors"}}
    with serve_two(has_keys=True) as models:
        admin = {
            "X-API-Key": models.client.post("/v1/keys", json={"name": "A", "role": "admin"}).json()[
                "secret"
            ]
        }
        made = models.client.post("/v1/keys", json={"name": "C", "role": "curate"}, headers=admin)
        curator = {"X-API-Key": made.json()["secret"]}
        reached, released = models.hold()
        job_id = models.client.post("/v1/jobs", json=asked, headers=admin).json()["id"]
        assert reached.wait(60)
        problem(models.client.post(f"/v1/jobs/{job_id}/cancel", headers=curator), 403, "forbidden")
        assert models.client.post(f"/v1/jobs/{job_id}/cancel", headers=admin).status_code == 200
        released.set()
        deadline = time.monotonic() + 120
        while (
            models.client.get(f"/v1/jobs/{job_id}", headers=curator).json()["state"] != "cancelled"
        ):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        problem(models.client.post(f"/v1/jobs/{job_id}/resume", headers=curator), 403, "forbidden")
        problem(models.client.post("/v1/jobs/99/resume", headers=curator), 404, "not-found")
        assert models.client.post(f"/v1/jobs/{job_id}/resume", headers=admin).status_code == 200
