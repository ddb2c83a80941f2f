"""From distances to an answer: the one rule that decides `known`, `review` or `new_whale`.

Before it comes `no_animal`: what the network sees of the photo itself. No arrays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from embedding.errors import FlukeprintError
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

    With a negative `known` nothing is known without review.
    """

    known: float
    new_whale: float

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

    `probability` is the first match's (0.0 without a match); `reason` is one plain sentence for
    people. `animal` is None where the checkpoint has no screening head. `quarter_turns` says how
    many quarter turns to the left put the photo upright before it was compared. `quality` is None
    where only the vector was there.
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
    animal: AnimalScore | None = None
    quarter_turns: int = 0
    # Of the photo, not of the answer: an image and its vector get the same answer.
    quality: PhotoQuality | None = field(default=None, compare=False)

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


def decide(distance: float, thresholds: Thresholds) -> Decision:
    """Decide from the nearest individual's cosine distance (`NOBODY` where there is none).

    A distance equal to a threshold is still within it. Raises ValueError for NaN, which no
    comparison would stop from reading as a new whale.
    """
    if math.isnan(distance):
        raise ValueError("the distance to decide on is NaN; check the query's vector")
    if distance <= thresholds.known:
        return "known"
    if distance <= thresholds.new_whale:
        return "review"
    return "new_whale"


def explain(nearest: Candidate | Match | None, thresholds: Thresholds) -> str:
    """Give the reason for `decide`'s decision; None is a gallery without individuals."""
    if nearest is None:
        return "The catalogue has no known individual to compare with."
    decision, name = decide(nearest.distance, thresholds), nearest.individual
    distance = f"distance {nearest.distance:.3f}"
    sure, new = f"sure below {thresholds.known:.3f}", f"new above {thresholds.new_whale:.3f}"
    if decision == "known":
        return f"Very likely {name} ({distance}; {sure})."
    if decision == "new_whale":
        return f"Probably a new animal. The nearest is {name} ({distance}; {new})."
    if thresholds.known < 0:
        sure = "no match is sure here"
    return f"Perhaps {name} ({distance}; {sure}, {new}). Compare the photos."
