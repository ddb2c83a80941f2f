"""A client of an application that sends as a program on this machine does."""

from __future__ import annotations

from fastapi.testclient import TestClient
from starlette.types import ASGIApp

LOCAL_URL = "http://127.0.0.1:8000"


def local_client(app: ASGIApp, *, raise_server_exceptions: bool = True) -> TestClient:
    """A client whose address and Host are of the loopback network."""
    return TestClient(
        app,
        base_url=LOCAL_URL,
        client=("127.0.0.1", 50000),
        raise_server_exceptions=raise_server_exceptions,
    )
