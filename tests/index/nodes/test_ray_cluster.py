"""A catalogue made on a Ray cluster is the catalogue that one process makes, whatever dies."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest

from embedding.embedder import Embedder
from index.catalogue.catalogue import Catalogue
from index.labels.labelled_photo import LabelledPhoto
from index.labels.reader import Labels, read_labels
from index.nodes.embedder import RayCluster, RayEmbedder
from index.nodes.places import BadRayCluster, PhotoPlaces
from index.photos.embed import EmbeddedPhoto, UnreadPhoto
from index.photos.pending_vectors import pending_files, pending_folder
from index.progress import Advance
from index.reindex.build import build_catalogue
from index.reindex.update import update_catalogue
from tests.index.nodes.two_nodes import TwoNodes, needs_ray
from tests.index.reindex.states import state

pytestmark = [pytest.mark.heavy, pytest.mark.slow, needs_ray]
PHOTOS = 96


class Killing(RayEmbedder):
    """Kills a node of the cluster as soon as some photos are done."""

    cluster: TwoNodes
    is_done = False

    def embed_files(
        self, photos: Iterable[LabelledPhoto]
    ) -> Generator[list[EmbeddedPhoto | UnreadPhoto]]:
        count = 0
        for batch in super().embed_files(photos):
            count += len(batch)
            if 8 <= count < PHOTOS // 2 and not self.is_done:
                self.cluster.kill_node(0)
                self.is_done = True
            yield batch


def of_four(cluster: TwoNodes) -> RayCluster:
    """Gives the nodes four photos at a time, so that each has many turns."""
    return RayCluster(cluster.address, PhotoPlaces(), chunk_photos=4)


@pytest.fixture(scope="module")
def local() -> Embedder:
    return Embedder.load()


@pytest.fixture
def labels(tmp_path: Path, draw_pattern: Callable[..., bytes]) -> Labels:
    """Photos of twelve animals, one of which is torn and one is no photo."""
    folder = tmp_path / "photos"
    for seed in range(PHOTOS - 2):
        draw_pattern(folder / f"w_{seed % 12}" / f"{seed:03}.jpg", seed)
    torn = folder / "w_0" / "torn.jpg"
    draw_pattern(torn, PHOTOS)
    torn.write_bytes(torn.read_bytes()[:300])
    (folder / "w_1" / "text.jpg").write_bytes(b"this is no photo")
    for path in folder.rglob("*.jpg"):
        os.utime(path, (10**9, 10**9))
    return read_labels(None, folder)


def test_an_update_that_is_stopped_goes_on_where_it_was(
    tmp_path: Path, labels: Labels, local: Embedder, cluster: TwoNodes
) -> None:
    path = tmp_path / "catalogue.db"
    few = type(labels)(labels.photos[:6], labels.source, (), folder=labels.folder)
    build_catalogue(path, few, local)
    counts: list[int] = []

    @contextmanager
    def stopping(steps: int, text: str) -> Generator[Advance]:
        def advance(count: int) -> None:
            counts.append(count)
            if text == "Embedding photos" and sum(counts) >= 30:
                raise KeyboardInterrupt

        yield advance

    progress: Callable[[int, str], AbstractContextManager[Advance]] = stopping
    with Catalogue.open(path) as catalogue:
        with pytest.raises(KeyboardInterrupt):
            update_catalogue(
                catalogue, labels, RayEmbedder(of_four(cluster), None), progress=progress
            )
        assert 0 in counts or len(counts) > 3
        assert len(pending_files(pending_folder(path))) == 1
        embedded = 0
        embed = local.embed_upright

        def counted(images, boxes=None):
            nonlocal embedded
            embedded += len(images)
            return embed(images, boxes)

        local.embed_upright = counted
        try:
            update_catalogue(catalogue, labels, local)
        finally:
            del local.embed_upright
        assert catalogue.counts().searchable == PHOTOS - 2
    assert 0 < embedded <= PHOTOS - 6 - 28  # what the nodes had done isn't made again


def test_other_software_is_refused(
    labels: Labels, cluster: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    distant = RayEmbedder(of_four(cluster), None)
    order = distant._order
    other = order.software._replace(fingerprint="f" * 64)
    monkeypatch.setattr(distant, "_order", type(order)(None, "auto", "float32", other))
    with pytest.raises(BadRayCluster, match=r"the node 127\.0\.0\.1 has the checkpoint .* and not"):
        list(distant.embed_files(labels.photos[:1]))


def test_a_catalogue_is_that_of_one_process_though_a_node_is_killed(
    tmp_path: Path, labels: Labels, local: Embedder, cluster: TwoNodes
) -> None:
    distant = Killing(of_four(cluster), None)
    distant.cluster = cluster
    here = build_catalogue(tmp_path / "here.db", labels, local)
    there = build_catalogue(tmp_path / "there.db", labels, distant)
    assert distant.is_done
    assert distant.fingerprint == local.fingerprint
    by_name = {each.photo.name: each for each in there.unread}
    assert by_name == {each.photo.name: each for each in here.unread}
    assert len(by_name) == 2
    assert (there.added, there.warnings) == (here.added, here.warnings)
    rows, _, counts = state(tmp_path / "there.db")
    own_rows, _, own_counts = state(tmp_path / "here.db")
    assert [row[:-1] for row in rows] == [row[:-1] for row in own_rows]
    assert counts == own_counts
    # A batch of another size is summed in another order.
    vectors, own = (
        np.stack([np.frombuffer(row[-1], "<f4") for row in each]) for each in (rows, own_rows)
    )
    np.testing.assert_allclose(vectors, own, atol=1e-6, rtol=0)
