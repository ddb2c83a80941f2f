"""embedding/networks/network.py: GeM against its formula, timm behind its door, and weights that
fit or are refused.
"""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from embedding.networks.backbone import BadNetwork, load_backbone_weights, thin_strides
from embedding.networks.mirror import Mirror
from embedding.networks.network import Network, NetworkConfig
from embedding.networks.pooling import GeneralizedMean, Vlad

TINY = NetworkConfig("test_resnet", embedding_dim=8)


def backbone_weights(
    seed: int, name: str = "test_resnet", classes: int = 10
) -> dict[str, torch.Tensor]:
    """A timm state dict, classifier and all, as a user has one lying about."""
    torch.manual_seed(seed)
    return timm.create_model(name, num_classes=classes).state_dict()


@pytest.mark.parametrize("p", [1.0, 3.0, 5.5])
def test_gem_is_the_power_mean_of_each_map(p: float, rng: np.random.Generator) -> None:
    maps = rng.random((2, 4, 3, 5)).astype(np.float32)
    naive = [[sum(float(v) ** p for v in one.flat) / one.size for one in photo] for photo in maps]
    pooled = GeneralizedMean(p)(torch.from_numpy(maps)).detach().numpy()
    np.testing.assert_allclose(pooled, np.array(naive) ** (1 / p), rtol=1e-5)


def test_gem_of_nothing_but_zeros_has_a_gradient() -> None:
    maps = torch.zeros(1, 2, 3, 3, requires_grad=True)
    pool = GeneralizedMean()
    pool(maps).sum().backward()
    assert maps.grad is not None and bool(torch.isfinite(maps.grad).all())
    assert pool.p.grad is not None and bool(torch.isfinite(pool.p.grad))


def test_gem_learns_its_power() -> None:
    pool = GeneralizedMean()
    pool(torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))).sum().backward()
    assert pool.p.grad is not None and float(pool.p.grad) > 0  # a higher power never lowers a mean


def test_embeddings_have_the_dimension_asked_for() -> None:
    network = Network(TINY).eval()
    assert network(torch.zeros(3, 3, 32, 48)).shape == (3, 8)
    assert network.dimension == 8


def test_no_dimension_leaves_the_pooled_features_as_they_are(rng: np.random.Generator) -> None:
    network = Network(NetworkConfig("test_resnet", embedding_dim=0, pooling="average")).eval()
    images = torch.from_numpy(rng.random((2, 3, 64, 64)).astype(np.float32))
    with torch.no_grad():
        maps = network.feature_maps(images)
        assert network.dimension == maps.shape[1]
        torch.testing.assert_close(network(images), maps.mean((2, 3)))


def test_building_a_network_leaves_its_batch_statistics_untouched() -> None:
    means = [
        value for name, value in Network(TINY).state_dict().items() if name.endswith("running_mean")
    ]
    assert len(means) > 5 and all(not value.any() for value in means)


def test_the_description_survives_its_dictionary() -> None:
    config = NetworkConfig("resnet10t", 64, "average", (("output_stride", 16),))
    assert NetworkConfig.from_dict(config.to_dict()) == config
    with pytest.raises(
        BadNetwork, match=r"\['throat'\]; known are \['aligned_px', 'backbone', 'backbone_options'"
    ):
        NetworkConfig.from_dict({**config.to_dict(), "throat": "long"})


