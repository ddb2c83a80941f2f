"""What is done to a catalogue while a harness hurts it; each act acknowledges what is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from embedding.photos.photo import content_hash, read_photo
from index.catalogue.catalogue import Catalogue
from index.catalogue.raw_rows import read_export_rows
from index.curation.curator import Curator
from index.curation.undo import undo
from index.exchange.backup.backup import make_backup, restore_backup
from index.exchange.exporting.formats import make_export
from index.exchange.exporting.writing import write_export
from index.labels.reader import read_labels
from index.reindex.build import build_catalogue
from index.reindex.options import UpdateOptions
from index.reindex.update import update_catalogue
from service.catalogue.intake import NewPhoto, take_in
from service.schemas.curation_requests import QueueForm
from tests.faults.scene import Acknowledger, Do, Scene, embedder, import_folder


@dataclass(frozen=True)
class Act:
    """`do` acknowledges each revision that it has made; done again, it does the rest.

    `is_once`: it can't be done again as it stands, because it names what is there no more.
    """

    name: str
    do: Do
    is_once: bool = False


def enrol(scene: Scene, acknowledge: Acknowledger) -> None:
    """Take photos in and confirm whose they are, as the service does."""
    model = embedder()
    with Catalogue.open(scene.address) as catalogue:
        for number, path in enumerate(sorted(scene.new_photos.rglob("*.png"))):
            data = path.read_bytes()
            vector = model.embed([read_photo(data, name=path.name)])[0]
            photo = NewPhoto(path.name, data, vector, {"box": None, "photo_taken_at": None})
            event, _ = take_in(
                catalogue, [photo], model.fingerprint, QueueForm.model_validate({}), made_by="ada"
            )
            assert event is not None
            acknowledge(revision=event.revision, stored=content_hash(data))
            confirmed = Curator(catalogue, made_by="ada").confirm(path.name, f"w_{number}")
            acknowledge(revision=confirmed.revision)


def merge(scene: Scene, acknowledge: Acknowledger) -> None:
    """Merge four individuals into one, one after the other."""
    with Catalogue.open(scene.address) as catalogue:
        for source in ("w_1", "w_2", "w_3", "w_4"):
            acknowledge(revision=Curator(catalogue, made_by="ada").merge(source, "w_0").revision)


def undoing(scene: Scene, acknowledge: Acknowledger) -> None:
    """Undo the last event, do it again by undoing that, and so on."""
    with Catalogue.open(scene.address) as catalogue:
        for _ in range(6):
            acknowledge(revision=undo(catalogue, catalogue.revision, made_by="ada").revision)


def importing(scene: Scene, acknowledge: Acknowledger) -> None:
    """Import a folder of new photos."""
    acknowledge(revision=import_folder(scene, scene.new_photos))


def reindex(scene: Scene, acknowledge: Acknowledger) -> None:
    """Bring the catalogue up to date with other labels: photos come, go and change owner."""
    labels = read_labels(None, scene.new_photos)
    with Catalogue.open(scene.address) as catalogue:
        report = update_catalogue(catalogue, labels, embedder(), UpdateOptions())
        acknowledge(revision=report.revision)


def swap(scene: Scene, acknowledge: Acknowledger) -> None:
    """Go over to another checkpoint."""
    with Catalogue.open(scene.address) as catalogue:
        report = update_catalogue(
            catalogue, None, embedder(is_other=True), UpdateOptions(kind="swap")
        )
        acknowledge(revision=report.revision)


def build(scene: Scene, acknowledge: Acknowledger) -> None:
    """Build the catalogue anew from labels, in place of the one that is there."""
    labels = read_labels(None, scene.new_photos)
    report = build_catalogue(scene.address, labels, embedder(), overwrite=True)
    acknowledge(replaced=report.revision)


def backup_folder(scene: Scene, acknowledge: Acknowledger) -> None:
    """Make a backup into a new folder."""
    _backup(scene, scene.folder / "made", acknowledge)


def backup_tar(scene: Scene, acknowledge: Acknowledger) -> None:
    """Make a backup into a new tar."""
    _backup(scene, scene.folder / "made.tar", acknowledge)


def _backup(scene: Scene, out: Path, acknowledge: Acknowledger) -> None:
    make_backup(scene.address, out)
    acknowledge(backup=out.name)


def export(scene: Scene, acknowledge: Acknowledger) -> None:
    """Export labels and photos into a new folder."""
    with Catalogue.open(scene.address) as catalogue:
        rows = read_export_rows(catalogue)
    made = make_export(
        "camtrap-dp", rows.photos, places=rows.places, created="2026-01-01T00:00:00Z"
    )
    write_export(made, scene.folder / "exported", has_photos=True, has_places=False)
    acknowledge(export="exported")


def restore(scene: Scene, acknowledge: Acknowledger) -> None:
    """Put the backup in place of the catalogue."""
    manifest = restore_backup(scene.backup, scene.address, is_replacing=True)
    acknowledge(replaced=manifest.revision)


ACTS = {
    act.name: act
    for act in (
        Act("enrol", enrol, is_once=True),
        Act("import", importing),
        Act("merge", merge, is_once=True),
        Act("undo", undoing),
        Act("reindex", reindex),
        Act("swap", swap),
        Act("build", build),
        Act("backup", backup_folder),
        Act("backup tar", backup_tar),
        Act("export", export),
        Act("restore", restore),
    )
}
# After these the catalogue's revisions go on; after the others another catalogue is in its place,
# or it is as it was.
MAKES_REVISIONS = frozenset({"enrol", "import", "merge", "undo", "reindex", "swap"})
REPLACES = frozenset({"build", "restore"})
