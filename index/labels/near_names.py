"""Names that are nearly the same: of files that a label file may mean, and of individuals."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from unicodedata import category, normalize

from index.labels.fields import list_some

_MOST_DESCRIBED = 5


class LikelyFile(NamedTuple):
    """A name without a file, the file that it may mean, and in what alone the two differ."""

    name: str
    file: str
    way: str


def likely_files(absent: Sequence[str], unlabelled: Sequence[str]) -> list[LikelyFile]:
    """Pair absent names with unlabelled files that differ in one way alone.

    That is letter case, suffix or folder, or folder and suffix together.
    """
    ways: dict[str, Callable[[str], str]] = {
        "letter case": str.casefold,
        "suffix": lambda name: _stem(name).casefold(),
        "folder": lambda name: name.rpartition("/")[2].casefold(),
        "folder and suffix": lambda name: _stem(name.rpartition("/")[2]).casefold(),
    }
    pairs: dict[str, LikelyFile] = {}
    for way, key in ways.items():
        remaining = [name for name in absent if name not in pairs]
        absent_count = Counter(map(key, remaining))
        candidates: dict[str, list[str]] = {}
        for name in unlabelled:
            candidates.setdefault(key(name), []).append(name)
        for name in remaining:
            files = candidates.get(key(name), [])
            if len(files) == 1 and absent_count[key(name)] == 1:
                pairs[name] = LikelyFile(name, files[0], way)
    return [pairs[name] for name in sorted(pairs)]


def describe_likely_files(pairs: Sequence[LikelyFile], folder: Path | None = None) -> str:
    """Write which files absent names may mean, and what to do; empty without any.

    `folder`: the folder of photos, where another one can be given in its place (--photos).
    """
    if not pairs:
        return ""
    first = pairs[0]
    below = _common_folder((each.name, each.file) for each in pairs)
    if folder is not None and below:
        return f"but {first.file} is: give --photos {folder / below}"
    above = _common_folder((each.file, each.name) for each in pairs)
    if (
        folder is not None
        and above
        and folder.resolve().parts[-len(Path(above).parts) :] == (Path(above).parts)
    ):
        up = folder.resolve()
        for _ in Path(above).parts:
            up = up.parent
        return f"but {first.file} is: the names start with {above}/, so give --photos {up}"
    counts = Counter(each.way for each in pairs)
    ways = ", ".join(f"{count:,} in {way}" for way, count in counts.most_common())
    return (
        f"but {first.file} is; {len(pairs):,} of the names differ from a file without a label in "
        f"one thing alone ({ways}): mend the names in the label file, or rename the files"
    )


def describe_similar_numbers(labels: Iterable[str | None]) -> list[str]:
    """Write which labels differ in zeros alone, as after a spreadsheet: `001` and `1`."""
    counts = Counter(label for label in labels if label is not None)
    groups: dict[str, list[str]] = {}
    for label in counts:
        if any(sign.isdigit() for sign in label):
            groups.setdefault(without_zeros(label), []).append(label)
    alike = [sorted(group) for group in groups.values() if len(group) > 1]
    if not alike:
        return []
    texts = [
        " and ".join(f"{label} ({_photos(counts[label])})" for label in group)
        for group in sorted(alike)[:_MOST_DESCRIBED]
    ]
    more = len(alike) - _MOST_DESCRIBED
    rest = f", and {more:,} more" if more > 0 else ""
    return [
        f"labels that differ in zeros alone count as different individuals: {', '.join(texts)}"
        f"{rest}; spreadsheets take leading zeros away: spell each in one way"
    ]


def describe_similar_spellings(labels: Iterable[str | None]) -> list[str]:
    """Write which labels differ in letter case, blanks, width or invisible signs alone."""
    counts = Counter(label for label in labels if label is not None)
    groups: dict[str, list[str]] = {}
    for label in counts:
        groups.setdefault(spelling(label), []).append(label)
    alike = sorted(sorted(group) for group in groups.values() if len(group) > 1)
    if not alike:
        return []
    texts = [
        " and ".join(f"{label!r} ({_photos(counts[label])})" for label in group)
        for group in alike[:_MOST_DESCRIBED]
    ]
    more = len(alike) - _MOST_DESCRIBED
    rest = f", and {more:,} more" if more > 0 else ""
    return [
        "labels that differ in letter case, blanks or invisible signs alone count as different "
        f"individuals: {', '.join(texts)}{rest}; spell each in one way"
    ]


def spelling(label: str) -> str:
    """A label without letter case, width, invisible signs and doubled blanks."""
    visible = "".join(sign for sign in normalize("NFKC", label) if category(sign) != "Cf")
    return " ".join(visible.casefold().split())


def describe_similar_names(name: str, others: Sequence[str]) -> list[str]:
    """Write which ids a new individual's name differs from by little, where there are any."""
    if not others:
        return []
    return [
        f"{name!r} makes a new individual, and differs from {list_some([repr(x) for x in others])} "
        "in letter case, width, blanks, invisible signs or zeros alone; undo this where it is "
        "the same animal"
    ]


def describe_new_numbers(labels: Iterable[str | None], known: Mapping[str, str]) -> list[str]:
    """Write which labels a catalogue knows with other zeros; `known` is `by_number` of its names.

    A table that went through a spreadsheet says `1` where the catalogue says `001`.
    """
    named = set(known.values())
    found = sorted(
        f"{label} for {known[without_zeros(label)]}"
        for label in {label for label in labels if label is not None} - named
        if without_zeros(label) in known
    )
    return (
        [
            "labels that the catalogue has with other zeros count as different individuals: "
            f"{list_some(found)}; spreadsheets take leading zeros away: write the catalogue's names"
        ]
        if found
        else []
    )


def describe_new_spellings(labels: Iterable[str | None], names: Iterable[str]) -> list[str]:
    """Write which labels a catalogue's names differ from in what `spelling` takes for the same."""
    known = {spelling(name): name for name in names}
    new = {label for label in labels if label is not None} - set(known.values())
    found = sorted(
        f"{label!r} for {known[spelling(label)]!r}" for label in new if spelling(label) in known
    )
    return (
        [
            "labels that the catalogue has with other letter case, blanks or invisible signs count "
            f"as different individuals: {list_some(found)}; write the catalogue's names"
        ]
        if found
        else []
    )


def by_number(names: Iterable[str]) -> dict[str, str]:
    """Names with digits by what they are without leading zeros."""
    return {without_zeros(name): name for name in names if any(sign.isdigit() for sign in name)}


def without_zeros(label: str) -> str:
    """A label without the zeros that a program may add or take away: `001`, `1` and `1.0`."""
    label = label.strip()
    if re.fullmatch(r"\d+[.,]0+", label):
        label = re.split(r"[.,]", label)[0]
    return re.sub(r"(?<![\d.,])0+(?=\d)", "", label)


def _photos(count: int) -> str:
    return f"{count:,} photo{'' if count == 1 else 's'}"


def _common_folder(pairs: Iterable[tuple[str, str]]) -> str:
    """The one folder that stands before the first of each pair in the second; empty if none."""
    folders = {
        longer.removesuffix("/" + shorter) if longer.endswith("/" + shorter) else ""
        for shorter, longer in pairs
    }
    return folders.pop() if len(folders) == 1 else ""


def _stem(name: str) -> str:
    """A name without its suffix, if it has one: label files often leave it out."""
    folder, slash, last = name.rpartition("/")
    return folder + slash + (last.rpartition(".")[0] or last)
