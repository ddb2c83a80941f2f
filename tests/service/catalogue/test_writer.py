"""What is served follows each act whole: found by the very next request, gone for good, never half
of either.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.reindex.update import update_catalogue
from service.catalogue.writer import CatalogueWriter, follow_job

Photo = Callable[..., bytes]
pytestmark = pytest.mark.usefixtures("place")  # on both databases


def nearest(client: TestClient, photo: Photo, degrees: int, **asked: str) -> tuple[str, float, int]:
    """Who is nearest, how far, and at which revision."""
    files = [("photos", ("q.png", photo(degrees)))]
    response = client.post("/v1/identify", files=files, data={"k": "1", **asked})
    assert response.status_code == 200, response.text
    answer = response.json()
    match = answer["results"][0]["matches"][0]
    return match["individual"], match["distance"], answer["catalogue_revision"]


def test_an_enrolled_photo_is_found_by_the_very_next_request_and_a_deleted_one_never(
    curated: Any, photo: Photo
) -> None:
    client = curated.client
    assert nearest(client, photo, 140)[0] == "w_90"
    sent = client.post("/v1/queue", files=[("photos", ("new.png", photo(140)))]).json()
    assert nearest(client, photo, 140) == (
        "w_90",
        pytest.approx(1 - np.cos(np.radians(50)), abs=1e-6),
        2,
    )
    client.post("/v1/queue/new.png/confirm", json={"individual": "w_140"})
    assert nearest(client, photo, 140) == ("w_140", pytest.approx(0, abs=1e-6), 3)
    client.delete("/v1/catalogue/photos/new.png")
    assert nearest(client, photo, 140)[0::2] == ("w_90", 4)
    assert client.get("/v1/photos/new.png").status_code == 404
    client.post("/v1/changes/4/undo")
    assert nearest(client, photo, 140)[0::2] == ("w_140", 5)
    assert client.get("/v1/photos/new.png").status_code == 200
    assert sent["event"]["revision"] == 2


def test_every_answer_is_of_one_whole_state_and_names_its_revision(
    curated: Any, photo: Photo
) -> None:
    """Merged and taken apart again all the time: odd revisions know w_30, even ones know its photo
    as w_0's.
    """
    client = curated.client
    answers: list[tuple[str, float, int]] = []
    failures: list[BaseException] = []
    is_over = threading.Event()

    def ask() -> None:
        try:
            while not is_over.is_set():
                answers.append(nearest(client, photo, 30))
        except BaseException as error:
            failures.append(error)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for at in range(6):
        merged = client.post("/v1/individuals/w_30/merge", json={"into": "w_0"}).json()
        assert merged["revision"] == 2 * at + 2
        assert nearest(client, photo, 30)[0::2] == ("w_0", 2 * at + 2)
        client.post(f"/v1/changes/{merged['revision']}/undo")
        assert nearest(client, photo, 30)[0::2] == ("w_30", 2 * at + 3)
    is_over.set()
    for asker in askers:
        asker.join()
    assert failures == []
    assert answers
    assert {(whose, revision % 2) for whose, _, revision in answers} <= {("w_30", 1), ("w_0", 0)}
    assert {round(distance, 4) for _, distance, _ in answers} == {0.0}


def test_a_job_that_made_a_revision_has_it_served(curated: Any, photo: Photo) -> None:
    with Catalogue.open(curated.path) as other:
        Curator(other, made_by="job").rename("w_30", "Salt")
    follow_job(curated.client.app)
    assert nearest(curated.client, photo, 30)[0::2] == ("Salt", 2)


def test_another_checkpoint_s_vectors_are_not_served(
    curated: Any, photo: Photo, caplog: Any
) -> None:
    class Other(type(curated.embedder)):  # type: ignore[misc]
        fingerprint = "0e" * 32
        input_px = 8

    with Catalogue.open(curated.path) as other:
        update_catalogue(other, None, Other())
    follow_job(curated.client.app)
    assert "gone over to the checkpoint 0e0e0e0e0e0e" in caplog.text
    assert nearest(curated.client, photo, 30)[0::2] == ("w_30", 1)


def test_a_past_answer_can_be_had_again(
    curated: Any, photo: Photo, problem: Callable[..., Any]
) -> None:
    client = curated.client
    client.post("/v1/individuals/w_30/rename", json={"new": "Salt"})
    client.patch("/v1/catalogue/photos/w_30_a.png", json={"species": "fin whale"})
    client.delete("/v1/catalogue/photos/w_30_a.png")
    assert nearest(client, photo, 30)[2] == 4
    for revision, whose in [(1, "w_30"), (2, "Salt"), (3, "Salt"), (1, "w_30"), (4, "w_0")]:
        assert nearest(client, photo, 30, as_of=str(revision))[0::2] == (whose, revision)
    assert nearest(client, photo, 30, as_of="3", species="fin whale")[0] == "Salt"
    files = [("photos", ("q.png", photo(30)))]
    for asked, said in [
        ({"as_of": "9"}, "there is no revision 9; the last one is 4"),
        ({"as_of": "2", "individuals": "w_30"}, "the catalogue knows no 'w_30'"),
        ({"as_of": "0"}, "greater than or equal to 1"),
    ]:
        document = problem(client.post("/v1/identify", files=files, data=asked), 422, "invalid")
        assert said in document["detail"]


def test_acts_wait_for_each_other_and_stop_is_harmless(curated: Any) -> None:
    client = curated.client
    threads = [
        threading.Thread(
            target=client.patch, args=("/v1/individuals/w_0",), kwargs={"json": {"notes": f"{at}"}}
        )
        for at in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.get("/v1/stats").json()["catalogue_revision"] == 6
    writer = client.app.state.writer
    assert isinstance(writer, CatalogueWriter)
    assert writer.catalogue.revision == 6


def told_species(client: TestClient, photo: Photo, degrees: int, **asked: str) -> dict[str, Any]:
    files = [("photos", ("q.png", photo(degrees)))]
    response = client.post("/v1/identify", files=files, data={"k": "1", **asked})
    assert response.status_code == 200, response.text
    return response.json()["results"][0]["species"]


def test_a_species_that_is_noted_is_told_by_the_next_answer_and_not_by_one_of_before(
    curated: Any, photo: Photo
) -> None:
    client = curated.client
    assert told_species(client, photo, 88)["name"] == "fin whale"
    assert told_species(client, photo, 20)["name"] == "humpback"
    tag = client.get("/v1/individuals/w_90").headers["etag"]
    changed = client.patch(
        "/v1/individuals/w_90", json={"species": "blue whale"}, headers={"If-Match": tag}
    )
    assert changed.status_code == 200, changed.text
    assert told_species(client, photo, 88)["name"] == "blue whale"
    assert told_species(client, photo, 88, as_of="1")["name"] == "fin whale"
    assert told_species(client, photo, 88, species="humpback")["name"] == "humpback"
