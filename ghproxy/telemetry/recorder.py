"""Counts what happened (outcomes in) and reads what is (snapshots, when scraped).

Whatever clients send, the number of label sets is bounded: paths come from a closed set; budgets,
user agents and label sets are those used last, so that no flood hides who comes after it.
"""

import os
import platform
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

import ghproxy
from ghproxy.clock import Clock
from ghproxy.core.outcome import Outcome, Sent
from ghproxy.core.path_template import GRAPHQL, path_template
from ghproxy.core.rate_limit import RateLimit
from ghproxy.telemetry import metrics
from ghproxy.telemetry.exposition import Family, exposition, histogram_samples, sample
from ghproxy.telemetry.labels import OTHER, budget_label, status_label, user_agent_label
from ghproxy.telemetry.series import Count, Histogram, LabelSets, Reading

_BUDGET = 0
_USER_AGENT = 3
"""Where they are among the labels of what is counted."""


class Bounds(msgspec.Struct, frozen=True):
    """How many different values a label may have, and how many label sets a metric."""

    user_agents: int = 100
    budgets: int = 200
    rate_limit_resources: int = 30
    label_sets: int = 10_000


class Telemetry:
    """The metrics of one proxy. Everything happens on the event loop that owns it.

    `outbound` answers how many requests are at GitHub and how many wait to be sent;
    `disk_directory` is where the cache lives, None while it lives in memory.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        outbound: Callable[[], tuple[int, int]],
        disk_directory: Path | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._clock = clock
        self._outbound = outbound
        self._disk_directory = disk_directory
        self._bounds = bounds = bounds or Bounds()
        self._budgets: OrderedDict[str, None] = OrderedDict()
        self._user_agents: OrderedDict[str, None] = OrderedDict()
        self._resources: set[str] = set()
        counted = (_BUDGET, _USER_AGENT)
        self._responses = LabelSets(Count, bounds.label_sets, counted)
        self._durations = LabelSets(Histogram, bounds.label_sets, counted)
        self._readings = LabelSets(Reading, bounds.label_sets, (_BUDGET,))

    def record(self, outcome: Outcome) -> None:
        """One client request is over."""
        labels = (
            self._budget(outcome.budget),
            outcome.mode.value,
            path_template(outcome.target),
            self._user_agent(outcome.user_agent),
        )
        self._responses.child(labels).value += 1

    def record_sent(self, sent: Sent) -> None:
        """One request that went to GitHub is over."""
        budget = self._budget(sent.budget)
        path = path_template(sent.target)
        labels = (budget, path, status_label(sent.status), self._user_agent(sent.user_agent))
        self._durations.child(labels).observe(sent.duration_seconds)
        if sent.rate_limit is not None:
            self._learn(budget, "v4" if path == GRAPHQL else "v3", sent.rate_limit)

    async def exposition(self) -> bytes:
        """The text of a scrape, in the format of CONTENT_TYPE."""
        return await exposition(self._families())

    def _learn(self, budget: str, api_version: str, rate_limit: RateLimit) -> None:
        resource = _admitted(
            rate_limit.resource, self._resources, self._bounds.rate_limit_resources
        )
        self._readings.child((budget, api_version, resource)).learn(rate_limit)

    def _user_agent(self, user_agent: str) -> str:
        label = user_agent_label(user_agent)
        oldest = _used(label, self._user_agents, self._bounds.user_agents)
        if oldest is not None:
            self._responses.forget(_USER_AGENT, oldest)
            self._durations.forget(_USER_AGENT, oldest)
        return label

    def _budget(self, budget: str) -> str:
        label = budget_label(budget)
        oldest = _used(label, self._budgets, self._bounds.budgets)
        if oldest is not None:
            self._responses.forget(_BUDGET, oldest)
            self._durations.forget(_BUDGET, oldest)
            self._readings.forget(_BUDGET, oldest)
        return label

    def _families(self) -> Iterator[Family]:
        yield from self._counted()
        yield from self._rate_limits()
        concurrent, pending = self._outbound()
        yield metrics.CONCURRENT, [sample(metrics.CONCURRENT, (), concurrent)]
        yield metrics.PENDING, [sample(metrics.PENDING, (), pending)]
        yield from _disk(self._disk_directory)
        build = (ghproxy.__version__, platform.python_version())
        yield metrics.BUILD_INFO, [sample(metrics.BUILD_INFO, build, 1)]

    def _counted(self) -> Iterator[Family]:
        responses, durations = metrics.RESPONSES, metrics.REQUEST_DURATION
        counts = self._responses.items()
        yield responses, (sample(responses, labels, count.value) for labels, count in counts)
        histograms = self._durations.items()
        yield durations, (histogram_samples(durations, *each) for each in histograms)

    def _rate_limits(self) -> Iterator[Family]:
        usage, reset, now = metrics.TOKEN_USAGE, metrics.TOKEN_RESET, self._clock.now()
        readings = self._readings.items()
        yield usage, (sample(usage, labels, reading.remaining) for labels, reading in readings)
        yield (
            reset,
            (
                sample(reset, labels, max(0.0, reading.reset_at - now) * 1e9)
                for labels, reading in readings
            ),
        )


def _used(name: str, names: OrderedDict[str, None], limit: int) -> str | None:
    """Make it the one used last; the one used least recently, where it had to make room."""
    if name in names:
        names.move_to_end(name)
        return None
    names[name] = None
    return names.popitem(last=False)[0] if len(names) > limit else None


def _admitted(name: str, names: set[str], limit: int) -> str:
    """The name while there is room for it, else `other`."""
    if name in names:
        return name
    if len(names) >= limit:
        return OTHER
    names.add(name)
    return name


def _disk(directory: Path | None) -> Iterator[Family]:
    if directory is None:
        return
    try:
        disk = os.statvfs(directory)
    except OSError:
        return
    used = disk.f_blocks - disk.f_bfree
    gigabytes = (blocks * disk.f_frsize / 1e9 for blocks in (disk.f_bfree, used, disk.f_blocks))
    inodes = (disk.f_ffree, disk.f_files - disk.f_ffree, disk.f_files)
    for metric, value in zip(metrics.DISK, (*gigabytes, *inodes), strict=True):
        yield metric, [sample(metric, (), value)]
