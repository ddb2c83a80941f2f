"""What each member of an ensemble finds by itself, from the vectors of a report.

    python tests/bench/members.py checkpoint runs/report

An ensemble's vector has its members' parts side by side; a part alone, or two together, are
searched as the whole is. The report is one of `flukeprint evaluate` on one species, and only the
members that answer for it are told of.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from evaluated import Evaluated

from embedding.checkpoint import read_header
from embedding.networks.mirror import fused_dim
from embedding.networks.network import NetworkConfig

_ABSENT = 0.1  # a mean length: a gate sends single photos to others' members


def main() -> None:
    """Print known and disjoint top-1 and AUROC of every member, of every two, and of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("report", type=Path)
    given = parser.parse_args()
    report: Path = given.report
    header = read_header(given.checkpoint)
    if "members" not in header.network:
        parser.error(f"{given.checkpoint} is no ensemble")
    configs = [
        NetworkConfig.from_dict(_without_size(member)) for member in header.network["members"]
    ]
    sizes = [
        fused_dim(config.embedding_dim, config.mirror_fusion, config.odd_dims) for config in configs
    ]
    vectors = Evaluated(report).vectors
    parts = dict(enumerate(np.split(vectors, np.cumsum(sizes)[:-1], axis=1), start=1))
    own = {at: part for at, part in parts.items() if np.linalg.norm(part, axis=1).mean() > _ABSENT}
    for count in range(1, len(own) + 1):
        for some in combinations(own, count):
            told = Evaluated(report, np.concatenate([own[at] for at in some], axis=1)).figures()
            print(
                f"{' and '.join(map(str, some))}: known {told[0]:.3f}, disjoint {told[1]:.3f}, "
                f"AUROC {told[2]:.3f}"
            )


def _without_size(member: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in member.items() if name != "input_px"}


if __name__ == "__main__":
    main()
