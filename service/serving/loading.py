"""From settings to what is served: the catalogue, and the checkpoint that made it."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from embedding.checkpoint import DEFAULT_CHECKPOINT, fingerprint_of, read_header
from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from index.catalogue.status import wrong_fingerprint
from index.engines.reading import check_engine
from index.identification.identifier import Identifier
from index.identification.screening import AnimalScreen, screening_of
from index.objects.photo_store import choose_store
from index.photos.embed import PhotoEmbedder
from index.reindex.begin import begin_catalogue
from index.snapshots.served_catalogue import ServedCatalogue
from index.snapshots.snapshot import read_served
from index.storage.address import files_folder, refuse_no_folder
from index.storage.connection import exists
from index.storage.folder_owner import claim_files
from index.storage.originals import media_folder
from service.serving.checkpoints import find, load_embedder
from service.serving.service import Serving
from service.settings import Settings

_MOST_LOGGED = 20
_log = logging.getLogger("flukeprint.service")


def check_catalogue(settings: Settings) -> bool:
    """Refuse in milliseconds, without torch, what could not be served.

    Where there is no catalogue, an empty one of the served checkpoint is begun, which the page
    fills; returns whether it was. Raises BadCatalogue (not ours, no folder for it), BadCheckpoint,
    BadStore (photos can't be kept where `media` says), or WrongFingerprint with the command that
    mends it.
    """
    checkpoint = settings.checkpoint or DEFAULT_CHECKPOINT
    read_header(checkpoint)
    fingerprint = fingerprint_of(checkpoint, settings.precision)
    refuse_no_folder(settings.address)
    files_folder(settings.address)  # fails now where it is missing, not at the first photo
    is_begun = not exists(settings.address)
    if is_begun:
        begin_catalogue(settings.address, fingerprint)
    claim_files(settings.address)
    if settings.media is not None:
        choose_store(media_folder(settings.address), settings.media)
    with Catalogue.open(settings.address) as catalogue:
        check_engine(catalogue.address, settings.engine)
        made_by = catalogue.fingerprint
    if made_by is None:
        begin_catalogue(settings.address, fingerprint)
        made_by = fingerprint
    if fingerprint != made_by and find(settings, made_by) is None:
        raise wrong_fingerprint(
            settings.address, made_by, fingerprint, settings.checkpoint, settings.precision
        )
    return is_begun


def open_access(settings: Settings) -> AccessStore:
    """Open the keys and stored answers of the catalogue; nothing is read or written yet."""
    catalogue = Catalogue.open(settings.address)
    return AccessStore.of(catalogue.engine, keep_answers_hours=settings.keep_answers_hours)


def log_damaged(damaged: Mapping[str, str]) -> None:
    """Log which photos are not searched because of their vectors, and the command that mends it."""
    for name, fault in list(damaged.items())[:_MOST_LOGGED]:
        _log.error("The vector of %s %s; the photo is not searched", name, fault)
    if damaged:
        _log.error(
            "%d photos are not searched because their vectors are damaged; "
            "`flukeprint index update` embeds them again",
            len(damaged),
        )


def load_serving(settings: Settings) -> Serving:
    """Load what `check_catalogue` found right; takes seconds where PyTorch computes."""
    with Catalogue.open(settings.address) as catalogue:
        served = read_served(catalogue, settings.engine)
    gallery = served.gallery
    log_damaged(served.damaged)
    # A job may have brought the catalogue to another checkpoint since the service was set up.
    embedder = load_embedder(find(settings, gallery.fingerprint) or settings.checkpoint, settings)
    if embedder.fingerprint != gallery.fingerprint:
        raise wrong_fingerprint(
            settings.address,
            gallery.fingerprint,
            embedder.fingerprint,
            settings.checkpoint,
            settings.precision,
        )
    return serving_of(served, embedder, settings)


def serving_of(served: ServedCatalogue, embedder: PhotoEmbedder, settings: Settings) -> Serving:
    """Join what was read of a catalogue and the embedder that made its vectors."""
    screen = AnimalScreen(screening_of(embedder), served.gallery, settings.animal_threshold)
    identifier = Identifier(
        embedder,
        served.gallery,
        served.calibration.with_new_share(settings.new_share),
        served.species,
        served.viewpoints,
        screen=screen,
    )
    return Serving(
        identifier.with_species_fit(served.species_fit, served.changed_photos),
        served.photos,
        embedder.input_px,
        served.damaged,
        served.log,
        served.has_snapshot,
    )
