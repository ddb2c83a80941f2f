"""Within a wing imports lead to lower floors; folders are small."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

from tests.house.figures import ROOT, import_graph, modules_in_folders
from tests.house.planting import plant
from tests.house.test_layers import MAY_IMPORT, files_of

FLOORS = Path(__file__).with_name("floors.toml")
MOST_MODULES = 12


def units_of(floors: dict[str, list[list[str]]]) -> dict[str, int]:
    """The floor of each unit by its dotted name, such as index.search or service.jobs.queue."""
    return {
        f"{wing}.{unit.replace('/', '.')}": number
        for wing, levels in floors.items()
        for number, units in enumerate(levels)
        for unit in units
    }


def unit_of(module: str, units: dict[str, int]) -> str | None:
    """The unit that a module belongs to: its own, or that of the nearest folder above it."""
    parts = module.split(".")
    names = [".".join(parts[:count]) for count in range(len(parts), 1, -1)]
    return next((name for name in names if name in units), None)


def floor_breaches(root: Path, floors: dict[str, list[list[str]]]) -> list[str]:
    """Imports within a wing that don't lead to a lower floor, and modules that have no floor."""
    units = units_of(floors)
    breaches: list[str] = []
    for name, imported in sorted(import_graph(root).items()):
        wing = name.partition(".")[0]
        own = unit_of(name, units)
        is_bare = wing not in floors or name.endswith(".__init__")
        if own is None and not is_bare:
            breaches.append(f"{name} has no floor; name its folder in tests/house/floors.toml")
        for other in sorted(imported):
            theirs = unit_of(other, units)
            if own is None or theirs is None or own == theirs or other.partition(".")[0] != wing:
                continue
            if units[theirs] >= units[own]:
                breaches.append(
                    f"{name} (floor {units[own]}) imports {other} (floor {units[theirs]}); "
                    "what both need belongs on a lower floor"
                )
    return breaches


def crowded_folders(root: Path) -> list[str]:
    """Folders of a wing with more modules than a person takes in at a glance."""
    return [
        f"{folder} has {count} modules; at most {MOST_MODULES}"
        for folder, count in sorted(modules_in_folders(root).items())
        if count > MOST_MODULES
    ]


def busy_packages(root: Path) -> list[str]:
    """Packages whose __init__.py is more, or less, than one docstring."""
    found: list[str] = []
    for path in files_of(root):
        if path.name == "__init__.py":
            tree = ast.parse(path.read_text("utf-8"))
            if not (ast.get_docstring(tree) and len(tree.body) == 1):
                found.append(path.relative_to(root).as_posix())
    return found


def test_within_a_wing_imports_lead_to_lower_floors() -> None:
    floors = tomllib.loads(FLOORS.read_text("utf-8"))
    assert set(floors) == set(MAY_IMPORT)
    assert floor_breaches(ROOT, floors) == []


def test_every_unit_of_the_floors_is_there() -> None:
    units = units_of(tomllib.loads(FLOORS.read_text("utf-8")))
    paths = [ROOT / unit.replace(".", "/") for unit in units]
    assert [
        path for path in paths if not (path.is_dir() or path.with_suffix(".py").is_file())
    ] == []


def test_no_folder_is_crowded() -> None:
    assert crowded_folders(ROOT) == []


def test_a_package_says_what_it_is_for_and_no_more() -> None:
    # `from client import Client` is what docs/client.md promises to programs.
    assert busy_packages(ROOT) == ["client/__init__.py"]


def test_an_import_of_the_same_or_a_higher_floor_is_seen(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        index_search="from index.storage import x",
        index_storage="from index.labels import y\ndef f():\n    import index.search",
        index_labels="",
        index_attic="",
    )
    floors = {"index": [["labels"], ["search", "storage"]]}
    what = "what both need belongs on a lower floor"
    assert floor_breaches(root, floors) == [
        "index.attic has no floor; name its folder in tests/house/floors.toml",
        f"index.search (floor 1) imports index.storage (floor 1); {what}",
        f"index.storage (floor 1) imports index.search (floor 1); {what}",
    ]


def test_a_unit_is_the_nearest_that_is_named() -> None:
    units = units_of({"service": [["jobs/context"], ["jobs"]]})
    assert unit_of("service.jobs.context", units) == "service.jobs.context"
    assert unit_of("service.jobs.kinds.export", units) == "service.jobs"
    assert unit_of("service.app", units) is None


def test_a_crowded_folder_and_a_busy_package_are_seen(tmp_path: Path) -> None:
    root = plant(tmp_path, **{f"index_m{number}": "" for number in range(MOST_MODULES + 1)})
    (root / "index" / "__init__.py").write_text("from index.m1 import x\n")
    assert crowded_folders(root) == ["index has 13 modules; at most 12"]
    assert busy_packages(root) == ["index/__init__.py"]
