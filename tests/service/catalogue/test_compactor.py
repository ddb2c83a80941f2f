"""A gallery is compacted beside the writer, and has the acts that were done meanwhile."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.search import segments
from index.search.gallery import Gallery
from index.snapshots import snapshot
from service.catalogue import compactor
from service.catalogue.compactor import Compactor

Photo = Callable[..., bytes]


def identify(client: TestClient, photo: bytes) -> dict[str, Any]:
    answer = client.post("/v1/identify", files=[("photos", ("q.png", photo))]).json()
    return answer["results"][0]


def served(curated: Any) -> Gallery:
    return curated.client.app.state.service.ready().identifier.gallery


def test_acts_while_a_gallery_is_compacted_are_in_it(
    curated: Any, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "_SMALL_CHANGE", 1)
    begun, may_end = threading.Event(), threading.Event()
    compacted = Gallery.compacted

    def slowly(gallery: Gallery) -> Gallery:
        begun.set()
        assert may_end.wait(20)
        return compacted(gallery)

    client = curated.client
    writer = curated.client.app.state.writer
    monkeypatch.setattr(Gallery, "compacted", slowly)
    monkeypatch.setattr(Gallery, "is_worth_compacting", True)
    client.post("/v1/queue", files=[("photos", ("new.png", photo(140)))])
    assert begun.wait(20)
    monkeypatch.setattr(Gallery, "is_worth_compacting", False)
    client.post("/v1/queue/new.png/confirm", json={"individual": "w_140"})
    before = identify(client, photo(140))
    may_end.set()
    writer.compactor.stop()
    gallery = served(curated)
    with Catalogue.open(curated.path) as catalogue:
        anew = catalogue.gallery()
    assert (gallery.photo_names, gallery.individuals) == (anew.photo_names, anew.individuals)
    assert gallery.revision == anew.revision == 3
    assert identify(client, photo(140))["matches"] == before["matches"]
    assert before["matches"][0]["individual"] == "w_140"


def test_species_and_viewpoints_follow_each_act(curated: Any, photo: Photo) -> None:
    client, writer = curated.client, curated.client.app.state.writer

    def agree() -> None:
        identifier = curated.client.app.state.service.ready().identifier
        assert dict(identifier.species) == writer.catalogue.species()
        assert dict(identifier.viewpoints) == writer.catalogue.viewpoints()

    def act(do: Callable[[Curator], Any]) -> int:
        event = writer._act(lambda catalogue: do(Curator(catalogue, made_by="ada")))
        agree()
        return event.revision

    name = served(curated).photo_names[0]
    whose, other = served(curated).individual_ids[:2]
    act(lambda curator: curator.edit(whose, {"species": "humpback"}))
    act(lambda curator: curator.edit_photo(name, {"viewpoint": "left", "species": "orca"}))
    act(lambda curator: curator.rename(whose, "Salt"))
    merge = act(lambda curator: curator.merge("Salt", other))
    client.post(f"/v1/changes/{merge}/undo")
    agree()
    act(lambda curator: curator.move([name], "w_new"))
    act(lambda curator: curator.delete(name))


def test_a_snapshot_is_written_at_the_start_and_after_many_acts(
    curated: Any, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "FEWEST_PHOTOS", 1)
    service, writer = curated.client.app.state.service, curated.client.app.state.writer
    writer._reload()
    curated.client.post("/v1/queue", files=[("photos", ("new.png", photo(140)))])
    writer.compactor.stop()
    with Catalogue.open(curated.path) as catalogue:
        found = snapshot.read_snapshot(catalogue, service.settings.engine, may_be_old=True)
        assert found is not None
        assert sorted(found.photos) == service.ready().photo_names
        written = snapshot.snapshot_files(catalogue.address)
        monkeypatch.setattr(compactor, "_SMALL_CHANGE", -1000)
        writer.compactor = Compactor(catalogue, threading.Lock(), writer._exchange_compacted)
        curated.client.post("/v1/queue/new.png/confirm", json={"individual": "w_140"})
        writer.compactor.stop()
        assert snapshot.snapshot_files(catalogue.address) > written
    assert served(curated).has_individual("w_140")


def test_a_full_disk_is_told_and_answers_go_on(
    curated: Any, photo: Photo, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(compactor, "write_snapshot", full)
    writer = curated.client.app.state.writer
    writer._reload()
    writer.compactor.stop()
    assert "snapshot could not be written: [Errno 28] No space left" in caplog.text
    assert identify(curated.client, photo(140))["matches"]
