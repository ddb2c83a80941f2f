from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from embedding.checkpoint import (
    BadCheckpoint,
    CheckpointHeader,
    fingerprint_of,
    load_weights,
    save_checkpoint,
)
from embedding.embedder import Embedder
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.preprocessing import Preprocessing
from training.classification.classifier import Classifier, add_classifier, read_classifier, softmax

At = Callable[..., np.ndarray]


def of(method: str, rows: np.ndarray, **changed: object) -> Classifier:
    plain = Classifier(
        ("cat", "dog"), "centres", rows, np.zeros(0, np.int64), np.zeros(2, np.float32)
    )
    return replace(plain, method=method, **changed)  # type: ignore[arg-type]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = Network(NetworkConfig("test_resnet", embedding_dim=4))
    header = CheckpointHeader(network.config.to_dict(), Preprocessing(32, 32), {"name": "small"})
    save_checkpoint(tmp_path / "c.safetensors", network.state_dict(), header)
    return tmp_path / "c.safetensors"


def test_centres_score_by_their_cosine(at: At) -> None:
    scores = of("centres", at(0, 90)).scores(at(60))
    assert scores == pytest.approx(np.array([[0.5, 3**0.5 / 2]]), abs=1e-6)


def test_the_nearest_photos_of_each_kind_score_by_their_mean_cosine(at: At) -> None:
    nearest = of("nearest", at(0, 60, 90), kinds=np.array([0, 0, 1]), neighbours=2)
    assert nearest.scores(at(0)) == pytest.approx(
        np.array([[0.75, 0.0]]), abs=1e-6
    )  # dog has one photo alone
    assert replace(nearest, neighbours=1).scores(at(0)) == pytest.approx(
        np.array([[1.0, 0.0]]), abs=1e-6
    )


def test_the_linear_head_adds_its_bias(at: At) -> None:
    linear = of("linear", 2 * at(0, 90), bias=np.array([0.0, 3.0], np.float32))
    assert linear.scores(at(0)) == pytest.approx(np.array([[2.0, 3.0]]), abs=1e-6)


def test_probabilities_sum_to_one_and_a_hotter_classifier_is_less_sure(at: At) -> None:
    cold, hot = (of("centres", at(0, 90), temperature=t).probabilities(at(0)) for t in (0.5, 5.0))
    assert cold == pytest.approx(np.array([[np.exp(2), 1]]) / (np.exp(2) + 1))
    assert hot.sum() == pytest.approx(1)
    assert cold[0, 0] > hot[0, 0] > 0.5


def test_softmax_of_great_scores_does_not_overflow() -> None:
    assert softmax(np.array([[1e4, 1e4]])) == pytest.approx(np.array([[0.5, 0.5]]))


def test_a_classifier_travels_in_its_checkpoint_and_leaves_the_embeddings_as_they_were(
    checkpoint: Path, at: At, rng: np.random.Generator
) -> None:
    pixels = rng.integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)
    before = Embedder.load(checkpoint).embed_pixels(pixels)
    rows = rng.normal(size=(2, 4)).astype(np.float16).astype(np.float32)
    given = of("linear", rows, bias=np.array([0.5, -0.25], np.float32), temperature=0.3)

    fingerprint = add_classifier(checkpoint, given)

    found = read_classifier(checkpoint)
    assert (found.names, found.method, found.temperature) == (("cat", "dog"), "linear", 0.3)
    assert np.array_equal(found.probabilities(before), given.probabilities(before))
    assert np.array_equal(Embedder.load(checkpoint).embed_pixels(pixels), before)
    assert fingerprint == fingerprint_of(checkpoint)
    add_classifier(
        checkpoint, of("nearest", rows[:2], kinds=np.array([0, 1]))
    )  # takes the other's place
    assert read_classifier(checkpoint).method == "nearest"
    assert sorted(name for name in load_weights(checkpoint) if name.startswith("classes.")) == [
        "classes.bias",
        "classes.kinds",
        "classes.rows",
    ]


def test_a_checkpoint_without_classes_is_refused_with_the_command_that_makes_one(
    checkpoint: Path,
) -> None:
    with pytest.raises(
        BadCheckpoint, match=r"knows no classes.*flukeprint train classify --csv LABELS.csv"
    ):
        read_classifier(checkpoint)


@pytest.mark.parametrize(
    "damaged",
    [
        {"method": "guess"},
        {"temperature": 0.0},
        {"bias": np.zeros(3, np.float32)},
        {"method": "nearest", "kinds": np.array([0, 0])},
    ],
)
def test_a_classifier_that_does_not_hold_together_is_refused(
    checkpoint: Path, at: At, damaged: dict[str, object]
) -> None:
    add_classifier(
        checkpoint,
        of("linear", at(0, 90), **damaged)
        if "method" not in damaged
        else of(rows=at(0, 90), **damaged),
    )
    with pytest.raises(BadCheckpoint, match="damaged classifier"):
        read_classifier(checkpoint)
