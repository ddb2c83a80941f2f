"""The wings import each other one way only, without cycles, and every outside library has its one
door.
"""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MAY_IMPORT = {
    "embedding": {"embedding"},
    "client": {"embedding", "client"},
    "index": {"embedding", "client", "index"},
    "training": {"embedding", "index", "training"},
    "service": {"embedding", "index", "service"},
    "demo": {"embedding", "index", "demo"},
}
# A path is a door; one that ends in / is every file below it. `doctor.py` asks libraries how they
# are.
# The folders in which a library may be imported; `doctor.py` asks libraries how they are.
DOORS = {
    "PIL": {"embedding/photos/", "embedding/explanation/", "demo/"},
    "pillow_heif": {"embedding/photos/"},
    "timm": {"embedding/networks/"},
    "torch": {"embedding/", "training/", "doctor.py"},
    "torchvision": {"training/learning/", "training/localisation/", "doctor.py"},
    "safetensors": {"embedding/", "training/learning/", "training/run/"},
    "faiss": {"index/search/"},
    "filelock": {"training/run/"},
    "scipy": {
        "index/calibration/",
        "training/classification/",
        "training/learning/",
        "demo/",
    },
    "sklearn": {"training/classification/"},
    "sqlalchemy": {
        "index/access/",
        "index/catalogue/",
        "index/curation/",
        "index/exchange/backup/",
        "index/jobs/",
        "index/reindex/",
        "index/storage/",
    },
    "sqlite3": {"index/storage/"},
    "psycopg": {"index/storage/"},
    "pytorch_metric_learning": {"training/learning/"},
    "matplotlib": {"training/"},
    "tensorboard": {"training/run/"},
    "optuna": {"training/tuning/sweep/"},
    "tomli_w": {"training/tuning/sweep/"},
    "fastapi": {"service/"},
    "httpx": {"client/"},
    "starlette": {"service/"},
    "uvicorn": {"service/"},
    "prometheus_client": {"service/telemetry/"},
    "pydantic": {"service/", "training/recipes/"},
    "pydantic_settings": {"service/"},
}
FLOORS = Path(__file__).with_name("floors.toml")
MOST_MODULES = 12


