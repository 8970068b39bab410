"""What the components are handed, and the rules between options."""

import logging
import shlex
from pathlib import Path
from typing import NoReturn

import pytest

from ghproxy.config import (
    CacheSettings,
    CacheStore,
    Configuration,
    GatewaySettings,
    ListenSettings,
    LogLevel,
    Settings,
    StartError,
    configure,
    read_command_line,
)
from ghproxy.config.choices import user_cache_directory
from ghproxy.stores import budget as disk_budget
from ghproxy.stores import memory as memory_store
from ghproxy.upstream.base import OriginAddress, UpstreamSettings

NOT_OFFERED = [
    ("--redis-address=redis:6379", "Redis"),
    ("--redis-username=me", "Redis"),
    ("--redis-secret-file=/secret", "Redis"),
    ("--throttling-time-ms=400", "spacing"),
    ("--throttling-time-v4-ms=550", "spacing"),
    ("--get-throttling-time-ms=150", "spacing"),
    ("--throttling-max-delay-duration-seconds=51", "spacing"),
    ("--throttling-max-delay-duration-v4-seconds=150", "spacing"),
    ("--push-gateway=http://me:SECRET@pushgateway", "pushing"),
    ("--push-gateway-interval=2m", "pushing"),
    ("--profile-memory-usage", "profiler"),
]
PROWS_DEFAULTS = shlex.split("""
    --cache-dir= --cache-sizeGB=0 --legacy-disable-disk-cache-partitions-by-auth-header=false
    --redis-address= --redis-username= --redis-secret-file= --port=8888
    --upstream=https://api.github.com --concurrency=25 --throttling-time-ms=0
    --throttling-time-v4-ms=0 --get-throttling-time-ms=0
    --throttling-max-delay-duration-seconds=30 --throttling-max-delay-duration-v4-seconds=30
    --push-gateway= --push-gateway-interval=60s --log-level=debug --serve-metrics=false
    --request-timeout=30 --metrics-port=9090 --pprof-port=6060 --health-port=8081
    --profile-memory-usage=false --memory-profile-interval=30s
""")


HOME_CACHE = "/home/somebody/.cache/ghproxy"


def configured(*arguments: str, cache_directory: str = HOME_CACHE) -> Configuration:
    return configure(read_command_line(arguments), {}, cache_directory)


def settings(*arguments: str) -> Settings:
    return configured(*arguments).settings


def notices(*arguments: str) -> tuple[str, ...]:
    return configured(*arguments).notices


def problems(*arguments: str) -> tuple[str, ...]:
    with pytest.raises(StartError) as caught:
        settings(*arguments)
    return caught.value.problems


def test_with_no_options_everything_has_its_documented_default():
    assert settings() == Settings(
        listen=ListenSettings(
            host="", port=8888, metrics_port=9090, health_port=8081, pprof_port=6060
        ),
        origin=OriginAddress("https", "api.github.com", 443),
        base_path=b"",
        upstream=UpstreamSettings(),
        upstream_client="auto",
        cache=CacheSettings(
            store=CacheStore.DISK,
            directory=Path(HOME_CACHE),
            is_directory_explicit=False,
            disk_limit_bytes=1_000_000_000,
            memory_limit_bytes=32_000_000,
            max_stored_bytes=16_000_000,
        ),
        gateway=GatewaySettings(
            request_timeout_seconds=30, concurrency=25, stale_if_error_seconds=0
        ),
        log_level=LogLevel.DEBUG,
    )
    assert notices() == ()


def test_prows_defaults_written_out_change_nothing():
    assert settings(*PROWS_DEFAULTS) == settings()
    assert notices(*PROWS_DEFAULTS) == ()


def test_every_option_reaches_its_component():
    arguments = """
        --host=127.0.0.1 --port=1 --metrics-port=2 --health-port=3 --pprof-port=4
        --upstream=http://ghe.example.com:81/api/v3/ --upstream-client=wire
        --upstream-connect-timeout=1s --upstream-first-byte-timeout=1500ms
        --upstream-total-timeout=2h --cache-store=memory --memory-sizeMB=64
        --max-stored-sizeMB=0.5 --request-timeout=151 --concurrency=1000
        --stale-if-error-seconds=600 --log-level=WARN
    """
    assert settings(*shlex.split(arguments)) == Settings(
        listen=ListenSettings(
            host="127.0.0.1", port=1, metrics_port=2, health_port=3, pprof_port=4
        ),
        origin=OriginAddress("http", "ghe.example.com", 81),
        base_path=b"/api/v3",
        upstream=UpstreamSettings(
            connect_timeout_seconds=1,
            first_byte_timeout_seconds=1.5,
            total_timeout_seconds=7200,
        ),
        upstream_client="wire",
        cache=CacheSettings(
            store=CacheStore.MEMORY,
            directory=Path(HOME_CACHE),
            is_directory_explicit=False,
            disk_limit_bytes=1_000_000_000,
            memory_limit_bytes=64_000_000,
            max_stored_bytes=500_000,
        ),
        gateway=GatewaySettings(
            request_timeout_seconds=151, concurrency=1000, stale_if_error_seconds=600
        ),
        log_level=LogLevel.WARNING,
    )


