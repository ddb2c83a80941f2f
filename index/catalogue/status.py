"""What state a catalogue is in, and which command brings it on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from embedding.checkpoint import DEFAULT_CHECKPOINT, BadCheckpoint, fingerprint_of
from embedding.runtime import Precision
from index.calibration.calibration import BadCalibration, Calibration
from index.calibration.error_rates import rates_at
from index.catalogue.catalogue import Catalogue, CatalogueCounts, RevisionSummary
from index.identification.identifier import WrongFingerprint
from index.search.matching import Thresholds
from index.storage.address import CatalogueAddress


@dataclass(frozen=True, slots=True)
class CatalogueStatus:
    """A catalogue at its last revision, beside the checkpoint that would search it.

    `checkpoint_fingerprint` None: there is no such checkpoint. `mend` is the command to run, None
    when all is well. `damaged` are photos that aren't searched because of their vectors.
    """

    address: CatalogueAddress
    revision: int
    counts: CatalogueCounts
    fingerprint: str | None
    checkpoint_fingerprint: str | None
    calibration: Calibration | None
    history: tuple[RevisionSummary, ...]
    mend: str | None
    damaged: tuple[str, ...] = ()

    @property
    def thresholds(self) -> Thresholds | None:
        """The default thresholds, None without a readable calibration."""
        return self.calibration.thresholds() if self.calibration else None

    def _known_rates(self) -> dict[str, float | None] | None:
        """The rates up to the `known` threshold; None where nothing is known without review."""
        if self.calibration is None or self.thresholds is None or self.thresholds.known < 0:
            return None
        point = rates_at(self.calibration, self.thresholds.known)
        return {"fpir": point.fpir, "error": point.error, "promised": point.promised}

    def to_json(self) -> dict[str, Any]:
        """Plain values for `flukeprint index status --json`."""
        calibration = self.calibration
        return {
            "catalogue": str(self.address),
            "revision": self.revision,
            **asdict(self.counts),
            "fingerprint": self.fingerprint,
            "checkpoint_fingerprint": self.checkpoint_fingerprint,
            "damaged_vectors": list(self.damaged),
            "is_current": self.mend is None,
            "mend": self.mend,
            "is_calibrated": bool(calibration and calibration.is_fitted),
            "calibration": calibration.description if calibration else None,
            "thresholds": asdict(self.thresholds) if self.thresholds else None,
            "known_rates": self._known_rates(),
            "history": [asdict(each) for each in self.history],
        }


def catalogue_status(
    address: CatalogueAddress,
    checkpoint: Path | None,
    precision: str = "float32",
    *,
    last_revisions: int = 5,
) -> CatalogueStatus:
    """Look at a catalogue; `checkpoint` None is the one that comes with flukeprint.

    `precision` is that of the vectors that it should have (`embedding.runtime`).

    Raises BadCatalogue.
    """
    with Catalogue.open(address) as catalogue:
        revision, fingerprint, counts = (
            catalogue.revision,
            catalogue.fingerprint,
            catalogue.counts(),
        )
        calibration = _calibration(catalogue) if revision else None
        history = tuple(catalogue.history(last_revisions))
        damaged = tuple(catalogue.damaged_vectors())
    checkpoint_fingerprint = _fingerprint(checkpoint, precision)
    is_stale = checkpoint_fingerprint is not None and checkpoint_fingerprint != fingerprint
    is_lacking = counts.searchable < counts.photos or bool(damaged)
    needs_update = is_stale or calibration is None or is_lacking
    return CatalogueStatus(
        address=address,
        revision=revision,
        counts=counts,
        fingerprint=fingerprint,
        checkpoint_fingerprint=checkpoint_fingerprint,
        calibration=calibration,
        history=history,
        mend=update_command(address, checkpoint, precision) if needs_update else None,
        damaged=damaged,
    )


def check_fingerprint(
    address: CatalogueAddress,
    catalogue: Catalogue,
    checkpoint: Path | None,
    precision: str = "float32",
) -> None:
    """Raise WrongFingerprint when another checkpoint made the catalogue.

    That is before a network is loaded.
    """
    made_by = catalogue.fingerprint
    own = fingerprint_of(checkpoint or DEFAULT_CHECKPOINT, precision)
    if made_by is not None and made_by != own:
        raise wrong_fingerprint(address, made_by, own, checkpoint, precision)


def wrong_fingerprint(
    address: CatalogueAddress,
    made_by: str,
    own: str,
    checkpoint: Path | None,
    precision: str = "float32",
) -> WrongFingerprint:
    """Make the error for a catalogue of another checkpoint, or of the same in another precision.

    `checkpoint` None: the shipped one.
    """
    for other in get_args(Precision):
        if other != precision and _fingerprint(checkpoint, other) == made_by:
            return WrongFingerprint(
                f"the catalogue {address} was made by this checkpoint in precision {other}, and "
                f"not in {precision}: their distances can't be compared. Give --precision {other}, "
                f"or bring it to {precision} with "
                f"`{update_command(address, checkpoint, precision)}`"
            )
    which = "the one given" if checkpoint else "the one that comes along with this flukeprint"
    return WrongFingerprint(
        f"the catalogue {address} was made by checkpoint {made_by[:12]}, but {which} is "
        f"{own[:12]}: their distances "
        f"can't be compared. Mend it with `{update_command(address, checkpoint, precision)}`, or "
        "give "
        "--checkpoint the file that "
        "made it"
    )


def update_command(
    address: CatalogueAddress, checkpoint: Path | None, precision: str = "float32"
) -> str:
    """The command that brings a catalogue up to date with a checkpoint."""
    option = f" --checkpoint {checkpoint}" if checkpoint else ""
    option += f" --precision {precision}" if precision != "float32" else ""
    return f"flukeprint index update --catalogue {address}{option}"


def _calibration(catalogue: Catalogue) -> Calibration | None:
    try:
        return catalogue.calibration()
    except BadCalibration:
        return None


def _fingerprint(checkpoint: Path | None, precision: str) -> str | None:
    try:
        return fingerprint_of(checkpoint or DEFAULT_CHECKPOINT, precision)
    except BadCheckpoint:
        return None
