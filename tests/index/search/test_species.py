from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from index.search.gallery import Gallery
from index.search.matching import NO_SPECIES, Candidate
from index.search.species import FEWEST_TRIALS, NEIGHBOURS, SpeciesPredictor, likeliest_species

At = Callable[..., np.ndarray]


def gallery_of(at: At, degrees: dict[str, float]) -> Gallery:
    return Gallery.build(
        [f"{one}.jpg" for one in degrees],
        list(degrees),
        at(*degrees.values()),
        fingerprint="f" * 64,
        revision=1,
    )


def two_species(at: At) -> tuple[Gallery, dict[str, str]]:
    """Twelve humpbacks at 0 to 55 degrees, twelve right whales at 50 to 105: some stand among the
    others.
    """
    degrees = {f"h{n:02}": 5.0 * n for n in range(12)} | {
        f"r{n:02}": 50.0 + 5.0 * n for n in range(12)
    }
    return gallery_of(at, degrees), {
        one: "humpback" if one[0] == "h" else "right" for one in degrees
    }


def test_the_nearest_individual_names_the_species_and_how_surely(at: At) -> None:
    gallery, species = two_species(at)
    teller = SpeciesPredictor(gallery, species)
    (ranked,) = gallery.rank(at(2), teller.neighbours(1))

    told = teller.predict(ranked)

    assert (told.name, len(ranked)) == ("humpback", NEIGHBOURS)
    assert told.probability == pytest.approx(1 - 1 / 26)  # 24 trials say no more
    assert told.reason.startswith(
        "h00, at distance 0.001, is the nearest individual with a species"
    )
    (between,) = gallery.rank(at(52), NEIGHBOURS)
    unsure = teller.predict(between)
    assert unsure.probability is not None
    assert 0.4 < unsure.probability < 0.7


def test_the_probability_is_that_of_a_naive_softmax_with_the_likeliest_temperature(at: At) -> None:
    gallery, species = two_species(at)
    vectors = gallery.vectors.astype(np.float64)
    distances = 1 - vectors @ vectors.T
    whose = [species[one] for one in gallery.individuals]

    def share(row: np.ndarray, own: int | None, truth: str, temperature: float) -> float:
        nearest: dict[str, float] = {}
        order = [other for other in np.argsort(row, kind="stable").tolist() if other != own][
            :NEIGHBOURS
        ]
        for other in order:
            nearest.setdefault(whose[other], row[other])
        for name in ("humpback", "right"):
            nearest.setdefault(name, row[order[-1]])
        raised = {name: np.exp(-distance / temperature) for name, distance in nearest.items()}
        return raised[truth] / sum(raised.values())

    def loss(temperature: float) -> float:
        return -float(
            np.mean([np.log(share(distances[n], n, whose[n], temperature)) for n in range(24)])
        )

    temperature = min(np.logspace(-3, 1, 81), key=loss)
    query = at(48)
    expected = share(1 - vectors @ query[0].astype(np.float64), None, "humpback", temperature)
    (ranked,) = gallery.rank(query, NEIGHBOURS)
    told = SpeciesPredictor(gallery, species).predict(ranked)
    assert (told.name, told.probability) == ("humpback", pytest.approx(expected, abs=1e-5))


def test_without_any_species_nothing_is_told_and_no_more_is_searched(at: At) -> None:
    gallery = gallery_of(at, {"a": 0, "b": 10})
    teller = SpeciesPredictor(gallery, {})
    assert teller.neighbours(3) == 3
    assert teller.predict(gallery.rank(at(0), 3)[0]) == NO_SPECIES
    assert (
        SpeciesPredictor(gallery, {"elsewhere": "humpback"}).predict(gallery.rank(at(0), 3)[0])
        == NO_SPECIES
    )


def test_where_nobody_near_has_a_species_it_says_so(at: At) -> None:
    gallery, species = two_species(at)
    told = SpeciesPredictor(gallery, species).predict([Candidate("somebody", 0.1, "s.jpg")])
    assert (told.name, told.probability) == (None, None)
    assert told.reason == "None of the 1 nearest individuals has a species."


def test_the_last_one_ranked_tells_its_species_where_no_other_one_has_any(at: At) -> None:
    gallery, species = two_species(at)
    ranked = [Candidate("somebody", 0.1, "s.jpg"), Candidate("r00", 0.2, "r00.jpg")]

    told = SpeciesPredictor(gallery, species).predict(ranked)

    # Humpbacks, of whom none is ranked, can't be farther than the last one ranked for all that is
    # known.
    assert (told.name, told.probability) == ("right", pytest.approx(0.5))


def test_one_species_alone_has_no_probability(at: At) -> None:
    gallery = gallery_of(at, {"a": 0, "b": 10})
    told = SpeciesPredictor(gallery, {"a": "humpback"}).predict(gallery.rank(at(9), 20)[0])
    assert (told.name, told.probability) == ("humpback", None)
    assert "knows no other species" in told.reason


def test_too_few_individuals_of_a_species_to_try_give_no_probability(at: At) -> None:
    gallery = gallery_of(at, {"a": 0, "b": 10, "c": 90})
    told = SpeciesPredictor(gallery, {"a": "humpback", "b": "humpback", "c": "right"}).predict(
        gallery.rank(at(80), 20)[0]
    )
    assert (told.name, told.probability) == ("right", None)
    assert (
        "2 photos have another individual of their species to be tried with, and a probability "
        f"needs {FEWEST_TRIALS}" in (told.reason)
    )


def test_what_is_noted_of_an_individual_goes_before_what_its_photos_say() -> None:
    found = likeliest_species(
        {"a": "blue", "b": None, "c": None},
        [("a", "fin", 9), ("b", "fin", 1), ("b", "blue", 2), ("c", None, 3)],
    )
    assert found == {"a": "blue", "b": "blue"}
