"""The metrics port: whatever text the caller renders, in Prometheus' text format 0.0.4.

Never OpenMetrics: it would rename `ghcache_responses`, which Prow's dashboards read.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def metrics_app(render: Callable[[], bytes | Awaitable[bytes]]) -> Starlette:
    """`/metrics`; render is called once per scrape."""

    async def metrics(_: Request) -> Response:
        text = render()
        content = await text if inspect.isawaitable(text) else text
        return Response(content, headers={"content-type": CONTENT_TYPE})

    return Starlette(routes=[Route("/metrics", metrics)])
