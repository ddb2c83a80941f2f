"""The graphs of a checkpoint as files: a folder beside it, its description, and their check.

`NAME.safetensors` has its graphs in `NAME.graphs/`: an ONNX file for the locator, one for the
detector and one for each member, their weights beside them, and `graphs.json`, which says what each
is and its hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from embedding.errors import FlukeprintError

FORMAT = "flukeprint-graphs-1"
FOLDER_SUFFIX = ".graphs"
DESCRIPTION = "graphs.json"
WEIGHTS, DETECTOR_WEIGHTS = "weights.bin", "detector.bin"
PIXELS, EMBEDDING, MAPS, PLACEMENTS = "pixels", "embedding", "maps", "placements"
BOXES, CELLS = "boxes", "cells"
"""What the graphs' inputs and outputs are called."""


class BadGraphs(FlukeprintError):
    """Graphs that are damaged, not ours, or of another checkpoint."""


@dataclass(frozen=True, slots=True)
class MemberGraph:
    """A member's graph: its file, the length of its views, and whether it has heat maps."""

    file: str
    view_dim: int
    has_maps: bool = True


@dataclass(frozen=True, slots=True)
class Graphs:
    """What `graphs.json` says.

    `checkpoint` is the fingerprint of the checkpoint that they were made of, `sha256` the hash of
    each file, and `checked` what was measured against PyTorch as they were written.
    """

    checkpoint: str
    members: tuple[MemberGraph, ...]
    sha256: Mapping[str, str]
    locator: str | None = None
    locator_px: int | None = None
    detector: str | None = None
    detector_px: int | None = None
    checked: Mapping[str, Any] | None = None

    def to_json(self) -> str:
        """The text that `read_graphs` reads."""
        described = {"format": FORMAT, **asdict(self)}
        return json.dumps(described, indent=1, sort_keys=True) + "\n"


def folder_of(checkpoint: Path) -> Path:
    """Where a checkpoint's graphs lie, whether there are any or not."""
    return checkpoint.with_suffix(FOLDER_SUFFIX)


def read_graphs(folder: Path, checkpoint: Path, fingerprint: str) -> Graphs:
    """Read the description of a checkpoint's graphs, and check each file against its hash.

    Raises BadGraphs.
    """
    graphs = _described(folder)
    if graphs.checkpoint != fingerprint:
        raise BadGraphs(
            f"the graphs in {folder} are those of the checkpoint {graphs.checkpoint[:12]}, and not "
            f"of {checkpoint} ({fingerprint[:12]}); {_advice(checkpoint)}"
        )
    named = {
        *(member.file for member in graphs.members),
        *filter(None, [graphs.locator, graphs.detector]),
    }
    for name in sorted({*graphs.sha256, *named}):
        try:
            with (folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise BadGraphs(
                f"{folder / name} can't be read ({error.strerror}); {_advice(checkpoint)}"
            ) from error
        if found != graphs.sha256.get(name):
            raise BadGraphs(f"{folder / name} is damaged; {_advice(checkpoint)}")
    return graphs


def _advice(checkpoint: Path) -> str:
    return (
        f"write them again with `flukeprint export {checkpoint}`, or remove the folder to answer "
        "through PyTorch"
    )


def _described(folder: Path) -> Graphs:
    path = folder / DESCRIPTION
    checkpoint = folder.with_suffix(".safetensors")
    try:
        told: Any = json.loads(path.read_bytes())
        if not isinstance(told, dict):
            raise ValueError("it is no JSON object")
        told = cast("dict[str, Any]", told)
        if told.get("format") != FORMAT:
            raise BadGraphs(
                f"{path} is of the format {told.get('format')!r}, and this version reads "
                f"{FORMAT!r}; {_advice(checkpoint)}"
            )
        members = tuple(MemberGraph(**each) for each in told["members"])
        sha256 = cast("dict[str, str]", dict(told["sha256"]))
        locator, locator_px = told["locator"], told["locator_px"]
        graphs = Graphs(
            str(told["checkpoint"]),
            members,
            sha256,
            locator,
            locator_px,
            told.get("detector"),  # not there in graphs of before
            told.get("detector_px"),
        )
        _check_types(graphs)
    except OSError as error:
        raise BadGraphs(
            f"{path} can't be read ({error.strerror}); {_advice(checkpoint)}"
        ) from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BadGraphs(f"{path} is damaged ({error}); {_advice(checkpoint)}") from error
    return graphs


def _check_types(graphs: Graphs) -> None:
    """Raise ValueError for names that are no plain files' names, and for sizes that are none."""
    names: list[Any] = [*graphs.sha256, *(member.file for member in graphs.members)]
    sizes: list[Any] = [member.view_dim for member in graphs.members]
    if graphs.locator is not None:
        names.append(graphs.locator)
        sizes.append(graphs.locator_px)
    if graphs.detector is not None:
        names.append(graphs.detector)
        sizes.append(graphs.detector_px)
    for name in names:
        if not isinstance(name, str) or Path(name).name != name:
            raise ValueError(f"{name!r} is no file's name")
    for size in sizes:
        if type(size) is not int or size < 1:
            raise ValueError(f"{size!r} is no size")
    if not graphs.members:
        raise ValueError("it has no members")
