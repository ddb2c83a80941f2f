"""`deploy/lab/compose.yaml` says what the Caddyfile and the service need, and holds no secret."""

from __future__ import annotations

import re
from typing import Any

import pytest

from service.settings import Settings
from tests.deploy.proxy import CADDYFILE, ROOT

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
_TEXT = (CADDYFILE.parent / "compose.yaml").read_text("utf-8")
_FOR_OTHERS = {"FLUKEPRINT_BIND", "FLUKEPRINT_HTTP_PORT", "FLUKEPRINT_HTTPS_PORT"}


@pytest.fixture
def services() -> dict[str, Any]:
    return yaml.safe_load(_TEXT)["services"]


def test_only_the_proxy_can_be_reached_from_outside(services: dict[str, Any]) -> None:
    assert {name for name, each in services.items() if "ports" in each} == {"proxy"}
    networks = yaml.safe_load(_TEXT)["networks"]
    assert networks["inner"]["internal"] is True
    assert {name for name, each in services.items() if "outer" in each["networks"]} == {"proxy"}


def test_the_services_trust_the_network_of_the_proxy_and_no_other(services: dict[str, Any]) -> None:
    subnet = yaml.safe_load(_TEXT)["networks"]["inner"]["ipam"]["config"][0]["subnet"]
    for name in ("one", "two"):
        assert services[name]["environment"]["FLUKEPRINT_TRUSTED_PROXIES"] == subnet
    Settings(trusted_proxies=subnet)


def test_both_services_are_behind_the_proxy_and_share_all(services: dict[str, Any]) -> None:
    one, two = services["one"], services["two"]
    assert services["proxy"]["environment"]["FLUKEPRINT_UPSTREAMS"] == "one:8000 two:8000"
    for key in ("image", "environment", "volumes", "healthcheck"):
        assert one[key] == two[key], key
    assert "/readyz" in one["healthcheck"]["test"][-1]


def test_every_variable_is_known_to_whoever_gets_it(services: dict[str, Any]) -> None:
    in_caddyfile = set(re.findall(r"\{\$(\w+)", CADDYFILE.read_text("utf-8")))
    given = {name for name in services["proxy"]["environment"] if name.startswith("FLUKEPRINT_")}
    assert given == in_caddyfile - _FOR_OTHERS
    known = {f"FLUKEPRINT_{name.upper()}" for name in Settings.model_fields}
    own = {name for name in services["one"]["environment"] if name.startswith("FLUKEPRINT_")}
    assert own <= known


def test_containers_have_few_rights_and_are_watched(services: dict[str, Any]) -> None:
    for name, each in services.items():
        assert each["read_only"] is True, name
        assert each["security_opt"] == ["no-new-privileges:true"], name
        assert "healthcheck" in each, name


def test_no_password_stands_in_it_and_git_ignores_where_it_does() -> None:
    # The words after `?` are what compose says where the variable is absent.
    said = re.findall(r"PASSWORD:\s*(.+)", _TEXT)
    assert said and all(value.startswith("${POSTGRES_PASSWORD:?") for value in said)
    assert "/deploy/lab/.env" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
