"""Photos are written without their places, or left out and told."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from index.catalogue.catalogue import Catalogue
from index.exchange.exporting.formats import Export
from index.exchange.exporting.writing import write_export
from tests.index.photos.photos_with_places import COM, GPS_BLOCK, exif, jpeg, photo, saved


def test_photos_lose_what_may_tell_a_place_or_are_left_out(tmp_path, catalogue):
    plain = saved("JPEG")
    files = {
        "plain.jpg": plain,
        "place.jpg": jpeg(exif(GPS_BLOCK)),
        "comment.jpg": jpeg((COM, b"Bar Harbor")),
        "place.webp": photo("WebP", has_place=True),
    }
    with Catalogue.open(catalogue) as opened:
        row = opened.photos()[0]
    photos = {}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        photos[name] = replace(
            row, name=name, path=tmp_path / name, content_hash=sha256(data).hexdigest()
        )
    export = Export({"labels.csv": "image,label\n"}, photos)
    written = write_export(export, tmp_path / "out", has_photos=True, has_places=False)
    assert (written.photos, written.without_place) == (3, 1)
    said = "its file says, or may say, where it was taken, and that can't be taken out"
    assert written.left_out == (("place.webp", f"{said} with certainty"),)
    assert (tmp_path / "out/plain.jpg").read_bytes() == plain
    assert (tmp_path / "out/comment.jpg").read_bytes() == plain
    assert not (tmp_path / "out/place.webp").exists()
    whole = write_export(export, tmp_path / "whole", has_photos=True, has_places=True)
    assert (whole.photos, whole.without_place, whole.left_out) == (4, 0, ())
    assert (tmp_path / "whole/place.jpg").read_bytes() == files["place.jpg"]
