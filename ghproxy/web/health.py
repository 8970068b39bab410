"""The health port: alive, and ready for traffic. It never asks upstream or the store.

A probe that fails because GitHub is down would restart a proxy that can still answer.
"""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


def health_app(is_ready: Callable[[], bool]) -> Starlette:
    """`/healthz` as long as the loop turns, `/healthz/ready` until the drain begins."""

    async def alive(_: Request) -> PlainTextResponse:
        return PlainTextResponse("OK")

    async def ready(_: Request) -> PlainTextResponse:
        return PlainTextResponse("OK") if is_ready() else PlainTextResponse("not ready", 503)

    return Starlette(routes=[Route("/healthz", alive), Route("/healthz/ready", ready)])
