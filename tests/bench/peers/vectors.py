"""A catalogue's vectors, for the peers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from index.catalogue.catalogue import Catalogue


def catalogue_vectors(path: Path) -> tuple[Any, list[str]]:
    """Vectors (n, d) float32 of known individuals' photos, and their n individuals."""
    with Catalogue.open(path) as catalogue:
        gallery = catalogue.gallery()
    return np.ascontiguousarray(gallery.vectors, np.float32), gallery.individuals
