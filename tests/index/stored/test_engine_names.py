"""Engines are named before anything is loaded, and a wrong name says which there are."""

from __future__ import annotations

import importlib

import pytest
from pydantic import ValidationError

from index.milvus.server import MilvusServer
from index.stored.engine_names import checked_engine, is_searched_elsewhere
from index.stored.milvus_address import BadEngineName, MilvusAddress, milvus_address
from service.settings import Settings


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("milvus://lab", MilvusAddress("http://lab:19530")),
        ("milvus://127.0.0.1:9", MilvusAddress("http://127.0.0.1:9")),
        ("milvus://[::1]:9", MilvusAddress("http://[::1]:9")),
        (
            "milvus+tls://lab:443/season?name=baltic_2",
            MilvusAddress("https://lab:443", "season", "baltic_2"),
        ),
    ],
)
def test_a_url_is_read(url, address):
    assert milvus_address(url) == address
    assert checked_engine(url) == url
    assert is_searched_elsewhere(url)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("milvus://", "no address of a Milvus server; give milvus://HOST:PORT"),
        ("milvus://lab:port", "a port that is no number"),
        ("milvus://lab/a/b", "no address of a Milvus server"),
        ("milvus://lab?index=flat", "no address of a Milvus server"),
        ("milvus://lab?name=Baltic-2", "give up to 60 of a-z, 0-9 and _"),
        ("milvus://lab?name=", "give up to 60"),
        ("faiss", "the engines are auto, flat, pq, pgvector, pgvector-hnsw and milvus://"),
        ("milvus", "the engines are auto"),
    ],
)
def test_a_wrong_name_says_what_is_right(url, why):
    with pytest.raises(BadEngineName, match=why.replace("+", r"\+")):
        checked_engine(url)
    with pytest.raises(ValidationError, match=why.replace("+", r"\+")):
        Settings(engine=url)


def test_a_password_in_the_url_is_refused_and_not_repeated():
    with pytest.raises(BadEngineName, match="the variable MILVUS_TOKEN") as caught:
        checked_engine("milvus://ana:secret@lab")
    assert "secret" not in str(caught.value)


def test_without_its_client_the_engine_says_what_to_install(monkeypatch):
    def _absent(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", _absent)
    with pytest.raises(BadEngineName, match=r"pip install 'flukeprint\[milvus\]'"):
        MilvusServer(milvus_address("milvus://lab"))
