"""The choices of a recipe, section by section: their defaults, and what is allowed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import field
from typing import Annotated, Any, Literal, TypeVar, cast, get_type_hints

from pydantic import ConfigDict, Field, StrictBool, StrictFloat, StrictInt
from pydantic.dataclasses import dataclass

from embedding.checkpoint import EARLIER_FUSION
from embedding.errors import FlukeprintError
from embedding.networks.config import Branches, Mirror, MirrorFusion, Pooling

_CLOSED = ConfigDict(extra="forbid")
_MANY = 100_000
_LATER = "later"

# Numbers are strict: to pydantic "3" and true would else be numbers too.
Count = Annotated[StrictInt, Field(ge=0, le=_MANY)]
Seed = Annotated[StrictInt, Field(ge=0, le=2**62)]
Share = Annotated[StrictFloat, Field(ge=0, le=1)]
Rate = Annotated[StrictFloat, Field(ge=0, le=100)]
InputPx = Annotated[StrictInt, Field(ge=8, le=4096)]
AlignedPx = Annotated[StrictInt, Field(ge=32, le=4096)]
Deviation = Annotated[StrictFloat, Field(ge=0.001, le=10)]
Zoom = Annotated[StrictFloat, Field(ge=0.05, le=20)]

Choice = TypeVar("Choice")
Later = Annotated[Choice, _LATER]
"""A choice of a later version. At its default it isn't part of a recipe's digest, so that runs
begun before it came can go on."""


class BadRecipe(FlukeprintError):
    """A recipe that is absent, not TOML, or holds an unknown key or a value out of range."""


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
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
    member: Later[Annotated[StrictInt, Field(ge=0, le=64)]] = 0
    embedding_dim: Annotated[StrictInt, Field(ge=0, le=8192)] = 256
    pooling: Pooling = "gem"
    stages: Annotated[StrictInt, Field(ge=1, le=2)] = 1
    branches: Branches = "whole"
    neck: StrictBool = True
    stride: Annotated[StrictInt, Field(ge=0, le=64)] = 0
    mirror: Mirror = "horizontal"
    mirror_fusion: Later[MirrorFusion] = "sum"
    clusters: Annotated[StrictInt, Field(ge=2, le=4096)] = 64
    cell_dim: Annotated[StrictInt, Field(ge=2, le=4096)] = 48
    dropout: Annotated[StrictFloat, Field(ge=0, le=0.95)] = 0.0
    drop_path: Annotated[StrictFloat, Field(ge=0, le=0.95)] = 0.0
    backbone_options: dict[str, Any] = field(default_factory=dict[str, Any])
    aligner: Later[str] = ""
    aligned_px: Later[tuple[AlignedPx, AlignedPx]] = (288, 144)
    aligner_jitter: Later[Share] = 0.06


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class InputChoices:
    """The network's input; see embedding.photos.preprocessing.Preprocessing."""

    width_px: InputPx = 224
    height_px: InputPx = 224
    mean: tuple[Share, Share, Share] = (0.5, 0.5, 0.5)
    std: tuple[Deviation, Deviation, Deviation] = (0.5, 0.5, 0.5)
    crop: Literal["none", "box"] = "none"
    fit: Literal["squash", "pad"] = "squash"
    grey: Later[StrictBool] = False


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class LocatorChoices:
    """The small network that finds the fluke in photos without a box; `epochs` 0 trains none.

    Wanted with input.crop = "box", so that queries, which come without a box, are cropped as the
    photos learned from. `weights`: what it begins with: "pretrained" (a MobileNetV2's of ImageNet),
    "default" (the shipped checkpoint's locator), "random", or a file: a checkpoint with a locator,
    or a timm state dict of mobilenetv2_100.

    `detector_steps` batches train a detector on the same boxes: it finds any number of animals in
    whole scenes. It begins with the shipped checkpoint's. 0: none.
    """

    epochs: Count = 0
    rate: Rate = 0.003
    batch: Annotated[StrictInt, Field(ge=2, le=65_536)] = 64
    weights: Later[str] = "default"
    detector_steps: Later[Count] = 0


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
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

    task: Later[Literal["individuals", "classes"]] = "individuals"
    split_seed: Seed = 0
    validation_share: Annotated[StrictFloat, Field(ge=0, le=0.5)] = 0.1
    test_share: Later[Annotated[StrictFloat, Field(ge=0.01, le=0.5)]] = 0.2
    hold_out_test: StrictBool = True
    labels: Literal["use", "ignore"] = "use"
    species_boxes: dict[str, Any] = field(default_factory=dict[str, Any])
    split: Later[str] = ""


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class DistillationChoices:
    """Learn from a teacher too: the batch's cosines are drawn to the teacher's (Tung and Mori 2019,
    on cosines).

    `teacher`: a checkpoint file, "default" for the shipped one, or "" for none. `weight` multiplies
    the mean squared difference of the cosines.
    """

    teacher: str = ""
    weight: Annotated[StrictFloat, Field(ge=0, le=1e6)] = 10.0


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class BatchChoices:
    """P x K batches: `individuals` times `photos_each`, of which a share are new_whale photos.

    `oversampling` 0 draws individuals in proportion to their photos, 1 all alike; between them n^(1
    - oversampling). `new_whales`: "negatives" (only pushed away from), "individuals" (each photo
    its own identity), or "unused". `unlabelled_share` of the individuals are single unlabelled
    photos, where some are given. `species_shares` says how large a share of the other individuals
    drawn is of a species; species that it doesn't name divide the rest.
    """

    individuals: Annotated[StrictInt, Field(ge=1, le=4096)] = 16
    photos_each: Annotated[StrictInt, Field(ge=1, le=64)] = 4
    new_whale_share: Annotated[StrictFloat, Field(ge=0, le=0.9)] = 0.25
    new_whales: Literal["negatives", "individuals", "unused"] = "negatives"
    unlabelled_share: Annotated[StrictFloat, Field(ge=0, le=0.9)] = 0.25
    oversampling: Share = 0.5
    flips_as_individuals: StrictBool = True
    species_shares: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
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
    weight: Annotated[StrictFloat, Field(ge=0, le=1000)] = 1.0
    scale: Annotated[StrictFloat, Field(ge=0.001, le=1000)] = 30.0
    margin_degrees: Annotated[StrictFloat, Field(ge=0, le=180)] = 28.6
    dynamic_margin: StrictBool = False
    sub_centers: Annotated[StrictInt, Field(ge=1, le=64)] = 2
    margin: Annotated[StrictFloat, Field(ge=0, le=2)] = 0.3
    mining: Literal["hard", "semihard", "all", "easy"] = "hard"
    memory: Annotated[StrictInt, Field(ge=0, le=10_000_000)] = 0
    hardest: Annotated[StrictInt, Field(ge=1, le=10_000_000)] = 30
    class_weights: Later[Literal["none", "inverse", "effective"]] = "none"
    effective_beta: Later[Annotated[StrictFloat, Field(ge=0, le=0.9999999)]] = 0.99
    smoothing: Later[Annotated[StrictFloat, Field(ge=0, le=0.9)]] = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class AugmentationChoices:
    """Strengths of torchvision v2's transforms; `group` photos of a batch share one draw (speed on
    a CPU).

    `preset` fills in all that the recipe doesn't name itself (training.recipes.presets); "standard"
    is what stands here. `flip_share` of the photos are mirrored, as another individual where
    batches.flips_as_individuals says so.
    """

    preset: Later[Literal["none", "light", "standard", "strong"]] = "standard"
    flip_share: Later[Share] = 0.5
    rotation_degrees: Annotated[StrictFloat, Field(ge=0, le=180)] = 15.0
    shift: Share = 0.1
    zoom: tuple[Zoom, Zoom] = (0.85, 1.15)
    shear_degrees: Annotated[StrictFloat, Field(ge=0, le=80)] = 8.0
    brightness: Share = 0.3
    contrast: Share = 0.3
    saturation: Share = 0.3
    hue: Annotated[StrictFloat, Field(ge=0, le=0.5)] = 0.02
    gray_share: Share = 0.2
    blur_share: Share = 0.0
    erase_share: Share = 0.0
    group: Annotated[StrictInt, Field(ge=1, le=4096)] = 4


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class OptimiserChoices:
    """`head_rate_factor` multiplies the rate of the loss's class weights, which start from noise.

    `backbone_rate_factor` multiplies that of the backbone, which mostly doesn't.
    """

    kind: Literal["adam", "adamw", "sgd"] = "adamw"
    rate: Rate = 1e-3
    head_rate_factor: Annotated[StrictFloat, Field(ge=0, le=1000)] = 5.0
    weight_decay: Annotated[StrictFloat, Field(ge=0, le=10)] = 0.01
    momentum: Annotated[StrictFloat, Field(ge=0, le=0.9999)] = 0.9
    clip_norm: Annotated[StrictFloat, Field(ge=0, le=1e9)] = 5.0
    backbone_rate_factor: Later[Annotated[StrictFloat, Field(ge=0, le=1000)]] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class ScheduleChoices:
    """`early_stop_epochs` 0 never stops early; plateau counts validations without improvement.

    `freeze_epochs`: for so long the backbone, its batch statistics included, stays as it came; then
    it learns too, its rate climbing as at the run's beginning. `swa_epochs`: the plain mean of the
    weights after each of the last epochs takes the moving average's place (Izmailov et al. 2018);
    the cosine ends where they begin, at `swa_rate_factor`.
    """

    epochs: Count = 40
    kind: Literal["cosine", "plateau", "constant"] = "cosine"
    warmup_epochs: Annotated[StrictFloat, Field(ge=0, le=_MANY)] = 1.0
    plateau_patience: Count = 3
    plateau_factor: Share = 0.3
    early_stop_epochs: Count = 0
    validate_every_epochs: Annotated[StrictInt, Field(ge=1, le=_MANY)] = 1
    save_every_steps: Annotated[StrictInt, Field(ge=1, le=10**9)] = 200
    freeze_epochs: Later[Count] = 0
    swa_epochs: Later[Count] = 0
    swa_rate_factor: Later[Share] = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class FirstStageChoices:
    """The first `epochs` of schedule.epochs learn from individuals of `fewest_photos` or more, the
    others from all.

    A loss with classes then knows only those individuals, so that the others' class weights learn
    nothing yet.
    """

    epochs: Count = 0
    fewest_photos: Annotated[StrictInt, Field(ge=2, le=_MANY)] = 4


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class ComputeChoices:
    """How the steps are computed; memory and speed, hardly the result.

    `threads` 0 leaves PyTorch's own number. bf16 and fp16 run the network (never the losses) under
    autocast, fp16 with a scaled loss. `micro_batch` is how many photos pass the network at once (0:
    the whole batch). The loss still compares all photos of a batch (Gao et al. 2021, gradient
    cache), at the cost of a second pass; batch statistics are those of each part. `checkpointing`
    computes activations anew in the backward pass instead of keeping them. `compile` has
    torch.compile make kernels of the network, which needs a C++ compiler and a minute. A loss with
    more classes than `shard_classes_above` has its class weights divided among several processes
    (arcface, subcenter_arcface and softmax).
    """

    device: str = "auto"
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    channels_last: StrictBool = True
    ema_decay: Annotated[StrictFloat, Field(ge=0, le=0.99999)] = 0.998
    threads: Annotated[StrictInt, Field(ge=0, le=1024)] = 0
    micro_batch: Later[Count] = 0
    checkpointing: Later[StrictBool] = False
    compile: Later[StrictBool] = False
    shard_classes_above: Later[Annotated[StrictInt, Field(ge=0, le=10**9)]] = _MANY


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Recipe:
    """Everything that decides a training's result, given the photographs."""

    name: str
    network: NetworkChoices
    loss: tuple[LossChoices, ...]
    seed: Seed = 0
    input: InputChoices = InputChoices()
    locator: LocatorChoices = LocatorChoices()
    data: DataChoices = DataChoices()
    distillation: DistillationChoices = DistillationChoices()
    batches: BatchChoices = BatchChoices()
    augmentation: AugmentationChoices = AugmentationChoices()
    optimiser: OptimiserChoices = OptimiserChoices()
    schedule: ScheduleChoices = ScheduleChoices()
    compute: ComputeChoices = ComputeChoices()
    first_stage: Later[FirstStageChoices] = FirstStageChoices()

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
    hints = get_type_hints(type(value), include_extras=True)
    chosen = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    defaults = {each.name: each.default for each in dataclasses.fields(value)}
    return {
        name: _digested(one)
        for name, one in chosen.items()
        if _LATER not in getattr(hints[name], "__metadata__", ()) or one != defaults[name]
    }
