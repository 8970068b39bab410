"""Counts by label values, bounded: the label values used least recently leave first.

A series that comes back starts at zero, which Prometheus reads as a restart. Owned by the event
loop, hence no locks.
"""

import bisect
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from ghproxy.core.rate_limit import RateLimit
from ghproxy.telemetry.metrics import BUCKETS_SECONDS

SAME_WINDOW_SECONDS = 5
"""GitHub's machines disagree about a reset by a second or two; windows last 60 seconds or more."""

Labels = tuple[str, ...]
Child = TypeVar("Child")


class Count:
    """A number that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Histogram:
    """Observations by the first bucket that holds them; the last one has no upper bound."""

    __slots__ = ("counts", "sum_seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_SECONDS) + 1)
        self.sum_seconds = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect.bisect_left(BUCKETS_SECONDS, seconds)] += 1
        self.sum_seconds += seconds


class Reading:
    """The newest rate limit of a resource."""

    __slots__ = ("remaining", "reset_at")

    def __init__(self) -> None:
        self.remaining = 0
        self.reset_at = 0

    def learn(self, rate_limit: RateLimit) -> None:
        """Take a reading, unless it is a late one of a window that is over."""
        if rate_limit.reset_at >= self.reset_at - SAME_WINDOW_SECONDS:
            self.remaining = rate_limit.remaining
            self.reset_at = rate_limit.reset_at


class LabelSets(Generic[Child]):
    """Children by label values; those at the `forgettable` positions can be dropped by value."""

    def __init__(
        self, child: Callable[[], Child], limit: int, forgettable: tuple[int, ...]
    ) -> None:
        self._new_child = child
        self._limit = limit
        self._children: OrderedDict[Labels, Child] = OrderedDict()
        self._by_value: dict[int, dict[str, set[Labels]]] = {at: {} for at in forgettable}

    def __len__(self) -> int:
        return len(self._children)

    def child(self, labels: Labels) -> Child:
        """The child of these values, made where there is none; it counts as used."""
        child = self._children.get(labels)
        if child is None:
            return self._add(labels)
        self._children.move_to_end(labels)
        return child

    def forget(self, position: int, value: str) -> None:
        """Drop every child with that value at that forgettable position."""
        for labels in list(self._by_value[position].get(value, ())):
            self._remove(labels)

    def items(self) -> list[tuple[Labels, Child]]:
        """A picture of what is there now; the children in it live on."""
        return list(self._children.items())

    def _add(self, labels: Labels) -> Child:
        if len(self._children) >= self._limit:
            self._remove(next(iter(self._children)))
        for position, by_value in self._by_value.items():
            by_value.setdefault(labels[position], set()).add(labels)
        child = self._children[labels] = self._new_child()
        return child

    def _remove(self, labels: Labels) -> None:
        del self._children[labels]
        for position, by_value in self._by_value.items():
            having = by_value[labels[position]]
            having.discard(labels)
            if not having:
                del by_value[labels[position]]
