"""What is said of an attempt to memorise photos: figures, and where to look when it failed."""

from __future__ import annotations

from training.recipes.choices import Recipe
from training.rehearsal.overfit import MEMORISED, Memorised

_WHY = (
    "A run that can't memorise a few photos won't learn many: its figures would say something "
    "of a fault, not of the "
    "animals. Look, in this order:"
)


def figures(found: Memorised) -> str:
    """The verdict in one line and what it rests on in another."""
    verdict = "yes: memorised" if found.is_yes else "no: not memorised"
    count = f"{len(found.photos)} photos of {found.individuals} individuals"
    right = round(found.top1 * len(found.photos))
    return (
        f"{verdict} {count} after {found.steps} steps, {found.seconds:.0f} s\n"
        f"top-1 among them {found.top1:.3f} ({right} of {len(found.photos)}; "
        f"{found.top1_before:.3f} before), loss "
        f"{found.loss_first:.4g} -> {found.loss_last:.4g}"
    )


def advice(found: Memorised, recipe: Recipe) -> str:
    """Where to look when the answer is no, the likeliest first, by what was measured."""
    rate = (
        f"optimiser.rate is {recipe.optimiser.rate:g}: train --find-rate FILE.png shows "
        "which rates teach at all"
    )
    lines: list[str] = []
    if not found.is_finite:
        lines.append(
            f'the loss became no number: lower the rate, or compute.precision = "float32". {rate}'
        )
    elif found.loss_last > 0.9 * found.loss_first:
        lines.append(f"the loss hardly fell. {rate}")
    if found.top1_by_batch >= MEMORISED:
        lines.append(
            f"with a batch's own statistics top-1 is {found.top1_by_batch:.3f}: it learned, and "
            "its batch norms lag "
            "behind. Give batches more photos, or a lower rate"
        )
    if found.mistakes:
        shown = "; ".join(
            f"{one.photo.name} ({one.photo.individual}) is nearest to {one.nearest.name} "
            f"({one.nearest.individual})"
            for one in found.mistakes[:3]
        )
        lines.append(
            f"are these labelled right, and not one picture twice? {shown}. flukeprint data "
            "check tells"
        )
    lines.append(
        f"can {recipe.input.width_px} x {recipe.input.height_px} px show what sets them apart? "
        "--show-augmentation FILE.png shows what the network sees"
    )
    if found.is_finite and found.loss_last <= 0.9 * found.loss_first:
        lines.append(rate)
    lines.append(
        "the loss and its margin: --set loss.0.margin_degrees=0, or another kind, and the "
        "network's size"
    )
    return "\n".join([_WHY, *(f"{at}. {line}" for at, line in enumerate(lines, start=1))])
