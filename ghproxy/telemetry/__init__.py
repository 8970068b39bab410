"""What the proxy does, as Prometheus metrics: outcomes in, text out. No component imports this."""

from ghproxy.telemetry.exposition import CONTENT_TYPE
from ghproxy.telemetry.recorder import Bounds, Telemetry

__all__ = ["CONTENT_TYPE", "Bounds", "Telemetry"]
