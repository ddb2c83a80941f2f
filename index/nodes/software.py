"""Which flukeprint a node has, told so that two nodes of other code never mix their vectors."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from embedding.checkpoint import DEFAULT_CHECKPOINT, BadCheckpoint, fingerprint_of

_ROOT = Path(__file__).resolve().parents[2]
# What makes a vector of a photo's file.
_FOLDERS = ("embedding", "index/nodes", "index/photos", "index/search")


class NodeSoftware(NamedTuple):
    """A flukeprint's version with a hash of its code, and the checkpoint that it would load.

    `fault`: why that can't be said.
    """

    version: str
    fingerprint: str
    fault: str = ""


def installed_software(checkpoint: str | None, precision: str) -> NodeSoftware:
    """What is installed here; `checkpoint` None: the one that comes with flukeprint."""
    try:
        released = version("flukeprint")
    except PackageNotFoundError:
        released = "0"
    told = f"{released} (code {_code_hash()})"
    path = DEFAULT_CHECKPOINT if checkpoint is None else Path(checkpoint)
    try:
        return NodeSoftware(told, fingerprint_of(path, precision))
    except BadCheckpoint as error:
        return NodeSoftware(told, "", str(error))


def describe_difference(theirs: NodeSoftware, own: NodeSoftware) -> str:
    """Say how a node's software differs from this one's; "" where it is the same."""
    if theirs.version != own.version:
        return f"has flukeprint {theirs.version} and not {own.version}: install the same there"
    if theirs.fault:
        return f"can't load the checkpoint ({theirs.fault}): put it there at the same path"
    if theirs.fingerprint != own.fingerprint:
        return (
            f"has the checkpoint {theirs.fingerprint[:12]} and not {own.fingerprint[:12]}: put the "
            "same file there at the same path"
        )
    return ""


def _code_hash() -> str:
    digest = hashlib.sha256()
    for folder in _FOLDERS:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\x00")
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
