"""The OpenAPI document against the service: whatever it describes can be sent, and is answered as
it promises.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from index.access.keys import Keys
from index.catalogue.catalogue import Catalogue
from service.app import create_app
from service.settings import Settings

EXAMPLES = 5
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# What is there, so that not every generated name is of nothing.
KNOWN = {
    "/v1/individuals": ["w_0", "w_30", "w_90"],
    "/v1/queue": ["sent.png", "nobody_200.png"],
    "/v1/photos": ["w_0_a.png"],
    "/v1/catalogue": ["w_0_b.png", "nobody_201.png"],
    "/v1/encounters": [1, 2],
    "/v1/changes": [1, 2, 3, 4],
    "/v1/jobs": [1, 2],
}


def _known_answers() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "known_answers", Path(__file__).resolve().parents[1] / "conftest.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


known_answers = _known_answers()
schemathesis.openapi.format(
    "binary",
    st.one_of(
        st.integers(0, 255).map(known_answers.photo_of),
        st.sampled_from([b"", b"words", b"\xff\xd8\xff"]),
    ),
)


def _document() -> dict[str, Any]:
    def load() -> Any:
        raise RuntimeError("only read, never started")

    return create_app(Settings.model_construct(), load).openapi()


OPERATIONS = {
    each.ok().label: each.ok()
    for each in schemathesis.openapi.from_dict(_document()).get_all_operations()
}


class Site(NamedTuple):
    """Where the service is, and who may do everything there."""

    url: str
    headers: dict[str, str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    """The curated whales behind keys, with a photo in the queue and a finished job; one for all
    operations.
    """
    folder = tmp_path_factory.mktemp("openapi") / "curated"
    app, path, _ = known_answers.curated_app(
        Settings(catalogue=folder / "catalogue.db"), folder, has_keys=True
    )
    with Catalogue.open(path) as catalogue:
        secret = Keys(catalogue.engine).create("Ana", "admin").secret
    headers = {"Authorization": f"Bearer {secret}"}
    with known_answers.served(app) as url:
        files = {"photos": ("sent.png", known_answers.photo_of(120))}
        assert (
            requests.post(f"{url}/v1/queue", headers=headers, files=files, timeout=60).status_code
            == 200
        )
        for _ in range(2):
            asked = requests.post(
                f"{url}/v1/jobs", headers=headers, json={"kind": "reindex"}, timeout=60
            )
            assert asked.status_code == 202
        yield Site(url, headers)


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["sound", "unsound"]
)
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_as_documented(site: Site, label: str, mode: GenerationMode) -> None:
    operation = OPERATIONS[label]
    known = next((names for start, names in KNOWN.items() if operation.path.startswith(start)), [])

    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), name=st.sampled_from([None, *known]))
    def ask(case: Any, name: object) -> None:
        if name is not None:
            case.path_parameters = dict.fromkeys(case.path_parameters or {}, name)
        headers = {
            name: value
            for name, value in (case.headers or {}).items()
            if name.lower() != "x-api-key"
        }
        case.headers = {**headers, **site.headers}
        case.call_and_validate(base_url=site.url, checks=CHECKS, timeout=60)

    try:
        ask()
    except hypothesis.errors.Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "nothing sound can be sent"


def test_every_path_of_the_service_is_described() -> None:
    assert len(OPERATIONS) > 35
    assert {
        "POST /v1/identify",
        "GET /v1/jobs/{id}/events",
        "DELETE /v1/keys/{id}",
        "GET /healthz",
    } <= set(OPERATIONS)
