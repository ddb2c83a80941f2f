"""training/ensembles/combine.py: members named by FILE@2, exchanged, refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from embedding.checkpoint import (
    DEFAULT_CHECKPOINT,
    LOCATOR_PREFIX,
    BadCheckpoint,
    CheckpointHeader,
    load_weights,
    read_header,
    save_checkpoint,
)
from embedding.networks.locator import Locator
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.preprocessing import FitRule, Preprocessing
from training.classification.classifier import Classifier, add_classifier
from training.ensembles.combine import BadEnsemble, EnsembleOptions, combine


def member(
    path: Path, seed: int, *, width_px: int = 32, fit: FitRule = "squash", has_locator: bool = False
) -> Path:
    torch.manual_seed(seed)
    network = Network(NetworkConfig("test_resnet", 8))
    weights = dict(network.state_dict())
    if has_locator:
        weights |= {LOCATOR_PREFIX + name: value for name, value in Locator().state_dict().items()}
    card = {"name": f"seed {seed}", "photos": 5}
    header = CheckpointHeader(
        network.config.to_dict(), Preprocessing(width_px, 32, fit=fit), card, has_locator
    )
    save_checkpoint(path, weights, header)
    return path


def test_one_checkpoint_and_an_ensemble_are_refused(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    with pytest.raises(BadEnsemble, match="two or more"):
        combine(paths[:1], tmp_path / "both.safetensors", "both")
    combine(paths, tmp_path / "both.safetensors", "both")
    with pytest.raises(
        BadEnsemble, match=r"an ensemble already; .*: .*both.safetensors@1 to .*both.safetensors@2"
    ):
        combine([paths[0], tmp_path / "both.safetensors"], tmp_path / "more.safetensors", "more")


def test_an_ensemble_s_member_is_exchanged(tmp_path: Path) -> None:
    paths = [member(tmp_path / "1.safetensors", 1, has_locator=True)]
    paths += [member(tmp_path / f"{seed}.safetensors", seed, width_px=48) for seed in (2, 3)]
    both, exchanged, anew = (
        tmp_path / f"{name}.safetensors" for name in ("both", "exchanged", "anew")
    )
    combine(paths[:2], both, "both")
    combine([Path(f"{both}@1"), paths[2]], exchanged, "exchanged")
    combine([paths[0], paths[2]], anew, "exchanged")
    assert (
        exchanged.read_bytes() == anew.read_bytes()
    )  # weights, sizes, card and locator are those of the first
    combine(
        [Path(f"{both}@2"), paths[0]],
        exchanged,
        "exchanged",
        EnsembleOptions(locator=Path(f"{both}@2")),
    )
    combine([paths[1], paths[0]], anew, "exchanged", EnsembleOptions(locator=paths[0]))
    assert exchanged.read_bytes() == anew.read_bytes()
    named = tmp_path / "odd@2"
    paths[0].rename(named)
    combine([named, paths[2]], exchanged, "exchanged")  # a file of that very name is itself
    assert [one["name"] for one in read_header(exchanged).card["members"]] == ["seed 1", "seed 3"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("both.safetensors@3", r"member 3 was asked for; it has members 1 to 2"),
        (
            "1.safetensors@1",
            r"member 1 was asked for; it has no members; give the file without a number",
        ),
        ("absent.safetensors@1", r"there is no checkpoint at .*absent.safetensors;"),
        (
            "both.safetensors@x",
            r"@x: there is no such file, and 'x' is no member's number; give FILE@2",
        ),
        (
            "both.safetensors@0",
            r"both.safetensors@0: there is no such file, and '0' is no member's number",
        ),
        (
            "both.safetensors@",
            r"both.safetensors@: there is no such file, and '' is no member's number",
        ),
        ("both.safetensors@1234567", r"no such file, and '1234567' is no member's number"),
    ],
)
def test_a_member_that_is_none_is_refused(given: str, told: str, tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    combine(paths, tmp_path / "both.safetensors", "both")
    with pytest.raises((BadCheckpoint, BadEnsemble), match=told):
        combine([tmp_path / given, paths[0]], tmp_path / "no.safetensors", "no")
    assert not (tmp_path / "no.safetensors").exists()


def test_the_shipped_checkpoint_is_named_default(tmp_path: Path) -> None:
    out = tmp_path / "heads.safetensors"
    combine(
        [Path("default@3"), Path("default@4")],
        out,
        "heads",
        EnsembleOptions(locator=Path("default"), dimensions=[]),
    )
    header, shipped = read_header(out), read_header(DEFAULT_CHECKPOINT)
    kept = ("backbone", "embedding_dim", "mirror_fusion", "odd_dims", "mirror")
    for one, own in zip(header.network["members"], shipped.network["members"][2:4], strict=True):
        assert {name: one[name] for name in kept} == {name: own[name] for name in kept}
    weights, whole = load_weights(out), load_weights(DEFAULT_CHECKPOINT)
    assert torch.equal(weights["members.1.project.weight"], whole["members.3.project.weight"])
    assert torch.equal(
        weights[f"{LOCATOR_PREFIX}last.weight"], whole[f"{LOCATOR_PREFIX}last.weight"]
    )
    assert (header.preprocessing.width_px, header.preprocessing.height_px) == (192, 136)


def test_a_member_s_classes_stay_behind(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    combine(paths, tmp_path / "plain.safetensors", "both")
    rows, none = np.eye(2, 8, dtype=np.float32), np.zeros(2, np.float32)
    add_classifier(
        paths[0], Classifier(("cat", "dog"), "centres", rows, np.zeros(0, np.int64), none)
    )
    combine(paths, tmp_path / "both.safetensors", "both")
    assert (tmp_path / "both.safetensors").read_bytes() == (
        tmp_path / "plain.safetensors"
    ).read_bytes()
