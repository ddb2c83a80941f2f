"""Where a network's first weights come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from safetensors import safe_open
from torch import Tensor, nn

from embedding.checkpoint import (
    DEFAULT_CHECKPOINT,
    BadCheckpoint,
    below,
    load_halved,
    load_weights,
    member_of,
    read_header,
)
from embedding.eager.stored_networks import load_detector, load_locator
from embedding.networks.backbone import BadNetwork, load_backbone_weights
from embedding.networks.coordinate_regressor import REGRESSOR_BACKBONE, REGRESSOR_OPTIONS
from embedding.networks.detection.detector import Detector
from embedding.networks.locator import AnyLocator, Locator
from embedding.networks.network import Network, NetworkConfig
from embedding.networks.pooling import CENTRES_FITTED
from training.recipes.choices import NetworkChoices

ALIGNER_FORMAT = "flukeprint-aligner-1"
_ALIGNER = "aligner."


def start_network(choices: NetworkChoices) -> Network:
    """Build the recipe's network with its first weights. Raises BadNetwork or BadCheckpoint."""
    network = Network(
        NetworkConfig(
            backbone=choices.backbone,
            embedding_dim=choices.embedding_dim,
            pooling=choices.pooling,
            stages=choices.stages,
            branches=choices.branches,
            neck=choices.neck,
            stride=choices.stride,
            mirror=choices.mirror,
            mirror_fusion=choices.mirror_fusion,
            clusters=choices.clusters,
            cell_dim=choices.cell_dim,
            backbone_options=tuple(sorted(choices.backbone_options.items())),
            aligned_px=choices.aligned_px if choices.aligner else None,
        ),
        pretrained=choices.weights == "pretrained",
        dropout=choices.dropout,
        drop_path=choices.drop_path,
        jitter=choices.aligner_jitter,
    )
    if choices.weights not in ("pretrained", "random"):
        _load_first_weights(network, choices)
    path = aligner_path(choices)
    if (
        network.aligner is not None and path is not None
    ):  # last: it's this one whatever the first weights had
        try:
            network.aligner.load_state_dict(_aligner_weights(path))
        except RuntimeError as error:
            raise BadNetwork(
                f"the aligner in {path} is not one of this version: {error}"
            ) from error
    return network


def _load_first_weights(network: Network, choices: NetworkChoices) -> None:
    path = DEFAULT_CHECKPOINT if choices.weights == "default" else Path(choices.weights)
    if not path.exists():
        raise BadNetwork(
            f"network.weights = {choices.weights!r}: there is no such file. Allowed are "
            '"pretrained", "default", '
            '"random", or a file of weights'
        )
    if _is_checkpoint(path):
        _load_checkpoint(network, path, choices.member)
    else:
        load_backbone_weights(cast(nn.Module, network.backbone), network.config.backbone, path)


def aligner_path(choices: NetworkChoices) -> Path | None:
    """The file that the recipe's aligner comes from, where it wants one.

    Raises BadNetwork when it is absent.
    """
    if choices.aligner in ("", "random"):
        return None
    path = DEFAULT_CHECKPOINT if choices.aligner == "default" else Path(choices.aligner)
    if not path.exists():
        raise BadNetwork(
            f'network.aligner = {choices.aligner!r}: there is no such file. Allowed are "" '
            '(none), "default" (the '
            'shipped checkpoint\'s), "random" (untrained), or what `flukeprint train-aligner` wrote'
        )
    return path


def _aligner_weights(path: Path) -> dict[str, Tensor]:
    """Of a file of `train-aligner`, or of the first member of a checkpoint that has one.

    Raises BadNetwork.
    """
    if not _is_checkpoint(path):
        return _load_aligner(path)
    weights = load_weights(path)
    members = read_header(path).network.get("members", ())
    prefixes = [_ALIGNER, *(f"members.{at}.{_ALIGNER}" for at in range(len(members)))]
    prefix = next(
        (each for each in prefixes if any(name.startswith(each) for name in weights)), None
    )
    if prefix is None:
        raise BadNetwork(
            f"network.aligner: the checkpoint {path} has no aligner; train one with `train-aligner`"
        )
    return below(weights, prefix)