def test_an_unknown_backbone_is_refused_with_those_near_it() -> None:
    with pytest.raises(BadNetwork, match=r"no backbone 'resnet10x'; near it are .*resnet10t"):
        Network(NetworkConfig("resnet10x"))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (NetworkConfig("test_resnet", pooling="max"), "pooling 'max'; allowed are"),  # type: ignore[arg-type]
        (
            NetworkConfig("test_resnet", backbone_options=(("colour", 1),)),
            "could not build test_resnet with",
        ),
        (
            NetworkConfig("test_resnet", backbone_options=(("output_stride", 7),)),
            "could not build test_resnet with",
        ),
        (NetworkConfig("test_resnet", stages=3), r"stages 3; allowed are \[1, 2\]"),
        (NetworkConfig("test_resnet", mirror="diagonal"), "mirror 'diagonal'; allowed are"),  # type: ignore[arg-type]
        (
            NetworkConfig("test_resnet", stride=5),
            r"stride 5; those of test_resnet are \[2, 4, 8, 16, 32\], or 0",
        ),
        (NetworkConfig("test_resnet", stride=8, stages=2), "stride 8 with stages 2"),
        (
            NetworkConfig("test_resnet", pooling="vlad", branches="left_right"),
            "vlad.* takes one whole map",
        ),
        (
            NetworkConfig("test_resnet", pooling="vlad", embedding_dim=0),
            "vlad.* and an embedding_dim",
        ),
        (
            NetworkConfig("test_vit"),
            r"maps of shape \(1, 17, 64\); a convolutional one gives 4 axes",
        ),
        (NetworkConfig("vit_tiny_patch16_224"), "takes no image of 64 x 64 px"),
    ],
)
def test_a_backbone_that_cannot_serve_is_refused(config: NetworkConfig, said: str) -> None:
    with pytest.raises(BadNetwork, match=said):
        Network(config)


def test_pretrained_weights_are_left_to_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    create = timm.create_model

    def recorded(name: str, **options: Any) -> Any:
        asked.append({"name": name, **options})
        return create(name, **{**options, "pretrained": False})

    monkeypatch.setattr(timm, "create_model", recorded)
    Network(TINY, pretrained=True, drop_path=0.2)
    Network(TINY)
    assert asked == [
        {"name": "test_resnet", "pretrained": True, "num_classes": 0, "drop_path_rate": 0.2},
        {"name": "test_resnet", "pretrained": False, "num_classes": 0},
    ]


def test_without_network_the_error_says_what_else_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: Any, **__: Any) -> Any:
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(
        BadNetwork, match=r"no route to host.*weights = \"default\".*local file, or \"random\""
    ):
        Network(TINY, pretrained=True)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_state_dict_is_loaded_without_its_classifier(suffix: str, tmp_path: Path) -> None:
    weights, path = backbone_weights(7), tmp_path / f"weights{suffix}"
    save_file(weights, path) if suffix == ".safetensors" else torch.save(weights, path)
    network = Network(TINY)
    load_backbone_weights(network.backbone, "test_resnet", path)
    loaded = network.backbone.state_dict()
    assert all(torch.equal(loaded[name], weights[name]) for name in loaded)
    assert {"fc.weight", "fc.bias"} == set(weights) - set(loaded)


def test_weights_of_another_backbone_are_refused(tmp_path: Path) -> None:
    save_file(backbone_weights(1, "test_efficientnet"), tmp_path / "other.safetensors")
    with pytest.raises(BadNetwork, match=r"does not fit test_resnet: \d+ tensors missing"):
        load_backbone_weights(Network(TINY).backbone, "test_resnet", tmp_path / "other.safetensors")


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    weights = backbone_weights(1)
    first = next(name for name in weights if weights[name].ndim == 4)
    weights[first] = weights[first][:-1].clone()
    torch.save(weights, tmp_path / "cut.pth")
    with pytest.raises(
        BadNetwork, match=f"0 tensors missing, 1 of another shape; the first is {first}"
    ):
        load_backbone_weights(Network(TINY).backbone, "test_resnet", tmp_path / "cut.pth")


