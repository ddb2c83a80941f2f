"""From distances to an answer: the one rule that decides `known`, `review` or `new_whale`.

Before it comes `no_animal`: what the network sees of the photo itself. No arrays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from embedding.errors import FlukeprintError
from embedding.photos.box import Animal
from embedding.photos.quality import PhotoQuality

Decision = Literal["known", "review", "new_whale", "no_animal"]
Score = Literal["nearest", "centre", "blend"]

NOBODY = math.inf
"""The distance to the nearest individual of a gallery that holds nobody."""


class BadQuery(FlukeprintError):
    """A question that cannot be answered as put: its `k`, score, threshold or rate."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Two cosine distances, `known <= new_whale`.

    With a negative `known` nothing is known without review. Nor is a match that is less probably
    right than `least_probability`.
    """

    known: float
    new_whale: float
    least_probability: float = 0.0

    def __post_init__(self) -> None:
        # Written so that NaN fails too.
        if not self.known <= self.new_whale:
            raise BadQuery(
                f"thresholds are known {self.known} and new_whale {self.new_whale}; "
                "known must not be above new_whale, and neither may be NaN"
            )


@dataclass(frozen=True, slots=True)
class Candidate:
    """An individual near a query, before any probability: `photo` is its nearest photo's name."""

    individual: str
    distance: float
    photo: str


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate with the calibrated probability (0 to 1) that it is the right individual."""

    individual: str
    distance: float
    probability: float
    photo: str


@dataclass(frozen=True, slots=True)
class Source:
    """What several answers came from together."""

    revision: int
    fingerprint: str
    individuals_searched: int
    thresholds: Thresholds


@dataclass(frozen=True, slots=True)
class SpeciesAnswer:
    """What species a photo shows; `name` None where none can be named.

    `reason` says why, or by whom.

    `probability` is that of this species among those of the catalogue; None where nothing could be
    calibrated.
    """

    name: str | None
    probability: float | None
    reason: str


NO_SPECIES = SpeciesAnswer(None, None, "The catalogue knows no individual's species.")


@dataclass(frozen=True, slots=True)
class AnimalScore:
    """How surely a photo shows an animal of the kinds that the checkpoint was made for, 0 to 1.

    Below `threshold` the decision is `no_animal`.
    """

    score: float
    threshold: float

    @property
    def is_animal(self) -> bool:
        """Whether the photo is taken to show an animal."""
        return self.score >= self.threshold


@dataclass(frozen=True, slots=True)
class Identification:
    """The answer to one query, and what it came from.

    `probability` is the first match's (0.0 without a match), `new_probability` that the catalogue
    lacks the animal. `reason` says in plain words what was decided, and how often that is right.
    `calibrated_on` names the calibration: a species', or that of all species together. `animal` is
    None where the checkpoint has no screening head. `quarter_turns` says how many quarter turns to
    the left put the photo upright before it was compared. `quality` is None where only the vector
    was there. `animals` are all that were found in the photo, surest first; None: none were looked
    for, as with a vector or a given box.
    """

    matches: tuple[Match, ...]
    decision: Decision
    probability: float
    reason: str
    thresholds: Thresholds
    revision: int
    fingerprint: str
    individuals_searched: int
    species: SpeciesAnswer = NO_SPECIES
    new_probability: float = 1.0
    calibrated_on: str = ""
    animal: AnimalScore | None = None
    quarter_turns: int = 0
    # Of the photo, not of the answer: an image and its vector get the same answer.
    quality: PhotoQuality | None = field(default=None, compare=False)
    animals: tuple[Animal, ...] | None = field(default=None, compare=False)

    def screened(self, animal: AnimalScore | None) -> Identification:
        """The same answer with its animal score; `no_animal` where the photo shows none."""
        if animal is None or animal.is_animal:
            return replace(self, animal=animal)
        return replace(
            self,
            animal=animal,
            decision="no_animal",
            probability=0.0,
            matches=tuple(replace(match, probability=0.0) for match in self.matches),
            reason=(
                f"No animal that this checkpoint knows (score {animal.score:.3f}, below "
                f"{animal.threshold:.3f}). The individuals listed are only the nearest vectors."
            ),
        )


def with_damage(answer: Identification, damage: str | None) -> Identification:
    """The answer with what is damaged in its photo, told with the reason; as it is without any."""
    if damage is None:
        return answer
    return replace(answer, reason=reason_with_damage(answer.reason, damage))


def reason_with_damage(reason: str, damage: str | None, named: str = "The photo") -> str:
    """A reason with what is damaged in the photo, or in what it was compared with."""
    return reason if damage is None else f"{reason} {named} is damaged: {damage}."


def decide(distance: float, thresholds: Thresholds, probability: float = 1.0) -> Decision:
    """Decide from the nearest individual's cosine distance (`NOBODY` where there is none).

    `probability`: that it is the right one. A distance equal to a threshold is still within it.
    Raises ValueError for NaN, which no comparison would stop from reading as a new whale.
    """
    if math.isnan(distance):
        raise ValueError("the distance to decide on is NaN; check the query's vector")
    if distance <= thresholds.known and probability >= thresholds.least_probability:
        return "known"
    if distance <= thresholds.new_whale:
        return "review"
    return "new_whale"


def explain(
    nearest: Match | None, thresholds: Thresholds, new_probability: float | None = None
) -> str:
    """Give the reason for `decide`'s decision; None is a gallery without individuals.

    `new_probability`: that the catalogue lacks the animal; None where nothing is calibrated, so
    that no share of right answers can be named.
    """
    if nearest is None:
        return (
            "There is nobody to compare with: the catalogue, or the part that was asked for, is "
            "empty."
        )
    name, at = nearest.individual, f"distance {nearest.distance:.3f}"
    decision = decide(nearest.distance, thresholds, nearest.probability)
    known, new = f"known up to {thresholds.known:.3f}", f"new beyond {thresholds.new_whale:.3f}"
    right = new_words = ""
    if new_probability is not None:
        right = f" {of_hundred(nearest.probability)} such answers are right."
        new_words = (
            f" {of_hundred(new_probability)} such photos show an animal that the catalogue lacks."
        )
    if decision == "known":
        return f"{name} ({at}; {known}).{right}"
    if decision == "new_whale":
        return f"Probably a new animal. The nearest is {name} ({at}; {new}).{new_words}"
    if thresholds.known < 0:
        known = "nothing is known without review here"
    elif nearest.distance <= thresholds.known:
        known = "near enough, but more often wrong than right"
    return f"Perhaps {name} ({at}; {known}, {new}).{right} Compare the photos."


def of_hundred(share: float) -> str:
    """Say a share as so many of 100, never all and never none."""
    count = round(100 * share)
    if count >= 100:
        return "More than 99 of 100"
    return f"About {count} of 100" if count else "Fewer than 1 of 100"
