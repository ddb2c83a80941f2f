"""Use a running flukeprint service from Python: `Client`, or `AsyncClient` with asyncio."""

from __future__ import annotations

from client.clients import AsyncClient, Client

__all__ = ["AsyncClient", "Client"]
