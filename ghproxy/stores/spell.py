"""Failures that come in runs: every one counted, the run told once, and its end with the count."""

import logging
from typing import Final

from ghproxy.clock import Clock

SPELL_SECONDS: Final = 60.0

logger = logging.getLogger(__name__)


class Spell:
    """A run of failures of one kind: each is counted, the first is told.

    It is over once something worked a minute after the last: a disk that is nearly full takes one
    write and refuses the next.
    """

    def __init__(self, what: str, clock: Clock) -> None:
        self.errors = 0
        self.is_on = False
        self._what = what
        self._clock = clock
        self._errors_before = 0
        self._last_at = 0.0

    def failed(self, reason: object) -> None:
        self.errors += 1
        self._last_at = self._clock.monotonic()
        if not self.is_on:
            self.is_on = True
            self._errors_before = self.errors - 1
            logger.warning("cache: %s failing, serving uncached: %s", self._what, reason)

    def worked(self) -> None:
        if self.is_on and self._clock.monotonic() - self._last_at >= SPELL_SECONDS:
            self.is_on = False
            count = self.errors - self._errors_before
            logger.info("cache: %s working again, after %d failed", self._what, count)
