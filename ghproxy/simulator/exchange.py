"""One request on its way through the site: what has been found out about it so far."""

import msgspec

from ghproxy.simulator.accounting import Window
from ghproxy.simulator.asked import Asked
from ghproxy.simulator.credentials import Credential
from ghproxy.simulator.message import Request
from ghproxy.simulator.routes import Operation


class Moment(msgspec.Struct, frozen=True):
    """What is new in every answer."""

    date: bytes
    request_id: bytes
    api_version: bytes


class Exchange(msgspec.Struct):
    """Filled in step by step; `limits` are the rate-limit lines, once charged.

    `is_known` is False while the credential has not been accepted: until then whoever asks is
    anonymous, and charged as such.
    """

    request: Request
    asked: Asked
    moment: Moment
    now: float
    credential: Credential
    is_known: bool = False
    operation: Operation | None = None
    window: Window | None = None
    limits: bytes = b""
