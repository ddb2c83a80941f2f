"""How much a photo counts in a loss with classes, by how many photos its class has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.recipes.choices import LossChoices


def class_weights(
    photos_of_identity: NDArray[np.int64], choices: LossChoices
) -> NDArray[np.float32]:
    """Weights (c,) of classes of n photos, such that the mean over all photos is 1.

    "inverse": 1 / n, so that all classes count the same. "effective": (1 - b) / (1 - b^n), the
    effective number of samples of Cui et al. 2019. It is near 1 / n for few photos and hardly falls
    beyond 1 / (1 - b). "none": 1.
    """
    photos = np.maximum(photos_of_identity, 1).astype(np.float64)
    if choices.class_weights == "none":
        return np.ones(len(photos), np.float32)
    beta = choices.effective_beta
    weights = (
        1.0 / photos if choices.class_weights == "inverse" else (1.0 - beta) / (1.0 - beta**photos)
    )
    return (weights * photos.sum() / (weights * photos).sum()).astype(np.float32)
