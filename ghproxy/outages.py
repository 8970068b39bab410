"""Spells in which the origin gives no usable answer: the first failure is told, and the end.

A line names the origin's host and what failed. No request gets here, so none can be told: neither
targets nor fields nor tokens. Every single failure is in the metrics and in its client's answer.
"""

import logging
from typing import Final

from ghproxy.clock import Clock
from ghproxy.core.errors import ProxyError, UpstreamError

QUIET_SECONDS: Final = 60.0

logger = logging.getLogger(__name__)


class Outages:
    """Tells spells of failure apart; belongs to one origin.

    A spell is over with the next answer. One that follows another within a minute is over only
    after a minute without failures: an origin that fails every other time costs two lines a minute
    at most.
    """

    def __init__(self, host: str, clock: Clock, patience_seconds: float) -> None:
        """Silence for `patience_seconds` is a failure, though nobody waits any more."""
        self._host = host
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._failures = 0
        self._began_at = 0.0
        self._last_at = float("-inf")
        self._quiet_seconds = 0.0

    def failed(self, error: UpstreamError) -> None:
        """A request got no usable answer."""
        now = self._clock.monotonic()
        if not self._failures:
            is_repeated = now - self._last_at < QUIET_SECONDS
            self._quiet_seconds = QUIET_SECONDS if is_repeated else 0.0
            self._began_at = now
            again = " again" if is_repeated else ""
            logger.warning("%s fails%s: %s: %s", self._host, again, error.kind, error.detail)
        self._failures += 1
        self._last_at = now

    def given_up(self, waited_seconds: float) -> None:
        """Whoever waited for an answer does not any more: a failure after long silence only."""
        if waited_seconds >= self._patience_seconds:
            detail = f"No answer came within {waited_seconds:.0f} s."
            self.failed(UpstreamError(ProxyError.HTTP_RESPONSE_TIMEOUT, detail))

    def answered(self) -> None:
        """An answer has begun to arrive."""
        if not self._failures:
            return
        now = self._clock.monotonic()
        if now - self._last_at >= self._quiet_seconds:
            logger.info(
                "%s answers again: %d request(s) had failed within %.0f s",
                self._host,
                self._failures,
                now - self._began_at,
            )
            self._failures = 0
