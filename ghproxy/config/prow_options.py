"""Prow's options: names, defaults and meanings of its cmd/ghproxy and pkg/flagutil.

Those whose feature is not here yet say what is lacking; then only the default is accepted, because
an option that is taken and does nothing is a lie.
"""

from typing import Final

from ghproxy.config.kinds import BOOLEAN, DURATION, TEXT, URL, choice, path, size, whole
from ghproxy.config.option import LogLevel, Option, Owner

_PORT: Final = whole(0, 65535, also="0 takes any free port", placeholder="PORT")
_SPACING: Final = "throttling by fixed spacing comes with a later version"
_REDIS: Final = "the Redis store comes with a later version"
_PUSHING: Final = "pushing metrics comes with a later version"
_SPACING_USER: Final = "operators of Prow who space requests out by hand"

PROW_OPTIONS: Final = (
    Option(
        name="port",
        kind=_PORT,
        default=8888,
        owner=Owner.PROW,
        summary="where clients connect",
        user="everyone for whom 8888 is taken",
        detail="Every path on it goes to GitHub; none is reserved.",
    ),
    Option(
        name="upstream",
        kind=URL,
        default="https://api.github.com",
        owner=Owner.PROW,
        summary="GitHub's API, base path included",
        user=(
            "users of GitHub Enterprise (`https://github.example.com/api/v3`) and of the simulator"
        ),
    ),
    Option(
        name="cache-dir",
        kind=path("DIR", "a directory; it is made if it is missing"),
        default="",
        default_text="`ghproxy` in the user's cache directory",
        absent="",
        owner=Owner.PROW,
        summary="where the disk cache lives",
        user="operators with a volume for the cache",
        detail=(
            "Given together with `cache-sizeGB` or not at all. A directory that is given must be "
            "writable, or ghproxy does not start; where the default one cannot be used, ghproxy "
            "says so once and caches in memory."
        ),
    ),
    Option(
        name="cache-sizeGB",
        kind=size("GB", 1_000_000_000, 0.005, may_be_zero=True),
        default=1,
        absent=0,
        owner=Owner.PROW,
        summary="the most that the disk cache may take",
        user="operators with a volume for the cache",
        detail=(
            "It bounds what the cache takes on the file system, all credentials together. "
            "Given together with `cache-dir` or not at all."
        ),
    ),
    Option(
        name="concurrency",
        kind=whole(1, 1_000_000),
        default=25,
        owner=Owner.PROW,
        summary="requests to GitHub at once, all credentials together",
        user="operators whose clients wait while GitHub would take more",
        detail="The others wait for their turn. GitHub itself refuses more than 100 at once.",
    ),
    Option(
        name="request-timeout",
        kind=whole(1, 1_000_000, placeholder="SECONDS"),
        default=30,
        owner=Owner.PROW,
        summary="seconds until a request is answered with 503",
        user="operators whose clients are ready to wait longer than half a minute",
        detail="It is also how long requests in flight may take to end when ghproxy is stopped.",
    ),
    Option(
        name="log-level",
        kind=choice(LogLevel, placeholder="LEVEL", warn=LogLevel.WARNING),
        default=LogLevel.DEBUG.value,
        owner=Owner.PROW,
        summary="the least severe messages that are written",
        user="everyone who finds the log too long: `info` leaves out the requests refused",
        detail="Nothing is logged below `debug`: `trace` is the same.",
    ),
    Option(
        name="metrics-port",
        kind=_PORT,
        default=9090,
        owner=Owner.PROW,
        summary="where /metrics is",
        user="everyone who scrapes metrics, or for whom 9090 is taken",
    ),
    Option(
        name="health-port",
        kind=_PORT,
        default=8081,
        owner=Owner.PROW,
        summary="where /healthz and /healthz/ready are",
        user="operators with probes, and everyone for whom 8081 is taken",
    ),
    Option(
        name="pprof-port",
        kind=whole(0, 65535, also="0 switches it off", placeholder="PORT"),
        default=6060,
        owner=Owner.PROW,
        summary="where stacks are shown, to this machine only",
        user="developers, and everyone for whom 6060 is taken",
        detail=(
            "`/debug/pprof/goroutine` shows what every task and thread is doing. Go's other "
            "profiles have no counterpart here."
        ),
    ),
    Option(
        name="serve-metrics",
        kind=BOOLEAN,
        default=False,
        owner=Owner.PROW,
        has_effect=False,
        summary="metrics are served either way",
    ),
    Option(
        name="legacy-disable-disk-cache-partitions-by-auth-header",
        kind=BOOLEAN,
        default=True,
        owner=Owner.PROW,
        has_effect=False,
        summary="credentials are always kept apart",
        detail="Where it is set to true, ghproxy says once that it has no effect.",
    ),
    Option(
        name="memory-profile-interval",
        kind=DURATION,
        default="30s",
        owner=Owner.PROW,
        has_effect=False,
        summary="only of use with profile-memory-usage",
    ),
    Option(
        name="profile-memory-usage",
        kind=BOOLEAN,
        default=False,
        owner=Owner.PROW,
        lacking="Go's memory profiler does not exist here",
        summary="write memory profiles at intervals",
        user="developers of Prow",
    ),
    Option(
        name="redis-address",
        kind=TEXT,
        default="",
        owner=Owner.PROW,
        lacking=_REDIS,
        summary="the Redis server that keeps the cache",
        user="operators with several replicas",
    ),
    Option(
        name="redis-username",
        kind=TEXT,
        default="",
        owner=Owner.PROW,
        lacking=_REDIS,
        summary="who logs in at the Redis server",
        user="operators whose Redis server asks for a login",
    ),
    Option(
        name="redis-secret-file",
        kind=path("FILE", "a file that can be read"),
        default="",
        owner=Owner.PROW,
        lacking=_REDIS,
        summary="the file with the Redis password",
        user="operators whose Redis server asks for a login",
    ),
    Option(
        name="throttling-time-ms",
        kind=whole(0, 1_000_000),
        default=0,
        owner=Owner.PROW,
        lacking=_SPACING,
        summary="milliseconds between writes",
        user=_SPACING_USER,
    ),
    Option(
        name="throttling-time-v4-ms",
        kind=whole(0, 1_000_000),
        default=0,
        owner=Owner.PROW,
        lacking=_SPACING,
        summary="milliseconds between GraphQL requests",
        user=_SPACING_USER,
    ),
    Option(
        name="get-throttling-time-ms",
        kind=whole(0, 1_000_000),
        default=0,
        owner=Owner.PROW,
        lacking=_SPACING,
        summary="milliseconds between reads",
        user=_SPACING_USER,
    ),
    Option(
        name="throttling-max-delay-duration-seconds",
        kind=whole(0, 1_000_000),
        default=30,
        owner=Owner.PROW,
        lacking=_SPACING,
        summary="the longest time that spacing may hold a request",
        user=_SPACING_USER,
    ),
    Option(
        name="throttling-max-delay-duration-v4-seconds",
        kind=whole(0, 1_000_000),
        default=30,
        owner=Owner.PROW,
        lacking=_SPACING,
        summary="the same for GraphQL",
        user=_SPACING_USER,
    ),
    Option(
        name="push-gateway",
        kind=TEXT,
        default="",
        owner=Owner.PROW,
        lacking=_PUSHING,
        summary="the Prometheus push gateway",
        user="operators whose Prometheus cannot scrape ghproxy",
    ),
    Option(
        name="push-gateway-interval",
        kind=DURATION,
        default="1m",
        owner=Owner.PROW,
        lacking=_PUSHING,
        summary="time between two pushes",
        user="operators whose Prometheus cannot scrape ghproxy",
    ),
)
