"""Several trained checkpoints made into one: an ensemble, of equals or of experts with a gate."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from embedding.checkpoint import (
    CLASSES_PREFIX,
    DEFAULT_CHECKPOINT,
    LOCATOR_PREFIX,
    CheckpointHeader,
    below,
    load_weights,
    member_of,
    read_header,
    save_checkpoint,
)
from embedding.embedder import Embedder
from embedding.errors import FlukeprintError
from embedding.networks.ensemble import Ensemble, GateConfig, network_of
from embedding.networks.locator import locator_of
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from training.ensembles.fit_gate import fit_gate, sample_by_species, shares_of_species, unit_vectors
from training.ensembles.reduce_dimensions import SAMPLE_PHOTOS, BadDimensions, reduce_dimensions

_NUMBERED = re.compile(r"(.+)@(.*)")


class BadEnsemble(FlukeprintError):
    """Checkpoints that can't be one: too few, of different inputs, or a locator that is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleOptions:
    """What an ensemble has beyond its members; members are numbered from 1.

    `locator` names the checkpoint whose locator is taken, None the first member's that has one.
    `experts` names each species' members: a gate then divides photos among them. `dimensions` are
    the numbers of each member's embedding, or one number for all. Gate and dimensions are fitted to
    `photos`, which hold some of every species. `separate_mirrors` are the members that compare a
    photo and its mirror image separately, next to those whose own checkpoint says so.
    """

    locator: Path | None = None
    experts: Mapping[str, Sequence[int]] | None = None
    dimensions: Sequence[int] = ()
    separate_mirrors: Collection[int] = ()
    photos: Sequence[LabelledPhoto] = ()


def combine(
    paths: Sequence[Path], out: Path, name: str, options: EnsembleOptions = EnsembleOptions()
) -> str:
    """Write one checkpoint of several members; returns its fingerprint.

    A path may name a member of an ensemble: FILE@2 is its second, default@2 the shipped one's. So
    one member can be exchanged, or some left out. Such a member stays unchanged where it has as
    many dimensions as are asked for. A photo is cropped once for all members and scaled to the
    largest member's input, from which the others scale down. In all else their preprocessing must
    agree. The card keeps every member's own. Raises BadEnsemble, BadExperts, and BadCheckpoint for
    a file that is none.
    """
    dimensions, separate = options.dimensions, options.separate_mirrors
    if len(paths) < 2:
        raise BadEnsemble(f"{len(paths)} checkpoint given; an ensemble needs two or more")
    if not set(separate) <= set(range(1, len(paths) + 1)):
        raise BadEnsemble(f"--apart {sorted(separate)}; the members are 1 to {len(paths)}")
    if len(dimensions) not in (0, 1, len(paths)):
        raise BadEnsemble(
            f"--dimensions gives {len(dimensions)} numbers for {len(paths)} members; give one, "
            "or one for each"
        )
    members = [_read_member(path) for path in paths]
    headers = [one.header for one in members]
    input_ = _shared_input(paths, headers)
    weights: dict[str, Tensor] = {}
    described: list[dict[str, Any]] = []
    for at, one in enumerate(members):
        own = one.header.preprocessing
        input_px = {} if _size(own) == _size(input_) else {"input_px": list(_size(own))}
        fusion = {"mirror_fusion": "separate"} if at + 1 in separate else {}
        described.append({**one.header.network, **fusion, **input_px})
        weights |= {f"members.{at}.{name}": value for name, value in one.weights.items()}
    locator_from = _locator_from(members, options.locator)
    card: dict[str, Any] = {"name": name, "members": [header.card for header in headers]}
    card |= {
        shared: headers[0].card[shared]
        for shared in ("photos", "individuals")
        if shared in headers[0].card
    }
    network: dict[str, Any] = {"members": described}
    if locator_from is not None:
        found = load_weights(locator_from)
        weights |= {name: value for name, value in found.items() if name.startswith(LOCATOR_PREFIX)}
        overlap = read_header(locator_from).card.get("locator_overlap")
        card |= {} if overlap is None else {"locator_overlap": overlap}
    if dimensions:
        each = list(dimensions) * (len(paths) if len(dimensions) == 1 else 1)
        _refuse_second_reduction(paths, members, each)
        smaller = {
            at: size
            for at, (one, size) in enumerate(zip(members, each, strict=True))
            if not one.has_dimensions(size)
        }
        _reduce_members(network, weights, input_, smaller, options.experts or {}, options.photos)
    if options.experts is not None:
        _add_gate(network, weights, card, input_, options.experts, options.photos)
    return save_checkpoint(
        out, weights, CheckpointHeader(network, input_, card, locator_from is not None)
    )


@dataclass(frozen=True, slots=True)
class _Member:
    """A future member: its file, header, and tensors without those of locator and classes."""

    file: Path
    header: CheckpointHeader
    weights: Mapping[str, Tensor]
    is_of_ensemble: bool = False

    def has_dimensions(self, dimensions: int) -> bool:
        """Whether it comes from an ensemble, with axes of so many dimensions already."""
        return self.is_of_ensemble and self.header.network.get("embedding_dim") == dimensions


def _read_member(path: Path) -> _Member:
    file, number = _numbered(path)
    if number:
        return _Member(file, *member_of(file, number), is_of_ensemble=True)
    header = read_header(file)
    members = len(header.network.get("members", ()))
    if members:
        raise BadEnsemble(
            f"{path} is an ensemble already; give the members to take: {path}@1 to {path}@{members}"
        )
    others = (LOCATOR_PREFIX, CLASSES_PREFIX)
    own = {name: value for name, value in load_weights(file).items() if not name.startswith(others)}
    return _Member(file, header, own)


