"""Routes with what they need: found as the application finds them."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from service.http.required_roles import DeclaredRoutes, is_repeatable, open_to_all, requires


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
