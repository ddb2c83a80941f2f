"""A job's photos into the review queue: as an upload of their own, and none of them twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Event
from index.curation.listings import Directory
from index.storage.address import CatalogueBusy
from service.catalogue.intake import (
    KnownPhoto,
    NewPhoto,
    SentContent,
    sort_out,
    take_in,
)
from service.jobs.context import JobContext
from service.schemas.curation_requests import QueueForm
from service.schemas.jobs import queue_upload

Act = Callable[[Callable[[Catalogue], Event | None]], Event | None]
"""Does one act on the served catalogue and waits for it; None: there was nothing to do."""

_BUSY_SECONDS = 1.0


class QueuePlace(NamedTuple):
    """The catalogue whose queue gets the photos, and who changes it."""

    catalogue: Catalogue
    act: Act


class QueueIntake:
    """Takes the photos of one job in, batch by batch.

    A start that goes on may meet photos that an earlier one took in after its last checkpoint.
    They count as taken in.
    """

    def __init__(self, place: QueuePlace, context: JobContext) -> None:
        upload = queue_upload(context.job)
        assert upload is not None
        self._upload = upload
        self._place = place
        self._context = context
        self._directory = Directory(place.catalogue)

    def known(self, contents: Sequence[SentContent]) -> list[KnownPhoto]:
        """Those of some photos that the catalogue has already, or that are there twice."""
        _, known = sort_out(self._directory, contents)
        return self._of_others(known, contents)

    def take_in(self, photos: Sequence[NewPhoto]) -> list[KnownPhoto]:
        """Take photos in as waiting, in one act; return those that somebody else was faster with.

        Waits while another process changes the catalogue. Raises JobLost, JobStopped, BadMedia and
        BadCatalogue, and then none is taken in.
        """
        if not photos:
            return []
        late: list[KnownPhoto] = []

        def do(catalogue: Catalogue) -> Event | None:
            event, known = take_in(
                catalogue,
                photos,
                photos[0].answer["fingerprint"],
                QueueForm.model_validate({"upload": self._upload}),
                made_by=self._context.job.asked_by or "job",
                check=self._context.hold_claim_within,
            )
            late[:] = known
            return event

        while True:
            try:
                self._place.act(do)
            except CatalogueBusy:
                self._context.raise_if_stopped()
                time.sleep(_BUSY_SECONDS)
            else:
                return self._of_others(late, [photo.content for photo in photos])

    def _of_others(
        self, known: Sequence[KnownPhoto], contents: Sequence[SentContent]
    ) -> list[KnownPhoto]:
        hashes = {each.name: each.content_hash for each in contents}
        there = self._directory.with_content([hashes[one.name] for one in known])

        def is_ours(one: KnownPhoto) -> bool:
            card = there.get(hashes[one.name])
            answer = (card.answer if card else None) or {}
            return (answer.get("upload"), answer.get("photo")) == (self._upload, one.name)

        return [one for one in known if not is_ours(one)]
