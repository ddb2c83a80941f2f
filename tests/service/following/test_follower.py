"""Another process's changes are followed one by one, and nobody acts on what isn't so any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from index.catalogue.calibrating import refit
from index.catalogue.catalogue import Catalogue
from index.catalogue.revision import keeping_others_out
from index.curation.curator import Curator
from index.snapshots.later_changes import read_state
from index.storage.address import BadCatalogue
from service.catalogue import writer as writing
from service.following import follower as following

Photo = Callable[..., bytes]


def nearest(client: TestClient, photo: Photo, degrees: int) -> tuple[str, int]:
    files = [("photos", ("q.png", photo(degrees)))]
    answer = client.post("/v1/identify", files=files, data={"k": "1"}).json()
    return answer["results"][0]["matches"][0]["individual"], answer["catalogue_revision"]


def await_revision(client: TestClient, revision: int) -> None:
    deadline = time.monotonic() + 20
    while client.app.state.writer.served_revision < revision:  # type: ignore[attr-defined]
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.usefixtures("place")
def test_what_another_process_changes_is_followed_without_reading_all(
    curated: Any, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_whole(*_: object) -> None:
        raise AssertionError("all was read again")

    monkeypatch.setattr(writing, "read_served", read_whole)
    client = curated.client
    with Catalogue.open(curated.path) as other:
        curator = Curator(other, made_by="elsewhere")
        curator.rename("w_30", "Salt")
        curator.delete("w_90_a.png")
        await_revision(client, 3)
        assert nearest(client, photo, 30) == ("Salt", 3)
        assert client.get("/v1/photos/w_90_a.png").status_code == 404
        curator.merge("w_0", "Salt")
        curator.edit("Salt", {"species": "fin whale"})
        await_revision(client, 5)
    assert nearest(client, photo, 0) == ("Salt", 5)
    serving = client.app.state.service.serving
    assert serving.identifier.species["Salt"] == "fin whale"
    assert serving.photos["w_0_a.png"].individual == "Salt"


@pytest.mark.usefixtures("place")
def test_an_act_sees_what_was_done_elsewhere_a_moment_before(
    curated: Any, monkeypatch: pytest.MonkeyPatch, photo: Photo, problem: Callable[..., Any]
) -> None:
    """The card that a person looked at has lost a photo meanwhile, and nobody has told us yet."""
    client = curated.client
    client.app.state.writer.follower.stop()
    for name in ("a.png", "b.png"):
        files = [("photos", (name, photo(140 if name == "a.png" else 150)))]
        client.post("/v1/queue", files=files, data={"encounter": "one"})
    (card,) = client.get("/v1/queue/encounters").json()["encounters"]
    with Catalogue.open(curated.path) as other:
        Curator(other, made_by="elsewhere").reject("b.png")
    seen = {"individual": "w_140", "photos": ["a.png", "b.png"]}
    path = f"/v1/queue/encounters/{card['key']}"
    document = problem(client.post(f"{path}/confirm", json=seen), 409, "conflict")
    assert "has 1 photos now, and not the 2 that were looked at" in document["detail"]
    again = client.post(f"{path}/confirm", json={"individual": "w_140", "photos": ["a.png"]})
    assert again.json()["photos"] == ["a.png"]


@pytest.mark.usefixtures("place")
def test_the_same_photo_sent_to_two_services_at_once_is_taken_in_once(
    curated: Any, photo: Photo
) -> None:
    """The other one has it in hand when ours comes: ours waits for it, then finds it known."""
    client, answers = curated.client, []
    files = [("photos", ("same.png", photo(140)))]

    def send() -> None:
        answers.append(client.post("/v1/queue", files=files).json())

    ours = threading.Thread(target=send)
    with Catalogue.open(curated.path) as other, keeping_others_out(other) as alone:
        ours.start()
        time.sleep(0.3)  # ours is embedded, and waits
        assert answers == []
        Curator(alone, made_by="elsewhere").rename("w_0", "w_zero")
    ours.join()
    assert answers[0]["event"]["revision"] == 3
    sent_again = client.post("/v1/queue", files=[("photos", ("other.png", photo(140)))]).json()
    assert sent_again["event"] is None
    assert sent_again["skipped"][0]["known_as"] == "same.png"


def test_what_fails_within_a_held_transaction_leaves_the_rest(curated: Any) -> None:
    with Catalogue.open(curated.path) as catalogue:
        with keeping_others_out(catalogue) as alone:
            curator = Curator(alone, made_by="ada")
            curator.rename("w_0", "zero")
            with pytest.raises(BadCatalogue, match="there is an individual zero already"):
                curator.rename("w_30", "zero")
            curator.rename("w_90", "ninety")
        assert [each.kind for each in catalogue.history(2)] == ["rename", "rename"]
        assert catalogue.revision == 3
        with pytest.raises(ZeroDivisionError), keeping_others_out(catalogue) as alone:
            Curator(alone, made_by="ada").rename("zero", "one")
            raise ZeroDivisionError
        assert catalogue.revision == 3


@pytest.mark.usefixtures("place")
def test_a_calibration_that_another_service_fitted_is_answered_by(curated: Any) -> None:
    writer = curated.client.app.state.writer
    assert writer.calibrator.wait(20)
    mine = curated.client.app.state.service.serving.identifier.calibration
    with Catalogue.open(curated.path) as other:
        Curator(other, made_by="elsewhere").move(["w_30_a.png"], "w_90")
        assert read_state(other).is_calibrating
        await_revision(curated.client, 2)
        assert curated.client.app.state.service.serving.identifier.calibration is mine
        refit(other)
        assert read_state(other) == (2, 2, False)
        deadline = time.monotonic() + 20
        while writer._calibrated != 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_requests_wait_a_moment_for_what_is_known_to_be_newer_and_no_longer(
    curated: Any, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, writer = curated.client, curated.client.app.state.writer
    monkeypatch.setattr(following, "MOST_WAIT_SECONDS", 0.05)
    is_free = threading.Event()
    catching_up = writer.catch_up
    monkeypatch.setattr(writer, "catch_up", lambda to: is_free.wait(20) and catching_up(to))
    with Catalogue.open(curated.path) as other:
        Curator(other, made_by="elsewhere").rename("w_30", "Salt")
    deadline = time.monotonic() + 20
    while not writer.follower.is_behind:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert nearest(client, photo, 30) == ("w_30", 1)
    is_free.set()
    await_revision(client, 2)
    assert nearest(client, photo, 30) == ("Salt", 2)


def test_a_service_that_starts_answers_by_what_was_done_while_it_loaded(
    serve_curated: Callable[..., Any], photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The catalogue is read, then changed, and only then followed: the first answer waits."""
    starting = following.Follower.start
    monkeypatch.setattr(following.Follower, "start", lambda _: None)
    monkeypatch.setattr(following, "MOST_WAIT_SECONDS", 0.0)
    reading = following.read_state

    def slowly(catalogue: Catalogue) -> Any:
        time.sleep(0.3)
        return reading(catalogue)

    with serve_curated() as (client, path, _):
        with Catalogue.open(path) as other:
            Curator(other, made_by="elsewhere").rename("w_30", "Salt")
        assert nearest(client, photo, 30) == ("w_30", 1)
        monkeypatch.setattr(following, "read_state", slowly)
        starting(client.app.state.writer.follower)
        assert nearest(client, photo, 30) == ("Salt", 2)


def test_a_database_that_is_away_is_told_once_and_answers_come_from_memory(
    curated: Any, photo: Photo, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client, follower = curated.client, curated.client.app.state.writer.follower
    reading = following.read_state

    def away(_: object) -> None:
        raise BadCatalogue("the catalogue is away")

    monkeypatch.setattr(following, "read_state", away)
    deadline = time.monotonic() + 20
    while "can't be followed" not in caplog.text:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not follower.is_behind
    assert nearest(client, photo, 30) == ("w_30", 1)
    time.sleep(3 * following.POLL_SECONDS)
    monkeypatch.setattr(following, "read_state", reading)
    while "can be followed again" not in caplog.text:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert caplog.text.count("can't be followed just now: the catalogue is away") == 1
