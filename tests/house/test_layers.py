"""The wings import each other one way only, without cycles, and every outside library has its one
door.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.figures import circles, import_graph
from tests.house.planting import plant

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
    "argon2": {"index/access/accounts/"},
    "PIL": {"embedding/photos/", "embedding/explanation/", "demo/"},
    "pillow_heif": {"embedding/photos/"},
    "simplejpeg": {"embedding/photos/"},
    "onnx": {"embedding/exporting/"},
    "onnx_ir": {"embedding/exporting/"},
    "onnxscript": {"embedding/exporting/"},
    "openpyxl": {"index/tables/"},
    "openvino": {"embedding/graphs/"},
    "timm": {"embedding/networks/"},
    "torch": {"embedding/", "training/", "doctor.py"},
    "torchvision": {"training/learning/", "training/localisation/", "doctor.py"},
    "safetensors": {"embedding/", "training/learning/", "training/run/"},
    "faiss": {"index/search/"},
    "filelock": {"training/run/", "training/tuning/sweep/"},
    "scipy": {
        "index/calibration/",
        "training/classification/",
        "training/evaluation/",
        "training/learning/",
        "demo/",
    },
    "sklearn": {"training/classification/"},
    "sqlalchemy": {
        "index/access/",
        "index/catalogue/",
        "index/curation/",
        "index/snapshots/",
        "index/exchange/backup/",
        "index/jobs/",
        "index/reindex/",
        "index/pgvector/",
        "index/milvus/",
        "index/engines/",
        "index/sightings/",
        "index/storage/",
    },
    "sqlite3": {"index/storage/"},
    "psycopg": {"index/storage/"},
    "pymilvus": {"index/milvus/"},
    "fsspec": {"index/objects/"},
    "ray": {"index/nodes/", "training/distributed/"},
    "pytorch_metric_learning": {"training/learning/"},
    "matplotlib": {"training/"},
    "mlflow": {"training/run/"},
    "tensorboard": {"training/run/"},
    "wandb": {"training/run/"},
    "optuna": {"training/tuning/sweep/"},
    "tomli_w": {"training/tuning/sweep/"},
    "fastapi": {"service/"},
    "httpx": {"client/"},
    "httpx_sse": {"client/"},
    "starlette": {"service/"},
    "uvicorn": {"service/"},
    "opentelemetry": {"service/telemetry/"},
    "prometheus_client": {"service/telemetry/"},
    "pydantic": {"client/", "service/", "training/recipes/"},
    "pydantic_settings": {"service/"},
}


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
    assert circles(import_graph(ROOT)) == []


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
    assert circles(import_graph(root)) == [["index.a", "index.b", "index.c"]]


@pytest.mark.parametrize(
    "hidden",
    [
        "def f():\n    from index import a",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from index.a import x",
    ],
)
def test_a_cycle_within_a_function_or_for_types_is_seen(tmp_path: Path, hidden: str) -> None:
    root = plant(tmp_path, index_a="from index import b", index_b=hidden)
    assert circles(import_graph(root)) == [["index.a", "index.b"]]
