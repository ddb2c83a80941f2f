"""Whether a failed request is sent again, and after how long."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx

from client.errors import ServerRefused, ServiceUnreachable, StrangeAnswer, error_of
from client.records.parsing import read_problem
from client.requests.request import ServiceRequest

_FIRST_WAIT_SECONDS = 0.5
_NOT_NOW = (429, 503)


@dataclass(frozen=True, slots=True)
class Retries:
    """How many attempts a request gets at most, and how long it waits between two at most."""

    attempts: int = 4
    most_wait_seconds: float = 30.0


class Attempts:
    """The attempts at one request: how long to wait after each, or the error to raise."""

    def __init__(self, request: ServiceRequest[Any], base_url: str, retries: Retries) -> None:
        self._request = request
        self._base_url = base_url
        self._retries = retries
        self._count = 0
        self._may_have_arrived = False

    @property
    def request_line(self) -> str:
        """The request's method and address, for messages."""
        return f"{self._request.method} {self._base_url}{self._request.path}"

    def wait_after(self, response: httpx.Response) -> float | None:
        """Return the seconds until the next attempt, or None for an answer that can be read.

        Raises ServerRefused or StrangeAnswer.
        """
        self._count += 1
        if response.is_success:
            return None
        error = self._refusal(response)
        wait = self._wait(error.retry_after_seconds) if self._is_temporary(error) else None
        if wait is None:
            raise error
        return wait

    def raise_refusal(self, response: httpx.Response) -> NoReturn:
        """Raise the error of a refused request, without a retry.

        Raises ServerRefused or StrangeAnswer.
        """
        raise self._refusal(response)

    def wait_after_error(self, error: httpx.TransportError) -> float:
        """Return the seconds until the next attempt after a broken connection.

        Raises ServiceUnreachable.
        """
        self._count += 1
        # Where nothing listens, waiting rarely helps. Whoever mistyped the address learns it now.
        wait = (
            None
            if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
            else self._wait(None)
        )
        if wait is None:
            raise self.unreachable_error(error) from error
        self._may_have_arrived = True
        return wait

    def _is_temporary(self, error: ServerRefused) -> bool:
        # After a broken connection the service may still work on the first attempt. It answers
        # "in-progress" until that answer is stored.
        return error.status in _NOT_NOW or (error.kind == "in-progress" and self._may_have_arrived)

    def _wait(self, retry_after_seconds: float | None) -> float | None:
        if self._request.retry == "never" or self._count >= self._retries.attempts:
            return None
        wait = (
            _FIRST_WAIT_SECONDS * 2 ** (self._count - 1)
            if retry_after_seconds is None
            else retry_after_seconds
        )
        return wait if wait <= self._retries.most_wait_seconds else None

    def _refusal(self, response: httpx.Response) -> ServerRefused:
        problem = read_problem(response.content)
        if problem is None:
            to = (
                f" to {response.headers['location']}; give that address"
                if "location" in response.headers
                else ""
            )
            raise StrangeAnswer(
                f"{self.request_line} was answered {response.status_code} "
                f"{response.reason_phrase}{to}, not as a flukeprint "
                "service does. Is this its address, and does a proxy before it work?"
            )
        wait = retry_after_seconds(response.headers.get("retry-after"))
        return error_of(problem, request_line=self.request_line, retry_after_seconds=wait)

    def unreachable_error(self, error: httpx.TransportError) -> ServiceUnreachable:
        """Make the error for a connection that broke, or was never made."""
        name = type(error).__name__
        if isinstance(error, httpx.TimeoutException):
            reason = f"no answer in time ({name}); is the service busy? Give it longer"
        else:
            reason = f"no answer ({str(error) or name}); is the service running there?"
        advice = (
            " The service's history shows whether the change was made."
            if self._request.retry == "never"
            else ""
        )
        return ServiceUnreachable(f"{self.request_line}: {reason}{advice}")


def retry_after_seconds(header: str | None) -> float | None:
    """Read a Retry-After header, a number of seconds or a date, as seconds from now.

    None where the header is absent or unreadable.
    """
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None
