"""What a training on kinds leaves for people and programs: figures as JSON and Markdown, answers as
CSV, pictures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from embedding.checkpoint import write_atomically
from index.search.vectors import FloatArray
from training.classification.classifier import Classifier, Method
from training.classification.figures import draw_confusion, draw_curves_of_kinds, draw_reliability
from training.classification.fitting import Kinds
from training.classification.metrics import Measures, measure, reliability
from training.classification.predictions import answers_csv, answers_of

REPORT = "report.json"
_MOST_KINDS = 40  # rows of the table in report.md; report.json has all
_SUMMARY = (
    "accuracy",
    "balanced_accuracy",
    "auc",
    "average_precision",
    "log_loss",
    "calibration_error",
)


@dataclass(frozen=True, slots=True)
class PartVectors:
    """One part's photos by name, their vectors (n, d) and kinds (n,)."""

    part: str
    names: tuple[str, ...]
    vectors: FloatArray
    kinds: Kinds


def report_of(
    classifiers: Mapping[Method, Classifier], chosen: Method, parts: Sequence[PartVectors]
) -> dict[str, Any]:
    """All figures: every method on every part, and the chosen method's in full on the last part,
    test.
    """
    kept, test = classifiers[chosen], parts[-1]
    probabilities = kept.probabilities(test.vectors)
    full = measure(probabilities, test.kinds, kept.names)
    return {
        "classes": list(kept.names),
        "photos": {seen.part: len(seen.kinds) for seen in parts},
        "method": chosen,
        "methods": {
            method: {
                "temperature": one.temperature,
                **({"neighbours": one.neighbours} if method == "nearest" else {}),
                **{
                    seen.part: _summary(
                        measure(one.probabilities(seen.vectors), seen.kinds, one.names)
                    )
                    for seen in parts
                },
            }
            for method, one in classifiers.items()
        },
        "test": {
            **_summary(full),
            "classes": [asdict(each) for each in full.kinds],
            "confusion": full.confusion.tolist(),
            "reliability": [
                {"stated": stated, "right": right, "photos": photos}
                for stated, right, photos in reliability(probabilities, test.kinds)
            ],
        },
    }


def write_report(report: Mapping[str, Any], test: PartVectors, kept: Classifier, out: Path) -> None:
    """Write report.json, report.md, test_predictions.csv and the pictures; report.json last, as the
    sign of the end.
    """
    probabilities = kept.probabilities(test.vectors)
    draw_curves_of_kinds(
        probabilities, test.kinds, kept.names, out / "roc_and_precision_recall.png"
    )
    draw_confusion(np.array(report["test"]["confusion"]), kept.names, out / "confusion.png")
    draw_reliability(
        report["test"]["reliability"], report["test"]["calibration_error"], out / "reliability.png"
    )
    answers = answers_of(kept, test.names, test.vectors)
    write_atomically(out / "test_predictions.csv", answers_csv(answers).encode())
    write_atomically(out / "report.md", markdown_of(report).encode())
    write_atomically(out / REPORT, (json.dumps(report, indent=2) + "\n").encode())


def _summary(measured: Measures) -> dict[str, Any]:
    return {name: getattr(measured, name) for name in _SUMMARY} | {
        "accuracy_interval_95": list(measured.interval_95),
        "photos": measured.photos,
    }


def table_of(report: Mapping[str, Any]) -> Table:
    """The methods on validation and test, for a terminal; the kept one is marked."""
    table = Table(title=f"{len(report['classes'])} classes, {report['photos']['test']} test photos")
    for column in ("method", "validation", "test", "balanced", "AUC", "avg. prec.", "ECE"):
        table.add_column(column, justify="left" if column == "method" else "right", no_wrap=True)
    for method, told in report["methods"].items():
        test = told["test"]
        figures = [
            test[name] for name in ("accuracy", "balanced_accuracy", "auc", "average_precision")
        ]
        name = f"{method} *" if method == report["method"] else method
        table.add_row(
            name,
            _figure(told["validation"]["accuracy"]),
            *map(_figure, figures),
            _figure(test["calibration_error"]),
        )
    table.caption = (
        "accuracy on validation and test, then the rest on test; * the best on validation, kept"
    )
    return table


def markdown_of(report: Mapping[str, Any]) -> str:
    """The same figures as a page: methods, classes, and what the pictures show."""
    kinds: list[dict[str, Any]] = report["test"]["classes"]
    photos = report["photos"]
    lines = [
        "# Classes",
        "",
        f"{len(report['classes'])} classes; {photos['train']} photos learned from, "
        f"{photos['validation']} to choose "
        f"and calibrate by, {photos['test']} asked at the end. Kept, as the best on validation: "
        f"{report['method']}.",
        "",
        "| method | part | photos | accuracy | 95 % | balanced accuracy | AUC | average "
        "precision | ECE |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *("| " + " | ".join(cells) + " |" for cells in _rows(report)),
        "",
        "AUC and average precision are means over the classes, each against all others. ECE: "
        "expected calibration "
        "error of the stated probability, in ten bins. On train, nearest neighbours find the "
        "photo itself.",
        "",
        "## Each class, on test",
        "",
        "| class | photos | precision | recall | F1 | AUC | average precision |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(_kind_row(each) for each in kinds[:_MOST_KINDS]),
    ]
    if len(kinds) > _MOST_KINDS:
        lines += ["", f"{len(kinds) - _MOST_KINDS} more classes are in report.json."]
    lines += ["", "## Pictures, on test", ""]
    for file, said in (
        ("roc_and_precision_recall.png", "ROC and precision-recall curves"),
        ("confusion.png", "Confusion matrix: true classes down, answers across"),
        ("reliability.png", "Reliability: stated probability against the share that is right"),
    ):
        lines += [f"![{said}]({file})", ""]
    return "\n".join(lines)


def _rows(report: Mapping[str, Any]) -> list[list[str]]:
    rows: list[list[str]] = []
    for method, told in report["methods"].items():
        for part in report["photos"]:
            one = told[part]
            low, high = one["accuracy_interval_95"]
            rows.append(
                [
                    f"{method} (kept)" if method == report["method"] else method,
                    part,
                    str(one["photos"]),
                    _figure(one["accuracy"]),
                    f"{low:.3f}-{high:.3f}",
                    *(
                        _figure(one[name])
                        for name in ("balanced_accuracy", "auc", "average_precision")
                    ),
                    _figure(one["calibration_error"]),
                ]
            )
    return rows


def _kind_row(each: Mapping[str, Any]) -> str:
    figures = [
        _figure(each[name]) for name in ("precision", "recall", "f1", "auc", "average_precision")
    ]
    name = str(each["name"]).replace("|", "\\|")
    return f"| {name} | {each['photos']} | " + " | ".join(figures) + " |"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
