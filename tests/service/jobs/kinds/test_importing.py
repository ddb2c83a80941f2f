"""A zip over HTTP: looked at, its report read, then imported by naming that job; and what becomes
of its files.
"""

from __future__ import annotations

import io
import os
import threading
import time
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from index.identification.identifier import Identifier
from index.labels.reader import read_labels
from index.reindex.build import build_catalogue
from service.app import create_app
from service.catalogue.writer import open_writer, reload
from service.jobs.queue import JobQueue, open_jobs
from service.serving.served_photo import ServedPhoto
from service.serving.service import Serving
from service.settings import Settings
from tests.service.conftest import RedEmbedder, photo_of

Problem = Callable[..., Any]
Site = tuple[TestClient, Path, RedEmbedder]


@pytest.fixture
def serve_season(settings: Settings, tmp_path: Path) -> Callable[..., Any]:
    """`with serve_season() as (client, path, embedder)`: w_0 and w_90 are known, jobs and curators
    work.
    """
    folder = tmp_path / "season"
    for whale, angles in {"w_0": (0, 3), "w_90": (90,)}.items():
        (folder / whale).mkdir(parents=True)
        for angle in angles:
            (folder / whale / f"{angle}.png").write_bytes(photo_of(angle))
    path, embedder = tmp_path / "catalogue.db", RedEmbedder()
    build_catalogue(path, read_labels(None, folder), embedder)

    @contextmanager
    def _serve(has_keys: bool = False, **changed: Any) -> Generator[Site]:
        given = Settings(
            **{**settings.model_dump(), "catalogue": path, "requests_per_minute": 0, **changed}
        )

        def load() -> Serving:
            with Catalogue.open(path) as catalogue:
                gallery, calibration = catalogue.searchable()
                photos = {photo.name: ServedPhoto.of(photo) for photo in catalogue.photos()}
            return Serving(Identifier(embedder, gallery, calibration), photos)

        app = create_app(
            given,
            load,
            access=AccessStore.of(Catalogue.open(path).engine) if has_keys else None,
            open_jobs=lambda service: open_jobs(given, service, on_revision=lambda: reload(app)),
            open_writer=lambda service: open_writer(given, service),
        )
        with TestClient(app, raise_server_exceptions=False) as client:
            while client.get("/readyz").status_code != 200:
                pass
            yield client, path, embedder

    return _serve


@pytest.fixture
def site(serve_season: Callable[..., Any]) -> Generator[Site]:
    with serve_season() as ready:
        yield ready


