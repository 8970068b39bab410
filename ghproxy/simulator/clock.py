"""The simulator's time: the machine's, moved by what the control port asked for."""

import time
from email.utils import formatdate


class Clock:
    """Seconds since the epoch, shifted by an offset or frozen at a moment."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._frozen: float | None = None
        self._second = -1
        self._date = b""

    def now(self) -> float:
        return time.time() + self._offset if self._frozen is None else self._frozen

    def http_date(self, second: int) -> bytes:
        """The Date field's value; formatted once a second."""
        if second != self._second:
            self._second = second
            self._date = http_date(second)
        return self._date

    def advance(self, seconds: float) -> None:
        if self._frozen is None:
            self._offset += seconds
        else:
            self._frozen += seconds

    def freeze(self, now: float) -> None:
        self._frozen = now

    def reset(self) -> None:
        self._offset = 0.0
        self._frozen = None


def http_date(at: float) -> bytes:
    """An IMF-fixdate (RFC 9110 5.6.7)."""
    return formatdate(at, usegmt=True).encode("ascii")


def iso(at: float) -> str:
    """GitHub's JSON form of a moment."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
