"""An empty catalogue, for whoever begins without photos."""

from __future__ import annotations

from index.catalogue.catalogue import Catalogue
from index.catalogue.revision import open_revision
from index.storage.address import CatalogueAddress, refuse_no_folder
from index.storage.connection import exists


def begin_catalogue(address: CatalogueAddress, fingerprint: str) -> None:
    """Make an empty catalogue of one checkpoint's vectors, unless one is there already.

    Its first revision has no photos. It names the checkpoint, so that what is searched, taken in
    and imported from then on is of that one. Raises BadCatalogue.
    """
    refuse_no_folder(address)
    with (
        Catalogue.open(address, create=not exists(address)) as catalogue,
        open_revision(catalogue, kind="begin") as revision,
    ):
        # Another process may have begun it since; its revision stands.
        if revision.last_fingerprint is None:
            revision.finish(fingerprint)
