"""A job of Ray Data, led from the cluster's head node, because Ray Data can't be led through ray://.

Part of Ray's door. The nodes take chunks as they get on, and a chunk of a node that dies is given
to another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from index.nodes.node import ANSWER, PHOTOS, NodeEmbedder, NodeOrder

_MOST_RETRIES = 8  # of one chunk: a photo that kills whoever reads it ends the job at last


class EmbeddingJob:
    """Chunks of photos, embedded by `workers` processes of `cores` cores each."""

    def __init__(self, order: NodeOrder, workers: int, cores: float) -> None:
        self._order = order
        self._workers = workers
        self._cores = cores
        self._rows: Iterator[Any] = iter(())

    def start(self, chunks: Sequence[bytes]) -> int:
        """Begin with pickled chunks, and return how many there are."""
        import ray.data

        context: Any = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        rows = [{PHOTOS: chunk} for chunk in chunks]
        made: Any = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            NodeEmbedder,
            fn_constructor_args=(self._order,),
            batch_size=None,
            batch_format="numpy",
            compute=ray.data.ActorPoolStrategy(
                min_size=1, max_size=self._workers, initial_size=self._workers
            ),
            num_cpus=self._cores,
            max_restarts=-1,
            max_task_retries=_MOST_RETRIES,
        )
        self._rows = iter(made.iter_batches(batch_size=None, batch_format="numpy"))
        return len(rows)

    def next(self) -> list[bytes] | str | None:
        """The next answers, pickled; None after the last ones, and a text where the job failed."""
        try:
            batch = next(self._rows, None)
        except Exception as error:
            # The classes of these errors needn't be there where the text is read.
            return f"{type(error).__name__}: {error}"
        return None if batch is None else [bytes(each) for each in batch[ANSWER]]
