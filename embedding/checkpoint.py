"""The checkpoint file: safetensors with a JSON header, no pickle. What an Embedder is loaded from.

Torch-free at import, so that the catalogue and `doctor` read headers and fingerprints in
milliseconds.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from embedding.photos.preprocessing import BadPreprocessing, Preprocessing

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
FORMAT = "flukeprint-checkpoint-1"
DEFAULT_CHECKPOINT = Path(__file__).parent / "default" / "flukeprint.safetensors"
LOCATOR_PREFIX = "locator."
CLASSES_PREFIX = "classes."
_SCREENING, _DETECTOR = "screening", "detector"
_ADDED = (_SCREENING, _DETECTOR)
"""What may be added to a checkpoint later: metadata of that name, and tensors named so with a dot.
They come last in the file, in that order or the other, and change no fingerprint."""
_SAME = "same"
EARLIER_FUSION = {"sum": "added", "separate": "apart"}
"""What `mirror_fusion` was called when its key was `sides`."""
_WORTH_SHARING_BYTES = 1024
_MAX_HEADER_BYTES = 16 * 2**20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class BadCheckpoint(FlukeprintError):
    """A checkpoint that is absent, damaged, or not one of ours."""


class CannotWrite(FlukeprintError):
    """A file for which there is no room, or no permission."""


@dataclass(frozen=True, slots=True)
class CheckpointHeader:
    """What a checkpoint says of itself: the network, the preprocessing, and the card (how it was
    made).

    `has_locator`: the weights named `locator.*` are those of the network that finds the box of
    photos without one. `classes`: of one trained on kinds, how its vectors become classes; the
    tensors named `classes.*` belong to it.
    """

    network: dict[str, Any]
    preprocessing: Preprocessing
    card: dict[str, Any]
    has_locator: bool = False
    classes: dict[str, Any] | None = None


def fingerprint_with(fingerprint: str, precision: str) -> str:
    """The fingerprint of vectors that were computed with a precision ("float32", "bf16").

    float32 keeps the checkpoint's own. Vectors of another precision are never compared with those.
    """
    if precision == "float32":
        return fingerprint
    return hashlib.sha256(f"{fingerprint}:{precision}".encode()).hexdigest()


def fingerprint_of(path: Path, precision: str = "float32") -> str:
    """Hash what makes a checkpoint's vectors: 64 hex digits of SHA-256.

    It is the hash of the file as it was before a screening head or a detector was added. So these
    change no fingerprint, and catalogues of the checkpoint stay valid. Of a file without them it is
    the hash of the whole file.
    """
    return fingerprint_with(_content_hash(path), precision)


def _content_hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            bare = _bare_start(file)
            if bare is None:
                file.seek(0)
                return hashlib.file_digest(file, "sha256").hexdigest()
            start, data_bytes = bare
            digest = hashlib.sha256(start)
            digest.update(file.read(data_bytes))
            return digest.hexdigest()
    except OSError as error:
        raise BadCheckpoint(_unreadable(path, error)) from error


def _bare_start(file: BinaryIO) -> tuple[bytes, int] | None:
    """What a file began with before anything was added, and the bytes of its numbers.

    None where nothing was. The file then stands where its numbers begin.
    """
    try:
        (length,) = struct.unpack("<Q", file.read(8))
        if not 2 <= length <= _MAX_HEADER_BYTES:
            return None
        entries = json.loads(file.read(length))
        if not any(part in entries["__metadata__"] for part in _ADDED):
            return None
        bare = _without_parts(entries, *_ADDED)
        ends = [each["data_offsets"][1] for name, each in bare.items() if name != "__metadata__"]
    except (struct.error, ValueError, KeyError, TypeError, RecursionError):
        return None  # damaged, or not ours: `read_header` says so
    return _header_bytes(bare), max(ends, default=0)


def _without_parts(entries: Mapping[str, Any], *parts: str) -> dict[str, Any]:
    """A safetensors header without the entries of what was added later."""
    metadata = {name: text for name, text in entries["__metadata__"].items() if name not in parts}
    prefixes = tuple(f"{part}." for part in parts)
    tensors = {
        name: entry
        for name, entry in entries.items()
        if name != "__metadata__" and not name.startswith(prefixes)
    }
    return {"__metadata__": metadata, **tensors}


def read_screening(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]] | None:
    """Read a checkpoint's screening head without torch: its description, and its tensors by name.

    None where it has none. Raises BadCheckpoint for a damaged file.
    """
    return _read_part(path, _SCREENING)


def read_detector(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]] | None:
    """Read a checkpoint's detector as `read_screening` reads its head."""
    return _read_part(path, _DETECTOR)


