"""Calibrations fitted after the changes that move a distance, outside their transactions.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from index.calibration.calibration import Calibration, readable_calibration
from index.calibration.fitting import calibrate
from index.catalogue.catalogue import Catalogue
from index.catalogue.rows import (
    last_calibration,
    last_revision,
    pending_calibration,
    read_vectors,
)
from index.storage.connection import translating_errors
from index.storage.retry import retry_while_busy
from index.storage.schema import CalibrationRow, announce, keep_others_out, writing


def refit(catalogue: Catalogue) -> Calibration | None:
    """Fit the calibration that a change has left pending, and store it; None where none is.

    So is one of an older flukeprint, which says too little. Others may read and change the
    catalogue meanwhile; what they change leaves a calibration pending again. Raises BadCatalogue.
    """
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        pending, last = pending_calibration(session), last_revision(session)
        is_fitted = pending is None and readable_calibration(last_calibration(session)) is not None
        if last is None or is_fitted:
            return None
        rows = read_vectors(session, last.fingerprint)
        revision = pending or last.revision
    fitted = calibrate(rows.vectors, rows.individuals, facts=rows.facts)
    retry_while_busy(lambda: _store(catalogue, revision, fitted))
    return fitted


def _store(catalogue: Catalogue, revision: int, fitted: Calibration) -> None:
    with (
        translating_errors(catalogue.address),
        writing(catalogue.engine.connect()) as connection,
        connection.begin(),
    ):
        # Another service may have fitted the same.
        keep_others_out(connection, CalibrationRow.__tablename__)
        stale = CalibrationRow.revision <= revision
        connection.execute(delete(CalibrationRow).where(stale))
        row = {"revision": revision, "calibration": fitted.to_json()}
        connection.execute(insert(CalibrationRow).values(**row))
        announce(connection)
