"""Whether a request is sent again and after how long: where that is safe, as often as allowed, when
it is asked for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx

from client.errors import ServerRefused, ServiceUnreachable, StrangeAnswer, refused
from client.records.parsing import read_problem
from client.requests.request import Ask

_FIRST_WAIT_SECONDS = 0.5
_NOT_NOW = (429, 503)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often one request is sent at most, and how long it waits in between at most."""

    attempts: int = 4
    most_wait_seconds: float = 30.0


class Attempts:
    """The attempts at one request: tell it how each ended, and it says how long to wait for the
    next.
    """

    def __init__(self, ask: Ask[Any], base_url: str, retries: Retries) -> None:
        self._ask = ask
        self._base_url = base_url
        self._retries = retries
        self._made = 0
        self._is_perhaps_done = False

    @property
    def asked(self) -> str:
        """The request in a few words."""
        return f"{self._ask.method} {self._base_url}{self._ask.path}"

    def wait_after(self, response: httpx.Response) -> float | None:
        """Seconds until the next attempt, None for an answer to read.

        Raises ServerRefused or StrangeAnswer.
        """
        self._made += 1
        if response.is_success:
            return None
        error = self._refusal(response)
        wait = self._wait(error.retry_after_seconds) if self._may_pass(error) else None
        if wait is None:
            raise error
        return wait

    def raise_for(self, response: httpx.Response) -> NoReturn:
        """Raise what a refused request was answered, however it may pass.

        Raises ServerRefused or StrangeAnswer.
        """
        raise self._refusal(response)

    def wait_after_error(self, error: httpx.TransportError) -> float:
        """Seconds until the next attempt after a broken connection. Raises ServiceUnreachable."""
        self._made += 1
        # Where nobody listens, waiting rarely helps, and whoever mistyped the address should know
        # at once.
        wait = (
            None
            if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
            else self._wait(None)
        )
        if wait is None:
            raise self.unreachable(error) from error
        self._is_perhaps_done = True
        return wait

    def _may_pass(self, error: ServerRefused) -> bool:
        # After a broken connection the service may still be at it: it says so until its answer is
        # kept.
        return error.status in _NOT_NOW or (error.kind == "in-progress" and self._is_perhaps_done)

    def _wait(self, retry_after_seconds: float | None) -> float | None:
        if self._ask.sending == "once" or self._made >= self._retries.attempts:
            return None
        wait = (
            _FIRST_WAIT_SECONDS * 2 ** (self._made - 1)
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
                f"{self.asked} was answered {response.status_code} "
                f"{response.reason_phrase}{to}, not as a flukeprint "
                "service does: is this its address, and is a proxy before it well?"
            )
        wait = retry_after_seconds(response.headers.get("retry-after"))
        return refused(problem, asked=self.asked, retry_after_seconds=wait)

    def unreachable(self, error: httpx.TransportError) -> ServiceUnreachable:
        """The error for a connection that broke or never was."""
        said = str(error) or type(error).__name__
        if isinstance(error, httpx.TimeoutException):
            said = (
                f"no answer in time ({type(error).__name__}); is the service busy? Give it longer"
            )
        else:
            said = f"no answer ({said}); is the service running there?"
        done = (
            " Whether it was done, the service's history tells."
            if self._ask.sending == "once"
            else ""
        )
        return ServiceUnreachable(f"{self.asked}: {said}{done}")


def retry_after_seconds(header: str | None) -> float | None:
    """Seconds of a Retry-After header, which has them as a number or as a date; None without a
    sound one.
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
