"""The cards of what waits, brought up to each act and compared again where it matters."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import NamedTuple

from embedding.errors import FlukeprintError
from index.catalogue.catalogue import Catalogue
from index.curation.review.waiting_photos import waiting_encounters, waiting_photos
from index.identification.followed_ranks import follow_ranks
from index.identification.identifier import Identifier
from service.catalogue.cards import Card, card_key_of, make_cards
from service.http.problems import ProblemError

K = 5
_AT_ONCE = 20  # cards that an act compares before it is answered, and individuals it follows
_NOT_ON_CARDS = frozenset({"take in", "confirm", "reject", "enrol", "delete", "move"})
_log = logging.getLogger("flukeprint.service")


class QueueState(NamedTuple):
    """All cards, and how many of them are compared with the catalogue of `revision`."""

    cards: list[Card]
    compared: int
    revision: int


class ReviewQueue:
    """Holds the cards; the writer tells it of each act, and a thread compares what is left.

    An act changes few individuals. Each card's ranks follow these at once, without a search. So a
    photo of an animal that was named just now is compared with it. All cards are searched again
    after a change of many individuals, of the checkpoint, or of the whole catalogue.
    """

    def __init__(self, catalogue: Catalogue, identifier: Callable[[], Identifier]) -> None:
        """`identifier` gives what is served now, and raises ProblemError before that."""
        self._catalogue = catalogue
        self._identifier = identifier
        self._thread = ThreadPoolExecutor(1, "review queue")
        self._lock = threading.RLock()
        self._cards: dict[str, Card] | None = None  # None: not read yet
        self._key_of: dict[str, str] = {}  # of each photo that waits
        self._stale: dict[str, int] = {}  # cards to search for, each with the number of its mark
        self._marks = count()
        self._is_woken = False
        self._is_stopping = threading.Event()

    def stop(self) -> None:
        """Finish the card that is being compared."""
        self._is_stopping.set()
        self._thread.shutdown(cancel_futures=True)

    def state(self) -> QueueState:
        """The cards as they are now. Raises BadCatalogue, and ProblemError before all is loaded."""
        identifier = self._identifier()
        with self._lock:
            cards = list(self._read().values())
            return QueueState(cards, len(cards) - len(self._stale), identifier.gallery.revision)

    def card(self, key: str) -> Card | None:
        """One card, compared with the catalogue as it is now; None where there is none."""
        with self._lock:
            card, is_stale = self._read().get(key), key in self._stale
        return self._compare(card) if card is not None and is_stale else card

    def compare_all(self) -> QueueState:
        """Compare every card that is left to compare, then give the state."""
        with self._lock:
            self._read()
            left = list(self._stale)
        for key in left:
            self.card(key)
        return self.state()

    def keys_of(self, photos: Collection[str]) -> list[str]:
        """The keys of the cards that photos are on, those that don't wait left out."""
        with self._lock:
            self._read()
            return list(
                dict.fromkeys(self._key_of[name] for name in photos if name in self._key_of)
            )

    def forget(self) -> None:
        """Read everything again when it is next asked for: much has changed."""
        with self._lock:
            self._cards = None
            self._stale.clear()
        self.wake()

    def wake(self) -> None:
        """Have what is left compared soon; return at once."""
        with self._lock:
            if self._is_woken or self._is_stopping.is_set():
                return
            self._is_woken = True
        self._thread.submit(self._work)

    def follow(
        self, kinds: Collection[str], photos: Sequence[str], individuals: Collection[str]
    ) -> None:
        """Bring the cards to acts that are served already, by the photos that they changed.

        `individuals` are those whose photos changed, by their names now and before.
        """
        with self._lock:
            if self._cards is None:
                return
            identifier = self._identifier()
            self._follow_individuals(identifier, individuals)
            if photos:
                self._follow_photos(identifier, photos)
            if not _NOT_ON_CARDS.issuperset(kinds):
                self._read_notes()
        self.wake()

    def recalibrate(self) -> None:
        """Answer every card again by a calibration that was fitted, without a search."""
        with self._lock:
            keys = list(self._cards or ())
        identifier = self._identifier()
        for key in keys:
            if self._is_stopping.is_set():
                return
            with self._lock:
                card = (self._cards or {}).get(key)
                if card is not None and card.ranked:
                    assert self._cards is not None
                    self._cards[key] = card.compared(identifier, card.ranked)

    def _read(self) -> dict[str, Card]:
        """The cards, read where they are not; the lock is held."""
        if self._cards is None:
            fingerprint = self._identifier().gallery.fingerprint
            waiting = waiting_photos(self._catalogue, fingerprint)
            self._cards = make_cards(waiting)
            self._key_of = {one.name: card_key_of(one) for one in waiting}
            self._mark(self._cards)
            self.wake()
        return self._cards

    def _follow_individuals(self, identifier: Identifier, individuals: Collection[str]) -> None:
        assert self._cards is not None
        if not individuals:
            return
        if identifier.calibration.score != "nearest" or len(individuals) > _AT_ONCE:
            self._mark(self._cards)
            return
        known = [card for key, card in self._cards.items() if key not in self._stale]
        known = [card for card in known if len(card.vectors)]
        followed = follow_ranks(
            [card.ranked for card in known],
            [card.vectors for card in known],
            identifier.gallery,
            individuals,
            identifier.ranked_count(K),
        )
        lost: list[str] = []
        for card, ranked in zip(known, followed, strict=True):
            if ranked is None:
                lost.append(card.key)
            elif ranked is not card.ranked:
                self._cards[card.key] = card.compared(identifier, ranked)
        self._mark(lost)
        for key in lost[:_AT_ONCE]:
            self._compare(self._cards[key])

    def _follow_photos(self, identifier: Identifier, photos: Sequence[str]) -> None:
        """Make the cards anew that photos were on, or are on now."""
        assert self._cards is not None
        touched = {self._key_of.pop(name) for name in photos if name in self._key_of}
        others = {name for key in touched for name in self._cards.pop(key).names}
        fingerprint = identifier.gallery.fingerprint
        now = waiting_photos(self._catalogue, fingerprint, sorted(others.union(photos)))
        joined = {card_key_of(one) for one in now} & self._cards.keys()
        if joined:
            names = {name for key in joined for name in self._cards[key].names}
            names.update(one.name for one in now)
            now = waiting_photos(self._catalogue, fingerprint, sorted(names))
        for key in touched:
            self._stale.pop(key, None)
        made = make_cards(now)
        self._cards |= made
        self._key_of |= {one.name: card_key_of(one) for one in now}
        self._mark(made)
        for key in list(made)[:_AT_ONCE]:
            self._compare(made[key])

    def _read_notes(self) -> None:
        """Read encounters' names, regions and places again: an edit may have changed them."""
        assert self._cards is not None
        notes = {f"e{key}": each for key, each in waiting_encounters(self._catalogue).items()}
        for key, card in self._cards.items():
            if (now := notes.get(key)) is not None:
                self._cards[key] = replace(
                    card, encounter=now.name, region=now.region, place=now.place
                )

    def _mark(self, keys: Collection[str]) -> None:
        for key in reversed(list(keys)):  # the last one marked is compared first
            self._stale.pop(key, None)
            self._stale[key] = next(self._marks)

    def _compare(self, card: Card) -> Card:
        """Search for a card's photos in what is served now, and keep the answer."""
        identifier = self._identifier()
        mark = self._stale.get(card.key)
        if len(card.vectors) and card.vectors.shape[1] == identifier.gallery.dimension:
            ranked = identifier.rank_encounter(card.vectors, K)
            compared = card.compared(identifier, ranked)
        else:
            compared = card
        with self._lock:
            is_there = self._cards is not None and self._cards.get(card.key) is card
            if is_there and self._identifier().gallery is identifier.gallery:
                assert self._cards is not None
                self._cards[card.key] = compared
                if self._stale.get(card.key) == mark:
                    self._stale.pop(card.key, None)
        return compared

    def _work(self) -> None:
        try:
            while not self._is_stopping.is_set():
                with self._lock:
                    cards = self._read()
                    # The last that were marked are what a person works on.
                    key = next(reversed(self._stale), None)
                    card = None if key is None else cards.get(key)
                    if key is None:
                        self._is_woken = False
                        return
                    if card is None:
                        self._stale.pop(key)
                        continue
                start = time.monotonic()
                self._compare(card)
                # Half of one core at most: people's requests come first.
                self._is_stopping.wait(time.monotonic() - start)
        except (FlukeprintError, ProblemError) as error:
            _log.error("The cards of the queue could not be compared: %s", error)
        finally:
            with self._lock:
                self._is_woken = False
