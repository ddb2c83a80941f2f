"""training/ensembles/combine.py: members of one input become one checkpoint that answers with the
mean of theirs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from embedding.checkpoint import (
    LOCATOR_PREFIX,
    CheckpointHeader,
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
from training.ensembles.fit_gate import BadExperts


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


def test_an_ensemble_s_cosines_are_the_mean_of_its_members_(tmp_path: Path) -> None:
    """To the flip: an embedding is made of a photo and its mirror image, whose lengths differ by
    member.
    """
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    combine(paths, tmp_path / "both.safetensors", "both")
    pixels = np.random.default_rng(3).integers(0, 256, (4, 32, 32, 3), np.uint8)
    pixels = np.concatenate([pixels, pixels[:, :, ::-1]], axis=2)  # their own mirror images
    pixels = np.ascontiguousarray(pixels[:, :, 16:48])
    apart = [Embedder.load(path).embed_pixels(pixels) for path in paths]
    together = Embedder.load(tmp_path / "both.safetensors").embed_pixels(pixels)
    mean = np.mean([vectors @ vectors.T for vectors in apart], axis=0)
    assert together.shape == (4, 16)
    assert np.allclose(together @ together.T, mean, atol=2e-3)


def test_the_card_keeps_the_members_and_the_first_s_locator_is_taken(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed, has_locator=True) for seed in (1, 2)]
    fingerprint = combine(paths, tmp_path / "both.safetensors", "both")
    header = read_header(tmp_path / "both.safetensors")
    assert header.card["name"] == "both"
    assert [one["name"] for one in header.card["members"]] == ["seed 1", "seed 2"]
    assert header.card["photos"] == 5
    found, first = Embedder.load(tmp_path / "both.safetensors"), Embedder.load(paths[0])
    assert found.fingerprint == fingerprint
    assert found.locator is not None
    assert first.locator is not None
    for name, value in first.locator.state_dict().items():
        assert torch.equal(found.locator.state_dict()[name], value)


def test_members_of_another_size_scale_what_the_largest_sees(tmp_path: Path) -> None:
    paths = [
        member(tmp_path / "a.safetensors", 1),
        member(tmp_path / "b.safetensors", 2, width_px=48),
    ]
    combine(paths, tmp_path / "both.safetensors", "both")
    header = read_header(tmp_path / "both.safetensors")
    assert header.preprocessing.width_px == 48
    assert [one.get("input_px") for one in header.network["members"]] == [[32, 32], None]
    pixels = np.full((1, 32, 48, 3), 77, np.uint8)  # of one colour, so that scaling changes nothing
    both = Embedder.load(tmp_path / "both.safetensors").embed_pixels(pixels)[0]
    alone = [
        Embedder.load(path).embed_pixels(pixels[:, :, :width])[0]
        for path, width in zip(paths, (32, 48), strict=True)
    ]
    assert np.allclose(both, np.concatenate(alone) / np.sqrt(2), atol=1e-3)


def test_inputs_that_differ_in_more_than_size_are_refused(tmp_path: Path) -> None:
    paths = [
        member(tmp_path / "a.safetensors", 1),
        member(tmp_path / "b.safetensors", 2, fit="pad"),
    ]
    with pytest.raises(
        BadEnsemble, match=r"\.safetensors takes another input .* only width_px and height_px"
    ):
        combine(paths, tmp_path / "both.safetensors", "both")
    assert not (tmp_path / "both.safetensors").exists()


def test_a_named_locator_is_taken(tmp_path: Path) -> None:
    paths = [
        member(tmp_path / f"{seed}.safetensors", seed, has_locator=seed > 1) for seed in (1, 2, 3)
    ]
    combine(paths[:2], tmp_path / "both.safetensors", "both", EnsembleOptions(locator=paths[2]))
    found, wanted = (
        Embedder.load(tmp_path / "both.safetensors").locator,
        Embedder.load(paths[2]).locator,
    )
    assert found is not None
    assert wanted is not None
    assert torch.equal(found.state_dict()["last.weight"], wanted.state_dict()["last.weight"])
    with pytest.raises(BadEnsemble, match=r"1\.safetensors has no locator"):
        combine(
            paths[:2],
            tmp_path / "both.safetensors",
            "both",
            EnsembleOptions(locator=paths[0]),
        )


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


def test_experts_answer_for_their_species(tmp_path: Path) -> None:
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    photos = [
        *photos_of(tmp_path / "m", "minke", (190, 10, 10)),
        *photos_of(tmp_path / "o", "orca", (10, 10, 190)),
    ]
    out = tmp_path / "both.safetensors"
    combine(paths, out, "both", EnsembleOptions(experts={"orca": [2]}, photos=photos))
    header = read_header(out)
    assert header.network["gate"]["shares"] == {"minke": [0.5, 0.5], "orca": [0.0, 1.0]}
    assert header.card["gate_finds"] == {"minke": 1.0, "orca": 1.0}
    embedder = Embedder.load(out)
    minke, orca = embedder.embed([read_photo(photos[0].path), read_photo(photos[-1].path)])
    assert np.linalg.norm(minke[:8]) == pytest.approx(0.5**0.5, abs=0.02)
    assert np.linalg.norm(orca[:8]) < 0.1
    assert (
        header.network["gate"]["looks"] == 1
    )  # the second answers for more than the first: it isn't asked whose a photo is
    combine(
        [*paths, paths[0]],
        tmp_path / "three.safetensors",
        "three",
        EnsembleOptions(experts={"minke": [1, 2], "orca": [3]}, photos=photos),
    )
    assert read_header(tmp_path / "three.safetensors").network["gate"]["looks"] == 2
    for experts, said in [
        (
            {"beluga": [1]},
            "--expert names 'beluga', of which no photo was given; the species are minke, orca",
        ),
        ({"orca": [3]}, r"the experts for orca are \[3\]; the members are 1 to 2"),
    ]:
        with pytest.raises(BadExperts, match=said):
            combine(
                paths,
                tmp_path / "no.safetensors",
                "no",
                EnsembleOptions(experts=experts, photos=photos),
            )
    assert not (tmp_path / "no.safetensors").exists()


def test_members_told_to_keep_mirror_images_apart_do(tmp_path: Path) -> None:
    """At full width exactly; brought down, by the longest axes of the looks' sums and of their
    differences.
    """
    paths = [member(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]
    photos = photos_of(tmp_path / "m", "minke", (190, 10, 10))
    pixels = np.random.default_rng(3).integers(0, 256, (6, 32, 32, 3), np.uint8)
    cosines: dict[str, np.ndarray] = {}
    for name, dimensions, apart in [
        ("whole", (), (1, 2)),
        ("all", [16], (1, 2)),
        ("one", [8], (2,)),
        ("few", [2], (1, 2)),
    ]:
        out = tmp_path / f"{name}.safetensors"
        combine(
            paths,
            out,
            name,
            EnsembleOptions(
                dimensions=dimensions, separate_mirrors=apart, photos=photos if dimensions else ()
            ),
        )
        members = read_header(out).network["members"]
        assert [one.get("mirror_fusion", "sum") for one in members] == [
            "separate" if at in apart else "sum" for at in (1, 2)
        ]
        assert [("odd_dims" in one) for one in members] == [
            bool(dimensions) and at in apart for at in (1, 2)
        ]
        embedder = Embedder.load(out)
        vectors = embedder.embed_pixels(pixels)
        assert vectors.shape == (6, embedder.dimension) == (6, 2 * (dimensions or [16])[0])
        cosines[name] = vectors @ vectors.T
    looks: list[np.ndarray] = []
    for path in paths:
        network = Embedder.load(path).network
        with torch.no_grad():
            images = ((torch.from_numpy(pixels).float() / 255 - 0.5) / 0.5).permute(0, 3, 1, 2)
            for side in (images, images.flip(3)):
                unit = torch.nn.functional.normalize(network(side))
                looks.append((unit @ unit.T).numpy())
    assert np.allclose(cosines["whole"], np.mean(looks, axis=0), atol=2e-3)
    assert np.allclose(
        cosines["all"], cosines["whole"], atol=2e-3
    )  # eight even axes and eight odd ones are all
    assert [
        one.get("odd_dims") for one in read_header(tmp_path / "all.safetensors").network["members"]
    ] == [8, 8]
    assert np.abs(cosines["few"] - cosines["whole"]).max() > 2e-3
    # Experts' gate goes by one look, however many numbers an embedding has.
    photos = [*photos, *photos_of(tmp_path / "o", "orca", (10, 10, 190))]
    out = tmp_path / "experts.safetensors"
    combine(
        paths,
        out,
        "experts",
        EnsembleOptions(experts={"orca": [2]}, separate_mirrors=(1, 2), photos=photos),
    )
    embedder = Embedder.load(out)
    minke, orca = embedder.embed([read_photo(photos[0].path), read_photo(photos[-1].path)])
    assert minke.shape == (32,)
    assert np.linalg.norm(minke[:16]) == pytest.approx(0.5**0.5, abs=0.02)
    assert np.linalg.norm(orca[:16]) < 0.1
    with pytest.raises(BadEnsemble, match=r"--apart \[3\]; the members are 1 to 2"):
        combine(paths, tmp_path / "no.safetensors", "no", EnsembleOptions(separate_mirrors=[3]))
    assert not (tmp_path / "no.safetensors").exists()
