"""The audit fails for a known vulnerability, and never calls what was not checked sound."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOUND: dict[str, Any] = {"name": "numpy", "version": "2.0", "vulns": []}
SKIPPED = {"name": "own", "skip_reason": "not found"}
FAULT = {"id": "PYSEC-1", "fix_versions": ["2.1"], "aliases": [], "description": "bad"}
FAULTY = {**SOUND, "vulns": [FAULT]}


def audit(tmp_path: Path, body: str) -> subprocess.CompletedProcess[str]:
    stub = tmp_path / "pip-audit"
    stub.write_text(
        f"#!{sys.executable}\nimport sys\nout = sys.argv[sys.argv.index('--output') + 1]\n{body}\n"
    )
    stub.chmod(0o755)
    command = [sys.executable, str(ROOT / ".ci/audit.py"), str(stub), str(tmp_path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ([SOUND], 0, "1 packages checked, no known vulnerabilities"),
        ([SOUND, SKIPPED], 0, "1 of 2 packages could not be checked: own"),
        ([SKIPPED], 3, "SKIPPED, NOTHING WAS CHECKED"),
        ([FAULTY, SKIPPED], 1, "numpy 2.0: PYSEC-1, mended in 2.1"),
    ],
)
def test_what_the_report_says_decides(
    tmp_path: Path, packages: list[dict[str, Any]], code: int, words: str
) -> None:
    report = json.dumps({"dependencies": packages})
    ran = audit(tmp_path, f"open(out, 'w').write({report!r})\nsys.exit({int(code == 1)})")
    assert (ran.returncode, words in ran.stdout) == (code, True), ran.stdout + ran.stderr


def test_a_service_out_of_reach_is_told(tmp_path: Path) -> None:
    ran = audit(tmp_path, "sys.exit('ConnectionError: no route')")
    assert ran.returncode == 3
    assert "SKIPPED, NOTHING WAS CHECKED (['ConnectionError: no route'])" in ran.stdout


def test_an_absent_pip_audit_is_told(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / ".ci/audit.py"), str(tmp_path / "none"), str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, "NOTHING WAS CHECKED" in ran.stdout) == (3, True)


def test_ci_asks_and_tells_at_its_end() -> None:
    script = (ROOT / ".ci/run").read_text("utf-8")
    assert "make audit" in script
    assert script.index('section "Known vulnerabilities: $audited"') > script.index("make test")
    assert '"$audited" != found' in script
