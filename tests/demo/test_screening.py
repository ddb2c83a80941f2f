"""The shipped checkpoint's screening head on drawn flukes: other things are `no_animal`, and turned
flukes are found upright.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image, ImageDraw

from demo.anatomy import Individual
from demo.photograph import photograph
from embedding.embedder import Embedder
from embedding.photos.photo import rotate_image
from index.calibration.fitting import calibrate
from index.identification.identifier import Identifier
from index.search.gallery import Gallery
from index.search.matching import Identification

WHALES = 16


@pytest.fixture(scope="module")
def identifier() -> Identifier:
    """A catalogue of drawn whales, two photos each, by the shipped checkpoint."""
    embedder = Embedder.load(device="cpu")
    names = [f"w_{whale}_{take}" for whale in range(WHALES) for take in range(2)]
    photos = [fluke(whale, take) for whale in range(WHALES) for take in range(2)]
    whose = [name.rpartition("_")[0] for name in names]
    vectors = embedder.embed(photos)
    gallery = Gallery.build(names, whose, vectors, fingerprint=embedder.fingerprint, revision=1)
    return Identifier(embedder, gallery, calibrate(vectors, whose))


def fluke(whale: int, take: int) -> Image.Image:
    return photograph(Individual.from_seed(whale), np.random.default_rng([whale, take]))


def decisions(answers: Sequence[Identification]) -> set[str]:
    return {answer.decision for answer in answers}


def blanks() -> list[Image.Image]:
    colours = ["white", "black", "grey", "navy", "orange", "teal"]
    return [Image.new("RGB", (300, 200), colour) for colour in colours]


def noises() -> list[Image.Image]:
    rng = np.random.default_rng(4)
    white = [rng.integers(0, 256, (120, 200, 3), np.uint8) for _ in range(3)]
    coarse = [rng.integers(0, 256, (5, 7, 3), np.uint8) for _ in range(3)]
    smooth = [Image.fromarray(one).resize((320, 200), Image.Resampling.BICUBIC) for one in coarse]
    return [*map(Image.fromarray, white), *smooth]


def pages() -> list[Image.Image]:
    made: list[Image.Image] = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        page = Image.new("RGB", (420, 560), (250, 248, 240))
        for y in range(20, 540, 16):
            letters = "".join(rng.choice(list("etaoin shrdlu"), 60))
            ImageDraw.Draw(page).text((20, y), letters, (30, 30, 30))
        made.append(page)
    return made


@pytest.mark.parametrize("others", [blanks, noises, pages])
def test_what_shows_no_animal_is_answered_so(identifier: Identifier, others: object) -> None:
    assert callable(others)
    answers = identifier.identify(others())
    assert decisions(answers) == {"no_animal"}
    assert {answer.probability for answer in answers} == {0.0}


def test_a_drawn_fluke_is_an_animal_and_upright(identifier: Identifier) -> None:
    answers = identifier.identify([fluke(whale, 9) for whale in range(WHALES)])
    assert "no_animal" not in decisions(answers)
    assert sum(answer.quarter_turns != 0 for answer in answers) <= 1
    assert all(answer.animal is not None and answer.quality is not None for answer in answers)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_fluke_is_answered_upright_and_the_answer_says_so(
    identifier: Identifier, turns: int
) -> None:
    upright = [fluke(whale, 9) for whale in range(WHALES)]
    straight = identifier.identify(upright)
    lying = identifier.identify([rotate_image(one, 4 - turns) for one in upright])
    found = [answer.quarter_turns == turns for answer in lying]
    assert sum(found) >= 0.6 * WHALES
    for answer, other, is_found in zip(lying, straight, found, strict=True):
        if is_found and other.quarter_turns == 0:
            assert answer.decision == other.decision
            assert [match.individual for match in answer.matches] == [
                match.individual for match in other.matches
            ]
