"""The components' own settings, made from the choices; no component sees an option.

Lengths of time become seconds and sizes bytes here, so that nobody else needs to know the units.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import msgspec

from ghproxy.config.addresses import origin_from_url
from ghproxy.config.capacity import CAPACITY_OPTIONS, MEGABYTE, capacity, in_bytes
from ghproxy.config.choices import Choice, StartError, user_cache_directory
from ghproxy.config.command_line import CommandLine
from ghproxy.config.go_values import nanoseconds_from_go
from ghproxy.config.option import CacheStore, LogLevel, UpstreamClient
from ghproxy.config.rules import apply_rules
from ghproxy.config.sources import choose
from ghproxy.upstream.base import OriginAddress, UpstreamSettings


class ListenSettings(msgspec.Struct, frozen=True):
    """Where to listen. `host` is empty for all interfaces, IPv6 has no brackets; port 0: any."""

    host: str
    port: int
    metrics_port: int
    health_port: int
    pprof_port: int | None
    """On the loopback interface, whatever `host` is; None: not at all."""


class CacheSettings(msgspec.Struct, frozen=True):
    """Where and how much to cache.

    Where `is_directory_explicit`, a directory that cannot be used is a StartError; otherwise it is
    announced once and memory takes its place. `memory_limit_bytes` bounds the memory store, or the
    memory front of the disk store.
    """

    store: CacheStore
    directory: Path
    is_directory_explicit: bool
    disk_limit_bytes: int
    memory_limit_bytes: int
    max_stored_bytes: int
    """The largest content that is stored; never more than the store can keep."""


class GatewaySettings(msgspec.Struct, frozen=True):
    """How long a request may take, how many go to GitHub at once, how long failures are bridged."""

    request_timeout_seconds: float
    concurrency: int
    """Requests to GitHub at once: one count over all credentials."""
    stale_if_error_seconds: float
    """Since the last validation; 0 is never."""


class Settings(msgspec.Struct, frozen=True):
    """Everything that the assembly hands out, each part to one component."""

    listen: ListenSettings
    origin: OriginAddress
    base_path: bytes
    """Of the upstream: begins with a slash and does not end with one, or is empty."""
    upstream: UpstreamSettings
    upstream_client: UpstreamClient
    cache: CacheSettings
    gateway: GatewaySettings
    log_level: LogLevel


class Configuration(msgspec.Struct, frozen=True):
    """The settings, how each option came to its value, and what the user should be told once."""

    settings: Settings
    choices: Mapping[str, Choice]
    notices: tuple[str, ...]


def configure(
    command_line: CommandLine, environment: Mapping[str, str], cache_directory: str | None = None
) -> Configuration:
    """Read every source and judge it; StartError lists everything that is wrong.

    `cache_directory` is the default of `cache-dir`; without it, the user's own is looked up.
    """
    if cache_directory is None:
        cache_directory = user_cache_directory()
    choices = choose(command_line, environment, cache_directory)
    apply_rules(choices)
    if choices.problems:
        raise StartError(*choices.problems)
    chosen = choices.all()
    return Configuration(
        settings=_settings(chosen),
        choices=chosen,
        notices=tuple(choices.notices),
    )


def _settings(chosen: Mapping[str, Choice]) -> Settings:
    def whole(name: str) -> int:
        return int(chosen[name].value)

    def text(name: str) -> str:
        return str(chosen[name].value)

    def seconds(name: str) -> float:
        return nanoseconds_from_go(text(name)) / 1e9

    origin, base_path = origin_from_url(text("upstream"))
    return Settings(
        listen=ListenSettings(
            host=text("host"),
            port=whole("port"),
            metrics_port=whole("metrics-port"),
            health_port=whole("health-port"),
            pprof_port=whole("pprof-port") or None,
        ),
        origin=origin,
        base_path=base_path,
        upstream=UpstreamSettings(
            connect_timeout_seconds=seconds("upstream-connect-timeout"),
            first_byte_timeout_seconds=seconds("upstream-first-byte-timeout"),
            total_timeout_seconds=seconds("upstream-total-timeout"),
            # Each request takes a connection: with fewer, they would wait for those instead.
            max_connections=max(UpstreamSettings().max_connections, whole("concurrency")),
        ),
        upstream_client=cast("UpstreamClient", text("upstream-client")),
        cache=_cache_settings(chosen),
        gateway=GatewaySettings(
            request_timeout_seconds=whole("request-timeout"),
            concurrency=whole("concurrency"),
            stale_if_error_seconds=whole("stale-if-error-seconds"),
        ),
        log_level=LogLevel(text("log-level")),
    )


def _cache_settings(chosen: Mapping[str, Choice]) -> CacheSettings:
    cache = capacity(*(chosen[name] for name in CAPACITY_OPTIONS))
    directory = chosen["cache-dir"]
    wanted = in_bytes(chosen["max-stored-sizeMB"], MEGABYTE)
    return CacheSettings(
        store=cache.store,
        directory=Path(str(directory.value)).absolute(),
        is_directory_explicit=directory.is_given,
        disk_limit_bytes=cache.disk_limit_bytes,
        memory_limit_bytes=cache.memory_limit_bytes,
        max_stored_bytes=min(wanted, cache.largest_content_bytes),
    )
