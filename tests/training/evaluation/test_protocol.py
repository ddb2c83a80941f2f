"""training/evaluation/protocol.py: the protocol's answers against brute force on whales at known
angles.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from embedding.embedder import Embedder
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from training.evaluation import protocol
from training.evaluation.metrics import auroc
from training.evaluation.protocol import answers_of, embed_rows, validation_metrics
from training.splits.protocol import Role, Split, make_split

At = Callable[..., np.ndarray]

# name: individual, angle, role. The query of b lies nearer to a; the disjoint pair d lies beyond e.
WHALES: dict[str, tuple[str | None, float, Role]] = {
    "a1": ("a", 0, "fit"),
    "a2": ("a", 20, "fit"),
    "a3": ("a", 10, "known_query"),
    "b1": ("b", 60, "fit"),
    "b2": ("b", 80, "fit"),
    "b3": ("b", 31, "known_query"),
    "d1": ("d", 120, "disjoint"),
    "d2": ("d", 150, "disjoint"),
    "e1": ("e", 136, "disjoint"),
    "n1": (None, 130, "unknown_query"),
    "n2": (None, 180, "unknown_query"),
    "n3": (None, 5, "fit"),
}
PHOTOS = [
    LabelledPhoto(name, Path(name), individual) for name, (individual, _, _) in WHALES.items()
]
SPLIT = Split({name: role for name, (_, _, role) in WHALES.items()})


def far(degrees: float) -> float:
    return 1 - float(np.cos(np.radians(degrees)))


@pytest.fixture
def vectors(at: At) -> np.ndarray:
    return at(*(degrees for _, degrees, _ in WHALES.values()))


def test_the_gallery_holds_labelled_photos_that_are_no_query(vectors: np.ndarray) -> None:
    gallery = answers_of(vectors, PHOTOS, SPLIT).gallery
    assert gallery.photo_names == ["a1", "a2", "b1", "b2", "d1", "d2", "e1"]


def test_known_queries_are_ranked_among_all_individuals(vectors: np.ndarray) -> None:
    answers = answers_of(vectors, PHOTOS, SPLIT)
    assert [photo.name for photo in answers.known_photos] == ["a3", "b3"]
    assert answers.known_ranks.tolist() == [1, 2]
    np.testing.assert_allclose(answers.known_distances, [far(10), far(11)], atol=1e-6)
    np.testing.assert_array_equal(answers.known_vectors, vectors[[2, 5]])


def test_another_score_is_another_answer(vectors: np.ndarray) -> None:
    by_centre = answers_of(vectors, PHOTOS, SPLIT, "centre")  # centres: a at 10, b at 70
    np.testing.assert_allclose(by_centre.known_distances, [far(0), far(21)], atol=1e-6)


def test_unknown_queries_have_the_distance_of_their_nearest(vectors: np.ndarray) -> None:
    answers = answers_of(vectors, PHOTOS, SPLIT)
    assert [photo.name for photo in answers.unknown_photos] == ["n1", "n2"]
    np.testing.assert_allclose(
        answers.unknown_distances, [far(6), far(30)], atol=1e-6
    )  # e1 at 136, d2 at 150


def test_disjoint_photos_are_found_among_the_disjoint_alone(vectors: np.ndarray) -> None:
    answers = answers_of(vectors, PHOTOS, SPLIT)
    # d1: e1 at 16 degrees before d2 at 30. d2: e1 at 14 before d1. e has one photo, and is no
    # query.
    assert answers.disjoint_individuals == ["d", "d"] and answers.disjoint_ranks.tolist() == [2, 2]


def test_disjoint_photos_are_found_among_everybody(vectors: np.ndarray) -> None:
    """With b beside d, d1 has e1 and b2 before d2; d2 has e1 before d1."""
    moved = vectors.copy()
    moved[list(WHALES).index("b2")] = vectors[list(WHALES).index("e1")]
    answers = answers_of(moved, PHOTOS, SPLIT)
    assert answers.disjoint_ranks.tolist() == [2, 2]
    assert answers.big_gallery_ranks.tolist() == [3, 3]
    assert answers_of(vectors, PHOTOS, SPLIT).big_gallery_ranks.tolist() == [2, 2]


def test_validation_compares_no_query_with_its_own_encounter(vectors: np.ndarray) -> None:
    """b3 is found by b1, of its own encounter; by b2 alone it is not."""
    moved = vectors.copy()
    moved[list(WHALES).index("b1")] = vectors[list(WHALES).index("b3")]
    assert validation_metrics(moved, PHOTOS, SPLIT)["known_top1"] == 1.0
    met = [
        dataclasses.replace(photo, encounter="e1") if photo.name in ("b1", "b3") else photo
        for photo in PHOTOS
    ]
    assert validation_metrics(moved, met, SPLIT)["known_top1"] == 0.5


def test_no_query_is_compared_with_photos_of_its_own_burst(vectors: np.ndarray) -> None:
    """a3 was taken with a1, b3 with both other photos of b, and d1 with d2."""
    together = {"a3": "a1", "b3": "b1", "b2": "b1", "d2": "d1"}
    names = list(WHALES)
    bursts = np.array([names.index(together.get(name, name)) for name in names])
    answers = answers_of(vectors, PHOTOS, SPLIT, bursts=bursts)
    assert answers.gallery.photo_names == ["a2", "d1", "d2", "e1"]
    # b was met once: nothing is left of it to find.
    assert [photo.name for photo in answers.known_photos] == ["a3"]
    assert answers.disjoint_individuals == []
    apart = answers_of(vectors, PHOTOS, SPLIT, bursts=np.arange(len(names)))
    assert (
        apart.disjoint_ranks.tolist() == answers_of(vectors, PHOTOS, SPLIT).disjoint_ranks.tolist()
    )
    assert len(apart.known_photos) == 2


def test_answers_are_those_of_brute_force(rng: np.random.Generator) -> None:
    photos = [
        LabelledPhoto(f"{at:03}", Path("x"), f"w{at % 23}" if at % 9 else None) for at in range(230)
    ]
    split = make_split(photos, 3)
    vectors = rng.normal(size=(230, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    answers = answers_of(vectors, photos, split)
    row = {photo.name: at for at, photo in enumerate(photos)}
    gallery = [p for p in photos if p.individual and split.roles[p.name] in ("fit", "disjoint")]
    for query, rank, distance in zip(
        answers.known_photos, answers.known_ranks, answers.known_distances, strict=True
    ):
        nearest: dict[str, float] = {}
        for photo in gallery:
            between = 1 - float(
                vectors[row[query.name]].astype(float) @ vectors[row[photo.name]].astype(float)
            )
            nearest[photo.individual or ""] = min(nearest.get(photo.individual or "", 9.0), between)
        ordered = sorted(nearest, key=lambda one: (nearest[one], one))
        assert ordered.index(query.individual or "") + 1 == rank
        assert nearest[ordered[0]] == pytest.approx(distance, abs=1e-6)
    assert len(answers.known_ranks) == len(split.names("known_query")) > 10
    assert len(answers.unknown_distances) == len(split.names("unknown_query")) == 8


def test_the_validation_score_is_the_mean_of_what_can_be_measured(vectors: np.ndarray) -> None:
    found = validation_metrics(vectors, PHOTOS, SPLIT)
    # Known ranks 1 and 2: MAP@5 .75. Disjoint ranks 2 and 2: .5. Known at 10 and 11 degrees,
    # unknown at 6 and 30.
    assert found == pytest.approx(
        {"score": (0.75 + 0.5 + 0.5) / 3, "known_top1": 0.5, "known_map5": 0.75}
        | {
            "disjoint_top1": 0.0,
            "disjoint_map5": 0.5,
            "auroc": auroc(np.array([10.0, 11.0]), np.array([6.0, 30.0])),
        }
    )


@pytest.mark.parametrize(
    ("roles", "measured"),
    [
        ({"known_query": "fit"}, {"score", "disjoint_top1", "disjoint_map5"}),
        ({"disjoint": "fit"}, {"score", "known_top1", "known_map5", "auroc"}),
        ({"unknown_query": "fit", "disjoint": "fit"}, {"score", "known_top1", "known_map5"}),
        ({"known_query": "fit", "unknown_query": "fit", "disjoint": "fit"}, {"score"}),
    ],
)
def test_what_cannot_be_measured_is_left_out(
    roles: dict[Role, Role], measured: set[str], vectors: np.ndarray
) -> None:
    split = Split({name: roles.get(role, role) for name, role in SPLIT.roles.items()})
    found = validation_metrics(vectors, PHOTOS, split)
    assert set(found) == measured
    values = [found[name] for name in ("known_map5", "disjoint_map5", "auroc") if name in found]
    assert found["score"] == pytest.approx(np.mean(values) if values else 0.0)


def test_rows_are_embedded_in_parts_as_they_are_together(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network = Network(NetworkConfig("test_resnet", embedding_dim=4))
    embedder = Embedder(network, Preprocessing(16, 16), "", device="cpu")
    pixels = rng.integers(0, 256, (7, 16, 16, 3), dtype=np.uint8)
    monkeypatch.setattr(protocol, "_ROWS_AT_ONCE", 3)
    np.testing.assert_allclose(
        embed_rows(embedder, pixels), embedder.embed_pixels(pixels), atol=1e-5
    )
