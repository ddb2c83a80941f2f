"""`flukeprint doctor`: check all that an answer needs, and print how to mend what is broken."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated, Literal

import typer

from embedding.errors import FlukeprintError
from index.commands.options import FilesOption
from index.storage.address import CatalogueAddress, PostgresAddress, address_of, with_files_folder

Verdict = Literal["good", "note", "broken"]

CONSTRAINTS = Path(__file__).parent / "constraints.txt"
PACKAGES = (
    *(
        "openpyxl",
        "openvino",
        "numpy",
        "pillow",
        "scipy",
        "simplejpeg",
        "safetensors",
        "sqlalchemy",
        "fastapi",
        "starlette",
    ),
    *(
        "pydantic",
        "pydantic-settings",
        "python-multipart",
        "uvicorn",
        "typer",
        "rich",
        "prometheus-client",
        "httpx",
        "httpx-sse",
    ),
)
TRAINING_PACKAGES = ("torch", "torchvision", "timm")
"""What training needs, a GPU, and checkpoints without graphs; identifying does without."""
FAISS_BUILDS = ("faiss-cpu", "faiss-gpu")
EXTRAS = {  # the extra's name: what it is for, what it imports
    "train": (
        "flukeprint train and evaluate",
        ("torch", "timm", "pytorch_metric_learning", "matplotlib"),
    ),
    "tensorboard": ("flukeprint train --board tensorboard", ("tensorboard",)),
    "heic": ("HEIC photos, as phones make them", ("pillow_heif",)),
    "postgres": ("catalogues in PostgreSQL", ("psycopg",)),
    "milvus": ("vectors searched on a Milvus server", ("pymilvus",)),
    "ray": ("embedding and training on a cluster (--on)", ("ray", "pyarrow")),
}
GIB = 2**30
LITTLE_ROOM_BYTES = GIB


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `broken` means that photos can't be identified until it is mended."""

    part: str
    verdict: Verdict
    said: str
    mend: str = ""


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command("doctor")(doctor)


def doctor(
    catalogue: Annotated[
        str | None,
        typer.Option(
            "--catalogue",
            envvar="FLUKEPRINT_CATALOGUE",
            metavar="FILE|URL",
            help="Catalogue (default: catalogue.db, where there is one).",
        ),
    ] = None,
    files: FilesOption = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            envvar="FLUKEPRINT_CHECKPOINT",
            help="Checkpoint (default: the shipped one).",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check versions, GPU, FAISS, checkpoint and catalogue, and print how to mend each fault.

    Ends with exit code 1 when something is broken that identifying a photo needs.
    """
    address = None if catalogue is None else with_files_folder(address_of(catalogue), files)
    findings = examine(address, checkpoint)
    is_well = all(finding.verdict != "broken" for finding in findings)
    if as_json:
        print(
            json.dumps(
                {"is_well": is_well, "findings": [asdict(finding) for finding in findings]},
                indent=2,
            )
        )
    else:
        print("\n".join(lines_of(findings)))
        print(
            "All is well."
            if is_well
            else "Something is broken; the lines after `mend` say what to do."
        )
    raise typer.Exit(0 if is_well else 1)


def lines_of(findings: Iterable[Finding]) -> list[str]:
    """The findings for a person: a line each, and one more where there is something to mend."""
    lines: list[str] = []
    for each in findings:
        lines.append(f"{each.verdict:<7} {each.part:<12} {each.said}")
        if each.mend:
            lines.append(f"{'':<7} {'':<12} mend: {each.mend}")
    return lines


def examine(catalogue: CatalogueAddress | None, checkpoint: Path | None) -> list[Finding]:
    """Look at everything, cheap things first; what is broken stops nothing that comes after it."""
    gpus, gpu_finding = check_gpu()
    folder = (
        catalogue.files
        if isinstance(catalogue, PostgresAddress)
        else (catalogue or Path("catalogue.db")).parent
    )
    return [
        Finding("python", "good", f"{platform.python_version()} at {sys.prefix}"),
        *check_packages(PACKAGES, pinned_versions(CONSTRAINTS), TRAINING_PACKAGES),
        check_machine(),
        check_runtimes(),
        gpu_finding,
        check_faiss([build for build in FAISS_BUILDS if version_of(build)], has_gpu=bool(gpus)),
        check_checkpoint(checkpoint),
        check_catalogue(catalogue, checkpoint),
        *(check_extra(name) for name in EXTRAS),
        check_disk(folder.resolve() if folder and folder.exists() else Path.cwd()),
    ]


def version_of(package: str) -> str | None:
    """The installed version; None where the package is absent."""
    try:
        return installed_version(package)
    except PackageNotFoundError:
        return None


def pinned_versions(constraints: Path) -> dict[str, str]:
    """Package to the version that the tests ran with.

    Empty where the file did not come along (an installed wheel).
    """
    if not constraints.exists():
        return {}
    pins = re.findall(
        r"^([\w.-]+)==(\S+)$", constraints.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins}


def check_packages(
    packages: Sequence[str], pinned: dict[str, str], optional: Sequence[str] = ()
) -> list[Finding]:
    """List all packages in one line, and each absent or untested one in a line of its own.

    An `optional` one may be absent.
    """
    found = {package: version_of(package) for package in packages}
    found |= {package: version for package in optional if (version := version_of(package))}
    present = ", ".join(f"{package} {version}" for package, version in found.items() if version)
    findings = [Finding("packages", "good", present)] if present else []
    for package, version in found.items():
        if version is None:
            findings.append(Finding(package, "broken", "is not installed", "make setup"))
        elif version != pinned.get(package, version):
            findings.append(
                Finding(
                    package,
                    "note",
                    f"is {version}; the tests ran with {pinned[package]}",
                    "make clean, then make setup",
                )
            )
    return findings


def check_machine() -> Finding:
    """Cores this process may use, and memory."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    try:
        memory = (
            f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / GIB:.0f} GiB of memory"
        )
    except (ValueError, OSError, AttributeError):  # not every system tells
        memory = ""
    return Finding(
        "machine", "good", f"{platform.system()} {platform.machine()}, {cores} CPU cores{memory}"
    )