@pytest.mark.parametrize(("concurrency", "connections"), [(1, 1000), (1001, 1001), (5000, 5000)])
def test_there_are_connections_for_as_many_requests_as_may_be_at_github(concurrency, connections):
    chosen = settings(f"--concurrency={concurrency}")
    assert chosen.gateway.concurrency == concurrency
    assert chosen.upstream.max_connections == connections


@pytest.mark.parametrize("word", LogLevel)
def test_every_word_of_logrus_is_a_level(word):
    assert settings(f"--log-level={word}").log_level is word


def test_the_levels_are_those_of_pythons_logging_and_one_below():
    names = ["CRITICAL", "CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "Level 5"]
    assert [logging.getLevelName(level.level) for level in LogLevel] == names


def test_a_cache_directory_and_its_size_are_given_together():
    cache = settings("--cache-dir=/cache", "--cache-sizeGB=99").cache
    assert (cache.directory, cache.is_directory_explicit) == (Path("/cache"), True)
    assert cache.disk_limit_bytes == 99_000_000_000
    assert problems("--cache-dir=/cache") == (
        "--cache-dir is given without --cache-sizeGB; allowed: both or neither",
    )
    assert problems("--cache-sizeGB=9", "--cache-dir=") == (
        "--cache-sizeGB is given without --cache-dir; allowed: both or neither",
    )


def test_the_two_may_come_from_different_sources():
    command_line = read_command_line(["--cache-sizeGB=2"])
    configuration = configure(command_line, {"GHPROXY_CACHE_DIR": "/cache"})
    assert configuration.settings.cache.disk_limit_bytes == 2_000_000_000


def test_a_stronger_source_may_take_a_value_back():
    command_line = read_command_line(["--cache-dir=", "--cache-sizeGB=0"])
    environment = {"GHPROXY_CACHE_DIR": "/cache", "GHPROXY_CACHE_SIZEGB": "9"}
    assert configure(command_line, environment, HOME_CACHE).settings == settings()


def test_one_mistake_is_not_reported_as_two():
    (problem,) = problems("--cache-dir=/cache", "--cache-sizeGB=many")
    assert problem.startswith('--cache-sizeGB: "many" is not a number')


def test_a_relative_directory_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert settings("--cache-dir=c", "--cache-sizeGB=1").cache.directory == tmp_path / "c"


def test_the_users_cache_directory_is_that_of_the_platform(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert user_cache_directory() == "/xdg/ghproxy"
    cache = configure(read_command_line([]), {}).settings.cache
    assert cache.directory == Path("/xdg/ghproxy")


def test_a_machine_may_have_neither_a_home_nor_an_account(monkeypatch):
    def no_account(_: int) -> NoReturn:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", no_account)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert user_cache_directory() == ""


def test_a_tilde_that_nobody_could_resolve_is_no_directory(monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: f"~/.cache/{name}")
    assert user_cache_directory() == ""


def test_without_a_home_directory_the_cache_is_kept_in_memory():
    homeless = configured(cache_directory="")
    assert homeless.settings.cache.store is CacheStore.MEMORY
    assert homeless.notices == ("there is no home directory for the cache: it is kept in memory",)
    assert configured("--cache-store=memory", cache_directory="").notices == ()
    explicit = configured("--cache-dir=/c", "--cache-sizeGB=1", cache_directory="")
    assert explicit.settings.cache.store is CacheStore.DISK
    assert explicit.notices == ()


def test_a_directory_beside_a_memory_store_is_told_to_have_no_effect():
    assert notices("--cache-dir=/c", "--cache-sizeGB=1", "--cache-store=memory") == (
        "--cache-dir has no effect: the cache is kept in memory",
    )


SMALL_MEMORY = ("--cache-store=memory", "--memory-sizeMB=4")
SMALL_DISK = ("--cache-dir=/c", "--cache-sizeGB=0.01", "--memory-sizeMB=4")


def test_nothing_larger_than_what_the_store_keeps_is_stored():
    memory = settings(*SMALL_MEMORY).cache
    assert memory.max_stored_bytes == memory_store.largest_content_bytes(4_000_000)
    disk = settings(*SMALL_DISK).cache
    assert disk.max_stored_bytes == disk_budget.largest_content_bytes(10_000_000)
    homeless = configured("--memory-sizeMB=4", cache_directory="").settings.cache
    assert homeless.max_stored_bytes == memory.max_stored_bytes


@pytest.mark.parametrize(
    ("cache", "kind", "largest"),
    [
        (SMALL_MEMORY, "memory", "3.966"),
        (SMALL_DISK, "disk", "3.052"),
        (("--cache-dir=/c", "--cache-sizeGB=100"), "disk", "66.233"),
    ],
)
def test_a_largest_response_that_the_cache_cannot_keep_is_told_with_what_it_can(
    cache, kind, largest
):
    (notice,) = notices(*cache, "--max-stored-sizeMB=70.5")
    assert notice == (
        f"--max-stored-sizeMB is 70.5 and counts as {largest}: "
        f"the {kind} cache cannot keep a larger response"
    )
    assert notices(*cache, f"--max-stored-sizeMB={largest}") == ()


def test_the_default_largest_response_is_cut_without_a_word():
    assert settings(*SMALL_DISK).cache.max_stored_bytes < settings().cache.max_stored_bytes
    assert notices(*SMALL_DISK) == ()


def test_a_mistake_in_the_size_of_the_cache_is_all_that_is_told():
    (problem,) = problems("--max-stored-sizeMB=70", "--cache-store=memory", "--memory-sizeMB=x")
    assert problem.startswith("--memory-sizeMB")


@pytest.mark.parametrize(("argument", "what"), NOT_OFFERED)
def test_an_option_whose_feature_is_not_here_fails_and_says_what_is_missing(argument, what):
    (problem,) = problems(argument)
    assert problem.startswith(argument.partition("=")[0] + ": this version does not offer it: ")
    assert what in problem
    assert "SECRET" not in problem


def test_a_feature_that_is_not_here_is_not_offered_whatever_its_value():
    (problem,) = problems("--throttling-time-ms=-5")
    assert "does not offer" in problem


def test_setting_the_partition_flag_is_told_once_to_have_no_effect():
    flag = "--legacy-disable-disk-cache-partitions-by-auth-header"
    (notice,) = notices(flag, flag)
    assert notice.startswith(f"{flag} has no effect")
    assert notices(f"{flag}=false") == ()
    assert settings(flag) == settings()


def test_the_profiler_port_is_switched_off_by_zero():
    assert settings("--pprof-port=0").listen.pprof_port is None


def test_two_ports_that_are_the_same_are_refused():
    assert problems("--port=9", "--metrics-port=9", "--health-port=9", "--pprof-port=9") == (
        "--port and --metrics-port are both 9; allowed: different ports, or 0 for any free one",
        "--port and --health-port are both 9; allowed: different ports, or 0 for any free one",
        "--port and --pprof-port are both 9; allowed: different ports, or 0 for any free one",
    )


def test_any_number_of_ports_may_be_any_free_one():
    listen = settings("--port=0", "--metrics-port=0", "--health-port=0", "--pprof-port=0").listen
    assert (listen.port, listen.metrics_port, listen.health_port) == (0, 0, 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--upstream=http://localhost:8888",),
        ("--upstream=https://127.0.0.1:8888/api/v3",),
        ("--upstream=http://[::1]", "--port=80"),
        ("--upstream=http://10.0.0.5:8888", "--host=10.0.0.5"),
    ],
)
def test_an_upstream_that_is_this_proxy_is_refused(arguments):
    (problem,) = problems(*arguments)
    assert problem.startswith("--upstream is where ghproxy itself listens (port ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--upstream=http://localhost:8889",),
        ("--upstream=http://localhost:8888", "--port=0"),
        ("--upstream=http://localhost:8888", "--host=10.0.0.5"),
        ("--upstream=http://ghe.example.com:8888",),
    ],
)
def test_an_upstream_that_only_resembles_this_proxy_is_accepted(arguments):
    settings(*arguments)


def test_problems_of_values_and_between_values_are_reported_together():
    assert len(problems("--concurrency=0", "--cache-dir=/c", "--port=8081", "--qqqq")) == 4


def test_the_flags_of_a_public_deployment_start():
    flags = "--cache-dir=/cache --cache-sizeGB=15 --serve-metrics=true"
    assert settings(*shlex.split(flags)).cache.disk_limit_bytes == 15_000_000_000


def test_the_flags_of_a_deployment_that_needs_more_name_just_what_is_missing():
    flags = (
        "--cache-dir=/cache --cache-sizeGB=19 --request-timeout=151 --concurrency=1000 "
        "--legacy-disable-disk-cache-partitions-by-auth-header=false "
        "--get-throttling-time-ms=150 --throttling-time-ms=400"
    )
    told = problems(*shlex.split(flags))
    assert [problem.partition(":")[0] for problem in told] == [
        "--get-throttling-time-ms",
        "--throttling-time-ms",
    ]
