"""The arithmetic of docs/scaling.md: what 10 and 100 million photos take, from what was measured.

    python tests/bench/scaling.py [--photos 10000000 100000000] [--cores 16] [--days 2]

Prints the tables of docs/scaling.md. Every measured number stands below with the page it is from;
the rest is multiplication, and nothing here was measured at those sizes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

GIB, MIB, TB = 2**30, 2**20, 10**12

# docs/performance.md, "Search by what is there": live numbers of a vector, 4 bytes each in memory.
LIVE = {"humpback, nyala": 192, "right whale": 432}
STORED_NUMBERS = 816  # docs/performance.md; a catalogue stores all of them as float32
# docs/performance.md, "Measured from 1,000 photos to 1,000,000": four photos in five with 192
# numbers, one with 432.
MIXED = (4 * 192 + 432) / 5
MEMORY_AT_A_MILLION = 1332 * MIB  # a start with a snapshot
MEMORY_WITHOUT_AT_A_MILLION = 2718 * MIB  # a start without one
SNAPSHOT_AT_A_MILLION = 1187 * MIB
START_SECONDS_AT_A_MILLION = 0.74
START_WITHOUT_SECONDS_AT_A_MILLION = 63.0
SEARCH_MS_AT_A_MILLION = 7.6  # 95 of 100 queries, one thread, engine auto
# docs/performance.md, "Camera files": CPU ms a photo, decoding and the network with what is around.
CAMERA_FILE_MS = 93 + 24
CAMERA_FILE_BYTES = 6e6
# docs/experiments.md, "Embedding", file 12: photos a second of two idle cores.
SECOND_OF_TWO_CORES = {"flukes of 100 px": 79, "heads or flanks of 224 px": 39}

# What a photo takes beside its vector: names, facts, columns. From the two lines above.
FACTS_BYTES = MEMORY_AT_A_MILLION / 1e6 - 4 * MIXED


def memory_bytes(photos: int, live: float) -> float:
    """What one service holds of so many photos, with a snapshot."""
    return photos * (4 * live + FACTS_BYTES)


def core_hours(photos: int, kind: str) -> float:
    """Hours of one core that embedding so many photos takes."""
    if kind == "camera files of 24 megapixels":
        return photos * CAMERA_FILE_MS / 1000 / 3600
    return photos * 2 / SECOND_OF_TWO_CORES[kind] / 3600


def rows(photos: Sequence[int], cores: int, days: float) -> list[list[str]]:
    """The lines of the table: what, then a cell for each number of photos."""
    millions = [each / 1e6 for each in photos]
    table = [["", *(f"{each:,.0f} million photos" for each in millions)]]
    for species, live in {**LIVE, "one in five a right whale": MIXED}.items():
        held = [memory_bytes(each, live) / GIB for each in photos]
        table.append([f"memory of a service, {species}", *(f"{each:,.0f} GiB" for each in held)])
    table += [
        ["snapshot on disk", *(f"{n * SNAPSHOT_AT_A_MILLION / GIB:,.0f} GiB" for n in millions)],
        [
            "memory of a start without a snapshot",
            *(f"{n * MEMORY_WITHOUT_AT_A_MILLION / GIB:,.0f} GiB" for n in millions),
        ],
        ["start with a snapshot", *(f"{n * START_SECONDS_AT_A_MILLION:,.0f} s" for n in millions)],
        [
            "start without",
            *(f"{n * START_WITHOUT_SECONDS_AT_A_MILLION / 60:,.0f} min" for n in millions),
        ],
        ["a query, one core", *(f"{n * SEARCH_MS_AT_A_MILLION:,.0f} ms" for n in millions)],
        [
            "vectors in the database, without indexes",
            *(f"{each * 4 * STORED_NUMBERS / GIB:,.0f} GiB" for each in photos),
        ],
        ["originals of 6 MB", *(f"{each * CAMERA_FILE_BYTES / TB:,.0f} TB" for each in photos)],
    ]
    for kind in [*SECOND_OF_TWO_CORES, "camera files of 24 megapixels"]:
        hours = [core_hours(each, kind) for each in photos]
        table.append([f"embed again, {kind}", *(f"{each:,.0f} core hours" for each in hours)])
        table.append(
            [
                f"the same, nodes of {cores} cores for {days:g} days",
                *(f"{each / cores / 24 / days:,.1f}" for each in hours),
            ]
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=int, nargs="+", default=[10_000_000, 100_000_000])
    parser.add_argument("--cores", type=int, default=16)
    parser.add_argument("--days", type=float, default=2)
    options = parser.parse_args()
    table = rows(options.photos, options.cores, options.days)
    print(f"a photo beside its vector: {FACTS_BYTES:.0f} bytes")
    for number, row in enumerate(table):
        print("| " + " | ".join(row) + " |")
        if number == 0:
            print("| --- " * len(row) + "|")


if __name__ == "__main__":
    main()
