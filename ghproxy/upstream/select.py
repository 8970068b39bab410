"""Which door: wire, unless the environment sends this origin through an outbound proxy.

The variables mean what they mean to curl, git and Python (`https_proxy` before `HTTPS_PROXY`,
`ALL_PROXY` last, `NO_PROXY`); httpx is imported only where it is needed.
"""

from collections.abc import Mapping
from typing import Literal

from ghproxy.upstream.base import OriginAddress, Upstream, UpstreamSettings
from ghproxy.upstream.wire import WireUpstream

Choice = Literal["auto", "wire", "httpx"]


def open_upstream(
    origin: OriginAddress,
    settings: UpstreamSettings,
    environment: Mapping[str, str],
    choice: Choice = "auto",
) -> Upstream:
    """The door to this origin; `wire` never uses a proxy, `httpx` does where one applies.

    Raises ValueError where the proxy of the environment cannot be used.
    """
    proxy = None if choice == "wire" else outbound_proxy(origin, environment)
    if choice == "httpx" or proxy is not None:
        from ghproxy.upstream.httpx import HttpxUpstream  # noqa: PLC0415 - 100 ms of start-up

        return HttpxUpstream(origin, settings, proxy=proxy)
    return WireUpstream(origin, settings)


def outbound_proxy(origin: OriginAddress, environment: Mapping[str, str]) -> str | None:
    """The URL of the proxy that applies to this origin; it may hold a password.

    Under CGI (`REQUEST_METHOD` is set) `HTTP_PROXY` comes from a client and is not believed.
    """
    proxies = _proxies(environment)
    proxy = proxies.get(origin.scheme) or proxies.get("all")
    if not proxy or _is_bypassed(origin, proxies):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Values by scheme (and `all`, `no`); lower-case names win, even when empty."""
    upper = {name: value for name, value in environment.items() if name != name.lower()}
    lower = {name: value for name, value in environment.items() if name == name.lower()}
    if "REQUEST_METHOD" in environment:
        upper.pop("HTTP_PROXY", None)
    return {
        name.lower().removesuffix("_proxy"): value
        for name, value in (*upper.items(), *lower.items())
        if name.lower().endswith("_proxy")
    }


def _is_bypassed(origin: OriginAddress, proxies: dict[str, str]) -> bool:
    from urllib import request  # noqa: PLC0415 - 30 ms of start-up

    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return bool(
        request.proxy_bypass_environment(  # type: ignore[attr-defined]  # typeshed forgets it
            f"{host}:{origin.port}", proxies
        )
    )
