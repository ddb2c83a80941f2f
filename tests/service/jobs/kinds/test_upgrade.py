"""The model exchanged below a running service: answers and acts go on, none mixes two."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from index.catalogue.catalogue import Catalogue
from index.reindex.staged_vectors import read_state
from tests.service.conftest import photo_of
from tests.service.jobs.kinds.two_models import TwoModels

Problem = Callable[..., Any]


def test_answers_and_acts_go_on_during_an_upgrade_and_none_mixes_two_checkpoints(
    models: TwoModels,
) -> None:
    reached, released = models.hold()
    is_over = threading.Event()
    seen: list[tuple[str, str, float]] = []
    faults: list[BaseException] = []

    def ask() -> None:
        try:
            while not is_over.is_set():
                seen.append(models.identified(30))
        except BaseException as error:
            faults.append(error)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    job_id = models.start()
    assert reached.wait(60)
    # The network of the new checkpoint is at work: curators don't wait for it.
    assert (
        models.client.post("/v1/queue", files=[("photos", ("late.png", photo_of(150)))]).status_code
        == 200
    )
    assert (
        models.client.post("/v1/queue/late.png/confirm", json={"individual": "w_150"}).status_code
        == 200
    )
    assert models.client.post("/v1/individuals/w_0/rename", json={"new": "Salt"}).status_code == 200
    assert models.client.delete("/v1/catalogue/photos/w_90/93.png").status_code == 200
    assert models.identified(150) == ("w_150", models.old.fingerprint, pytest.approx(0, abs=1e-6))
    assert models.client.get("/v1/version").json()["fingerprint"] == models.old.fingerprint
    released.set()
    job = models.ended(job_id)
    assert job["state"] == "succeeded", job
    for degrees, whose in ((150, "w_150"), (3, "Salt"), (90, "w_90")):
        assert models.identified(degrees) == (
            whose,
            models.new.fingerprint,
            pytest.approx(0, abs=1e-6),
        )
    is_over.set()
    for thread in asking:
        thread.join()
    assert faults == []
    assert {(whose, round(distance, 5)) for whose, _, distance in seen} == {("w_30", 0)}
    fingerprints = [fingerprint for _, fingerprint, _ in seen]
    assert set(fingerprints) == {models.old.fingerprint, models.new.fingerprint}

    version = models.client.get("/v1/version").json()
    assert (version["fingerprint"], version["catalogue_revision"]) == (
        models.new.fingerprint,
        job["result"]["revision"],
    )
    metrics = models.client.get("/metrics").text
    assert f'flukeprint_checkpoint_info{{fingerprint="{models.new.fingerprint}"}} 1.0' in metrics
    latest = models.client.get("/v1/changes?limit=1").json()["changes"][0]
    assert (latest["kind"], latest["made_by"], latest["revision"]) == (
        "swap",
        "local",
        job["result"]["revision"],
    )
    assert job["result"]["before"] == models.old.fingerprint


def test_an_upgrade_is_undone_and_done_again_without_embedding(models: TwoModels) -> None:
    revision = models.ended(models.start())["result"]["revision"]
    assert models.identified(30)[1] == models.new.fingerprint
    embedded = sum(models.new.batch_sizes), sum(models.old.batch_sizes)
    undone = models.client.post(f"/v1/changes/{revision}/undo")
    assert undone.status_code == 200, undone.text
    assert (sum(models.new.batch_sizes), sum(models.old.batch_sizes)) == embedded
    assert models.identified(30) == ("w_30", models.old.fingerprint, pytest.approx(0, abs=1e-6))
    again = models.client.post(f"/v1/changes/{undone.json()['revision']}/undo")
    assert again.status_code == 200, again.text
    assert models.identified(30) == ("w_30", models.new.fingerprint, pytest.approx(0, abs=1e-6))


def test_an_upgrade_cannot_be_undone_once_photos_came_that_the_old_one_never_saw(
    models: TwoModels, problem: Problem
) -> None:
    revision = models.ended(models.start())["result"]["revision"]
    models.client.post("/v1/queue", files=[("photos", ("late.png", photo_of(150)))])
    refused = problem(models.client.post(f"/v1/changes/{revision}/undo"), 409, "conflict")
    assert "1 photos that came since have no vector" in refused["detail"]
    # The way back is then an upgrade to the old one, which embeds only that photo.
    embedded = sum(models.old.batch_sizes)
    job = models.ended(models.start("old.safetensors"))
    assert (job["state"], job["result"]["reembedded"]) == ("succeeded", 1)
    assert sum(models.old.batch_sizes) == embedded + 1
    assert models.identified(30)[1] == models.old.fingerprint


def test_a_cancelled_upgrade_changes_nothing_and_goes_on_from_there(
    models: TwoModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.photos.embed.BATCH_PHOTOS", 2)
    reached, released = models.hold()
    job_id = models.start()
    assert reached.wait(60)
    models.client.post(f"/v1/jobs/{job_id}/cancel")
    released.set()
    assert models.ended(job_id)["state"] == "cancelled"
    assert models.identified(30)[1] == models.old.fingerprint
    with Catalogue.open(models.path) as catalogue:
        state = read_state(catalogue, models.new.fingerprint)
    assert [photo.fingerprint == models.new.fingerprint for photo in state.photos] == [True] * 2 + [
        False
    ] * 4
    assert (state.revision, state.fingerprint) == (1, models.old.fingerprint)
    embedded = sum(models.new.batch_sizes)
    models.client.post(f"/v1/jobs/{job_id}/resume")
    assert (
        models.ended(job_id)["result"]["reembedded"] == 6
    )  # all that went over, the two from before among them
    assert sum(models.new.batch_sizes) == embedded + 4
    assert models.identified(30) == ("w_30", models.new.fingerprint, pytest.approx(0, abs=1e-6))


def test_a_service_started_after_an_upgrade_finds_the_new_checkpoint(
    serve_two: Callable[..., Any],
) -> None:
    with serve_two() as models:
        models.ended(models.start())
    with serve_two() as models:
        assert models.identified(30)[1] == models.new.fingerprint
