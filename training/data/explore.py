"""Explore a labelled set: photos per label, species, times, places counted, tones, sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.labels.reader import BadLabels, LabelledPhoto, Labels
from index.progress import Progress, no_progress
from training.data.check import Facts, summarise_files
from training.data.file_facts import FileFacts, read_file_facts


@dataclass(frozen=True, slots=True)
class TimeCoverage:
    """When photos were taken, by their labels or, where these say nothing, by their files."""

    by_label: int  # photos whose label says it
    by_file: int  # photos whose file alone says it
    first: str
    last: str
    per_year: Mapping[int, int]
    per_month: Mapping[int, int]  # 1 to 12, of all years together
    labels_on_several_days: int


@dataclass(frozen=True, slots=True)
class Exploration:
    """A labelled set in numbers; `new_whale` photos count in no label.

    Tones: the mean photo's shares of each value.
    """

    source: Path
    folder: Path
    photos: tuple[LabelledPhoto, ...]
    per_label: Mapping[str, int]  # most photographed first
    new_whale: int
    encounters: int
    species: Mapping[str, tuple[int, int]]  # photos, labels
    time: TimeCoverage | None
    labels_with_place: int
    photos_with_region: int  # by their label file; which region would be a place: left out
    regions: int
    tones: NDArray[np.float64]  # (3, 256): red, green, blue
    sizes_px: Mapping[tuple[int, int], int]  # (width, height) to photos
    files: Facts
    unread: tuple[tuple[str, str], ...]  # name, what is wrong
    warnings: tuple[str, ...]

    @property
    def single_photo_labels(self) -> int:
        """How many labels have a single photo."""
        return sum(count == 1 for count in self.per_label.values())

    @property
    def channel_means(self) -> NDArray[np.float64]:
        """The mean of red, green and blue, (3,), 0 to 1; every photo counts the same."""
        return self.tones @ np.arange(256) / 255

    @property
    def channel_deviations(self) -> NDArray[np.float64]:
        """The standard deviation over all pixels of red, green and blue, (3,), 0 to 1."""
        squares = self.tones @ np.arange(256) ** 2 / 255**2
        return np.sqrt(np.maximum(squares - self.channel_means**2, 0))

    def to_json(self) -> dict[str, Any]:
        """Plain values; no place is among them."""
        time = self.time
        return {
            "labels_file": str(self.source),
            "photos_folder": str(self.folder),
            "photos": len(self.photos),
            "labels": len(self.per_label),
            "labels_seen_once": self.single_photo_labels,
            "new_whale": self.new_whale,
            "encounters": self.encounters,
            "labels_by_photos": {
                str(n): labels for n, labels in sorted(Counter(self.per_label.values()).items())
            },
            "per_label": dict(self.per_label),
            "species": {
                name: {"photos": photos, "labels": labels}
                for name, (photos, labels) in self.species.items()
            },
            "time": None
            if time is None
            else {name: getattr(time, name) for name in TimeCoverage.__slots__},
            "labels_with_place": self.labels_with_place,
            "photos_with_region": self.photos_with_region,
            "regions": self.regions,
            "channel_means": self.channel_means.round(4).tolist(),
            "channel_deviations": self.channel_deviations.round(4).tolist(),
            "files": self.files,
            "unread": dict(self.unread),
            "warnings": list(self.warnings),
        }


def explore_set(read: Labels, folder: Path, *, progress: Progress = no_progress) -> Exploration:
    """Read every labelled photo that is there, a few at a time, and count.

    Raises BadLabels where none can be read.
    """
    folder = read.folder or folder
    tones = np.zeros((3, 256))
    files: list[FileFacts] = []
    unread: list[tuple[str, str]] = []
    with progress(len(read.photos), "Reading photos") as advance:
        for file, shares in read_file_facts([photo.name for photo in read.photos], folder):
            if shares is None:
                unread.append((file.name, file.fault or ""))
            else:
                files.append(file)
                tones += shares
            advance(1)
    if not files:
        raise BadLabels(
            f"{folder}: none of the {len(read.photos):,} labelled photos can be read: "
            f"{unread[0][1]}"
        )
    facts_by_name = {file.name: file for file in files}
    counts = photos_per_label(read.photos)
    with_place = {
        photo.individual
        for photo in read.photos
        if photo.name in facts_by_name and facts_by_name[photo.name].has_place
    }
    return Exploration(
        source=read.source,
        folder=folder,
        photos=read.photos,
        per_label=counts,
        new_whale=len(read.photos) - sum(counts.values()),
        encounters=len({photo.encounter for photo in read.photos} - {None}),
        species=_species(read.photos),
        time=time_coverage(read.photos, {file.name: file.taken_at for file in files}),
        labels_with_place=len(with_place - {None}),
        photos_with_region=sum(photo.region is not None for photo in read.photos),
        regions=len({photo.region for photo in read.photos} - {None}),
        tones=tones / len(files),
        sizes_px=Counter((file.width_px, file.height_px) for file in files),
        files=summarise_files(files),
        unread=tuple(unread),
        warnings=read.warnings,
    )


def photos_per_label(photos: Sequence[LabelledPhoto]) -> dict[str, int]:
    """Count photos by label, most photographed first, equal ones by name; new_whale is none."""
    counts = Counter(photo.individual for photo in photos if photo.individual is not None)
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def time_coverage(
    photos: Sequence[LabelledPhoto], of_files: Mapping[str, str | None]
) -> TimeCoverage | None:
    """Count photos by year and by month; None where nothing says when any was taken."""
    times = {photo.name: photo.taken_at or of_files.get(photo.name) for photo in photos}
    dated = {name: time for name, time in times.items() if time is not None}
    if not dated:
        return None
    by_label = sum(photo.taken_at is not None for photo in photos)
    days: dict[str, set[str]] = {}
    for photo in photos:
        if photo.individual is not None and len(time := dated.get(photo.name, "")) >= 10:
            days.setdefault(photo.individual, set()).add(time[:10])
    return TimeCoverage(
        by_label=by_label,
        by_file=len(dated) - by_label,
        first=min(dated.values())[:10],
        last=max(dated.values())[:10],
        per_year=dict(sorted(Counter(int(time[:4]) for time in dated.values()).items())),
        per_month=dict(
            sorted(Counter(int(time[5:7]) for time in dated.values() if len(time) >= 7).items())
        ),
        labels_on_several_days=sum(len(each) > 1 for each in days.values()),
    )


def _species(photos: Sequence[LabelledPhoto]) -> dict[str, tuple[int, int]]:
    counted = Counter(photo.species for photo in photos if photo.species is not None)
    labels: dict[str, set[str]] = {}
    for photo in photos:
        if photo.species is not None and photo.individual is not None:
            labels.setdefault(photo.species, set()).add(photo.individual)
    return {name: (count, len(labels.get(name, ()))) for name, count in counted.most_common()}
