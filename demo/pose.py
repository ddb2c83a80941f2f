"""How a fluke stands before the camera: where each pixel of a photo lies on the flat fluke."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.noise import Floats


@dataclass(frozen=True)
class Pose:
    """One moment of a dive; lengths are shares of the photo's width unless they say otherwise."""

    span: float  # tip to tip
    centre_x: float
    roll_degrees: float  # rotation in the picture
    tallness: float  # foreshortening by the pitch of the tail: 1 stands upright
    widths: tuple[
        float, float
    ]  # foreshortening of the left and right lobe by the yaw: 1 faces the camera
    lifts: tuple[float, float]  # how far left and right tips rise above the notch, in half-spans
    droop: float  # how much the tips fall back over
    waterline: float  # y on the fluke, in half-spans, up to which the water covers it
    waterline_at: float  # where that is in the photo, as a share of its height from the top

    @classmethod
    def from_rng(cls, rng: np.random.Generator) -> Pose:
        """Draw a pose as whale watchers meet it: mostly square on, now and then well aside."""
        yaw, lift = rng.normal(0, 0.13), rng.uniform(0.12, 0.5)
        lifts = (lift + rng.normal(0, 0.05) + 0.2 * yaw, lift + rng.normal(0, 0.05) - 0.2 * yaw)
        return cls(
            span=rng.uniform(0.84, 0.97),
            centre_x=0.5 + rng.normal(0, 0.012),
            roll_degrees=rng.normal(0, 3),
            # The highest still fit a frame twice as wide as high.
            tallness=min(rng.uniform(0.72, 1.08), 0.80 / (0.5 + max(lifts))),
            widths=(float(np.clip(1 - yaw, 0.66, 1)), float(np.clip(1 + yaw, 0.66, 1))),
            lifts=lifts,
            droop=rng.uniform(-0.1, 0.12),
            waterline=rng.uniform(-0.5, -0.36),
            waterline_at=rng.uniform(0.80, 0.92),
        )

    def on_fluke(self, width_px: int, height_px: int) -> tuple[Floats, Floats]:
        """Give x and y on the flat fluke, in half-spans, for every pixel of a photo, each (h,
        w).
        """
        unit_px = self.span * width_px / sum(self.widths)
        across = (
            np.arange(width_px, dtype=np.float32) + 0.5 - self._middle_px(width_px, unit_px)
        ) / unit_px
        foot = self.tallness * (self.waterline - sum(self.lifts) / 4)
        up = (
            foot
            + (self.waterline_at * height_px - np.arange(height_px, dtype=np.float32) - 0.5)
            / unit_px
        )
        cos, sin = np.cos(np.radians(self.roll_degrees)), np.sin(np.radians(self.roll_degrees))
        x = cos * across[None, :] + sin * up[:, None]
        y = cos * up[:, None] - sin * across[None, :]
        left = x < 0
        x = x / np.where(left, self.widths[0], self.widths[1]).astype(np.float32)
        out = np.minimum(np.abs(x), 1.2)
        lift = np.where(left, self.lifts[0], self.lifts[1]).astype(np.float32)
        y = y / self.tallness - lift * out * np.sqrt(out + 0.05) + self.droop * out**4 + 0.5 * lift
        return x.astype(np.float32), y.astype(np.float32)

    def _middle_px(self, width_px: int, unit_px: float) -> float:
        """Place the notch so that the two unequal lobes are centred together."""
        return self.centre_x * width_px + (self.widths[0] - self.widths[1]) * unit_px / 2
