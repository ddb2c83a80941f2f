"""flukeprint.py: what the console command sets for everything it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASKING = """
import os, sys
from flukeprint import main
sys.argv = ["flukeprint", "--version"]
try:
    main()
finally:
    print(os.environ.get("GOMP_SPINCOUNT"), "torch" in sys.modules)
"""
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


@pytest.mark.parametrize(
    ("given", "there"),
    [({}, "30000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_threads_sleep_soon_while_they_wait_unless_told_otherwise(
    given: dict[str, str], there: str
) -> None:
    without = {name: value for name, value in os.environ.items() if name not in WAITING}
    asked = [sys.executable, "-c", ASKING]
    done = subprocess.run(
        asked, cwd=ROOT, env={**without, **given}, capture_output=True, text=True, check=True
    )
    # Set before PyTorch is loaded: later it would be read no more.
    assert done.stdout.splitlines()[-1] == f"{there} False"
