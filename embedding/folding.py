"""Batch normalisation folded into the convolutions before it: the same numbers, in little more than half the time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_PLAIN = (bool, int, float, str, tuple, type(None))


class _OneLevel(fx.Tracer):
    """Sees which of a module's own children reads what another made; what they do inside is not looked at."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return True


def fold_batch_norms(network: nn.Module) -> int:
    """Fold each batch normalisation that alone reads what a convolution makes into that one; returns how many.

    In place, for a network that will only be asked: it is put in evaluation mode, can't be trained any more, and its
    weights have other names and numbers than the checkpoint's. What timm's layers hold beside a normalisation
    (activation, dropped blocks) stays. Where a module's order can't be traced, it stays as it is.
    """
    network.eval()
    folded = 0
    found: dict[object, list[tuple[str, str]]] = {}
    for module in list(network.modules()):
        if any(isinstance(child, nn.BatchNorm2d) for child in module.children()):
            kind = _kind(module)
            if kind not in found:
                found[kind] = list(_pairs(module))
            for before, after in found[kind]:
                convolution, normalisation = module.get_submodule(before), module.get_submodule(after)
                setattr(module, before, fuse_conv_bn_eval(cast(Any, convolution), cast(Any, normalisation)))
                setattr(module, after, _what_else(normalisation))
                folded += 1
    return folded


def _kind(module: nn.Module) -> object:
    """What modules have in common whose children are called in one order: most of a network are a few such blocks.

    Tracing takes milliseconds, a block; a network has a hundred.
    """
    own = [
        (name, repr(value) if type(value) in _PLAIN else id(value))
        for name, value in cast("dict[str, object]", vars(module)).items()
        if not name.startswith("_")  # torch's own: parameters, children, hooks
    ]
    return type(module), tuple(own), tuple((name, type(child)) for name, child in module.named_children())


def _pairs(module: nn.Module) -> Iterator[tuple[str, str]]:
    """The names of children: a convolution, and the normalisation that reads it and is read from nowhere else."""
    try:
        calls = [node for node in _OneLevel().trace(module).nodes if node.op == "call_module"]
    except Exception:  # whatever a forward does with what isn't a tensor, or one that asks for its values
        return
    names = [str(node.target) for node in calls]
    for node in calls:
        source = node.args[0] if node.args else None
        if not isinstance(source, fx.Node) or source.op != "call_module" or len(source.users) != 1:
            continue
        before, after = str(source.target), str(node.target)
        is_pair = isinstance(module.get_submodule(before), nn.Conv2d) and isinstance(
            module.get_submodule(after), nn.BatchNorm2d
        )
        if is_pair and "." not in before + after and names.count(before) == names.count(after) == 1:
            yield before, after


def _what_else(normalisation: nn.Module) -> nn.Module:
    """What timm's normalisation does besides: drop blocks, activate. Else nothing."""
    parts = [cast(nn.Module, getattr(normalisation, name, nn.Identity())) for name in ("drop", "act")]
    kept = [part for part in parts if not isinstance(part, nn.Identity)]
    return nn.Sequential(*kept) if kept else nn.Identity()
