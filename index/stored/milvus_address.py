"""Where a Milvus server is, by a URL, which is also the engine's name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from embedding.errors import FlukeprintError

TOKEN_VARIABLE = "MILVUS_TOKEN"
"""The environment variable with `USER:PASSWORD` or an API key, for a server that wants one."""

_SCHEMES = {"milvus": "http", "milvus+tls": "https"}
_PORT = 19530
_NAME = re.compile(r"[a-z0-9_]{1,60}")
_FORM = "milvus://HOST:PORT, milvus+tls://HOST:PORT, and if need be /DATABASE and ?name=NAME"


class BadEngineName(FlukeprintError):
    """An engine that isn't known, or a URL that is none."""


@dataclass(frozen=True, slots=True)
class MilvusAddress:
    """A server, a database of it, and the name that this catalogue's collections begin with.

    `name` empty: one that is made of which catalogue it is.
    """

    uri: str
    database: str = ""
    name: str = ""


def is_milvus(factory: str) -> bool:
    """Whether an engine of this name searches on a Milvus server."""
    return factory.partition("://")[0] in _SCHEMES and "://" in factory


def milvus_address(factory: str) -> MilvusAddress:
    """Read a URL. Raises BadEngineName, without repeating what may be a password."""
    try:
        parts = urlsplit(factory)
        port = parts.port or _PORT
    except ValueError as error:
        raise BadEngineName(
            f"the engine's URL has a port that is no number; give {_FORM}"
        ) from error
    if parts.username is not None or parts.password is not None:
        raise BadEngineName(
            "the engine's URL has a user or a password in it, which whoever lists the processes "
            f"would see: put USER:PASSWORD, or the API key, into the variable {TOKEN_VARIABLE}"
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    name = options.pop("name", "")
    database = parts.path.strip("/")
    if not parts.hostname or parts.scheme not in _SCHEMES or options or "/" in database:
        raise BadEngineName(f"{factory!r} is no address of a Milvus server; give {_FORM}")
    if "name=" in parts.query and not _NAME.fullmatch(name):
        raise BadEngineName(
            f"?name={name} can't name a collection of Milvus: give up to 60 of a-z, 0-9 and _"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return MilvusAddress(f"{_SCHEMES[parts.scheme]}://{host}:{port}", database, name)