class Malice:
    """Would create a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    torch.save({"weight": Malice(tmp_path / "ran")}, tmp_path / "zip.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Malice(tmp_path / "ran")))
    for name in ("zip.pth", "plain.pth"):
        with pytest.raises(BadNetwork, match="can't be read as weights"):
            load_backbone_weights(Network(TINY).backbone, "test_resnet", tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content", [torch.zeros(3), [1, 2], {"state_dict": {"a": torch.zeros(1)}}, {"conv1.weight": 3}]
)
def test_a_file_that_is_no_state_dict_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "odd.pth")
    with pytest.raises(BadNetwork, match=r"can't be read as weights|does not fit"):
        load_backbone_weights(Network(TINY).backbone, "test_resnet", tmp_path / "odd.pth")


@pytest.mark.parametrize("name", ["text.pth", "text.safetensors", "absent.pth"])
def test_a_file_that_holds_no_weights_is_refused(name: str, tmp_path: Path) -> None:
    if name.startswith("text"):
        (tmp_path / name).write_text("not weights")
    with pytest.raises(BadNetwork, match="can't be read as weights"):
        load_backbone_weights(Network(TINY).backbone, "test_resnet", tmp_path / name)


@pytest.mark.parametrize(
    ("backbone", "options"),
    [("mobilenetv2_100", {"pad_type": "same"}), ("mobilenetv3_small_050", {})],
)
def test_thinned_strides_compute_the_same_numbers(backbone: str, options: dict[str, str]) -> None:
    torch.manual_seed(1)
    network = Network(NetworkConfig(backbone, 8, backbone_options=tuple(options.items()))).eval()
    thinned = copy.deepcopy(network)
    images = torch.randn(2, 3, 64, 51)
    assert thin_strides(thinned) == 4
    assert torch.allclose(thinned(images), network(images), atol=1e-5)
    assert list(thinned.state_dict()) == list(network.state_dict())


def test_a_copy_of_a_thinned_network_has_its_own_weights() -> None:
    network = Network(NetworkConfig("mobilenetv3_small_050", 8)).eval()
    thin_strides(network)
    images = torch.randn(1, 3, 64, 64)
    copied, before = copy.deepcopy(network), network(images)
    with torch.no_grad():
        for weight in network.backbone.parameters():
            weight.zero_()
    assert torch.equal(copied(images), before)


@pytest.mark.parametrize(
    ("stages", "branches", "width"),
    [
        (1, "whole", 96),
        (2, "whole", 96 + 192),
        (1, "upper_lower", 3 * 96),
        (2, "left_right", 3 * (96 + 192)),
    ],
)
def test_stages_and_branches_are_pooled_side_by_side(
    stages: int, branches: Any, width: int
) -> None:
    network = Network(NetworkConfig("test_resnet", 0, stages=stages, branches=branches)).eval()
    assert network.dimension == width
    assert network(torch.randn(2, 3, 64, 64)).shape == (2, width)
    assert NetworkConfig.from_dict(network.config.to_dict()) == network.config


def test_a_half_sees_its_half_alone() -> None:
    network = Network(
        NetworkConfig("test_resnet", 0, pooling="average", branches="left_right")
    ).eval()
    maps = torch.zeros(1, 96, 4, 5)
    maps[..., :2] = 1.0
    network.feature_maps = lambda images: maps  # pyright: ignore[reportAttributeAccessIssue]
    whole, left, right = network(torch.zeros(1, 3, 8, 8)).split(96, dim=1)
    # Five columns: the middle one belongs to both halves.
    assert [float(part.mean()) for part in (whole, left, right)] == pytest.approx([2 / 5, 2 / 3, 0])


@pytest.mark.parametrize(
    ("wrong", "said"), [({"stages": 3}, "stages 3"), ({"branches": "x"}, "branches 'x'")]
)
def test_other_stages_and_branches_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(BadNetwork, match=said):
        Network(NetworkConfig("test_resnet", 8, **wrong))


def test_without_a_neck_the_embedding_is_the_projection() -> None:
    network = Network(NetworkConfig("test_resnet", 8, neck=False)).eval()
    images = torch.randn(2, 3, 64, 64)
    assert torch.equal(network(images), network.project(network.pool(network.feature_maps(images))))
    assert not any(name.startswith("neck") for name in network.state_dict())


def test_vlad_is_the_sum_of_differences_from_each_centre_by_softmax(
    rng: np.random.Generator,
) -> None:
    torch.manual_seed(3)
    pool = Vlad(channels=5, clusters=3, cell_dim=4)
    maps = torch.from_numpy(rng.normal(size=(2, 5, 3, 4)).astype(np.float32))
    with torch.no_grad():
        pooled = pool(maps).numpy()
        weight, bias = pool.reduce.weight.numpy()[:, :, 0, 0], pool.reduce.bias.numpy()  # type: ignore[union-attr]
    centers, sharpness = pool.centers.detach().numpy(), pool.sharpness.item()
    for photo, got in zip(maps.numpy(), pooled, strict=True):
        wanted = np.zeros((3, 6))
        for row in range(3):
            for column in range(4):
                channels = photo[:, row, column]
                local = weight @ (channels / np.linalg.norm(channels)) + bias
                cell = np.array([*local, (column / 4 - 0.5) * 1.5, (row / 3 - 0.5) * 1.5])
                nearness = np.exp(-sharpness * ((cell - centers) ** 2).sum(1))
                wanted += (nearness / nearness.sum())[:, None] * (cell - centers)
        wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
        np.testing.assert_allclose(got, wanted.ravel(), atol=1e-4)


def test_vlad_s_cells_add_up_to_it(rng: np.random.Generator) -> None:
    torch.manual_seed(4)
    pool, maps = Vlad(5, 3, 4), torch.from_numpy(rng.normal(size=(2, 5, 3, 4)).astype(np.float32))
    parts = pool.parts(maps)
    assert parts.shape == (2, 12, 18)
    torch.testing.assert_close(parts.sum(1), pool(maps), atol=1e-5, rtol=1e-4)


def test_vlad_tells_places_apart() -> None:
    torch.manual_seed(5)
    pool, maps = Vlad(2, 4, 3), torch.zeros(2, 2, 2, 6)
    maps[:, 0] = 1.0
    maps[0, 1, 0, 0], maps[1, 1, 0, 5] = 3.0, 3.0  # the same mark, at the left and at the right
    left, right = pool(maps).detach()
    assert float((left - right).norm()) > 0.05


def test_a_stride_stops_the_backbone_where_its_maps_are_that_much_smaller() -> None:
    torch.manual_seed(6)
    whole = Network(NetworkConfig("mobilenetv3_small_050", 8)).eval()
    cut = Network(NetworkConfig("mobilenetv3_small_050", 8, stride=8)).eval()
    images = torch.randn(1, 3, 64, 96)
    assert whole.feature_maps(images).shape[2:] == (2, 3)
    assert cut.feature_maps(images).shape[2:] == (8, 12)
    sizes = [sum(p.numel() for p in one.backbone.parameters()) for one in (whole, cut)]
    assert sizes[1] < sizes[0] / 10
    shared = cut.backbone.state_dict().keys() & whole.backbone.state_dict().keys()
    assert (
        shared == cut.backbone.state_dict().keys()
    )  # by the same names, so that a whole one's weights fit
    # What the whole one computes on its way is what the cut one ends with.
    cut.backbone.load_state_dict({name: whole.backbone.state_dict()[name] for name in shared})
    between = whole.backbone.forward_intermediates(
        images, indices=[cut.stage], intermediates_only=True
    )[0]
    torch.testing.assert_close(cut.feature_maps(images), between)


@pytest.mark.parametrize(("mirror", "axis"), [("horizontal", 3), ("vertical", 2)])
def test_both_sides_are_the_image_s_and_its_mirror_image_s(mirror: Mirror, axis: int) -> None:
    network, images = (
        Network(NetworkConfig("test_resnet", 8, mirror=mirror)).eval(),
        torch.randn(2, 3, 64, 96),
    )
    with torch.no_grad():
        torch.testing.assert_close(
            network.both_views(images), network(images) + network(images.flip(axis))
        )
