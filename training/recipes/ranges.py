"""What a recipe's numbers may be: the smallest and the greatest of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

Ranges = Mapping[str, tuple[float, float]]

_SEEDS = (0, 2**62)
_SHARE = (0, 1)
_RATE = (0, 100)
_MANY = 100_000

RANGES: Ranges = {
    "seed": _SEEDS,
    "network.embedding_dim": (0, 8192),
    "network.member": (0, 64),
    "network.stages": (1, 2),
    "network.stride": (0, 64),
    "network.clusters": (2, 4096),
    "network.cell_dim": (2, 4096),
    "network.aligned_px": (32, 4096),
    "network.aligner_jitter": (0, 1),
    "network.dropout": (0, 0.95),
    "network.drop_path": (0, 0.95),
    "input.width_px": (8, 4096),
    "input.height_px": (8, 4096),
    "input.mean": _SHARE,
    "input.std": (0.001, 10),
    "locator.epochs": (0, _MANY),
    "locator.rate": _RATE,
    "locator.batch": (2, 65_536),
    "data.split_seed": _SEEDS,
    "data.validation_share": (0, 0.5),
    "data.test_share": (0.01, 0.5),
    "batches.individuals": (1, 4096),
    "batches.photos_each": (1, 64),
    "batches.new_whale_share": (0, 0.9),
    "batches.unlabelled_share": (0, 0.9),
    "distillation.weight": (0, 1e6),
    "batches.oversampling": _SHARE,
    "augmentation.rotation_degrees": (0, 180),
    "augmentation.shift": _SHARE,
    "augmentation.zoom": (0.05, 20),
    "augmentation.shear_degrees": (0, 80),
    "augmentation.brightness": _SHARE,
    "augmentation.contrast": _SHARE,
    "augmentation.saturation": _SHARE,
    "augmentation.hue": (0, 0.5),
    "augmentation.gray_share": _SHARE,
    "augmentation.blur_share": _SHARE,
    "augmentation.erase_share": _SHARE,
    "augmentation.flip_share": _SHARE,
    "augmentation.group": (1, 4096),
    "optimiser.rate": _RATE,
    "optimiser.head_rate_factor": (0, 1000),
    "optimiser.weight_decay": (0, 10),
    "optimiser.momentum": (0, 0.9999),
    "optimiser.clip_norm": (0, 1e9),
    "optimiser.backbone_rate_factor": (0, 1000),
    "schedule.epochs": (0, _MANY),
    "schedule.warmup_epochs": (0, _MANY),
    "schedule.plateau_patience": (0, _MANY),
    "schedule.plateau_factor": _SHARE,
    "schedule.early_stop_epochs": (0, _MANY),
    "schedule.validate_every_epochs": (1, _MANY),
    "schedule.save_every_steps": (1, 10**9),
    "schedule.freeze_epochs": (0, _MANY),
    "schedule.swa_epochs": (0, _MANY),
    "schedule.swa_rate_factor": _SHARE,
    "first_stage.epochs": (0, _MANY),
    "first_stage.fewest_photos": (2, _MANY),
    "compute.ema_decay": (0, 0.99999),
    "compute.threads": (0, 1024),
}

LOSS_RANGES: Ranges = {
    "weight": (0, 1000),
    "scale": (0.001, 1000),
    "margin_degrees": (0, 180),
    "sub_centers": (1, 64),
    "margin": (0, 2),
    "memory": (0, 10_000_000),
    "hardest": (1, 10_000_000),
    "effective_beta": (0, 0.9999999),
    "smoothing": (0, 0.9),
}


def first_outside(values: Mapping[str, Any], ranges: Ranges, prefix: str = "") -> str | None:
    """Say which number is outside its range, what it is and what is allowed; None when all are
    within.
    """
    for name, (low, high) in ranges.items():
        found: Any = values
        for part in name.split("."):
            found = found[part]
        for each in cast("tuple[float, ...]", found) if isinstance(found, tuple) else (found,):
            if not low <= each <= high:  # NaN is outside too
                return f"{prefix}{name} = {each}; allowed are {low:,} to {high:,}"
    return None
