"""An embedder whose networks are on a Ray cluster: photos are read and embedded on its nodes.

Part of Ray's door, an optional extra.
"""

from __future__ import annotations

import pickle
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedding.checkpoint import BadCheckpoint
from embedding.runtime import Precision, RuntimeName
from index.labels.labelled_photo import LabelledPhoto
from index.nodes.awaited import AwaitedPhotos
from index.nodes.connection import Workers, awaited, connected, count_workers
from index.nodes.job import EmbeddingJob
from index.nodes.node import NodeOrder
from index.nodes.places import BadRayCluster, PhotoPlaces
from index.nodes.software import installed_software
from index.photos.embed import BATCH_PHOTOS, EmbeddedPhoto, UnreadPhoto

# Ray keeps the chunks of a round in memory, and its workers only for one round.
_ROUND_PHOTOS = 100_000
_AFTERWARDS = "what was embedded before is kept, and the same command goes on from there"


@dataclass(frozen=True, slots=True)
class RayCluster:
    """A cluster's address, `ray://HOST:PORT`, and where its nodes read photos."""

    address: str
    places: PhotoPlaces
    chunk_photos: int = BATCH_PHOTOS


class RayEmbedder:
    """Embeds files on a cluster, with the same networks and the same code as here.

    Nothing is loaded here. Nodes with another flukeprint or another checkpoint are refused.
    """

    def __init__(
        self,
        cluster: RayCluster,
        checkpoint: Path | None,
        runtime: RuntimeName = "auto",
        precision: Precision = "float32",
    ) -> None:
        """Take a checkpoint (None: the shipped one), which the nodes have at the same path.

        Raises BadCheckpoint. The cluster isn't asked before there are photos.
        """
        told = None if checkpoint is None else str(checkpoint.absolute())
        software = installed_software(told, precision)
        if software.fault:
            raise BadCheckpoint(software.fault)
        self.fingerprint = software.fingerprint
        self._cluster = cluster
        self._order = NodeOrder(told, runtime, precision, software)

    def embed_files(
        self, photos: Iterable[LabelledPhoto]
    ) -> Generator[list[EmbeddedPhoto | UnreadPhoto]]:
        """Embed photos, each once, in the order in which nodes have done them.

        Empty lists come while nothing else does.

        Raises BadRayCluster. What came before it stays good.
        """
        left = list(photos)
        if not left:
            return
        with connected(self._cluster.address, afterwards=_AFTERWARDS) as ray:
            workers = count_workers(ray, self._order)
            for start in range(0, len(left), _ROUND_PHOTOS):
                some = left[start : start + _ROUND_PHOTOS]
                with closing(self._answers(ray, workers, some)) as answers:
                    yield from answers

    def _answers(
        self, ray: Any, workers: Workers, photos: Sequence[LabelledPhoto]
    ) -> Generator[list[EmbeddedPhoto | UnreadPhoto]]:
        awaited_photos = AwaitedPhotos(photos, self._cluster.places)
        size = self._cluster.chunk_photos
        ordered = awaited_photos.ordered()
        chunks = [
            pickle.dumps(ordered[start : start + size]) for start in range(0, len(ordered), size)
        ]
        job = (
            ray.remote(EmbeddingJob)
            .options(num_cpus=0, resources={workers.head_resource: 0.001})
            .remote(self._order, workers.processes, workers.cores)
        )
        yield from awaited(ray, job.start.remote(chunks))
        coming = job.next.remote()
        while (found := (yield from awaited(ray, coming))) is not None:
            if isinstance(found, str):
                raise BadRayCluster(f"the cluster gave up ({found}); {_AFTERWARDS}")
            coming = job.next.remote()  # while these are stored
            for answer in found:
                yield awaited_photos.take(pickle.loads(answer))
        ray.kill(job)
        awaited_photos.check_whole()
