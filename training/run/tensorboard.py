"""Metrics for TensorBoard, where the optional extra is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from embedding.errors import FlukeprintError


class NoTensorBoard(FlukeprintError):
    """TensorBoard was asked for and is not installed."""


def add_row(folder: Path, row: Mapping[str, float]) -> None:
    """Append one epoch's metrics.

    Raises NoTensorBoard, naming the extra, where the package is absent.
    """
    require_tensorboard()
    from torch.utils.tensorboard.writer import SummaryWriter

    writer = cast(Any, SummaryWriter)(str(folder))
    for name, value in row.items():
        if name != "epoch":
            writer.add_scalar(name, value, int(row["epoch"]))
    writer.close()


def require_tensorboard() -> None:
    """Raise NoTensorBoard before a run begins rather than after its first epoch."""
    try:
        import tensorboard  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise NoTensorBoard(
            "TensorBoard is not installed: pip install 'flukeprint[tensorboard]'"
        ) from error
