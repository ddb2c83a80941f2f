"""What importing loads: the index wing no torch, the service none of training's libraries, `--help`
nothing heavy.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TRAINING_ONLY = ("training", "pytorch_metric_learning", "matplotlib", "sklearn", "tensorboard")
HEAVY = ("torch", "timm", "faiss", "sqlalchemy", "matplotlib", "scipy", "numpy", "PIL", "fastapi")

# Imports the modules named, with some others blocked, and prints which of the watched are loaded
# then.
IMPORTING = """
import importlib, json, sys

watched, blocked, names = json.loads(sys.argv[1])

class Without:
    # A finder that does not find what is blocked, as if it were not installed.

    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        is_blocked = name.partition(".")[0] in blocked
        return None if is_blocked else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
for name in names:
    importlib.import_module(name)
print(json.dumps(sorted(set(watched) & set(sys.modules))))
"""

# Asks every command of an app for help, and prints which of the watched modules each has loaded.
HELPING = """
import contextlib, importlib, io, json, sys
from typer.main import get_command

watched, (module, function) = json.loads(sys.argv[1])
app = getattr(importlib.import_module(module), function)()

def walk(command, words):
    yield words
    for name, member in getattr(command, "commands", {}).items():
        yield from walk(member, [*words, name])

loaded = {}
root = get_command(app)
for words in walk(root, []):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        root([*words, "--help"], standalone_mode=False)
    assert "Usage" in said.getvalue(), words
    loaded[" ".join(words)] = sorted(set(watched) & set(sys.modules))
print(json.dumps(loaded))
"""


def python(script: str, given: object, root: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a fresh Python whose modules are those of `root`."""
    return subprocess.run(
        [sys.executable, "-c", script, json.dumps(given)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )


def modules_of(wing: str, root: Path = ROOT) -> list[str]:
    """Dotted names of a wing's modules."""
    paths = sorted((root / wing).rglob("*.py"))
    return [
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for path in paths
    ]


def test_the_index_wing_loads_no_torch() -> None:
    names = modules_of("index")
    assert len(names) > 15
    done = python(IMPORTING, [["torch", "timm"], [], names], ROOT)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_the_client_and_asking_a_service_load_nothing_heavy() -> None:
    names = [
        *modules_of("client"),
        "index.commands.remote",
        "index.commands.named_files",
        "index.commands.tables",
    ]
    assert len(names) > 10
    done = python(IMPORTING, [list(HEAVY), list(HEAVY), names], ROOT)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_the_service_needs_none_of_trainings_libraries() -> None:
    names = [*modules_of("service"), *modules_of("index"), *modules_of("embedding")]
    done = python(IMPORTING, [list(TRAINING_ONLY), list(TRAINING_ONLY), names], ROOT)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_help_of_every_command_loads_nothing_heavy() -> None:
    done = python(HELPING, [list(HEAVY), ["flukeprint", "build_app"]], ROOT)
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    assert {"", "identify", "index build", "train", "serve", "demo", "doctor"} <= set(loaded)
    assert {words: heavy for words, heavy in loaded.items() if heavy} == {}


def test_a_heavy_import_is_seen(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("")
    (tmp_path / "planted.py").write_text("import torch")
    done = python(IMPORTING, [["torch"], [], ["planted"]], tmp_path)
    assert json.loads(done.stdout) == ["torch"]


def test_a_blocked_library_is_missed(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text("import pytorch_metric_learning.losses")
    done = python(IMPORTING, [[], list(TRAINING_ONLY), ["planted"]], tmp_path)
    assert done.returncode == 1
    assert "No module named 'pytorch_metric_learning'" in done.stderr


def test_a_heavy_import_of_a_helping_command_is_seen(tmp_path: Path) -> None:
    (tmp_path / "faiss.py").write_text("")
    (tmp_path / "planted.py").write_text(
        "import typer, faiss\n"
        "def build():\n"
        "    app = typer.Typer()\n"
        "    app.command('one')(lambda: None)\n"
        "    app.command('two')(lambda: None)\n"
        "    return app\n"
    )
    done = python(HELPING, [["faiss"], ["planted", "build"]], tmp_path)
    assert json.loads(done.stdout) == {"": ["faiss"], "one": ["faiss"], "two": ["faiss"]}