def check_runtimes() -> Finding:
    """Which programs can run a checkpoint's networks here."""
    openvino, torch = version_of("openvino"), version_of("torch")
    if not openvino and not torch:
        return Finding("runtimes", "broken", "neither openvino nor torch is here", "make setup")
    texts = [f"openvino {openvino} runs graphs on the CPU"] if openvino else []
    texts.append(
        f"torch {torch} trains, and runs checkpoints without graphs"
        if torch
        else "torch is not installed, which training and exporting need"
    )
    return Finding("runtimes", "good", "; ".join(texts))


def check_gpu() -> tuple[list[str], Finding]:
    """Names of the GPUs that torch can use.

    Imports torch and torchvision where they are installed, which fails where they don't match.
    """
    has_driver = shutil.which("nvidia-smi") is not None
    if importlib.util.find_spec("torch") is None:
        if has_driver:
            text = "there is an NVIDIA driver, but no torch to use a GPU; the CPU answers"
            return [], Finding("gpu", "note", text, "make setup FAISS=gpu")
        return [], Finding("gpu", "good", "none; everything runs on the CPU")
    try:
        import torch
        import torchvision  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except (
        Exception
    ) as error:  # a mismatched pair raises whatever comes first: RuntimeError, ImportError, OSError
        return [], Finding(
            "gpu", "broken", f"torch can't be imported: {error}", "make clean, then make setup"
        )
    names = [
        f"{torch.cuda.get_device_name(at)} "
        f"({torch.cuda.get_device_properties(at).total_memory / GIB:.0f} GiB)"
        for at in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    ]
    cuda = torch.version.cuda
    if names:
        return names, Finding("gpu", "good", f"{', '.join(names)}, CUDA {cuda}")
    if has_driver:
        text = f"there is an NVIDIA driver, but torch (CUDA {cuda}) can use no GPU"
        return [], Finding(
            "gpu", "note", text, f"update the driver to one for CUDA {cuda}; the CPU does meanwhile"
        )
    return [], Finding("gpu", "good", "none; everything runs on the CPU")


def check_faiss(builds: Sequence[str], *, has_gpu: bool) -> Finding:
    """Whether exactly one FAISS build is here and finds what it should."""
    expected_build = "gpu" if has_gpu else "cpu"
    if len(builds) > 1:
        mend = (
            f"pip uninstall -y {' '.join(builds)}, then make clean and make setup "
            f"FAISS={expected_build}"
        )
        return Finding(
            "faiss",
            "broken",
            f"{' and '.join(builds)} are both installed and break each other",
            mend,
        )
    if not builds:
        return Finding(
            "faiss", "broken", "no FAISS build is installed", f"make setup FAISS={expected_build}"
        )
    text = f"{builds[0]} {version_of(builds[0])}"
    try:
        works = _search_works()
    except Exception as error:  # a damaged install fails in its own way, often while importing
        works, text = False, f"{text} fails: {error}"
    if not works:
        return Finding(
            "faiss",
            "broken",
            f"{text}: a search of two vectors goes wrong",
            "make clean, then make setup",
        )
    if has_gpu and builds[0] == "faiss-cpu":
        return Finding("faiss", "note", f"{text}, though there is a GPU", "make setup FAISS=gpu")
    return Finding("faiss", "good", text)


def _search_works() -> bool:
    import numpy as np

    from index.search.engine import build_engine

    axes = np.eye(2, dtype=np.float32)
    distances, positions = build_engine(axes).search(axes[1:], 2)
    return positions.tolist() == [[1, 0]] and distances.tolist() == [[0.0, 1.0]]


