"""Two real services on one PostgreSQL: what one does holds at the other, and either may die."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from tests.faults.load import photo
from tests.faults.replica_clients import zipped_photos
from tests.faults.replicas import Replicas, postgres_scene, run_replicas
from tests.service.http.sign_in import PASSWORD, account_of

pytestmark = pytest.mark.heavy
_LONG_SECONDS = 60.0


@pytest.fixture(scope="module")
def replicas(
    postgres_server: Path, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Replicas]:
    folder = tmp_path_factory.mktemp("replicas")
    with postgres_scene(postgres_server, folder) as address, Replicas(address, folder) as both:
        yield both


@pytest.fixture
def both(replicas: Replicas) -> Generator[tuple[httpx.Client, httpx.Client]]:
    first, second = (
        httpx.Client(base_url=url, timeout=60, trust_env=False) for url in replicas.urls
    )
    with first, second:
        yield first, second


def whose(client: httpx.Client, seed: int) -> str:
    files = [("photos", ("q.png", photo(seed)))]
    answer = client.post("/v1/identify", files=files).json()
    return answer["results"][0]["matches"][0]["individual"]


def until(look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + _LONG_SECONDS
    while not wanted(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def test_a_rename_at_one_is_answered_by_the_other(both: tuple[httpx.Client, httpx.Client]) -> None:
    first, second = both
    assert whose(second, 0) == "w_0"
    first.post("/v1/individuals/w_0/rename", json={"new": "Salt"}).raise_for_status()
    until(lambda: whose(second, 0), lambda found: found == "Salt")


def test_photos_cards_and_thumbnails_of_one_are_the_other_s(
    both: tuple[httpx.Client, httpx.Client],
) -> None:
    first, second = both
    sent = {"photos": ("card.png", photo(700))}
    taken = first.post("/v1/queue", files=sent).json()
    (key,) = taken["encounter_keys"]
    until(
        lambda: [card["key"] for card in second.get("/v1/queue/encounters").json()["encounters"]],
        lambda keys: key in keys,
    )
    skipped = second.post("/v1/queue", files=sent).json()
    assert (skipped["event"], skipped["skipped"][0]["known_as"]) == (None, "card.png")
    path = f"/v1/queue/encounters/{key}/confirm"
    second.post(path, json={"individual": "n_700"}).raise_for_status()
    until(lambda: whose(first, 700), lambda found: found == "n_700")
    small = [each.get("/v1/photos/card.png?size_px=256") for each in both]
    assert [each.status_code for each in small] == [200, 200]
    assert small[0].content == small[1].content
    again = first.post(path, json={"individual": "n_701"})
    assert again.status_code == 404, "its card is gone everywhere"


def test_an_act_sent_to_both_is_done_once(both: tuple[httpx.Client, httpx.Client]) -> None:
    headers = {"Idempotency-Key": "one-act"}
    path, body = "/v1/individuals/w_1/rename", {"new": "once"}
    first, second = (each.post(path, json=body, headers=headers) for each in both)
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"


def test_a_job_of_one_is_watched_and_its_result_fetched_at_the_other(
    both: tuple[httpx.Client, httpx.Client],
) -> None:
    first, second = both
    archive = {"archive": ("a.zip", zipped_photos([801, 802]))}
    job = first.post("/v1/jobs", data={"kind": "identify"}, files=archive).json()
    path = f"/v1/jobs/{job['id']}"
    until(lambda: second.get(path).json()["state"], lambda state: state == "succeeded")
    assert len(second.get(f"{path}/result").text.splitlines()) == 3


def test_a_killed_service_s_job_is_done_by_the_other(
    replicas: Replicas, both: tuple[httpx.Client, httpx.Client]
) -> None:
    first, second = both
    archive = {"archive": ("a.zip", zipped_photos(range(1000, 1400)))}
    job = first.post("/v1/jobs", data={"kind": "identify"}, files=archive).json()
    path = f"/v1/jobs/{job['id']}"
    until(lambda: second.get(path).json()["state"], lambda state: state == "running")
    for at in (0, 1):  # whichever has it
        replicas.kill(at)
        replicas.start_again(at)
    until(lambda: first.get(path).json()["state"], lambda state: state == "succeeded")
    assert len(first.get(f"{path}/result").text.splitlines()) == 401


def test_whoever_signs_in_at_one_is_known_to_the_other(
    replicas: Replicas, both: tuple[httpx.Client, httpx.Client]
) -> None:
    """The last one: from here on nobody comes in without a key or a session."""
    with Catalogue.open(replicas.address) as catalogue:
        account_of(AccessStore.of(catalogue.engine), "Ana", "admin")
    first, second = both
    own = {"Sec-Fetch-Site": "same-origin"}
    body = {"name": "Ana", "password": PASSWORD}
    first.post("/v1/session", json=body, headers=own).raise_for_status()
    second.cookies.update(first.cookies)
    assert second.get("/v1/session").json()["name"] == "Ana"
    first.delete("/v1/session", headers=own).raise_for_status()
    assert second.get("/v1/stats").status_code == 401


def test_two_services_of_which_one_is_killed_lose_nothing(
    postgres_server: Path, tmp_path: Path
) -> None:
    count, kills = run_replicas(postgres_server, tmp_path, 20, kill_every=6, clients=3)
    assert count.faults == []
    assert kills > 0
    assert count.checked > 0
    assert len(count.revisions) > 0
