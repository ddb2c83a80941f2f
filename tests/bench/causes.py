"""Of 200 misses whose cause was told by eye, those that a report's checkpoint misses still.

    python tests/bench/causes.py runs/compared

`miss_causes.csv` has them: photo, part (known or disjoint), the main cause, and 1 where the reader
was unsure. The report is one of `flukeprint evaluate --every-miss` on the humpback set with split
seed 0.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from pathlib import Path

CAUSES = Path(__file__).with_name("miss_causes.csv")
PARTS = {"known": "misses.csv", "disjoint": "disjoint/misses.csv"}


def main() -> None:
    """Print a table of causes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", type=Path)
    report: Path = parser.parse_args().report
    looked_at = _rows(CAUSES)
    missed = {(row["photo"], part) for part, name in PARTS.items() for row in _rows(report / name)}
    still = [row for row in looked_at if (row["photo"], row["part"]) in missed]
    print(f"| cause | known | disjoint | of {len(looked_at)} | unsure | missed still |")
    print("| --- | --- | --- | --- | --- | --- |")
    left = Counter(row["cause"] for row in still)
    for cause, count in Counter(row["cause"] for row in looked_at).most_common():
        some = [row for row in looked_at if row["cause"] == cause]
        known = sum(row["part"] == "known" for row in some)
        unsure = sum(row["unsure"] == "1" for row in some)
        print(f"| {cause} | {known} | {count - known} | {count} | {unsure} | {left[cause]} |")
    print(f"missed still: {len(still)} of {len(looked_at)}")
    for part in PARTS:
        seen = {row["photo"] for row in looked_at if row["part"] == part}
        all_of_it = {photo for photo, own in missed if own == part}
        print(
            f"{part}: {len(all_of_it)} misses, {len(all_of_it - seen)} of them not among the "
            f"{len(seen)} looked at"
        )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    main()
