"""How many requests a minute one caller may send: a bucket of tokens for each."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from index.access.shared_buckets import SharedBuckets


class Allowance(NamedTuple):
    """Whether a request may pass, how many more may, and the seconds to wait.

    `wait_seconds` is the time to the next request, `full_in_seconds` that to a full bucket.
    """

    is_allowed: bool
    remaining: int
    wait_seconds: int
    full_in_seconds: int


class RateLimit:
    """A minute's worth of requests may come at once, then as many as flow back.

    The buckets are this process's own, or those that all services share. Of its own at most `most`
    callers are remembered, those last seen; whoever is forgotten starts with a full bucket. Safe
    from several threads.
    """

    def __init__(
        self,
        per_minute: int,
        *,
        scope: str = "requests",
        shared: SharedBuckets | None = None,
        clock: Callable[[], float] = time.monotonic,
        most: int = 10_000,
    ) -> None:
        """Count what is done in a `scope`: callers of another one have other buckets."""
        self.per_minute = per_minute
        self.shared = shared
        self._scope = scope
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = (
            OrderedDict()
        )  # caller -> tokens, when counted

    def take(self, caller: str) -> Allowance:
        """Count one request of a caller.

        With shared buckets it asks the database: call it in a thread. Raises AccessUnavailable.
        """
        if self.shared is None:
            is_allowed, tokens = self._take_own(caller)
        else:
            is_allowed, tokens = self.shared.take(self._scope, caller, self.per_minute)
        return Allowance(
            is_allowed,
            int(tokens),
            self._seconds(1 - tokens),
            self._seconds(self.per_minute - tokens),
        )

    def _take_own(self, caller: str) -> tuple[bool, float]:
        now = self._clock()
        with self._lock:
            tokens, counted = self._buckets.pop(caller, (float(self.per_minute), now))
            tokens = min(self.per_minute, tokens + (now - counted) * self.per_minute / 60)
            is_allowed = tokens >= 1
            tokens -= is_allowed
            self._buckets[caller] = (tokens, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        return is_allowed, tokens

    def headers(self, taken: Allowance) -> dict[str, str]:
        """The IETF's RateLimit fields: the quota, what remains of it, when it is full again."""
        return {
            "RateLimit-Policy": f'"minute";q={self.per_minute};w=60',
            "RateLimit": f'"minute";r={taken.remaining};t={taken.full_in_seconds}',
        }

    def _seconds(self, tokens: float) -> int:
        # Sums of floats lie a little beside the whole seconds that are meant.
        return max(0, math.ceil(tokens * 60 / self.per_minute - 1e-6))


def network_of(address: str) -> str:
    """The caller behind an address; for IPv6 its /64, all of which one machine may use."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else address
