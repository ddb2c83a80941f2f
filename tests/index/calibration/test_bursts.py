"""index/calibration/bursts.py: photos taken together can't answer for each other in a trial."""

from __future__ import annotations

import numpy as np
import pytest

from index.calibration.bursts import PhotoFacts, find_bursts, find_days
from index.calibration.calibration import Calibration
from index.calibration.fitting import calibrate
from tests.index.calibration.test_calibration import herd, unit

FAR = np.eye(8, dtype=np.float32)
"""Eight vectors at distance 1 from each other."""


def groups(
    individuals: list[str | None], facts: PhotoFacts, vectors: np.ndarray = FAR
) -> list[int]:
    return find_bursts(range(len(individuals)), individuals, vectors, facts).tolist()


def test_one_encounter_of_an_individual_is_a_burst() -> None:
    facts = PhotoFacts(encounters=["e1", "e1", "e2", "e1", None, None])
    found = groups(["a", "a", "a", "b", "a", "a"], facts)
    assert found[0] == found[1]
    assert len({found[0], found[2], found[3], found[4], found[5]}) == 5


@pytest.mark.parametrize(
    ("times", "is_burst"),
    [
        (["2020-05-01T10:00:00", "2020-05-01T10:59:00"], True),
        (["2020-05-01T10:00:00", "2020-05-01T11:01:00"], False),
        (["2020-05-01T10:00:00Z", "2020-05-01T10:20:00"], True),
        (["2020-05-01", "2020-05-01"], True),
        (["2020-05-01", "2020-05-02"], False),
        ([None, None], False),
        (["in May", "in May"], False),
    ],
)
def test_an_hour_of_an_individual_is_a_burst(times: list[str | None], is_burst: bool) -> None:
    found = groups(["a", "a"], PhotoFacts(taken_at=times))
    assert (found[0] == found[1]) == is_burst


def test_photos_of_one_moment_of_two_animals_are_two_bursts() -> None:
    facts = PhotoFacts(taken_at=["2020-05-01T10:00:00"] * 4)
    assert len(set(groups(["a", "b", None, None], facts))) == 4


def test_a_picture_saved_again_is_a_burst_of_its_individual_or_of_nobody() -> None:
    one, near, far = bytes(32), bytes([7, *bytes(31)]), bytes([255] * 32)  # 3 and 256 bits away
    facts = PhotoFacts(hashes=[one, near, far, one, None, one, near])
    found = groups(["a", "a", "a", "b", "a", None, None], facts)
    assert found[0] == found[1]
    assert found[5] == found[6]
    assert len(set(found)) == 5


@pytest.mark.parametrize(
    ("bits", "is_near", "is_burst"),
    [(70, False, True), (71, False, False), (100, True, True), (101, True, False)],
)
def test_frames_of_one_individual_differ_in_some_bits(
    bits: int, is_near: bool, is_burst: bool
) -> None:
    hashes = [bytes(32), np.packbits(np.arange(256) < bits).tobytes()]
    vectors = np.stack([FAR[0], unit((FAR[0] + 0.1 * FAR[1])[None])[0] if is_near else FAR[1]])
    one, other = groups(["a", "a"], PhotoFacts(hashes=hashes), vectors)
    assert (one == other) == is_burst
    one, other = groups([None, None], PhotoFacts(hashes=hashes), vectors)
    assert one != other


def test_a_day_is_one_individual_s_and_divides_no_burst() -> None:
    """The third photo was taken after midnight, in the burst of the second."""
    individuals = ["a", "a", "a", "a", "b", None, None]
    times = ["2024-05-01T08:00", "2024-05-01T23:59", "2024-05-02T00:10", None, "2024-05-01"]
    bursts = np.array([0, 1, 1, 2, 3, 4, 4])
    days = find_days(individuals, bursts, [*times, "2024-05-01", "2024-05-01"]).tolist()
    assert days[0] == days[1] == days[2] and days[5] == days[6]
    assert len(set(days)) == 4


@pytest.mark.parametrize("known_by", ["encounter", "time", "hash"])
def test_three_frames_of_everything_leave_the_calibration_as_it_was(
    rng: np.random.Generator, known_by: str
) -> None:
    vectors, individuals = herd(rng, 80, 3, spread=0.9)
    frames = unit(np.repeat(vectors, 3, axis=0) + 0.03 * rng.normal(size=(720, 16)))
    labels: list[str | None] = [one for one in individuals for _ in range(3)]
    alone = calibrate(frames[::3], individuals)
    facts = {
        "encounter": PhotoFacts(encounters=[f"e{at // 3}" for at in range(720)]),
        "time": PhotoFacts(taken_at=[f"{1500 + at // 3}-01-01T00:0{at % 3}" for at in range(720)]),
        "hash": PhotoFacts(hashes=[hash_of(at // 3) for at in range(720)]),
    }[known_by]
    burst, blind = calibrate(frames, labels, facts=facts), calibrate(frames, labels)
    assert burst.known_trials == blind.known_trials == 3 * alone.known_trials
    assert burst.unknown_animals == alone.unknown_animals == 80

    def found_at(calibration: Calibration) -> list[float]:
        counts = calibration.right.up_to(np.array([0.1, 0.2, 0.3, 0.5]))
        return (counts / calibration.known_trials).tolist()

    assert found_at(burst) == pytest.approx(found_at(alone), abs=0.06)
    assert burst.probability(0.4, 1) == pytest.approx(alone.probability(0.4, 1), abs=0.1)
    # What a burst does where nobody knows of it: every frame finds its neighbour at once.
    assert found_at(blind)[0] > 0.95 > found_at(alone)[0] + 0.3


def hash_of(at: int) -> bytes:
    return np.random.default_rng(at).bytes(32)