def _read_part(
    path: Path, part: str
) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]] | None:
    read_header(path)
    from safetensors import safe_open

    try:
        with cast(Any, safe_open)(path, framework="np") as file:
            told: dict[str, str] = file.metadata() or {}
            if part not in told:
                return None
            names = [name for name in file.keys() if name.startswith(f"{part}.")]  # noqa: SIM118
            tensors = {
                name.removeprefix(f"{part}."): file.get_tensor(name).astype(np.float32)
                for name in names
            }
            return json.loads(told[part]), tensors
    except Exception as error:  # safetensors raises its own kind, and plain OSError for a cut file
        raise BadCheckpoint(f"{path} is damaged ({error}); copy or train it again") from error


def with_screening(
    path: Path, described: Mapping[str, Any], tensors: Mapping[str, NDArray[np.floating[Any]]]
) -> bytes:
    """A checkpoint file's content with a screening head, in place of one that it has.

    The numbers of the head come last, as fp16, and all else stays byte for byte. Raises
    BadCheckpoint.
    """
    return _with_part(path, _SCREENING, described, tensors)


def with_detector(
    path: Path, described: Mapping[str, Any], tensors: Mapping[str, NDArray[np.floating[Any]]]
) -> bytes:
    """A checkpoint file's content with a detector, as `with_screening` adds a head."""
    return _with_part(path, _DETECTOR, described, tensors)


def _with_part(
    path: Path,
    part: str,
    described: Mapping[str, Any],
    tensors: Mapping[str, NDArray[np.floating[Any]]],
) -> bytes:
    read_header(path)
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    before = json.loads(data[8 : 8 + length])
    stored = data[8 + length :]
    entries = _without_parts(before, *_ADDED)
    end = max(
        (each["data_offsets"][1] for name, each in entries.items() if name != "__metadata__"),
        default=0,
    )
    numbers = stored[:end]
    if hashlib.sha256(_header_bytes(entries) + numbers).hexdigest() != fingerprint_of(path):
        raise BadCheckpoint(
            f"{path} was not written by this version's `flukeprint train`: adding to it would "
            "change its fingerprint. Write it again with `flukeprint train` or `flukeprint combine`"
        )
    for other in _ADDED:
        if other == part or other not in before["__metadata__"]:
            continue
        entries["__metadata__"][other] = before["__metadata__"][other]
        for name, entry in sorted(before.items()):
            if name.startswith(f"{other}."):
                first, last = entry["data_offsets"]
                places = [len(numbers), len(numbers) + last - first]
                entries[name] = {**entry, "data_offsets": places}
                numbers += stored[first:last]
    entries["__metadata__"][part] = json.dumps(described, sort_keys=True)
    for name, values in sorted(tensors.items()):
        with np.errstate(over="ignore"):
            half = np.ascontiguousarray(values, "<f2")
        if not np.isfinite(half).all():  # a batch statistic past 65,504
            raise BadCheckpoint(f"{name} of the {part} can't be stored as fp16; train it again")
        entries[f"{part}.{name}"] = {
            "dtype": "F16",
            "shape": list(half.shape),
            "data_offsets": [len(numbers), len(numbers) + half.nbytes],
        }
        numbers += half.tobytes()
    return _header_bytes(entries) + numbers


