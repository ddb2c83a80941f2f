"""The Helm chart, rendered by the real helm and held against the schemas of Kubernetes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "flukeprint"
KUBERNETES = ("1.30.0", "1.37.0")  # the oldest that the chart is for, and the newest with schemas


def helm_program() -> str | None:
    """Helm's program: that of `make helm`, or any on the path."""
    folders = (str(ROOT / ".tools" / "helm"), os.environ.get("PATH", ""))
    return shutil.which("helm", path=os.pathsep.join(folders))


def helm(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run helm to its end; it needs no cluster and no network."""
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


def rendered(program: str, values: dict[str, Any], folder: Path, *more: str) -> list[Any]:
    """The objects that the chart makes of values. Raises AssertionError with helm's words."""
    import yaml

    given = folder / "values.json"  # JSON is YAML
    given.write_text(json.dumps(values), encoding="utf-8")
    done = helm(program, "template", "lab", str(CHART), "--values", str(given), *more)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def faults(objects: list[Any]) -> list[str]:
    """What Kubernetes would refuse of the objects, by its own strict schemas."""
    from kubernetes_validate import ValidationError, validate

    found: list[str] = []
    for version in KUBERNETES:
        for each in objects:
            try:
                validate(each, version, strict=True)
            except ValidationError as error:
                where = ".".join(map(str, error.path))
                found.append(f"{version} {each['kind']}: {where}: {error.message}")
    return found