def check_checkpoint(checkpoint: Path | None) -> Finding:
    """Whether the checkpoint is readable and embeds an image as a vector of unit length."""
    from embedding.checkpoint import DEFAULT_CHECKPOINT, fingerprint_of, read_header

    path = checkpoint or DEFAULT_CHECKPOINT
    mend = "the shipped checkpoint comes back with `git checkout embedding/default`"
    try:
        header = read_header(path)
        dimension = _embeds_a_blank_image(path)
    except FlukeprintError as error:
        return Finding("checkpoint", "broken", str(error), mend)
    except (
        Exception
    ) as error:  # torch and timm fail in their own ways; the doctor goes on to the next part
        return Finding("checkpoint", "broken", f"{path}: {type(error).__name__}: {error}", mend)
    name = header.card.get("name", "unnamed")
    members = header.network.get("members", [header.network])
    backbone = " + ".join(str(member.get("backbone", "an unknown network")) for member in members)
    size = path.stat().st_size / 2**20
    text = (
        f"{name}: {backbone}, {dimension} numbers a photo, {size:.1f} MiB, "
        f"{fingerprint_of(path)[:12]} at {path}"
    )
    return Finding("checkpoint", "good", text)


def _embeds_a_blank_image(path: Path) -> int:
    """Embed once and return d. Raises BadVectors for what is not a finite unit vector."""
    import numpy as np

    from embedding.embedder import Embedder
    from embedding.photos.photo import from_array
    from index.search.vectors import check_vectors

    blank = from_array(np.full((64, 128, 3), 127, np.uint8))
    vectors = check_vectors(Embedder.load(path).embed([blank]), named="vectors of a blank image")
    return int(vectors.shape[1])


def check_catalogue(catalogue: CatalogueAddress | None, checkpoint: Path | None) -> Finding:
    """Check that the catalogue is readable, of this checkpoint, and its photos on disk.

    No catalogue is only worth a note, unless one was named.
    """
    from index.storage.connection import exists

    address = catalogue or Path("catalogue.db")
    try:
        if not exists(address):
            verdict: Verdict = "note" if catalogue is None else "broken"
            mend = f"flukeprint index build --catalogue {address} --csv FILE --photos FOLDER"
            return Finding("catalogue", verdict, f"there is none at {address} yet", mend)
        text, mend, absent = _read_catalogue(address, checkpoint)
    except FlukeprintError as error:
        return Finding("catalogue", "broken", str(error))
    if mend:
        return Finding("catalogue", "broken", text, mend)
    if absent:
        photos = f"{len(absent)} photos are gone from the disk, such as {absent[0]}"
        mend = (
            "bring them back, or take their rows out of the labels and run flukeprint index "
            "update --prune"
        )
        return Finding("catalogue", "note", f"{text}; {photos}", mend)
    return Finding("catalogue", "good", text)


def _read_catalogue(
    address: CatalogueAddress, checkpoint: Path | None
) -> tuple[str, str | None, list[Path]]:
    """Read every vector and the calibration.

    Returns what is in there, how to mend it, and the photos that are not on disk.
    """
    from index.catalogue.catalogue import Catalogue
    from index.catalogue.status import catalogue_status

    status = catalogue_status(address, checkpoint)
    with Catalogue.open(address) as catalogue:
        gallery, calibration = catalogue.searchable()
        absent = [photo.path for photo in catalogue.photos() if not photo.path.is_file()]
    text = (
        f"revision {status.revision}: {status.counts.individuals} individuals, "
        f"{status.counts.photos} photos, "
        f"{gallery.size} searchable, "
        f"{'calibrated' if calibration.is_fitted else 'too small to calibrate'} at {address}"
    )
    if status.damaged:
        text += (
            f"; {len(status.damaged):,} photos are not searched because their vectors are damaged: "
            f"{', '.join(status.damaged[:3])}"
        )
    elif status.mend:
        text += "; not up to date with the checkpoint above"
    return text, status.mend, absent


def check_extra(name: str) -> Finding:
    """Whether an optional extra's packages are here; never broken."""
    purpose, imports = EXTRAS[name]
    absent = [module for module in imports if importlib.util.find_spec(module) is None]
    if absent:
        text = f"extra for {purpose}: {', '.join(absent)} not installed"
        return Finding(name, "note", text, f"pip install 'flukeprint[{name}]'")
    return Finding(name, "good", f"extra for {purpose}: installed")


def check_disk(folder: Path) -> Finding:
    """Room where the catalogue is, or would be."""
    free = shutil.disk_usage(folder).free
    text = f"{free / GIB:.1f} GiB free at {folder}"
    if free < LITTLE_ROOM_BYTES:
        return Finding(
            "disk", "note", text, "free some space: building a catalogue or training needs more"
        )
    return Finding("disk", "good", text)
