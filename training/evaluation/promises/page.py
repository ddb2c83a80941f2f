"""What was promised and what came, as Markdown tables, each with a line on how to read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Figures = dict[str, Any]

_NOT_MEASURED = "Not measured: the labels hold too few photos of a kind."
_CALIBRATIONS = {"own": "that of three photos", "single": "that of single photos"}
_CATALOGUES = {
    "exclusive": "this species and no other",
    "pooled": "all species, one calibration",
    "own": "all species, each its own calibration",
}


def markdown_of(figures: Figures, name: str) -> str:
    """Write the sections of `compare_all` as one page."""
    draws = figures["small"][0]["draws"] if figures["small"] else 0
    parts = [
        f"# Promises and what came of them, measured on {name}",
        "Every catalogue is drawn from the photos and calibrated on itself. No query is in it. "
        "`promises.png` shows the same figures as curves.",
        "## False-positive rates",
        "Read: of photos of animals that the catalogue lacks, the share that was called `known`; "
        "in brackets that share divided by the promised rate. At most 1 keeps the promise. "
        "The last column is the price: known animals that were not called by their name.",
        _rates(figures["rates"]),
        "## Small catalogues",
        f"Read: the mean share over {draws} draws, divided by the promised rate. At most 1 keeps "
        "the promise. A draw that can't promise a rate refuses it.",
        _small(figures["small"]),
        "## Probabilities, by the share of new animals",
        "Read: how far stated probabilities are from the share that is right, on average (15 "
        "bins). 0 is best. The share of new animals was unset (.3 is then assumed), set to what "
        "it was, or estimated from 400 queries; brackets are the estimate's 95 % interval. "
        "So few queries show an error even of exact probabilities: the last column has its mean, "
        "and what 95 of 100 stay within. Known queries are drawn by photo, as animals are met.",
        _shares(figures["shares"]),
        "## Three frames of everything",
        "Read: the same calibration error, of a catalogue in which every photo is three frames of "
        "one encounter. Trials leave out the whole encounter where it is known.",
        _bursts(figures["bursts"]),
        "## Encounters of three photos",
        "Read: of encounters with animals that the catalogue lacks, the share called `known`; of "
        "those with known animals, the share called `known` by the right name.",
        _encounters(figures["encounters"]),
        "## Several species in one catalogue",
        "Read: a species should fare beside others as it does without them.",
        _species(figures["species"]),
    ]
    return "\n\n".join(parts) + "\n"


def _rates(rows: Sequence[Figures]) -> str:
    columns = ["individuals", "promised", "absent individuals", "new_whale photos", "known missed"]
    return _table(
        columns,
        [
            [
                f"{row['individuals']:,}",
                _share(row["promised"]),
                *(
                    f"refused: at least {_share(row['smallest'])}"
                    if row["is_refused"]
                    else _ratio(row[kind], row["promised"])
                    for kind in ("absent", "new_whales")
                ),
                _share(row["missed"]),
            ]
            for row in rows
        ],
    )


def _small(rows: Sequence[Figures]) -> str:
    columns = ["individuals", "promised", "measured / promised", "draws that refused it"]
    return _table(
        columns,
        [
            [
                str(row["individuals"]),
                _share(row["promised"]),
                "-" if row["measured"] is None else f"{row['measured'] / row['promised']:.2f}",
                f"{row['refused']} of {row['draws']}",
            ]
            for row in rows
        ],
    )


def _shares(rows: Sequence[Figures]) -> str:
    columns = ["share new", "error, unset", "error, set", "error, estimated", "estimate"]
    columns.append("error by chance (95 %)")
    return _table(
        columns,
        [
            [
                _share(row["share"], 1),
                *(_share(row[how]["error"]) for how in ("unset", "set", "estimated")),
                _estimate(row["estimate"]),
                f"{_share(row['set']['chance']['mean'])} "
                f"({_share(row['set']['chance']['within'])})",
            ]
            for row in rows
        ],
    )


def _estimate(estimate: Figures | None) -> str:
    if estimate is None:
        return "none: photos of one individual don't find each other"
    low, high = _share(estimate["low"], 2), _share(estimate["high"], 2)
    return f"{_share(estimate['share'], 2)} ({low}-{high})"


def _bursts(figures: Figures) -> str:
    named = (("the encounters", "facts"), ("nothing of them", "blind"))
    rows = [[what, _share(figures[key]["error"])] for what, key in named if figures]
    return _table(["the calibration knows", "calibration error"], rows)


def _encounters(rows: Sequence[Figures]) -> str:
    columns = ["calibration", "promised", "absent called known", "known found and `known`"]
    return _table(
        columns,
        [
            [
                _CALIBRATIONS[row["calibration"]],
                _share(row["promised"]),
                f"{_share(row['absent'])} of {row['absent_queries']}",
                f"{_share(row['found'])} of {row['known_queries']}",
            ]
            for row in rows
        ],
    )


def _species(rows: Sequence[Figures]) -> str:
    columns = ["species", "catalogue", "promised", "absent called known"]
    return _table(
        [*columns, "known called new_whale"],
        [
            [
                row["species"],
                _CATALOGUES[row["catalogue"]],
                *(_share(row[key]) for key in ("promised", "absent", "refused")),
            ]
            for row in rows
        ],
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return _NOT_MEASURED
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _ratio(share: float | None, promised: float) -> str:
    return "-" if share is None else f"{_share(share)} ({share / promised:.2f})"


def _share(share: float | None, decimals: int = 3) -> str:
    """A share as the benchmarks page writes them: .123; "-" where there is none."""
    return "-" if share is None else f"{share:.{decimals}f}".replace("0.", ".", 1)