def _numbered(path: Path) -> tuple[Path, int]:
    """The file that a path names, and the number after its @, or 0.

    A file that has an @ in its name is itself.
    """
    named = _NUMBERED.fullmatch(path.name)
    if os.path.lexists(path) or not named:
        return _file(path), 0
    if not re.fullmatch(r"[1-9]\d{0,5}", named[2]):
        raise BadEnsemble(
            f"{path}: there is no such file, and {named[2]!r} is no member's number; give "
            "FILE@2 for the second of an "
            "ensemble's members"
        )
    return _file(path.with_name(named[1])), int(named[2])


def _file(path: Path) -> Path:
    return DEFAULT_CHECKPOINT if path == Path("default") and not os.path.lexists(path) else path


def _shared_input(paths: Sequence[Path], headers: Sequence[CheckpointHeader]) -> Preprocessing:
    """The largest member's preprocessing, where the others differ in size alone."""
    largest = max(
        (header.preprocessing for header in headers), key=lambda one: one.width_px * one.height_px
    )
    for path, header in zip(paths, headers, strict=True):
        own = header.preprocessing
        if replace(own, width_px=largest.width_px, height_px=largest.height_px) != largest:
            raise BadEnsemble(
                f"{path} takes another input than the others ({own} and {largest}); only "
                "width_px and height_px of "
                "[input] may differ"
            )
    return largest


def _size(preprocessing: Preprocessing) -> tuple[int, int]:
    return preprocessing.width_px, preprocessing.height_px


def _locator_from(members: Sequence[_Member], locator: Path | None) -> Path | None:
    if locator is None:
        return next((one.file for one in members if one.header.has_locator), None)
    file, _ = _numbered(locator)  # a member's is its ensemble's
    if not read_header(file).has_locator:
        raise BadEnsemble(
            f"{locator} has no locator; give a checkpoint that was trained with [locator] epochs"
        )
    return file


def _refuse_second_reduction(
    paths: Sequence[Path], members: Sequence[_Member], dimensions: Sequence[int]
) -> None:
    for path, one, size in zip(paths, members, dimensions, strict=True):
        if one.header.network.get("odd_dims") is not None and not one.has_dimensions(size):
            own = one.header.network.get("embedding_dim")
            raise BadDimensions(
                f"{path} was brought down to {own} dimensions before, with views fused "
                f"separately, and can't be to {size}; give {own} for it, or the checkpoint that it "
                "was made of"
            )


def _reduce_members(
    network: dict[str, Any],
    weights: dict[str, Tensor],
    input_: Preprocessing,
    dimensions: Mapping[int, int],
    experts: Mapping[str, Sequence[int]],
    photos: Sequence[LabelledPhoto],
) -> None:
    """Reduce members' embeddings (by place) to so many dimensions, by their species' photos."""
    samples = sample_by_species(photos, most=SAMPLE_PHOTOS)
    shares = shares_of_species(experts, list(samples), len(network["members"]))
    for at, size in dimensions.items():
        member = network["members"][at]
        species_photos = [
            photo for species, own in samples.items() if shares[species][at] for photo in own
        ]
        embedder = _embedder(network, weights, input_)
        straight, *mirrored = unit_vectors(
            embedder, species_photos, at, has_both_sides=member.get("mirror_fusion") == "separate"
        )
        odd_dims = reduce_dimensions(
            weights, f"members.{at}.", straight, size, mirrored=mirrored[0] if mirrored else None
        )
        member |= {"embedding_dim": size, **({} if odd_dims is None else {"odd_dims": odd_dims})}


def _add_gate(
    network: dict[str, Any],
    weights: dict[str, Tensor],
    card: dict[str, Any],
    input_: Preprocessing,
    experts: Mapping[str, Sequence[int]],
    photos: Sequence[LabelledPhoto],
) -> None:
    """Fit a gate with the members as they are; add it to description, weights and card."""
    samples = sample_by_species(photos)
    shares = shares_of_species(experts, list(samples), len(network["members"]))
    config = GateConfig(shares, views=_leading_count(shares))
    network["gate"] = config.to_dict()
    embedder = _embedder(network, weights, input_)
    assert isinstance(embedder.network, Ensemble)
    assert embedder.network.gate is not None
    card["gate_finds"] = fit_gate(embedder, samples, config)
    gate = embedder.network.gate
    weights |= {"gate.weight": gate.weight.cpu(), "gate.bias": gate.bias.cpu()}


def _leading_count(shares: Mapping[str, Sequence[float]]) -> int:
    """Count the first members that answer for the same species as the very first.

    They see the same photos anyway.
    """
    members = list(zip(*shares.values(), strict=True))
    return next((at for at, row in enumerate(members) if row != members[0]), len(members))


def _embedder(
    network: Mapping[str, Any], weights: Mapping[str, Tensor], input_: Preprocessing
) -> Embedder:
    """Build the ensemble as it is so far; a gate that isn't fitted divides photos equally."""
    own = {name: value for name, value in weights.items() if not name.startswith(LOCATOR_PREFIX)}
    located = below(weights, LOCATOR_PREFIX)
    built = network_of(network)
    built.load_state_dict(
        {
            **{
                name: built.state_dict()[name]
                for name in ("gate.weight", "gate.bias")
                if name in built.state_dict()
            },
            **own,
        }
    )
    return Embedder(built, input_, "", locator=locator_of(located) if located else None)
