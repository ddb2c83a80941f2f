"""Training on the nodes of a Ray cluster, by Ray Train. Ray's door, an optional extra.

The nodes have the same flukeprint installed, and see the folders of the command at the same paths.
"""

from __future__ import annotations

import importlib
import io
import logging
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedding.errors import FlukeprintError
from index.nodes.connection import connected
from index.nodes.places import BadRayCluster
from training.distributed.world import TIMEOUT, LostProcess

_AFTERWARDS = "the same command with --resume begins the run or continues it"
_MOST_FAILURES = 5  # of processes or nodes; those that are taken away with notice aren't counted
_POLL_SECONDS = 1.0

Work = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class RayTraining:
    """What a cluster computes: `work` with its `options`, in at least `fewest` processes.

    Each process has a GPU where the cluster has that many and `takes_gpus` says so, else a core.
    `scratch` is a folder that all nodes see, for what Ray Train notes; it is removed at the end.
    """

    work: Work
    options: Mapping[str, Any]
    fewest: int
    most: int
    takes_gpus: bool
    scratch: Path


def train_on_cluster(address: str, training: RayTraining) -> None:
    """Train on the cluster at `ray://HOST:PORT` and wait for the end.

    A process that dies is started again, with as many others as there are nodes for. Raises
    BadRayCluster, and what the work raised as FlukeprintError.
    """
    with connected(address, afterwards=_AFTERWARDS) as ray:
        _refuse_too_few(ray, training)
        job = ray.remote(_Job).options(num_cpus=0, max_concurrency=4).remote(training)
        try:
            ending, is_over = job.run.remote(), False
            while not is_over:
                is_over = bool(ray.wait([ending], timeout=_POLL_SECONDS)[0])
                for is_error, text in ray.get(job.printed.remote()):
                    print(text, end="", file=sys.stderr if is_error else sys.stdout, flush=True)
            failure = ray.get(ending)
        finally:
            ray.kill(job)  # with it end the processes that it started
            shutil.rmtree(training.scratch, ignore_errors=True)
    if failure:
        raise FlukeprintError(failure)


class _Job:
    """Ray Train, led on the cluster: it can't be led through `ray://`."""

    def __init__(self, training: RayTraining) -> None:
        self._training = training
        self._failure = ""
        self._printed: list[tuple[bool, str]] = []

    def take(self, is_error: bool, text: str) -> None:
        """Take what the first process prints."""
        self._printed.append((is_error, text))

    def printed(self) -> list[tuple[bool, str]]:
        """What was printed since the last call, and whether on stderr."""
        printed, self._printed = self._printed, []
        return printed

    def fail(self, failure: str) -> None:
        """Take an error that no other try would mend."""
        self._failure = self._failure or failure

    def failure(self) -> str:
        return self._failure

    def run(self) -> str:
        """Train to the end; returns why that failed, or ""."""
        ray, training = _ray(), self._training
        own = ray.get_runtime_context().current_actor
        scaling = ray.train.ScalingConfig(
            num_workers=(training.fewest, training.most),
            use_gpu=training.takes_gpus and _available(ray, "GPU") >= training.fewest,
        )
        trainer = ray.train.torch.TorchTrainer(
            _work,
            train_loop_config={"job": own, "work": training.work, "options": training.options},
            torch_config=ray.train.torch.TorchConfig(timeout_s=int(TIMEOUT.total_seconds())),
            scaling_config=scaling,
            run_config=ray.train.RunConfig(
                name="run",
                storage_path=str(training.scratch),
                failure_config=ray.train.FailureConfig(max_failures=_MOST_FAILURES),
                # Otherwise every line is printed twice, the second time as a log's.
                worker_runtime_env={"env_vars": {"RAY_TRAIN_ENABLE_PRINT_PATCH": "0"}},
            ),
        )
        try:
            trainer.fit()
        except ray.train.TrainingFailedError as error:
            return self._failure or f"the cluster gave up: {error}"
        return self._failure


def _work(config: dict[str, Any]) -> None:
    """What a process on a node does."""
    ray, job = _ray(), config["job"]
    logging.getLogger("faiss").setLevel(logging.WARNING)  # Ray has every library tell what it does
    if ray.get(job.failure.remote()):
        return  # tried again in vain: this error would come again
    with _Printing(job, is_error=False) as out, _Printing(job, is_error=True) as errors:
        try:
            with redirect_stdout(out), redirect_stderr(errors):
                config["work"](config["options"])
        except LostProcess:
            raise
        except FlukeprintError as error:
            ray.get(job.fail.remote(str(error)))
            raise


class _Printing(io.TextIOBase):
    """Sends a process's lines to the job. Ray's own way mixes them with much of its own."""

    def __init__(self, job: Any, *, is_error: bool) -> None:
        self._job, self._is_error, self._line = job, is_error, ""

    def write(self, s: str) -> int:
        *lines, self._line = (self._line + s).split("\n")
        if lines:
            self._job.take.remote(self._is_error, "\n".join([*lines, ""]))
        return len(s)

    def close(self) -> None:
        if self._line:
            self.write("\n")
        super().close()


def _ray() -> Any:
    importlib.import_module("ray.train.torch")
    return importlib.import_module("ray")


def _refuse_too_few(ray: Any, training: RayTraining) -> None:
    """Ray would wait for ever, without a word, for what no node has."""
    cores = _available(ray, "CPU")
    if cores < training.fewest:
        raise BadRayCluster(
            f"the cluster has {cores} cores for {training.fewest} processes; start more nodes by "
            "`ray start --address`, or lower --processes"
        )


def _available(ray: Any, resource: str) -> int:
    return int(ray.cluster_resources().get(resource, 0))
