"""Kinds of labels: words, numbers, names, times, boxes, and photos of several animals."""

from __future__ import annotations

from unicodedata import normalize

from index.labels.reading.stored_boxes import turn_box
from tests.flows.doors.cases import Case, Outcome, exif, package, pattern
from tests.flows.doors.registry import LABELS, kind

NAMED = (*LABELS, "HTTP upload")  # the doors by which an animal gets its name
A = "a.jpg"


@kind("05 a word for nobody: `unknown`, `NA`, `?`", NAMED)
def words_for_nobody(door: str) -> Case:
    def is_right(found: Outcome) -> bool:
        return found.of(A) is not None and found.of(A).individual is None

    case = Case({A: pattern(1)}, is_right)
    case.told = "read as new_whale|means that nobody knows the animal"
    return case.label(A, "Desconocido" if door == "import: folder" else "unknown")


@kind("05 a word for nobody with a number: `unknown 3`", NAMED)
def words_with_numbers(door: str) -> Case:
    told = "looks? like (a )?words? for an animal that nobody knows"
    return Case({A: pattern(1)}, _is("unknown 3"), told).label(A, "unknown 3")


@kind("06 an individual's id that is missing: `NaN`, null, `NA`", ("COCO", "Camtrap DP"))
def missing_ids(door: str) -> Case:
    case = Case({A: pattern(1), "b.jpg": pattern(2)}, lambda found: found.of(A) is not None)
    case.told = "1 (annotations|observation) names? no individual"
    return case.label(A, "NA", json="NaN").label("b.jpg", "w_2", json='"w_2"')


@kind("06 a whole number with a point: `12.0`", ("COCO",))
def numbers_with_points(door: str) -> Case:
    return Case({A: pattern(1)}, _is("12")).label(A, json="12.0")


@kind("06 `true` as an id", ("COCO",))
def true_as_id(door: str) -> Case:
    told = "true, which names no individual"
    return Case({A: pattern(1)}, _is("True"), told).label(A, json="true")


@kind("08 accents as macOS writes them (NFD)", NAMED)
def decomposed_names(door: str) -> Case:
    name, label = "Balén_a.jpg", "Baléna"
    on_disk, spelt = (normalize("NFD", text) for text in (name, label))
    case = Case({on_disk: pattern(1)}, lambda found: _has(found, name, normalize("NFC", label)))
    return case.label(on_disk if door == "HTTP upload" else name, spelt)


@kind("11 a time in another way of writing: `20210403`", (*LABELS, "HTTP upload"))
def other_times(door: str) -> Case | None:
    if door == "import: folder":
        return None

    def is_right(found: Outcome) -> bool:
        return found.of(A) is not None and found.of(A).taken_at == "2021-04-03"

    return Case({A: pattern(1)}, is_right).label(A, taken_at="20210403")


@kind("17 numbers that differ in zeros alone: `001`, `1`", LABELS)
def leading_zeros(door: str) -> Case:
    case = Case({A: pattern(1), "b.jpg": pattern(2)}, _is("001"), "zeros")
    return case.label(A, "001").label("b.jpg", "1")


@kind("two animals in one photo", (*LABELS,))
def two_animals(door: str) -> Case | None:
    if door == "import: folder":
        return None
    case = Case({A: pattern(1), "b.jpg": pattern(2)}, lambda found: found.of(A) is not None)
    case.told = "has two labels|w_1 or w_2"
    return case.label(A, "w_1").label(A, "w_2").label("b.jpg", "w_2")


@kind("boxes of a picture as it is stored, in pixels", ("COCO",))
def stored_boxes(door: str) -> Case:
    stored = (0.1, 0.2, 0.4, 0.6)
    turned = turn_box(stored, 6)

    def is_right(found: Outcome) -> bool:
        box = found.of(A).box
        return all(abs(one - other) < 0.01 for one, other in zip(box, turned, strict=True))

    case = Case({A: pattern(1, exif=exif(orientation=6))}, is_right, "were turned upright")
    return case.label(A, box=" ".join(map(str, stored)))


@kind("boxes of a turned picture in shares, which may be of either picture", LABELS)
def boxes_in_shares(door: str) -> Case | None:
    if door in ("import: folder", "COCO"):
        return None
    upright = (0.1, 0.2, 0.4, 0.6)

    def is_right(found: Outcome) -> bool:
        box = found.of(A).box
        return all(abs(one - other) < 0.01 for one, other in zip(box, upright, strict=True))

    told = "nothing says which picture the boxes were measured on"
    case = Case({A: pattern(1, exif=exif(orientation=3))}, is_right, told)
    return case.label(A, box=" ".join(map(str, upright)))


@kind("13 a Camtrap DP package with semicolons, lists of files, web addresses", ("Camtrap DP",))
def packages_of_others(door: str) -> Case:
    case = Case({A: pattern(1)}, _is("w_1"))
    case.texts = {
        "datapackage.json": package(is_list=True).encode(),
        "media.csv": b"mediaID;timestamp;filePath;fileName\nm1;NA;https://example.org/a.jpg;a.jpg\n",
        "observations.csv": b"observationID;mediaID;individualID\no1;m1;w_1\n",
    }
    return case


@kind("13 a Camtrap DP observation of a whole event with several photos", ("Camtrap DP",))
def whole_events(door: str) -> Case:
    photos = {name: pattern(at) for at, name in enumerate([A, "b.jpg", "c.jpg"])}
    case = Case(photos, lambda found: found.of(A) is not None, "of an event with several photos")
    media = "".join(
        f"m{at},2021-04-03T10:0{at}:00Z,media/{name}\n" for at, name in enumerate(photos)
    )
    case.texts = {
        "datapackage.json": package().encode(),
        "media.csv": f"mediaID,timestamp,filePath\n{media}".encode(),
        "observations.csv": b"observationID,mediaID,eventStart,eventEnd,individualID\n"
        b"o1,,2021-04-03T10:00:00Z,2021-04-03T10:01:00Z,w_1\no2,m2,,,w_2\n",
    }
    return case


def _is(individual: str):
    return lambda found: _has(found, A, individual)


def _has(found: Outcome, name: str, individual: str) -> bool:
    one = found.of(name)
    return one is not None and one.individual == individual