def zipped(entries: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return data.getvalue()


LABELS = (
    b"image,label\nnew_30.png,w_30\nnew_31.png,w_30\nagain.png,w_0\nlost.png,w_5\nbad.png,w_0\n"
)
OFFERED = {
    "labels.csv": LABELS,
    "new_30.png": photo_of(30),
    "new_31.png": photo_of(31),
    "again.png": photo_of(0),
    "bad.png": b"torn",
    "notes.txt": b"seen at noon",
    "../out.png": photo_of(77),
}


def look(
    client: TestClient, content: bytes, parameters: str = '{"duplicates": "keep-near"}', **more: Any
) -> Any:
    data = {"kind": "import", "parameters": parameters}
    return client.post("/v1/jobs", data=data, files={"archive": ("season.zip", content)}, **more)


def ended(client: TestClient, job_id: int) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    # A service that has just started takes up what was interrupted a moment later.
    while (job := client.get(f"/v1/jobs/{job_id}").json())["state"] in (
        "queued",
        "running",
        "interrupted",
    ):
        assert time.monotonic() < deadline, job
        time.sleep(0.01)
    return job


def carry_out(client: TestClient, dry_run: int) -> dict[str, Any]:
    asked = client.post("/v1/jobs", json={"kind": "import", "parameters": {"dry_run": dry_run}})
    assert asked.status_code == 202, asked.text
    return ended(client, asked.json()["id"])


def report(client: TestClient, job_id: int, **query: Any) -> dict[str, tuple[str, str]]:
    page = client.get(f"/v1/jobs/{job_id}/report", params=query)
    assert page.status_code == 200, page.text
    return {row["photo"]: (row["status"], row["reason"]) for row in page.json()["rows"]}


def test_a_zip_is_looked_at_and_then_imported(site: Site) -> None:
    client, path, _ = site
    job = ended(client, look(client, zipped(OFFERED)).json()["id"])
    assert job["state"] == "succeeded", job
    assert job["result"]["is_dry_run"] is True
    counts = {"added": 2, "skipped": 1, "unreadable": 1, "no_file": 1, "left_out": 2}
    assert job["result"]["counts"] == counts
    told = report(client, job["id"])
    assert {name: status for name, (status, _) in told.items()} == {
        "../out.png": "left_out",
        "again.png": "skipped",
        "bad.png": "unreadable",
        "lost.png": "no_file",
        "new_30.png": "added",
        "new_31.png": "added",
        "notes.txt": "left_out",
    }
    assert told["again.png"][1] == "the same file as w_0/0.png"
    assert [
        fault["file"] for fault in client.get(f"/v1/jobs/{job['id']}/errors").json()["errors"]
    ] == [
        "../out.png",
        "bad.png",
        "lost.png",
        "notes.txt",
    ]
    with Catalogue.open(path) as catalogue:
        assert (catalogue.revision, len(catalogue.photos())) == (1, 3), "a dry run changes nothing"

    done = carry_out(client, job["id"])
    assert (done["state"], done["result"]["revision"], done["result"]["counts"]) == (
        "succeeded",
        2,
        counts,
    )
    found = client.post("/v1/identify", files={"photos": ("q.png", photo_of(30))}).json()
    assert found["results"][0]["matches"][0]["individual"] == "w_30"
    latest = client.get("/v1/changes?limit=1").json()["changes"][0]
    assert (latest["kind"], latest["made_by"]) == ("import", "local")
    folder = path.with_name("catalogue.db.jobs")
    assert list((folder / "uploads").iterdir()) == list((folder / "unpacked").iterdir()) == []
    # Undone like any other event; and the same zip again would add it again.
    assert client.post("/v1/changes/2/undo").status_code == 200
    with Catalogue.open(path) as catalogue:
        assert len(catalogue.photos()) == 3


def test_the_report_comes_in_pages_and_by_status(site: Site) -> None:
    client, _, _ = site
    job = ended(client, look(client, zipped(OFFERED)).json()["id"])["id"]
    assert list(report(client, job, status="added")) == ["new_30.png", "new_31.png"]
    first = client.get(f"/v1/jobs/{job}/report?limit=4").json()
    second = client.get(f"/v1/jobs/{job}/report?limit=4&cursor={first['next_cursor']}").json()
    names = [row["photo"] for page in (first, second) for row in page["rows"]]
    assert names == sorted(report(client, job))
    assert second["next_cursor"] is None
    whole = client.get(f"/v1/jobs/{job}/result")
    assert whole.headers["content-type"].startswith("text/csv")
    assert len(whole.text.splitlines()) == 8


def test_importing_the_same_again_changes_nothing(site: Site) -> None:
    client, path, _ = site
    for _ in range(2):
        job = carry_out(client, ended(client, look(client, zipped(OFFERED)).json()["id"])["id"])
    assert job["result"]["is_new_revision"] is False
    with Catalogue.open(path) as catalogue:
        assert catalogue.revision == 2


def test_what_makes_no_sense_is_refused(site: Site, problem: Problem) -> None:
    client, _, _ = site
    looked = ended(client, look(client, zipped(OFFERED)).json()["id"])["id"]
    refused = [
        ({"kind": "import"}, "send a zip"),
        ({"kind": "import", "parameters": {"dry_run": 99}}, "there is no job 99"),
        (
            {"kind": "import", "parameters": {"dry_run": looked, "duplicates": "skip"}},
            "nothing is given",
        ),
        ({"kind": "export", "parameters": {"format": "xml"}}, "format"),
    ]
    for body, said in refused:
        assert said in problem(client.post("/v1/jobs", json=body), 422, "invalid")["detail"]
    both = look(client, zipped(OFFERED), f'{{"dry_run": {looked}}}')
    assert "send either a zip" in problem(both, 422, "invalid")["detail"]
    other = client.post("/v1/jobs", data={"kind": "reindex"}, files={"archive": ("a.zip", b"")})
    assert "takes no zip" in problem(other, 422, "invalid")["detail"]
    done = carry_out(client, looked)["id"]
    for job, said in ((done, "is no dry run"), (looked, "no longer kept")):
        asked = {"kind": "import", "parameters": {"dry_run": job}}
        assert said in problem(client.post("/v1/jobs", json=asked), 422, "invalid")["detail"]
    export = ended(
        client,
        client.post("/v1/jobs", json={"kind": "export", "parameters": {"format": "csv"}}).json()[
            "id"
        ],
    )
    problem(client.get(f"/v1/jobs/{export['id']}/report"), 404, "not-found")


def test_a_file_that_is_no_zip_fails_in_words_that_name_no_file_of_ours(site: Site) -> None:
    client, path, _ = site
    job = ended(client, look(client, b"not a zip").json()["id"])
    assert job["state"] == "failed"
    assert job["reason"].startswith("the zip: not a zip")
    assert str(path.parent) not in job["reason"]


def test_a_zip_is_bounded(serve_season: Callable[..., Any], problem: Problem) -> None:
    with serve_season(max_upload_bytes=4096, max_archive_bytes=20_000) as (client, _, _):
        content = zipped({"w_7/a.png": photo_of(70), "w_7/filler.png": os.urandom(6000)})
        assert look(client, content).status_code == 202, "larger than a photo may be"
        problem(look(client, bytes(30_000)), 413, "too-large")
        problem(
            client.post("/v1/identify", files={"photos": ("a.png", bytes(6000))}), 413, "too-large"
        )


def test_an_import_stopped_in_the_middle_goes_on_after_a_restart(
    serve_season: Callable[..., Any],
) -> None:
    reached, released = threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        assert released.wait(60)

    with serve_season() as (client, path, embedder):
        looked = ended(client, look(client, zipped(OFFERED)).json()["id"])["id"]
        embedder.before_embedding = wait
        started = client.post(
            "/v1/jobs", json={"kind": "import", "parameters": {"dry_run": looked}}
        ).json()["id"]
        assert reached.wait(60)
        # Curators don't wait for the network.
        assert client.post("/v1/individuals/w_0/rename", json={"new": "Salt"}).status_code == 200
        threading.Timer(0.2, released.set).start()
    embedder.before_embedding = lambda: None
    with serve_season() as (client, path, _):
        job = ended(client, started)
        assert (job["state"], job["result"]["counts"]["added"]) == ("succeeded", 2)
        with Catalogue.open(path) as catalogue:
            assert {photo.individual for photo in catalogue.photos()} == {"Salt", "w_30", "w_90"}


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
    looked = ended(client, look(client, answer.content).json()["id"])
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


def test_a_job_that_has_ended_is_removed_with_its_files(site: Site, problem: Problem) -> None:
    client, path, embedder = site
    looked = ended(client, look(client, zipped(OFFERED)).json()["id"])["id"]
    folder = path.with_name("catalogue.db.jobs")
    assert len(list((folder / "uploads").iterdir())) == 1
    assert client.delete(f"/v1/jobs/{looked}").status_code == 204
    assert [list((folder / part).iterdir()) for part in ("uploads", "results")] == [[], []]
    problem(client.get(f"/v1/jobs/{looked}"), 404, "not-found")
    problem(client.delete(f"/v1/jobs/{looked}"), 404, "not-found")
    reached, released = threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        assert released.wait(60)

    again = ended(client, look(client, zipped(OFFERED)).json()["id"])["id"]
    embedder.before_embedding = wait
    running = client.post(
        "/v1/jobs", json={"kind": "import", "parameters": {"dry_run": again}}
    ).json()["id"]
    assert reached.wait(60)
    problem(client.delete(f"/v1/jobs/{running}"), 409, "wrong-state")
    # The import needs the zip of the job that looked at it, whatever becomes of that job.
    assert client.delete(f"/v1/jobs/{again}").status_code == 204
    assert len(list((folder / "uploads").iterdir())) == 1
    released.set()
    assert ended(client, running)["state"] == "succeeded"


def test_files_expire_and_the_record_stays(
    serve_season: Callable[..., Any], problem: Problem
) -> None:
    with serve_season(keep_jobs_days=1e-9) as (client, path, _):
        looked = ended(client, look(client, zipped(OFFERED)).json()["id"])["id"]
        job_queue = client.app.state.jobs
        assert isinstance(job_queue, JobQueue)
        job_queue.tidy()
        assert client.get(f"/v1/jobs/{looked}/result").status_code == 200, (
            "what is so young may be somebody's"
        )
        for kept in path.with_name("catalogue.db.jobs").rglob("*"):
            if kept.is_file():
                os.utime(kept, (10**9, 10**9))
        job_queue.tidy()
        assert client.get(f"/v1/jobs/{looked}").json()["state"] == "succeeded"
        refused = problem(client.get(f"/v1/jobs/{looked}/result"), 404, "not-found")
        assert "no longer kept" in refused["detail"]
        asked = {"kind": "import", "parameters": {"dry_run": looked}}
        assert (
            "no longer kept"
            in problem(client.post("/v1/jobs", json=asked), 422, "invalid")["detail"]
        )
