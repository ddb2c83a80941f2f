"""A service with jobs, for the doors that lead through it."""

from __future__ import annotations

from tests.service.conftest import settings
from tests.service.jobs.kinds.conftest import serve_season

__all__ = ["serve_season", "settings"]
