"""What a few may ask for and takes long has threads of its own: everybody else is answered."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.catalogue.derived import LastDerived
from service.http.problems import ProblemError
from service.jobs.events import MOST_STREAMS, counted, refuse_too_many


class Held:
    """Something that does not end before it may."""

    def __init__(self) -> None:
        self.reached, self.released = threading.Event(), threading.Event()

    def __call__(self, *_: Any, **__: Any) -> Any:
        self.reached.set()
        assert self.released.wait(60)
        raise RuntimeError("let go")


def identify(client: TestClient, photo: Callable[..., bytes], **data: str) -> Any:
    return client.post("/v1/identify", files={"photos": ("q.png", photo(1))}, data=data)


def meanwhile(client: TestClient, photo: Callable[..., bytes], held: Held, slow: Any) -> None:
    """Ask for something slow, twice as often as there are threads, and identify meanwhile."""
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(slow) for _ in range(8)]
        assert held.reached.wait(60)
        try:
            assert identify(client, photo).status_code == 200
            assert identify(client, photo, species="humpback").status_code == 200
            assert client.get("/readyz").status_code == 200
            assert client.get("/v1/stats").status_code == 200
        finally:
            held.released.set()
        assert {one.result().status_code for one in asked} == {500}


def test_the_past(
    serve_curated: Any, photo: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held()
    monkeypatch.setattr("service.serving.past_revisions.past_catalogue", held)
    with serve_curated() as (client, _, _):
        client.patch("/v1/catalogue/photos/w_0_a.png", json={"taken_at": "2016-07-02"})
        meanwhile(client, photo, held, lambda: identify(client, photo, as_of="1"))


def test_thumbnails(
    serve_curated: Any, photo: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held()
    monkeypatch.setattr("service.catalogue.thumbnails.photo_bytes", held)
    with serve_curated() as (client, _, _):
        meanwhile(client, photo, held, lambda: client.get("/v1/photos/w_0_a.png?size_px=2048"))


@pytest.mark.parametrize("path", ["/v1/changes", "/v1/individuals?search=x", "/v1/queue"])
def test_lists(
    serve_curated: Any, photo: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    held = Held()
    for listing in ("history", "individuals", "waiting"):
        monkeypatch.setattr(f"index.curation.listings.Directory.{listing}", held)
    with serve_curated() as (client, _, _):
        meanwhile(client, photo, held, lambda: client.get(path))


def test_more_searches_than_may_wait_are_refused(serve: Any, problem: Callable[..., Any]) -> None:
    with serve() as client:
        service = client.app.state.service
        service._searcher.taken = service._searcher.most
        problem(client.get("/v1/stats"), 503, "busy")
        service._searcher.taken = 0
        assert client.get("/v1/stats").status_code == 200


def test_what_is_derived_is_made_once_and_keeps_nothing_alive() -> None:
    class Source:
        pass

    made: list[str] = []
    derived: LastDerived[Source, int] = LastDerived(lambda _: made.append("one") or len(made))
    first = Source()
    assert [derived.of(first), derived.of(first)] == [1, 1]
    second = Source()
    assert derived.of(second) == 2
    del second
    gc.collect()
    assert derived._last is not None
    assert derived._last[0]() is None


def test_as_many_streams_of_events_as_may_are_open() -> None:
    class State:
        event_streams = MOST_STREAMS - 1

    async def events() -> Any:
        yield "event"

    async def watch() -> None:
        stream = counted(State, events())
        assert await anext(stream) == "event"
        with pytest.raises(ProblemError, match="watch jobs"):
            refuse_too_many(State)
        await stream.aclose()
        refuse_too_many(State)

    asyncio.run(watch())
    assert State.event_streams == MOST_STREAMS - 1
