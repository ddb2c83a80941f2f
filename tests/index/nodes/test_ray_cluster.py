"""A catalogue made on a Ray cluster is the catalogue that one process makes, whatever dies."""

from __future__ import annotations

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
from index.photos.embed import EmbeddedPhoto, UnreadPhoto, embed_photos
from index.photos.pending_vectors import pending_files, pending_folder
from index.progress import Advance
from index.reindex.build import build_catalogue
from index.reindex.update import update_catalogue
from tests.index.nodes.two_nodes import TwoNodes, needs_ray
from tests.index.reindex.states import state

pytestmark = [pytest.mark.heavy, pytest.mark.slow, needs_ray]
PHOTOS = 96


class Counting(RayEmbedder):
    """Counts the photos that it is given."""

    ordered = 0

    def embed_files(
        self, photos: Iterable[LabelledPhoto]
    ) -> Generator[list[EmbeddedPhoto | UnreadPhoto]]:
        listed = list(photos)
        self.ordered += len(listed)
        yield from super().embed_files(listed)


@pytest.fixture(scope="module")
def local() -> Embedder:
    return Embedder.load()


@pytest.fixture
def distant(cluster: TwoNodes) -> Counting:
    return Counting(RayCluster(cluster.address, PhotoPlaces(), chunk_photos=4), None)


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
    return read_labels(None, folder)


def test_a_catalogue_of_the_nodes_is_that_of_one_process(
    tmp_path: Path, labels: Labels, local: Embedder, distant: Counting
) -> None:
    here = build_catalogue(tmp_path / "here.db", labels, local)
    there = build_catalogue(tmp_path / "there.db", labels, distant)
    assert distant.fingerprint == local.fingerprint
    assert sorted(there.unread, key=lambda each: each.photo.name) == sorted(
        here.unread, key=lambda each: each.photo.name
    )
    assert len(here.unread) >= 1
    assert (there.added, there.warnings) == (here.added, here.warnings)
    assert state(tmp_path / "there.db") == state(tmp_path / "here.db")


def test_an_update_that_is_stopped_goes_on_where_it_was(
    tmp_path: Path, labels: Labels, distant: Counting
) -> None:
    path = tmp_path / "catalogue.db"
    few = type(labels)(labels.photos[:6], labels.source, (), folder=labels.folder)
    build_catalogue(path, few, Embedder.load())

    @contextmanager
    def stopping(steps: int, text: str) -> Generator[Advance]:
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            if text == "Embedding photos" and done >= 30:
                raise KeyboardInterrupt

        yield advance

    progress: Callable[[int, str], AbstractContextManager[Advance]] = stopping
    with Catalogue.open(path) as catalogue:
        with pytest.raises(KeyboardInterrupt):
            update_catalogue(catalogue, labels, distant, progress=progress)
        first = distant.ordered
        assert len(pending_files(pending_folder(path))) == 1
        update_catalogue(catalogue, labels, distant)
        assert catalogue.counts().searchable >= PHOTOS - 2
    assert first >= PHOTOS - 6
    assert distant.ordered - first <= first - 28  # what came before the stop isn't made again


def test_other_software_is_refused(
    labels: Labels, distant: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = distant._order
    other = order.software._replace(fingerprint="f" * 64)
    monkeypatch.setattr(distant, "_order", type(order)(None, "auto", "float32", other))
    with pytest.raises(BadRayCluster, match=r"the node 127\.0\.0\.1 has the checkpoint .* and not"):
        list(distant.embed_files(labels.photos[:1]))


def test_a_node_that_is_killed_loses_no_photo(
    labels: Labels, local: Embedder, distant: Counting, cluster: TwoNodes
) -> None:
    own = {each.photo.name: each for batch in embed_photos(labels.photos, local) for each in batch}
    found: dict[str, EmbeddedPhoto | UnreadPhoto] = {}
    is_killed = False
    for batch in embed_photos(labels.photos, distant):
        for each in batch:
            assert each.photo.name not in found
            found[each.photo.name] = each
        if len(found) >= 8 and not is_killed:
            cluster.kill_node(0)
            is_killed = True
    assert is_killed
    assert found.keys() == own.keys()
    for name, here in own.items():
        there = found[name]
        if isinstance(here, EmbeddedPhoto):
            assert isinstance(there, EmbeddedPhoto)
            assert (there.photo, there.file, there.damage) == (here.photo, here.file, here.damage)
            np.testing.assert_array_equal(there.vector, here.vector)
        else:
            assert there == here
