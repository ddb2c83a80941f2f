"""Ask the advisory service for known vulnerabilities of what is installed, with pip-audit.

    python .ci/audit.py PIP_AUDIT SITE_PACKAGES [--ignore ID]

Exit code 0: the packages were checked and nothing is known. 1: something is known; it is listed. 3:
nothing was checked, because the service can't be reached or doesn't know the packages, or pip-audit
isn't there. The message says which.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

NOTHING_KNOWN, FOUND, NOT_CHECKED = 0, 1, 3
_MOST_SECONDS = 600


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pip_audit", type=Path)
    parser.add_argument("site_packages", type=Path)
    parser.add_argument("--ignore", action="append", default=[], metavar="ID")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            *(str(options.pip_audit), "--path", str(options.site_packages), "--skip-editable"),
            *("--format", "json", "--output", str(report), "--progress-spinner", "off"),
            *(word for one in options.ignore for word in ("--ignore-vuln", one)),
        ]
        try:
            ran = subprocess.run(
                command, capture_output=True, text=True, timeout=_MOST_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return not_checked(str(error))
        try:
            packages: list[dict[str, Any]] = json.loads(report.read_text("utf-8"))["dependencies"]
        except (OSError, ValueError, KeyError):
            return not_checked(
                (ran.stderr or ran.stdout).strip().splitlines()[-1:] or ["no reason"]
            )
    return describe(packages)


def describe(packages: list[dict[str, Any]]) -> int:
    """Print what the report says, and return the exit code."""
    skipped = [one for one in packages if "skip_reason" in one]
    checked = len(packages) - len(skipped)
    faults = [(one, fault) for one in packages for fault in one.get("vulns", ())]
    for one, fault in faults:
        mended = ", ".join(fault.get("fix_versions", ())) or "no version yet"
        print(f"{one['name']} {one['version']}: {fault['id']}, mended in {mended}")
    if faults:
        print(f"audit: {len(faults)} known vulnerabilities; update these packages")
        return FOUND
    if not checked:
        return not_checked("the advisory service knows none of these packages")
    if skipped:
        names = ", ".join(one["name"] for one in skipped)
        print(f"audit: {len(skipped)} of {len(packages)} packages could not be checked: {names}")
    print(f"audit: {checked} packages checked, no known vulnerabilities")
    return NOTHING_KNOWN


def not_checked(reason: object) -> int:
    """Say loudly that nothing is known about vulnerabilities."""
    print(f"audit: SKIPPED, NOTHING WAS CHECKED ({reason})")
    return NOT_CHECKED


if __name__ == "__main__":
    sys.exit(main())
