"""A zip over HTTP: its dry run and report, then the import that names the dry run's job."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from index.catalogue.catalogue import Catalogue
from service.jobs.queue import JobQueue
from tests.service.conftest import photo_of
from tests.service.jobs.kinds.season import (
    OFFERED,
    Site,
    carry_out,
    ended,
    report,
    send_zip,
    zipped,
)

Problem = Callable[..., Any]


def test_a_zip_is_looked_at_and_then_imported(site: Site) -> None:
    client, path, _ = site
    job = ended(client, send_zip(client, zipped(OFFERED)).json()["id"])
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
    job = ended(client, send_zip(client, zipped(OFFERED)).json()["id"])["id"]
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
        job = carry_out(client, ended(client, send_zip(client, zipped(OFFERED)).json()["id"])["id"])
    assert job["result"]["is_new_revision"] is False
    with Catalogue.open(path) as catalogue:
        assert catalogue.revision == 2


def test_what_makes_no_sense_is_refused(site: Site, problem: Problem) -> None:
    client, _, _ = site
    looked = ended(client, send_zip(client, zipped(OFFERED)).json()["id"])["id"]
    refused = [
        ({"kind": "import"}, "send a zip"),
        ({"kind": "import", "parameters": {"dry_run": 99}}, "there is no job 99"),
        (
            {"kind": "import", "parameters": {"dry_run": looked, "duplicates": "skip"}},
            "send nothing beside dry_run",
        ),
        ({"kind": "export", "parameters": {"format": "xml"}}, "format"),
    ]
    for body, said in refused:
        assert said in problem(client.post("/v1/jobs", json=body), 422, "invalid")["detail"]
    both = send_zip(client, zipped(OFFERED), f'{{"dry_run": {looked}}}')
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
    job = ended(client, send_zip(client, b"not a zip").json()["id"])
    assert job["state"] == "failed"
    assert job["reason"].startswith("the zip: not a zip")
    assert str(path.parent) not in job["reason"]


def test_a_zip_is_bounded(serve_season: Callable[..., Any], problem: Problem) -> None:
    with serve_season(max_upload_bytes=4096, max_archive_bytes=20_000) as (client, _, _):
        content = zipped({"w_7/a.png": photo_of(70), "w_7/filler.png": os.urandom(6000)})
        assert send_zip(client, content).status_code == 202, "larger than a photo may be"
        problem(send_zip(client, bytes(30_000)), 413, "too-large")
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
        looked = ended(client, send_zip(client, zipped(OFFERED)).json()["id"])["id"]
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


def test_a_job_that_has_ended_is_removed_with_its_files(site: Site, problem: Problem) -> None:
    client, path, embedder = site
    looked = ended(client, send_zip(client, zipped(OFFERED)).json()["id"])["id"]
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

    again = ended(client, send_zip(client, zipped(OFFERED)).json()["id"])["id"]
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
        looked = ended(client, send_zip(client, zipped(OFFERED)).json()["id"])["id"]
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
        assert "no longer on the service's disk" in refused["detail"]
        asked = {"kind": "import", "parameters": {"dry_run": looked}}
        assert (
            "no longer kept"
            in problem(client.post("/v1/jobs", json=asked), 422, "invalid")["detail"]
        )


def test_the_report_of_a_job_tells_what_is_doubtful_in_its_labels(site: Site) -> None:
    client, _, _ = site
    labels = b"image,label\na.png,unknown 3\nb.png,unknown\nc.png,w_1\nc.png,w_2\n"
    content = {
        "labels.csv": labels,
        **{f"{name}.png": photo_of(at) for at, name in enumerate("abc", 40)},
    }
    job = ended(
        client, send_zip(client, zipped(content), '{"duplicates": "keep-all"}').json()["id"]
    )
    read_as, looks_like = job["result"]["warnings"][:2]
    assert read_as == "read as new_whale, an animal that nobody knows: 'unknown' (1 photo)"
    assert looks_like.startswith("look like words for an animal that nobody knows, but count as")
    assert "'unknown 3' (1 photo)" in looks_like
    status, reason = report(client, job["id"])["c.png"]
    assert (status, reason.split(";")[0]) == ("refused", "has two labels, w_1 and w_2")
    assert job["result"]["counts"] == {"added": 2, "refused": 1}
    done = carry_out(client, job["id"])
    assert done["result"]["counts"] == {"added": 2, "refused": 1}
