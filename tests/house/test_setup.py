"""`make setup`, the image and CI install by the same steps, and CI neither passes failures nor
hides skips.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
INSTALLER = re.compile(
    r"\b(pip3?|uv|conda|mamba|poetry|easy_install)\b(?=\s+(-\S+\s+)*(install|sync|add|create)\b)"
)


def run_lines(dockerfile: str) -> list[str]:
    """The commands of all RUN instructions, continuation lines joined."""
    joined = re.sub(r"\\\n\s*", "", dockerfile)
    return [line.removeprefix("RUN ") for line in joined.splitlines() if line.startswith("RUN ")]


def other_installs(dockerfile: str) -> list[str]:
    """RUN lines that install Python packages past `make setup`."""
    return [
        line
        for line in run_lines(dockerfile)
        if INSTALLER.search(line) or re.search(r"python3?-\S*|python3-pip", line)
    ]


def dry_run(*arguments: str) -> str:
    # Without the variables of a `make test` around this test.
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "MFLAGS", "FAISS", "EXTRAS"))
    }
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_image_installs_by_make_setup_alone() -> None:
    setup = [line for line in run_lines(DOCKERFILE) if "make setup" in line]
    assert len(setup) == 1
    assert "make setup FAISS=$FAISS EXTRAS=heic" in setup[0]
    assert other_installs(DOCKERFILE) == []


@pytest.mark.parametrize(
    "line",
    [
        "RUN pip install torch",
        "RUN make setup && \\\n  uv pip install x",
        "RUN apt-get install python3-numpy",
    ],
)
def test_another_install_in_the_image_is_seen(line: str) -> None:
    assert len(other_installs(f"FROM x\n{line}\nUSER y\n")) == 1


def test_the_image_runs_the_service_as_nobody_special() -> None:
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, flags=re.MULTILINE) == ["flukeprint"]
    assert re.search(r"^HEALTHCHECK.*\\\n.*/healthz", DOCKERFILE, flags=re.MULTILINE)
    assert re.search(r"^VOLUME /catalogue$", DOCKERFILE, flags=re.MULTILINE)
    assert "FLUKEPRINT_CATALOGUE=/catalogue/" in DOCKERFILE
    assert re.search(r"^ARG FAISS=cpu$", DOCKERFILE, flags=re.MULTILINE)


def test_the_image_gets_everything_that_setup_reads() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    wings = {name.removesuffix("*") for name in setuptools["packages"]["find"]["include"]}
    modules = {f"{name}.py" for name in setuptools["py-modules"]}
    let_in = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    assert (
        wings | modules | {"Makefile", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"}
        == let_in
    )


def test_setup_installs_the_chosen_faiss_and_extras() -> None:
    assert "install -q --disable-pip-version-check -c constraints.txt -e '.[gpu]'" in dry_run(
        "setup", "FAISS=gpu", "EXTRAS="
    )
    assert (
        "-c constraints.txt -e '.[cpu,train,tensorboard,heic,postgres,milvus,otel,s3,ray,dev]'"
        in dry_run("setup", "FAISS=cpu")
    )


def test_the_demo_installs_no_torch(tmp_path: Path) -> None:
    empty = f"VENV={tmp_path}"
    assert "-e '.[cpu]'" in dry_run("demo", "FAISS=cpu", empty)
    assert "0.6 GB" in dry_run("demo", "FAISS=cpu", empty)
    assert "-e '.[gpu]'" in dry_run("demo", "FAISS=gpu", empty)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    base = {re.split(r"[>=\[]", one)[0] for one in project["dependencies"]}
    assert base.isdisjoint({"torch", "torchvision", "timm"})


def test_the_demo_is_content_with_all_extras(tmp_path: Path) -> None:
    (tmp_path / ".installed-cpu-train-tensorboard-heic-postgres-milvus-otel-s3-ray-dev").touch()
    said = dry_run("demo", "FAISS=cpu", f"VENV={tmp_path}")
    assert "-e '.[cpu,train,tensorboard,heic,postgres,milvus,otel,s3,ray,dev]'" in said


def test_demo_and_test_set_up_first(tmp_path: Path) -> None:
    for target, last in (
        ("demo", "flukeprint demo --keep"),
        ("test", 'python -m pytest -n 2 --dist loadfile -m "not cluster" --cov'),
        ("clusters", "python -m pytest -q -m cluster"),
    ):
        said = dry_run(target, "FAISS=cpu", "KEEP=1", "TEST_WORKERS=2", f"VENV={tmp_path}")
        assert said.index("pip install") < said.index(last)
    assert all(
        f".venv/bin/{tool}" in dry_run("test", "FAISS=cpu")
        for tool in ("ruff format --check", "ruff check", "pyright")
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone that holds .ci/run, and a `make` that tells what it was asked and fails when FAIL
    names it.
    """
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    (tmp_path / "bin").mkdir()
    make = tmp_path / "bin" / "make"
    make.write_text(
        '#!/bin/sh\necho "asked: $1"\n[ "$1" = test ] && echo "SKIPPED [1] tests/x.py:3: no '
        'photographs here"\n'
        '[ "$1" != "$FAIL" ] || exit 3\n'
    )
    make.chmod(0o755)
    return tmp_path


def ci(clone: Path, fail: str = "") -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "PATH": f"{clone / 'bin'}:{os.environ['PATH']}",
        "CI": "true",
        "FAIL": fail,
    }
    return subprocess.run(
        ["bash", ".ci/run"],
        cwd=clone,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_ci_sets_up_tests_and_tells_what_was_skipped(clone: Path) -> None:
    done = ci(clone)
    assert done.returncode == 0, done.stderr
    sections = re.findall(r"^== (.+)$", done.stdout, flags=re.MULTILINE)
    assert sections == [
        "What this machine has",
        "Set-up",
        "Known vulnerabilities",
        "Tests",
        "Skipped tests",
        "Known vulnerabilities: checked, none",
        "All is well",
    ]
    assert "asked: setup" in done.stdout
    assert "asked: test" in done.stdout
    assert done.stdout.rpartition("== Skipped tests\n")[2].startswith(
        "SKIPPED [1] tests/x.py:3: no photographs here"
    )


@pytest.mark.parametrize("target", ["setup", "test"])
def test_ci_fails_when_a_step_fails(clone: Path, target: str) -> None:
    done = ci(clone, fail=target)
    assert done.returncode != 0
    assert "All is well" not in done.stdout
    if target == "test":
        assert "ci: make test failed with exit code 3" in done.stderr
