"""The finished run of classes, which commands are tried on too."""

from __future__ import annotations

from tests.training.classification.conftest import kind_folder, kinds, learned, quick

__all__ = ["kind_folder", "kinds", "learned", "quick"]
