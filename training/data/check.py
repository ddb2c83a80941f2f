"""Check a labelled set: labels against files, then every file, then all pictures against each
other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from index.progress import Progress, no_progress
from training.data.duplicates import find_alike
from training.data.file_facts import PhotoLook, look_at_all
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
    labels: Path | None, folder: Path, *, progress: Progress = no_progress
) -> CheckReport:
    """Look for everything that can be wrong with labels and photos; `labels` None: a sub-folder for
    each label.

    Photos are decoded a few at a time: memory grows by some 2 kB a photo. Raises BadLabels where
    there is no photo or no label file.
    """
    agreement = compare_with_files(labels, folder)
    files = agreement.files
    looks: list[PhotoLook] = []
    with progress(len(files), "Looking at photos") as advance:
        for look, _ in look_at_all(files, folder):
            looks.append(look)
            advance(1)
    with progress(len(looks), "Comparing pictures") as advance:
        alike = find_alike(looks)
        advance(len(looks))
    findings = findings_of(agreement, looks, alike)
    return CheckReport(
        agreement.source, folder, set_facts(agreement, looks), tuple(findings), agreement.warnings
    )


def set_facts(agreement: Agreement, looks: Sequence[PhotoLook]) -> Facts:
    """Count a set: labels, files, sizes, colours and what EXIF holds."""
    named = [photo.individual for photo in (*agreement.labelled, *agreement.absent)]
    per_label = Counter(individual for individual in named if individual is not None)
    return {
        "rows": len(named) + len(agreement.disputed),
        "labels": len(per_label),
        "labels_seen_once": sum(count == 1 for count in per_label.values()),
        "new_whale": named.count(None),
        "files": len(looks),
        "labelled_files": len(agreement.labelled),
        **look_facts([look for look in looks if look.fault is None]),
    }


def look_facts(looks: Sequence[PhotoLook]) -> Facts:
    """Count what readable photos are: bytes, sizes in pixels, formats, colours, EXIF."""
    return {
        "bytes": sum(look.size_bytes for look in looks),
        "sizes": len({(look.width_px, look.height_px) for look in looks}),
        "width_px": _spread([look.width_px for look in looks]),
        "height_px": _spread([look.height_px for look in looks]),
        "formats": _counted(look.file_format for look in looks),
        "modes": _counted(look.mode for look in looks),
        "tints": _counted(look.tint for look in looks),
        "with_alpha": sum(look.has_alpha for look in looks),
        "turned": sum(look.orientation != 1 for look in looks),
        "with_place": sum(look.has_place for look in looks),
        "with_time": sum(look.taken_at is not None for look in looks),
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
    return {"photos": list(case.photos), "labels": list(case.labels), "said": case.said}
