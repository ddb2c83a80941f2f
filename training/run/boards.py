"""Boards that draw a training's metrics while it runs: TensorBoard, Weights & Biases, MLflow.

Each is an optional extra. A board that was begun goes on when the run is resumed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, cast, get_args

from embedding.checkpoint import write_atomically
from embedding.errors import FlukeprintError

BoardKind = Literal["tensorboard", "wandb", "mlflow"]
_NAMES = {"tensorboard": "TensorBoard", "wandb": "Weights & Biases", "mlflow": "MLflow"}
_SETTINGS = {
    "tensorboard": "--out must be writable",
    "wandb": "WANDB_API_KEY, or WANDB_MODE=offline",
    "mlflow": "MLFLOW_TRACKING_URI",
}
_IDS = "boards.json"
_LONGEST_VALUE = 250  # of a parameter, in MLflow


class NoBoard(FlukeprintError):
    """A board was asked for and is not known, or not installed."""


class Board(Protocol):
    """Takes the metrics of each epoch."""

    def add(self, row: Mapping[str, float]) -> None:
        """Add one epoch's metrics; `epoch` counts from 1."""
        ...


@dataclass(frozen=True, slots=True)
class BoardSubject:
    """What a board says of a run: its recipe's name and choices, and the digest that names it."""

    name: str
    digest: str
    choices: Mapping[str, Any]


def require_boards(kinds: Sequence[str]) -> tuple[BoardKind, ...]:
    """Raise NoBoard before a run begins rather than after its first epoch."""
    for kind in kinds:
        if kind not in _NAMES:
            raise NoBoard(f"--board {kind}; allowed are {', '.join(_NAMES)}")
        try:
            _import(kind)
        except ImportError as error:
            raise NoBoard(
                f"{_NAMES[kind]} is not installed: pip install 'flukeprint[{kind}]'"
            ) from error
    return tuple(kind for kind in get_args(BoardKind) if kind in kinds)


def _import(kind: str) -> Any:
    if kind == "wandb":
        import wandb  # pyright: ignore[reportMissingImports]

        return wandb  # pyright: ignore[reportUnknownVariableType]
    if kind == "mlflow":
        import mlflow  # pyright: ignore[reportMissingImports]

        return mlflow  # pyright: ignore[reportUnknownVariableType]
    import tensorboard

    return tensorboard


@contextmanager
def open_boards(
    kinds: Sequence[BoardKind], out: Path, subject: BoardSubject
) -> Generator[Sequence[Board]]:
    """Begin boards for the run in `out`, or go on with them, until the block ends.

    Raises NoBoard for a package that is absent, naming the extra, and for a board that can't begin.
    """
    require_boards(kinds)
    openers = {"tensorboard": _tensorboard, "wandb": _wandb, "mlflow": _mlflow}
    with ExitStack() as stack:
        boards: list[Board] = []
        for kind in kinds:
            try:
                boards.append(stack.enter_context(openers[kind](out, subject)))
            except Exception as error:  # each has its own: no key, no server, no permission
                reason = " ".join(str(error).split()) or type(error).__name__
                raise NoBoard(
                    f"{_NAMES[kind]} can't begin: {reason}. See its settings "
                    f"({_SETTINGS[kind]}), or leave --board {kind} out"
                ) from error
        yield boards


@dataclass(frozen=True, slots=True)
class _Board:
    add_all: Callable[[int, dict[str, float]], Any]
    """Called with an epoch's number and its other metrics."""

    def add(self, row: Mapping[str, float]) -> None:
        self.add_all(int(row["epoch"]), {name: row[name] for name in row if name != "epoch"})


@contextmanager
def _tensorboard(out: Path, subject: BoardSubject) -> Generator[Board]:
    del subject  # the folder says whose run it is
    from torch.utils.tensorboard.writer import SummaryWriter

    writer = cast(Any, SummaryWriter)(str(out / "tensorboard"))

    def add(epoch: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            writer.add_scalar(name, value, epoch)
        writer.flush()

    try:
        yield _Board(add)
    finally:
        writer.close()


@contextmanager
def _wandb(out: Path, subject: BoardSubject) -> Generator[Board]:
    wandb = _import("wandb")
    run = wandb.init(
        project="flukeprint",
        name=f"{subject.name} {out.name}",
        id=_id_of(out, "wandb"),
        resume="allow",
        dir=str(out),
        config=dict(subject.choices),
    )
    _note_id(out, "wandb", run.id)
    try:
        yield _Board(lambda epoch, metrics: run.log(metrics, step=epoch))
    finally:
        run.finish()


@contextmanager
def _mlflow(out: Path, subject: BoardSubject) -> Generator[Board]:
    mlflow = _import("mlflow")
    own_id = _id_of(out, "mlflow")
    if own_id is None:
        mlflow.set_experiment("flukeprint")
        run = mlflow.start_run(run_name=f"{subject.name} {out.name}")
        _note_id(out, "mlflow", run.info.run_id)
        mlflow.set_tag("digest", subject.digest)
        mlflow.log_params(_flat(subject.choices))
    else:
        mlflow.start_run(run_id=own_id)
    try:
        yield _Board(lambda epoch, metrics: mlflow.log_metrics(metrics, step=epoch))
    finally:
        mlflow.end_run()


def _id_of(out: Path, kind: BoardKind) -> str | None:
    """The id that a board gave this run when it began."""
    try:
        return json.loads((out / _IDS).read_text("utf-8")).get(kind)
    except FileNotFoundError:
        return None


def _note_id(out: Path, kind: BoardKind, id_: str) -> None:
    path = out / _IDS
    ids: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    write_atomically(path, json.dumps({**ids, kind: id_}).encode())


def _flat(choices: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """A recipe's choices by dotted names, as `--set` takes them."""
    flat: dict[str, str] = {}
    for name, value in choices.items():
        if isinstance(value, dict):
            flat |= _flat(cast("dict[str, Any]", value), f"{above}{name}.")
        else:
            flat[f"{above}{name}"] = str(value)[:_LONGEST_VALUE]
    return flat
