"""Presets of augmentation: strengths that go together, from nothing to strong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "none": {
        "rotation_degrees": 0.0,
        "shift": 0.0,
        "zoom": (1.0, 1.0),
        "shear_degrees": 0.0,
        "brightness": 0.0,
        "contrast": 0.0,
        "saturation": 0.0,
        "hue": 0.0,
        "gray_share": 0.0,
        "flip_share": 0.0,
    },
    "light": {
        "rotation_degrees": 5.0,
        "shift": 0.05,
        "zoom": (0.95, 1.05),
        "shear_degrees": 2.0,
        "brightness": 0.15,
        "contrast": 0.15,
        "saturation": 0.15,
        "hue": 0.01,
        "gray_share": 0.0,
    },
    "standard": {},  # AugmentationChoices' own defaults
    "strong": {
        "rotation_degrees": 25.0,
        "shift": 0.15,
        "zoom": (0.7, 1.3),
        "shear_degrees": 12.0,
        "brightness": 0.45,
        "contrast": 0.45,
        "saturation": 0.45,
        "hue": 0.04,
        "gray_share": 0.3,
        "blur_share": 0.2,
        "erase_share": 0.4,
    },
}


def with_preset(section: Mapping[str, Any]) -> dict[str, Any]:
    """Fill a recipe's [augmentation] with its preset's strengths; those that it names itself
    stay.
    """
    preset = section.get("preset")
    known = (
        isinstance(preset, str) and preset in PRESETS
    )  # what isn't, is said where all choices are checked
    return {**(PRESETS[str(preset)] if known else {}), **section}
