"""Every metric by name, kind, labels and unit: the table that the exposition and the docs render.

Names, labels, buckets and units are those of Prow's ghproxy, because dashboards and alerts depend
on them; what is ours starts with `ghproxy_`. The `token_hash` label comes first in our tuples.
"""

import enum

import msgspec

BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Kind(enum.StrEnum):
    """Prometheus' word in the TYPE line."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(msgspec.Struct, frozen=True):
    """One family; `meaning` is its HELP line, and has no backslash and no line break."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    unit: str
    meaning: str


RESPONSES = Metric(
    "ghcache_responses",
    Kind.COUNTER,
    ("token_hash", "mode", "path", "user_agent"),
    "responses",
    "Client requests, by what the cache made of them.",
)
REQUEST_DURATION = Metric(
    "github_request_duration",
    Kind.HISTOGRAM,
    ("token_hash", "path", "status", "user_agent"),
    "seconds",
    "Time that GitHub took to answer, by the status it answered with.",
)
TOKEN_USAGE = Metric(
    "github_token_usage",
    Kind.GAUGE,
    ("token_hash", "api_version", "ratelimit_resource"),
    "requests or points",
    "What remains of the primary rate limit, as GitHub last said.",
)
TOKEN_RESET = Metric(
    "github_token_reset",
    Kind.GAUGE,
    ("token_hash", "api_version", "ratelimit_resource"),
    "nanoseconds",
    "Time until the primary rate limit is full again, as of this scrape.",
)
CONCURRENT = Metric(
    "concurrent_outbound_requests",
    Kind.GAUGE,
    (),
    "requests",
    "Requests that are at GitHub now.",
)
PENDING = Metric(
    "pending_outbound_requests",
    Kind.GAUGE,
    (),
    "requests",
    "Requests that wait for their turn to be sent to GitHub.",
)
_DISK = (
    ("ghcache_disk_free", "gigabytes (1e9)", "Room left on the file system of the cache."),
    ("ghcache_disk_used", "gigabytes (1e9)", "Room taken on the file system of the cache."),
    ("ghcache_disk_total", "gigabytes (1e9)", "Size of the file system of the cache."),
    ("ghcache_disk_inode_free", "inodes", "Inodes left on the file system of the cache."),
    ("ghcache_disk_inode_used", "inodes", "Inodes taken on the file system of the cache."),
    ("ghcache_disk_inode_total", "inodes", "Inodes of the file system of the cache."),
)
DISK = tuple(Metric(name, Kind.GAUGE, (), unit, meaning) for name, unit, meaning in _DISK)
"""Absent while the cache is in memory."""
BUILD_INFO = Metric(
    "ghproxy_build_info",
    Kind.GAUGE,
    ("version", "python"),
    "always 1",
    "Which ghproxy this is, and the Python it runs on.",
)

METRICS = (
    RESPONSES,
    REQUEST_DURATION,
    TOKEN_USAGE,
    TOKEN_RESET,
    CONCURRENT,
    PENDING,
    *DISK,
    BUILD_INFO,
)
