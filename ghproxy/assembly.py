"""Builds every object and joins them: the only module that knows all others."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from ghproxy import __version__
from ghproxy.clock import SystemClock
from ghproxy.coalescer import Coalescer, CoalescerSettings
from ghproxy.config import CacheStore, LogLevel, Settings, StartError
from ghproxy.core.caching import Policy
from ghproxy.gateway import Gateway
from ghproxy.origin import Origin
from ghproxy.outages import Outages
from ghproxy.retrieval import Retrieval, RetrievalSettings
from ghproxy.retrieved import Retrieved, dispose
from ghproxy.stores.base import Store
from ghproxy.stores.disk import DiskStore, StoreUnavailable
from ghproxy.stores.memory import MemoryStore, largest_content_bytes
from ghproxy.stores.tiered import TieredStore
from ghproxy.telemetry import Telemetry
from ghproxy.throttle import Throttle
from ghproxy.upstream.base import Upstream
from ghproxy.upstream.select import open_upstream
from ghproxy.web.health import health_app
from ghproxy.web.metrics import metrics_app
from ghproxy.web.proxy import ProxyEndpoint, ProxySettings
from ghproxy.web.server import Lifecycle, Listener, ListenError, run, stopped_by_signals
from ghproxy.web.server import serve as serve_listeners
from ghproxy.web.stacks import LOOPBACK, stacks_app

Announce = Callable[[str], None]

_LAST_WORDS_SECONDS = 0.5
"""What is left for closing, once it has to end at once."""

_log = logging.getLogger("ghproxy")
_USER_AGENT = f"ghproxy/{__version__}".encode()


def serve(settings: Settings, announce: Announce) -> int:
    """Run until stopped; the exit status. Raises StartError where it cannot start."""
    _configure_logging(settings.log_level)
    try:
        return run(_serve(settings, announce))
    except ListenError as error:
        raise StartError(str(error)) from error


def _configure_logging(log_level: LogLevel) -> None:
    # Libraries write fields, and so credentials, into their debug records: they only warn here.
    logging.basicConfig(
        level=max(log_level.level, logging.WARNING),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("ghproxy").setLevel(log_level.level)


class House(msgspec.Struct, frozen=True):
    """What is built, as far as it has to be served, looked at and closed."""

    endpoint: ProxyEndpoint
    telemetry: Telemetry
    coalescer: Coalescer[Retrieved]
    upstream: Upstream
    store: Store

    async def aclose(self) -> None:
        """Let go of everything, those that use others first."""
        await self.coalescer.aclose()
        await self.upstream.aclose()
        await self.store.aclose()


def build(settings: Settings, store: Store, disk_directory: Path | None) -> House:
    """Join the parts around a store; runs inside the event loop that will use them."""
    clock = SystemClock()
    upstream = _open_upstream(settings)
    throttle = Throttle(settings.gateway.concurrency)

    def outbound() -> tuple[int, int]:
        snapshot = throttle.snapshot()
        return snapshot.in_use, snapshot.waiting

    telemetry = Telemetry(clock, outbound=outbound, disk_directory=disk_directory)
    outages = Outages(settings.origin.host, clock, 0.5 * settings.gateway.request_timeout_seconds)
    origin = Origin(
        upstream, throttle, settings.base_path, clock, telemetry.record_sent, outages=outages
    )
    coalescer: Coalescer[Retrieved] = Coalescer(CoalescerSettings(), clock, dispose)
    retrieval = Retrieval(
        RetrievalSettings(
            max_stored_bytes=_max_stored_bytes(settings, disk_directory),
            policy=Policy(settings.gateway.stale_if_error_seconds),
            user_agent=_USER_AGENT,
            answer_timeout_seconds=0.8 * settings.gateway.request_timeout_seconds,
        ),
        origin,
        store,
        clock,
    )
    gateway = Gateway(upstream_url(settings).encode(), store, origin, retrieval, coalescer)
    endpoint = ProxyEndpoint(
        ProxySettings(request_timeout_seconds=settings.gateway.request_timeout_seconds),
        gateway,
        clock,
        telemetry.record,
    )
    return House(endpoint, telemetry, coalescer, upstream, store)


def open_store(settings: Settings, announce: Announce) -> tuple[Store, Path | None]:
    """The store, and its directory if it has one.

    Without a usable directory it is memory, said once, unless the directory was asked for by name:
    then StartError.
    """
    cache = settings.cache
    front = MemoryStore(cache.memory_limit_bytes)
    if cache.store is CacheStore.MEMORY:
        return front, None
    try:
        disk = DiskStore(cache.directory, cache.disk_limit_bytes, SystemClock())
    except StoreUnavailable as error:
        if cache.is_directory_explicit:
            raise StartError(f"--cache-dir: {error}") from error
        announce(f"cannot cache on disk, caching in memory instead: {error}")
        return front, None
    return TieredStore(front, disk), cache.directory


def upstream_url(settings: Settings) -> str:
    """The origin with its base path; also what keeps two upstreams apart in one store."""
    origin = settings.origin
    return f"{origin.scheme}://{origin.authority.decode()}{settings.base_path.decode()}"


def _open_upstream(settings: Settings) -> Upstream:
    try:
        return open_upstream(
            settings.origin, settings.upstream, os.environ, settings.upstream_client
        )
    except ValueError as error:
        raise StartError(str(error)) from error


def _max_stored_bytes(settings: Settings, disk_directory: Path | None) -> int:
    """As the settings say, but where memory stands in for the disk no more than memory keeps."""
    cache = settings.cache
    if disk_directory is not None:
        return cache.max_stored_bytes
    return min(cache.max_stored_bytes, largest_content_bytes(cache.memory_limit_bytes))


async def _serve(settings: Settings, announce: Announce) -> int:
    store, directory = open_store(settings, announce)
    try:
        house = build(settings, store, directory)
    except StartError:
        await store.aclose()
        raise
    lifecycle = Lifecycle()
    with stopped_by_signals(lifecycle):
        try:
            cut = await serve_listeners(
                _listeners(settings, house, lifecycle),
                lifecycle=lifecycle,
                drain_seconds=settings.gateway.request_timeout_seconds,
                on_ready=lambda ports: _introduce(settings, directory, ports, announce),
            )
            if cut:
                _log.warning("%d request(s) cut that had not ended in time", cut)
        finally:
            await _close(house, lifecycle)
    return 0


async def _close(house: House, lifecycle: Lifecycle) -> None:
    """Close the house; where a second signal is given, end the process even if that is not done.

    The cache is written by a thread that nothing interrupts, and that an orderly exit waits for.
    The database survives this as it survives a kill; what was not written is fetched again.
    """
    closing = asyncio.create_task(house.aclose())
    ending = asyncio.create_task(lifecycle.wait_ending())
    await asyncio.wait({closing, ending}, return_when=asyncio.FIRST_COMPLETED)
    ending.cancel()
    await asyncio.wait({closing}, timeout=_LAST_WORDS_SECONDS if lifecycle.is_ending() else None)
    if not closing.done():
        _log.warning("told to end at once: the cache may not have been written to the end")
        logging.shutdown()
        os._exit(0)
    await closing


def _listeners(settings: Settings, house: House, lifecycle: Lifecycle) -> list[Listener]:
    listen = settings.listen
    listeners = [
        Listener("--port", house.endpoint, listen.host, listen.port, is_gateway=True),
        Listener(
            "--metrics-port",
            metrics_app(house.telemetry.exposition),
            listen.host,
            listen.metrics_port,
        ),
        Listener("--health-port", health_app(lifecycle.is_ready), listen.host, listen.health_port),
    ]
    if listen.pprof_port is not None:
        listeners.append(
            Listener("--pprof-port", stacks_app(), LOOPBACK, listen.pprof_port, is_optional=True)
        )
    return listeners


def _introduce(
    settings: Settings, directory: Path | None, ports: dict[str, int], announce: Announce
) -> None:
    """Three lines: where it listens, where it caches, how to point a client at it."""
    host = settings.listen.host or "localhost"
    base = f"http://{f'[{host}]' if ':' in host else host}:{ports['--port']}"
    megabytes = f"{settings.cache.memory_limit_bytes / 1e6:g} MB"
    announce(
        f"listening on {base} for {upstream_url(settings)}"
        f" (metrics on {ports['--metrics-port']}, health on {ports['--health-port']})"
    )
    if directory is None:
        announce(f"caching in memory, at most {megabytes}")
    else:
        gigabytes = f"{settings.cache.disk_limit_bytes / 1e9:g} GB"
        announce(f"caching in {directory}, at most {gigabytes} (and {megabytes} of memory)")
    announce(f"try: curl {base}/rate_limit  or start Prow with --github-endpoint={base}")
