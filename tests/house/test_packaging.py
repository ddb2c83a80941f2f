"""What is built holds everything that runs: every module, the recipes, the default checkpoint."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from training.recipes.reading import read_recipe, shipped_recipes

ROOT = Path(__file__).resolve().parents[2]
WINGS = ("embedding", "client", "index", "training", "service", "demo")
BESIDE = ("flukeprint.py", "doctor.py")

# The build back end itself, without a front end that might fetch something. Prints the file's name.
BUILDING = """
import contextlib, sys
from setuptools import build_meta
with contextlib.redirect_stdout(sys.stderr):
    name = getattr(build_meta, sys.argv[1])(sys.argv[2])
print(name)
"""


def copied(to: Path) -> Path:
    """A copy of what a build reads, so that no build folder appears in the checkout."""
    to.mkdir()
    for wing in WINGS:
        shutil.copytree(ROOT / wing, to / wing, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (*BESIDE, "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, to)
    return to


def built(tree: Path, what: str, out: Path) -> Path:
    """Build a `wheel` or an `sdist` in a process of its own, as front ends do."""
    out.mkdir(exist_ok=True)
    call = [sys.executable, "-c", BUILDING, f"build_{what}", str(out)]
    done = subprocess.run(call, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.strip()


def names_in_wheel(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def names_in_sdist(path: Path) -> set[str]:
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def needed(tree: Path) -> set[str]:
    """Every file of the wings, whatever its kind, and the modules beside them."""
    files = {path for wing in WINGS for path in (tree / wing).rglob("*") if path.is_file()}
    return {path.relative_to(tree).as_posix() for path in files} | set(BESIDE)


def test_wheel_and_sdist_hold_every_file_of_the_wings(tmp_path: Path) -> None:
    tree = copied(tmp_path / "tree")
    wanted = needed(tree)
    in_sdist = names_in_sdist(built(tree, "sdist", tmp_path / "out"))
    in_wheel = names_in_wheel(built(tree, "wheel", tmp_path / "out"))
    assert wanted - in_sdist == set()
    assert wanted - in_wheel == set()
    assert "training/recipes/tiny.toml" in in_wheel
    assert any(name.endswith("licenses/LICENSE") for name in in_wheel)


def test_data_that_is_not_declared_is_missed(tmp_path: Path) -> None:
    tree = copied(tmp_path / "tree")
    declared = (tree / "pyproject.toml").read_text("utf-8")
    (tree / "pyproject.toml").write_text(
        declared.replace('training = ["recipes/*.toml"]\n', ""), encoding="utf-8"
    )
    wanted = needed(tree)
    in_wheel = names_in_wheel(built(tree, "wheel", tmp_path / "out"))
    assert wanted - in_wheel == {f"training/recipes/{name}.toml" for name in shipped_recipes()}


def test_a_default_checkpoint_is_shipped() -> None:
    from embedding.checkpoint import DEFAULT_CHECKPOINT, read_header

    assert (
        DEFAULT_CHECKPOINT.relative_to(ROOT).as_posix()
        == "embedding/default/flukeprint.safetensors"
    )
    card = read_header(DEFAULT_CHECKPOINT).card
    for member in card.get("members", [card]):
        assert {"name", "recipe", "validation"} <= set(member)
    assert DEFAULT_CHECKPOINT.stat().st_size <= 20e6


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_parses(name: str) -> None:
    assert read_recipe(name).name == name


def test_every_dependency_has_its_exact_version_in_the_constraints() -> None:
    import doctor

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    names = {one.partition(">")[0].partition("[")[0] for one in asked}
    assert names - set(doctor.pinned_versions(ROOT / "constraints.txt")) == set()
    assert set(doctor.PACKAGES) <= names
