"""Our own options, which Prow's ghproxy does not have."""

from typing import Final, get_args

from ghproxy.config.kinds import DURATION, HOST, choice, path, size, whole
from ghproxy.config.option import CacheStore, Option, Owner, UpstreamClient

OWN_OPTIONS: Final = (
    Option(
        name="config",
        kind=path("FILE", "a TOML file that can be read"),
        default="",
        absent="",
        owner=Owner.OURS,
        summary="a TOML file with these options",
        user="everyone who would rather keep a file than a long command line",
    ),
    Option(
        name="host",
        kind=HOST,
        default="",
        owner=Owner.OURS,
        summary="the interface to listen on, for all ports",
        user="everyone on a machine that others can reach",
        detail="`127.0.0.1` keeps the proxy to this machine.",
    ),
    Option(
        name="cache-store",
        kind=choice(CacheStore),
        default=CacheStore.DISK.value,
        owner=Owner.OURS,
        summary="disk or memory",
        user="everyone who wants nothing written to a disk",
        detail="`memory` forgets everything at exit.",
    ),
    Option(
        name="memory-sizeMB",
        kind=size("MB", 1_000_000, 1),
        default=32,
        owner=Owner.OURS,
        summary="the most that the memory cache may take",
        user="operators with a memory limit",
        detail=(
            "It bounds the memory store, or what the disk store keeps in memory of what is used "
            "most; the process itself comes on top."
        ),
    ),
    Option(
        name="max-stored-sizeMB",
        kind=size("MB", 1_000_000, 0.001),
        default=16,
        owner=Owner.OURS,
        summary="the largest response that is stored",
        user="operators whose clients read large files again and again",
        detail=(
            "Larger responses are passed on as a stream and never held in memory. So are those "
            "that the cache cannot keep: a disk cache keeps none above 66 MB, or above a little "
            "less than a third of `cache-sizeGB`, a memory cache none above `memory-sizeMB`; "
            "where that is less than what is given here, ghproxy says so once."
        ),
    ),
    Option(
        name="stale-if-error-seconds",
        kind=whole(0, 100_000_000, also="0 means never", placeholder="SECONDS"),
        default=0,
        owner=Owner.OURS,
        summary="how old an answer may be while GitHub fails",
        user="everyone who would rather have an old answer than an error",
        detail=(
            "While GitHub fails, a stored response is given, labelled as stale, for at most so "
            "many seconds after GitHub last confirmed it."
        ),
    ),
    Option(
        name="upstream-client",
        kind=choice(get_args(UpstreamClient)),
        default="auto",
        owner=Owner.OURS,
        summary="how GitHub is spoken to",
        user="developers of ghproxy",
        detail=(
            "`wire` is the fast one; `httpx` also speaks through outbound proxies "
            "(`HTTPS_PROXY`); `auto` takes the one that fits."
        ),
    ),
    Option(
        name="upstream-connect-timeout",
        kind=DURATION,
        default="10s",
        owner=Owner.OURS,
        summary="the longest name lookup, TCP and TLS together",
        user="operators on slow networks",
    ),
    Option(
        name="upstream-first-byte-timeout",
        kind=DURATION,
        default="1m",
        owner=Owner.OURS,
        summary="the longest wait for a response to begin",
        user="operators of a slow GitHub Enterprise",
    ),
    Option(
        name="upstream-total-timeout",
        kind=DURATION,
        default="1h",
        owner=Owner.OURS,
        summary="the longest transfer, from first to last byte",
        user="operators whose downloads or uploads take longer than an hour",
    ),
)
