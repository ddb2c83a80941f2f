"""What a node does with a chunk of photos, without a cluster."""

from __future__ import annotations

import http.server
import pickle
import threading
from collections.abc import Generator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from embedding.checkpoint import DEFAULT_CHECKPOINT
from embedding.embedder import Embedder
from index.nodes import node
from index.nodes.node import (
    ANSWER,
    PHOTOS,
    NodeAnswer,
    NodeEmbedder,
    NodeOrder,
    OrderedPhoto,
)
from index.nodes.places import PhotoPlace
from index.nodes.software import installed_software
from index.objects.photo_store import BadStore, PhotoStore
from index.photos.embed import EmbeddedPhoto, UnreadPhoto, embed_photos


@pytest.fixture(scope="module")
def order() -> NodeOrder:
    return NodeOrder(None, "auto", "float32", installed_software(None, "float32"))


@pytest.fixture(scope="module")
def worker(order: NodeOrder) -> NodeEmbedder:
    return NodeEmbedder(order)


@pytest.fixture
def folder(tmp_path: Path, draw_pattern) -> Path:
    for seed in range(3):
        draw_pattern(tmp_path / f"p {seed}.jpg", seed)
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    return tmp_path


@pytest.fixture
def web_server(folder: Path) -> Generator[str]:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=str(folder))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def ordered(*places: PhotoPlace) -> list[OrderedPhoto]:
    return [OrderedPhoto(number, place, None) for number, place in enumerate(places)]


def asked(worker: NodeEmbedder, chunk: list[OrderedPhoto]) -> NodeAnswer:
    answered = worker({PHOTOS: np.array([pickle.dumps(chunk)], object)})
    return pickle.loads(answered[ANSWER][0])


def test_a_node_gives_what_embedding_here_gives(worker: NodeEmbedder, folder: Path, season) -> None:
    season.draw("a.png", "w_1")
    labels = season.labels().photos
    names = [*sorted(folder.glob("*.jpg")), labels[0].path]
    answer = asked(worker, ordered(*(PhotoPlace(str(name)) for name in names)))
    local = Embedder.load(DEFAULT_CHECKPOINT)
    photos = [type(labels[0])(str(at), name, None) for at, name in enumerate(names)]
    (own,) = embed_photos(photos, local)
    assert [type(each) for each in answer.photos] == [type(each) for each in own]
    for theirs, here in zip(answer.photos, own, strict=True):
        assert theirs.photo == here.photo
        if isinstance(theirs, EmbeddedPhoto) and isinstance(here, EmbeddedPhoto):
            assert theirs.file == here.file
            np.testing.assert_array_equal(theirs.vector, here.vector)
        else:
            assert theirs == here
    assert (answer.not_fetched, answer.fault) == (frozenset(), "")


def test_what_a_node_does_not_find_is_told(worker: NodeEmbedder, folder: Path) -> None:
    answer = asked(
        worker, ordered(PhotoPlace(str(folder / "p 0.jpg")), PhotoPlace(str(folder / "none.jpg")))
    )
    assert isinstance(answer.photos[1], UnreadPhoto)
    assert answer.photos[1].reason == f"{folder / 'none.jpg'}: there is no such file"
    assert (answer.not_fetched, answer.is_outage) == ({1}, False)


def test_photos_of_a_web_server_are_read(
    worker: NodeEmbedder, folder: Path, web_server: str
) -> None:
    pytest.importorskip("aiohttp")
    names = ["p 0.jpg", "bad.jpg", "none.jpg"]
    answer = asked(worker, ordered(*(PhotoPlace(name, web_server) for name in names)))
    here = asked(worker, ordered(PhotoPlace(str(folder / "p 0.jpg"))))
    found, own = answer.photos[0], here.photos[0]
    assert isinstance(found, EmbeddedPhoto) and isinstance(own, EmbeddedPhoto)
    np.testing.assert_array_equal(found.vector, own.vector)
    assert (found.file.content_hash, found.file.mtime_ns) == (own.file.content_hash, None)
    assert [isinstance(each, UnreadPhoto) for each in answer.photos] == [False, True, True]
    assert answer.photos[2].reason.endswith(f"there is no such photo at {web_server}")
    assert (answer.not_fetched, answer.is_outage) == ({2}, False)


def test_a_store_is_asked_again_after_a_fault(
    worker: NodeEmbedder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fsspec")
    faults = {"p 0.jpg": 2, "p 1.jpg": 99}

    def get(self: PhotoStore, name: str) -> bytes:
        faults[name] -= 1
        if faults[name] >= 0:
            raise BadStore(f"{name} can't be read from {self.url} (503)")
        return (folder / name).read_bytes()

    monkeypatch.setattr(PhotoStore, "get", get)
    monkeypatch.setattr(node, "_FIRST_WAIT_SECONDS", 0.001)
    answer = asked(worker, ordered(*(PhotoPlace(name, "memory://x") for name in faults)))
    assert isinstance(answer.photos[0], EmbeddedPhoto)
    assert isinstance(answer.photos[1], UnreadPhoto)
    assert "can't be fetched: p 1.jpg can't be read from memory://x (503)" in (
        answer.photos[1].reason
    )
    assert (answer.not_fetched, answer.is_outage) == ({1}, True)


def test_another_version_or_checkpoint_embeds_nothing(order: NodeOrder) -> None:
    other = order.software._replace(version="0.0 (code 0)")
    answer = NodeEmbedder(NodeOrder(None, "auto", "float32", other)).embed([])
    assert answer.fault.startswith("has flukeprint ")
    assert answer.fault.endswith("and not 0.0 (code 0): install the same there")
    other = order.software._replace(fingerprint="f" * 64)
    answer = NodeEmbedder(NodeOrder(None, "auto", "float32", other)).embed([])
    assert "and not ffffffffffff: put the same file there" in answer.fault
    answer = NodeEmbedder(NodeOrder("/nowhere/x.safetensors", "auto", "float32", other)).embed([])
    assert answer.fault.endswith("): put it there at the same path")
