"""What a photo's vector says of the photo itself: whether an animal is in it, and how it is turned.

A checkpoint may have a screening head, two small networks on its unit vectors. It needs no torch,
so that the vectors of a catalogue are screened as they are stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding.checkpoint import DEFAULT_CHECKPOINT, BadCheckpoint, read_screening

Floats = NDArray[np.floating[Any]]
Layers = tuple[tuple[Floats, Floats], ...]
"""Weight (out, in) and bias (out,) of each layer, ReLUs between them."""

_TURNS = 4


@dataclass(frozen=True, slots=True)
class Screening:
    """A screening head.

    `animal` gives one logit: an animal of the kinds that the checkpoint was made for. Photos with a
    score below `animal_threshold` show none. `turn` gives four: how many quarter turns to the left
    put the photo upright. A photo lies on its side where it is upright with a probability of at
    most 1 - `turn_probability`. Where there is a `basis` (r, d), both networks see the r products
    of the vector with its rows.
    """

    animal: Layers
    turn: Layers
    animal_threshold: float
    turn_probability: float
    basis: Floats | None = None

    @classmethod
    def load(cls, path: Path | None = None) -> Screening | None:
        """Read a checkpoint's head (None: the shipped one's); None where it has none.

        Raises BadCheckpoint.
        """
        path = path or DEFAULT_CHECKPOINT
        read = read_screening(path)
        if read is None:
            return None
        described, tensors = read
        try:
            return cls(
                _layers(tensors, "animal"),
                _layers(tensors, "turn"),
                float(described["animal_threshold"]),
                float(described["turn_probability"]),
                tensors.get("basis"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadCheckpoint(
                f"{path} has a damaged screening head ({error}); copy or train it again"
            ) from error

    def described(self) -> dict[str, Any]:
        """What `load` reads besides the tensors."""
        return {
            "animal_threshold": self.animal_threshold,
            "turn_probability": self.turn_probability,
        }

    def tensors(self) -> dict[str, Floats]:
        """The weights by the names that `load` reads."""
        named: dict[str, Floats] = {}
        for part, layers in (("animal", self.animal), ("turn", self.turn)):
            for at, (weight, bias) in enumerate(layers):
                named |= {f"{part}.{at}.weight": weight, f"{part}.{at}.bias": bias}
        return named if self.basis is None else named | {"basis": self.basis}

    @property
    def dimension(self) -> int:
        """How many numbers the vectors have that it is for."""
        seen = self.animal[0][0] if self.basis is None else self.basis
        return seen.shape[1]

    def animal_scores(self, vectors: Floats) -> NDArray[np.float64]:
        """Score unit vectors (n, d): how surely each photo shows an animal, (n,) from 0 to 1."""
        logits = _applied(self.animal, self._projected(vectors))[:, 0]
        return 1 / (1 + np.exp(-np.clip(logits, -700, 700)))

    def _projected(self, vectors: Floats) -> Floats:
        return vectors if self.basis is None else vectors @ self.basis.T

    def quarter_turns(self, vectors: Floats) -> NDArray[np.int64]:
        """How many quarter turns to the left put each photo (n, d) upright: (n,) from 0 to 3.

        0 where the photo may well be upright.
        """
        probabilities = self.turn_probabilities(vectors)
        likeliest = 1 + probabilities[:, 1:].argmax(1)
        return np.where(1 - probabilities[:, 0] >= self.turn_probability, likeliest, 0)

    def turn_probabilities(self, vectors: Floats) -> NDArray[np.float64]:
        """How probable 0, 1, 2 and 3 quarter turns are for unit vectors (n, d): (n, 4)."""
        logits = _applied(self.turn, self._projected(vectors))
        odds = np.exp(logits - logits.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)


def _layers(tensors: Mapping[str, Floats], part: str) -> Layers:
    count = sum(name.startswith(f"{part}.") for name in tensors) // 2
    layers = tuple(
        (tensors[f"{part}.{at}.weight"], tensors[f"{part}.{at}.bias"]) for at in range(count)
    )
    outputs = {"animal": 1, "turn": _TURNS}[part]
    if not layers or layers[-1][0].shape[0] != outputs:
        raise ValueError(f"{part} has no layer of {outputs} outputs")
    return layers


def _applied(layers: Layers, vectors: Floats) -> NDArray[np.float64]:
    values = np.asarray(vectors, np.float64)
    for at, (weight, bias) in enumerate(layers):
        values = values @ weight.T.astype(np.float64) + bias
        if at < len(layers) - 1:
            values = np.maximum(values, 0)
    return values
