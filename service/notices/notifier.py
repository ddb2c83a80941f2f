"""Notices of resightings, sent in a thread of their own after the acts that tell of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

from embedding.errors import FlukeprintError
from index.catalogue.catalogue import Catalogue
from index.curation.curator import Event
from index.curation.listings import Directory
from index.sightings.reading import Sighting, read_sightings
from index.sightings.summary import summarise
from service.notices.delivery import mail_notice, post_notice
from service.settings import Settings

_KINDS = {"confirm", "assign", "enrol"}
_RETRIES_SECONDS = (1.0, 10.0, 60.0)
_MOST_REMEMBERED = 10_000
_log = logging.getLogger("flukeprint.service")


class Notifier:
    """Sends one notice for each new sighting of a known animal. No act waits for it or fails."""

    def __init__(self, catalogue: Catalogue, settings: Settings) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, "notices")
        self._is_stopping = threading.Event()
        self._sent: dict[tuple[str, object], None] = {}
        self.retries_seconds = _RETRIES_SECONDS
        self._ways = [
            send
            for address, send in (
                (settings.notice_url, post_notice),
                (settings.notice_email, mail_notice),
            )
            if address
        ]

    def follow(self, event: Event) -> None:
        """Send notices of what an act tells; returns at once."""
        if self._ways and event.kind in _KINDS and not self._is_stopping.is_set():
            self._thread.submit(self._notify, event)

    def stop(self) -> None:
        """Send what is under way once more at most, and nothing else."""
        self._is_stopping.set()
        self._thread.shutdown(cancel_futures=True)

    def _notify(self, event: Event) -> None:
        try:
            for notice in self._notices(event):
                for send in self._ways:
                    self._send(send, notice)
        except FlukeprintError as error:
            _log.error("Resightings of revision %d can't be read: %s", event.revision, error)

    def _notices(self, event: Event) -> list[dict[str, object]]:
        photos = set(event.photos)
        cards = Directory(self._catalogue).named(event.photos)
        notices: list[dict[str, object]] = []
        for name in sorted({card.individual for card in cards.values() if card.individual}):
            sightings = read_sightings(self._catalogue, name).sightings
            for one in sightings:
                mark = (name, one.encounter_key or (one.at or "")[:10])
                is_new = photos.intersection(one.photos) and mark not in self._sent
                if is_new and any(other is not one for other in sightings):
                    self._remember(mark)
                    notices.append(self._notice(one, sightings, event.revision))
        return notices

    def _notice(
        self, one: Sighting, sightings: tuple[Sighting, ...], revision: int
    ) -> dict[str, object]:
        earlier = tuple(
            other for other in sightings if (other.at or "") <= (one.at or "") and other.at
        )
        summary = summarise(earlier or (one,))
        where = one.region
        if self._settings.notice_places and one.place:
            where = f"{one.place} ({one.region})" if one.region else one.place
        gap = summary.days_before_last
        text = (
            f"{one.individual} was seen again"
            + (f" on {one.at[:10]}" if one.at else "")
            + (f" in {where}" if where else "")
            + (f", {gap:,} days after the time before" if gap else "")
            + f". It has {len(sightings):,} sightings."
        )
        notice: dict[str, object] = {
            "kind": "resighting",
            "individual": one.individual,
            "at": one.at,
            "region": one.region,
            "encounter": one.encounter,
            "photos": len(one.photos),
            "sightings": len(sightings),
            "days_since_before": gap,
            "revision": revision,
            "text": text,
        }
        return notice | ({"place": one.place} if self._settings.notice_places else {})

    def _remember(self, mark: tuple[str, object]) -> None:
        self._sent[mark] = None
        if len(self._sent) > _MOST_REMEMBERED:
            del self._sent[next(iter(self._sent))]

    def _send(
        self, send: Callable[[Settings, Mapping[str, object]], None], notice: Mapping[str, object]
    ) -> None:
        for wait_seconds in (*self.retries_seconds, None):
            try:
                send(self._settings, notice)
                return
            # smtplib's errors are OSErrors, and urllib's but for an answer that isn't HTTP.
            except (OSError, ValueError, HTTPException) as error:
                if wait_seconds is None or self._is_stopping.is_set():
                    _log.error("A notice of %s is given up: %s", notice["individual"], error)
                    return
                self._is_stopping.wait(wait_seconds)
