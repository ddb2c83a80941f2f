"""Routes with what they need: found as the application finds them."""

from __future__ import annotations

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from index.access.store import AccessStore
from service.app import create_app
from service.http.authorization import Gate, principal_of
from service.http.error_handlers import install_error_handlers
from service.http.request_envelope import RequestEnvelope
from service.http.required_roles import DeclaredRoutes, is_repeatable, open_to_all, requires
from service.serving.service import Serving
from service.settings import Settings
from tests.service.http.key_headers import bearer
from tests.service.local_client import local_client


async def _nothing() -> None: ...


def routes() -> DeclaredRoutes:
    app = FastAPI()
    router = APIRouter(prefix="/v1", dependencies=[requires("read")])
    router.add_api_route("/whales/{id:path}", _nothing, methods=["GET"])
    router.add_api_route("/whales", _nothing, methods=["POST"], dependencies=[requires("curate")])
    router.add_api_route(
        "/secrets",
        _nothing,
        methods=["POST"],
        dependencies=[requires("admin", keeps_answers=False)],
    )
    outer = APIRouter(prefix="/outer")
    outer.include_router(router, dependencies=[requires("contribute")])
    app.include_router(router)
    app.include_router(outer)
    app.add_api_route("/open", _nothing, dependencies=[open_to_all()])
    app.add_api_route("/forgotten", _nothing)
    app.router.routes.append(
        Mount("/static", routes=[Route("/x.js", lambda _: PlainTextResponse(""))])
    )
    return DeclaredRoutes(
        app, mounted={"/static": None, "/docs": None, "/docs/oauth2-redirect": None, "/redoc": None}
    )


def role_of(method: str, path: str, root_path: str = "") -> str | None:
    found = routes().find({"method": method, "path": path, "root_path": root_path})
    return "nothing" if found is None else found.role


def test_each_path_and_method_has_its_role() -> None:
    assert role_of("GET", "/v1/whales/2018/a.jpg") == "read"
    assert role_of("POST", "/v1/whales") == "curate"
    assert role_of("POST", "/outer/v1/whales") == "curate"
    assert role_of("GET", "/outer/v1/whales/1") == "contribute"
    assert role_of("GET", "/open") is None
    assert role_of("GET", "/static/x.js") is None
    assert role_of("GET", "/openapi.json") is None


def test_what_is_no_route_is_found_nowhere() -> None:
    assert [role_of("PUT", "/v1/whales"), role_of("GET", "/v1"), role_of("GET", "/v1/whales")] == [
        "nothing"
    ] * 3


def test_below_a_proxys_path_the_same_is_found() -> None:
    assert role_of("POST", "/flukes/v1/whales", root_path="/flukes") == "curate"


def test_who_forgot_is_named_and_is_the_admins_alone() -> None:
    assert routes().undeclared == ("/forgotten",)
    assert role_of("GET", "/forgotten") == "admin"


def test_answers_are_kept_where_something_changes() -> None:
    kept = [one.path for one in routes().all if is_repeatable(one)]
    assert kept == ["/v1/whales", "/outer/v1/whales"]


@pytest.fixture
def small(store: AccessStore) -> TestClient:
    """An application of three routes behind the gate: one says who asks, one declares twice, one
    forgot to declare.
    """
    app = FastAPI(openapi_url=None)
    router = APIRouter(dependencies=[requires("read")])

    @app.post("/who", dependencies=[requires("curate")])
    async def who(request: Request) -> str:
        return principal_of(request)

    @router.post("/twice", dependencies=[requires("contribute")])
    async def twice() -> None: ...

    @app.post("/forgotten")
    async def forgotten() -> None: ...

    app.include_router(router)
    install_error_handlers(app)
    routes = DeclaredRoutes(app)
    assert routes.undeclared == ("/forgotten",)
    app.add_middleware(Gate, routes=routes, store=store, is_on_loopback=True, requests_per_minute=0)
    app.add_middleware(RequestEnvelope, max_upload_bytes=10_000)
    return local_client(app)


def test_of_two_declared_roles_the_higher_counts(
    small: TestClient, secrets: dict[str, str]
) -> None:
    statuses = [
        small.post("/twice", headers=bearer(secrets[role])).status_code
        for role in ("read", "contribute")
    ]
    assert statuses == [403, 200]


def test_a_route_that_forgot_is_the_admins_alone(
    small: TestClient, secrets: dict[str, str]
) -> None:
    statuses = [
        small.post("/forgotten", headers=bearer(secret)).status_code for secret in secrets.values()
    ]
    assert statuses == [403, 403, 403, 200]


def test_without_the_gate_a_declared_route_refuses_by_itself() -> None:
    app = FastAPI()

    @app.get("/who", dependencies=[requires("read")])
    async def who() -> None: ...

    install_error_handlers(app)
    app.add_middleware(RequestEnvelope, max_upload_bytes=10_000)
    assert local_client(app).get("/who").status_code == 403


def test_every_route_says_which_role_it_needs(settings: Settings, serving: Serving) -> None:
    declared = create_app(settings, lambda: serving).state.declared
    assert len(declared.all) > 8
    assert declared.undeclared == ()
    open_paths = {one.path for one in declared.all if one.role is None}
    assert open_paths == {
        "/",
        "/page/{version}/{path}",
        "/docs",
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/v1/session",
        "/v1/invitations/read",
        "/v1/invitations/accept",
    }


def test_a_change_is_made_by_the_keys_name_or_locally(
    small: TestClient, store: AccessStore
) -> None:
    assert small.post("/who").json() == "local"
    secret = store.keys.create("Ana", "admin").secret
    assert small.post("/who", headers=bearer(secret)).json() == "Ana"