def _load_aligner(path: Path) -> dict[str, Tensor]:
    """Read an aligner's weights. Raises BadNetwork for a file that is none."""
    try:
        with cast(Any, safe_open)(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
        if metadata.get("format") != ALIGNER_FORMAT:
            raise BadNetwork(f"{path} is no aligner; give what `flukeprint train-aligner` wrote")
        return load_halved(path)
    except BadNetwork:
        raise
    except Exception as error:  # safetensors raises its own kind, and plain OSError for a cut file
        raise BadNetwork(f"the aligner {path} can't be read: {error}") from error


def regressor_backbone(weights: str) -> nn.Module:
    """The backbone whose first layers an aligner or a locator begins with.

    `weights`: as in a recipe's [network], but of REGRESSOR_BACKBONE. Raises BadNetwork or
    BadCheckpoint.
    """
    choices = NetworkChoices(
        backbone=REGRESSOR_BACKBONE,
        weights=weights,
        embedding_dim=0,
        backbone_options=dict(REGRESSOR_OPTIONS),
    )
    return cast(nn.Module, start_network(choices).backbone)


def start_locator(weights: str) -> Locator:
    """A locator with the first weights that a recipe's [locator] names.

    Raises BadNetwork or BadCheckpoint.
    """
    path = DEFAULT_CHECKPOINT if weights == "default" else Path(weights)
    others = (
        '"default", "random", a checkpoint that has a locator, or a timm state dict of '
        f"{REGRESSOR_BACKBONE}"
    )
    allowed = f'"pretrained", {others}'
    if weights == "random":
        return Locator()
    if weights != "pretrained" and not path.is_file():
        raise BadNetwork(
            f"locator.weights = {weights!r}: there is no such file. Allowed are {allowed}"
        )
    if weights == "pretrained" or not _is_checkpoint(path):
        try:
            return Locator(regressor_backbone(weights))
        except BadNetwork as error:
            why = str(error)
            if weights == "pretrained":
                why = (
                    f"the ImageNet weights of {REGRESSOR_BACKBONE} could not be fetched. Without "
                    f"network give {others}"
                )
            raise BadNetwork(f"locator.weights = {weights!r}: {why}") from error
    found = load_locator(path)
    if not isinstance(found, Locator):
        raise BadNetwork(
            f"locator.weights = {weights!r}: the checkpoint {path} has no such locator. Allowed "
            f"are {allowed}"
        )
    return found


def start_detector(weights: str) -> Detector:
    """A detector to begin with: that of the shipped checkpoint ("default") or of another.

    From a timm state dict, or with "pretrained", it has that backbone, and the first layers of the
    shipped checkpoint's locator. Raises BadNetwork or BadCheckpoint.
    """
    path = DEFAULT_CHECKPOINT if weights == "default" else Path(weights)
    if weights != "pretrained" and _is_checkpoint(path):
        found = load_detector(path)
        if found is None:
            raise BadNetwork(
                f"the checkpoint {path} has no detector to begin with; give --weights a checkpoint "
                f"that has one, or a timm state dict of {REGRESSOR_BACKBONE}"
            )
        return found
    detector = Detector(regressor_backbone(weights))
    locator = load_locator(DEFAULT_CHECKPOINT)
    assert isinstance(locator, Locator)
    own = detector.fine_layers(locator.features)
    for layer, other in own:
        layer.load_state_dict(other.state_dict())
    return detector


def inherited_locator(choices: NetworkChoices) -> AnyLocator | None:
    """Load the locator of the checkpoint that the first weights come from; None without one."""
    path = DEFAULT_CHECKPOINT if choices.weights == "default" else Path(choices.weights)
    return load_locator(path) if path.is_file() and _is_checkpoint(path) else None


def _is_checkpoint(path: Path) -> bool:
    if path.suffix != ".safetensors":
        return False
    try:
        read_header(path)
    except BadCheckpoint:
        return False
    return True


def _load_checkpoint(network: Network, path: Path, member: int) -> None:
    """Take the backbone, which must fit, and the pooling, projection and neck where they fit.

    Of an ensemble the `member` (from 1) is taken, or, for 0, the first with the recipe's backbone.
    """
    own, described = network.state_dict(), read_header(path).network
    backbones = [str(one["backbone"]) for one in described.get("members", ())]
    if backbones and member > len(backbones):
        raise BadNetwork(
            f"network.member = {member}, but {path} has {len(backbones)} members; 0 takes the "
            "first with the recipe's "
            "backbone"
        )
    if backbones and (member or network.config.backbone in backbones):
        header, weights = member_of(path, member or backbones.index(network.config.backbone) + 1)
        described = header.network
    else:
        weights = load_weights(path)
    unfit = [
        name
        for name in own
        if name.startswith("backbone.")
        and (name not in weights or weights[name].shape != own[name].shape)
    ]
    if unfit:
        backbone = " and ".join(backbones) or described.get("backbone")
        raise BadNetwork(
            f"{path} holds a {backbone}, the recipe wants {network.config.backbone} "
            f"({len(unfit)} tensors don't fit, "
            f"the first is {unfit[0]}). Give the recipe that backbone{_stopping(path)}, or "
            "other weights"
        )
    fitting = {
        name: value
        for name, value in weights.items()
        if name in own and value.shape == own[name].shape
    }
    if described.get("odd_dims"):
        # Axes chosen for both views are no projection for one: the projection starts from noise.
        fitting = {
            name: value
            for name, value in fitting.items()
            if not name.startswith(("project.", "neck."))
        }
    if "pool.is_fitted" in own:
        has = {
            part: all(name in fitting for name in own if name.startswith(part))
            for part in ("pool.", "project.")
        }
        if member and has["pool."] and not has["project."]:
            fitting["pool.is_fitted"] = fitting["pool.is_fitted"] * CENTRES_FITTED
        elif not all(has.values()):
            # Half of another vlad pooling is of no use, as its centres are its own photos'.
            # It is fitted anew to these features, unless that very member was asked for.
            fitting = {
                name: value
                for name, value in fitting.items()
                if not name.startswith(("pool.", "project."))
            }
    network.load_state_dict({**own, **fitting})


def _stopping(path: Path) -> str:
    """Name the stride at which a checkpoint's backbones stop early, for an error message."""
    network = read_header(path).network
    strides = {int(each.get("stride", 0)) for each in network.get("members", (network,))} - {0}
    return (
        ""
        if not strides
        else f", which stops early (network.stride = {' or '.join(map(str, sorted(strides)))})"
    )
