"""The choices of a recipe, section by section, with their defaults: what `training.recipes.reading`
reads and checks.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from embedding.checkpoint import EARLIER_FUSION
from embedding.networks.mirror import Mirror, MirrorFusion
from embedding.networks.network import Branches
from embedding.networks.pooling import Pooling

_IS_LATER = "is_later"


def later(default: Any) -> Any:
    """A choice that came when runs had been begun without it: at its default the digest stays
    theirs.
    """
    return field(default=default, metadata={_IS_LATER: True})


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkChoices:
    """`weights`: "pretrained" (timm downloads them), "default" (flukeprint's own checkpoint),
    "random", or a file.

    `member` says which of an ensemble's, from 1 (0: the first with the same backbone). `aligner`,
    where it isn't "", turns the body part upright for the backbone, to `aligned_px` (width,
    height): a file of `flukeprint train-aligner`, "default" (of flukeprint's own checkpoint, the
    first member's that has one), or "random" (untrained). While the network learns, placements are
    off at random by `aligner_jitter` half photos. The rest is
    embedding.networks.network.NetworkConfig's: `clusters` and `cell_dim` are for pooling "vlad".
    """

    backbone: str
    weights: str = "pretrained"
    member: int = later(0)
    embedding_dim: int = 256
    pooling: Pooling = "gem"
    stages: int = 1
    branches: Branches = "whole"
    neck: bool = True
    stride: int = 0
    mirror: Mirror = "horizontal"
    mirror_fusion: MirrorFusion = later("sum")  # noqa: RUF009
    clusters: int = 64
    cell_dim: int = 48
    dropout: float = 0.0
    drop_path: float = 0.0
    backbone_options: dict[str, Any] = field(default_factory=dict[str, Any])
    aligner: str = later("")
    aligned_px: tuple[int, int] = later((288, 144))
    aligner_jitter: float = later(0.06)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputChoices:
    """The network's input; see embedding.photos.preprocessing.Preprocessing."""

    width_px: int = 224
    height_px: int = 224
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    crop: Literal["none", "box"] = "none"
    fit: Literal["squash", "pad"] = "squash"
    grey: bool = later(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatorChoices:
    """The small network that finds the fluke in photos without a box; `epochs` 0 trains none.

    Wanted with input.crop = "box", so that queries, which come without a box, are cropped as the
    photos learned from. `weights`: what it begins with: "pretrained" (a MobileNetV2's of ImageNet),
    "default" (the shipped checkpoint's locator), "random", or a file: a checkpoint with a locator,
    or a timm state dict of mobilenetv2_100.
    """

    epochs: int = 0
    rate: float = 0.003
    batch: int = 64
    weights: str = later("default")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChoices:
    """`validation_share` of the fit part steers the run; with 0 everything is learned from and
    nothing is chosen by.

    `task` "classes": labels are kinds (species, cat or dog), not individuals. All kinds are learned
    from, and `test_share` of each kind's photos are held out; "individuals" split as
    training.splits.protocol says. `labels` "ignore" learns without individuals: every photo is its
    own positive, all others are negatives (the self-supervised warm-up; validation goes by the
    labels still). `species_boxes` are where the animal is in every photo of a species that has no
    box of its own, as left, top, right, bottom in 0..1: for crops aligned alike. `split` is a file
    of `flukeprint data split` (or a run's split.csv) to go by; "" makes one from `split_seed`.
    """

    task: Literal["individuals", "classes"] = later("individuals")
    split_seed: int = 0
    validation_share: float = 0.1
    test_share: float = later(0.2)
    hold_out_test: bool = True
    labels: Literal["use", "ignore"] = "use"
    species_boxes: dict[str, Any] = field(default_factory=dict[str, Any])
    split: str = later("")


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillationChoices:
    """Learn from a teacher too: the batch's cosines are drawn to the teacher's (Tung and Mori 2019,
    on cosines).

    `teacher`: a checkpoint file, "default" for the shipped one, or "" for none. `weight` multiplies
    the mean squared difference of the cosines.
    """

    teacher: str = ""
    weight: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchChoices:
    """P x K batches: `individuals` times `photos_each`, of which a share are new_whale photos.

    `oversampling` 0 draws individuals in proportion to their photos, 1 all alike; between them n^(1
    - oversampling). `new_whales`: "negatives" (only pushed away from), "individuals" (each photo
    its own identity), or "unused". `unlabelled_share` of the individuals are single unlabelled
    photos, where some are given. `species_shares` says how large a share of the other individuals
    drawn is of a species; species that it doesn't name divide the rest.
    """

    individuals: int = 16
    photos_each: int = 4
    new_whale_share: float = 0.25
    new_whales: Literal["negatives", "individuals", "unused"] = "negatives"
    unlabelled_share: float = 0.25
    oversampling: float = 0.5
    flips_as_individuals: bool = True
    species_shares: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class LossChoices:
    """One term of the loss.

    arcface, subcenter_arcface: `scale`, and `margin_degrees` for all or, with `dynamic_margin`, per
    individual of n photos .27 n^-.364 + .05 radians (Happywhale 2022's first place). triplet:
    `margin` in distance and `mining`, where "easy" takes each photo's nearest positive and hardest
    negative (Xuan et al. 2020), for animals whose photos show two sides. multi_similarity: alpha 2,
    beta 50, base .5 (Wang et al. 2019); `memory` compares its batch with that many embeddings of
    the batches before as well (cross-batch memory, Wang et al. 2020). focal: a sigmoid for every
    identity instead of a softmax over all, so that a new whale is a negative of each; the `hardest`
    negatives of every photo count (humpback 2019's winners). softmax: over all identities, of
    cosines times `scale`, the truth's share lowered by `smoothing`: for kinds, which need no
    margin.
    """

    kind: Literal["arcface", "subcenter_arcface", "triplet", "multi_similarity", "focal", "softmax"]
    weight: float = 1.0
    scale: float = 30.0
    margin_degrees: float = 28.6
    dynamic_margin: bool = False
    sub_centers: int = 2
    margin: float = 0.3
    mining: Literal["hard", "semihard", "all", "easy"] = "hard"
    memory: int = 0
    hardest: int = 30
    class_weights: Literal["none", "inverse", "effective"] = later("none")
    effective_beta: float = later(0.99)
    smoothing: float = later(0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentationChoices:
    """Strengths of torchvision v2's transforms; `group` photos of a batch share one draw (speed on
    a CPU).

    `preset` fills in all that the recipe doesn't name itself (training.recipes.presets); "standard"
    is what stands here. `flip_share` of the photos are mirrored, as another individual where
    batches.flips_as_individuals says so.
    """

    preset: Literal["none", "light", "standard", "strong"] = later("standard")
    flip_share: float = later(0.5)
    rotation_degrees: float = 15.0
    shift: float = 0.1
    zoom: tuple[float, float] = (0.85, 1.15)
    shear_degrees: float = 8.0
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.3
    hue: float = 0.02
    gray_share: float = 0.2
    blur_share: float = 0.0
    erase_share: float = 0.0
    group: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimiserChoices:
    """`head_rate_factor` multiplies the rate of the loss's class weights, which start from noise.

    `backbone_rate_factor` multiplies that of the backbone, which mostly doesn't.
    """

    kind: Literal["adam", "adamw", "sgd"] = "adamw"
    rate: float = 1e-3
    head_rate_factor: float = 5.0
    weight_decay: float = 0.01
    momentum: float = 0.9
    clip_norm: float = 5.0
    backbone_rate_factor: float = later(1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChoices:
    """`early_stop_epochs` 0 never stops early; plateau counts validations without improvement.

    `freeze_epochs`: for so long the backbone, its batch statistics included, stays as it came; then
    it learns too, its rate climbing as at the run's beginning. `swa_epochs`: the plain mean of the
    weights after each of the last epochs takes the moving average's place (Izmailov et al. 2018);
    the cosine ends where they begin, at `swa_rate_factor`.
    """

    epochs: int = 40
    kind: Literal["cosine", "plateau", "constant"] = "cosine"
    warmup_epochs: float = 1.0
    plateau_patience: int = 3
    plateau_factor: float = 0.3
    early_stop_epochs: int = 0
    validate_every_epochs: int = 1
    save_every_steps: int = 200
    freeze_epochs: int = later(0)
    swa_epochs: int = later(0)
    swa_rate_factor: float = later(0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStageChoices:
    """The first `epochs` of schedule.epochs learn from individuals of `fewest_photos` or more, the
    others from all.

    A loss with classes then knows only those individuals, so that the others' class weights learn
    nothing yet.
    """

    epochs: int = 0
    fewest_photos: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeChoices:
    """`threads` 0 leaves PyTorch's own number. bf16 runs the network (never the losses) under
    autocast.
    """

    device: str = "auto"
    precision: Literal["float32", "bf16"] = "float32"
    channels_last: bool = True
    ema_decay: float = 0.998
    threads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides a training's result, given the photographs."""

    name: str
    network: NetworkChoices
    loss: tuple[LossChoices, ...]
    seed: int = 0
    input: InputChoices = InputChoices()
    locator: LocatorChoices = LocatorChoices()
    data: DataChoices = DataChoices()
    distillation: DistillationChoices = DistillationChoices()
    batches: BatchChoices = BatchChoices()
    augmentation: AugmentationChoices = AugmentationChoices()
    optimiser: OptimiserChoices = OptimiserChoices()
    schedule: ScheduleChoices = ScheduleChoices()
    compute: ComputeChoices = ComputeChoices()
    first_stage: FirstStageChoices = later(FirstStageChoices())  # noqa: RUF009  a frozen default

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @property
    def digest(self) -> str:
        """SHA-256 of the choices: what --resume compares."""
        values = _digested(self)
        network = values["network"]
        if "mirror_fusion" in network:  # by its first name, so that runs of earlier versions go on
            network["sides"] = EARLIER_FUSION[network.pop("mirror_fusion")]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _digested(value: Any) -> Any:
    """Sections as dictionaries, without later choices at their defaults."""
    if isinstance(value, tuple):
        return [_digested(member) for member in cast("tuple[Any, ...]", value)]
    if not dataclasses.is_dataclass(value):
        return value
    given = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    silent = {each.name for each in dataclasses.fields(value) if each.metadata.get(_IS_LATER)}
    defaults = {each.name: each.default for each in dataclasses.fields(value)}
    return {
        name: _digested(one)
        for name, one in given.items()
        if name not in silent or one != defaults[name]
    }
