"""The job `upgrade`: the catalogue goes over to another checkpoint, the service answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from index.catalogue.catalogue import Catalogue
from index.reindex.options import UpdateOptions
from index.reindex.update import update_catalogue
from index.storage.address import CatalogueAddress
from service.jobs.context import JobContext
from service.jobs.kinds.reindex import settle
from service.schemas.jobs import UpgradeJob
from service.serving.checkpoints import Checkpoints
from service.serving.service import Serving

EVENT = "swap"


@dataclass(frozen=True)
class UpgradePlace:
    """What an upgrade works with: what is served now, the catalogue, and the checkpoints.

    `on_revision` is called when the catalogue has a new revision.
    """

    serving: Callable[[], Serving]
    catalogue: CatalogueAddress
    checkpoints: Checkpoints
    on_revision: Callable[[], None]


def upgrade(place: UpgradePlace, context: JobContext) -> dict[str, Any]:
    """Embed every photo with the new checkpoint, and go over to it in one commit.

    Vectors that were made before a stop or a crash are not made again. Then `on_revision` has the
    service answer with the new embedder. Undoing the event goes back.
    """
    parameters = UpgradeJob.model_validate(context.parameters)
    before = place.serving().identifier.embedder.fingerprint
    embedder = place.checkpoints.named(parameters.checkpoint)
    with Catalogue.open(place.catalogue) as catalogue:
        report = update_catalogue(
            catalogue,
            None,
            place.checkpoints.for_job(embedder),
            UpdateOptions(
                kind=EVENT,
                made_by=context.job.asked_by,
                checkpoint=parameters.checkpoint,
                check=context.hold_claim_within,
            ),
            around_commit=context.keeping_the_database,
            progress=context.steps,
        )
    settle(report, context, place.serving, place.on_revision)
    return {
        "revision": report.revision,
        "is_new_revision": report.is_new_revision,
        "before": before,
        "fingerprint": embedder.fingerprint,
        "reembedded": report.reembedded,
        "unreadable": len(report.unread),
    }
