"""Errors over HTTP: RFC 9457 problem documents, and the list of their kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

PROBLEM_JSON = "application/problem+json"


class ProblemKind(NamedTuple):
    """A kind of problem: `slug` is its place on /docs and with it its `type`."""

    slug: str
    status: int
    title: str
    meaning: str

    @property
    def type(self) -> str:
        return f"/docs#problem-{self.slug}"


BAD_REQUEST = ProblemKind(
    "bad-request",
    400,
    "The request can't be read",
    "The body is not what its header declares: a broken multipart form, or JSON that is not UTF-8.",
)
UNAUTHENTICATED = ProblemKind(
    "unauthenticated",
    401,
    "No valid key",
    "The service needs a key: send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
)
FORBIDDEN = ProblemKind(
    "forbidden",
    403,
    "Not with this key",
    "The key's role does not allow this; `detail` names one that does.",
)
NOT_FOUND = ProblemKind(
    "not-found", 404, "Nothing is here", "The path, or what it names, does not exist."
)
METHOD_NOT_ALLOWED = ProblemKind(
    "method-not-allowed",
    405,
    "Not with this method",
    "The path exists; the Allow header lists its methods.",
)
IN_PROGRESS = ProblemKind(
    "in-progress",
    409,
    "Being carried out already",
    "A request with this Idempotency-Key is being answered, or its answer was too large to keep; "
    "it isn't repeated.",
)
WRONG_STATE = ProblemKind(
    "wrong-state",
    409,
    "Not in this state",
    "This is not possible in the job's state; `detail` says why.",
)
CONFLICT = ProblemKind(
    "conflict",
    409,
    "Not as the catalogue stands",
    "A name is taken, it is so already, or later changes depend on it; `detail` says which.",
)
CHANGED_MEANWHILE = ProblemKind(
    "changed-meanwhile",
    412,
    "Changed meanwhile",
    "If-Match names another state than the present one, which the ETag header has. Fetch it, "
    "then decide again.",
)
TOO_LARGE = ProblemKind(
    "too-large",
    413,
    "The upload is too large",
    "The body is larger than the service takes (64 MiB unless its settings say otherwise).",
)
NOT_MULTIPART = ProblemKind(
    "not-multipart",
    415,
    "Not a multipart form",
    "Photos are sent as multipart/form-data in the field `photos`.",
)
INVALID = ProblemKind(
    "invalid",
    422,
    "The request is not valid",
    "A field is missing, unknown or out of range; `errors` names each.",
)
KEY_REUSED = ProblemKind(
    "idempotency-key-reused",
    422,
    "The Idempotency-Key belongs to another request",
    "This key was sent with another body before; a new request needs a new key.",
)
BAD_PHOTOS = ProblemKind(
    "bad-photos",
    422,
    "Not every photo can be read",
    "`errors` names every unreadable photo with its position and reason. The others were not "
    "answered either: send the request again without these.",
)
NO_HEAT = ProblemKind(
    "no-heat",
    409,
    "This checkpoint draws no heat",
    "The loaded checkpoint's network pools several maps, so that there is no one map to draw on.",
)
STATE_REQUIRED = ProblemKind(
    "state-required",
    428,
    "If-Match is missing",
    "This change needs the state that it changes: send its ETag as If-Match.",
)
TOO_MANY = ProblemKind(
    "too-many",
    429,
    "Too many requests",
    "This key or address has sent as many as a minute allows; try again after Retry-After seconds.",
)
INTERNAL = ProblemKind(
    "internal",
    500,
    "The service failed",
    "A fault of ours, logged under the request id that the document names.",
)
BUSY = ProblemKind(
    "busy", 503, "Busy", "No room for these photos now; try again after Retry-After seconds."
)
NOT_WRITABLE = ProblemKind(
    "not-writable",
    503,
    "The catalogue can't be changed",
    "Its disk is full or it may only be read; `detail` says what the operator can do. Nothing "
    "was changed.",
)
NOT_READY = ProblemKind(
    "not-ready",
    503,
    "Still starting",
    "The catalogue is being loaded; try again after Retry-After seconds.",
)

KINDS = (
    BAD_REQUEST,
    UNAUTHENTICATED,
    FORBIDDEN,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    IN_PROGRESS,
    WRONG_STATE,
    NO_HEAT,
    CONFLICT,
    CHANGED_MEANWHILE,
    TOO_LARGE,
    NOT_MULTIPART,
    INVALID,
    KEY_REUSED,
    BAD_PHOTOS,
    STATE_REQUIRED,
    TOO_MANY,
    INTERNAL,
    BUSY,
    NOT_WRITABLE,
    NOT_READY,
)


class Fault(BaseModel):
    """One fault of a request: of a field, or of the photo at a position (from 0)."""

    reason: str = Field(description="What is wrong, in a sentence.")
    field: str | None = Field(default=None, description="The form field or parameter.")
    photo: str | None = Field(default=None, description="The photo's file name as it was sent.")
    position: int | None = Field(
        default=None, description="The photo's place among the request's photos, from 0."
    )


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str = Field(description="Which kind of problem, as a link into /docs.")
    title: str = Field(description="The kind in a few words, always the same.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What was wrong this time, and what to do.")
    instance: str = Field(description="The path of the request.")
    request_id: str = Field(
        description="The same as the X-Request-Id header; name it when asking for help."
    )
    errors: list[Fault] | None = Field(
        default=None, description="Everything that is wrong, where that is more than one thing."
    )


class ProblemError(HTTPException):
    """Raise it anywhere below the application to answer with a problem document."""

    def __init__(
        self,
        kind: ProblemKind,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind.status, detail, headers)
        self.kind = kind
        self.errors = tuple(errors)


def problem_response(
    scope: Scope,
    kind: ProblemKind,
    detail: str,
    *,
    errors: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The problem document for the request that `scope` describes."""
    problem = Problem(
        type=kind.type,
        title=kind.title,
        status=kind.status,
        detail=detail,
        instance=quote(scope["path"]),
        request_id=scope["state"]["request_id"],
        errors=list(errors) or None,
    )
    return Response(problem.model_dump_json(exclude_none=True), kind.status, headers, PROBLEM_JSON)


def in_one_line(faults: Sequence[Fault]) -> str:
    """Join faults into one sentence for a problem's `detail`."""
    return "; ".join(
        f"{fault.field}: {fault.reason}" if fault.field else fault.reason for fault in faults
    )


def invalid(*faults: Fault) -> ProblemError:
    """Make the `invalid` problem with these faults."""
    return ProblemError(INVALID, in_one_line(faults), errors=faults)
