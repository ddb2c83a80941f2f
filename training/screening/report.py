"""What a screening head does with photos that it wasn't fitted to, as lines for people."""

from __future__ import annotations

import numpy as np

from embedding.screening import Screening
from training.screening.fit import Examples
from training.screening.vectors import OtherThings


def measured_text(head: Screening, examples: Examples, other_things: OtherThings) -> str:
    """One line for each species and each kind of other things that was held out."""
    lines = [f"animal_threshold {head.animal_threshold:.4f}"]
    for species, vectors in examples.held_out.items():
        refused = float(np.mean(head.animal_scores(vectors) < head.animal_threshold))
        turned = np.count_nonzero(head.quarter_turns(vectors)) / len(vectors)
        lines.append(f"{species}: {refused:.2%} refused, {turned:.2%} taken for turned")
    for kind, vectors in other_things.vectors.items():
        refused = float(np.mean(head.animal_scores(vectors) < head.animal_threshold))
        lines.append(f"{kind}: {refused:.2%} refused")
    return "\n".join(lines)
