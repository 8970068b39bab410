"""One timer per connection, moved without being rearmed.

Arming and cancelling a loop timer costs more than a whole comparison, and nearly every deadline is
pushed back long before it comes: the timer stays where it is, and looks again when it fires.
"""

import asyncio
from collections.abc import Callable
from typing import Final

_TICK: Final = 0.002
"""Loops round timers to a millisecond; what is due within this is due."""


class Deadline:
    """Calls `on_expiry` once the loop's time passes the moment last set."""

    __slots__ = ("_at", "_loop", "_on_expiry", "_timer", "_timer_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_expiry: Callable[[], None]) -> None:
        self._loop = loop
        self._on_expiry = on_expiry
        self._at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def move(self, at: float) -> None:
        """Expire at that loop time instead."""
        self._at = at
        if self._timer is None or at < self._timer_at:
            self._arm()

    def cancel(self) -> None:
        """Never expire again; also lets go of `on_expiry`'s owner."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self.cancel()
        self._timer_at = self._at
        self._timer = self._loop.call_at(self._at, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._at > self._loop.time() + _TICK:
            self._arm()
        else:
            self._on_expiry()
