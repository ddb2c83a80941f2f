"""training/evaluation/measure.py: from a checkpoint and labelled photos to report, pictures and the
scorer's files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from embedding.checkpoint import CheckpointHeader, fingerprint_of, save_checkpoint
from embedding.embedder import Embedder
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import BadPhoto, read_photo
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from index.search.matching import BadQuery
from training.evaluation import measure as measure_module
from training.evaluation.measure import EvaluationChoices, measure
from training.splits.protocol import BadSplit, Split, make_split, write_split


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network: enough to tell striped whales apart now and then."""
    torch.manual_seed(2)
    network = Network(NetworkConfig("test_resnet", embedding_dim=16))
    path = tmp_path_factory.mktemp("checkpoint") / "untrained.safetensors"
    header = CheckpointHeader(
        network.config.to_dict(), Preprocessing(32, 32), {"name": "untrained"}
    )
    save_checkpoint(path, network.state_dict(), header)
    return path


@pytest.fixture
def choices(whale_folder: Path, checkpoint: Path, tmp_path: Path) -> dict[str, Any]:
    return {
        "csv": whale_folder / "labels.csv",
        "photos": whale_folder,
        "out": tmp_path / "out",
        "checkpoint": checkpoint,
        "split": None,
        "seed": 0,
        "score": "nearest",
        "with_boxes": True,
    }


