"""Ask a running flukeprint service from Python: `Client`, and `AsyncClient` for asyncio."""

from __future__ import annotations

from client.clients import AsyncClient, Client

__all__ = ["AsyncClient", "Client"]
