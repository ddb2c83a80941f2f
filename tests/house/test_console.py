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
    print(os.environ["OMP_WAIT_POLICY"], "torch" in sys.modules)
"""


@pytest.mark.parametrize(("given", "there"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_sleep_while_they_wait_unless_told_otherwise(given: str | None, there: str) -> None:
    without = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment = without if given is None else {**without, "OMP_WAIT_POLICY": given}
    asked = [sys.executable, "-c", ASKING]
    done = subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    # Set before PyTorch is loaded: later it would be read no more.
    assert done.stdout.splitlines()[-1] == f"{there} False"