def test_an_evaluation_leaves_what_it_promises(
    choices: dict[str, Any], checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measure(EvaluationChoices(**choices), as_json=True)
    names = {path.name for path in choices["out"].iterdir()}
    wanted = {
        "report.json",
        "det.png",
        "cmc.png",
        "vectors.npz",
        "gallery.csv",
        "queries.csv",
        "disjoint.csv",
    }
    wanted |= {"misses.csv", "failures.md", "disjoint"}
    assert wanted <= names <= wanted | {"hits.png", "misses.png"}
    assert {path.name for path in (choices["out"] / "disjoint").iterdir()} == {
        "misses.csv",
        "failures.md",
    }
    report = json.loads((choices["out"] / "report.json").read_text())
    assert json.loads(capsys.readouterr().out) == report
    assert report["checkpoint"] == {
        "file": "untrained.safetensors",
        "name": "untrained",
        "sha256": fingerprint_of(checkpoint),
    }
    assert report["split"]["seed"] == 0 and report["known"]["queries"] > 5


def test_every_miss_is_drawn_when_asked_for(choices: dict[str, Any], tmp_path: Path) -> None:
    header, *rows = choices["csv"].read_text().splitlines()
    names, labels = zip(*(row.split(",") for row in rows), strict=True)
    # Everybody's photos change hands, so that the nearest is seldom the right one.
    wrong = [
        f"{name},{label}"
        for name, label in zip(names, (*labels[7::2], *labels[:7], *labels[8::2]), strict=True)
    ]
    choices["csv"] = tmp_path / "wrong.csv"
    choices["csv"].write_text("\n".join([header, *wrong]))
    measure(EvaluationChoices(**choices, draws_every_miss=True), as_json=False)
    missed: list[int] = []
    for folder in (choices["out"], choices["out"] / "disjoint"):
        missed.append(len((folder / "misses.csv").read_text().splitlines()) - 1)
        assert len(list(folder.glob("misses-*.png"))) == -(-missed[-1] // 20)
    assert sum(missed) > 0


def test_vectors_are_the_embedder_s_in_the_order_of_names(
    choices: dict[str, Any], checkpoint: Path, whales: list[LabelledPhoto]
) -> None:
    measure(EvaluationChoices(**choices), as_json=True)
    stored = np.load(choices["out"] / "vectors.npz", allow_pickle=False)
    assert stored["photo"].tolist() == [photo.name for photo in whales]
    embedder = Embedder.load(checkpoint, device="cpu")
    wanted = embedder.embed([read_photo(photo.path) for photo in whales[:5]])
    np.testing.assert_allclose(stored["embedding"][:5], wanted, atol=1e-5)


def test_without_json_a_table_is_printed(
    choices: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    measure(EvaluationChoices(**choices), as_json=False)
    said = capsys.readouterr().out
    # A long path wraps the table's title.
    assert (
        "82 photos" in " ".join(said.split())
        and "top1" in said
        and str(choices["out"]) in said.replace("\n", "")
    )


def test_a_run_s_split_is_taken_and_must_fit(
    choices: dict[str, Any], whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    write_split(make_split(whales, 9), tmp_path / "split.csv")
    choices |= {"split": tmp_path / "split.csv"}
    measure(EvaluationChoices(**choices), as_json=True)
    queries = {
        line.split(",")[0] for line in (choices["out"] / "queries.csv").read_text().splitlines()[1:]
    }
    assert queries == set(make_split(whales, 9).names("known_query", "unknown_query"))
    assert json.loads((choices["out"] / "report.json").read_text())["split"]["seed"] is None
    write_split(make_split(whales[:-1], 9), tmp_path / "split.csv")
    with pytest.raises(BadSplit, match="no role for 1"):
        measure(EvaluationChoices(**choices), as_json=True)


def test_the_shipped_checkpoint_is_the_default(
    choices: dict[str, Any], checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure_module, "DEFAULT_CHECKPOINT", checkpoint)
    measure(EvaluationChoices(**{**choices, "checkpoint": None}), as_json=True)
    report = json.loads((choices["out"] / "report.json").read_text())
    assert report["checkpoint"]["sha256"] == fingerprint_of(checkpoint)


def test_another_score_is_measured_or_refused(choices: dict[str, Any]) -> None:
    measure(EvaluationChoices(**{**choices, "score": "blend"}), as_json=True)
    assert json.loads((choices["out"] / "report.json").read_text())["split"]["score"] == "blend"
    with pytest.raises(BadQuery, match="score 'best'; allowed are nearest, centre, blend"):
        measure(EvaluationChoices(**{**choices, "score": "best"}), as_json=True)


def test_a_comparison_is_added_to_the_report(choices: dict[str, Any]) -> None:
    measure(EvaluationChoices(**choices, compares=True), as_json=True)
    report = json.loads((choices["out"] / "report.json").read_text())
    assert {"scores", "fusion", "open_set", "growth", "abundance"} <= set(report)
    assert report["scores"]["nearest"]["known"]["top1"] == report["known"]["top1"]
    assert report["open_set"]["distance"]["auroc"] == report["open"]["auroc"]
    page = (choices["out"] / "compare.md").read_text()
    assert page.startswith(f"# Ways to answer, compared on {choices['photos'].name}\n")
    assert (choices["out"] / "growth.png").exists()


def test_promises_are_added_to_the_report(
    choices: dict[str, Any], whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    measure(EvaluationChoices(**choices, checks_promises=True), as_json=True)
    found = json.loads((choices["out"] / "report.json").read_text())["promises"]
    sections = {"rates", "small", "shares", "bursts", "encounters", "species"}
    assert set(found) == {"seed", *sections} and found["seed"] == 0
    assert found["rates"][0]["individuals"] > 3
    page = (choices["out"] / "promises.md").read_text()
    name = choices["photos"].name
    assert page.startswith(f"# Promises and what came of them, measured on {name}\n")
    assert (choices["out"] / "promises.png").exists()
    assert any(row["absent"] is not None for row in found["rates"])
    # By a split, what was learned is no query: of animals that were all learned none is absent.
    roles = make_split(whales, 9).roles
    learned = {name: "fit" if role == "disjoint" else role for name, role in roles.items()}
    write_split(Split(learned), tmp_path / "split.csv")
    choices |= {"split": tmp_path / "split.csv", "out": tmp_path / "learned"}
    measure(EvaluationChoices(**choices, checks_promises=True), as_json=True)
    found = json.loads((choices["out"] / "report.json").read_text())["promises"]
    assert {row["absent"] for row in found["rates"]} == {None}
    assert any(row["new_whales"] is not None for row in found["rates"])


def test_one_unreadable_photo_ends_an_evaluation(
    choices: dict[str, Any], whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for photo in whales:
        (folder / photo.name).write_bytes(
            photo.path.read_bytes() if photo.name != "w05_1.png" else b""
        )
    with pytest.raises(BadPhoto, match=r"w05_1\.png.*Mend the photo, or take its row out"):
        measure(EvaluationChoices(**{**choices, "photos": folder}), as_json=True)
    assert not choices["out"].exists()
