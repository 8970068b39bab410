"""Which door is opened, and that the default one costs no import of httpx."""

import asyncio
import subprocess
import sys

import pytest

from ghproxy.upstream.base import OriginAddress, UpstreamSettings
from ghproxy.upstream.httpx import HttpxUpstream
from ghproxy.upstream.select import Choice, open_upstream, outbound_proxy
from ghproxy.upstream.wire import WireUpstream

GITHUB = OriginAddress("https", "api.github.com", 443)
LOCAL = OriginAddress("http", "127.0.0.1", 8080)


@pytest.mark.parametrize(
    ("environment", "origin", "proxy"),
    [
        ({}, GITHUB, None),
        ({"HTTPS_PROXY": "http://p:1"}, GITHUB, "http://p:1"),
        ({"https_proxy": "http://p:1"}, GITHUB, "http://p:1"),
        ({"https_proxy": "http://low:1", "HTTPS_PROXY": "http://up:1"}, GITHUB, "http://low:1"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://up:1"}, GITHUB, None),
        ({"HTTPS_PROXY": "p:1"}, GITHUB, "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, GITHUB, None),
        ({"HTTP_PROXY": "http://p:1"}, LOCAL, "http://p:1"),
        ({"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, LOCAL, None),
        ({"ALL_PROXY": "http://p:1"}, GITHUB, "http://p:1"),
        ({"all_proxy": "http://p:1"}, LOCAL, "http://p:1"),
        ({"ALL_PROXY": "http://all:1", "HTTPS_PROXY": "http://p:1"}, GITHUB, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "api.github.com"}, GITHUB, None),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": ".github.com"}, GITHUB, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "github.com"}, GITHUB, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, GITHUB, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "api.github.com:443"}, GITHUB, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "api.github.com:8443"}, GITHUB, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "localhost, hub.com"}, GITHUB, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a, api.github.com"}, GITHUB, None),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "127.0.0.1"}, LOCAL, None),
    ],
)
def test_the_proxy_that_applies(
    environment: dict[str, str], origin: OriginAddress, proxy: str | None
) -> None:
    assert outbound_proxy(origin, environment) == proxy


@pytest.mark.parametrize(
    ("environment", "choice", "kind"),
    [
        ({}, "auto", WireUpstream),
        ({"HTTPS_PROXY": "http://p:1"}, "auto", HttpxUpstream),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "github.com"}, "auto", WireUpstream),
        ({"HTTPS_PROXY": "http://p:1"}, "wire", WireUpstream),
        ({}, "httpx", HttpxUpstream),
    ],
)
def test_the_door_that_is_opened(environment: dict[str, str], choice: Choice, kind: type) -> None:
    async def main() -> None:
        upstream = open_upstream(GITHUB, UpstreamSettings(), environment, choice)
        assert isinstance(upstream, kind)
        await upstream.aclose()

    asyncio.run(main())


def test_a_proxy_that_cannot_be_used_is_refused_without_its_password() -> None:
    with pytest.raises(ValueError, match="proxy") as caught:
        open_upstream(GITHUB, UpstreamSettings(), {"HTTPS_PROXY": "ftp://me:hunter2@p:1"})
    assert "hunter2" not in str(caught.value)


def test_the_default_door_imports_neither_httpx_nor_urllib() -> None:
    program = (
        "import sys; from ghproxy.upstream.select import open_upstream;"
        "from ghproxy.upstream.base import OriginAddress, UpstreamSettings;"
        "open_upstream(OriginAddress('https', 'api.github.com', 443), UpstreamSettings(), {});"
        "sys.exit(bool({'httpx', 'httpcore', 'anyio', 'urllib.request'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
