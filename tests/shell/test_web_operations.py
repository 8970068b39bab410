"""The ports for probes, scrapes and stacks."""

import asyncio
from typing import Any

import httpx
import pytest

from ghproxy.web.health import health_app
from ghproxy.web.metrics import metrics_app
from ghproxy.web.stacks import stacks_app


def ask(app: Any, path: str, method: str = "GET") -> httpx.Response:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
            return await client.request(method, path)

    return asyncio.run(request())


async def rendered_later() -> bytes:
    await asyncio.sleep(0)
    return b"ghcache_responses 1\n"


METRICS = metrics_app(lambda: b"ghcache_responses 1\n")
READY = health_app(lambda: True)
DRAINING = health_app(lambda: False)


@pytest.mark.parametrize("path", ["/healthz", "/healthz/ready"])
def test_a_ready_process_says_ok_as_prow_expects(path: str) -> None:
    response = ask(READY, path)
    assert (response.status_code, response.text) == (200, "OK")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_draining_process_is_alive_but_not_ready() -> None:
    assert ask(DRAINING, "/healthz").status_code == 200
    assert ask(DRAINING, "/healthz/ready").status_code == 503


def test_readiness_is_asked_at_each_probe() -> None:
    answers = iter([False, True])
    app = health_app(lambda: next(answers))
    assert [ask(app, "/healthz/ready").status_code for _ in range(2)] == [503, 200]


@pytest.mark.parametrize("app", [METRICS, metrics_app(rendered_later)], ids=["plain", "async"])
def test_metrics_are_the_rendered_bytes_in_text_format_004(app: Any) -> None:
    response = ask(app, "/metrics")
    assert response.content == b"ghcache_responses 1\n"
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize(
    ("app", "path"),
    [
        (READY, "/healthz"),
        (READY, "/healthz/ready"),
        (METRICS, "/metrics"),
        (stacks_app(), "/debug/pprof/"),
        (stacks_app(), "/debug/pprof/goroutine"),
    ],
)
def test_head_is_served_other_methods_and_paths_are_not(app: Any, path: str) -> None:
    head = ask(app, path, "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert ask(app, path, "POST").status_code == 405
    assert ask(app, path + "x").status_code == 404


def test_the_index_of_stacks_links_to_them() -> None:
    assert 'href="goroutine"' in ask(stacks_app(), "/debug/pprof/").text


def test_stacks_show_where_every_task_waits_but_no_value() -> None:
    async def innermost(credential: str) -> None:
        await asyncio.Event().wait()
        raise AssertionError(credential)

    async def outer(credential: str) -> None:
        await innermost(credential)

    async def scene() -> str:
        tasks = [asyncio.create_task(outer("ghp_secret"), name="ghp_secret") for _ in range(3)]
        await asyncio.sleep(0)
        transport = httpx.ASGITransport(app=stacks_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://a") as client:
            text = (await client.get("/debug/pprof/goroutine")).text
        for task in tasks:
            task.cancel()
        return text

    text = asyncio.run(scene())
    assert "ghp_secret" not in text
    waiting = next(part for part in text.split("\n\n") if "outer" in part)
    assert waiting.startswith("3 x\n"), "equal stacks are counted"
    assert waiting.index(".outer:") < waiting.index(".innermost:") < waiting.index("Event.wait:")
    assert "1 thread\n" in text or "threads\n" in text
    assert "stacks.stacks:" in text, "the thread's own stack is there"
