"""The rows of docs/experiments.md's tables of results, and what is answered at the default
thresholds, of reports.

    python tests/bench/rows.py runs/report-humpback runs/report-right_whale ...
    python tests/bench/rows.py --spread runs/report-seed8 runs/report-seed9 runs/report-seed10

A report is the folder that `flukeprint evaluate` wrote. With `--spread` the reports are of one set,
asked of trainings that differ by their seed alone: told is each figure's mean and standard
deviation (over one less than there are).
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluated import Evaluated

from index.search.matching import Thresholds, decide

_FIGURES = (
    *((part, figure) for part in ("known", "disjoint") for figure in ("top1", "top5", "map5")),
    *(("open", figure) for figure in ("auroc", "fnir_at_fpir_0.1", "fnir_at_fpir_0.01")),
)

_WIDER = ("big_gallery", "any_other_photo", "another_encounter", "another_day")
"""Other ways to ask about the disjoint individuals, where a report has them."""


def main() -> None:
    """Print each report's row and its decisions' shares, or the spread of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reports", nargs="+", type=Path)
    parser.add_argument("--spread", action="store_true")
    given = parser.parse_args()
    if not given.spread:
        _print_rows(given.reports)
    elif len(given.reports) < 2:
        parser.error("a spread wants two reports or more")
    else:
        _print_spread(given.reports)


def _print_rows(reports: Sequence[Path]) -> None:
    for report in reports:
        told: dict[str, Any] = json.loads((report / "report.json").read_text())
        known, disjoint, unknown = (told[part] for part in ("known", "disjoint", "open"))
        cells = [
            *(_interval(known, "top1"), _figure(known["top5"]), _interval(known, "map5")),
            *(_interval(disjoint, "top1"), _figure(disjoint["top5"]), _interval(disjoint, "map5")),
            *(
                _interval(unknown, "auroc"),
                _interval(unknown, "fnir_at_fpir_0.1"),
                _interval(unknown, "fnir_at_fpir_0.01"),
            ),
        ]
        print(f"| {report.name} | {' | '.join(cells)} |")
        for part in filter(told.__contains__, _WIDER):
            row = told[part]
            figures = (_interval(row, "top1"), _figure(row["top5"]), _interval(row, "map5"))
            print(f"| {part} | {row['queries']} | {' | '.join(figures)} |")
        calibrated = told["calibrated"]
        pairs = [
            ("fpir_promised_at_known", "fpir_measured_at_known"),
            ("kaggle_map5_with_new_whale", "new_whale_share_of_queries"),
            ("expected_calibration_error",),
            ("baks", "baus"),
        ]
        cells = (" / ".join(_figure(calibrated[one]) for one in pair) for pair in pairs)
        print(f"| calibrated | {' | '.join(cells)} |")
        for kind, decisions in _decisions(report, calibrated).items():
            shares = ", ".join(f"{share:.1%} {decision}" for decision, share in decisions.items())
            print(f"  {kind} queries answered: {shares}")


def _print_spread(reports: Sequence[Path]) -> None:
    told: list[dict[str, Any]] = [
        json.loads((report / "report.json").read_text()) for report in reports
    ]
    if any(_asked(each) != _asked(told[0]) for each in told):
        raise SystemExit(
            f"error: these reports are of different queries: {[_asked(each) for each in told]}"
        )
    for part, figure in _FIGURES:
        values = [each[part][figure] for each in told]
        spread = f"{_figure(statistics.mean(values))} +- {_figure(statistics.stdev(values))}"
        print(f"{part} {figure}: {spread} ({', '.join(map(_figure, values))})")


def _asked(told: dict[str, Any]) -> tuple[Any, ...]:
    return told["split"], told["gallery"], told["known"]["queries"], told["disjoint"]["queries"]


def _figure(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _interval(part: dict[str, Any], name: str) -> str:
    low, high = part["intervals_95"][name]
    return f"{_figure(part[name])} ({low:.2f}-{high:.2f})".replace("(0.", "(.").replace("-0.", "-.")


def _decisions(report: Path, calibrated: dict[str, Any]) -> dict[str, dict[str, float]]:
    thresholds = Thresholds(calibrated["threshold_known"], calibrated["threshold_new_whale"])
    asked = Evaluated(report)
    counted: dict[str, Counter[str]] = {"known": Counter(), "unknown": Counter()}
    for is_known, cosine in zip(asked.is_known, asked.nearest.tolist(), strict=True):
        counted["known" if is_known else "unknown"][decide(1.0 - cosine, thresholds)] += 1
    return {
        kind: {decision: count / decisions.total() for decision, count in sorted(decisions.items())}
        for kind, decisions in counted.items()
    }


if __name__ == "__main__":
    main()
