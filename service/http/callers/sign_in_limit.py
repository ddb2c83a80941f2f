"""How often passwords may be tried: whatever the settings allow, nobody guesses quickly."""

from __future__ import annotations

import time
from collections.abc import Callable

from index.access.names import fold_name
from index.access.shared_buckets import SharedBuckets
from service.http.problems import TOO_MANY, ProblemError
from service.http.rate_limit import RateLimit, network_of

# Ten at once for one name, then one in six seconds. A day's worth is far below what finds a
# password of 15 characters; a person who has forgotten theirs notices nothing.
_TRIES_OF_A_NAME = 10
_TRIES_FROM_AN_ADDRESS = 30


class SignInLimit:
    """Counts tries by name and by address, also those of names that nobody has."""

    def __init__(
        self,
        shared: SharedBuckets | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._names = RateLimit(
            _TRIES_OF_A_NAME, scope="tries of a name", shared=shared, clock=clock
        )
        self._addresses = RateLimit(
            _TRIES_FROM_AN_ADDRESS, scope="tries from an address", shared=shared, clock=clock
        )

    def count(self, name: str, address: str | None) -> None:
        """Count one try; call it in a thread.

        Raises the `too-many` problem where there were too many, and AccessUnavailable.
        """
        tries = (
            self._addresses.take(network_of(address or "unknown")),
            self._names.take(fold_name(name)),
        )
        wait_seconds = max((each.wait_seconds for each in tries if not each.is_allowed), default=0)
        if wait_seconds:
            raise ProblemError(
                TOO_MANY,
                f"Too many tries. Wait {wait_seconds} s, then try again; an administrator can "
                "give you a new link.",
                headers={"Retry-After": str(wait_seconds)},
            )
