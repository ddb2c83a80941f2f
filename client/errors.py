"""What can go wrong in asking a service, each with what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from embedding.errors import FlukeprintError

KEY_VARIABLE = "FLUKEPRINT_API_KEY"


class ServiceError(FlukeprintError):
    """Anything that went wrong in asking a service."""


class BadServer(ServiceError):
    """An address that can't be one of a service."""


class CannotSend(ServiceError):
    """A file that was to be sent and can't be read, or nothing to send at all."""


class ServiceUnreachable(ServiceError):
    """No answer came: nobody listens there, or the connection broke."""


class StrangeAnswer(ServiceError):
    """An answer that is not one of a flukeprint service, or not of a version that this client
    understands.
    """


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request: with a field, or with the photo at a position (from
    0).
    """

    reason: str
    field: str | None = None
    photo: str | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """An RFC 9457 problem document as the service sends it; `type` ends in the kind of problem."""

    type: str
    title: str
    status: int
    detail: str
    instance: str = ""
    request_id: str = ""
    errors: tuple[Fault, ...] = ()


class ServerRefused(ServiceError):
    """The service answered with a problem; `kind` is its short name, such as `bad-photos` or
    `conflict`.

    `faults` names everything that is wrong where that is more than one thing; `request_id` finds
    the request in the service's log; `retry_after_seconds` is how long the service asks to wait,
    None where it doesn't say.
    """

    def __init__(
        self, problem: Problem, *, asked: str, retry_after_seconds: float | None = None
    ) -> None:
        named = f", request {problem.request_id}" if problem.request_id else ""
        advice = f" Give the key as api_key or in {KEY_VARIABLE}." if problem.status == 401 else ""
        super().__init__(
            f"{problem.title}: {problem.detail}{advice} ({asked}: {problem.status}{named})"
        )
        self.problem = problem
        self.asked = asked
        self.retry_after_seconds = retry_after_seconds

    @property
    def kind(self) -> str:
        return self.problem.type.rpartition("#problem-")[2]

    @property
    def status(self) -> int:
        return self.problem.status

    @property
    def title(self) -> str:
        return self.problem.title

    @property
    def detail(self) -> str:
        return self.problem.detail

    @property
    def request_id(self) -> str:
        return self.problem.request_id

    @property
    def faults(self) -> tuple[Fault, ...]:
        return self.problem.errors


class NotAllowed(ServerRefused):
    """401 or 403: no key, a wrong one, or one whose role does not suffice."""


class NotFound(ServerRefused):
    """404: what the request names does not exist."""


class Conflict(ServerRefused):
    """409: a name is taken, it is so already, or later changes depend on it."""


class ChangedMeanwhile(ServerRefused):
    """412: somebody else has changed it since its etag was read."""


class Invalid(ServerRefused):
    """422: a field is missing, unknown or out of range; `faults` names each."""


class BadPhotos(Invalid):
    """422: photos that can't be read; `faults` names each with its position.

    The others were not answered either.
    """


class ServerBusy(ServerRefused):
    """429 or 503: not now; asked again as often as was safe, and still refused."""


_BY_STATUS: dict[int, type[ServerRefused]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    412: ChangedMeanwhile,
    422: Invalid,
    429: ServerBusy,
    503: ServerBusy,
}


def refused(problem: Problem, *, asked: str, retry_after_seconds: float | None) -> ServerRefused:
    """The error for a problem document, of the class that its kind or status has."""
    kind = (
        BadPhotos
        if problem.type.endswith("#problem-bad-photos")
        else _BY_STATUS.get(problem.status, ServerRefused)
    )
    return kind(problem, asked=asked, retry_after_seconds=retry_after_seconds)
