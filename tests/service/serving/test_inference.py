"""What the one inference thread does with a batch: one pass for all photos, each in its own
words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedding.photos.photo import Box
from index.search.matching import BadQuery
from service.serving.inference import IdentifyOptions, InferenceRequest, InferenceResult, answer_all


def image(degrees: int) -> Image.Image:
    return Image.new("RGB", (4, 4), (degrees, 0, 0))


def test_photos_asked_about_in_different_words_pass_the_network_once(
    serving: Any, embedder: Any, at: Callable[..., np.ndarray]
) -> None:
    identifier = serving.identifier
    answers = answer_all(
        [
            InferenceRequest(identifier, image(0), IdentifyOptions(1)),
            InferenceRequest(identifier, image(60)),
            InferenceRequest(identifier, image(90), IdentifyOptions(2, threshold=0.2)),
            InferenceRequest(identifier, image(30), IdentifyOptions(1)),
        ]
    )
    assert embedder.batch_sizes == [4]
    assert all(isinstance(answer, InferenceResult) for answer in answers)
    np.testing.assert_array_equal(
        np.stack([answer.vector for answer in answers]), at(0, 60, 90, 30)
    )
    found = [answer.identification for answer in answers]
    assert found[1] is None
    assert [[match.individual for match in each.matches] for each in found if each] == [
        ["w_0"],
        ["w_90", "w_30"],
        ["w_30"],
    ]
    assert found[2].thresholds.new_whale == 0.2


def test_every_photo_is_compared_with_its_own_part_of_the_catalogue(
    serving: Any, embedder: Any
) -> None:
    narrowed = type(serving.identifier)(
        embedder,
        serving.identifier.gallery.select(np.array([False, True, True])),
        serving.identifier.calibration,
    )
    answers = answer_all(
        [
            InferenceRequest(each, image(1), IdentifyOptions(1))
            for each in (serving.identifier, narrowed)
        ]
    )
    assert [answer.identification.matches[0].individual for answer in answers] == ["w_0", "w_30"]
    assert embedder.batch_sizes == [2]


def test_a_wish_that_cannot_be_met_raises(serving: Any) -> None:
    with pytest.raises(BadQuery, match="k is 0"):
        answer_all([InferenceRequest(serving.identifier, image(1), IdentifyOptions(0))])


def test_no_questions_have_no_answers() -> None:
    assert answer_all([]) == []


def test_an_embedder_that_finds_the_fluke_says_where_and_looks_there(
    serving: Any, embedder: Any
) -> None:
    seen: list[object] = []
    box = Box(0.1, 0.2, 0.3, 0.4)
    embed = embedder.embed
    embedder.located = lambda images, boxes: [box if given is None else given for given in boxes]
    embedder.embed = lambda images, boxes=None: [seen.append(boxes), embed(images, boxes)][1]
    (answer,) = answer_all([InferenceRequest(serving.identifier, image(30))])
    assert isinstance(answer, InferenceResult)
    assert (answer.box, seen) == (box, [[box]])
