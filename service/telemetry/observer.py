"""Events of the running service, for whoever counts or logs them."""

from __future__ import annotations

from index.search.matching import Identification


class Observer:
    """Hears what happens; this one does nothing with it. Called from several threads."""

    def batch(self, photos: int) -> None:
        """Hear that so many photos went through the network together."""

    def identified(self, identification: Identification) -> None:
        """Hear one photo's answer, in the request's own context."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Hear that a request was answered; `route` is its pattern, without its values."""
