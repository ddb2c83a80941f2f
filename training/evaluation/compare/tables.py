"""A comparison as Markdown tables, one section each, with a line on how to read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training.evaluation.metrics import FPIRS

Figures = dict[str, Any]

_NOT_MEASURED = "Not measured: the labels hold too few photos of a kind."


def markdown_of(figures: Figures, name: str) -> str:
    """Write the sections of `compare` and `abundance` as one page."""
    parts = [
        f"# Ways to answer, compared on {name}",
        "Choices and thresholds are fitted to gallery photos and to new whales that are no "
        "queries. Brackets: 95 % "
        "interval, by bootstrap over individuals.",
        "## Scores",
        _scores(figures["scores"]),
        "## Photos of one encounter",
        "Simulated: two held-out photos of an individual with four or more stand for one "
        "encounter. New: the same "
        "encounter with its individual taken out of the gallery. Last column: what passes a "
        "threshold that a tenth "
        "of single photos of new animals pass.",
        _fusion(figures["fusion"]),
        "## Open-set scores",
        "All judge the nearest individual. ECE: of the fitted probability, as the queries are "
        "mixed / at the share of "
        "new whales that the calibration assumes / of the score itself where it states a "
        "probability.",
        _open_set(figures["open_set"]),
        "## A growing gallery",
        "The threshold for the promised FPIR fitted to each size, or kept from the smallest. "
        "Means over draws.",
        _growth(figures["growth"]),
        "## Abundance",
        "Expected counts of two seasons; Chapman (1951). Misses alone multiply an estimate by 1 "
        "/ (1 - missed).",
        _abundance(figures["abundance"]),
    ]
    return "\n\n".join(parts) + "\n"


def _scores(scores: Figures) -> str:
    rows = [
        [
            name,
            _choices(one["choices"]),
            *_closed(one.get("known", {})),
            *_closed(one.get("disjoint", {})),
            *(
                _share(one.get("open", {}), key)
                for key in ("auroc", "fnir_at_fpir_0.1", "fnir_at_fpir_0.01")
            ),
        ]
        for name, one in scores.items()
    ]
    closed = ("top-1 / MAP@5", "MAP@5 gained")
    columns = [
        "score",
        "chosen",
        *(f"{group} {each}" for group in ("known", "disjoint") for each in closed),
    ]
    return _table([*columns, "AUROC", "FNIR at FPIR .1", "at .01"], rows)


def _closed(figures: Figures) -> list[str]:
    return [
        f"{_share(figures, 'top1')} / {_share(figures, 'map5')}",
        _interval(figures, "map5_gain_95"),
    ]


def _fusion(galleries: Figures) -> str:
    rows = [
        [gallery, name, _share(one, "top1"), _interval(one, "top1_gain_95"), _share(one, "map5")]
        + [_share(one, key) for key in ("auroc", "fnir_at_fpir_0.1", "fpir_at_one_photo_s")]
        for gallery, figures in galleries.items()
        for name, one in figures["answers"].items()
    ]
    columns = [
        "gallery",
        "answer from",
        "top-1",
        "gained",
        "MAP@5",
        "AUROC known/new",
        "FNIR at FPIR .1",
    ]
    return _table([*columns, "FPIR at one photo's .1"], rows)


def _open_set(scores: Figures) -> str:
    errors = (
        "calibration_error",
        "calibration_error_at_assumed_share",
        "calibration_error_as_stated",
    )
    rows = [
        [name, _choices(one["choices"]), _share(one, "auroc")]
        + [_share(one, f"fnir_at_fpir_{fpir}") for fpir in FPIRS]
        + [_interval(one, "fnir_at_fpir_0.1_change_95")]
        + [f"{_share(one, 'fpir_promised')} / {_share(one, 'fpir_measured')}"]
        + [" / ".join(_share(one, error) for error in errors)]
        for name, one in scores.items()
    ]
    rates = [f"FNIR at FPIR {fpir}".replace("0.", ".") for fpir in FPIRS]
    columns = [
        "score",
        "chosen",
        "AUROC",
        *rates,
        "change at .1",
        "FPIR promised / measured",
        "ECE",
    ]
    return _table(columns, rows)


def _growth(rows: Sequence[Figures]) -> str:
    table = [
        [
            f"{row['individuals']:,.0f}",
            f"{row['photos']:,.0f}",
            f"{row['known_queries']:.0f}",
            _share(row, "threshold"),
        ]
        + [f"{_share(row, 'fpir')} ({_share(row, 'fpir_lowest')}-{_share(row, 'fpir_highest')})"]
        + [_share(row, key) for key in ("fnir", "fpir_kept", "fnir_kept")]
        for row in rows
    ]
    columns = [
        "individuals",
        "photos",
        "known queries",
        "threshold",
        "FPIR (lowest-highest)",
        "FNIR",
    ]
    return _table([*columns, "FPIR, threshold kept", "FNIR, kept"], table)


def _abundance(figures: Figures) -> str:
    rows = [
        [
            name.replace("_", " "),
            _share(one, "missed_or_wrong"),
            _share(one, "mistaken"),
            _times(one["inflation"]),
        ]
        + [_count(one[kind]["chapman"]) for kind in ("missed_alone", "with_mistakes")]
        for name, one in figures.items()
        if name.startswith("up_to")
    ]
    if not rows:
        return _NOT_MEASURED
    truth = f"{figures['population']:,} animals, {figures['season']} photographed in each season"
    without = (
        f"Without errors the estimate is {_count(figures['without_errors']['chapman'])} ({truth})."
    )
    columns = ["answers taken", "missed or wrong", "new taken for known", "1 / (1 - missed)"]
    table = _table([*columns, "estimate, misses alone", "estimate, with mistakes"], rows)
    return f"{without}\n\n{table}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return _NOT_MEASURED
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _choices(choices: Figures) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in choices.items())


def _share(figures: Figures, name: str) -> str:
    """A share to three places, as the benchmarks page writes them: .123."""
    return f"{figures[name]:.3f}".replace("0.", ".", 1) if name in figures else "-"


def _interval(figures: Figures, name: str) -> str:
    return "-" if name not in figures else f"[{figures[name][0]:+.3f}, {figures[name][1]:+.3f}]"


def _times(factor: float | None) -> str:
    return "-" if factor is None else f"{factor:.2f}"


def _count(animals: float | None) -> str:
    return "-" if animals is None else f"{animals:,.0f}"
