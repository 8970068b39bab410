"""What GitHub has not: operations below `/simulator/` for those who test a gateway.

They know neither credentials nor limits, and nothing about them may be cached.
"""

from ghproxy.simulator.errors import not_found
from ghproxy.simulator.reply import Call, Reply
from ghproxy.simulator.routes import Operation
from ghproxy.simulator.world.git import generated_bytes

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def stream(call: Call) -> Reply:
    """`/simulator/bytes/<n>`: n deterministic bytes, produced as they are read."""
    number = call.params["count"]
    if not number.isdigit():
        raise not_found()
    size = int(number)
    return Reply(
        stream=generated_bytes(size), stream_bytes=size, content_type=b"application/octet-stream"
    )


def echo(call: Call) -> Reply:
    """The request as it arrived; its content as a count and a digest, whatever its length."""
    request = call.request
    return Reply(
        value={
            "method": request.method,
            "target": request.target.decode("latin-1"),
            "fields": [
                [name.decode("latin-1"), value.decode("latin-1")] for name, value in request.fields
            ],
            "content_bytes": request.content_bytes,
            "content_sha256": request.content_sha256,
        }
    )


OPERATIONS = (
    Operation(
        method="GET", template="/simulator/bytes/:count", handler=stream, is_open=True,
        max_age=None,
    ),
    *(
        Operation(method=method, template=template, handler=echo, is_open=True, max_age=None)
        for method in _METHODS
        for template in ("/simulator/echo", "/simulator/echo/:rest*")
    ),
)  # fmt: skip
