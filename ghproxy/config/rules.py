"""Rules between options, and effects that an option does not have.

Each rule is asked only where nothing was wrong with the options it reads, so that one mistake is
never reported as two.
"""

from collections.abc import Callable
from typing import Final

from ghproxy.config.addresses import may_be_same_host, origin_from_url
from ghproxy.config.capacity import CAPACITY_OPTIONS, MEGABYTE, capacity, in_bytes
from ghproxy.config.choices import Choice, Choices
from ghproxy.config.option import CacheStore
from ghproxy.config.options import BY_NAME


def apply_rules(choices: Choices) -> None:
    """Add what the rules find to the problems and notices."""
    for names, rule in _RULES:
        if choices.is_readable(*names):
            rule(choices, *(choices.of(BY_NAME[name]) for name in names))


def _need_both_or_neither(choices: Choices, directory: Choice, size: Choice) -> None:
    if directory.is_given != size.is_given:
        given, missing = ("dir", "sizeGB") if directory.is_given else ("sizeGB", "dir")
        choices.problems.append(
            f"--cache-{given} is given without --cache-{missing}; allowed: both or neither"
        )


def _need_different_ports(choices: Choices, *ports: Choice) -> None:
    names: dict[object, str] = {}
    for name, port in zip(_PORTS, ports, strict=True):
        if port.value and port.value in names:
            choices.problems.append(
                f"--{names[port.value]} and --{name} are both {port.value}; "
                "allowed: different ports, or 0 for any free one"
            )
        names.setdefault(port.value, name)


def _refuse_own_address(choices: Choices, upstream: Choice, host: Choice, port: Choice) -> None:
    origin, _ = origin_from_url(str(upstream.value))
    if port.value == origin.port and may_be_same_host(str(host.value), origin.host):
        choices.problems.append(
            f"--upstream is where ghproxy itself listens (port {port.value}): "
            "every request would come back to it for ever; allowed: the address of GitHub's API"
        )


def _explain_partitions(choices: Choices, legacy: Choice) -> None:
    if legacy.is_given and legacy.value is True:
        choices.notices.append(
            "--legacy-disable-disk-cache-partitions-by-auth-header has no effect: "
            "what is stored for one credential is never mixed with another's"
        )


def _explain_unused_directory(choices: Choices, directory: Choice, store: Choice) -> None:
    if store.value != CacheStore.DISK:
        if directory.is_given:
            choices.notices.append("--cache-dir has no effect: the cache is kept in memory")
    elif not directory.value:
        choices.notices.append("there is no home directory for the cache: it is kept in memory")


def _explain_largest_response(choices: Choices, wanted: Choice, *cache: Choice) -> None:
    bounds = capacity(*cache)
    largest = bounds.largest_content_bytes
    if wanted.is_given and in_bytes(wanted, MEGABYTE) > largest:
        choices.notices.append(
            f"--max-stored-sizeMB is {wanted.value} and counts as {_rounded_down(largest)}: "
            f"the {bounds.store} cache cannot keep a larger response"
        )


def _rounded_down(count: int) -> str:
    return f"{count // 1000 / 1000:.15g}"


_PORTS: Final = ("port", "metrics-port", "health-port", "pprof-port")
_RULES: Final[tuple[tuple[tuple[str, ...], Callable[..., None]], ...]] = (
    (("cache-dir", "cache-sizeGB"), _need_both_or_neither),
    (_PORTS, _need_different_ports),
    (("upstream", "host", "port"), _refuse_own_address),
    (("legacy-disable-disk-cache-partitions-by-auth-header",), _explain_partitions),
    (("cache-dir", "cache-store"), _explain_unused_directory),
    (("max-stored-sizeMB", *CAPACITY_OPTIONS), _explain_largest_response),
)
