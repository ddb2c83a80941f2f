"""The errors of a request to a service. Each message ends in what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from embedding.errors import FlukeprintError

KEY_VARIABLE = "FLUKEPRINT_API_KEY"


class ServiceError(FlukeprintError):
    """Anything that went wrong with a request to a service."""


class BadServer(ServiceError):
    """An address that can't be a service's."""


class CannotSend(ServiceError):
    """A file to send can't be read, or there is nothing to send."""


class ServiceUnreachable(ServiceError):
    """No answer came: nothing listens at the address, or the connection broke."""


class StrangeAnswer(ServiceError):
    """An answer that this client can't read.

    It comes from something else than a flukeprint service, or from another version of one.
    """


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request.

    It concerns a field, or the photo at a position, counted from 0.
    """

    reason: str
    field: str | None = None
    photo: str | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem document (RFC 9457) of the service; `type` ends in the kind of problem."""

    type: str
    title: str
    status: int
    detail: str
    instance: str = ""
    request_id: str = ""
    errors: tuple[Fault, ...] = ()


class ServerRefused(ServiceError):
    """The service answered with a problem.

    `kind` is the problem's short name, such as `bad-photos` or `conflict`. `faults` lists what is
    wrong, where the service does so. `request_id` finds the request in the service's log.
    `retry_after_seconds` is how long the service asks to wait, or None. `request_line` is the
    request's method and address.
    """

    def __init__(
        self, problem: Problem, *, request_line: str, retry_after_seconds: float | None = None
    ) -> None:
        log_id = f", request {problem.request_id}" if problem.request_id else ""
        advice = f" Give the key as api_key or in {KEY_VARIABLE}." if problem.status == 401 else ""
        super().__init__(
            f"{problem.title}: {problem.detail}{advice} ({request_line}: {problem.status}{log_id})"
        )
        self.problem = problem
        self.request_line = request_line
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
    """401 or 403: there is no key, it is wrong, or its role does not suffice."""


class NotFound(ServerRefused):
    """404: the thing that the request names does not exist."""


class Conflict(ServerRefused):
    """409: a name is taken, nothing would change, or later changes depend on this one."""


class ChangedMeanwhile(ServerRefused):
    """412: somebody else has changed the record since its etag was read."""


class Invalid(ServerRefused):
    """422: a field is missing, unknown or out of range; `faults` names each."""


class BadPhotos(Invalid):
    """422: some photos can't be read; `faults` names each with its position.

    The service answers none of the request's photos then.
    """


class ServerBusy(ServerRefused):
    """429 or 503: the service is busy, and all retries that were safe were refused too."""


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


def error_of(
    problem: Problem, *, request_line: str, retry_after_seconds: float | None
) -> ServerRefused:
    """Make the error for a problem document; its class follows from the kind or the status."""
    kind = (
        BadPhotos
        if problem.type.endswith("#problem-bad-photos")
        else _BY_STATUS.get(problem.status, ServerRefused)
    )
    return kind(problem, request_line=request_line, retry_after_seconds=retry_after_seconds)
