"""Every route of the service, from its OpenAPI document, with a request that names nothing."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.testclient import TestClient

UNLISTED = (("GET", "/"), ("GET", "/docs"), ("GET", "/page/{version}/{path}"))
"""The page and the reference, which the OpenAPI document leaves out."""
_VALUES = {
    "id": "999",
    "key": "999",
    "card_key": "e999",
    "revision": "999",
    "version": "x",
    "path": "main.js",
}


class Operation(NamedTuple):
    """A method and a path as it is written, with its parameters in braces."""

    method: str
    path: str

    def send(self, client: TestClient, **headers: str) -> Any:
        """Send it with parameters that name nothing and an empty body: it changes nothing."""
        path = self.path
        for name in [part.partition("}")[0] for part in path.split("{")[1:]]:
            path = path.replace(f"{{{name}}}", _VALUES.get(name, "nothing-of-that-name"))
        return client.request(self.method, path, headers=headers)


def operations(app: FastAPI) -> list[Operation]:
    """List them all, in the order of the document."""
    document = app.openapi()
    listed = [
        Operation(method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
    ]
    return [*listed, *(Operation(*each) for each in UNLISTED), Operation("GET", "/openapi.json")]
