"""What an option is, and the closed words that some of them take."""

import enum
from typing import Final, Literal

import msgspec

from ghproxy.config.kinds import Kind, Value

UpstreamClient = Literal["auto", "wire", "httpx"]
"""Which implementation of the upstream door is used, in the words of ghproxy.upstream.select."""


class Owner(enum.StrEnum):
    """Whose option it is."""

    PROW = "prow"
    OURS = "ours"


class CacheStore(enum.StrEnum):
    """Where stored responses are kept."""

    DISK = "disk"
    MEMORY = "memory"


class LogLevel(enum.StrEnum):
    """The words of logrus, Prow's logging library."""

    PANIC = "panic"
    FATAL = "fatal"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    DEBUG = "debug"
    TRACE = "trace"

    @property
    def level(self) -> int:
        """The number that Python's logging has for it; trace is below all of Python's own."""
        return _LEVELS[self]


_LEVELS: Final = {
    LogLevel.PANIC: 50,
    LogLevel.FATAL: 50,
    LogLevel.ERROR: 40,
    LogLevel.WARNING: 30,
    LogLevel.INFO: 20,
    LogLevel.DEBUG: 10,
    LogLevel.TRACE: 5,
}


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One option."""

    name: str
    kind: Kind
    default: Value
    owner: Owner
    summary: str
    """What it does, in one short line."""
    user: str = ""
    """Who sets it; nobody needs to set an option without effect."""
    detail: str = ""
    """What else there is to know, in whole sentences."""
    default_text: str = ""
    """The default in words, where it depends on the machine."""
    absent: Value | None = None
    """A value by which Prow says "not given"; giving it means giving nothing."""
    has_effect: bool = True
    """Whether any value changes anything here."""
    lacking: str = ""
    """Which feature is missing; then only the default is accepted."""

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return "GHPROXY_" + self.name.upper().replace("-", "_")
