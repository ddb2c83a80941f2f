"""How missed matches change a population estimate by capture and recapture over two seasons."""

from __future__ import annotations

import math

POPULATION = 1000
SEASON = 300
"""The example: animals in the population, and how many of them each of two seasons photographs, at
random."""


def lincoln_petersen(first: float, second: float, both: float) -> float:
    """Estimate a population from animals seen in each season and in both; infinite if none was."""
    return first * second / both if both else math.inf


def chapman(first: float, second: float, both: float) -> float:
    """The same with less bias, finite always: (first + 1)(second + 1) / (both + 1) - 1.

    Chapman, D. G. (1951), Some properties of the hypergeometric distribution with applications to
    zoological sample censuses, University of California Publications in Statistics 1, 131-160.
    """
    return (first + 1) * (second + 1) / (both + 1) - 1


def expected_estimates(missed: float, mistaken: float = 0.0) -> dict[str, float]:
    """Estimate the example's population from the counts expected of unreviewed answers.

    `missed` is the share of recaptured animals that aren't taken for known: each counts as a new
    animal. `mistaken` is the share of new animals that are taken for known: each counts as a
    recapture. Misses alone multiply Lincoln-Petersen's estimate by 1 / (1 - missed); mistakes make
    it smaller.
    """
    recaptured = SEASON * SEASON / POPULATION
    counted = recaptured * (1 - missed) + (SEASON - recaptured) * mistaken
    return {
        "recaptures": recaptured,
        "recaptures_counted": counted,
        "lincoln_petersen": lincoln_petersen(SEASON, SEASON, counted),
        "chapman": chapman(SEASON, SEASON, counted),
    }
