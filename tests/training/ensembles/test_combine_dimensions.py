"""training/ensembles/combine.py: members with fewer dimensions answer as before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from embedding.checkpoint import (
    LOCATOR_PREFIX,
    CheckpointHeader,
    load_weights,
    read_header,
    save_checkpoint,
)
from embedding.embedder import Embedder
from embedding.networks.locator import Locator
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import read_photo
from embedding.photos.preprocessing import FitRule, Preprocessing
from index.labels.reader import LabelledPhoto
from training.ensembles.combine import BadEnsemble, EnsembleOptions, combine
from training.ensembles.reduce_dimensions import BadDimensions


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


def photos_of(folder: Path, species: str, colour: tuple[int, int, int]) -> list[LabelledPhoto]:
    folder.mkdir()
    rng = np.random.default_rng(len(species))
    photos: list[LabelledPhoto] = []
    for at in range(24):
        path = folder / f"{at}.png"
        noise = rng.integers(0, 60, (32, 32, 3))
        Image.fromarray((np.array(colour) + noise).astype(np.uint8)).save(path)
        photos.append(
            LabelledPhoto(
                f"{species}/{at}.png", path, f"{species}/{at % 6}", species, None, None, None
            )
        )
    return photos


def test_an_ensemble_s_member_stays_as_it_is_at_its_dimensions(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    photos = photos_of(tmp_path / "m", "minke", (190, 10, 10))
    thin, again = tmp_path / "thin.safetensors", tmp_path / "again.safetensors"
    combine(paths, thin, "thin", EnsembleOptions(dimensions=[4], photos=photos))
    others = photos_of(tmp_path / "o", "orca", (10, 10, 190))
    combine(
        [Path(f"{thin}@2"), paths[0]],
        again,
        "again",
        EnsembleOptions(dimensions=[4, 3], photos=others),
    )
    before, after = load_weights(thin), load_weights(again)
    assert torch.equal(after["members.0.project.weight"], before["members.1.project.weight"])
    assert after["members.1.project.weight"].shape[0] == 3


def test_axes_of_two_looks_are_chosen_once(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    photos = photos_of(tmp_path / "m", "minke", (190, 10, 10))
    thin, again = tmp_path / "thin.safetensors", tmp_path / "again.safetensors"
    combine(
        paths,
        thin,
        "thin",
        EnsembleOptions(dimensions=[4], separate_mirrors=(1,), photos=photos),
    )
    combine(
        [Path(f"{thin}@1"), paths[1]],
        again,
        "again",
        EnsembleOptions(dimensions=[4, 5], photos=photos),
    )
    before, after = read_header(thin).network["members"], read_header(again).network["members"]
    assert after[0] == before[0]
    assert after[1]["embedding_dim"] == 5
    image = read_photo(photos[0].path)
    ours, theirs = (Embedder.load(path).embed([image])[0, :4] for path in (thin, again))
    assert ours @ theirs == pytest.approx(
        np.linalg.norm(ours) * np.linalg.norm(theirs), abs=1e-6
    )  # of one direction
    with pytest.raises(
        BadDimensions,
        match=r"thin.safetensors@1 was brought down to 4 dimensions before.*to 3; give 4",
    ):
        combine(
            [Path(f"{thin}@1"), paths[1]],
            tmp_path / "no.safetensors",
            "no",
            EnsembleOptions(dimensions=[3, 5], photos=photos),
        )


def test_fewer_dimensions_keep_the_cosines(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    photos = photos_of(tmp_path / "m", "minke", (190, 10, 10))
    images = [read_photo(photo.path) for photo in photos]
    combine(paths, tmp_path / "whole.safetensors", "whole")
    combine(
        paths,
        tmp_path / "same.safetensors",
        "same",
        EnsembleOptions(dimensions=[8], photos=photos),
    )
    combine(
        paths,
        tmp_path / "thin.safetensors",
        "thin",
        EnsembleOptions(dimensions=[3], photos=photos),
    )
    whole, same, thin = (
        Embedder.load(tmp_path / f"{name}.safetensors").embed(images)
        for name in ("whole", "same", "thin")
    )
    assert (whole.shape[1], same.shape[1], thin.shape[1]) == (16, 16, 6)
    assert np.allclose(same @ same.T, whole @ whole.T, atol=2e-3)
    assert np.allclose(thin @ thin.T, whole @ whole.T, atol=0.02)
    with pytest.raises(
        BadDimensions, match=r"9 dimensions of embeddings that have 8, .* allowed are 1 to 8"
    ):
        combine(
            paths,
            tmp_path / "no.safetensors",
            "no",
            EnsembleOptions(dimensions=[9], photos=photos),
        )


def test_each_member_has_dimensions_of_its_own(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    photos = photos_of(tmp_path / "m", "minke", (190, 10, 10))
    combine(
        paths,
        tmp_path / "each.safetensors",
        "each",
        EnsembleOptions(dimensions=[3, 5], photos=photos),
    )
    assert [
        one["embedding_dim"]
        for one in read_header(tmp_path / "each.safetensors").network["members"]
    ] == [3, 5]
    assert Embedder.load(tmp_path / "each.safetensors").embed(
        [read_photo(photos[0].path)]
    ).shape == (1, 8)
    with pytest.raises(
        BadEnsemble, match="--dimensions gives 3 numbers for 2 members; give one, or one for each"
    ):
        combine(
            paths,
            tmp_path / "no.safetensors",
            "no",
            EnsembleOptions(dimensions=[3, 5, 4], photos=photos),
        )
