"""Photos as files of a form."""

from __future__ import annotations

Files = list[tuple[str, tuple[str, bytes]]]


def files_of(**photos: bytes) -> Files:
    return [("photos", (f"{name}.png", data)) for name, data in photos.items()]
