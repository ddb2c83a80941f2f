"""Small checkouts, written so that a gate can be seen to fail."""

from __future__ import annotations

from pathlib import Path


def plant(root: Path, **files: str) -> Path:
    """Write small wings: `index_gallery="import timm"` becomes index/gallery.py."""
    for name, text in files.items():
        path = root / (name.replace("_", "/", 1) + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root
