"""Which cards a filter gives, in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import get_args

from index.search.matching import Decision
from service.catalogue.cards import Card
from service.http.paging import Position
from service.schemas.review_cards import CardFilter, CardQuery, CardSort

_DECISIONS: tuple[Decision, ...] = get_args(Decision)
_NO_TIME = "\uffff"  # after every time
_VALUES: dict[CardSort, Callable[[Card], str | float]] = {
    "time": lambda card: card.at or _NO_TIME,
    "probability": lambda card: card.answer.probability,
    "decision": lambda card: float(_DECISIONS.index(card.answer.decision)),
    "size": lambda card: float(len(card.photos)),
    "quality": lambda card: card.quality or 0.0,
}


def filtered(cards: Sequence[Card], by: CardFilter) -> list[Card]:
    """The cards that a filter gives, in the same order."""
    return [card for card in cards if _is_of(card, by)]


def counts_of(cards: Sequence[Card], by: CardFilter) -> dict[str, int]:
    """How many cards there are of each decision, whatever decision the filter names."""
    counts = Counter(
        card.answer.decision for card in filtered(cards, by.model_copy(update={"decision": ()}))
    )
    return {decision: counts[decision] for decision in _DECISIONS}


def position_of(card: Card, sort: CardSort) -> Position:
    """A card's place in an order; the older one comes first of cards with the same value."""
    return (_VALUES[sort](card), card.number)


def like_position(sort: CardSort) -> Position:
    """Any place in an order."""
    return ("", 0) if sort == "time" else (0.0, 0)


def cards_after(cards: Sequence[Card], query: CardQuery, after: Position | None) -> list[Card]:
    """The cards in the query's order that come after a place, one more than a page at most."""
    value = _VALUES[query.sort]

    def place(card: Card) -> tuple[str | float, int]:
        return value(card), card.number

    rest = cards
    if after is not None:
        # One order's values are all texts or all numbers.
        rest = [
            card
            for card in cards
            if (place(card) < after) is query.descending  # type: ignore[operator]
        ]
        rest = [card for card in rest if place(card) != after]
    return sorted(rest, key=place, reverse=query.descending)[: query.limit + 1]


def _is_of(card: Card, by: CardFilter) -> bool:
    answer, day = card.answer, (card.at or "")[:10]
    return (
        (not by.decision or answer.decision in by.decision)
        and (by.min_probability is None or answer.probability >= by.min_probability)
        and (by.max_probability is None or answer.probability <= by.max_probability)
        and (by.min_quality is None or (card.quality or 0.0) >= by.min_quality)
        and (by.max_quality is None or (card.quality or 0.0) <= by.max_quality)
        and by.species in (None, answer.species)
        and _holds(card.region, by.region)
        and _holds(card.place, by.place)
        and by.individual in (None, answer.individual)
        and (by.upload is None or any(photo.upload == by.upload for photo in card.photos))
        and (by.since is None or by.since <= day)
        and (by.until is None or (day != "" and day <= by.until))
    )


def _holds(text: str | None, part: str | None) -> bool:
    return part is None or part.casefold() in (text or "").casefold()
