"""The model exchanged below a running service: answers go on, acts go on, no answer mixes two
checkpoints.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient

from embedding.checkpoint import CheckpointHeader, fingerprint_of, save_checkpoint
from embedding.photos.preprocessing import Preprocessing
from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from index.identification.identifier import Identifier
from index.labels.reader import read_labels
from index.reindex.build import build_catalogue
from index.reindex.staged_vectors import read_state
from index.storage.address import CatalogueAddress
from service.app import create_app
from service.catalogue.writer import open_writer, reload
from service.jobs.queue import open_jobs
from service.serving.served_photo import ServedPhoto
from service.serving.service import Service, Serving
from service.settings import Settings
from tests.service.conftest import RedEmbedder, photo_of

ANGLES = {"w_0": (0, 3), "w_30": (30, 33), "w_90": (90, 93)}
Problem = Callable[..., Any]


class Turned(RedEmbedder):
    """Red says the angle, and the checkpoint by how much more it is turned: two checkpoints never
    agree.
    """

    def __init__(self, path: Path, turn_degrees: float) -> None:
        super().__init__()
        self.fingerprint = fingerprint_of(path)
        self._turn = np.radians(turn_degrees)

    def embed(self, images: Any, boxes: Any = None) -> np.ndarray:
        rows = super().embed(images, boxes)
        angles = np.arctan2(rows[:, 1], rows[:, 0]) + self._turn
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


class Site:
    """A service of two checkpoints; `held` keeps the second one from embedding until it is let
    go.
    """

    def __init__(
        self, client: TestClient, path: CatalogueAddress, old: Turned, new: Turned
    ) -> None:
        self.client, self.path, self.old, self.new = client, path, old, new

    def hold(self) -> tuple[threading.Event, threading.Event]:
        reached, released = threading.Event(), threading.Event()

        def wait() -> None:
            reached.set()
            assert released.wait(60)

        self.new.before_embedding = wait
        return reached, released

    def start(self, name: str = "new.safetensors") -> int:
        answer = self.client.post(
            "/v1/jobs", json={"kind": "upgrade", "parameters": {"checkpoint": name}}
        )
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def ended(self, job_id: int) -> dict[str, Any]:
        deadline = time.monotonic() + 120
        while (job := self.client.get(f"/v1/jobs/{job_id}").json())["state"] in (
            "queued",
            "running",
        ):
            assert time.monotonic() < deadline, job
            time.sleep(0.01)
        return job

    def identified(self, degrees: int) -> tuple[str, str, float]:
        """Who it is, by which checkpoint, and how far: 0 where query and vectors are of the same
        one.
        """
        answer = self.client.post("/v1/identify", files={"photos": ("q.png", photo_of(degrees))})
        assert answer.status_code == 200, answer.text
        match = answer.json()["results"][0]["matches"][0]
        return match["individual"], answer.json()["fingerprint"], match["distance"]


def checkpoint(folder: Path, name: str) -> Path:
    path = folder / f"{name}.safetensors"
    save_checkpoint(
        path, {"a": torch.zeros(1)}, CheckpointHeader({}, Preprocessing(8, 8), {"name": name})
    )
    return path


@pytest.fixture
def serve_two(
    settings: Settings, tmp_path: Path, place: Callable[[Path], CatalogueAddress]
) -> Generator[Callable[..., Any]]:
    folder, models = tmp_path / "season", tmp_path / "models"
    models.mkdir()
    old_path, new_path = checkpoint(models, "old"), checkpoint(models, "new")
    for whale, angles in ANGLES.items():
        (folder / whale).mkdir(parents=True)
        for angle in angles:
            (folder / whale / f"{angle}.png").write_bytes(photo_of(angle))
    path = place(tmp_path / "catalogue.db")
    old, new = Turned(old_path, 0), Turned(new_path, 40)
    build_catalogue(path, read_labels(None, folder), old)

    @contextmanager
    def _serve(has_keys: bool = False, **changed: Any) -> Generator[Site]:
        own = {
            "catalogue": path,
            "checkpoint": old_path,
            "checkpoints": models,
            "requests_per_minute": 0,
        }
        given = Settings(**{**settings.model_dump(), **own, **changed})

        def load() -> Serving:
            with Catalogue.open(path) as catalogue:
                gallery, calibration = catalogue.searchable()
                photos = {photo.name: ServedPhoto.of(photo) for photo in catalogue.photos()}
            embedder = next(each for each in (old, new) if each.fingerprint == gallery.fingerprint)
            return Serving(Identifier(embedder, gallery, calibration), photos)

        def with_jobs(service: Service) -> Any:
            service.checkpoints.load = lambda given: new if given == new_path.resolve() else old
            return open_jobs(given, service, on_revision=lambda: reload(app))

        app = create_app(
            given,
            load,
            access=AccessStore.of(opened.engine) if has_keys else None,
            open_jobs=with_jobs,
            open_writer=lambda service: open_writer(given, service),
        )
        with TestClient(app, raise_server_exceptions=False) as client:
            while client.get("/readyz").status_code != 200:
                pass
            yield Site(client, path, old, new)

    with Catalogue.open(path) as opened:
        yield _serve


@pytest.fixture
def site(serve_two: Callable[..., Any]) -> Generator[Site]:
    with serve_two() as ready:
        yield ready


def test_answers_and_acts_go_on_during_an_upgrade_and_none_mixes_two_checkpoints(
    site: Site,
) -> None:
    reached, released = site.hold()
    is_over = threading.Event()
    seen: list[tuple[str, str, float]] = []
    faults: list[BaseException] = []

    def ask() -> None:
        try:
            while not is_over.is_set():
                seen.append(site.identified(30))
        except BaseException as error:
            faults.append(error)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    job_id = site.start()
    assert reached.wait(60)
    # The network of the new checkpoint is at work: curators don't wait for it.
    assert (
        site.client.post("/v1/queue", files=[("photos", ("late.png", photo_of(150)))]).status_code
        == 200
    )
    assert (
        site.client.post("/v1/queue/late.png/confirm", json={"individual": "w_150"}).status_code
        == 200
    )
    assert site.client.post("/v1/individuals/w_0/rename", json={"new": "Salt"}).status_code == 200
    assert site.client.delete("/v1/catalogue/photos/w_90/93.png").status_code == 200
    assert site.identified(150) == ("w_150", site.old.fingerprint, pytest.approx(0, abs=1e-6))
    assert site.client.get("/v1/version").json()["fingerprint"] == site.old.fingerprint
    released.set()
    job = site.ended(job_id)
    assert job["state"] == "succeeded", job
    for degrees, whose in ((150, "w_150"), (3, "Salt"), (90, "w_90")):
        assert site.identified(degrees) == (whose, site.new.fingerprint, pytest.approx(0, abs=1e-6))
    is_over.set()
    for thread in asking:
        thread.join()
    assert faults == []
    assert {(whose, round(distance, 5)) for whose, _, distance in seen} == {("w_30", 0)}
    fingerprints = [fingerprint for _, fingerprint, _ in seen]
    assert set(fingerprints) == {site.old.fingerprint, site.new.fingerprint}

    version = site.client.get("/v1/version").json()
    assert (version["fingerprint"], version["catalogue_revision"]) == (
        site.new.fingerprint,
        job["result"]["revision"],
    )
    metrics = site.client.get("/metrics").text
    assert f'flukeprint_checkpoint_info{{fingerprint="{site.new.fingerprint}"}} 1.0' in metrics
    latest = site.client.get("/v1/changes?limit=1").json()["changes"][0]
    assert (latest["kind"], latest["made_by"], latest["revision"]) == (
        "swap",
        "local",
        job["result"]["revision"],
    )
    assert job["result"]["before"] == site.old.fingerprint


def test_an_upgrade_is_undone_and_done_again_without_embedding(site: Site) -> None:
    revision = site.ended(site.start())["result"]["revision"]
    assert site.identified(30)[1] == site.new.fingerprint
    embedded = sum(site.new.batch_sizes), sum(site.old.batch_sizes)
    undone = site.client.post(f"/v1/changes/{revision}/undo")
    assert undone.status_code == 200, undone.text
    assert (sum(site.new.batch_sizes), sum(site.old.batch_sizes)) == embedded
    assert site.identified(30) == ("w_30", site.old.fingerprint, pytest.approx(0, abs=1e-6))
    again = site.client.post(f"/v1/changes/{undone.json()['revision']}/undo")
    assert again.status_code == 200, again.text
    assert site.identified(30) == ("w_30", site.new.fingerprint, pytest.approx(0, abs=1e-6))


def test_an_upgrade_cannot_be_undone_once_photos_came_that_the_old_one_never_saw(
    site: Site, problem: Problem
) -> None:
    revision = site.ended(site.start())["result"]["revision"]
    site.client.post("/v1/queue", files=[("photos", ("late.png", photo_of(150)))])
    refused = problem(site.client.post(f"/v1/changes/{revision}/undo"), 409, "conflict")
    assert "1 photos that came since have no vector" in refused["detail"]
    # The way back is then an upgrade to the old one, which embeds only that photo.
    embedded = sum(site.old.batch_sizes)
    job = site.ended(site.start("old.safetensors"))
    assert (job["state"], job["result"]["reembedded"]) == ("succeeded", 1)
    assert sum(site.old.batch_sizes) == embedded + 1
    assert site.identified(30)[1] == site.old.fingerprint


def test_a_cancelled_upgrade_changes_nothing_and_goes_on_from_there(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.photos.embed.BATCH_PHOTOS", 2)
    reached, released = site.hold()
    job_id = site.start()
    assert reached.wait(60)
    site.client.post(f"/v1/jobs/{job_id}/cancel")
    released.set()
    assert site.ended(job_id)["state"] == "cancelled"
    assert site.identified(30)[1] == site.old.fingerprint
    with Catalogue.open(site.path) as catalogue:
        state = read_state(catalogue, site.new.fingerprint)
    assert [photo.fingerprint == site.new.fingerprint for photo in state.photos] == [True] * 2 + [
        False
    ] * 4
    assert (state.revision, state.fingerprint) == (1, site.old.fingerprint)
    embedded = sum(site.new.batch_sizes)
    site.client.post(f"/v1/jobs/{job_id}/resume")
    assert (
        site.ended(job_id)["result"]["reembedded"] == 6
    )  # all that went over, the two from before among them
    assert sum(site.new.batch_sizes) == embedded + 4
    assert site.identified(30) == ("w_30", site.new.fingerprint, pytest.approx(0, abs=1e-6))


def test_a_service_started_after_an_upgrade_finds_the_new_checkpoint(
    serve_two: Callable[..., Any],
) -> None:
    with serve_two() as site:
        site.ended(site.start())
    with serve_two() as site:
        assert site.identified(30)[1] == site.new.fingerprint


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
    site: Site, problem: Problem, tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "models" / "torn.safetensors").write_bytes(b"torn")
    checkpoint(tmp_path, "outside")
    (tmp_path / "models" / "link.safetensors").symlink_to(tmp_path / "outside.safetensors")
    asked = {"kind": "upgrade", "parameters": {"checkpoint": name}}
    refused = problem(site.client.post("/v1/jobs", json=asked), 422, "invalid")
    assert refused["errors"][0]["field"] == "checkpoint"
    assert said in refused["detail"]


def test_the_checkpoints_that_can_be_gone_over_to_are_listed(
    site: Site, tmp_path: Path, problem: Problem
) -> None:
    (tmp_path / "models" / "torn.safetensors").write_bytes(b"torn")
    (tmp_path / "models" / "notes.txt").write_text("none")
    answer = site.client.get("/v1/checkpoints").json()
    assert answer["has_folder"] is True
    new, old, torn = answer["checkpoints"]
    size = (tmp_path / "models" / "new.safetensors").stat().st_size
    assert new == {
        "name": "new.safetensors",
        "title": "new",
        "fingerprint": site.new.fingerprint,
        "size_bytes": size,
        "is_served": False,
        "fault": None,
    }
    assert (old["title"], old["is_served"]) == ("old", True)
    assert torn["fingerprint"] is None
    assert torn["fault"].startswith("torn.safetensors is not a safetensors file")
    asked = {"kind": "upgrade", "parameters": {"checkpoint": "torn.safetensors"}}
    refused = problem(site.client.post("/v1/jobs", json=asked), 422, "invalid")
    assert all(str(tmp_path) not in text for text in (str(answer), str(refused)))
    site.ended(site.start())
    served = [
        one["name"]
        for one in site.client.get("/v1/checkpoints").json()["checkpoints"]
        if one["is_served"]
    ]
    assert served == ["new.safetensors"]


def test_a_service_without_a_folder_says_so(serve_two: Callable[..., Any]) -> None:
    with serve_two(checkpoints=None) as site:
        assert site.client.get("/v1/checkpoints").json() == {"has_folder": False, "checkpoints": []}


def test_without_a_folder_and_without_the_role_nothing_is_upgraded(
    serve_two: Callable[..., Any], problem: Problem
) -> None:
    asked = {"kind": "upgrade", "parameters": {"checkpoint": "new.safetensors"}}
    with serve_two(has_keys=True, checkpoints=None) as site:
        admin = site.client.post("/v1/keys", json={"name": "A", "role": "admin"}).json()["secret"]
        made = site.client.post(
            "/v1/keys", json={"name": "C", "role": "curate"}, headers={"X-API-Key": admin}
        )
        curator = {"X-API-Key": made.json()["secret"]}
        problem(site.client.post("/v1/jobs", json=asked, headers=curator), 403, "forbidden")
        refused = problem(
            site.client.post("/v1/jobs", json=asked, headers={"X-API-Key": admin}), 422, "invalid"
        )
        assert "no folder of checkpoints is set" in refused["detail"]


def test_who_may_not_start_an_upgrade_neither_resumes_nor_cancels_one(
    serve_two: Callable[..., Any], problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.photos.embed.BATCH_PHOTOS", 2)
    asked = {"kind": "upgrade", "parameters": {"checkpoint": "new.safetensors"}}
    with serve_two(has_keys=True) as site:
        admin = {
            "X-API-Key": site.client.post("/v1/keys", json={"name": "A", "role": "admin"}).json()[
                "secret"
            ]
        }
        made = site.client.post("/v1/keys", json={"name": "C", "role": "curate"}, headers=admin)
        curator = {"X-API-Key": made.json()["secret"]}
        reached, released = site.hold()
        job_id = site.client.post("/v1/jobs", json=asked, headers=admin).json()["id"]
        assert reached.wait(60)
        problem(site.client.post(f"/v1/jobs/{job_id}/cancel", headers=curator), 403, "forbidden")
        assert site.client.post(f"/v1/jobs/{job_id}/cancel", headers=admin).status_code == 200
        released.set()
        deadline = time.monotonic() + 120
        while site.client.get(f"/v1/jobs/{job_id}", headers=curator).json()["state"] != "cancelled":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        problem(site.client.post(f"/v1/jobs/{job_id}/resume", headers=curator), 403, "forbidden")
        problem(site.client.post("/v1/jobs/99/resume", headers=curator), 404, "not-found")
        assert site.client.post(f"/v1/jobs/{job_id}/resume", headers=admin).status_code == 200
