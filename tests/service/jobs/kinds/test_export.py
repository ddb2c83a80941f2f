"""The catalogue as a zip over HTTP: what it holds, and who may see its places."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import photo_of
from tests.service.jobs.kinds.season import OFFERED, Site, ended, send_zip, zipped

Problem = Callable[..., Any]


def test_an_export_is_what_an_import_takes(site: Site) -> None:
    client, _, _ = site
    asked = {"kind": "export", "parameters": {"format": "zip"}}
    job = ended(client, client.post("/v1/jobs", json=asked).json()["id"])
    assert (job["state"], job["result"]["photos"], job["result"]["labels"]) == ("succeeded", 3, 3)
    answer = client.get(f"/v1/jobs/{job['id']}/result")
    assert answer.headers["content-type"] == "application/zip"
    assert int(answer.headers["content-length"]) == len(answer.content) == job["result"]["bytes"]
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert sorted(names) == ["labels.csv", "w_0/w_0_0.png", "w_0/w_0_3.png", "w_90/w_90_90.png"]
    looked = ended(client, send_zip(client, answer.content).json()["id"])
    assert looked["result"]["counts"] == {"skipped": 3}


def test_what_a_killed_export_had_written_is_removed(site: Site, tmp_path: Path) -> None:
    client, path, _ = site
    folder = path.with_name(f"{path.name}.jobs") / "results"
    (folder / ".1.zip.99999").write_bytes(b"half")
    (folder / ".7.zip.99999").write_bytes(b"of another job")
    asked = {"kind": "export", "parameters": {"format": "csv"}}
    assert ended(client, client.post("/v1/jobs", json=asked).json()["id"])["id"] == 1
    assert sorted(each.name for each in folder.iterdir()) == [".7.zip.99999", "1.zip"]


@pytest.mark.parametrize("form", ["csv", "coco", "camtrap-dp", "kaggle"])
def test_every_form_comes_as_a_zip(site: Site, form: str) -> None:
    client, _, _ = site
    asked = {"kind": "export", "parameters": {"format": form}}
    job = ended(client, client.post("/v1/jobs", json=asked).json()["id"])
    assert job["state"] == "succeeded", job
    names = zipfile.ZipFile(
        io.BytesIO(client.get(f"/v1/jobs/{job['id']}/result").content)
    ).namelist()
    assert names and all(name.endswith((".csv", ".json")) for name in names)


def test_places_are_for_curators_alone(serve_season: Callable[..., Any], problem: Problem) -> None:
    with serve_season(has_keys=True) as (client, _, _):
        secrets = {
            "admin": client.post("/v1/keys", json={"name": "A", "role": "admin"}).json()["secret"]
        }
        for role in ("read", "contribute", "curate"):
            made = client.post(
                "/v1/keys",
                json={"name": role, "role": role},
                headers={"X-API-Key": secrets["admin"]},
            ).json()
            secrets[role] = made["secret"]

        def ask(role: str, method: str, address: str, **more: Any) -> Any:
            return client.request(method, address, headers={"X-API-Key": secrets[role]}, **more)

        files = [("photos", ("q.png", photo_of(20)))]
        taken = {"encounter": "e9", "place": "a secret bay"}
        ask("contribute", "POST", "/v1/queue", files=files, data=taken)
        ask("curate", "POST", "/v1/queue/q.png/confirm", json={"individual": "w_20"})
        with_places = {"kind": "export", "parameters": {"format": "csv", "with_places": True}}
        without = {"kind": "export", "parameters": {"format": "csv"}}
        problem(ask("contribute", "POST", "/v1/jobs", json=with_places), 403, "forbidden")
        told = {}
        for role, body in (("curate", with_places), ("contribute", without)):
            job_id = ask(role, "POST", "/v1/jobs", json=body).json()["id"]
            while ask("read", "GET", f"/v1/jobs/{job_id}").json()["state"] != "succeeded":
                time.sleep(0.01)
            told[role] = job_id
        problem(ask("contribute", "GET", f"/v1/jobs/{told['curate']}/result"), 403, "forbidden")
        for role, job_id, is_told in (
            ("curate", told["curate"], True),
            ("read", told["contribute"], False),
        ):
            content = ask(role, "GET", f"/v1/jobs/{job_id}/result").content
            labels = zipfile.ZipFile(io.BytesIO(content)).read("labels.csv")
            assert (b"a secret bay" in labels) is is_told
        sent = {"archive": ("a.zip", zipped(OFFERED))}
        problem(
            ask("contribute", "POST", "/v1/jobs", data={"kind": "import"}, files=sent),
            403,
            "forbidden",
        )
        problem(ask("contribute", "DELETE", f"/v1/jobs/{told['curate']}"), 403, "forbidden")
