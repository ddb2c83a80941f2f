"""The kinds of input that the doors are tried with; a kind is a function that makes a case."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.flows.doors.cases import Case
from tests.flows.doors.doors import DOORS

# The doors by which labels come in, whatever their format.
LABELS = (
    *("index build", "index update", "import: CSV", "import: folder", "import: zip"),
    *("COCO", "Camtrap DP", "HTTP job", "data check"),
)
# What reads a label file of any format; there a format's own kinds are tried, too.
ANY_FORMAT = ("index build", "index update", "import: zip", "HTTP job", "data check")
FORMS = {"COCO": "coco", "Camtrap DP": "camtrap"}

MakeCase = Callable[[str], Case | None]
KINDS: dict[str, MakeCase] = {}


def kind(title: str, doors: Sequence[str]) -> Callable[[MakeCase], MakeCase]:
    """Register a kind under the title of its row. None: the kind can't come in by that door.

    A kind of one format (`doors` names COCO or Camtrap DP and no door of CSV) is tried at each door
    that reads any format.
    """
    assert set(doors) <= set(DOORS)
    own = [door for door in doors if door in FORMS]
    is_of_format = bool(own) and not set(doors) & {"import: CSV", "import: folder"}

    def register(make: MakeCase) -> MakeCase:
        assert title not in KINDS

        def made(door: str) -> Case | None:
            if is_of_format and door in ANY_FORMAT:
                case = make(door)
                if case is not None:
                    case.options.setdefault("form", FORMS[own[0]])
                return case
            return make(door) if door in doors else None

        KINDS[title] = made
        return made

    return register
