"""Photos with no content, and label files for them."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with a.jpg, b.jpg and sub/c.jpg; reading labels never looks into them."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "sub/c.jpg"):
        (folder / name).write_bytes(b"not looked at")
    return folder
