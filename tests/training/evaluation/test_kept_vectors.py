"""An evaluation by vectors that are there already, and vectors that outlive a failed one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import training.evaluation.measure
from index.search.vectors import BadVectors
from tests.training.evaluation.test_measure import checkpoint, choices  # noqa: F401 (fixtures)
from training.evaluation.measure import EvaluationChoices, measure


def test_vectors_of_an_earlier_evaluation_give_the_same_report(
    choices: dict[str, Any],  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measure(EvaluationChoices(**choices), as_json=True)
    first = json.loads((choices["out"] / "report.json").read_text())
    vectors = choices["out"] / "vectors.npz"

    def refuse(*_: Any) -> None:
        raise AssertionError("embedded again")

    monkeypatch.setattr(training.evaluation.measure, "embed_photos", refuse)
    again = EvaluationChoices(**choices | {"out": tmp_path / "again", "vectors": vectors})
    measure(again, as_json=True)
    assert json.loads((tmp_path / "again" / "report.json").read_text()) == first
    with np.load(vectors) as stored:
        kept = {name: stored[name] for name in stored.files}
    # What `flukeprint embed` writes has no hashes: the pictures are read for them.
    np.savez(
        tmp_path / "embed.npz", **{name: kept[name] for name in kept if name != "perceptual_hash"}
    )
    embedded = choices | {"out": tmp_path / "third", "vectors": tmp_path / "embed.npz"}
    measure(EvaluationChoices(**embedded), as_json=True)
    assert json.loads((tmp_path / "third" / "report.json").read_text()) == first
    for changed, said in (
        ({"fingerprint": np.array("f" * 64)}, "made by checkpoint ffff"),
        (
            {name: kept[name][1:] for name in ("photo", "embedding", "perceptual_hash")},
            "lack 1 of the labelled",
        ),
        ({"perceptual_hash": kept["perceptual_hash"][1:]}, "perceptual hashes have the shape"),
    ):
        np.savez(tmp_path / "other.npz", **(kept | changed))
        with pytest.raises(BadVectors, match=said):
            measure(
                EvaluationChoices(**choices | {"vectors": tmp_path / "other.npz"}), as_json=True
            )
    (tmp_path / "none.npz").write_bytes(b"no zip")
    with pytest.raises(BadVectors, match="can't be read"):
        measure(EvaluationChoices(**choices | {"vectors": tmp_path / "none.npz"}), as_json=True)


def test_vectors_outlive_an_evaluation_that_fails_after_them(
    choices: dict[str, Any],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("out of disk")

    monkeypatch.setattr(training.evaluation.measure, "figures_of", fail)
    with pytest.raises(ValueError, match="out of disk"):
        measure(EvaluationChoices(**choices), as_json=True)
    assert (choices["out"] / "vectors.npz").exists()
