"""The names of engines, which people give; importing this loads nothing heavy."""

from __future__ import annotations

from index.stored.milvus_address import BadEngineName, is_milvus, milvus_address

PGVECTOR = "pgvector"
PGVECTOR_HNSW = "pgvector-hnsw"
IN_POSTGRESQL = (PGVECTOR, PGVECTOR_HNSW)
"""How photos are searched in the database: exactly, or by an HNSW index."""

_KNOWN = ("auto", "flat", "pq", *IN_POSTGRESQL)


def is_searched_elsewhere(factory: str) -> bool:
    """Whether the vectors of an engine of this name are not in this process's memory."""
    return factory in IN_POSTGRESQL or is_milvus(factory)


def checked_engine(name: str) -> str:
    """An engine's name as it was given. Raises BadEngineName for one that isn't known."""
    if is_milvus(name):
        milvus_address(name)
    elif name not in _KNOWN:
        raise BadEngineName(
            f"the engine is {name!r}; the engines are {', '.join(_KNOWN)} and milvus://HOST:PORT"
        )
    return name
