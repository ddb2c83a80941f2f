"""What is served, brought up to later revisions of the catalogue without reading it whole."""

from __future__ import annotations

from dataclasses import replace

from index.catalogue.gallery_refresh import refresh_gallery
from index.snapshots.changed_mapping import change_mapping
from index.snapshots.later_changes import LaterChanges
from service.serving.service import Serving


def with_changes(serving: Serving, later: LaterChanges) -> Serving:
    """The same catalogue after these changes. Takes time in proportion to them."""
    before, now = serving.identifier, later.states
    identifier = before.following(
        refresh_gallery(before.gallery, later.photos, now),
        change_mapping(before.species, later.individuals, later.species),
        change_mapping(before.viewpoints, later.photos, now.viewpoints),
        individuals=later.individuals,
        photos=len(later.photos),
    )
    damaged = {name: why for name, why in serving.damaged.items() if name not in later.photos}
    return replace(
        serving,
        identifier=identifier,
        photos=change_mapping(serving.photos, later.photos, later.served),
        damaged=damaged | now.damaged,
    )