def _header_bytes(entries: Mapping[str, Any]) -> bytes:
    """The start of a safetensors file: its header's length and the header, keys sorted."""
    text = json.dumps(entries, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format wants the numbers to begin at a multiple of 8
    return struct.pack("<Q", len(text)) + text


def read_header(path: Path) -> CheckpointHeader:
    """Read a checkpoint's header without its weights.

    Raises BadCheckpoint for anything that is not one.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 2 <= length <= _MAX_HEADER_BYTES:
                raise BadCheckpoint(
                    f"{path} is not a safetensors file; give a checkpoint that `flukeprint "
                    "train` wrote"
                )
            metadata = json.loads(file.read(length))["__metadata__"]
    except OSError as error:
        raise BadCheckpoint(_unreadable(path, error)) from error
    except KeyError:
        metadata = {}  # a safetensors file of somebody else's
    except (ValueError, TypeError, RecursionError) as error:
        raise BadCheckpoint(
            f"{path} has a damaged header ({error}); copy or train it again"
        ) from error
    return _header(path, metadata)


def member_of(path: Path, number: int) -> tuple[CheckpointHeader, dict[str, Tensor]]:
    """One member (from 1) of an ensemble as a checkpoint of its own: what it would say of itself,
    and its tensors.

    Its locator is the ensemble's, whose tensors are not among them. Raises BadCheckpoint, also for
    one without members.
    """
    header = read_header(path)
    members = header.network.get("members", ())
    if not 1 <= number <= len(members):
        has = (
            f"members 1 to {len(members)}"
            if members
            else "no members; give the file without a number"
        )
        raise BadCheckpoint(f"{path}: member {number} was asked for; it has {has}")
    network = dict(members[number - 1])
    width, height = network.pop(
        "input_px", (header.preprocessing.width_px, header.preprocessing.height_px)
    )
    preprocessing = replace(header.preprocessing, width_px=width, height_px=height)
    cards: list[dict[str, Any]] = header.card.get("members", [])
    card = cards[number - 1] if number <= len(cards) else {}
    own = CheckpointHeader(network, preprocessing, card, header.has_locator)
    return own, below(load_weights(path), f"members.{number - 1}.")


def _header(path: Path, metadata: Any) -> CheckpointHeader:
    told = cast("dict[str, str]", metadata) if isinstance(metadata, dict) else {}
    if told.get("format") != FORMAT:
        raise BadCheckpoint(
            f"{path} is not a flukeprint checkpoint: its header doesn't say {FORMAT!r}. A bare "
            "state dict belongs in "
            "a recipe's [network] weights"
        )
    try:
        described = cast("dict[str, Any]", json.loads(told["flukeprint"]))
        return CheckpointHeader(
            network=current_network_keys(described["network"]),
            preprocessing=Preprocessing.from_dict(described["preprocessing"]),
            card=described["card"],
            has_locator=described.get("has_locator", False),
            classes=described.get("classes"),
        )
    except (KeyError, TypeError, ValueError, AttributeError, BadPreprocessing) as error:
        raise BadCheckpoint(
            f"{path} has a damaged header ({error}); copy or train it again"
        ) from error


def current_network_keys(network: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a network by today's keys, of an ensemble its members too.

    `mirror_fusion` ("sum", "separate") was `sides` ("added", "apart") in earlier checkpoints and
    recipes.
    """
    current = dict(network)
    if "sides" in current:
        earlier = current.pop("sides")
        names = {old: new for new, old in EARLIER_FUSION.items()}
        current["mirror_fusion"] = names.get(str(earlier), earlier)
    if "members" in current:
        current["members"] = [current_network_keys(member) for member in current["members"]]
    return current


def _unreadable(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return (
            f"there is no checkpoint at {path}; give --checkpoint FILE, or train one with "
            "`flukeprint train`"
        )
    return f"the checkpoint {path} can't be read: {error.strerror}"


def save_checkpoint(path: Path, weights: Mapping[str, Tensor], header: CheckpointHeader) -> str:
    """Write a checkpoint atomically, floating tensors as fp16, and return its fingerprint."""
    described = {
        "network": header.network,
        "preprocessing": header.preprocessing.to_dict(),
        "card": header.card,
        "has_locator": header.has_locator,
    }
    if header.classes is not None:
        described["classes"] = header.classes
    return save_halved(
        path, weights, {"format": FORMAT, "flukeprint": json.dumps(described, sort_keys=True)}
    )


def save_halved(path: Path, weights: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Write a safetensors file atomically, floating tensors as fp16; returns its fingerprint.

    Raises CannotWrite.

    The same weights and metadata make the same bytes. Equal tensors (an aligner that two
    members have) are written once, under the first of their names. The others stand in the
    metadata, `same`.
    """
    from safetensors.torch import save

    half = {
        name: _halved(value.detach().cpu().contiguous())
        if value.is_floating_point()
        else value.cpu()
        for name, value in sorted(weights.items())
    }
    same = _duplicates(half)
    own = {name: value for name, value in half.items() if name not in same}
    data = _in_one_order(
        save(own, metadata={**metadata, **({_SAME: json.dumps(same)} if same else {})})
    )
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def _duplicates(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Name the tensors that equal an earlier one, each with that one's name.

    Small tensors aren't worth it and are left out.
    """
    first: dict[tuple[Any, ...], str] = {}
    same: dict[str, str] = {}
    for name, value in tensors.items():
        if value.nbytes >= _WORTH_SHARING_BYTES:
            content = hashlib.sha256(value.contiguous().numpy().tobytes()).digest()
            earlier = first.setdefault((value.dtype, tuple(value.shape), content), name)
            if earlier != name:
                same[name] = earlier
    return same


def _in_one_order(data: bytes) -> bytes:
    """The same safetensors file with its header's keys sorted: safetensors shuffles them, and so
    fingerprints.
    """
    (length,) = struct.unpack("<Q", data[:8])
    return _header_bytes(json.loads(data[8 : 8 + length])) + data[8 + length :]


def _halved(value: Tensor) -> Tensor:
    """The tensor in fp16, or as it is where a number is too great for that: a batch statistic past
    65,504.
    """
    halved = value.half()
    return halved if bool(halved.isfinite().all()) else value


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read a checkpoint's tensors as float32, without those of a screening head or a detector.

    Raises BadCheckpoint when the file is damaged.
    """
    read_header(path)
    try:
        return {
            name: value
            for name, value in load_halved(path).items()
            if not name.startswith(tuple(f"{part}." for part in _ADDED))
        }
    except Exception as error:  # safetensors raises its own kind, and plain OSError for a cut file
        raise BadCheckpoint(f"{path} is damaged ({error}); copy or train it again") from error


def below(weights: Mapping[str, T], prefix: str) -> dict[str, T]:
    """The tensors named `prefix`..., by what comes after it."""
    return {
        name.removeprefix(prefix): value
        for name, value in weights.items()
        if name.startswith(prefix)
    }


def load_halved(path: Path) -> dict[str, Tensor]:
    """Read what `save_halved` wrote, as float32.

    Raises what safetensors raises, and KeyError, for a damaged file.
    """
    from safetensors import safe_open

    with cast(Any, safe_open)(path, framework="pt") as file:
        told: dict[str, str] = file.metadata() or {}
        names: list[str] = list(file.keys())
        tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in names}
    same: dict[str, str] = json.loads(told.get(_SAME, "{}"))
    tensors |= {name: tensors[earlier] for name, earlier in same.items()}
    return {
        name: value.float() if value.is_floating_point() else value
        for name, value in tensors.items()
    }


def load_arrays(path: Path, is_wanted: Callable[[str], bool]) -> dict[str, NDArray[Any]]:
    """Read the tensors of a checkpoint whose names are wanted, without torch, as float32.

    Raises BadCheckpoint when the file is damaged.
    """
    from safetensors import safe_open

    try:
        with cast(Any, safe_open)(path, framework="np") as file:
            told: dict[str, str] = file.metadata() or {}
            same: dict[str, str] = json.loads(told.get(_SAME, "{}"))
            names = [name for name in [*file.keys(), *same] if is_wanted(name)]
            tensors = {name: file.get_tensor(same.get(name, name)) for name in names}
    except Exception as error:  # safetensors raises its own kind, and plain OSError for a cut file
        raise BadCheckpoint(f"{path} is damaged ({error}); copy or train it again") from error
    return {
        name: value.astype(np.float32) if value.dtype.kind == "f" else value
        for name, value in tensors.items()
    }


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a kill at any moment, sees the old content or the new,
    never half.

    Raises CannotWrite, with nothing left behind, where the disk is full or the folder can't be
    written to.
    """
    temporary = path.with_name(_temporary_name(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        advice = (
            "Free some space, or give another place"
            if error.errno in _FULL
            else "Give another place"
        )
        raise CannotWrite(
            f"{path} ({len(data) / 2**20:.1f} MiB) can't be written: {error.strerror}. {advice}"
        ) from error


def refuse_unwritable(*paths: Path) -> None:
    """Raise CannotWrite, before any work, where `write_atomically` couldn't write one of these
    files.

    Tried with an empty file, in the nearest folder that is there: what may be written isn't told by
    permissions alone. No folder is made.
    """
    for path in paths:
        folder = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
        tried = folder / _temporary_name(path)
        try:
            try:
                tried.open("xb").close()
            finally:
                tried.unlink(missing_ok=True)
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, "a folder has that name")
        except OSError as error:
            raise CannotWrite(
                f"{path} can't be written: {error.strerror}. Give another place"
            ) from error


def _temporary_name(path: Path) -> str:
    return f".{path.name}.{os.getpid()}.tmp"
