"""Build a catalogue beside its target, which it replaces when it is complete."""

from __future__ import annotations

from index.access.copy_access import copy_access
from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.catalogue.revision import open_revision
from index.labels.reader import Labels
from index.photos.embed import FileEmbedder
from index.progress import Progress, no_progress
from index.reindex.preparation import UpdatePreparation
from index.reindex.report import UpdateReport, add_warnings
from index.reindex.update import fit_pending, open_pending_vectors, update_within_transaction
from index.storage.address import CatalogueAddress, CatalogueBusy, refuse_no_folder, resolve_links
from index.storage.connection import (
    check_catalogue,
    discard_database,
    exists,
    put_in_place,
    refuse_in_use,
    remove_database,
    sibling_address,
    translating_errors,
)
from index.storage.originals import media_folder


def build_catalogue(
    address: CatalogueAddress,
    labels: Labels,
    embedder: FileEmbedder,
    *,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> UpdateReport:
    """Build a catalogue beside `address` and rename it when it is complete.

    It is built in a hidden file or in another schema.

    Whatever interrupts it, at `address` is what was there before: nothing, or the catalogue that
    `overwrite` allows to replace. Raises BadCatalogue.
    """
    refuse_target(address, overwrite)
    address = resolve_links(address)
    temporary = sibling_address(address, "building")
    _refuse_running_build(temporary, address)
    try:
        with (
            translating_errors(address),
            open_pending_vectors(address, embedder.fingerprint) as pending,
        ):
            remove_database(temporary)
            with Catalogue.open(temporary, create=True) as catalogue:
                preparation = UpdatePreparation(
                    labels,
                    embedder,
                    progress=progress,
                    pending=pending,
                    media=media_folder(address),
                )
                with open_revision(catalogue) as revision:
                    report = update_within_transaction(revision, preparation)
                fit_pending(catalogue, progress)
                report = add_warnings(report, labels, catalogue)
            if exists(address):
                copy_access(address, temporary)
            put_in_place(temporary, address)
    finally:
        discard_database(temporary)
    return report


def refuse_target(address: CatalogueAddress, overwrite: bool) -> None:
    """Raise BadCatalogue, before any work, when a catalogue can't be built at `address`."""
    address = resolve_links(address)
    refuse_no_folder(address)
    if not exists(address):
        return
    check_catalogue(address)  # what isn't a catalogue is never replaced
    if not overwrite:
        raise BadCatalogue(
            f"there is a catalogue at {address} already; bring it up to date with `flukeprint "
            "index update`, "
            "or give --replace to build it anew"
        )
    refuse_in_use(address)  # refused now, not after an hour of embedding


def _refuse_running_build(temporary: CatalogueAddress, address: CatalogueAddress) -> None:
    """Refuse where another build is running, which holds its file's write lock.

    What a killed build has left is no reason.
    """
    try:
        with Catalogue.open(temporary, wait_seconds=0) as unfinished, open_revision(unfinished):
            pass
    except CatalogueBusy as error:
        raise CatalogueBusy(
            f"another build of {address} is running; wait until it has finished"
        ) from error
    except BadCatalogue:
        pass  # absent, or cut off while it was made
