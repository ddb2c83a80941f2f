"""Check a labelled set: labels against files, every file, and all pictures for duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedding.photos.photo_files import count_suffixes
from index.labels.labelled_photo import BoxOrientation
from index.progress import Progress, no_progress
from training.data.duplicates import find_duplicates
from training.data.file_facts import FileFacts, read_file_facts
from training.data.findings import Case, Finding, findings_of
from training.sets.agreement import Agreement, compare_with_files

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a labelled set holds and what is wrong with it."""

    source: Path
    folder: Path
    facts: Facts
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong; what is only worth knowing doesn't count."""
        return not any(finding.is_wrong for finding in self.findings)

    def to_json(self) -> Facts:
        """Plain values: every case of every finding."""
        return {
            "labels": str(self.source),
            "photos": str(self.folder),
            "is_clean": self.is_clean,
            "facts": self.facts,
            "findings": [_finding_json(finding) for finding in self.findings],
            "warnings": list(self.warnings),
        }


def check_set(
    labels: Path | None,
    folder: Path,
    *,
    boxes: BoxOrientation | None = None,
    progress: Progress = no_progress,
) -> CheckReport:
    """Find everything that can be wrong with labels and photos.

    Without `labels` every sub-folder is a label.

    Photos are decoded a few at a time: memory grows by some 2 kB a photo. Raises BadLabels where
    there is no photo or no label file.
    """
    agreement = compare_with_files(labels, folder, boxes=boxes)
    folder = agreement.folder
    names = agreement.files
    files: list[FileFacts] = []
    with progress(len(names), "Reading photos") as advance:
        for file, _ in read_file_facts(names, folder):
            files.append(file)
            advance(1)
    with progress(len(files), "Comparing pictures") as advance:
        duplicates = find_duplicates(files)
        advance(len(files))
    findings = findings_of(agreement, files, duplicates)
    return CheckReport(
        agreement.source, folder, set_facts(agreement, files), tuple(findings), agreement.warnings
    )


def set_facts(agreement: Agreement, files: Sequence[FileFacts]) -> Facts:
    """Count a set: labels, files, sizes, colours and what EXIF holds."""
    named = [photo.individual for photo in (*agreement.labelled, *agreement.absent)]
    per_label = Counter(individual for individual in named if individual is not None)
    return {
        "rows": len(named) + len(agreement.disputed),
        "labels": len(per_label),
        "labels_seen_once": sum(count == 1 for count in per_label.values()),
        "new_whale": named.count(None),
        "files": len(files),
        "not_looked_at": count_suffixes(agreement.others),
        "labelled_files": len(agreement.labelled),
        **summarise_files([file for file in files if file.fault is None]),
    }


def summarise_files(files: Sequence[FileFacts]) -> Facts:
    """Count what readable photos are: bytes, sizes in pixels, formats, colours, EXIF."""
    return {
        "bytes": sum(file.size_bytes for file in files),
        "sizes": len({(file.width_px, file.height_px) for file in files}),
        "width_px": _spread([file.width_px for file in files]),
        "height_px": _spread([file.height_px for file in files]),
        "formats": _counted(file.file_format for file in files),
        "modes": _counted(file.mode for file in files),
        "tints": _counted(file.tint for file in files),
        "with_alpha": sum(file.has_alpha for file in files),
        "turned": sum(file.orientation != 1 for file in files),
        "with_place": sum(file.has_place for file in files),
        "with_time": sum(file.taken_at is not None for file in files),
    }


def _spread(lengths: Sequence[int]) -> list[int]:
    """Shortest, median and longest."""
    return [min(lengths), int(np.median(lengths)), max(lengths)] if lengths else []


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _finding_json(finding: Finding) -> Facts:
    return {
        "kind": finding.kind,
        "title": finding.title,
        "is_wrong": finding.is_wrong,
        "count": len(finding.cases),
        "advice": finding.advice,
        "cases": [_case_json(case) for case in finding.cases],
    }


def _case_json(case: Case) -> Facts:
    return {"photos": list(case.photos), "labels": list(case.labels), "said": case.detail}
