"""A process that serves: one gated gateway and its health port, steered over stdin and stdout.

Writes one JSON line per event; a line on stdin opens the gate of every waiting request.
"""

import asyncio
import json
import sys
from typing import Any

from ghproxy.web.health import health_app
from ghproxy.web.server import Lifecycle, Listener, run, serve, stopped_by_signals


def say(event: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


async def main(drain_seconds: float) -> None:
    gate = asyncio.Event()

    def open_gate() -> None:
        sys.stdin.readline()
        gate.set()

    asyncio.get_running_loop().add_reader(0, open_gate)
    lifecycle = Lifecycle()

    async def gated(scope: Any, receive: Any, send: Any) -> None:
        say("begun", path=scope["path"])
        if scope["path"] != "/at-once":
            await gate.wait()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-length", b"4")],
            }
        )
        await send({"type": "http.response.body", "body": b"done"})

    with stopped_by_signals(lifecycle):
        cut = await serve(
            [
                Listener("main", gated, host="127.0.0.1", is_gateway=True),
                Listener("health", health_app(lifecycle.is_ready), host="127.0.0.1"),
            ],
            lifecycle=lifecycle,
            drain_seconds=drain_seconds,
            on_ready=lambda ports: say("ready", ports=ports),
        )
    say("ended", cut=cut)


if __name__ == "__main__":
    run(main(float(sys.argv[1])))
