"""The only caller of `time`: everything else is handed a Clock, so tests own the time."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings: `now` for what is written down, `monotonic` for what is measured."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary point; never goes back."""


class SystemClock:
    """The machine's clocks."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
