"""The OpenAPI document: what FastAPI derives, and the problems that it can't see."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.http.problems import (
    BAD_REQUEST,
    BUSY,
    FORBIDDEN,
    IN_PROGRESS,
    INTERNAL,
    INVALID,
    KEY_REUSED,
    PROBLEM_JSON,
    TOO_LARGE,
    TOO_MANY,
    UNAUTHENTICATED,
    Fault,
    Problem,
    ProblemKind,
)
from service.http.request_envelope import REQUEST_ID_HEADER
from service.http.required_roles import DeclaredRoute, is_repeatable
from service.schemas.about import CALIBRATION_EXAMPLE, STATS_EXAMPLE
from service.schemas.identify import IDENTIFY_EXAMPLE
from service.schemas.verify import EMBED_EXAMPLE, LOCATE_EXAMPLE, VERIFY_EXAMPLE

_COMPONENTS = "#/components/schemas/"
_EXAMPLES = {
    "IdentifyAnswer": IDENTIFY_EXAMPLE,
    "VerifyAnswer": VERIFY_EXAMPLE,
    "LocateAnswer": LOCATE_EXAMPLE,
    "EmbedAnswer": EMBED_EXAMPLE,
    "CalibrationAnswer": CALIBRATION_EXAMPLE,
    "Stats": STATS_EXAMPLE,
}

DESCRIPTION = """\
Who is the whale in this photograph? Send photos, get ranked individuals of the catalogue, each
with a cosine distance and a calibrated probability. The decision is `known`, `review`,
`new_whale` or `no_animal`.

Every answer names the catalogue revision and the checkpoint's fingerprint that it came from. Its
`X-Request-Id` header names the request. Clients may send their own, of up to 128 letters, digits
and `. _ : -`. Every error is a problem document (RFC 9457, `application/problem+json`).

On its own machine the service needs no key until the first is made. From then on, each path that
names a role needs a key of that role or a higher one (`read`, `contribute`, `curate`, `admin`).
Send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`."""


def problem_responses(*kinds: ProblemKind) -> dict[int | str, dict[str, Any]]:
    """Document the problems that a route answers with; every route may also answer `internal`."""
    by_status: dict[int | str, list[ProblemKind]] = {}
    for kind in (*kinds, INTERNAL):
        by_status.setdefault(kind.status, []).append(kind)
    return {status: _response(of_status) for status, of_status in by_status.items()}


def _response(kinds: list[ProblemKind]) -> dict[str, Any]:
    content = {
        "schema": {"$ref": f"{_COMPONENTS}Problem"},
        "examples": {kind.slug: {"summary": kind.title, "value": _example(kind)} for kind in kinds},
    }
    return {
        "description": " ".join(f"`{kind.slug}`: {kind.meaning}" for kind in kinds),
        "content": {PROBLEM_JSON: content},
    }


def _example(kind: ProblemKind) -> dict[str, Any]:
    problem = Problem(
        type=kind.type,
        title=kind.title,
        status=kind.status,
        detail=kind.meaning,
        instance="/v1/identify",
        request_id="5b2c0d6e8f",
        errors=_EXAMPLE_FAULTS.get(kind.slug),
    )
    return problem.model_dump(exclude_none=True)


_EXAMPLE_FAULTS = {
    "invalid": [Fault(field="k", reason="Input should be less than or equal to 50")],
    "bad-photos": [
        Fault(
            photo="notes.jpg",
            position=1,
            reason="notes.jpg: not a photo, whatever its name says: it holds text",
        )
    ],
}


def flukeprint_version() -> str:
    """The installed version; "0" in a source tree that was never installed."""
    try:
        return version("flukeprint")
    except PackageNotFoundError:
        return "0"


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """Build the document once and keep it on the application, as FastAPI does with its own."""
    if app.openapi_schema is None:
        document = get_openapi(
            title="flukeprint",
            version=flukeprint_version(),
            summary="Which individual whale is in this photograph?",
            description=DESCRIPTION,
            routes=app.routes,
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        # Set here because pydantic would sort its keys, and the results come first.
        for name, example in _EXAMPLES.items():
            schemas[name]["example"] = example
        schemas["Problem"] = _schema_of_problem()
        schemas["Fault"] = Fault.model_json_schema()
        for route in app.state.declared.all:
            for method in route.methods:
                if operation := document["paths"].get(route.path, {}).get(method.lower()):
                    _describe_access(operation, route)
        document["components"]["securitySchemes"] = _SECURITY_SCHEMES
        for operations in document["paths"].values():
            for operation in operations.values():
                _document_request_id(operation)
        app.openapi_schema = document
    return app.openapi_schema


def _schema_of_problem() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template=_COMPONENTS + "{model}")
    del schema["$defs"]  # Fault stands beside it among the components
    return schema


_SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of `flukeprint keys create`.",
    },
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same key in its own header.",
    },
}


def _describe_access(operation: dict[str, Any], route: DeclaredRoute) -> None:
    """Describe a route's role, its refusals, and whether its answers are stored."""
    if route.role is None:
        operation["security"] = []
        return
    operation["description"] = (
        f"{operation.get('description', '')}\n\nNeeds a key of the role `{route.role}`.".strip()
    )
    operation["security"] = [{"bearer": []}, {"key": []}]
    kinds = [UNAUTHENTICATED, FORBIDDEN, TOO_MANY, BUSY]
    if is_repeatable(route):
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
        kinds += [IN_PROGRESS, KEY_REUSED, INVALID]
    if "requestBody" in operation:
        kinds += [BAD_REQUEST, TOO_LARGE]
    responses = operation["responses"]
    for kind in kinds:
        documented = _response([kind])
        response = responses.setdefault(
            str(kind.status), {"description": "", "content": {PROBLEM_JSON: {"examples": {}}}}
        )
        if kind.slug not in response["content"].get(PROBLEM_JSON, {}).get("examples", {}):
            response["description"] = (
                f"{response['description']} {documented['description']}".strip()
            )
            examples = response["content"].get(PROBLEM_JSON, {}).get("examples", {})
            response["content"] = {**documented["content"]}
            response["content"][PROBLEM_JSON]["examples"] = {
                **examples,
                **documented["content"][PROBLEM_JSON]["examples"],
            }
    operation["responses"] = dict(sorted(responses.items()))


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Names this request, for example by a UUID. Sent again with the same key and "
    "body, it is not carried out again, but answered as before.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def _document_request_id(operation: dict[str, Any]) -> None:
    header = {
        "description": "Names this request in the service's log.",
        "schema": {"type": "string"},
    }
    for response in operation["responses"].values():
        response.setdefault("headers", {})[REQUEST_ID_HEADER] = header
