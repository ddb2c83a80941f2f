"""Several species in one catalogue: each by itself, pooled, and by its own calibration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from index.calibration.calibration import KNOWN_FPIR, BadCalibration
from index.identification.identifier import Identifier
from training.evaluation.promises.answers import answers_of, identifier_of, share_known
from training.evaluation.promises.draws import CatalogueDraw, PhotoSet, draw_catalogue

Row = dict[str, Any]


def compare_species(photos: PhotoSet, seed: int) -> list[Row]:
    """Measure each species in three catalogues at KNOWN_FPIR, a row for each.

    `catalogue` is `exclusive` (it holds this species and no other), `pooled` (all species, one
    calibration) or `own` (all species, each with a calibration of its own where it is large
    enough). `absent` is the share of its absent individuals' photos called `known`, `refused` the
    share of its known ones called `new_whale`. Both are None where the rate can't be promised.
    Empty where the labels name fewer than two species.
    """
    names: list[str] = [
        str(name) for name in np.unique(photos.species[photos.individuals != ""]) if name
    ]
    if len(names) < 2:
        return []
    draws = {name: draw_catalogue(photos, seed, species=name) for name in names}
    draws = {name: draw for name, draw in draws.items() if len(draw.gallery)}
    if len(draws) < 2:
        return []
    together = identifier_of(
        photos,
        np.concatenate([draw.gallery for draw in draws.values()]),
        np.concatenate([draw.nobody for draw in draws.values()]),
    )
    pooled = pooled_identifier(together)
    rows: list[Row] = []
    for name, draw in draws.items():
        exclusive = identifier_of(photos, draw.gallery, draw.nobody)
        for catalogue, one in (("exclusive", exclusive), ("pooled", pooled), ("own", together)):
            row: Row = {"species": name, "catalogue": catalogue, "promised": KNOWN_FPIR}
            rows.append(row | _measured(one, photos, draw))
    return rows


def pooled_identifier(identifier: Identifier) -> Identifier:
    """The same catalogue with one calibration for all species."""
    return Identifier(
        identifier.embedder,
        identifier.gallery,
        replace(identifier.calibration, groups={}),
        identifier.species,
    )


def _measured(identifier: Identifier, photos: PhotoSet, draw: CatalogueDraw) -> Row:
    try:
        absent = answers_of(identifier, photos, draw.absent, KNOWN_FPIR)
        known = answers_of(identifier, photos, draw.known[:, 0], KNOWN_FPIR)
    except BadCalibration:
        return {"absent": None, "refused": None}
    is_refused = [one.decision == "new_whale" for one in known]
    return {
        "absent": share_known(absent),
        "refused": float(np.mean(is_refused)) if known else None,
    }
