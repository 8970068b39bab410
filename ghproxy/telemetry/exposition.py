"""The door to prometheus_client: families of samples become text format 0.0.4.

prometheus_client would call a counter `x_total` and add `x_created`, where Prow's dashboards need
the bare name; so HELP and TYPE are written here, and only the sample lines there. Rendering costs
microseconds a line: it is done in slices, between which the event loop serves others.
"""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric as PrometheusFamily
from prometheus_client.samples import Sample

from ghproxy.telemetry.metrics import BUCKETS_SECONDS, Metric
from ghproxy.telemetry.series import Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SLICE_LINES = 64
"""About half a millisecond."""

Family = tuple[Metric, Iterable[list[Sample]]]
"""A metric and, for each label set, the lines that must come from one moment."""

_LE = (*(f"{bound:g}" for bound in BUCKETS_SECONDS), "+Inf")  # as Go writes them: 1, not 1.0


async def exposition(families: Iterable[Family]) -> bytes:
    """The text of a scrape; a family without samples is left out."""
    parts = []
    for part in _slices(families):
        parts.append(part)
        await asyncio.sleep(0)
    return b"".join(parts)


def sample(metric: Metric, labels: Iterable[str], value: float) -> list[Sample]:
    """The one line of a counter or gauge."""
    return [Sample(metric.name, dict(zip(metric.labels, labels, strict=True)), value)]


def histogram_samples(metric: Metric, labels: Iterable[str], histogram: Histogram) -> list[Sample]:
    """The lines of a histogram; buckets are cumulative."""
    named = dict(zip(metric.labels, labels, strict=True))
    cumulative = list(accumulate(histogram.counts))
    return [
        *(
            Sample(f"{metric.name}_bucket", {**named, "le": le}, count)
            for le, count in zip(_LE, cumulative, strict=True)
        ),
        Sample(f"{metric.name}_sum", named, histogram.sum_seconds),
        Sample(f"{metric.name}_count", named, cumulative[-1]),
    ]


def _slices(families: Iterable[Family]) -> Iterator[bytes]:
    for metric, label_sets in families:
        head = f"# HELP {metric.name} {metric.meaning}\n# TYPE {metric.name} {metric.kind}\n"
        lines: list[Sample] = []
        for samples in label_sets:
            lines += samples
            if len(lines) >= SLICE_LINES:
                yield head.encode() + _lines(metric.name, lines)
                head, lines = "", []
        if lines:
            yield head.encode() + _lines(metric.name, lines)


class _One:
    """A registry of one family."""

    def __init__(self, family: PrometheusFamily) -> None:
        self._family = family

    def collect(self) -> Iterable[PrometheusFamily]:
        yield self._family


def _lines(name: str, samples: list[Sample]) -> bytes:
    family = PrometheusFamily(name, "", "unknown")
    family.samples = samples
    _help, _type, lines = generate_latest(_One(family)).split(b"\n", 2)
    return lines
