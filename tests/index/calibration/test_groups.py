"""Calibrations of species, of viewpoints and of encounters, where there are enough photos."""

from __future__ import annotations

import numpy as np

from index.calibration.bursts import PhotoFacts
from index.calibration.calibration import Calibration
from index.calibration.curves.new_share import estimate_new_share
from index.calibration.fitting import calibrate
from tests.index.calibration.test_calibration import herd, unit


def two_species(
    rng: np.random.Generator, humpbacks: int = 60, right_whales: int = 60
) -> tuple[np.ndarray, list[str], dict[str, str]]:
    """Humpbacks far from each other; right whales who look alike, in their own half of space."""
    easy, _ = herd(rng, humpbacks, 4, spread=0.3)
    centre = rng.normal(size=16)
    alike = centre + 0.5 * rng.normal(size=(right_whales, 1, 16))
    hard = unit((alike + 0.3 * rng.normal(size=(right_whales, 4, 16))).reshape(-1, 16))
    vectors = np.zeros((len(easy) + len(hard), 32), np.float32)
    vectors[: len(easy), :16] = easy
    vectors[len(easy) :, 16:] = hard
    names = [f"h{at // 4}" for at in range(len(easy))] + [f"r{at // 4}" for at in range(len(hard))]
    species = {name: "humpback" if name[0] == "h" else "right_whale" for name in names}
    return vectors, names, species


def test_each_species_keeps_its_own_rate(rng: np.random.Generator) -> None:
    vectors, names, species = two_species(rng)
    calibration = calibrate(vectors, names, facts=PhotoFacts(species=species))
    assert set(calibration.groups) == {"humpback", "right_whale"}
    alone = calibrate(vectors[240:], names[240:])
    own = calibration.of_group("right_whale")
    assert own.threshold_at_fpir(0.1) == alone.threshold_at_fpir(0.1)
    assert own.threshold_at_fpir(0.1) < calibration.threshold_at_fpir(0.1)
    assert calibration.of_group("humpback").threshold_at_fpir(0.1) > own.threshold_at_fpir(0.1)
    assert own.name == "right_whale"
    assert Calibration.from_json(calibration.to_json()) == calibration


def test_a_species_of_few_individuals_is_pooled(rng: np.random.Generator) -> None:
    vectors, names, species = two_species(rng, right_whales=10)
    calibration = calibrate(vectors, names, facts=PhotoFacts(species=species))
    assert set(calibration.groups) == {"humpback"}
    assert calibration.of_group("right_whale") is calibration
    assert calibration.name == "all species together"


def test_a_viewpoint_is_a_group_only_where_strangers_come_nearer(rng: np.random.Generator) -> None:
    def photos(spread_right: float) -> Calibration:
        left, names = herd(rng, 120, 3, spread=0.3)
        centre = 0.0 if spread_right == 1.0 else rng.normal(size=16)
        looks = centre + spread_right * rng.normal(size=(120, 1, 16))
        right = unit((looks + 0.3 * rng.normal(size=(120, 3, 16))).reshape(-1, 16))
        vectors = np.zeros((720, 32), np.float32)
        vectors[:360, :16], vectors[360:, 16:] = left, right
        viewpoints = ["left"] * 360 + ["right"] * 360
        return calibrate(vectors, [*names, *names], facts=PhotoFacts(viewpoints=viewpoints))

    assert set(photos(0.4).groups) == {
        "all species together, left",
        "all species together, right",
    }
    assert set(photos(1.0).groups) == set()


def test_encounters_have_thresholds_of_their_own(rng: np.random.Generator) -> None:
    vectors, names = herd(rng, 150, 6, spread=0.9)
    calibration = calibrate(vectors, names)
    assert set(calibration.encounters) == {2, 3, 5}
    three = calibration.of_encounter(3)
    assert three is calibration.of_encounter(4)
    assert calibration.of_encounter(1) is calibration
    # The mean of three distances to a stranger is never as small as the smallest of them.
    assert three.threshold_at_fpir(0.1) > calibration.threshold_at_fpir(0.1)
    assert three.name == "encounters of 3 photos, all species together"


def test_too_few_encounters_are_judged_as_single_photos(rng: np.random.Generator) -> None:
    vectors, names = herd(rng, 40, 2)
    calibration = calibrate(vectors, names)
    assert calibration.of_encounter(3) is calibration


def test_the_share_of_new_animals_is_found_in_a_queue(rng: np.random.Generator) -> None:
    vectors, names = herd(rng, 300, 4, spread=0.7)
    calibration = calibrate(vectors[:900], names[:900])
    gallery = vectors[np.setdiff1d(np.arange(900), np.arange(0, 900, 4))]
    known, new = vectors[np.arange(0, 900, 4)], vectors[900:]

    def stated(rows: np.ndarray) -> np.ndarray:
        nearest = np.sort(1 - rows @ gallery.T, axis=1)[:, :1]
        return np.array([calibration.known_probability([float(one[0])]) for one in nearest])

    for share in (0.1, 0.5, 0.9):
        count = round(225 * share)
        queue = np.concatenate([stated(known[: 225 - count]), stated(new[:count])])
        found = estimate_new_share(queue, calibration.new_whale_share)
        assert found is not None
        assert found.low - 0.03 <= share <= found.high + 0.03
        assert found.high - found.low < 0.25
        assert abs(found.share - share) < 0.12


def test_a_queue_of_a_few_photos_has_no_estimate() -> None:
    assert estimate_new_share(np.full(19, 0.5), 0.3) is None


def test_where_photos_of_one_animal_do_not_find_each_other_no_share_is_estimated(
    rng: np.random.Generator,
) -> None:
    """Queries a little farther than the trials would be taken for new animals, nearly all."""
    vectors = rng.normal(size=(600, 24))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    calibration = calibrate(vectors, [f"w_{at % 150}" for at in range(600)])
    known = np.full(200, calibration.known_probability([0.5]))
    assert calibration.trusted < 0
    assert calibration.estimated_share(known) is None
    herded, names = herd(rng, 100, 4, spread=0.5)
    good = calibrate(herded, names)
    found = good.estimated_share(np.full(200, good.known_probability([0.01])))
    assert found is not None and found.share < 0.1
    assert good.estimated_share(np.full(19, 0.5)) is None