def files_of(root: Path) -> list[Path]:
    """The wings' modules and those beside them."""
    wings = [path for wing in MAY_IMPORT for path in (root / wing).rglob("*.py")]
    return sorted([*wings, *root.glob("*.py")])


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported anywhere in a file, also by
    import_module("name").
    """
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            named = [one.value for one in node.args if isinstance(one, ast.Constant)]
            yield from ((node.lineno, str(name)) for name in named[:1])


def order_breaches(root: Path) -> list[str]:
    """Imports against the one-way order; relative ones too, as they hide where they go."""
    breaches: list[str] = []
    for path in files_of(root):
        wing = path.relative_to(root).parts[0]
        for line, name in imports_of(path):
            target = name.partition(".")[0]
            if name.startswith("."):
                breaches.append(
                    f"{path.relative_to(root)}:{line} imports relatively; name the wing"
                )
            elif (
                wing in MAY_IMPORT
                and target in {*MAY_IMPORT, "flukeprint", "doctor"} - MAY_IMPORT[wing]
            ):
                breaches.append(
                    f"{path.relative_to(root)}:{line} imports {name}; {wing} may import "
                    f"{sorted(MAY_IMPORT[wing])}"
                )
    return breaches


def door_breaches(root: Path) -> list[str]:
    """Imports of a library elsewhere than at its door."""
    breaches: list[str] = []
    for path in files_of(root):
        where = path.relative_to(root).as_posix()
        for line, name in imports_of(path):
            doors = DOORS.get(name.partition(".")[0])
            if doors is not None and not any(
                where == door or (door[-1] == "/" and where.startswith(door)) for door in doors
            ):
                breaches.append(
                    f"{where}:{line} imports {name}; its door is {', '.join(sorted(doors))}: "
                    "ask there"
                )
    return breaches


def imports_between(root: Path) -> dict[str, set[str]]:
    """Which of our modules each of them imports: at the top, within functions, and for types."""
    modules = {
        ".".join(path.relative_to(root).with_suffix("").parts): path for path in files_of(root)
    }
    packages = {name.removesuffix(".__init__"): name for name in modules}
    graph: dict[str, set[str]] = {}
    for name, path in modules.items():
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                whole = {f"{node.module}.{each.name}" for each in node.names} & set(packages)
                names |= whole or {node.module}
            elif isinstance(node, ast.Import):
                names |= {each.name for each in node.names}
        graph[name] = {packages[each] for each in names if each in packages} - {name}
    return graph


def cycles(root: Path) -> list[str]:
    """Modules that import each other, wherever in them the imports stand."""
    graph = imports_between(root)
    found: list[str] = []
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> None:
        if name in way:
            found.append(" -> ".join([*way[way.index(name) :], name]))
        elif name not in done:
            for imported in sorted(graph[name]):
                visit(imported, [*way, name])
            done.add(name)

    for name in graph:
        visit(name, [])
    return found


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
    for name, imported in sorted(imports_between(root).items()):
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
    counts = Counter(path.parent for path in files_of(root) if path.name != "__init__.py")
    return [
        f"{folder.relative_to(root).as_posix()} has {count} modules; at most {MOST_MODULES}"
        for folder, count in sorted(counts.items())
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


def plant(root: Path, **files: str) -> Path:
    """Write small wings: `index_gallery="import timm"` becomes index/gallery.py."""
    for name, text in files.items():
        path = root / (name.replace("_", "/", 1) + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_the_wings_import_one_way() -> None:
    assert len(files_of(ROOT)) > 50
    assert order_breaches(ROOT) == []


def test_the_client_knows_no_more_of_the_wings_than_the_root_of_errors() -> None:
    known = {
        name
        for path in (ROOT / "client").rglob("*.py")
        for _, name in imports_of(path)
        if name.partition(".")[0] in MAY_IMPORT and not name.startswith("client")
    }
    assert known == {"embedding.errors"}


def test_libraries_are_imported_at_their_doors_only() -> None:
    assert door_breaches(ROOT) == []


def test_every_door_is_used() -> None:
    used = {
        (name.partition(".")[0], path.relative_to(ROOT).as_posix())
        for path in files_of(ROOT)
        for _, name in imports_of(path)
    }
    unused = [
        f"{library} at {door}"
        for library, doors in DOORS.items()
        for door in doors
        if not any(one == library and where.startswith(door) for one, where in used)
    ]
    assert unused == []


def test_no_modules_import_each_other() -> None:
    assert cycles(ROOT) == []


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


def test_an_import_against_the_order_is_seen(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        index_gallery="def f():\n    from service.app import create_app\n",
        embedding_photo="from . import exif",
    )
    assert order_breaches(root) == [
        "embedding/photo.py:1 imports relatively; name the wing",
        "index/gallery.py:2 imports service.app; index may import ['client', 'embedding', 'index']",
    ]


def test_a_library_elsewhere_than_at_its_door_is_seen(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        index_gallery="import numpy\nimport torch.nn",
        service_app="import importlib\nimportlib.import_module('faiss')",
    )
    assert door_breaches(root) == [
        "index/gallery.py:2 imports torch.nn; "
        "its door is doctor.py, embedding/, training/: ask there",
        "service/app.py:2 imports faiss; its door is index/search/: ask there",
    ]


def test_a_cycle_is_seen(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        index_a="from index import b",
        index_b="from index.c import x",
        index_c="import index.a",
    )
    assert cycles(root) == ["index.a -> index.b -> index.c -> index.a"]


@pytest.mark.parametrize(
    "hidden",
    [
        "def f():\n    from index import a",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from index.a import x",
    ],
)
def test_a_cycle_within_a_function_or_for_types_is_seen(tmp_path: Path, hidden: str) -> None:
    root = plant(tmp_path, index_a="from index import b", index_b=hidden)
    assert cycles(root) == ["index.a -> index.b -> index.a"]


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
