"""The figures of /metrics for Prometheus: counts, histograms, and what is served now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from index.search.matching import Identification
from service.telemetry.logs import note_decision
from service.telemetry.observer import Observer
from service.telemetry.spans import SentFigures

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_DISTANCES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1, 2)
_PHOTOS = (1, 2, 4, 8, 16, 32, 64, 128)


class ServingFigures(NamedTuple):
    """The figures that are read anew for each scrape."""

    is_ready: bool
    individuals: int
    gallery_photos: int
    catalogue_revision: int
    waiting_photos: int
    fingerprint: str = ""
    has_dead_jobs: bool = False


class Measures(Observer):
    """The figures of one application, in a registry of its own."""

    def __init__(self, served: Callable[[], ServingFigures]) -> None:
        """Make the registry; `served` is called for each scrape."""
        self._registry = registry = CollectorRegistry()
        self._sent = SentFigures()
        self._requests = Counter(
            "flukeprint_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "flukeprint_request_seconds",
            "Time to answer a request.",
            ("route",),
            registry=registry,
            buckets=_SECONDS,
        )
        self._batches = Histogram(
            "flukeprint_batch_photos",
            "Photos that went through the network at once.",
            registry=registry,
            buckets=_PHOTOS,
        )
        self._decisions = Counter(
            "flukeprint_decisions", "Photos answered.", ("decision",), registry=registry
        )
        for decision in ("known", "review", "new_whale", "no_animal"):
            self._decisions.labels(decision)  # shown as 0 before the first
        self._distances = Histogram(
            "flukeprint_nearest_distance",
            "Cosine distance from a photo to its nearest individual.",
            registry=registry,
            buckets=_DISTANCES,
        )
        for name, meaning in _GAUGES.items():
            gauge = Gauge(f"flukeprint_{name}", meaning, registry=registry)
            gauge.set_function(lambda name=name: float(getattr(served(), name)))
        registry.register(_Checkpoint(served))

    def batch(self, photos: int) -> None:
        """Count one batch."""
        self._batches.observe(photos)
        self._sent.batch(photos)

    def identified(self, identification: Identification) -> None:
        """Count one photo's decision and nearest distance, here and for its request's log line."""
        note_decision(identification.decision)
        self._decisions.labels(identification.decision).inc()
        self._sent.decision(identification.decision)
        if identification.matches:
            self._distances.observe(identification.matches[0].distance)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All figures in Prometheus's text format."""
        return generate_latest(self._registry)


class _Checkpoint(Collector):
    """The served checkpoint's fingerprint, as a label of a gauge that is 1."""

    def __init__(self, served: Callable[[], ServingFigures]) -> None:
        self._served = served

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge; nothing while none is served."""
        family = InfoMetricFamily(
            "flukeprint_checkpoint", "The checkpoint that photos are embedded with."
        )
        if fingerprint := self._served().fingerprint:
            family.add_metric((), {"fingerprint": fingerprint})
        yield family


_GAUGES = {
    "is_ready": "1 once the catalogue is loaded.",
    "individuals": "Known individuals that are searched.",
    "gallery_photos": "Photos of known individuals that are searched.",
    "catalogue_revision": "The state of the catalogue that is searched.",
    "waiting_photos": "Photos taken in and not yet answered.",
    "has_dead_jobs": "1 once the thread that runs the jobs has died: restart the service.",
}
