"""Bulk identification of files as people have them: raw files, damaged photos, other suffixes."""

from __future__ import annotations

import io

from PIL import Image

from tests.index.camera_files import cut_scan
from tests.service.jobs.kinds.bench import JobBench


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (900, 600), (30, 0, 0)).save(file, "JPEG", quality=95)
    return file.getvalue()


def test_damage_is_told_in_the_row_and_other_files_are_faults(bench: JobBench) -> None:
    bench.draw(0)
    folder = bench.photos
    (folder / "cut.jfif").write_bytes(cut_scan(jpeg(), 0.7))
    (folder / "no_end.JPG").write_bytes(jpeg()[:-2])
    (folder / "raw.NEF").write_bytes(b"II*\x00")
    job = bench.run(folder="photos", k=1)
    rows = {row["photo"]: row for row in bench.rows(job)}
    assert sorted(rows) == ["000.png", "cut.jfif", "no_end.JPG"]
    assert "The photo is damaged: pixels are missing" in rows["cut.jfif"]["reason"]
    assert "damaged" not in rows["no_end.JPG"]["reason"]
    assert rows["cut.jfif"]["individual_1"] == rows["no_end.JPG"]["individual_1"] == "w_30"
    assert job.result is not None and job.result["unreadable"] == 1
