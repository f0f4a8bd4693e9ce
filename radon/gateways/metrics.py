"""What a deployment is doing, as Prometheus reads it. Owns the names of the metrics and a registry for each gateway.

What an atom counts and observes itself has the atom's name for it in the label `name`, so that no guest can collide
with Radon or break the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from math import isinf

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from radon.backends.deployment import Deployment, KindStats, Stats
from radon.backends.observed import BUCKETS, Observations

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_OF_KINDS = {
    "radon_atoms": "Atoms that live.",
    "radon_instances": "Instances in memory; a kind with shared memory has one for all of its atoms.",
    "radon_queue": "Messages in mailboxes.",
    "radon_suspended": "Turns that wait for an answer.",
    "radon_state_bytes": "Durable state, as limits.state counts it.",
}


class Metrics:
    """Of one deployment and the HTTP gateway in front of it."""

    def __init__(self) -> None:
        self._http = CollectorRegistry()
        self._requests = Counter("radon_http_requests", "Requests answered.", ("route", "status"), registry=self._http)
        self._seconds = Histogram(
            "radon_http_request_seconds", "From the head of a request to the end of its answer.", ("route",),
            registry=self._http, buckets=_SECONDS,
        )  # fmt: skip

    def saw(self, route: str, status: int, seconds: float) -> None:
        """A request was answered. `route` is one of few: a pattern of the manifest, or what the gateway serves."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def render(self, deployment: Deployment, accept: str) -> tuple[bytes, str]:
        """The page, and its content type, by what the scraper accepts. Blocks for a turn. Raises Unavailable."""
        try:
            encode, content_type = choose_encoder(accept)
        except TypeError:  # it cannot compare a version that is no number
            encode, content_type = choose_encoder("")
        return encode(_Page(deployment.stats(), deployment.observations, self._http)), content_type


class _Page(Collector):
    """What is so at this moment; the counts are the deployment's, not kept twice."""

    def __init__(self, stats: Stats, observations: Observations, http: CollectorRegistry) -> None:
        self._stats = stats
        self._observations = observations
        self._http = http

    def collect(self) -> Iterator[Metric]:
        stats = self._stats
        yield from _of_kinds(stats)
        yield GaugeMetricFamily("radon_dead_letters", "Deliveries that failed for good.", stats.dead_letters)
        yield CounterMetricFamily("radon_commits", "Commits made durable.", stats.commits)
        yield GaugeMetricFamily("radon_log_bytes", "Log behind the last snapshot.", stats.log_bytes)
        yield GaugeMetricFamily("radon_uptime_seconds", "Since the deployment was opened.", stats.uptime)
        yield GaugeMetricFamily("radon_memory_bytes", "Largest resident size of the process so far.", stats.memory)
        yield from _of_guests(self._observations)
        yield from self._http.collect()


def _of_kinds(stats: Stats) -> Iterator[Metric]:
    turns = CounterMetricFamily("radon_turns", "Turns begun.", labels=("kind",))
    failed = CounterMetricFamily("radon_turns_failed", "Turns undone.", labels=("kind",))
    gauges = {name: GaugeMetricFamily(name, text, labels=("kind",)) for name, text in _OF_KINDS.items()}
    for kind, of in stats.kinds.items():
        turns.add_metric((kind,), of.turns)
        failed.add_metric((kind,), of.failed)
        for family, value in zip(gauges.values(), _gauged(of), strict=True):
            family.add_metric((kind,), value)
    yield turns
    yield failed
    yield from gauges.values()


def _gauged(of: KindStats) -> tuple[int, ...]:
    return of.atoms, of.instances, of.queued, of.suspended, of.state_bytes


def _of_guests(observations: Observations) -> Iterator[Metric]:
    counts = CounterMetricFamily("radon_guest_count", "What atoms count with log.count.", labels=("kind", "name"))
    for series, count in dict(observations.counters).items():  # a copy: the domain goes on counting
        counts.add_metric(series, count)
    yield counts
    observed = HistogramMetricFamily(
        "radon_guest_observation", "What atoms measure with log.observe.", labels=("kind", "name")
    )
    bounds = ["+Inf" if isinf(bound) else f"{bound:g}" for bound in BUCKETS]
    for series, row in dict(observations.histograms).items():
        *counted, total = list(row)
        observed.add_metric(series, buckets=list(zip(bounds, accumulate(counted), strict=True)), sum_value=total)
    yield observed
