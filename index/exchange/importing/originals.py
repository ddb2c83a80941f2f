"""Which of a source's photos an export made of the catalogue's own, whatever they are called now.

An export as zip names photos anew, and one without places writes their files anew. Its labels hold
the content hash of each original. So does what came back after somebody edited them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from index.catalogue.catalogue import CataloguePhoto
from index.exchange.importing.sources import SourcePhoto
from index.labels.fields import in_nfc
from index.labels.labelled_photo import LabelledPhoto
from index.photos.exported_copy import is_exported_copy, zip_name
from index.photos.perceptual_hash import MOST_BITS, differing_bits


def find_originals(
    photos: Sequence[SourcePhoto],
    known: Sequence[CataloguePhoto],
    perceptual: Mapping[str, bytes | None],
) -> list[SourcePhoto]:
    """Note of each photo of an export which known photo it was made of.

    The content hash in its label counts where its file is that content, is what taking the place
    out gives, or shows nearly the same picture. Without such a hash a photo of a known name counts
    where its file is what taking the place out gives, and so does one that is called as an export
    as zip would call it. `perceptual`: hashes by content hash.
    """
    by_hash: dict[str, list[CataloguePhoto]] = {}
    for photo in known:
        by_hash.setdefault(photo.content_hash, []).append(photo)
    by_name = {in_nfc(zip_name(photo.name, photo.individual)): photo for photo in known}
    by_name |= {in_nfc(photo.name): photo for photo in known}
    return [
        replace(each, original=_original(each, by_hash, by_name, perceptual)) for each in photos
    ]


def _original(
    each: SourcePhoto,
    by_hash: Mapping[str, Sequence[CataloguePhoto]],
    by_name: Mapping[str, CataloguePhoto],
    perceptual: Mapping[str, bytes | None],
) -> str | None:
    if each.fault is not None:
        return None
    noted = by_hash.get(each.photo.content_hash or "", ())
    old = by_name.get(in_nfc(each.photo.name))
    if noted:
        nearest = min(
            noted, key=lambda photo: (photo != old, not _is_named_like(each.photo, photo))
        )
        return nearest.name if _is_its_picture(each, nearest, perceptual) else None
    if old is None:
        return None
    is_same_file = each.content_hash == old.content_hash and each.photo.name != old.name
    return old.name if is_same_file or _is_made_of(each, old) else None


def _is_its_picture(
    each: SourcePhoto, old: CataloguePhoto, perceptual: Mapping[str, bytes | None]
) -> bool:
    if each.content_hash == old.content_hash:
        return True
    own, other = each.perceptual, perceptual.get(old.content_hash)
    if own is not None and other is not None and differing_bits(own, other) <= MOST_BITS:
        return True
    return _is_made_of(each, old)


def _is_made_of(each: SourcePhoto, old: CataloguePhoto) -> bool:
    return is_exported_copy(old.path, old.content_hash, each.content_hash)


def _is_named_like(photo: LabelledPhoto, old: CataloguePhoto) -> bool:
    """Whether an export as zip may have named `old` so: below a folder, without its own folders."""
    return photo.name.rpartition("/")[2].endswith(old.name.replace("/", "_"))
